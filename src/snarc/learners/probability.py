"""Logistic and softmax outputs, odds, entropy and cross-entropy."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from scipy.special import expit, xlogy

from snarc.errors import RecipeError

_UNITS = {"nats": 1.0, "bits": math.log(2)}


def logistic(x: Any) -> np.ndarray:
    """1 / (1 + e^-x), exact in its tails, in the shape of ``x``.

    >>> float(logistic(0.0)), float(logistic(-800.0))
    (0.5, 0.0)
    """
    return np.asarray(expit(np.asarray(x, float)))


def odds(p: Any) -> np.ndarray:
    """p / (1 - p), in the shape of ``p``; infinite at 1.

    >>> float(odds(0.75))
    3.0
    """
    p = np.asarray(p, float)
    with np.errstate(divide="ignore"):
        return p / (1 - p)


def log_odds(p: Any) -> np.ndarray:
    """The natural logarithm of the odds (logit), the inverse of :func:`logistic`.

    >>> float(log_odds(0.5))
    0.0
    """
    p = np.asarray(p, float)
    with np.errstate(divide="ignore"):
        return np.log(p) - np.log1p(-p)


def log_softmax(x: Any) -> np.ndarray:
    """Logarithms of :func:`softmax` over the last axis, for logits of any size."""
    x = np.asarray(x, float)
    x = x - x.max(-1, keepdims=True)
    return x - np.log(np.exp(x).sum(-1, keepdims=True))


def softmax(x: Any) -> np.ndarray:
    """e^x_i / sum_j e^x_j over the last axis; adding a number to all logits changes nothing.

    >>> softmax([1e4, 1e4]).tolist()
    [0.5, 0.5]
    """
    x = np.asarray(x, float)
    e = np.exp(x - x.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def entropy(p: Any, unit: str = "nats") -> np.ndarray:
    """-sum_i p_i log p_i over the last axis, in ``"nats"`` or ``"bits"``; independent systems add up.

    Source: C. Shannon, Bell System Technical Journal 27 (1948) 379.

    >>> float(entropy([0.5, 0.5], "bits"))
    1.0
    """
    p = np.asarray(p, float)
    return -xlogy(p, p).sum(-1) / _unit(unit)


def cross_entropy(d: Any, logits: Any, unit: str = "nats") -> np.ndarray:
    """-sum_i d_i log softmax(logits)_i over the last axis; its derivative by the logits is softmax(logits) - d.

    Parameters
    ----------
    d: target probabilities ``(..., classes)`` that sum to 1.
    logits: ``(..., classes)``.

    >>> float(cross_entropy([1, 0, 0, 0], [0, 0, 0, 0], "bits"))
    2.0
    """
    d = np.asarray(d, float)
    log_p = log_softmax(logits)
    return -np.where(d == 0, 0.0, d * np.where(d == 0, 0.0, log_p)).sum(-1) / _unit(unit)


def _unit(name: str) -> float:
    if name not in _UNITS:
        raise RecipeError(f"unit={name!r}", wanted="nats or bits", way_out="Take unit='nats'.")
    return _UNITS[name]
