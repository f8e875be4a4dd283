"""Sources for streams: rows of a CSV file, images in files, rows of an array on disk."""

from __future__ import annotations

import csv
import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from snarc.errors import DataError

from ._columns import Column
from ._csv_table import Table


class ArraySource:
    """Rows of an array that is mapped from disk; ``finish`` makes of them what a network takes."""

    def __init__(self, array: np.ndarray, finish: Callable[[np.ndarray], np.ndarray]) -> None:
        self.array, self.finish = array, finish
        one = finish(np.asarray(array[:1]))
        self.shape, self.dtype = one.shape[1:], one.dtype

    def __len__(self) -> int:
        return len(self.array)

    def read(self, index: np.ndarray) -> np.ndarray:
        """The rows at these positions."""
        return self.finish(np.asarray(self.array[index]))


class CsvSource:
    """Rows of a CSV file, found by the byte at which each begins, checked when the file was first read."""

    dtype = np.dtype(np.float32)

    def __init__(self, table: Table, places: Sequence[int], reader: Mapping[str, Any]) -> None:
        assert table.offsets is not None
        self.path, self.offsets, self.delimiter = table.path, table.offsets, table.delimiter
        self.places, self.reader = places, reader
        self.widths = [len(c["categories"]) if "categories" in c else 1 for c in reader["columns"]]
        self.shape: tuple[int, ...] = (sum(self.widths),)
        self.size = os.path.getsize(table.path)

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def read(self, index: np.ndarray) -> np.ndarray:
        """The rows at these positions."""
        texts = []
        with open(self.path, "rb") as file:
            if os.fstat(file.fileno()).st_size != self.size:
                came = f"{self.path} has changed since it was first read"
                raise DataError(came, wanted=f"a file of {self.size:,} bytes", way_out="Load it again.")
            for i in index:
                file.seek(int(self.offsets[i]))
                texts.append(file.read(int(self.offsets[i + 1] - self.offsets[i])).decode("utf-8"))
        rows = [
            next(csv.reader(text.splitlines(keepends=True), delimiter=self.delimiter, strict=True)) for text in texts
        ]
        out = np.zeros((len(rows), *self.shape), np.float32)
        if not rows:
            return out
        cells, at = list(zip(*rows)), 0
        for about, place, width in zip(self.reader["columns"], self.places, self.widths):
            codes = {text: i for i, text in enumerate(about.get("categories", ()))}
            kind: Any = "category" if "categories" in about else "number"
            column = Column(about["name"], self.path, kind, self.reader["decimal"], codes, fixed=kind == "category")
            values = column.read(cells[place], 0)
            if kind == "category":
                out[np.arange(len(rows)), at + values] = 1
            else:
                out[:, at] = values
            at += width
        return out


class ImageSource:
    """Images in files, decoded by several threads when they are asked for."""

    dtype = np.dtype(np.uint8)

    def __init__(self, paths: Sequence[Any], shape: tuple[int, ...], decode: Callable[[Any], np.ndarray]) -> None:
        self.paths, self.shape, self.decode = paths, shape, decode

    def __len__(self) -> int:
        return len(self.paths)

    def read(self, index: np.ndarray) -> np.ndarray:
        """The images at these positions."""
        out = np.empty((len(index), *self.shape), np.uint8)
        for row, i in enumerate(index):
            out[row] = self.decode(self.paths[i])
        return out


def in_threads(work: Callable[[int], Any], n: int) -> list[Any]:
    """``work(0)`` to ``work(n - 1)``, by as many threads as there are processors, in order."""
    if n < 64:
        return [work(i) for i in range(n)]
    with ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool:
        return list(pool.map(work, range(n)))
