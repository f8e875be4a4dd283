"""The Dataset value: three disjoint splits, the task, and where it came from."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from snarc.errors import DataError, nearest

Kind = Literal["classification", "regression", "reconstruction", "sequence"]


@dataclass(frozen=True)
class Task:
    """What is to be learnt.

    ``classes`` are the class names in label order (classification, sequence);
    ``targets`` name the columns of the target (regression).
    """

    kind: Kind
    classes: tuple[str, ...] = ()
    targets: tuple[str, ...] = ()

    def outputs(self, inputs: tuple[int, ...]) -> int:
        """How many output units a network for this task has."""
        if self.kind in ("classification", "sequence"):
            return len(self.classes)
        if self.kind == "regression":
            return len(self.targets)
        return int(np.prod(inputs))


@dataclass(frozen=True)
class Split:
    """Examples and what is wanted for them.

    Attributes
    ----------
    inputs: ``(N, ...)``; uint8 for images (0 to 255, scaled to [0, 1] by the network's input stage) or float32.
    targets: int32 labels ``(N,)``, float32 ``(N, outputs)`` for regression, or the inputs themselves.
    weights: how much each example counts in training ``(N,)``, at least 0; none: all the same.
    """

    inputs: np.ndarray
    targets: np.ndarray
    weights: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.inputs)

    def __repr__(self) -> str:
        return f"Split(inputs={short(self.inputs)}, targets={short(self.targets)})"

    def take(self, index: np.ndarray | slice) -> Split:
        """The examples at these positions."""
        weights = None if self.weights is None else self.weights[index]
        return Split(self.inputs[index], self.targets[index], weights)

    def mean_one(self) -> np.ndarray | None:
        """The weights scaled to a mean of 1, float32 ``(N,)``, or none."""
        if self.weights is None:
            return None
        return (self.weights / self.weights.mean(dtype=np.float64)).astype(np.float32)

    def gather(self, index: np.ndarray | slice) -> Split:
        """The same as :meth:`take`; a stream has it too, and there it reads the examples into memory."""
        return self.take(index)

    def batches(self, order: np.ndarray, batch_size: int, start: int = 0) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Inputs and targets, ``batch_size`` at a time, in exactly this order of positions.

        Parameters
        ----------
        order: positions of examples, each from 0 to ``len(self) - 1``.
        batch_size: examples in a batch; the last batch holds what is left.
        start: the batch to begin with, counted from 0.
        """
        for first in range(start * batch_size, len(order), batch_size):
            index = order[first : first + batch_size]
            yield self.inputs[index], self.targets[index]


@dataclass(frozen=True)
class Dataset:
    """Training, validation and test splits of one task.

    Attributes
    ----------
    name: how it is called in recipes and reports.
    task: what is to be learnt.
    train, validation, test: disjoint splits (a :class:`Split`, or a stream of the same shape for data larger than
        memory).  Test data are for ``evaluate`` and the instruments; training never sees them.
    source: where it came from: files with SHA-256, addresses, licence, how it was split and with which seed.
    columns: names of the input columns of a table, else empty.
    """

    name: str
    task: Task
    train: Any
    validation: Any
    test: Any
    source: Mapping[str, Any] = field(default_factory=dict)
    columns: tuple[str, ...] = ()

    @property
    def inputs(self) -> tuple[int, ...]:
        """The shape of one example, as (H, W, C) for images or (features,) for tables."""
        return tuple(self.train.inputs.shape[1:])

    @property
    def range(self) -> tuple[float, float] | None:
        """Smallest and largest value with which an input can enter a network, where there are such.

        Pixels enter as 0 to 1; others have the range that their reader states in ``source``.
        """
        stated = self.source.get("range")
        if stated is not None:
            return float(stated[0]), float(stated[1])
        return (0.0, 1.0) if np.dtype(self.train.inputs.dtype) == np.uint8 else None

    @property
    def outputs(self) -> int:
        """How many output units a network for this data set has."""
        return self.task.outputs(self.inputs)

    def split(self, name: str) -> Any:
        """The split called ``train``, ``validation`` or ``test``.

        Raises
        ------
        DataError: none is called so.
        """
        known = ("train", "validation", "test")
        if name not in known:
            raise DataError(f"split {name!r}", wanted="train, validation or test", way_out=nearest(name, known))
        return getattr(self, name)

    def checksum(self) -> str:
        """SHA-256 over shapes, types and values of all splits; equal data sets have equal checksums."""
        digest = hashlib.sha256()
        for name in ("train", "validation", "test"):
            split = self.split(name)
            for array in (split.inputs, split.targets):
                digest.update(f"{name}{tuple(array.shape)}{np.dtype(array.dtype).str}".encode())
                if array is split.targets or isinstance(array, np.ndarray):
                    digest.update(
                        np.ascontiguousarray(array).tobytes() if array.size == 0 else np.ascontiguousarray(array).data
                    )
                else:  # a stream: its inputs are read a batch at a time and never all held
                    for inputs, _ in split.batches(np.arange(len(split)), 256):
                        digest.update(np.ascontiguousarray(inputs).data)
            weights = getattr(split, "weights", None)
            if weights is not None:
                digest.update(f"{name} weights".encode() + np.ascontiguousarray(weights).tobytes())
        return digest.hexdigest()


def short(array: Any) -> str:
    """Type and shape of an array in a few characters."""
    return f"{array.dtype}{list(array.shape)}"
