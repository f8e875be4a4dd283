"""Data sets from CSV files: which columns are numbers, which are categories, and what the target says."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from snarc.errors import DataError

from ._columns import Column
from ._csv_table import Table, asked_targets, names_of, read_table
from ._overlap import add_note, digests, note_overlap
from ._split import three_ways
from .arrays import guess
from .dataset import Dataset, Kind, Split, Task
from .stream import STREAM_ABOVE, Stream, to_stream


def csv_data(
    path: str | os.PathLike[str],
    *,
    target: str | Sequence[str] | None = None,
    validation: Any = None,
    test: Any = None,
    seed: int = 0,
    task: Kind | None = None,
    delimiter: str | None = None,
    decimal: str = ".",
    categorical: Sequence[str] = (),
    drop: Sequence[str] = (),
    header: bool = True,
    overlap: str = "refuse",
    stream: bool | str = "auto",
    stream_above: int = STREAM_ABOVE,
) -> Dataset:
    """A Dataset from a CSV file, or from a folder with ``train.csv`` and ``test.csv``.

    Parameters
    ----------
    path: the file (UTF-8), or the folder.
    target: the column to be predicted, or several for regression; else a column called target, label, class or y.
    validation, test: fraction or count to hold out; 0.1 and 0.2 unless a file for it is given.
    seed: decides what is held out.
    task: ``"classification"`` or ``"regression"``; else found from the target and said aloud.
    delimiter: found from the first line if not given.
    decimal: the decimal mark.
    categorical: columns of numbers to be taken as categories.
    drop: columns to leave out.
    header: the first row holds the column names; else columns are called 1, 2, 3, ...
    overlap: ``"refuse"`` or ``"warn"`` when rows of ``test.csv`` also occur in ``train.csv``.
    stream: read rows from disk as they are needed; ``"auto"`` does so above ``stream_above`` bytes.

    Returns
    -------
    Inputs are float32: numbers as they are, then for a category one column of 0 and 1 for each of its values, in the
    order of the file's columns.  ``source["reader"]`` holds what :func:`read_inputs` needs to read a new file alike.

    Raises
    ------
    DataError: naming file, row and column.
    """
    path = Path(path)
    options: Any = {"decimal": decimal, "categorical": names_of(categorical), "drop": names_of(drop), "header": header}
    files = _files(path)
    size = sum(f.stat().st_size for f in files.values())
    streamed = to_stream(stream, size, stream_above)
    table = read_table(files["train"], delimiter=delimiter, streamed=streamed, target=target, **options)
    targets = _targets(table, target)
    values, found = _target_values(table, targets, task)
    inputs = [c for c in table.columns if c.name not in targets]
    if not inputs:
        raise DataError(f"{path}: the target is its only column", wanted="input columns too", way_out="Check the file.")
    reader = _schema(inputs, targets, found, options)
    source: dict[str, Any] = {"files": [_about(f) for f in files.values()], "reader": reader}
    _say_aloud(source, table, targets, found, given=task is not None)
    parts = {"train": _split(table, inputs, values, reader)}
    for part in ("test", "validation"):
        if part in files:
            parts[part] = read_labelled(files[part], reader, found, streamed)
            examples = digests(parts["train"]), digests(parts[part])
            note_overlap(source, *examples, overlap, str(files[part]))
    return three_ways(
        path.name.split(".")[0] or str(path),
        found,
        parts["train"],
        parts.get("test"),
        validation=0.1 if validation is None and "validation" not in parts else validation,
        test=0.2 if test is None and "test" not in parts else test,
        seed=seed,
        source=source,
        columns=tuple(_encoded(reader["columns"])),
        validation_data=parts.get("validation"),
    )


def read_inputs(path: str | os.PathLike[str], reader: Mapping[str, Any]) -> np.ndarray:
    """The inputs of another CSV file, read as the training file was; it need not hold the target.

    Parameters
    ----------
    path: the file.
    reader: ``source["reader"]`` of the data set that was trained on.

    Returns
    -------
    float32 ``(rows, columns)``.

    Raises
    ------
    DataError: a column is missing, a category is new, or any other fault of a cell.
    """
    table = _again(path, reader, streamed=False, with_targets=False)
    columns = {c.name: c for c in table.columns}
    return _matrix(table, [columns[c["name"]] for c in reader["columns"]])


def read_labelled(path: str | os.PathLike[str], reader: Mapping[str, Any], task: Task, streamed: bool = False) -> Any:
    """Inputs and targets of another file with the columns of the first, as a Split or a Stream."""
    table = _again(path, reader, streamed, with_targets=True)
    columns = {c.name: c for c in table.columns}
    names = reader["targets"]
    if task.kind == "classification":
        values: np.ndarray = _fixed_labels(table, names[0], task)
    else:
        values = np.column_stack([table.column(n) for n in names]).astype(np.float32)
    return _split(table, [columns[c["name"]] for c in reader["columns"]], values, reader)


def _again(path: str | os.PathLike[str], reader: Mapping[str, Any], streamed: bool, with_targets: bool) -> Table:
    known = {c["name"]: c.get("categories") for c in reader["columns"]}
    if with_targets:
        known |= dict.fromkeys(reader["targets"], reader.get("classes"))
    return read_table(
        Path(path),
        delimiter=None,
        streamed=streamed,
        target=reader["targets"] if with_targets else None,
        decimal=reader["decimal"],
        categorical=[],
        drop=[],
        header=reader["header"],
        known=known,
    )


def _targets(table: Table, target: Any) -> list[str]:
    names = [c.name for c in table.columns]
    asked = asked_targets(target, names)
    if target is None and len(asked) != 1:
        raise DataError(
            f"{table.path}: which column is to be predicted was not said",
            wanted="one of its columns: " + ", ".join(names[:20]) + (" ..." if len(names) > 20 else ""),
            way_out="Say target='NAME' (--target NAME).",
        )
    return asked


def _target_values(table: Table, targets: list[str], task: Kind | None) -> tuple[np.ndarray, Task]:
    columns = {c.name: c for c in table.columns}
    if len(targets) > 1 or task == "regression":
        for name in targets:
            if columns[name].kind == "category":
                first = next(iter(columns[name].categories))
                came = f"{table.path}, column {name!r} holds text, as {first!r}"
                raise DataError(came, wanted="numbers, for regression", way_out="Take a column of numbers.")
        if task == "classification":
            came = f"{table.path}: {len(targets)} target columns"
            raise DataError(came, wanted="one, for classification", way_out="Give one target.")
        values = np.column_stack([table.column(name) for name in targets]).astype(np.float32)
        return values, Task("regression", targets=tuple(targets))
    name = targets[0]
    column, values = columns[name], table.column(name)
    if column.kind == "category":
        classes = tuple(column.categories)
        labels: np.ndarray = values
    elif (task or guess(values)) == "regression":
        return values.astype(np.float32)[:, np.newaxis], Task("regression", targets=(name,))
    else:
        whole = values == np.floor(values)
        if not whole.all():
            bad = int(np.argmin(whole))
            came = f"{table.path}: column {name!r} is {values[bad]} in data row {bad + 1}"
            raise DataError(came, wanted="whole numbers, as class labels are", way_out="Take task='regression'.")
        distinct, labels = np.unique(values, return_inverse=True)
        classes = tuple(str(int(d)) for d in distinct)
    if len(classes) < 2:
        came = f"{table.path}: the target {name!r} is {classes[0]!r} in every row"
        raise DataError(came, wanted="at least two classes", way_out="Take another column as target.")
    return labels.reshape(-1).astype(np.int32), Task("classification", classes)


def _fixed_labels(table: Table, name: str, task: Task) -> np.ndarray:
    column = next(c for c in table.columns if c.name == name)
    values = table.column(name)
    if column.kind == "category":
        return values.astype(np.int32)
    order = {float(text): i for i, text in enumerate(task.classes)}
    labels = np.array([order.get(float(v), -1) for v in values], np.int32)
    if (labels < 0).any():
        bad = int(np.argmax(labels < 0))
        came = f"{table.path}: the target {name!r} is {values[bad]:g} in data row {bad + 1}"
        wanted = "one of the classes of the training rows: " + ", ".join(task.classes[:10])
        raise DataError(came, wanted=wanted, way_out="Mend it or drop the row.")
    return labels


def _schema(inputs: Sequence[Column], targets: list[str], task: Task, options: Any) -> dict[str, Any]:
    columns = [
        {"name": c.name, "categories": list(c.categories)} if c.kind == "category" else {"name": c.name} for c in inputs
    ]
    said = {"decimal": options["decimal"], "header": options["header"], "columns": columns, "targets": targets}
    return {"kind": "csv", **said, "classes": list(task.classes) if task.kind == "classification" else None}


def _encoded(columns: Sequence[Mapping[str, Any]]) -> list[str]:
    names: list[str] = []
    for column in columns:
        categories = column.get("categories")
        names += [column["name"]] if categories is None else [f"{column['name']}={text}" for text in categories]
    return names


def _matrix(table: Table, inputs: Sequence[Column]) -> np.ndarray:
    widths = [len(c.categories) if c.kind == "category" else 1 for c in inputs]
    out = np.zeros((table.rows, sum(widths)), np.float32)
    at = 0
    for column, width in zip(inputs, widths):
        values = table.column(column.name)
        if column.kind == "category":
            out[np.arange(table.rows), at + values] = 1
        else:
            out[:, at] = values
        table.values[column.name] = []  # the table is held once
        at += width
    return out


def _split(table: Table, inputs: Sequence[Column], values: np.ndarray, reader: Mapping[str, Any]) -> Any:
    if table.offsets is None:
        return Split(_matrix(table, inputs), values)
    from ._sources import CsvSource

    where = {c.name: place for c, place in zip(table.columns, table.places)}
    places = [where[c.name] for c in inputs]
    return Stream(CsvSource(table, places, reader), np.arange(table.rows), values)


def _files(path: Path) -> dict[str, Path]:
    if not (path / "train.csv").exists():
        return {"train": path}
    found = {part: path / f"{part}.csv" for part in ("train", "test", "validation")}
    return {part: file for part, file in found.items() if file.exists()}


def _about(path: Path) -> dict[str, Any]:
    return {"path": str(path), "bytes": path.stat().st_size}


def _say_aloud(source: dict[str, Any], table: Table, targets: list[str], task: Task, given: bool) -> None:
    names = ", ".join(repr(t) for t in targets)
    how = "as asked" if given else "found from the target"
    what = f"{len(task.classes)} classes" if task.kind == "classification" else "numbers"
    add_note(source, f"{task.kind} of {names} ({what}; {how})")
    if table.delimiter != ",":
        add_note(source, f"columns are separated by {table.delimiter!r}")
    texts = [c.name for c in table.columns if c.kind == "category" and c.name not in targets]
    if texts:
        add_note(source, f"one-hot columns for {', '.join(texts[:5])}{' ...' if len(texts) > 5 else ''}")
    print(f"snarc: {source['note']}", file=sys.stderr)
