"""Mean and standard deviation of inputs, in one pass, for data in memory and for streams."""

from __future__ import annotations

from typing import Any

import numpy as np

from snarc.errors import DataError

_PIECE = 16 << 20  # bytes looked at together


def moments(split: Any) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard deviation per channel (images) or feature (tables), for standardisation.

    Parameters
    ----------
    split: a Split or a stream.  uint8 inputs count as value / 255, as the network's input stage makes them; each
        example counts with its weight, where the split has weights.

    Returns
    -------
    float64 mean and standard deviation (population, divided by N) of the last axis, ``(channels,)``.  The standard
    deviation of what is constant is given as 1, so that dividing by it is safe.

    Raises
    ------
    DataError: the split is empty.

    Sums of uint8 are exact; others are combined by pairwise updating (Chan, Golub and LeVeque, The American
    Statistician 37 (1983) 242).

    >>> from snarc.data import Split
    >>> mean, std = moments(Split(np.array([[1.0, 7.0], [3.0, 7.0]], np.float32), np.zeros(2)))
    >>> mean.tolist(), std.tolist()
    ([2.0, 7.0], [1.0, 1.0])
    """
    n = len(split)
    if n == 0:
        raise DataError("a split without examples has no mean", wanted="at least one example", way_out="Give data.")
    if getattr(split, "weights", None) is not None:
        return _weighted(split.inputs, split.weights)
    shape, dtype = tuple(split.inputs.shape), np.dtype(split.inputs.dtype)
    size = max(1, _PIECE // max(1, int(np.prod(shape[1:])) * dtype.itemsize))
    size = size if isinstance(split.inputs, np.ndarray) else min(size, 256)
    add = _Bytes(shape[-1]) if dtype == np.uint8 else _Floats(shape[-1])
    if isinstance(split.inputs, np.ndarray):
        for first in range(0, n, size):
            add(split.inputs[first : first + size])
    else:
        for inputs, _ in split.batches(np.arange(n), size):
            add(inputs)
    return add.result()


def _weighted(inputs: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    rows = inputs.reshape(len(inputs), -1, inputs.shape[-1]).astype(np.float64)
    rows = rows / 255 if inputs.dtype == np.uint8 else rows
    share = (weights / weights.sum(dtype=np.float64) / rows.shape[1])[:, None, None]
    shift = rows[int(np.argmax(weights > 0)), 0]  # what is constant becomes exactly zero
    mean = (share * (rows - shift)).sum(axis=(0, 1))
    std = np.sqrt((share * (rows - shift - mean) ** 2).sum(axis=(0, 1)))
    return mean + shift, np.where(std > 0, std, 1.0)


class _Bytes:
    """Counts of the 256 values in each channel; everything else follows from them exactly."""

    def __init__(self, channels: int) -> None:
        self.counts = np.zeros((channels, 256), np.int64)

    def __call__(self, inputs: np.ndarray) -> None:
        for channel, counts in enumerate(self.counts):
            counts += np.bincount(inputs[..., channel].reshape(-1), minlength=256)

    def result(self) -> tuple[np.ndarray, np.ndarray]:
        means, stds = [], []
        for counts in self.counts.tolist():  # Python's whole numbers do not overflow
            n = sum(counts)
            total = sum(v * c for v, c in enumerate(counts))
            squares = sum(v * v * c for v, c in enumerate(counts))
            means.append(total / n / 255)
            stds.append(((n * squares - total * total) / (n * n)) ** 0.5 / 255 or 1.0)
        return np.array(means), np.array(stds)


class _Floats:
    """Count, mean and sum of squared deviations of the last axis, updated piece by piece."""

    def __init__(self, channels: int) -> None:
        self.n, self.mean, self.deviations = 0, np.zeros(channels), np.zeros(channels)
        self.shift: np.ndarray | None = None

    def __call__(self, inputs: np.ndarray) -> None:
        rows = inputs.reshape(-1, inputs.shape[-1]).astype(np.float64)
        if self.shift is None:
            self.shift = rows[0].copy()  # what is constant becomes exactly zero, whatever its value
        rows -= self.shift
        n, mean = len(rows), rows.mean(0)
        rows -= mean
        apart, total = mean - self.mean, self.n + n
        self.deviations += np.einsum("ij,ij->j", rows, rows) + apart**2 * (self.n * n / total)
        self.mean += apart * (n / total)
        self.n = total

    def result(self) -> tuple[np.ndarray, np.ndarray]:
        std = np.sqrt(self.deviations / self.n)
        assert self.shift is not None
        return self.mean + self.shift, np.where(std > 0, std, 1.0)
