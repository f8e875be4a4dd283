"""Reading a CSV file into columns, every cell checked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from snarc.errors import DataError, nearest

from ._columns import NUMBER, Column
from ._csv_rows import Reader

USUAL_TARGETS = ("target", "label", "class", "y")


@dataclass
class Table:
    """A CSV file read.

    Attributes
    ----------
    columns, places: the columns that were read, and where each stands in a row of the file.
    values: what they hold, in parts; only the targets where the file is streamed.
    offsets: the byte at which each row begins, and the end of the last; only where it is streamed.
    """

    path: str
    columns: list[Column]
    values: dict[str, list[np.ndarray]]
    rows: int
    delimiter: str
    places: list[int]
    offsets: np.ndarray | None = None

    def column(self, name: str) -> np.ndarray:
        """All values of one column: float64, or the codes of its sorted categories."""
        return np.concatenate(self.values[name])


def read_table(
    path: Path,
    *,
    delimiter: str | None,
    streamed: bool,
    target: Any,
    decimal: str,
    categorical: Sequence[str],
    drop: Sequence[str],
    header: bool,
    known: Mapping[str, Sequence[str] | None] | None = None,
) -> Table:
    reader = Reader(str(path), delimiter, keep_offsets=streamed)
    columns: list[Column] = []
    places: list[int] = []
    values: dict[str, list[np.ndarray]] = {}
    asked: list[str] = []
    count, row, width, blank = 0, 1, 0, 0
    for block in reader.blocks():
        if not columns:
            names = _header(block, path, header)
            width, row = len(names), 1 + int(header)
            block = block[int(header) :]
            known_columns(path, names, [*drop, *categorical])
            asked = asked_targets(target, names)
            columns, places = _columns(path, names, drop, categorical, decimal, asked, known)
            values = {c.name: [] for c in columns if not streamed or c.name in asked}
        filled = len(block)
        while filled and not block[filled - 1]:
            filled -= 1
        if filled:
            _check_widths(path, [[]] * blank + block[:filled], width, row)
            cells = list(zip(*block[:filled]))
            for column, place in zip(columns, places):
                found = column.read(cells[place], row)
                if column.name in values:
                    # A target's numbers may be large class labels, which float32 would merge.
                    narrow = column.kind == "number" and column.name not in asked
                    values[column.name].append(found.astype(np.float32) if narrow else found)
            count, row, blank = count + filled, row + filled, 0
        blank += len(block) - filled  # lines without anything are passed over at the end of the file only
    if count == 0:
        way_out = "Check that it is the right file."
        raise DataError(f"{path} holds a header and no rows", wanted="at least one row of data", way_out=way_out)
    for column in columns:
        if column.kind == "category" and not column.fixed:
            new = column.finish()
            if column.name in values:
                values[column.name] = [new[codes] for codes in values[column.name]]
    offsets = None
    if streamed:
        starts = np.append(np.frombuffer(reader.offsets, np.int64), reader.end)
        offsets = starts[int(header) : int(header) + count + 1]
    return Table(str(path), columns, values, count, reader.delimiter or ",", places, offsets)


def _check_widths(path: Path, rows: list[list[str]], width: int, row: int) -> None:
    if set(map(len, rows)) - {width}:
        bad = next(i for i, cells in enumerate(rows) if len(cells) != width)
        came = f"{path}, row {row + bad} has {len(rows[bad])} cells"
        way_out = "Mend the row; a cell that holds the delimiter needs quotes."
        raise DataError(came, wanted=f"{width}, as the first row has", way_out=way_out)


def _header(block: list[list[str]], path: Path, header: bool) -> list[str]:
    first = block[0]
    if not header:
        return [str(i + 1) for i in range(len(first))]
    names = [name.strip() for name in first]
    if names and all(NUMBER.fullmatch(name) for name in names):
        came = f"{path}, row 1 holds only numbers, the first is {names[0]}"
        raise DataError(
            came, wanted="the names of the columns", way_out="Say header=False to call the columns 1, 2, 3."
        )
    for i, name in enumerate(names):
        if not name:
            came = f"{path}, row 1: column {i + 1} has no name"
            raise DataError(came, wanted="a name for each column", way_out="Name it.")
        if name in names[:i]:
            came = f"{path}, row 1: columns {names.index(name) + 1} and {i + 1} are both called {name!r}"
            raise DataError(came, wanted="a name of its own for each column", way_out="Rename one.")
    return names


def known_columns(path: Path, names: Sequence[str], asked: Sequence[str]) -> None:
    for name in asked:
        if name not in names:
            raise DataError(f"{path} has no column {name!r}", wanted="one of its columns", way_out=nearest(name, names))


def _columns(
    path: Path,
    names: Sequence[str],
    drop: Sequence[str],
    categorical: Sequence[str],
    decimal: str,
    asked: Sequence[str],
    known: Mapping[str, Sequence[str] | None] | None,
) -> tuple[list[Column], list[int]]:
    if known is not None:
        known_columns(path, names, list(known))
        columns = []
        for name, categories in known.items():
            fixed = {text: i for i, text in enumerate(categories or ())}
            number = categories is None or (name in asked and all(NUMBER.fullmatch(c) for c in categories))
            kind: Any = "number" if number else "category"
            columns.append(Column(name, str(path), kind, decimal, {} if number else fixed, fixed=not number))
        return columns, [names.index(name) for name in known]
    known_columns(path, names, asked)
    columns = []
    for name in names:
        if name not in drop:
            column = Column(name, str(path), decimal=decimal, declared=name in categorical)
            column.kind = "category" if name in categorical else None
            columns.append(column)
    return columns, [names.index(c.name) for c in columns]


def asked_targets(target: Any, names: Sequence[str]) -> list[str]:
    if target is None:
        return [name for name in USUAL_TARGETS if name in names]
    return [target] if isinstance(target, str) and target in names else names_of(target)


def names_of(given: Any) -> list[str]:
    if given is None:
        return []
    return [part.strip() for part in given.split(",")] if isinstance(given, str) else [str(g) for g in given]
