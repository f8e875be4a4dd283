"""Layers that Flax lacks, and its convolution lowered for the CPU."""

from flax import nnx
from flax.nnx import Conv


def max_pool(x, window):
    return nnx.max_pool(x, (window, window), strides=(window, window))


def avg_pool(x, window):
    return nnx.avg_pool(x, (window, window), strides=(window, window))


__all__ = ["Conv", "avg_pool", "max_pool"]
