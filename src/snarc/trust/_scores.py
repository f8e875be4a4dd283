"""How sure an answer is, and how familiar an example looks, from logits alone."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.special import logsumexp

from snarc.subjects import Predictions

from ._entropy import entropy, parts


def disagreement(seen: Predictions) -> np.ndarray:
    """The mutual information of the answer and of which replica gives it, ``(N,)``: 0 where all say the same."""
    return parts(seen.probabilities).ignorance


def margin(values: np.ndarray) -> np.ndarray:
    """Largest minus second largest of the last axis."""
    top = np.partition(values, -2, axis=-1)[..., -2:]
    return top[..., 1] - top[..., 0]


def _agreement(seen: Predictions) -> np.ndarray:
    return np.broadcast_to(-disagreement(seen), (seen.replicas, len(seen)))


# How sure an answer is, ``(replicas, N)``; larger is surer.
SURENESS: dict[str, Callable[[Predictions], np.ndarray]] = {
    "margin": lambda seen: margin(seen.logits.astype(np.float64)),
    "activity": lambda seen: seen.logits.max(axis=-1).astype(np.float64),
    "probability-margin": lambda seen: margin(seen.probabilities),
    "confidence": lambda seen: seen.confidence,
    "entropy": lambda seen: -entropy(seen.probabilities),
    "disagreement": _agreement,
}

# How familiar an example looks, ``(replicas, N)``; larger is more familiar.
FAMILIARITY: dict[str, Callable[[Predictions], np.ndarray]] = {
    "maximum-probability": lambda seen: seen.confidence,
    "entropy": lambda seen: -entropy(seen.probabilities),
    "energy": lambda seen: logsumexp(seen.logits.astype(np.float64), axis=-1),
}


def fpr95(familiar: np.ndarray, other: np.ndarray) -> float:
    """Share of the others that pass a threshold which lets 95 % of the familiar examples pass."""
    rank = int(np.floor(0.05 * len(familiar)))
    return float((other >= np.sort(familiar)[rank]).mean())
