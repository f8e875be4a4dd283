"""Dropout: the bits against JAX's own Threefry, the masks by their statistics, the layer against its definition."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx
from jax.extend.random import threefry_2x32

from snarc.layers import Dropout
from snarc.layers.dropout import keep, threefry


def test_bits_equal_those_of_jax():
    key, counter = jnp.array([5, 0xFFFFFFF9], jnp.uint32), jnp.arange(100, dtype=jnp.uint32)
    expected = threefry_2x32(key, jnp.concatenate([jnp.zeros(100, jnp.uint32), counter]))
    assert np.array_equal(jnp.concatenate(threefry((key[0], key[1]), counter)), expected)


@pytest.mark.parametrize("probability", [0.1, 0.5, 0.9])
def test_masks_have_the_frequency_and_no_correlation(probability):
    masks = np.stack([keep(jax.random.key(k), probability, (200, 1001)) for k in range(5)]).astype(float)
    sigma = np.sqrt(probability * (1 - probability) / masks.size)
    assert abs(masks.mean() - probability) < 4 * sigma + 2**-16
    flat = masks.reshape(5, -1) - probability
    for lag in (1, 2, 1001, flat.shape[1] // 4 + 1):
        product = (flat[:, :-lag] * flat[:, lag:]).mean() / (probability * (1 - probability))
        assert abs(product) < 4 / np.sqrt(flat.size)
    across = (flat[0] * flat[1]).mean() / (probability * (1 - probability))
    assert abs(across) < 4 / np.sqrt(flat.shape[1])


def test_units_are_zeroed_or_scaled_and_the_gradient_is_the_mask():
    layer = Dropout(0.25, rngs=nnx.Rngs(0))
    x = jnp.full((50, 40), 3.0)
    y = layer(x)
    assert set(np.unique(y).tolist()) == {0.0, 4.0}
    key = jax.random.key(3)
    gradient = jax.grad(lambda x: layer(x, rngs=key).sum())(x)
    np.testing.assert_allclose(gradient, layer(x, rngs=key) / 3, rtol=1e-6)
    assert not np.array_equal(layer(x), y)


def test_evaluation_and_the_extreme_rates():
    x = jnp.ones((4, 5))
    layer = Dropout(0.5, rngs=nnx.Rngs(0))
    layer.eval()
    assert np.array_equal(layer(x), x)
    assert np.array_equal(Dropout(0.0, rngs=nnx.Rngs(0))(x), x)
    assert not Dropout(1.0, rngs=nnx.Rngs(0))(x).any()


@pytest.mark.parametrize("shape", [(0,), (1,), (3,), (5, 7), (2, 3, 4, 5)])
def test_masks_of_any_shape_repeat_with_their_key_also_under_jit_and_vmap(shape):
    keys = jax.random.split(jax.random.key(1), 3)
    apart = [keep(key, 0.5, shape) for key in keys]
    together = jax.jit(jax.vmap(lambda key: keep(key, 0.5, shape)))(keys)
    assert together.shape == (3, *shape)
    assert np.array_equal(jnp.stack(apart), together)
    assert np.array_equal(keep(jax.random.key_data(keys[0]), 0.5, shape), apart[0])


def test_saves_and_takes_streams_as_that_of_flax():
    ours, theirs = Dropout(0.5, rngs=nnx.Rngs(dropout=7)), nnx.Dropout(0.5, rngs=nnx.Rngs(dropout=7))
    ours(jnp.ones(3))
    theirs(jnp.ones(3))
    a, b = (jax.tree.leaves(nnx.split(layer)[1]) for layer in (ours, theirs))
    assert [one.shape for one in a] == [one.shape for one in b]
    assert isinstance(ours, nnx.Dropout)


def test_rows_added_behind_change_no_mask():
    """A batch padded for several devices must drop the same units as one that is not."""
    key = jax.random.key(2)
    assert np.array_equal(keep(key, 0.5, (32, 30))[:30], keep(key, 0.5, (30, 30)))
