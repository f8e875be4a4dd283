"""Images sampled between their pixels: affine maps and elastic distortions as one bilinear resampling."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np


def resample(x: jax.Array, rows: jax.Array, columns: jax.Array) -> jax.Array:
    """Images read at other places, by bilinear interpolation; beyond the border lies 0.

    Parameters
    ----------
    x: images ``(N, H, W, C)``, floating.
    rows, columns: where each output pixel is read, ``(N, h, w)``, in pixels; (0, 0) is the centre of the first pixel.

    Returns
    -------
    Images ``(N, h, w, C)``.  Whole coordinates give back the pixels themselves, exactly.

    >>> x = jnp.arange(4.0).reshape(1, 2, 2, 1)
    >>> resample(x, jnp.array([[[0.0, 0.5]]]), jnp.array([[[1.0, 0.5]]]))[0, 0, :, 0].tolist()
    [1.0, 1.5]
    """
    count, height, width, channels = x.shape
    x = jnp.pad(x, ((0, 0), (1, 2), (1, 2), (0, 0)))
    top, left = height + 3, width + 3
    # A place further out than one pixel reads nothing but the padding, wherever it is.
    rows, columns = jnp.clip(rows + 1, 0, height + 1), jnp.clip(columns + 1, 0, width + 1)
    row, column = jnp.floor(rows), jnp.floor(columns)
    down, right = (rows - row).astype(x.dtype), (columns - column).astype(x.dtype)
    image = jnp.arange(count, dtype=jnp.int32)[:, None, None] * (top * left)
    place = image + row.astype(jnp.int32) * left + column.astype(jnp.int32)
    if channels == 1:
        flat = x.reshape(-1)
    else:
        flat, down, right = x.reshape(-1, channels), down[..., None], right[..., None]

    def corner(step: int) -> jax.Array:
        return flat.at[place + step].get(mode="promise_in_bounds")

    upper = (1 - right) * corner(0) + right * corner(1)
    lower = (1 - right) * corner(left) + right * corner(left + 1)
    return ((1 - down) * upper + down * lower).reshape(count, *rows.shape[1:], channels)


def move(x: jax.Array, down: jax.Array, right: jax.Array, most: int, *, mirror: bool = False) -> jax.Array:
    """Images ``(N, H, W, C)`` moved by whole pixels, of any type.

    Parameters
    ----------
    down, right: ``(N,)`` whole numbers from ``-most`` to ``most``.
    mirror: what comes in from outside is the image mirrored at its border; else 0.
    """
    count, height, width, channels = x.shape
    pads = ((0, 0), (most, most), (most, most), (0, 0))
    x = jnp.pad(x, pads, mode="reflect") if mirror else jnp.pad(x, pads)
    left = width + 2 * most
    row = jnp.arange(height, dtype=jnp.int32)[:, None] + most - down.astype(jnp.int32)[:, None, None]
    column = jnp.arange(width, dtype=jnp.int32) + most - right.astype(jnp.int32)[:, None, None]
    image = jnp.arange(count, dtype=jnp.int32)[:, None, None] * ((height + 2 * most) * left)
    flat = x.reshape(-1) if channels == 1 else x.reshape(-1, channels)
    found = flat.at[image + row * left + column].get(mode="promise_in_bounds")
    return found.reshape(count, height, width, channels)


def affine(
    size: tuple[int, int],
    *,
    angle: jax.Array,
    factor: jax.Array,
    slant: jax.Array,
    down: jax.Array,
    right: jax.Array,
) -> tuple[jax.Array, jax.Array]:
    """Where each pixel of a turned, scaled, slanted and shifted image comes from: rows and columns ``(N, H, W)``.

    The image is scaled by ``factor`` about its centre, slanted by ``slant``, turned by ``angle`` (both in radians,
    anticlockwise), then shifted by pixels ``down`` and ``right``; all ``(N,)``.
    """
    height, width = size

    def each(a: jax.Array) -> jax.Array:
        return a[:, None, None]

    middle_row, middle_column = (height - 1) / 2, (width - 1) / 2
    y = jnp.arange(height, dtype=jnp.float32)[:, None] - middle_row - each(down)
    x = jnp.arange(width, dtype=jnp.float32) - middle_column - each(right)
    cosine, sine = each(jnp.cos(angle)), each(jnp.sin(angle))
    x, y = cosine * x - sine * y, sine * x + cosine * y
    # The vertical axis points down, so what leans anticlockwise goes left below and right above the centre.
    x = x - each(jnp.tan(slant)) * y
    inverse = 1 / each(factor)
    return y * inverse + middle_row, x * inverse + middle_column


def smooth(field: jax.Array, sigma: float) -> jax.Array:
    """Fields ``(..., H, W)`` convolved with a Gaussian of standard deviation ``sigma`` pixels; beyond them lies 0."""
    height, width = field.shape[-2:]
    down, along = gaussian(height, sigma), gaussian(width, sigma)
    return jnp.einsum("ab,...bc,dc->...ad", down, field, along, precision="highest")


def gaussian(n: int, sigma: float) -> np.ndarray:
    """The matrix ``(n, n)`` that convolves a line of n pixels with a Gaussian cut off at four standard deviations."""
    reach = int(4 * sigma + 0.5)
    weights = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sigma) ** 2)
    weights /= weights.sum()
    apart = np.arange(n)[:, None] - np.arange(n)
    near = np.abs(apart) <= reach
    return np.where(near, weights[np.clip(apart + reach, 0, 2 * reach)], 0).astype(np.float32)
