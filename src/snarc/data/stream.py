"""Data larger than memory: examples that are read from disk as they are needed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import numpy as np

from snarc.errors import DataError, MissingExtraError

from .dataset import Split, short

STREAM_ABOVE = 2 << 30  # bytes of inputs above which they are streamed unless said otherwise
THREADS = 4
AHEAD = 8  # batches read before they are asked for


class Source(Protocol):
    """Examples on disk that can be read in any order."""

    @property
    def shape(self) -> tuple[int, ...]: ...

    @property
    def dtype(self) -> np.dtype: ...

    def __len__(self) -> int: ...

    def read(self, index: np.ndarray) -> np.ndarray:
        """The examples at these positions, ``(len(index), *shape)``; called from several threads at once."""


class Described(NamedTuple):
    """Shape and type of an array that is not held."""

    shape: tuple[int, ...]
    dtype: np.dtype

    @property
    def ndim(self) -> int:
        """Number of axes, that of the examples included."""
        return len(self.shape)

    @property
    def nbytes(self) -> int:
        """Bytes that it would take."""
        return int(np.prod(self.shape, dtype=np.int64)) * self.dtype.itemsize


@dataclass(frozen=True, eq=False)
class Stream:
    """Examples read from disk when they are asked for; it stands where a :class:`~snarc.data.Split` stands.

    Attributes
    ----------
    source: where examples are read from.
    index: positions in the source, one for each example of this split.
    targets: as in a Split, in memory.
    """

    source: Source
    index: np.ndarray
    targets: np.ndarray

    def __len__(self) -> int:
        return len(self.index)

    def __repr__(self) -> str:
        return f"Stream(inputs={short(self.inputs)}, targets={short(self.targets)})"

    @property
    def inputs(self) -> Described:
        """Shape and type of the inputs, without their values."""
        return Described((len(self.index), *self.source.shape), np.dtype(self.source.dtype))

    def take(self, index: np.ndarray | slice) -> Stream:
        """The stream of the examples at these positions; nothing is read."""
        return Stream(self.source, self.index[index], self.targets[index])

    def gather(self, index: np.ndarray | slice) -> Split:
        """The examples at these positions, read into memory."""
        return Split(self.source.read(self.index[index]), self.targets[index])

    def batches(self, order: np.ndarray, batch_size: int, start: int = 0) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Inputs and targets, ``batch_size`` at a time, in exactly this order, read ahead by worker threads.

        Parameters
        ----------
        order: positions of examples, each from 0 to ``len(self) - 1``.
        batch_size: examples in a batch; the last batch holds what is left.
        start: the batch to begin with, counted from 0; nothing before it is read.
        """
        batches = _Batches(self, np.asarray(order), batch_size, start)
        if len(batches) == 0:
            return
        grain = _grain()
        threads = min(THREADS, len(batches))
        options = grain.ReadOptions(num_threads=threads, prefetch_buffer_size=max(threads, min(AHEAD, len(batches))))
        yield from grain.MapDataset.source(batches).to_iter_dataset(options)


class _Batches:
    """What Grain sees: batch after batch, any of which it may ask for."""

    def __init__(self, stream: Stream, order: np.ndarray, size: int, start: int) -> None:
        self.stream, self.order, self.size, self.start = stream, order, size, start

    def __len__(self) -> int:
        return max(0, -(-len(self.order) // self.size) - self.start)

    def __getitem__(self, i: Any) -> tuple[np.ndarray, np.ndarray]:
        first = (int(i) + self.start) * self.size
        index = self.order[first : first + self.size]
        return self.stream.source.read(self.stream.index[index]), self.stream.targets[index]


def to_stream(asked: bool | str, size: int, above: int) -> bool:
    """Whether data of this size are streamed: as asked, or by size where ``"auto"``."""
    if asked not in (True, False, "auto"):
        raise DataError(f"stream={asked!r}", wanted="True, False or 'auto'", way_out="Leave it out.")
    return size > above if asked == "auto" else bool(asked)


def _grain() -> Any:
    try:
        import grain
    except ImportError:
        way_out = "pip install grain, or say stream=False."
        raise MissingExtraError(
            "streaming needs the package grain", wanted="grain installed", way_out=way_out
        ) from None
    return grain
