"""Maximum, average and L2 pooling."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial, reduce

import jax
import jax.numpy as jnp
from jax import lax

from snarc.errors import ModelError

Window = int | tuple[int, int]


def max_pool(x: jax.Array, window: Window, strides: Window | None = None, padding: str = "VALID") -> jax.Array:
    """The maximum over windows of every map; the gradient goes to the first maximum of a window, row by row.

    Parameters
    ----------
    x: maps ``(..., H, W, C)``.
    window: height and width in pixels, or one number for both.
    strides: from one window to the next, by default the window; rows and columns left over at the end are dropped.
    padding: ``VALID``, or ``SAME`` to pad with minus infinity.

    Returns
    -------
    Maps ``(..., H', W', C)``; with ``VALID``, H' = floor((H - window) / stride) + 1.

    Raises
    ------
    ModelError: the window is larger than the maps, or not positive; an unknown padding.

    >>> import jax.numpy as jnp
    >>> max_pool(jnp.arange(16.0).reshape(1, 4, 4, 1), 2)[0, :, :, 0].tolist()
    [[5.0, 7.0], [13.0, 15.0]]
    """
    lowest = -jnp.inf if jnp.issubdtype(x.dtype, jnp.floating) else jnp.iinfo(x.dtype).min
    x, window, strides, outer = _prepared(x, window, strides, padding, lowest)
    pool = _blocks_max if window == strides else _first_max
    return _shaped(pool(x, window, strides), outer)


def avg_pool(x: jax.Array, window: Window, strides: Window | None = None, padding: str = "VALID") -> jax.Array:
    """The mean over windows of every map.

    Parameters and results are those of :func:`max_pool`; ``SAME`` pads with
    zeros, which count.

    >>> import jax.numpy as jnp
    >>> avg_pool(jnp.arange(16.0).reshape(1, 4, 4, 1), 2)[0, :, :, 0].tolist()
    [[2.5, 4.5], [10.5, 12.5]]
    """
    x, window, strides, outer = _prepared(x, window, strides, padding, 0)
    return _shaped(_mean(x, window, strides), outer)


def l2_pool(
    x: jax.Array, window: Window, strides: Window | None = None, padding: str = "VALID", *, epsilon: float = 1e-12
) -> jax.Array:
    """The root of the sum of squares over windows of every map.

    Parameters and results are those of :func:`max_pool`; ``SAME`` pads with
    zeros.  Where all of a window is zero the gradient is zero, as
    ``epsilon`` (in squared units of x) bounds the sum from below.

    >>> import jax.numpy as jnp
    >>> l2_pool(jnp.array([[3.0, 0.0], [0.0, 4.0]])[None, :, :, None], 2).item()
    5.0
    """
    x, window, strides, outer = _prepared(x, window, strides, padding, 0)
    total = _mean(jnp.square(x), window, strides) * (window[0] * window[1])
    return _shaped(jnp.sqrt(jnp.maximum(total, epsilon)), outer)


def candidates(x: jax.Array, window: tuple[int, int], strides: tuple[int, int]) -> list[jax.Array]:
    """For each place in a window, row by row, the maps ``(N, H', W', C)`` of the values there in every window."""
    rows = (x.shape[1] - window[0]) // strides[0]
    columns = (x.shape[2] - window[1]) // strides[1]
    return [
        x[:, i : i + rows * strides[0] + 1 : strides[0], j : j + columns * strides[1] + 1 : strides[1]]
        for i in range(window[0])
        for j in range(window[1])
    ]


def maximum(values: list[jax.Array]) -> jax.Array:
    """The elementwise maximum, taken pairwise."""
    while len(values) > 1:
        values = [
            jnp.maximum(*values[k : k + 2]) if k + 1 < len(values) else values[k] for k in range(0, len(values), 2)
        ]
    return values[0]


def first_of(values: list[jax.Array], top: jax.Array) -> jax.Array:
    """The index of the first of the values that is the maximum ``top``."""
    place = jnp.full(top.shape, len(values) - 1, jnp.int8 if len(values) < 127 else jnp.int32)
    for k in range(len(values) - 2, -1, -1):
        place = jnp.where(values[k] == top, jnp.asarray(k, place.dtype), place)
    return place


def _mean(x: jax.Array, window: tuple[int, int], strides: tuple[int, int]) -> jax.Array:
    if window == strides:
        return _blocks(x, window).mean((2, 4))
    return reduce(jnp.add, candidates(x, window, strides)) / (window[0] * window[1])


def _blocks(x: jax.Array, window: tuple[int, int]) -> jax.Array:
    n, height, width, channels = x.shape
    rows, columns = height // window[0], width // window[1]
    x = x[:, : rows * window[0], : columns * window[1]]
    return x.reshape(n, rows, window[0], columns, window[1], channels)


@partial(jax.custom_jvp, nondiff_argnums=(1, 2))
def _blocks_max(x: jax.Array, window: tuple[int, int], strides: tuple[int, int]) -> jax.Array:
    return maximum(candidates(x, window, strides))


@_blocks_max.defjvp
def _blocks_max_jvp(
    window: tuple[int, int], strides: tuple[int, int], primals: tuple, tangents: tuple
) -> tuple[jax.Array, jax.Array]:
    (x,), (dx,) = primals, tangents
    values = candidates(x, window, strides)
    top = maximum(values)
    place = first_of(values, top)[:, :, None, :, None]
    # One comparison of an index against the place in the window, which XLA runs as one pass over the maps.
    here = jnp.arange(window[0] * window[1], dtype=place.dtype).reshape(1, 1, window[0], 1, window[1], 1)
    return top, jnp.where(place == here, _blocks(dx, window), 0).sum((2, 4))


@partial(jax.custom_jvp, nondiff_argnums=(1, 2))
def _first_max(x: jax.Array, window: tuple[int, int], strides: tuple[int, int]) -> jax.Array:
    return maximum(candidates(x, window, strides))


@_first_max.defjvp
def _first_max_jvp(
    window: tuple[int, int], strides: tuple[int, int], primals: tuple, tangents: tuple
) -> tuple[jax.Array, jax.Array]:
    (x,), (dx,) = primals, tangents
    values = candidates(x, window, strides)
    top = maximum(values)
    place = first_of(values, top)
    steps = [jnp.where(place == k, step, 0) for k, step in enumerate(candidates(dx, window, strides))]
    return top, reduce(jnp.add, steps)


def _prepared(
    x: jax.Array, window: Window, strides: Window | None, padding: str, fill: float | jax.Array
) -> tuple[jax.Array, tuple[int, int], tuple[int, int], tuple[int, ...]]:
    size = window_of(window)
    step = size if strides is None else window_of(strides, "strides")
    if x.ndim < 3:
        raise ModelError(
            f"maps of shape {x.shape}", wanted="(..., height, width, channels)", way_out="Add the axis of channels."
        )
    outer = x.shape[:-3]
    x = x.reshape(-1, *x.shape[-3:])
    if padding == "SAME":
        pads = lax.padtype_to_pads(x.shape[1:3], size, step, "SAME")
        x = jnp.pad(x, ((0, 0), *pads, (0, 0)), constant_values=fill)
    elif padding != "VALID":
        raise ModelError(f"padding {padding!r}", wanted="VALID or SAME", way_out="Use padding='VALID'.")
    if x.shape[1] < size[0] or x.shape[2] < size[1]:
        raise ModelError(
            f"maps of {x.shape[1]} x {x.shape[2]} pixels and windows of {size[0]} x {size[1]}",
            wanted="windows no larger than the maps",
            way_out="Pool less, or give larger images.",
        )
    return x, size, step, outer


def _shaped(y: jax.Array, outer: tuple[int, ...]) -> jax.Array:
    return y.reshape(*outer, *y.shape[1:])


def window_of(value: Window, name: str = "window") -> tuple[int, int]:
    """Height and width in pixels of a window given as one number or two."""
    pair = (value, value) if isinstance(value, int) else tuple(value)
    if len(pair) != 2 or not all(isinstance(v, int) and v > 0 for v in pair):
        raise ModelError(f"{name} {value!r}", wanted="a positive number of pixels, or two", way_out=f"Use {name}=2.")
    return pair


POOLING: dict[str, Callable[..., jax.Array]] = {"max": max_pool, "average": avg_pool, "l2": l2_pool}
