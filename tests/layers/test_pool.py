"""Pooling against XLA's windows, on integer grids, and by its derivatives."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jax import lax
from jax.test_util import check_grads

from snarc.errors import ModelError
from snarc.layers import avg_pool, l2_pool, max_pool


def windows(x, init, function, window, strides, padding="VALID"):
    return lax.reduce_window(x, init, function, (1, *window, 1), (1, *strides, 1), padding)


PAIRS = st.tuples(st.integers(1, 4), st.integers(1, 4))


@given(
    st.tuples(st.integers(4, 11), st.integers(4, 11)),
    PAIRS,
    st.one_of(st.none(), PAIRS),
    st.sampled_from(["VALID", "SAME"]),
    st.integers(0, 1000),
)
@settings(max_examples=15, deadline=None)
def test_values_and_gradients_equal_those_of_xla(side, window, strides, padding, seed):
    rng = np.random.default_rng(seed)
    # A permutation has no ties, so the gradient is unique.
    size = 2 * side[0] * side[1] * 3
    x = jnp.asarray(rng.permutation(size).reshape(2, *side, 3), jnp.float32) / 100
    steps = strides or window
    count = window[0] * window[1]
    pairs = [
        (max_pool, lambda x: windows(x, -jnp.inf, lax.max, window, steps, padding)),
        (avg_pool, lambda x: windows(x, 0.0, lax.add, window, steps, padding) / count),
        (l2_pool, lambda x: jnp.sqrt(windows(x * x, 0.0, lax.add, window, steps, padding))),
    ]
    x = x + 0.5
    for ours, theirs in pairs:
        expected, back = jax.vjp(theirs, x)
        y, mine = jax.vjp(lambda x, ours=ours: ours(x, window, strides, padding), x)
        np.testing.assert_allclose(y, expected, rtol=1e-5)
        weight = jnp.asarray(rng.standard_normal(y.shape), jnp.float32)
        np.testing.assert_allclose(mine(weight)[0], back(weight)[0], rtol=1e-4, atol=1e-5)


def test_an_integer_grid_pools_exactly():
    x = jnp.arange(35.0).reshape(1, 5, 7, 1)
    assert max_pool(x, 2)[0, :, :, 0].tolist() == [[8, 10, 12], [22, 24, 26]]
    assert avg_pool(x, 2)[0, :, :, 0].tolist() == [[4, 6, 8], [18, 20, 22]]
    assert max_pool(x.astype(jnp.int32), (1, 7))[0, :, 0, 0].tolist() == [6, 13, 20, 27, 34]


@pytest.mark.parametrize("strides", [None, (2, 2), (1, 2)])
def test_the_gradient_of_a_tie_goes_to_the_first_maximum(strides):
    x = jnp.array([[1.0, 3.0], [3.0, 3.0]])[None, :, :, None]
    gradient = jax.grad(lambda x: max_pool(x, 2, strides).sum())(x)
    assert gradient[0, :, :, 0].tolist() == [[0, 1], [0, 0]]


def test_left_over_rows_get_no_gradient():
    gradient = jax.grad(lambda x: max_pool(x, 2).sum() + avg_pool(x, 2).sum())(jnp.ones((1, 5, 5, 1)))
    assert float(jnp.abs(gradient[:, 4]).max()) == float(jnp.abs(gradient[:, :, 4]).max()) == 0
    assert float(gradient.sum()) == 8


@pytest.mark.parametrize("pool", [max_pool, avg_pool, l2_pool])
@pytest.mark.parametrize("strides", [None, 1])
def test_derivatives_agree_with_finite_differences_in_float64(pool, strides):
    with jax.enable_x64(True):
        x = jnp.asarray(np.random.default_rng(0).permutation(2 * 6 * 4 * 2).reshape(2, 6, 4, 2), jnp.float64) + 1
        check_grads(lambda x: pool(x, 2, strides), (x / 10,), order=2, modes=("fwd", "rev"))


@pytest.mark.parametrize("pool", [max_pool, avg_pool])
def test_the_derivative_and_its_transpose_are_adjoint(pool):
    rng = np.random.default_rng(1)
    x, dx = (jnp.asarray(rng.standard_normal((2, 7, 9, 3)), jnp.float32) for _ in range(2))
    y, dy = jax.jvp(lambda x: pool(x, (3, 2)), (x,), (dx,))
    weight = jnp.asarray(rng.standard_normal(y.shape), jnp.float32)
    (back,) = jax.vjp(lambda x: pool(x, (3, 2)), x)[1](weight)
    assert float(jnp.vdot(dy, weight)) == pytest.approx(float(jnp.vdot(dx, back)), rel=1e-4)


def test_l2_pooling_of_zeros_has_a_finite_gradient():
    gradient = jax.grad(lambda x: l2_pool(x, 2).sum())(jnp.zeros((1, 4, 4, 1)))
    assert float(jnp.abs(gradient).max()) == 0


def test_more_batch_axes_and_vmap_agree():
    x = jnp.asarray(np.random.default_rng(2).standard_normal((3, 2, 6, 6, 4)), jnp.float32)
    assert np.array_equal(max_pool(x, 3), jax.vmap(lambda x: max_pool(x, 3))(x))
    assert max_pool(x[0, 0], 3).shape == (2, 2, 4)


@pytest.mark.parametrize(("window", "padding"), [(0, "VALID"), (2, "FULL"), (9, "VALID"), ((2, 2, 2), "VALID")])
def test_impossible_windows_are_refused(window, padding):
    with pytest.raises(ModelError):
        max_pool(jnp.zeros((1, 8, 8, 1)), window, padding=padding)
