"""Convolution against XLA's own, against a sum written out, and against its defining properties."""

import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx
from hypothesis import given, settings
from hypothesis import strategies as st
from jax import lax
from jax.test_util import check_grads
from scipy.signal import correlate2d

from snarc.errors import ModelError
from snarc.layers import Conv, conv2d
from snarc.layers.convolution import conv_general_dilated


def reference(x, kernel, strides=(1, 1), padding="VALID", **options):
    numbers = ("NHWC", "HWIO", "NHWC")
    if not isinstance(padding, str):
        # XLA's own gradient is wrong on CPUs where more is padded than the kernel reaches, so it is not asked to pad.
        edges = [(0, 0, 0), *((before, after, 0) for before, after in padding), (0, 0, 0)]
        x, padding = lax.pad(x, jnp.zeros((), x.dtype), edges), "VALID"
    return lax.conv_general_dilated(x, kernel, strides, padding, dimension_numbers=numbers, **options)


def close(a, b, tolerance=2e-5):
    a, b = np.asarray(a), np.asarray(b)
    assert a.shape == b.shape
    assert a.dtype == b.dtype
    np.testing.assert_allclose(a, b, atol=tolerance * max(1, np.abs(b).max(initial=0)), rtol=0)


def drawn(seed, *shapes, dtype=np.float32):
    rng = np.random.default_rng(seed)
    return [jnp.asarray(rng.standard_normal(shape), dtype) for shape in shapes]


SHAPES = st.fixed_dictionaries(
    {
        "n": st.integers(1, 3),
        "side": st.tuples(st.integers(1, 13), st.integers(1, 13)),
        "kernel": st.tuples(st.integers(1, 5), st.integers(1, 5)),
        "channels": st.sampled_from([1, 2, 3, 4, 8, 9, 12]),
        "maps": st.sampled_from([1, 3, 6, 16, 33, 70]),
        "padding": st.sampled_from(["VALID", "SAME", 1, ((2, 0), (1, 3)), ((1, -1), (0, 4))]),
    }
)


@given(SHAPES, st.integers(0, 1000))
@settings(max_examples=15, deadline=None)
def test_values_and_gradients_equal_those_of_xla(shapes, seed):
    padding = shapes["padding"]
    pads = [(padding, padding)] * 2 if padding == 1 else padding
    x, kernel = drawn(
        seed,
        (shapes["n"], *shapes["side"], shapes["channels"]),
        (*shapes["kernel"], shapes["channels"], shapes["maps"]),
    )
    expected, back = jax.vjp(lambda x, k: reference(x, k, padding=pads), x, kernel)
    y, ours = jax.vjp(jax.jit(lambda x, k: conv2d(x, k, padding=padding)), x, kernel)
    close(y, expected)
    if y.size:
        (weight,) = drawn(seed + 1, y.shape)
        for a, b in zip(ours(weight), back(weight)):
            close(a, b)


@pytest.mark.parametrize("channels", [1, 3, 5, 9])
def test_values_equal_a_sum_written_out(channels):
    x, kernel = drawn(3, (2, 9, 11, channels), (4, 3, channels, 5))
    expected = np.zeros((2, 6, 9, 5))
    for n in range(2):
        for k in range(5):
            for c in range(channels):
                expected[n, :, :, k] += correlate2d(
                    np.float64(x[n, :, :, c]), np.float64(kernel[:, :, c, k]), mode="valid"
                )
    close(conv2d(x, kernel), np.float32(expected))


@pytest.mark.parametrize("channels", [1, 10])
def test_derivatives_agree_with_finite_differences_in_float64(channels):
    with jax.enable_x64(True):
        x, kernel = drawn(4, (2, 4, 5, channels), (3, 2, channels, 3), dtype=np.float64)
        check_grads(lambda x, k: conv2d(x, k, padding="SAME"), (x, kernel), order=2, modes=("fwd", "rev"))


@pytest.mark.parametrize("channels", [1, 10])
def test_transpose_is_the_adjoint(channels):
    with jax.enable_x64(True):
        x, kernel = drawn(5, (3, 8, 9, channels), (5, 3, channels, 6), dtype=np.float64)
        y, back = jax.vjp(lambda x: conv2d(x, kernel), x)
        (weight,) = drawn(6, y.shape, dtype=np.float64)
        (adjoint,) = back(weight)
        assert float(jnp.vdot(y, weight)) == pytest.approx(float(jnp.vdot(x, adjoint)), rel=1e-12)


@pytest.mark.parametrize("channels", [1, 10])
def test_shifting_the_input_shifts_the_maps(channels):
    x, kernel = drawn(7, (1, 12, 12, channels), (3, 3, channels, 4))
    y, shifted = conv2d(x, kernel), conv2d(jnp.roll(x, (2, 1), (1, 2)), kernel)
    close(shifted[:, 2:, 1:], y[:, :-2, :-1], 1e-6)


@pytest.mark.parametrize("channels", [1, 10])
def test_jvp_and_vmap_and_loops_agree_with_xla(channels):
    x, kernel, dx, dkernel = drawn(8, *((4, 2, 7, 8, channels), (3, 3, channels, 5)) * 2)
    tangent = jax.jvp(conv2d, (x[0], kernel), (dx[0], dkernel))[1]
    close(tangent, jax.jvp(reference, (x[0], kernel), (dx[0], dkernel))[1])
    expected = jnp.stack([reference(one, kernel) for one in x])
    close(jax.vmap(conv2d, (0, None))(x, kernel), expected)
    close(lax.map(lambda one: conv2d(one, kernel), x), expected)
    gradient = jax.vmap(jax.grad(lambda k, x: jnp.sum(conv2d(x, k) ** 2)), (None, 0))(kernel, x)
    expected = jnp.stack([jax.grad(lambda k, one=one: jnp.sum(reference(one, k) ** 2))(kernel) for one in x])
    close(gradient, expected)


def test_gradients_are_compiled_to_convolutions_that_eigen_takes():
    x, kernel = drawn(9, (4, 12, 12, 20), (5, 5, 20, 40))
    loss = lambda x, k: jnp.sum(conv2d(x, k) ** 2)  # noqa: E731
    text = jax.jit(jax.grad(loss, (0, 1))).lower(x, kernel).compile().as_text()
    lines = [line for line in text.splitlines() if " convolution(" in line]
    assert len(lines) == 3
    for line in lines:
        assert "dim_labels=b01f_01io->b01f" in line
        assert not re.search(r"window={[^}]*dilate", line)


def test_the_first_layer_computes_no_gradient_by_its_input():
    x, kernel = drawn(10, (4, 12, 12, 20), (5, 5, 20, 40))
    text = jax.jit(jax.grad(lambda k: jnp.sum(conv2d(x, k) ** 2))).lower(kernel).compile().as_text()
    assert sum(" convolution(" in line for line in text.splitlines()) == 2


@pytest.mark.parametrize("channels", [1, 12])
def test_repeated_runs_are_bit_identical(channels):
    x, kernel = drawn(11, (50, 14, 14, channels), (5, 5, channels, 16))
    step = jax.jit(jax.grad(lambda x, k: jnp.sum(jnp.tanh(conv2d(x, k))), (0, 1)))
    first = step(x, kernel)
    for _ in range(5):
        for a, b in zip(step(x, kernel), first):
            assert np.array_equal(a, b)


@pytest.mark.parametrize("channels", [1, 12])
def test_bfloat16_stays_bfloat16(channels):
    x, kernel = drawn(12, (2, 8, 8, channels), (3, 3, channels, 4))
    y = conv2d(x.astype(jnp.bfloat16), kernel.astype(jnp.bfloat16))
    assert y.dtype == jnp.bfloat16
    close(y.astype(jnp.float32), reference(x, kernel), 0.02)


@pytest.mark.parametrize(
    "options",
    [
        {"strides": 2},
        {"strides": (2, 1), "padding": "VALID"},
        {"kernel_dilation": 2},
        {"feature_group_count": 2},
        {"padding": "CIRCULAR"},
        {"padding": 3},
        {"use_bias": False},
        {"precision": "highest"},
    ],
)
def test_layer_equals_that_of_flax(options):
    ours = Conv(4, 6, (3, 2), rngs=nnx.Rngs(0), **options)
    theirs = nnx.Conv(4, 6, (3, 2), rngs=nnx.Rngs(0), **options)
    (x,) = drawn(13, (2, 9, 8, 4))

    def loss(layer, x):
        return jnp.sum(layer(x) ** 2)

    close(ours(x), theirs(x))
    a, b = nnx.grad(loss, argnums=(0, 1))(ours, x), nnx.grad(loss, argnums=(0, 1))(theirs, x)
    for one, other in zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True):
        close(one, other)


def test_layer_takes_single_images_and_more_batch_axes():
    layer = Conv(3, 5, 3, rngs=nnx.Rngs(1))
    assert layer.kernel.shape == (3, 3, 3, 5)
    (x,) = drawn(14, (2, 4, 8, 8, 3))
    close(layer(x)[1, 2], layer(x[1, 2]))


@pytest.mark.parametrize("shape", [(8, 8, 2), (1, 8, 8, 3)])
def test_shapes_that_do_not_agree_are_refused(shape):
    with pytest.raises(ModelError, match="channels last"):
        conv2d(jnp.zeros(shape), jnp.zeros((3, 3, 2, 4)))


def test_negative_padding_crops_and_three_dimensions_go_to_xla():
    (x, kernel) = drawn(15, (1, 8, 8, 2), (3, 3, 2, 4))
    pads = [(-1, 0), (0, -1)]
    close(conv_general_dilated(x, kernel, (1, 1), pads), reference(x, kernel, padding=pads))
    (x, kernel) = drawn(16, (1, 5, 5, 5, 2), (3, 3, 3, 2, 4))
    numbers = ("NDHWC", "DHWIO", "NDHWC")
    close(
        conv_general_dilated(x, kernel, (1, 1, 1), "SAME", dimension_numbers=numbers),
        lax.conv_general_dilated(x, kernel, (1, 1, 1), "SAME", dimension_numbers=numbers),
    )
