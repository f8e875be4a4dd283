"""The history of a training: one row for each epoch and replica."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from .step import CORRECT, COUNT, LOSS

Row = dict[str, Any]


class History:
    """Rows by replica and epoch; ``history["loss"]`` is an array ``(replicas, epochs)``.

    A replica that stopped earlier than the others has NaN from there on.
    """

    def __init__(self, rows: list[list[Row]]) -> None:
        self.rows = rows

    def __getitem__(self, name: str) -> np.ndarray:
        if name not in self.names:
            raise KeyError(f"history has {', '.join(self.names)}; not {name!r}")
        table = np.full((len(self.rows), max(map(len, self.rows))), np.nan)
        for k, rows in enumerate(self.rows):
            for epoch, row in enumerate(rows):
                value = row.get(name)
                table[k, epoch] = np.nan if value is None else value
        return table

    def __len__(self) -> int:
        return max(map(len, self.rows), default=0)

    def __iter__(self) -> Iterator[str]:
        return iter(self.names)

    @property
    def names(self) -> list[str]:
        """The columns: loss, accuracy, validation_loss, ..."""
        first = next((rows[0] for rows in self.rows if rows), {})
        return [n for n, value in first.items() if (value is None or isinstance(value, int | float)) and n != "replica"]

    def mean_row(self) -> Row:
        """The last epoch, averaged over the replicas that reached it."""
        last = len(self)
        rows = [rows[-1] for rows in self.rows if len(rows) == last]
        return {n: math.fsum(_number(r[n]) for r in rows) / len(rows) for n in self.names}


def summed(trace: np.ndarray, *, classification: bool) -> Row:
    """Training loss and accuracy of an epoch from its trace: sums over examples, divided once."""
    sums = trace.astype(np.float64).sum(axis=0)
    row = {"loss": float(sums[LOSS] / sums[COUNT])}
    if classification:
        row["accuracy"] = float(sums[CORRECT] / sums[COUNT])
    return row


def finite(row: Row) -> Row:
    """The row as JSON can hold it: None for what is not finite."""
    return {n: None if isinstance(v, float) and not math.isfinite(v) else v for n, v in row.items()}


def _number(value: Any) -> float:
    return math.nan if value is None else float(value)
