"""Dropout: the bits against JAX's own Threefry, the masks by their statistics, the layer against its definition."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx
from jax.extend.random import threefry_2x32
from scipy import stats

from snarc.errors import ModelError
from snarc.layers import Dropout, GaussianDropout
from snarc.layers.dropout import keep, normal, threefry


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


def test_evaluation_and_a_rate_of_zero():
    x = jnp.ones((4, 5))
    layer = Dropout(0.5, rngs=nnx.Rngs(0))
    layer.eval()
    assert np.array_equal(layer(x), x)
    assert np.array_equal(Dropout(0.0, rngs=nnx.Rngs(0))(x), x)


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


@pytest.mark.parametrize("kind", [Dropout, GaussianDropout])
@pytest.mark.parametrize("rate", [1, 1.0, -0.1, 2.0, float("nan"), True, "0.5"])
def test_rates_that_are_no_probability_or_leave_nothing_are_refused(kind, rate):
    with pytest.raises(ModelError, match="0, 1"):
        kind(rate, rngs=nnx.Rngs(0))


def test_normal_numbers_have_their_distribution_and_no_correlation():
    z = np.asarray(normal(jax.random.key(1), (300, 1001)), np.float64)
    assert stats.kstest(z.ravel(), stats.norm.cdf).pvalue > 1e-3
    assert np.isfinite(z).all()
    flat = z.ravel()
    for lag in (1, 2, 1001, len(flat) // 2 + 1):
        assert abs((flat[:-lag] * flat[lag:]).mean()) < 4 / np.sqrt(len(flat) - lag)
    other = np.asarray(normal(jax.random.key(2), (300, 1001)), np.float64)
    assert abs((z * other).mean()) < 4 / np.sqrt(z.size)


@pytest.mark.parametrize("shape", [(0,), (1,), (3,), (5, 7), (2, 3, 4, 5)])
def test_normal_numbers_of_any_shape_repeat_with_their_key_and_ignore_rows_added_behind(shape):
    key = jax.random.key(3)
    found = normal(key, shape)
    assert found.shape == shape
    assert np.array_equal(jax.jit(lambda key: normal(key, shape))(key), found)
    if len(shape) > 1:
        assert np.array_equal(normal(key, (shape[0] + 2, *shape[1:]))[: shape[0]], found)


@pytest.mark.parametrize("rate", [0.1, 0.5])
def test_gaussian_dropout_has_the_first_two_moments_of_dropout(rate):
    """Mean 1 and variance rate / (1 - rate), of Srivastava et al. and of the masks alike; five standard errors."""
    x = jnp.full((500, 400), 2.0)
    for kind in (Dropout, GaussianDropout):
        factor = np.asarray(kind(rate, rngs=nnx.Rngs(0))(x), np.float64) / 2
        variance = rate / (1 - rate)
        assert abs(factor.mean() - 1) < 5 * np.sqrt(variance / factor.size)
        spread = np.sqrt(np.var((factor - 1) ** 2) / factor.size)
        assert abs(((factor - 1) ** 2).mean() - variance) < 5 * spread + 1e-4


def test_gaussian_dropout_is_silent_in_evaluation_and_its_gradient_is_its_factor():
    layer = GaussianDropout(0.25, rngs=nnx.Rngs(0))
    x, key = jnp.full((5, 4), 3.0), jax.random.key(3)
    gradient = jax.grad(lambda x: layer(x, rngs=key).sum())(x)
    np.testing.assert_allclose(gradient, layer(x, rngs=key) / 3, rtol=1e-5)
    assert not np.array_equal(layer(x), layer(x))
    layer.eval()
    assert np.array_equal(layer(x), x)
    assert np.array_equal(GaussianDropout(0.0, rngs=nnx.Rngs(0))(x), x)
    with pytest.raises(ModelError, match="broadcast"):
        GaussianDropout(0.5, broadcast_dims=(0,), rngs=nnx.Rngs(0))
