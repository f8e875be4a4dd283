"""Figures and their data as files: SVG and CSV."""

from __future__ import annotations

import csv
import io
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from snarc import draw
from snarc.reading import Reading
from snarc.training.files import write_atomic

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def figure_file(folder: Path, name: str, figure: Figure) -> None:
    """Write a figure as ``name.svg`` into the folder; the same figure is the same file."""
    out = io.BytesIO()
    draw.save(figure, out, format="svg")
    write_atomic(folder / f"{name}.svg", out.getvalue())


def data_file(folder: Path, name: str, reading: Reading) -> None:
    """Write the arrays of a reading as ``name.csv`` into the folder."""
    write_atomic(folder / f"{name}.csv", csv_text(reading))


def csv_text(reading: Reading) -> str:
    """The arrays of a reading as CSV: a column for each one-dimensional array, several for those of more dimensions.

    Columns of unequal length end in empty cells.  Text that a spreadsheet
    would take for a formula gets an apostrophe in front.

    >>> csv_text(Reading("x", arrays={"a": np.array([1.5, 2.0]), "b": np.array(["=1+1"])}))
    "a,b\\r\\n1.5,'=1+1\\r\\n2.0,\\r\\n"
    """
    columns: dict[str, list[Any]] = {}
    for name, array in reading.arrays.items():
        flat = np.atleast_1d(array)
        flat = flat.reshape(len(flat), math.prod(flat.shape[1:]))
        for k in range(flat.shape[1]):
            columns[name if flat.shape[1] == 1 else f"{name}.{k}"] = [_cell(v) for v in flat[:, k].tolist()]
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow([_cell(name) for name in columns])
    for row in range(max(map(len, columns.values()), default=0)):
        writer.writerow([values[row] if row < len(values) else "" for values in columns.values()])
    return out.getvalue()


def _cell(value: Any) -> Any:
    return "'" + value if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t", "\r") else value
