"""Layers that Flax lacks, or that run faster than Flax's."""

from .activations import activation
from .block import conv_relu_pool
from .conv import Conv
from .convolution import conv2d
from .dropout import Dropout
from .pool import avg_pool, l2_pool, max_pool
from .standardise import Standardise

__all__ = [
    "Conv",
    "Dropout",
    "Standardise",
    "activation",
    "avg_pool",
    "conv2d",
    "conv_relu_pool",
    "l2_pool",
    "max_pool",
]
