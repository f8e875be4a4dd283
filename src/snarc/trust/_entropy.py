"""Entropies of several networks' answers, and how well a score tells right answers from wrong ones."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.stats import rankdata


class Parts(NamedTuple):
    """Entropies in nats of each example ``(N,)``: ``total`` is ``noise`` plus ``ignorance``."""

    total: np.ndarray
    noise: np.ndarray
    ignorance: np.ndarray


def entropy(p: np.ndarray) -> np.ndarray:
    """Shannon entropy in nats of the last axis."""
    return -(p * np.log(np.maximum(p, 1e-300))).sum(axis=-1)


def parts(p: np.ndarray) -> Parts:
    """Split the entropy of the mean of several answers ``(members, N, classes)``.

    ``noise`` is the mean of the members' entropies: what each of them is unsure of. ``ignorance`` is the mutual
    information between the answer and the member: what they disagree on, nothing if all say the same.

    Source: Houlsby, Huszár, Ghahramani, Lengyel, arXiv:1112.5745 (2011).
    """
    total, noise = entropy(p.mean(axis=0)), entropy(p).mean(axis=0)
    return Parts(total, noise, total - noise)


def auroc(high: np.ndarray, low: np.ndarray) -> float:
    """Probability that one of ``high`` scores higher than one of ``low``, ties counted half (Mann and Whitney)."""
    ranks = rankdata(np.concatenate([high, low]))
    n, m = len(high), len(low)
    if n == 0 or m == 0:
        return float("nan")
    return float((ranks[:n].sum() - n * (n + 1) / 2) / (n * m))


def risks(unsure: np.ndarray, wrong: np.ndarray) -> np.ndarray:
    """The error among the 1, 2, ..., N surest examples, ``(N,)``; of equally sure ones each has the mean error."""
    order = np.argsort(unsure, kind="stable")
    _, group = np.unique(unsure[order], return_inverse=True)
    sums, counts = np.bincount(group, wrong[order]), np.bincount(group)
    return np.cumsum((sums / counts)[group]) / np.arange(1, len(wrong) + 1)
