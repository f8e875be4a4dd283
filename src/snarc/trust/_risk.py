"""The error on what is accepted, for every threshold on a score, and thresholds that promise one."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy.stats import beta


@dataclass(frozen=True)
class Curve:
    """Risk against coverage of one network under one score.

    Attributes
    ----------
    refused: the smallest fraction to be refused for the wanted error.
    threshold: the score from which answers are accepted then.
    area: the mean error over all coverages.
    best: the area if every wrong answer were less sure than every right one.
    risk: ``(N + 1,)`` the error on the 0, 1, ..., N surest; NaN where no threshold separates and where all is refused.
    """

    refused: float
    threshold: float
    area: float
    best: float
    risk: np.ndarray


def curve_of(score: np.ndarray, wrong: np.ndarray, error: float) -> Curve:
    """The curve of scores ``(N,)`` of answers, larger is surer, of which some are ``wrong`` (N,)."""
    order = np.argsort(-score, kind="stable")
    score, count = score[order], len(score)
    errors = np.concatenate([[0], np.cumsum(wrong[order])]).astype(np.float64)
    # Between two equal scores no threshold can be put.
    possible = np.concatenate([[True], score[1:] < score[:-1], [True]])
    accepted = np.arange(count + 1)
    with np.errstate(invalid="ignore"):
        risk = np.where(possible, errors / accepted, np.nan)
    good = np.flatnonzero(possible & (errors <= error * accepted))
    most = int(good[-1])  # nothing accepted, nothing wrong: there is always one
    # Among equal scores every order is equally likely, so the expected errors grow linearly.
    expected = np.interp(accepted, accepted[possible], errors[possible])
    threshold = score[most - 1] if most else np.nextafter(score[0], np.inf)
    last = np.maximum(accepted[1:] - (count - int(wrong.sum())), 0)  # errors if all wrong ones come last
    return Curve(
        refused=1 - most / count,
        threshold=float(threshold),
        area=float(np.mean(expected[1:] / accepted[1:])),
        best=float(np.mean(last / accepted[1:])),
        risk=risk,
    )


def safe_threshold(score: np.ndarray, wrong: np.ndarray, error: float, certainty: float) -> float:
    """A threshold above which the error of new answers is at most ``error``, with this certainty.

    A binary search over the thresholds, each judged by the exact binomial bound at a share of what may go wrong.
    Infinite where so few examples cannot promise it.

    Source: Geifman and El-Yaniv, NeurIPS 2017, algorithm 1.
    """
    ranked = np.sort(score)
    low, high = 0, len(ranked)  # the answer's place among the sorted scores; at the high end nothing is accepted
    steps = max(1, math.ceil(math.log2(len(ranked) + 1)))
    for _ in range(steps):
        if low >= high:
            break
        middle = (low + high) // 2
        kept = score >= ranked[middle]
        if upper_bound(int(wrong[kept].sum()), int(kept.sum()), (1 - certainty) / steps) <= error:
            high = middle
        else:
            low = middle + 1
    return math.inf if high == len(ranked) else float(ranked[high])


def upper_bound(errors: int, trials: int, doubt: float) -> float:
    """What the probability of an error exceeds only with probability ``doubt`` (Clopper and Pearson 1934)."""
    return 1.0 if errors >= trials else float(beta.ppf(1 - doubt, errors + 1, trials - errors))
