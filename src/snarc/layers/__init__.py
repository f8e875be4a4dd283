"""Layers that Flax lacks, or that run faster than Flax's."""

from .activations import activation, derivative
from .augment import Augment, augmented
from .block import conv_relu_pool
from .conv import Conv
from .convolution import conv2d
from .dropout import Dropout, GaussianDropout
from .initialisers import initializer
from .normalise import BatchNorm, LayerNorm
from .pool import avg_pool, l2_pool, max_pool
from .radial import Distance, Radial
from .standardise import Standardise

__all__ = [
    "Augment",
    "BatchNorm",
    "Conv",
    "Distance",
    "Dropout",
    "GaussianDropout",
    "LayerNorm",
    "Radial",
    "Standardise",
    "activation",
    "augmented",
    "avg_pool",
    "conv2d",
    "conv_relu_pool",
    "derivative",
    "initializer",
    "l2_pool",
    "max_pool",
]
