"""Convolutions as Flax writes them, computed by whatever is fastest on the device."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
from flax import nnx
from jax import lax

from snarc.errors import ModelError
from snarc.layers import _lowering

Padding = str | int | Sequence[int | tuple[int, int]]


def conv2d(
    x: jax.Array, kernel: jax.Array, *, strides: int | tuple[int, int] = 1, padding: Padding = "VALID"
) -> jax.Array:
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
    plain = dimension_numbers is None
    numbers = _lowering.DIMENSIONS if plain else dimension_numbers

    def general(x: jax.Array, kernel: jax.Array) -> jax.Array:
        return lax.conv_general_dilated(
            x, kernel, tuple(strides), padding, lhs_dilation=lhs_dilation, rhs_dilation=rhs_dilation,
            dimension_numbers=numbers, feature_group_count=feature_group_count, **options,
        )  # fmt: skip

    whole = all(d == 1 for d in (*strides, *(lhs_dilation or ()), *(rhs_dilation or ())))
    asked = any(value is not None for value in options.values())
    if x.ndim != 4 or not whole or asked or feature_group_count != 1 or 0 in x.shape or not _fits(x, kernel, padding):
        return general(x, kernel)
    pads = _pads(x, kernel, padding)

    def lowered(x: jax.Array, kernel: jax.Array) -> jax.Array:
        return _lowering.convolve(jnp.pad(x, ((0, 0), *pads, (0, 0))), kernel)

    return lax.platform_dependent(x, kernel, cpu=lowered, default=general)


def _pads(x: jax.Array, kernel: jax.Array, padding: str | Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    if isinstance(padding, str):
        return lax.padtype_to_pads(x.shape[1:3], kernel.shape[:2], (1, 1), padding)
    return [(before, after) for before, after in padding]


def _fits(x: jax.Array, kernel: jax.Array, padding: str | Sequence[tuple[int, int]]) -> bool:
    pads = _pads(x, kernel, padding)
    sides = [extent + sum(pad) for extent, pad in zip(x.shape[1:3], pads)]
    return min(min(pad) for pad in pads) >= 0 and all(s >= k for s, k in zip(sides, kernel.shape[:2]))


class Conv(nnx.Conv):
    """A convolution with the parameters of :class:`flax.nnx.Conv`: ``kernel`` (h, w, in, out) and ``bias`` (out).

    Takes the arguments of ``nnx.Conv``; numbers agree with it to rounding.
    On a CPU, training is many times faster.
    """

    def __init__(
        self, in_features: int, out_features: int, kernel_size: int | Sequence[int], strides: Any = 1, **options: Any
    ) -> None:
        if isinstance(kernel_size, int):
            kernel_size = (kernel_size, kernel_size)
        options.setdefault("conv_general_dilated", conv_general_dilated)
        super().__init__(in_features, out_features, kernel_size, strides, **options)

    def __call__(self, inputs: jax.Array, *args: Any, **options: Any) -> jax.Array:
        # Flax records the outputs only of methods that a class defines itself, see nnx.capture.
        return super().__call__(inputs, *args, **options)
