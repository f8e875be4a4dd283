"""Convolution, ReLU and max pooling as one operation."""

from __future__ import annotations

from functools import reduce

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Num

from snarc.layers import _lowering
from snarc.layers.convolution import Padding, conv2d, lax_padding, pads_of
from snarc.layers.pool import Window, first_of, max_pool, maximum, window_of


def conv_relu_pool(
    x: jax.Array, kernel: jax.Array, bias: jax.Array | None = None, *, padding: Padding = "VALID", pool: Window = 2
) -> Num[Array, "n rows columns maps"]:
    """``max_pool(relu(conv2d(x, kernel, padding=padding) + bias), pool)``, computed together.

    Parameters
    ----------
    x: maps ``(N, H, W, C)``.
    kernel: weights ``(height, width, C, K)``; the stride is 1.
    bias: ``(K,)``, or none.
    padding: of the convolution, as :func:`snarc.layers.conv2d` takes it.
    pool: the pooling window, which is also its stride.

    Returns
    -------
    Maps ``(N, H', W', K)``.  Values equal those of the three operations to
    rounding; where a maximum is attained twice the gradient goes to the first.

    Raises
    ------
    ModelError: the shapes do not agree, or the window is larger than the maps.

    >>> import jax.numpy as jnp
    >>> x = jnp.arange(9.0).reshape(1, 3, 3, 1)
    >>> conv_relu_pool(x, jnp.ones((2, 2, 1, 1)), jnp.array([-20.0]))[0, :, :, 0].tolist()
    [[4.0]]
    """
    window = window_of(pool)
    bias = jnp.zeros(kernel.shape[-1], jnp.result_type(x, kernel)) if bias is None else bias

    def apart(x: jax.Array, kernel: jax.Array, bias: jax.Array) -> jax.Array:
        # ReLU and the bias keep the order of values, so they may follow the maximum, on fewer numbers.
        return jax.nn.relu(max_pool(conv2d(x, kernel, padding=padding), window) + bias)

    fits = x.ndim == 4 and kernel.ndim == 4 and x.shape[3] == kernel.shape[2] and 0 not in x.shape
    if not fits or x.shape[3] > _lowering.PATCHES_BACKWARD or x.dtype != kernel.dtype:
        return apart(x, kernel, bias)
    pads = pads_of(x, kernel, lax_padding(padding))
    sides = [extent + sum(pad) - k + 1 for extent, pad, k in zip(x.shape[1:3], pads, kernel.shape[:2])]
    if min(min(pad) for pad in pads) < 0 or any(side < w for side, w in zip(sides, window)):
        return apart(x, kernel, bias)

    def together(x: jax.Array, kernel: jax.Array, bias: jax.Array) -> jax.Array:
        return _together(jnp.pad(x, ((0, 0), *pads, (0, 0))), kernel, bias, window)

    return lax.platform_dependent(x, kernel, bias, cpu=together, default=apart)


def _together(x: jax.Array, kernel: jax.Array, bias: jax.Array, window: tuple[int, int]) -> jax.Array:
    """One product for each place in the pooling window, so that the maximum is taken over whole arrays.

    The patches are as large as what a pooled pixel, or a tile of them, sees;
    the matrix of a place holds the kernel shifted to it.
    """
    height, width, _, maps = kernel.shape
    rows = (x.shape[1] - height + 1) // window[0]
    columns = (x.shape[2] - width + 1) // window[1]
    tile = _lowering.tile_of(columns, maps, _lowering.BAND_POOLED)
    tiles = -(-columns // tile)
    size = (height + window[0] - 1, width + tile * window[1] - 1)
    missing = (tiles * tile * window[1]) + width - 1 - x.shape[2]
    x = jnp.pad(x, ((0, 0), (0, 0), (0, max(missing, 0)), (0, 0)))
    pieces = _lowering.patches(x, (rows, tiles), size, (window[0], tile * window[1]))
    values = []
    for i in range(window[0]):
        for j in range(window[1]):
            starts = [(i, j + s * window[1]) for s in range(tile)]
            shifted = [
                jnp.pad(kernel, ((a, size[0] - height - a), (b, size[1] - width - b), (0, 0), (0, 0)))
                for a, b in starts
            ]
            values.append(pieces @ jnp.stack(shifted, 3).reshape(-1, tile * maps))
    y = _relu_of_maximum(tuple(values), jnp.tile(bias, tile))
    return y.reshape(len(x), rows, tiles * tile, maps)[:, :, :columns]


@jax.custom_jvp
def _relu_of_maximum(values: tuple[jax.Array, ...], bias: jax.Array) -> jax.Array:
    return jnp.maximum(maximum(list(values)) + bias, 0)


@_relu_of_maximum.defjvp
def _relu_of_maximum_jvp(primals: tuple, tangents: tuple) -> tuple[jax.Array, jax.Array]:
    (values, bias), (steps, bias_step) = primals, tangents
    y = _relu_of_maximum(values, bias)
    place = first_of(list(values), maximum(list(values)))
    # y rather than the sum decides what is cut off: it has the shape of the values, so that one flat loop suffices.
    taken = [jnp.where((place == k) & (y > 0), step, 0) for k, step in enumerate(steps)]
    return y, reduce(jnp.add, taken) + jnp.where(y > 0, bias_step, 0)
