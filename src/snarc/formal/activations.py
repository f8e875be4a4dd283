"""Activation functions of the field with their derivatives, exact over fractions where they can be."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from snarc.errors import FormalError, nearest

Number = int | Fraction
SELU_ALPHA, SELU_SCALE = 1.6732632423543772, 1.0507009873554805
SCALED_TANH = 1.7159


@dataclass(frozen=True)
class Activation:
    """An activation function g of the local field.

    Attributes
    ----------
    name: as it is written everywhere in the project.
    function: NumPy array (real, or complex near the real line) to array of the same shape.
    derivative: NumPy array to array; 0 where the function jumps, the right derivative at a kink.
    exact: the same function from int or Fraction to int or Fraction, or None where its values are irrational.
    formula: for captions.
    """

    name: str
    function: Callable[[np.ndarray], np.ndarray]
    derivative: Callable[[np.ndarray], np.ndarray]
    exact: Callable[[Number], Number] | None = None
    formula: str = ""

    def __call__(self, x: Any) -> np.ndarray:
        return self.function(np.asarray(x))


def logistic(x: np.ndarray, steepness: float = 1.0) -> np.ndarray:
    """1 / (1 + exp(-steepness x)) without overflow at either end."""
    x = steepness * np.asarray(x)
    if x.dtype.kind != "c":
        # exp(-x) is large where the result is small, so that no digits cancel; below -709 it would overflow.
        power = np.asarray(-np.maximum(x, -709.0))
        np.exp(power, out=power)
        power += 1
        return np.reciprocal(power, out=power)
    small = np.exp(-np.where(np.real(x) >= 0, x, -x))
    return np.where(np.real(x) >= 0, 1.0, small) / (1 + small)


def softmax(x: np.ndarray) -> np.ndarray:
    """exp(x_i) / sum_j exp(x_j) along the last axis."""
    x = np.asarray(x)
    powers = np.exp(x - np.max(np.real(x), axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)


def softmax_jacobian(x: np.ndarray) -> np.ndarray:
    """d softmax_i / d x_j = p_i (delta_ij - p_j), shape ``(..., n, n)``."""
    p = softmax(x)
    return p[..., :, None] * (np.eye(p.shape[-1]) - p[..., None, :])


def steep(steepness: float) -> Activation:
    """The logistic function with that steepness (lambda); steepness to infinity gives the step."""

    def derivative(x: np.ndarray) -> np.ndarray:
        return steepness * logistic(x, steepness) * logistic(-x, steepness)

    return Activation(
        f"logistic({steepness:g})", lambda x: logistic(x, steepness), derivative, None, f"1/(1+exp(-{steepness:g}x))"
    )


def _where(x: np.ndarray, positive: Any, other: Any) -> np.ndarray:
    return np.where(np.real(x) > 0, positive, other)


def _clipped_exp(x: np.ndarray) -> np.ndarray:
    # The branch for x > 0 is not taken, but NumPy computes it; clipping keeps it from overflowing.
    return np.exp(np.where(np.real(x) > 0, 0, x))


def _softplus(x: np.ndarray) -> np.ndarray:
    return _where(x, x, 0) + np.log1p(np.exp(-_where(x, x, -x)))


def _gelu(x: np.ndarray) -> np.ndarray:
    from scipy.special import erfc

    # x times the normal distribution function, by erfc, which keeps its digits where 1 + erf would lose them.
    return x * 0.5 * erfc(-np.asarray(x) / np.sqrt(2))


def _gelu_derivative(x: np.ndarray) -> np.ndarray:
    from scipy.special import ndtr

    return ndtr(x) + x * np.exp(-0.5 * np.square(x)) / np.sqrt(2 * np.pi)


def _sech2(x: np.ndarray) -> np.ndarray:
    # 1 - tanh(x)^2 loses all digits for large x; this product does not.
    return 4 * logistic(2 * x) * logistic(-2 * x)


def _saturated(x: np.ndarray) -> np.ndarray:
    return np.where(np.real(x) < 0, 0, np.where(np.real(x) > 1, 1, x))


def _float(test: np.ndarray) -> np.ndarray:
    return np.asarray(test, float)


ACTIVATIONS: dict[str, Activation] = {
    a.name: a
    for a in (
        Activation("identity", lambda x: x, np.ones_like, lambda x: x, "x"),
        Activation("step", lambda x: _float(np.real(x) >= 0), np.zeros_like, lambda x: int(x >= 0), "1 if x ≥ 0"),
        Activation(
            "sign", lambda x: _float(np.sign(np.real(x))), np.zeros_like, lambda x: (x > 0) - (x < 0), "-1, 0 or 1"
        ),
        Activation(
            "saturated-linear",
            _saturated,
            lambda x: _float((x >= 0) & (x < 1)),
            lambda x: 0 if x <= 0 else (1 if x >= 1 else x),
            "0, x or 1",
        ),
        Activation("logistic", logistic, lambda x: logistic(x) * logistic(-x), None, "1/(1+exp(-x))"),
        Activation("tanh", np.tanh, _sech2, None, "tanh x"),
        Activation(
            "scaled-tanh",
            lambda x: SCALED_TANH * np.tanh(2 * x / 3),
            lambda x: SCALED_TANH * 2 / 3 * _sech2(2 * x / 3),
            None,
            "1.7159 tanh(2x/3)",
        ),
        Activation("relu", lambda x: _where(x, x, 0), lambda x: _float(x >= 0), lambda x: max(x, 0), "max(0, x)"),
        Activation("leaky-relu", lambda x: _where(x, x, x / 100), lambda x: np.where(x < 0, 0.01, 1), None, "x, 0.01x"),
        Activation(
            "elu",
            lambda x: _where(x, x, _clipped_exp(x) - 1),
            lambda x: _where(x, 1.0, _clipped_exp(x)),
            None,
            "x or exp(x)-1",
        ),
        Activation(
            "selu",
            lambda x: SELU_SCALE * _where(x, x, SELU_ALPHA * (_clipped_exp(x) - 1)),
            lambda x: SELU_SCALE * _where(x, 1.0, SELU_ALPHA * _clipped_exp(x)),
            None,
            "1.0507 (x or 1.6733(exp(x)-1))",
        ),
        Activation("gelu", _gelu, _gelu_derivative, None, "x Φ(x)"),
        Activation("softplus", _softplus, logistic, None, "log(1+exp(x))"),
    )
}  # fmt: skip


def activation(name: str) -> Activation:
    """The activation of that name.

    >>> activation("saturated-linear").exact(Fraction(7, 3))
    1

    Raises
    ------
    FormalError: there is none; the nearest names are offered.
    """
    if name not in ACTIVATIONS:
        raise FormalError(
            f"no activation is called {name!r}", wanted="one of the field's", way_out=nearest(name, ACTIVATIONS)
        )
    return ACTIVATIONS[name]


def complex_step(function: Callable[[np.ndarray], np.ndarray], x: np.ndarray, h: float = 1e-30) -> np.ndarray:
    """Derivative of an analytic function by a complex step, exact to rounding (Squire and Trapp 1998).

    >>> float(complex_step(np.sin, np.array(0.0)))
    1.0
    """
    return np.imag(function(np.asarray(x, complex) + 1j * h)) / h
