"""What calibration is measured by: sums over bins of forecasts, and the parts of the Brier score."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

SCHEMES = ("equal-width", "equal-mass")


@dataclass(frozen=True)
class Bins:
    """Sums over the forecasts of each bin, ``(bins,)``: how many, of what they say, of what then happened."""

    count: np.ndarray
    said: np.ndarray
    happened: np.ndarray

    def __add__(self, other: Bins) -> Bins:
        return Bins(self.count + other.count, self.said + other.said, self.happened + other.happened)

    @property
    def gaps(self) -> np.ndarray:
        """How far what happened lies from what was said, on average, in each bin that is not empty."""
        full = self.count > 0
        return np.abs(self.happened[full] - self.said[full]) / self.count[full]

    @property
    def expected_error(self) -> float:
        """The mean gap over forecasts: the expected calibration error."""
        return float(np.abs(self.happened - self.said).sum() / self.count.sum())


def edges_of(said: np.ndarray, bins: int, scheme: str) -> np.ndarray:
    """``(bins + 1,)`` edges on [0, 1]: evenly spaced, or with as many of the forecasts in each bin as in any other."""
    if scheme == "equal-width":
        return np.linspace(0.0, 1.0, bins + 1)
    inner = np.quantile(said, np.arange(1, bins) / bins)
    return np.concatenate([[0.0], inner, [1.0]])


def place(said: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """The bin of each forecast; bin b is (edge b, edge b + 1], so that 1 belongs to the last and 0 to the first."""
    return np.searchsorted(edges[1:-1], said, side="left")


def binned(where: np.ndarray, said: np.ndarray, happened: np.ndarray, bins: int) -> Bins:
    """Sums over the bins ``where`` the forecasts lie, all of them ``(M,)``."""
    count, *sums = (np.bincount(where, w, minlength=bins) for w in (np.ones(len(where)), said, happened))
    return Bins(count, *sums)


def by_chance(where: np.ndarray, said: np.ndarray, bins: int) -> float:
    """The error that forecasts would show in these bins if each came true as often as it says."""
    # E|X| = sd sqrt(2 / pi) for the normal that the sum of a bin's hits, less its confidence, tends to.
    variance = np.bincount(where, said * (1 - said), minlength=bins)
    return float(np.sqrt(2 / np.pi * variance).sum() / len(where))


def of_classes(probabilities: np.ndarray, labels: np.ndarray, bins: int, scheme: str) -> np.ndarray:
    """The expected calibration error of the probability of each class, likely or not, ``(classes,)``."""
    found = []
    for k, said in enumerate(probabilities.T):
        where = place(said, edges_of(said, bins, scheme))
        found.append(binned(where, said, labels == k, bins).expected_error)
    return np.array(found)


class BrierParts(NamedTuple):
    """Parts of the mean squared error of forecasts: reliability - resolution + uncertainty + within."""

    reliability: float
    resolution: float
    uncertainty: float
    within: float

    @property
    def total(self) -> float:
        """The Brier score itself."""
        return self.reliability - self.resolution + self.uncertainty + self.within


def brier_parts(said: np.ndarray, happened: np.ndarray, where: np.ndarray | None = None) -> BrierParts:
    """The Brier score of forecasts ``said`` (M,) of events ``happened`` (M,) (0 or 1) in Murphy's parts.

    Parameters
    ----------
    where: the bin of each forecast, whole numbers; without it forecasts that say the same form a group.

    Returns
    -------
    Reliability, the mean squared distance of a group's forecast from its frequency (0 is best); resolution, how far
    the frequencies of the groups spread; uncertainty, the variance of the event; and what bins add in which different
    forecasts are taken together: their variance within a bin less twice their covariance with the event there (0 for
    groups of equal forecasts).

    Source: Murphy, J. Appl. Meteorol. 12 (1973) 595; within bins: Stephenson, Coelho, Jolliffe, Weather and
    Forecasting 23 (2008) 752.
    """
    said, happened = np.asarray(said, np.float64), np.asarray(happened, np.float64)
    if where is None:
        where = np.unique(said, return_inverse=True)[1]
    counts = np.bincount(where)
    with np.errstate(invalid="ignore"):
        mean_said, frequency = (np.bincount(where, v) / counts for v in (said, happened))
    base = happened.mean()
    apart = said - mean_said[where]
    inside = apart**2 - 2 * apart * (happened - frequency[where])
    return BrierParts(
        float(((mean_said - frequency)[where] ** 2).mean()),
        float(((frequency - base)[where] ** 2).mean()),
        float(base * (1 - base)),
        float(inside.mean()),
    )


def brier_parts_of_classes(probabilities: np.ndarray, labels: np.ndarray, bins: int, scheme: str) -> BrierParts:
    """The parts of the Brier score of several classes: sums over the classes of those of each class's own forecast."""
    found = []
    for k, said in enumerate(probabilities.T):
        found.append(brier_parts(said, labels == k, place(said, edges_of(said, bins, scheme))))
    return BrierParts(*(float(sum(part)) for part in zip(*found)))


def nll(logits: np.ndarray, labels: np.ndarray) -> float:
    """Mean negative log-likelihood in nats of ``labels`` (N,) under the softmax of ``logits`` (N, classes)."""
    logits = logits.astype(np.float64)
    top = logits.max(axis=-1)
    total = top + np.log(np.exp(logits - top[:, None]).sum(axis=-1))
    return float((total - logits[np.arange(len(logits)), labels]).mean())
