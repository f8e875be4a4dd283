"""The training examples that a network finds most similar to another."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from snarc import keys

ROWS = 500  # examples a batch
NUMBERS = 8_000_000  # features kept at most: 32 MB


@dataclass(frozen=True)
class Neighbours:
    """Examples with their features.

    Attributes
    ----------
    inputs: as the data set holds them, ``(N, ...)``.
    labels: ``(N,)``.
    features: ``(N, F)``.
    """

    inputs: np.ndarray
    labels: np.ndarray
    features: np.ndarray

    @classmethod
    def of(
        cls, split: Any, features: Callable[[np.ndarray], np.ndarray], count: int = 5000, seed: int = 0
    ) -> Neighbours:
        """Some examples of a split, drawn at random, and the features that a function finds in their inputs.

        Parameters
        ----------
        features: inputs ``(n, ...)`` to ``(n, F)``; called with batches of one size.
        count: how many; fewer where the split is smaller, or where features are many.
        """
        probe = split.gather(np.arange(min(ROWS, len(split))))
        width = features(np.resize(probe.inputs, (ROWS, *probe.inputs.shape[1:]))).shape[1]
        count = max(1, min(count, len(split), NUMBERS // width))
        index = np.sort(keys.generator(seed, "neighbours").permutation(len(split))[:count])
        some = split.gather(index)
        found = []
        for first in range(0, count, ROWS):
            x = some.inputs[first : first + ROWS]
            found.append(features(np.resize(x, (ROWS, *x.shape[1:])))[: len(x)])
        return cls(np.asarray(some.inputs), np.asarray(some.targets), np.concatenate(found))

    def __len__(self) -> int:
        return len(self.labels)

    def nearest(self, features: np.ndarray, count: int = 8) -> tuple[np.ndarray, np.ndarray]:
        """Positions of the examples nearest to features ``(F,)``, the nearest first, and their Euclidean distances.

        >>> three = Neighbours(np.zeros((3, 1)), np.arange(3), np.array([[0.0, 0.0], [3.0, 4.0], [1.0, 0.0]]))
        >>> [found.tolist() for found in three.nearest(np.zeros(2), 2)]
        [[0, 2], [0.0, 1.0]]
        """
        distance = np.sqrt(((self.features.astype(np.float64) - features) ** 2).sum(axis=1))
        order = np.argsort(distance, kind="stable")[:count]
        return order, distance[order]
