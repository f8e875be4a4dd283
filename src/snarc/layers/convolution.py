"""The convolution of images, computed by whatever is fastest on the device."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Num

from snarc.errors import ModelError
from snarc.layers import _lowering

Padding = str | int | Sequence[int | tuple[int, int]]


def conv2d(
    x: jax.Array, kernel: jax.Array, *, strides: int | tuple[int, int] = 1, padding: Padding = "VALID"
) -> Num[Array, "n rows columns maps"]:
    """Slide a kernel over maps (the cross-correlation that networks call convolution).

    Parameters
    ----------
    x: maps ``(N, H, W, C)``.
    kernel: weights ``(height, width, C, K)``.
    strides: pixels from one window to the next, along height and width.
    padding: ``VALID``, ``SAME``, pixels on every side, or (before, after) for height and width.

    Returns
    -------
    Maps ``(N, H', W', K)``; with ``VALID``, H' = (H - height) // stride + 1.

    Raises
    ------
    ModelError: the channels do not agree, or the arrays have other axes.

    >>> import jax.numpy as jnp
    >>> conv2d(jnp.arange(9.0).reshape(1, 3, 3, 1), jnp.ones((2, 2, 1, 1)))[0, :, :, 0].tolist()
    [[8.0, 12.0], [20.0, 24.0]]
    """
    if x.ndim != 4 or kernel.ndim != 4 or x.shape[3] != kernel.shape[2]:
        raise ModelError(
            f"maps of shape {x.shape} and a kernel of shape {kernel.shape}",
            wanted="(N, H, W, C) and (height, width, C, K)",
            way_out="Put channels last and let both have the same number.",
        )
    steps = (strides, strides) if isinstance(strides, int) else tuple(strides)
    return conv_general_dilated(x, kernel, steps, lax_padding(padding))


def lax_padding(padding: Padding) -> str | list[tuple[int, int]]:
    """The padding of the two image axes as ``lax`` takes it."""
    if isinstance(padding, str):
        return padding
    sides = [padding, padding] if isinstance(padding, int) else list(padding)
    return [(side, side) if isinstance(side, int) else (int(side[0]), int(side[1])) for side in sides]


def conv_general_dilated(
    x: jax.Array,
    kernel: jax.Array,
    strides: Sequence[int],
    padding: str | Sequence[tuple[int, int]],
    lhs_dilation: Sequence[int] | None = None,
    rhs_dilation: Sequence[int] | None = None,
    dimension_numbers: Any = None,
    feature_group_count: int = 1,
    **options: Any,
) -> jax.Array:
    """Stand in for :func:`jax.lax.conv_general_dilated` in layers with channels last.

    On a CPU, convolutions of images with unit stride, no dilation and one
    group are lowered as :mod:`snarc.layers._lowering` says; all others, and
    every other device, get the operation itself.
    """
    numbers = _lowering.DIMENSIONS if dimension_numbers is None else dimension_numbers
    dilated = any(d != 1 for d in (*(lhs_dilation or ()), *(rhs_dilation or ())))
    if x.ndim == 4 and not dilated and feature_group_count == 1 and not isinstance(padding, str):
        pads = pads_of(x, kernel, padding)
        # On CPUs the gradient by the input is wrong in XLA where padding is negative or exceeds the kernel.
        if any(not 0 <= p < k for pair, k in zip(pads, kernel.shape[:2]) for p in pair):
            x, padding = _padded(x, pads), "VALID"

    def general(x: jax.Array, kernel: jax.Array) -> jax.Array:
        return lax.conv_general_dilated(
            x, kernel, tuple(strides), padding, lhs_dilation=lhs_dilation, rhs_dilation=rhs_dilation,
            dimension_numbers=numbers, feature_group_count=feature_group_count, **options,
        )  # fmt: skip

    asked = any(value is not None for value in options.values())
    unit = all(s == 1 for s in strides) and not dilated and feature_group_count == 1
    if x.ndim != 4 or not unit or asked or 0 in x.shape or not _fits(x, kernel, padding):
        return general(x, kernel)
    pads = pads_of(x, kernel, padding)

    def lowered(x: jax.Array, kernel: jax.Array) -> jax.Array:
        return _lowering.convolve(_padded(x, pads), kernel)

    return lax.platform_dependent(x, kernel, cpu=lowered, default=general)


def pads_of(x: jax.Array, kernel: jax.Array, padding: str | Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """Pixels before and after, for height and width, that a convolution with unit stride pads by."""
    if isinstance(padding, str):
        return lax.padtype_to_pads(x.shape[1:3], kernel.shape[:2], (1, 1), padding)
    return [(before, after) for before, after in padding]


def _padded(x: jax.Array, pads: Sequence[tuple[int, int]]) -> jax.Array:
    edges = [(0, 0, 0), *((before, after, 0) for before, after in pads), (0, 0, 0)]
    return lax.pad(x, jnp.zeros((), x.dtype), edges)


def _fits(x: jax.Array, kernel: jax.Array, padding: str | Sequence[tuple[int, int]]) -> bool:
    pads = pads_of(x, kernel, padding)
    return all(extent + sum(pad) >= k for extent, pad, k in zip(x.shape[1:3], pads, kernel.shape[:2]))
