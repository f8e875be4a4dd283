"""Losses of a real output against a label or a number, with their derivatives, and the empirical risk."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy.special import expit

from snarc.errors import RecipeError, UnknownNameError, nearest

LOG2 = float(np.log(2))
Loss = Callable[[Any, Any], np.ndarray]


def square(y: Any, z: Any) -> np.ndarray:
    """(y - z)^2 for an output y and a target z."""
    return (np.asarray(y, float) - z) ** 2


def zero_one(y: Any, z: Any) -> np.ndarray:
    """1 where the sign of the output y is not the label z = -1, +1 (an output of 0 is wrong), else 0."""
    return (np.asarray(y, float) * z <= 0).astype(float)


def logistic(y: Any, z: Any) -> np.ndarray:
    """log2(1 + e^(-y z)) in bits for a label z = -1, +1; never below the 0-1 loss, and equal to it at y = 0."""
    return np.logaddexp(0, -np.asarray(y, float) * z) / LOG2


def hinge(y: Any, z: Any) -> np.ndarray:
    """max(0, 1 - y z) for a label z = -1, +1."""
    return np.maximum(0, 1 - np.asarray(y, float) * z)


def cross_entropy(y: Any, z: Any) -> np.ndarray:
    """-z ln y - (1 - z) ln(1 - y) in nats for a probability y and a target z in [0, 1]."""
    from scipy.special import xlog1py, xlogy

    y, z = np.asarray(y, float), np.asarray(z, float)
    return -xlogy(z, y) - xlog1py(1 - z, -y)


def _square_slope(y: Any, z: Any) -> np.ndarray:
    return 2 * (np.asarray(y, float) - z)


def _logistic_slope(y: Any, z: Any) -> np.ndarray:
    z = np.asarray(z, float)
    return -z * expit(-np.asarray(y, float) * z) / LOG2


def _hinge_slope(y: Any, z: Any) -> np.ndarray:
    # At the kink, y z = 1, the derivative from the right is taken: there is nothing left to gain.
    return np.where(np.asarray(y, float) * z < 1, -np.asarray(z, float), 0.0)


def _cross_entropy_slope(y: Any, z: Any) -> np.ndarray:
    y = np.asarray(y, float)
    return (y - z) / (y * (1 - y))


_LOSSES: dict[str, tuple[Loss, Loss]] = {
    "square": (square, _square_slope),
    "logistic": (logistic, _logistic_slope),
    "hinge": (hinge, _hinge_slope),
    "cross-entropy": (cross_entropy, _cross_entropy_slope),
}


def loss(name: str) -> Loss:
    """The loss called ``"square"``, ``"logistic"``, ``"hinge"`` or ``"cross-entropy"``.

    >>> float(loss("hinge")(0.25, 1))
    0.75
    """
    return _pair(name)[0]


def slope(name: str) -> Loss:
    """The derivative of that loss by the output y.

    >>> float(slope("square")(3.0, 1.0))
    4.0
    """
    return _pair(name)[1]


def empirical_risk(name: str, w: Any, x: Any, z: Any, *, l2: float = 0.0) -> tuple[float, np.ndarray]:
    """The mean loss of the linear outputs x @ w plus l2 |w|^2, and its gradient by w.

    Parameters
    ----------
    name: of the loss; for ``"cross-entropy"`` the output is the logistic function of x @ w.
    w: weights ``(features,)``.
    x: inputs ``(N, features)``.
    z: targets ``(N,)``: numbers, labels -1 and +1, or 0 and 1 for the cross-entropy.
    l2: the lambda of lambda |w|^2.

    Returns
    -------
    The risk, and ``(features,)``.

    >>> empirical_risk("square", [1.0], [[1.0], [2.0]], [0.0, 0.0], l2=0.5)
    (3.0, array([6.]))
    """
    value, derivative = _pair(name)
    w, x, z = np.asarray(w, float), np.asarray(x, float), np.asarray(z, float)
    if x.ndim != 2 or w.shape != x.shape[1:] or z.shape != x.shape[:1]:
        raise RecipeError(
            f"weights {w.shape}, inputs {x.shape} and targets {z.shape}",
            wanted="(features,), (N, features) and (N,)",
            way_out="Reshape them.",
        )
    field = x @ w
    if name == "cross-entropy":
        risk = np.mean(np.logaddexp(0, field) - z * field)
        by_field = expit(field) - z
    else:
        risk, by_field = np.mean(value(field, z)), derivative(field, z)
    return float(risk + l2 * w @ w), by_field @ x / len(x) + 2 * l2 * w


def _pair(name: str) -> tuple[Loss, Loss]:
    if name not in _LOSSES:
        raise UnknownNameError(f"no loss is called {name!r}", wanted="a name of a loss", way_out=nearest(name, _LOSSES))
    return _LOSSES[name]
