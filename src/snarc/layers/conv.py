"""The convolutional layer: parameters as Flax names them, computed by whatever is fastest on the device."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
from flax import nnx

from snarc.layers.block import conv_relu_pool
from snarc.layers.convolution import conv2d, conv_general_dilated
from snarc.layers.pool import Window, max_pool

__all__ = ["Conv", "conv2d"]

# Arguments under which the convolution is no longer the plain one that can be fused.
_NOT_PLAIN = {"input_dilation", "kernel_dilation", "feature_group_count", "mask", "precision", "preferred_element_type"}


class Conv(nnx.Conv):
    """A convolution with the parameters of :class:`flax.nnx.Conv`: ``kernel`` (h, w, in, out) and ``bias`` (out).

    Takes the arguments of ``nnx.Conv``, and a single number for a square
    kernel; results agree with it to rounding.  On a CPU, training is many
    times faster.
    """

    def __init__(
        self, in_features: int, out_features: int, kernel_size: int | Sequence[int], strides: Any = 1, **options: Any
    ) -> None:
        if isinstance(kernel_size, int):
            kernel_size = (kernel_size, kernel_size)
        self.fusible = strides in (None, 1, (1, 1)) and not _NOT_PLAIN & {
            k for k, v in options.items() if v is not None
        }
        self.deterministic = True
        options.setdefault("conv_general_dilated", conv_general_dilated)
        super().__init__(in_features, out_features, kernel_size, strides, **options)

    def relu_max_pool(self, inputs: jax.Array, pool: Window = 2) -> jax.Array:
        """ReLU and max pooling of the layer's output.

        While training (after ``network.train()``) the three are computed
        together, see :func:`snarc.layers.conv_relu_pool`; in evaluation mode
        one after another, so that instruments find the layer's own output.

        Parameters
        ----------
        inputs: maps ``(N, H, W, in)``.
        pool: side of the pooling windows, or height and width, which is also their stride.

        Returns
        -------
        Maps ``(N, H', W', out)``.
        """
        mode = isinstance(self.padding, str) and self.padding not in ("VALID", "SAME", "SAME_LOWER")
        if self.deterministic or not self.fusible or mode or inputs.ndim != 4:
            return max_pool(nnx.relu(self(inputs)), pool)
        bias = self.bias[...] if self.bias is not None else None
        inputs, kernel, bias = self.promote_dtype((inputs, self.kernel[...], bias), dtype=self.dtype)
        return conv_relu_pool(inputs, kernel, bias, padding=self.padding, pool=pool)
