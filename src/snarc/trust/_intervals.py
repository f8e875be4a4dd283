"""Intervals from how wrong a network was on other examples: split conformal, quantiles, jackknife+ and CV+."""

from __future__ import annotations

import math

import numpy as np
from scipy import stats


def rank_of(count: int, coverage: float) -> int:
    """ceil((n + 1) coverage): 0.9 x 10 is 9, whatever the last bit of a double says."""
    return math.ceil((count + 1) * coverage - 1e-9)


def smallest(scores: np.ndarray, coverage: float) -> float:
    """The ceil((n + 1) coverage)-th smallest of n scores; infinite where n is too small for the promise."""
    rank = rank_of(len(scores), coverage)
    return math.inf if rank > len(scores) else float(np.sort(scores)[rank - 1])


def split(
    scores: np.ndarray, predicted: np.ndarray, coverage: float, scale: np.ndarray | float = 1.0
) -> tuple[np.ndarray, np.ndarray]:
    """Intervals predicted -+ threshold x scale, the threshold from the scores |error| / scale of other examples.

    The coverage lies between ``coverage`` and ``coverage`` + 1 / (n + 1) for n exchangeable scores without ties.

    Source: Lei, G'Sell, Rinaldo, Tibshirani, Wasserman, JASA 113 (2018) 1094.
    """
    half = smallest(scores, coverage) * np.asarray(scale)
    return predicted - half, predicted + half


def quantiles(
    known: tuple[np.ndarray, np.ndarray], targets: np.ndarray, said: tuple[np.ndarray, np.ndarray], coverage: float
) -> tuple[np.ndarray, np.ndarray]:
    """Predicted lower and upper quantiles, moved apart (or together) as those of other examples needed.

    Parameters
    ----------
    known, targets: lower and upper quantiles of the calibration examples ``(n,)``, and what was true.
    said: lower and upper quantiles of the examples to judge ``(N,)``.

    Source: Romano, Patterson, Candès, NeurIPS 2019.
    """
    moved = smallest(np.maximum(known[0] - targets, targets - known[1]), coverage)
    return said[0] - moved, said[1] + moved


def plus(residuals: np.ndarray, fold: np.ndarray, said: np.ndarray, coverage: float) -> tuple[np.ndarray, np.ndarray]:
    """Jackknife+ (one example a fold) or CV+: quantiles of what the networks say less and more their errors.

    Parameters
    ----------
    residuals: |error| on each training example ``(n,)`` of the network that has not seen it.
    fold: which network that was ``(n,)``.
    said: what each network says of the examples to judge, ``(folds, N)``.

    Returns
    -------
    Lower and upper ends ``(N,)``.  The coverage is at least ``1 - 2 (1 - coverage)`` for jackknife+, and for CV+ of K
    folds at least that less min((2 (1 - 1/K)) / (n/K + 1), (1 - K/n) / (K + 1)), whatever the network and the data.

    Source: Barber, Candès, Ramdas, Tibshirani, Annals of Statistics 49 (2021) 486, theorems 1 and 4.
    """
    n = len(residuals)
    rank = rank_of(n, coverage)
    if rank > n:
        none = np.full(said.shape[1], math.inf)
        return -none, none
    centre = said[fold]
    low = np.sort(centre - residuals[:, None], axis=0)[n - rank]
    high = np.sort(centre + residuals[:, None], axis=0)[rank - 1]
    return low, high


def promised(count: int, folds: int, coverage: float) -> float:
    """The coverage that jackknife+ and CV+ cannot fall short of, for so many examples and folds."""
    doubt = 2 * (1 - coverage)
    if folds < count:
        doubt += min(2 * (1 - 1 / folds) / (count / folds + 1), (1 - folds / count) / (folds + 1))
    return max(0.0, 1 - doubt)


def between(calibration: int, test: int, coverage: float) -> tuple[float, float]:
    """Between what the split conformal coverage of ``test`` examples lies in 95 of 100 draws, without ties."""
    rank = rank_of(calibration, coverage)
    if rank > calibration:
        return 1.0, 1.0
    law = stats.betabinom(test, rank, calibration + 1 - rank)
    return float(law.ppf(0.025) / test), float(law.ppf(0.975) / test)


def between_classes(calibration: np.ndarray, test: np.ndarray, coverage: float) -> tuple[float, float]:
    """The same where each class has a threshold of its own, for so many examples of each, ``(classes,)`` both."""
    hits = np.ones(1)  # the law of how many are covered, class after class
    for known, judged in zip(calibration.tolist(), test.tolist()):
        rank, counts = rank_of(known, coverage), np.arange(judged + 1)
        sure = rank > known  # its sets hold it always
        law = (counts == judged) * 1.0 if sure else stats.betabinom(judged, rank, known + 1 - rank).pmf(counts)
        hits = np.convolve(hits, law)
    low, high = np.searchsorted(np.cumsum(hits), (0.025, 0.975)) / (len(hits) - 1)
    return float(low), float(high)


def neighbours(known: np.ndarray, errors: np.ndarray, asked: np.ndarray, count: int = 30) -> np.ndarray:
    """How large errors are near each example ``(N,)``: their mean over its nearest known examples, plus a tenth of all.

    What is added keeps it positive where the neighbours happen to be fitted exactly.

    Source: Papadopoulos, Vovk, Gammerman, JAIR 40 (2011) 815.
    """
    from scipy.spatial import cKDTree

    scale = known.std(axis=0)
    scale = np.where(scale > 0, scale, 1.0)
    _, near = cKDTree(known / scale).query(asked / scale, k=min(count, len(known)))
    found: np.ndarray = errors[near.reshape(len(asked), -1)].mean(axis=1) + 0.1 * errors.mean() + 1e-12
    return found
