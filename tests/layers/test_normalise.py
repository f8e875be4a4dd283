"""Normalisation against its definition: what counts, what is remembered, what evaluation uses."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx
from jax.test_util import check_grads

from snarc.errors import ModelError
from snarc.layers import BatchNorm, LayerNorm, present
from snarc.layers.normalise import normaliser


def batch_norm(units=4, seed=0, **options):
    layer = BatchNorm(units, rngs=nnx.Rngs(0), **options)
    rng = np.random.default_rng(seed)
    layer.scale[...] = jnp.asarray(rng.uniform(0.5, 2, units), jnp.float32)
    layer.bias[...] = jnp.asarray(rng.normal(size=units), jnp.float32)
    layer.train()
    return layer


def by_hand(x, layer):
    axes = tuple(range(x.ndim - 1))
    x = np.asarray(x, np.float64)
    normed = (x - x.mean(axes)) / np.sqrt(x.var(axes) + 1e-5)
    return normed * np.asarray(layer.scale[...]) + np.asarray(layer.bias[...])


@pytest.mark.parametrize("shape", [(20, 4), (6, 5, 3, 4)])
def test_a_batch_gets_its_mean_and_variance_and_they_are_remembered(shape, rng):
    x = rng.normal(3, 2, size=shape).astype(np.float32)
    layer = batch_norm(momentum=0.8)
    np.testing.assert_allclose(layer(x), by_hand(x, layer), rtol=1e-4, atol=1e-5)
    axes = tuple(range(x.ndim - 1))
    np.testing.assert_allclose(layer.mean[...], 0.2 * x.mean(axes), rtol=1e-5)
    np.testing.assert_allclose(layer.var[...], 0.8 + 0.2 * x.var(axes, ddof=1), rtol=1e-5)
    layer.eval()
    expected = (x - np.asarray(layer.mean[...])) / np.sqrt(np.asarray(layer.var[...]) + 1e-5)
    expected = expected * np.asarray(layer.scale[...]) + np.asarray(layer.bias[...])
    before = np.asarray(layer.mean[...])
    np.testing.assert_allclose(layer(x), expected, rtol=1e-5, atol=1e-5)
    assert np.array_equal(layer.mean[...], before)


@pytest.mark.parametrize("shape", [(7, 4), (7, 5, 3, 4)])
def test_padded_rows_count_for_nothing(shape, rng):
    """Values, memory and gradients of a padded batch equal those of the batch without its padding."""
    x = rng.normal(3, 2, size=shape).astype(np.float32)
    padded = np.concatenate([x, rng.normal(50, 30, size=(3, *shape[1:])).astype(np.float32)])
    mask = jnp.arange(10) < 7
    weight = rng.normal(size=shape).astype(np.float32)

    def run(x, mask):
        def objective(parameters, x):
            layer = nnx.merge(graph, parameters, jax.tree.map(lambda leaf: leaf, rest))
            with present.batch(mask):
                y = layer(x)
            return jnp.sum(y[:7] * weight), (y[:7], nnx.state(layer, nnx.BatchStat))

        graph, parameters, rest = nnx.split(batch_norm(), nnx.Param, ...)
        (_, seen), gradients = jax.value_and_grad(objective, (0, 1), has_aux=True)(parameters, x)
        return *seen, gradients[0], gradients[1][:7]

    found, expected = jax.jit(run)(padded, mask.astype(jnp.float32)), jax.jit(run)(x, jnp.ones(7))
    for a, b in zip(jax.tree.leaves(found), jax.tree.leaves(expected), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)
    plain = batch_norm()
    np.testing.assert_allclose(plain(x), found[0], rtol=1e-4, atol=1e-5)


def test_a_mask_for_another_number_of_rows_is_not_meant_for_this_batch(rng):
    """A layer that works on something else than the rows of the batch (patches, steps of a sequence) sees all of it."""
    x = rng.normal(size=(12, 4)).astype(np.float32)
    with present.batch(jnp.array([1.0, 1.0, 0.0])):
        np.testing.assert_allclose(batch_norm()(x), by_hand(x, batch_norm()), rtol=1e-4, atol=1e-5)


def test_one_real_row_is_normalised_by_the_memory_and_leaves_it_alone(rng):
    layer = batch_norm()
    layer(rng.normal(3, 2, size=(50, 4)).astype(np.float32))
    mean, var = np.asarray(layer.mean[...]), np.asarray(layer.var[...])
    x = rng.normal(3, 2, size=(5, 4)).astype(np.float32)
    with present.batch(jnp.array([1.0, 0, 0, 0, 0])):
        y = layer(x)
    np.testing.assert_allclose(layer.mean[...], mean, rtol=1e-6)
    np.testing.assert_allclose(layer.var[...], var, rtol=1e-6)
    layer.eval()
    np.testing.assert_allclose(y[0], layer(x)[0], rtol=1e-5)


def test_batches_of_one_are_refused_but_for_maps():
    with pytest.raises(ModelError, match="batch_size"):
        batch_norm()(jnp.ones((1, 4)))
    assert batch_norm()(jnp.ones((1, 3, 3, 4))).shape == (1, 3, 3, 4)
    layer = batch_norm()
    layer.eval()
    assert layer(jnp.ones((1, 4))).shape == (1, 4)


def test_replicas_side_by_side_equal_each_alone(rng):
    """With a replica axis in front, as vectorised training has it."""
    layers = [batch_norm(seed=k) for k in range(3)]
    graph = nnx.graphdef(layers[0])
    states = [nnx.split(layer)[1] for layer in layers]
    x = rng.normal(3, 2, size=(3, 8, 4)).astype(np.float32)
    mask = jnp.asarray(np.arange(8) < 6, jnp.float32)

    def run(state, x):
        layer = nnx.merge(graph, state)
        with present.batch(mask):
            y = layer(x)
        return y, nnx.state(layer, nnx.BatchStat)

    together = jax.vmap(run)(jax.tree.map(lambda *leaves: jnp.stack(leaves), *states), x)
    for k, state in enumerate(states):
        for a, b in zip(jax.tree.leaves(together), jax.tree.leaves(run(state, x[k])), strict=True):
            np.testing.assert_allclose(a[k], b, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("kind", ["batch", "layer"])
def test_derivatives_agree_with_finite_differences_in_float64(kind, rng):
    with jax.enable_x64(True):
        graph, state = nnx.split(normaliser(kind, 3, nnx.Rngs(0)))
        state = jax.tree.map(lambda leaf: leaf.astype(jnp.float64), state)
        weight = jnp.asarray(rng.normal(size=(6, 3)))

        def value(x, scale):
            layer = nnx.merge(graph, jax.tree.map(lambda leaf: leaf, state))
            layer.scale[...] = scale
            return jnp.sum(jnp.tanh(layer(x)) * weight)

        check_grads(value, (jnp.asarray(rng.normal(2, 3, size=(6, 3))), jnp.asarray([0.7, 1.0, 1.3])), order=2)


@pytest.mark.parametrize("kind", ["batch", "layer"])
def test_a_large_mean_costs_no_digits(kind, rng):
    x = (rng.normal(size=(64, 16)) + 3000).astype(np.float32)
    y = np.asarray(normaliser(kind, 16, nnx.Rngs(0))(x))
    axis = 0 if kind == "batch" else 1
    wide = x.astype(np.float64)
    expected = (wide - wide.mean(axis, keepdims=True)) / np.sqrt(wide.var(axis, keepdims=True) + 1e-5)
    np.testing.assert_allclose(y, expected, atol=2e-3)


def test_layer_norm_takes_all_maps_and_pixels_of_an_image(rng):
    x = rng.normal(3, 2, size=(4, 5, 6, 3)).astype(np.float32)
    layer = normaliser("layer", 3, nnx.Rngs(0), image=True)
    y = np.asarray(layer(x))
    np.testing.assert_allclose(y.mean((1, 2, 3)), 0, atol=1e-5)
    np.testing.assert_allclose(y.var((1, 2, 3)), 1, rtol=1e-4)
    assert layer.scale.shape == (3,)
    assert isinstance(layer, LayerNorm)


@pytest.mark.parametrize("kind", ["batch", "layer"])
def test_half_precision_keeps_its_type_and_its_statistics_do_not(kind, rng):
    x = jnp.asarray(rng.normal(3, 2, size=(64, 8)), jnp.bfloat16)
    layer = normaliser(kind, 8, nnx.Rngs(0))
    for leaf in (layer.scale, layer.bias):
        leaf[...] = leaf[...].astype(jnp.bfloat16)
    y = layer(x)
    assert y.dtype == jnp.bfloat16
    axis = 0 if kind == "batch" else 1
    np.testing.assert_allclose(np.asarray(y, np.float32).mean(axis), 0, atol=0.02)
    if kind == "batch":
        assert layer.mean[...].dtype == jnp.float32


def test_another_kind_is_refused():
    with pytest.raises(ModelError, match="Did you mean 'batch'"):
        normaliser("batches", 3, nnx.Rngs(0))
