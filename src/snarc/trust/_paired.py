"""Tests of a difference: Student's t over pairs, Welch's over two groups, McNemar's over the same examples."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy import special

LEVEL = 0.95


class Effect(NamedTuple):
    """A difference with its 95 % interval and the probability of one as large by chance alone.

    ``p``, ``low`` and ``high`` are NaN where they cannot be had.
    """

    difference: float
    low: float
    high: float
    p: float
    degrees: float


class Table(NamedTuple):
    """Two networks on the same examples: how many each gets right alone, with McNemar's exact test.

    ``difference`` is the second's share of right answers minus the first's.
    """

    both: int
    only_first: int
    only_second: int
    neither: int
    difference: float
    low: float
    high: float
    p: float


def paired_t(first: np.ndarray, second: np.ndarray) -> Effect:
    """Student's t-test of the mean of ``second - first`` ``(n,)`` against 0 (Biometrika 6 (1908) 1).

    >>> effect = paired_t(np.array([1.0, 2.0, 3.0]), np.array([2.0, 4.0, 6.0]))
    >>> round(effect.difference, 3), round(effect.p, 4)
    (2.0, 0.0742)
    """
    steps = np.asarray(second, np.float64) - np.asarray(first, np.float64)
    if len(steps) < 2:
        return _unknown(float(steps.mean()))
    return _student(float(steps.mean()), float(steps.std(ddof=1)) / math.sqrt(len(steps)), len(steps) - 1)


def welch(first: np.ndarray, second: np.ndarray) -> Effect:
    """Welch's t-test of two groups whose spreads may differ (Biometrika 34 (1947) 28)."""
    first, second = np.asarray(first, np.float64), np.asarray(second, np.float64)
    difference = float(second.mean() - first.mean())
    if min(len(first), len(second)) < 2:
        return _unknown(difference)
    a, b = float(first.var(ddof=1)) / len(first), float(second.var(ddof=1)) / len(second)
    if a + b == 0:
        return _student(difference, 0.0, len(first) + len(second) - 2)
    degrees = (a + b) ** 2 / (a**2 / (len(first) - 1) + b**2 / (len(second) - 1))
    return _student(difference, math.sqrt(a + b), degrees)


def mcnemar(first_right: np.ndarray, second_right: np.ndarray) -> Table:
    """McNemar's exact test on two answers to the same examples, ``(N,)`` true where right.

    Only the examples that one of the two gets right speak: were the networks equally good, each of those would fall
    to either side like a coin.  The interval is Clopper and Pearson's for that coin, carried over to the difference
    of the shares with the number of such examples held fixed, so that it leaves 0 out where p is below 0.05.

    Source: McNemar, Psychometrika 12 (1947) 153.

    >>> table = mcnemar(np.array([1, 1, 0, 0, 0, 0, 0]) > 0, np.array([1, 0, 1, 1, 1, 1, 1]) > 0)
    >>> table.only_first, table.only_second, table.p
    (1, 5, 0.21875)
    """
    both = int(np.sum(first_right & second_right))
    only_first, only_second = int(np.sum(first_right & ~second_right)), int(np.sum(second_right & ~first_right))
    count, apart = len(first_right), only_first + only_second
    difference = (only_second - only_first) / count
    few = min(only_first, only_second)
    # Whole numbers, because the sum of small probabilities over 2^n loses digits where n is large.
    tail = sum(math.comb(apart, k) for k in range(few + 1)) if apart else 1
    p = min(1.0, 2 * tail / 2**apart) if apart < 1000 else min(1.0, 2 * float(special.bdtr(few, apart, 0.5)))
    low, high = _clopper_pearson(only_second, apart)
    share = apart / count
    return Table(
        both, only_first, only_second, count - both - apart, difference,
        (2 * low - 1) * share, (2 * high - 1) * share, p,
    )  # fmt: skip


def two_shares(first: int, second: int, trials: int | tuple[int, int]) -> Effect:
    """The z-test of two independent shares, with their pooled variance; ``p`` is two-sided.

    ``degrees`` holds z; the interval of the difference ``second - first`` has the unpooled variance.

    >>> effect = two_shares(76, 102, 1500)
    >>> round(effect.degrees, 3), round(effect.p, 4)
    (2.009, 0.0445)
    """
    n, m = (trials, trials) if isinstance(trials, int) else trials
    a, b, pooled = first / n, second / m, (first + second) / (n + m)
    error = math.sqrt(pooled * (1 - pooled) * (1 / n + 1 / m))
    z = (b - a) / error if error else math.nan
    half = float(special.ndtri((1 + LEVEL) / 2)) * math.sqrt(a * (1 - a) / n + b * (1 - b) / m)
    return Effect(b - a, b - a - half, b - a + half, 2 * float(special.ndtr(-abs(z))), z)


def holm(p: Sequence[float]) -> list[float]:
    """Probabilities adjusted for having been asked together (Holm, Scand. J. Statist. 6 (1979) 65); NaN stays NaN.

    >>> holm([0.01, 0.04, 0.03])
    [0.03, 0.06, 0.06]
    """
    asked = sorted((value, k) for k, value in enumerate(p) if not math.isnan(value))
    found, largest = list(p), 0.0
    for rank, (value, k) in enumerate(asked):
        largest = max(largest, min(1.0, (len(asked) - rank) * value))
        found[k] = largest
    return found


def _clopper_pearson(successes: int, trials: int) -> tuple[float, float]:
    tail = (1 - LEVEL) / 2
    low = float(special.betaincinv(successes, trials - successes + 1, tail)) if successes else 0.0
    high = float(special.betaincinv(successes + 1, trials - successes, 1 - tail)) if successes < trials else 1.0
    return low, high


def _student(difference: float, error: float, degrees: float) -> Effect:
    if error <= 1e-15 * max(abs(difference), 1e-300):
        # Not one repetition differed from another: chance cannot be estimated from that.
        return Effect(difference, difference, difference, math.nan, degrees)
    half = float(special.stdtrit(degrees, (1 + LEVEL) / 2)) * error
    p = 2 * float(special.stdtr(degrees, -abs(difference) / error))
    return Effect(difference, difference - half, difference + half, p, degrees)


def _unknown(difference: float) -> Effect:
    return Effect(difference, math.nan, math.nan, math.nan, 0.0)
