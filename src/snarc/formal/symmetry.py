"""Weights that differ and make the same network: exchanged units, turned signs, rescaled units."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from snarc.errors import FormalError

from .activations import activation
from .layered import Layer

_TRIED = np.linspace(-3.0, 3.0, 25)


def mirror(name: str) -> float | None:
    """The c of an activation f with f(-z) = c - f(z), as 0 for tanh and 1 for logistic; none if there is none.

    >>> mirror("tanh"), round(mirror("logistic"), 12), mirror("relu")
    (0.0, 1.0, None)
    """
    function = activation(name).function
    sums = function(_TRIED) + function(-_TRIED)
    # At 0 itself a step may do as it likes.
    sums = np.delete(sums, len(_TRIED) // 2)
    return float(round(sums[0], 12)) if np.ptp(sums) < 1e-12 else None


def homogeneous(name: str) -> bool:
    """Whether f(a z) = a f(z) for a > 0, as for rectified units.

    >>> homogeneous("relu"), homogeneous("tanh")
    (True, False)
    """
    function = activation(name).function
    return all(bool(np.allclose(function(a * _TRIED), a * function(_TRIED), atol=1e-12)) for a in (0.3, 2.0, 5.0))


def twin(layers: Sequence[Layer], orders: Sequence[np.ndarray], factors: Sequence[np.ndarray]) -> list[Layer]:
    """The same network with its hidden units in another order, and their weights times a factor.

    Parameters
    ----------
    layers: dense layers, the last of which is the output.
    orders: for each hidden layer which unit comes first, second, ...
    factors: for each hidden layer, in the new order, what the weights into a unit are multiplied by; those out of it
        are divided by it.  -1 suits activations with a :func:`mirror`, positive factors :func:`homogeneous` ones.

    Raises
    ------
    FormalError: a factor that changes what the network computes.
    """
    found = list(layers)
    for k, (order, factor) in enumerate(zip(orders, factors)):
        kernel, bias, name = found[k]
        after, shift, then = found[k + 1]
        factor = np.asarray(factor, np.float64)
        centre = mirror(name)
        good = (factor == 1) | ((factor == -1) & (centre is not None)) | ((factor > 0) & homogeneous(name))
        if not good.all():
            raise FormalError(
                f"weights of {name} units times {factor[~good][0]:g}",
                wanted="1, -1 for odd activations, positive factors for rectified units",
                way_out="Use factors of 1.",
            )
        rows = np.asarray(after)[order]
        turned = factor < 0
        if centre is not None and turned.any():
            shift = shift + centre * rows[turned].sum(axis=0)
        found[k] = Layer(np.asarray(kernel)[:, order] * factor, np.asarray(bias)[order] * factor, name)
        found[k + 1] = Layer(rows / factor[:, None], shift, then)
    return found


def twins(layers: Sequence[Layer]) -> int:
    """How many weights make the same network by exchanges of units and turned signs: the product of n! or n! 2^n.

    Rescaled rectified units make infinitely many, which are not counted.
    """
    number = 1
    for _, bias, name in layers[:-1]:
        number *= math.factorial(len(bias)) * (2 ** len(bias) if mirror(name) is not None else 1)
    return number
