"""Convolutions with unit stride written as the operations that XLA does fast on a CPU.

XLA hands a convolution to Eigen only when batch, height, width and channels
come in this order and nothing is dilated; any other, as the transposes that
JAX derives for the gradients are, runs in a scalar loop some hundred times
slower.  So the gradients are stated here as convolutions of that form:

- by the kernel: images and channels change places, and the batch is summed
  over as channels are;
- by the input: a convolution along the width only, whose channels are the
  rows of the kernel, and a sum of its rows shifted against one another.  The
  textbook's convolution with the flipped kernel over zero-padded maps wastes
  half of its products on the padding, this one only that along the width.

With few input channels Eigen's packing costs more than its products; then
patches of the input are copied out and multiplied with a banded matrix that
holds the kernel once for each of a few neighbouring outputs.

Each derivative is the transpose of a linear map, stated by
:func:`jax.linear_transpose` of the map that the other direction shall run, so
that forward and reverse mode, ``vmap`` and higher derivatives all work.
"""

from __future__ import annotations

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jax import lax
from jax.custom_derivatives import SymbolicZero

DIMENSIONS = ("NHWC", "HWIO", "NHWC")

# Measured with benchmarks/conv_layers.py on one core each: up to so many input channels patches beat Eigen's
# packing, forwards and for the gradient by the kernel, and the banded matrix is best about so many columns wide.
PATCHES_FORWARD = 8
PATCHES_BACKWARD = 3
BAND = 32
BAND_POOLED = 40


def direct(x: jax.Array, kernel: jax.Array) -> jax.Array:
    """The convolution ``(N, H, W, C)`` with ``(h, w, C, K)``, stride 1, no padding, as one operation of XLA."""
    return lax.conv_general_dilated(x, kernel, (1, 1), "VALID", dimension_numbers=DIMENSIONS)


def banded(x: jax.Array, kernel: jax.Array) -> jax.Array:
    """The same by patches of the input and a banded matrix."""
    height, width = kernel.shape[:2]
    rows, columns = x.shape[1] - height + 1, x.shape[2] - width + 1
    tile = tile_of(columns, kernel.shape[3], BAND)
    tiles = -(-columns // tile)
    x = jnp.pad(x, ((0, 0), (0, 0), (0, tiles * tile - columns), (0, 0)))
    pieces = patches(x, (rows, tiles), (height, tile + width - 1), (1, tile))
    matrix = jnp.stack([jnp.pad(kernel, ((0, 0), (s, tile - 1 - s), (0, 0), (0, 0))) for s in range(tile)], 3)
    y = pieces @ matrix.reshape(pieces.shape[-1], -1)
    return y.reshape(len(x), rows, tiles * tile, kernel.shape[3])[:, :, :columns]


def patches(x: jax.Array, count: tuple[int, int], size: tuple[int, int], step: tuple[int, int]) -> jax.Array:
    """Windows of the maps laid flat: ``(N, H, W, C)`` to ``(N * rows * columns, height * width * C)``.

    Parameters
    ----------
    count: windows along height and width.
    size: pixels of a window along height and width.
    step: pixels from one window to the next.
    """
    n, _, _, channels = x.shape
    columns = [
        lax.slice_in_dim(x, j * step[1], j * step[1] + size[1], axis=2).reshape(n, x.shape[1], 1, size[1] * channels)
        for j in range(count[1])
    ]
    x = jnp.concatenate(columns, 2)
    last = (count[0] - 1) * step[0] + 1
    rows = [lax.slice_in_dim(x, i, i + last, step[0], axis=1) for i in range(size[0])]
    return jnp.concatenate(rows, 3).reshape(n * count[0] * count[1], -1)


def tile_of(columns: int, maps: int, wanted: int) -> int:
    """Neighbouring outputs that share a row of the banded matrix: enough to make it as wide as wanted.

    A divisor of the columns where one is near, as otherwise columns are computed to be thrown away.
    """
    least = min(-(-wanted // maps), columns)
    return next((t for t in range(least, min(2 * least, columns) + 1) if columns % t == 0), least)


def by_kernel(x: jax.Array, y: jax.Array) -> jax.Array:
    """The gradient by the kernel for input ``x`` and output gradient ``y``, as one convolution of the fast form."""
    return direct(x.transpose(3, 1, 2, 0), y.transpose(1, 2, 0, 3)).transpose(1, 2, 0, 3)


def by_input(y: jax.Array, kernel: jax.Array) -> jax.Array:
    """The gradient by the input: along the width as a convolution, along the height as a sum of shifted rows."""
    height, width, channels, maps = kernel.shape
    along = kernel[:, ::-1].transpose(1, 3, 0, 2).reshape(1, width, maps, height * channels)
    wide = jnp.pad(y, ((0, 0), (0, 0), (width - 1, width - 1), (0, 0)))
    rows = direct(wide, along)
    shifted = [
        jnp.pad(rows[..., i * channels : (i + 1) * channels], ((0, 0), (i, height - 1 - i), (0, 0), (0, 0)))
        for i in range(height)
    ]
    return sum(shifted[1:], shifted[0])


def transposed(linear: Callable[[jax.Array], jax.Array], like: jax.Array, t: jax.Array) -> jax.Array:
    """The transpose of ``linear``, a map of arrays shaped as ``like``, applied to ``t``."""
    return jax.linear_transpose(linear, jax.ShapeDtypeStruct(like.shape, like.dtype))(t)[0]


@jax.custom_jvp
def convolve(x: jax.Array, kernel: jax.Array) -> jax.Array:
    """The convolution of ``(N, H, W, C)`` with ``(h, w, C, K)``, stride 1 and no padding, lowered for the CPU."""
    return banded(x, kernel) if x.shape[3] <= PATCHES_FORWARD else direct(x, kernel)


def _convolve_jvp(primals: tuple, tangents: tuple) -> tuple[jax.Array, jax.Array]:
    x, kernel = primals
    dx, dkernel = tangents
    y = convolve(x, kernel)
    dy = jnp.zeros_like(y)
    if not isinstance(dx, SymbolicZero):
        dy = dy + transposed(lambda y: by_input(y, kernel), y, dx)
    if not isinstance(dkernel, SymbolicZero):
        if x.shape[3] <= PATCHES_BACKWARD:
            dy = dy + banded(x, dkernel)
        else:
            dy = dy + transposed(lambda y: by_kernel(x, y), y, dkernel)
    return y, dy


convolve.defjvp(_convolve_jvp, symbolic_zeros=True)
