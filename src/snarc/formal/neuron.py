"""One formal neuron: weights, a bias or threshold, an inner potential and an activation (McCulloch and Pitts 1943)."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from numbers import Rational
from typing import Any

import numpy as np

from snarc.errors import FormalError, nearest

from .activations import Activation, Number, activation

POTENTIALS = ("sum", "distance")


def exact(value: Any, where: str = "a number") -> Number:
    """The number as an int or a Fraction, without rounding; text such as ``"1/3"`` or ``"0.1"`` is read exactly.

    >>> exact("0.1"), exact(0.5), exact(2.0)
    (Fraction(1, 10), Fraction(1, 2), 2)

    Raises
    ------
    FormalError: not a finite rational number.
    """
    try:
        if isinstance(value, str) and not abs(float(value.split("/")[0])) < 1e300:
            raise ValueError("out of range")
        if isinstance(value, str) and "e" in value.lower() and abs(int(value.lower().split("e")[1])) > 300:
            raise ValueError("out of range")
        fraction = Fraction(value.item() if isinstance(value, np.generic) else value)
    except (TypeError, ValueError, OverflowError, ZeroDivisionError) as error:
        raise FormalError(
            f"{where} is {value!r}", wanted="a finite rational number", way_out="Write for example 3, 0.5 or '1/3'."
        ) from error
    return fraction.numerator if fraction.denominator == 1 else fraction


@dataclass(frozen=True)
class Neuron:
    """A formal neuron, to be called on its inputs or to be put into a network.

    Attributes
    ----------
    weights: one number an input; or, inside a network, a mapping from the source neuron's name to the weight.
    bias: w0, the negative of the threshold h; with the distance potential, the radius.
    activation: a name of :data:`snarc.formal.activations.ACTIVATIONS`.
    potential: ``"sum"``, the output is g(bias + w.x); or ``"distance"``, it is g(bias - norm(x - w)), so that
        a step neuron fires inside the closed ball of radius ``bias`` about ``w``.

    >>> conjunction = Neuron((1, 1), bias=-2)
    >>> [conjunction((a, b)) for a in (0, 1) for b in (0, 1)]
    [0, 0, 0, 1]

    Source: McCulloch and Pitts, Bulletin of Mathematical Biophysics 5 (1943) 115.
    """

    weights: Sequence[Any] | Mapping[str, Any]
    bias: Any = 0
    activation: str = "step"
    potential: str = "sum"

    def __post_init__(self) -> None:
        activation(self.activation)
        if self.potential not in POTENTIALS:
            raise FormalError(
                f"inner potential {self.potential!r}",
                wanted="'sum' or 'distance'",
                way_out=nearest(self.potential, POTENTIALS),
            )

    @property
    def values(self) -> tuple[Any, ...]:
        """The weights in order."""
        return tuple(self.weights.values() if isinstance(self.weights, Mapping) else self.weights)

    @property
    def rational(self) -> bool:
        """Whether weights, bias and activation allow exact arithmetic."""
        numbers = all(isinstance(v, Rational | str) for v in (*self.values, self.bias))
        if self.potential == "distance":
            return numbers and self.activation in ("step", "sign")
        return numbers and activation(self.activation).exact is not None

    def _exact_on(self, x: Sequence[Any]) -> bool:
        return self.rational and all(isinstance(v, Rational | str) for v in x)

    def local_field(self, x: Sequence[Any]) -> Any:
        """What the activation is applied to: w0 + w.x (exact where all is rational), or w0 - norm(x - w), a float."""
        if len(x) != len(self.values):
            raise FormalError(
                f"{len(x)} inputs", wanted=f"{len(self.values)} inputs", way_out="Give one input a weight."
            )
        if self.potential == "sum" and self._exact_on(x):
            return exact(self.bias) + sum(exact(a) * exact(b) for a, b in zip(x, self.values, strict=True))
        w_, inputs_ = np.array([float(exact(v)) for v in self.values]), np.asarray(x, float)
        if self.potential == "distance":
            return float(exact(self.bias)) - float(np.linalg.norm(inputs_ - w_))
        return float(exact(self.bias)) + float(inputs_ @ w_)

    def __call__(self, x: Sequence[Any]) -> Any:
        """The neuron's output for inputs ``(n,)``: an int or Fraction where all is rational, else a float."""
        g: Activation = activation(self.activation)
        if not self._exact_on(x):
            return float(g.function(np.asarray(self.local_field(x))))
        assert g.exact is not None
        if self.potential == "distance" and len(x) == len(self.values):
            squared = sum((exact(a) - exact(b)) ** 2 for a, b in zip(x, self.values))
            return g.exact(inside_ball(exact(self.bias), squared))
        return g.exact(self.local_field(x))

    def signed_distance(self, x: Sequence[Any]) -> float:
        """Distance of ``x`` from the surface where the local field is 0, positive on the active side.

        The surface is the hyperplane w0 + w.x = 0, or the sphere of radius w0 about w.

        Raises
        ------
        FormalError: all weights are 0, so that there is no hyperplane.
        """
        if self.potential == "distance":
            return float(exact(self.bias)) - math.dist([float(v) for v in x], [float(exact(v)) for v in self.values])
        length = math.hypot(*(float(exact(v)) for v in self.values))
        if length == 0:
            raise FormalError("a neuron whose weights are all 0", wanted="a weight", way_out="Give it one.")
        return float(self.local_field(x)) / length

    def boundary(self, x1: float) -> float:
        """For two inputs: the x2 on the line w0 + w1 x1 + w2 x2 = 0, that is x2 = -(w1/w2) x1 + h/w2.

        Raises
        ------
        FormalError: not two inputs, a distance neuron, or a vertical line.
        """
        if len(self.values) != 2 or self.potential != "sum" or float(self.values[1]) == 0:
            raise FormalError(
                f"weights {self.values}", wanted="two inputs and w2 not 0", way_out="Solve for x1 instead."
            )
        w1, w2 = (float(exact(v)) for v in self.values)
        return -(w1 / w2) * x1 - float(exact(self.bias)) / w2


def inside_ball(radius: Number, squared_distance: Number) -> Number:
    """A rational with the sign of ``radius - sqrt(squared_distance)``, so that step and sign stay exact."""
    return radius * radius - squared_distance if radius >= 0 else -1


def negation() -> Neuron:
    """NOT: w0 = 0, w = -1 fires for 0 alone."""
    return Neuron((-1,), bias=0)


def conjunction(n: int) -> Neuron:
    """AND of ``n`` inputs in {0, 1}: the weights are 1, the threshold is n."""
    return Neuron((1,) * n, bias=-n)


def disjunction(n: int) -> Neuron:
    """OR of ``n`` inputs in {0, 1}: the weights are 1, the threshold is 1."""
    return Neuron((1,) * n, bias=-1)
