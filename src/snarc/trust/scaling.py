"""Confidence put right after training: by a temperature, a weight and a shift for each class, or Platt's curves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from scipy.optimize import minimize
from scipy.special import expit, log_softmax, softmax

from snarc import draw
from snarc.errors import RecipeError, nearest
from snarc.reading import Estimate, Reading
from snarc.registry import instrument
from snarc.subjects import Predictions

from ._held_out import calibration_of

Method = Literal["temperature", "vector", "platt"]
METHODS = ("temperature", "vector", "platt")
BINS = 15


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

    def probabilities(self, logits: np.ndarray) -> np.ndarray:
        """Calibrated probabilities ``(N, classes)``."""
        scaled = self.weight * logits.astype(np.float64) + self.bias
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


@instrument("scaling", asks="Can its confidence be put right without another answer?")
def scaling(
    of: Any, data: Any = "test", *, calibration: Any = "validation", method: Method = "temperature", bins: int = BINS
) -> Reading:
    """Calibration before and after a scaling of the logits that was fitted on examples of their own.

    Parameters
    ----------
    of, data: whatever :func:`snarc.subjects.predictions` takes.
    calibration: examples that the network neither learnt from nor is judged by.
    method: ``temperature``, ``vector`` or ``platt``.
    bins: of equal width, for the expected calibration error.

    Returns
    -------
    Numbers over replicas: ``temperature`` (mean over classes), ``ece_before``, ``ece_after``, ``nll_before``,
    ``nll_after`` (nats), ``accuracy_before``, ``accuracy_after`` (equal for a temperature, which keeps the order of
    the classes).  Arrays of the first replica: ``t`` and ``nll`` ``(60,)``, the loss on the calibration data over
    temperatures; ``confidence``, ``accuracy_in_bin_before`` and ``accuracy_in_bin_after`` ``(bins,)``.

    Raises
    ------
    RecipeError: the method is unknown.
    DataError: no calibration examples of their own, or no classes.
    """
    if method not in METHODS:
        raise RecipeError(f"method {method!r}", wanted="one of " + ", ".join(METHODS), way_out=nearest(method, METHODS))
    known, judged = calibration_of(of, data, calibration, "scaling")
    for seen in (known, judged):
        seen.need("classes", "scaling")
    labels = judged.targets
    rows: dict[str, list[float]] = {}
    for k in range(judged.replicas):
        own = known.logits[min(k, known.replicas - 1)]
        fitted = fit(own, known.targets, method)
        before, after = judged.probabilities[k], fitted.probabilities(judged.logits[k])
        row = {"temperature": fitted.temperature}
        for when, p in (("before", before), ("after", after)):
            row |= {
                f"ece_{when}": ece(p, labels, bins),
                f"nll_{when}": float(-np.log(np.maximum(p[np.arange(len(p)), labels], 1e-300)).mean()),
                f"accuracy_{when}": float((p.argmax(axis=1) == labels).mean()),
            }
        for name, value in row.items():
            rows.setdefault(name, []).append(value)
        if k == 0:
            arrays = _arrays(known, own, before, after, labels, bins, fitted.temperature)
    numbers = {name: Estimate.over(values) for name, values in rows.items()}
    note = (
        f"The expected calibration error goes from {100 * numbers['ece_before'].mean:.2f} to "
        f"{100 * numbers['ece_after'].mean:.2f} points ({bins} equal-width bins) "
        f"by {method} scaling on {len(known)} examples; the temperature is {numbers['temperature'].mean:.3g}."
    )
    return Reading("scaling", numbers, arrays, _draw, note)


def ece(probabilities: np.ndarray, labels: np.ndarray, bins: int = BINS) -> float:
    """Expected calibration error of the predicted class over bins of equal width (Guo et al. 2017, eq. 3)."""
    _, confidence, right, _ = _binned(probabilities, labels, bins)
    return float(np.abs(right - confidence).sum() / len(labels))


def _binned(p: np.ndarray, labels: np.ndarray, bins: int) -> tuple[np.ndarray, ...]:
    sure, right = p.max(axis=1), p.argmax(axis=1) == labels
    where = np.searchsorted(np.linspace(0, 1, bins + 1)[1:-1], sure, side="left")
    count, confidence, hits = (np.bincount(where, w, minlength=bins) for w in (np.ones(len(p)), sure, right))
    return count, confidence, hits, where


def _arrays(
    known: Predictions, own: np.ndarray, before: np.ndarray, after: np.ndarray, labels: np.ndarray, bins: int, t: float
) -> dict[str, np.ndarray]:
    ts = max(t, 1e-3) * np.geomspace(0.25, 4, 60)
    rows = np.arange(len(own))
    nll = [-log_softmax(own.astype(np.float64) / one, axis=1)[rows, known.targets].mean() for one in ts]
    arrays = {"t": ts, "nll": np.array(nll), "confidence": (np.arange(bins) + 0.5) / bins}
    for when, p in (("before", before), ("after", after)):
        count, _, right, _ = _binned(p, labels, bins)
        with np.errstate(invalid="ignore"):
            arrays[f"accuracy_in_bin_{when}"] = right / count
    return arrays


def _draw(reading: Reading) -> Any:
    figure, (left, right) = draw.new(1, 2, width=7.2, height=3.4)
    left.plot([0, 100], [0, 100], color=draw.MUTED, linestyle=(0, (4, 3)), linewidth=1)
    for k, when in enumerate(("before", "after")):
        found = reading.arrays[f"accuracy_in_bin_{when}"]
        full = np.isfinite(found)
        error = 100 * float(reading.numbers[f"ece_{when}"])
        left.plot(
            100 * reading.arrays["confidence"][full], 100 * found[full], "o-", markersize=4,
            color=draw.PALETTE[1 - k], label=f"{when}: ECE {error:.2f} points",
        )  # fmt: skip
    left.set(xlabel="confidence (%)", ylabel="accuracy (%)", xlim=(0, 100), ylim=(0, 102))
    draw.legend(left, loc="lower right")
    t = float(reading.numbers["temperature"])
    right.plot(reading.arrays["t"], reading.arrays["nll"], color=draw.PALETTE[0])
    right.axvline(t, color=draw.MUTED, linestyle=(0, (4, 3)), linewidth=1)
    right.set(xlabel=f"temperature (dashed: {t:.3g})", ylabel="loss on calibration data (nats)")
    right.set_xscale("log")
    draw.plain_log(right.xaxis)
    return figure


@scaling.known_case
def logits_stretched_by_a_factor() -> None:
    """Labels drawn from softmax(z) and logits given as 3 z: the temperature is 3."""
    rng = np.random.default_rng(0)
    z = rng.normal(scale=1.5, size=(40_000, 4))
    labels = (rng.random(len(z))[:, None] > np.cumsum(softmax(z, axis=1), axis=1)).sum(axis=1)
    half = len(z) // 2
    found = scaling(3 * z[:half], labels[:half], calibration=(3 * z[half:], labels[half:]))
    assert abs(float(found.numbers["temperature"]) - 3) < 0.1
    assert float(found.numbers["ece_after"]) < 0.012 < float(found.numbers["ece_before"])
    assert found.numbers["accuracy_before"] == found.numbers["accuracy_after"]
