"""Scalings of logits fitted by likelihood: one temperature, a weight and a shift for each class, Platt's curves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.optimize import minimize
from scipy.special import expit, log_softmax, softmax

Method = Literal["temperature", "vector", "platt"]
METHODS = ("temperature", "vector", "platt")


@dataclass(frozen=True)
class Scaling:
    """Logits times ``weight`` plus ``bias``, each a number for each class; the temperature is 1 / weight.

    ``platt``: instead of a softmax, each class's logistic curve of its own logit, divided by their sum.
    """

    method: str
    weight: np.ndarray
    bias: np.ndarray

    @property
    def temperature(self) -> float:
        """The mean of 1 / weight over classes."""
        return float(np.mean(1 / self.weight))

    def scaled(self, logits: np.ndarray) -> np.ndarray:
        """Logits times weight plus bias in float64, ``(N, classes)``.

        One temperature keeps their order exactly: logits of float32 that differ still differ in float64 after the
        product with any positive number, so that no answer changes.
        """
        return self.weight * logits.astype(np.float64) + self.bias

    def answers(self, logits: np.ndarray) -> np.ndarray:
        """The class with the largest probability, ``(N,)``; the first of equals."""
        return self.scaled(logits).argmax(axis=-1)  # logistic curves, too, rise with what they are of

    def probabilities(self, logits: np.ndarray) -> np.ndarray:
        """Calibrated probabilities ``(N, classes)``."""
        scaled = self.scaled(logits)
        if self.method != "platt":
            return softmax(scaled, axis=-1)
        each = expit(scaled)
        return each / each.sum(axis=-1, keepdims=True)


def fit(logits: np.ndarray, labels: np.ndarray, method: Method = "temperature") -> Scaling:
    """Fit a scaling on calibration examples ``(n, classes)``, ``(n,)`` by their likelihood.

    Source: Guo et al., ICML 2017 (temperature, vector); Platt (1999), with his smoothed targets, one curve a class.
    """
    logits = logits.astype(np.float64)
    classes = logits.shape[1]
    if method == "temperature":
        return Scaling(method, np.full(classes, 1 / temperature(logits, labels)), np.zeros(classes))
    if method == "vector":
        return Scaling(method, *_vector(logits, labels))
    curves = [_platt(logits[:, k], labels == k) for k in range(classes)]
    return Scaling(method, np.array([a for a, _ in curves]), np.array([b for _, b in curves]))


def temperature(logits: np.ndarray, labels: np.ndarray, *, steps: int = 100) -> float:
    """The temperature T of least negative log-likelihood of softmax(logits / T), by Newton's method.

    The loss is convex in 1 / T: its derivative there is the mean of E_p[z] - z_y, its second one that of Var_p[z].
    A network that is never wrong has no best temperature: 1 / T ends at the largest value tried, 10,000 over the
    spread of the logits.
    """
    z = logits.astype(np.float64)
    z = z - z[np.arange(len(z)), labels][:, None]  # the right class at 0
    spread = float(np.abs(z).max()) or 1.0
    low, high, b = 0.0, 1e4 / spread, 1.0
    b = min(b, high)
    for _ in range(steps):
        p = softmax(b * z, axis=1)
        mean = (p * z).sum(axis=1)
        slope, curvature = mean.mean(), ((p * z**2).sum(axis=1) - mean**2).mean()
        low, high = (b, high) if slope < 0 else (low, b)
        move = slope / curvature if curvature > 0 else np.inf
        new = b - move
        if not low < new < high:
            new = (low + high) / 2  # Newton left the bracket of the minimum
        if abs(new - b) <= 1e-12 * b:
            break
        b = new
    return 1 / max(b, 1e-12)


def _vector(z: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    n, classes = z.shape
    one = np.eye(classes)[labels]

    def loss(x: np.ndarray) -> tuple[float, np.ndarray]:
        scaled = x[:classes] * z + x[classes:]
        logp = log_softmax(scaled, axis=1)
        apart = (np.exp(logp) - one) / n
        return -float((one * logp).sum() / n), np.concatenate([(apart * z).sum(axis=0), apart.sum(axis=0)])

    start = np.concatenate([np.full(classes, 1 / temperature(z, labels)), np.zeros(classes)])
    found = minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": 500}).x
    return found[:classes], found[classes:] - found[classes:].mean()


def _platt(z: np.ndarray, right: np.ndarray) -> tuple[float, float]:
    positives, negatives = int(right.sum()), int((~right).sum())
    target = np.where(right, (positives + 1) / (positives + 2), 1 / (negatives + 2))
    scale = float(np.abs(z).max()) or 1.0

    def loss(x: np.ndarray) -> tuple[float, np.ndarray]:
        s = x[0] * z / scale + x[1]
        apart = expit(s) - target
        return float((np.logaddexp(0, s) - target * s).sum()), np.array([(apart * z / scale).sum(), apart.sum()])

    start = np.array([scale, np.log((positives + 1) / (negatives + 1))])
    a, b = minimize(loss, start, jac=True, method="BFGS", options={"gtol": 1e-6}).x
    return float(a / scale), float(b)
