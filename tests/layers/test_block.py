"""The fused convolution, ReLU and pooling against the three operations of XLA."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx
from hypothesis import given, settings
from hypothesis import strategies as st
from jax import lax
from jax.test_util import check_grads

from snarc.layers import Conv, conv_relu_pool
from snarc.models.inside import layers_of


def reference(x, kernel, bias, pads, pool):
    y = lax.conv_general_dilated(x, kernel, (1, 1), pads, dimension_numbers=("NHWC", "HWIO", "NHWC")) + bias
    return lax.reduce_window(jax.nn.relu(y), -jnp.inf, lax.max, (1, *pool, 1), (1, *pool, 1), "VALID")


def drawn(seed, *shapes, dtype=np.float32):
    rng = np.random.default_rng(seed)
    return [jnp.asarray(rng.standard_normal(shape), dtype) for shape in shapes]


@given(
    st.tuples(st.integers(8, 17), st.integers(8, 17)),
    st.tuples(st.integers(1, 5), st.integers(1, 5)),
    st.sampled_from([1, 2, 3, 7]),
    st.sampled_from([1, 6, 20, 45]),
    st.sampled_from([0, 1, 2]),
    st.sampled_from([(2, 2), (1, 2), (3, 2)]),
    st.integers(0, 1000),
)
@settings(max_examples=12, deadline=None)
def test_values_and_gradients_equal_those_of_xla(side, kernel, channels, maps, pad, pool, seed):
    x, weights, bias = drawn(seed, (2, *side, channels), (*kernel, channels, maps), (maps,))
    pads = [(pad, pad)] * 2
    expected, back = jax.vjp(lambda *a: reference(*a, pads, pool), x, weights, bias)
    y, ours = jax.vjp(jax.jit(lambda *a: conv_relu_pool(*a, padding=pad, pool=pool)), x, weights, bias)
    np.testing.assert_allclose(y, expected, atol=3e-5)
    (weight,) = drawn(seed + 1, y.shape)
    for a, b in zip(ours(weight), back(weight)):
        np.testing.assert_allclose(a, b, atol=3e-5 * max(1, float(jnp.abs(b).max())))


@pytest.mark.parametrize("channels", [1, 4])
def test_derivatives_agree_with_finite_differences_in_float64(channels):
    with jax.enable_x64(True):
        x, kernel, bias = drawn(1, (2, 9, 8, channels), (3, 3, channels, 4), (4,), dtype=np.float64)
        check_grads(lambda *a: conv_relu_pool(*a, padding="SAME"), (x, kernel, bias), order=1, modes=("fwd", "rev"))


def test_equal_maxima_give_the_gradient_to_one_window_place():
    x = jnp.ones((1, 6, 6, 1))
    gradient = jax.grad(lambda x: conv_relu_pool(x, jnp.ones((1, 1, 1, 1))).sum())(x)
    expected = np.zeros((6, 6))
    expected[::2, ::2] = 1
    assert np.array_equal(gradient[0, :, :, 0], expected)


@pytest.mark.parametrize("channels", [1, 5])
@pytest.mark.parametrize("use_bias", [True, False])
def test_the_layer_gives_the_same_while_training_and_evaluating(channels, use_bias):
    layer = Conv(channels, 6, 5, padding="SAME", use_bias=use_bias, rngs=nnx.Rngs(0))
    (x,) = drawn(2, (3, 12, 12, channels))
    apart = layer.relu_max_pool(x, 2)
    layer.train()
    assert not layer.deterministic
    np.testing.assert_allclose(layer.relu_max_pool(x, 2), apart, atol=1e-5)
    np.testing.assert_allclose(apart, nnx.max_pool(nnx.relu(layer(x)), (2, 2), (2, 2)), atol=1e-6)
    assert np.array_equal(jax.vmap(lambda x: layer.relu_max_pool(x[None])[0])(x).shape, apart.shape)


@pytest.mark.parametrize("options", [{"strides": 2}, {"kernel_dilation": 2}, {"padding": "CIRCULAR"}])
def test_a_layer_that_cannot_be_fused_gives_its_own_result(options):
    layer = Conv(1, 3, 3, rngs=nnx.Rngs(0), **options)
    layer.train()
    (x,) = drawn(3, (2, 12, 12, 1))
    np.testing.assert_allclose(layer.relu_max_pool(x), nnx.max_pool(nnx.relu(layer(x)), (2, 2), (2, 2)), atol=1e-6)


def test_an_instrument_finds_the_layers_own_output_in_evaluation_mode():
    layer = Conv(1, 3, 3, rngs=nnx.Rngs(0))
    (x,) = drawn(4, (2, 12, 12, 1))

    class Stage(nnx.Module):
        def __init__(self):
            self.conv = layer

        def __call__(self, x):
            return self.conv.relu_max_pool(x)

    found = layers_of(Stage(), x)
    assert found["conv"].shape == (2, 12, 12, 3)
    np.testing.assert_allclose(found["conv"], layer(x), atol=1e-6)
