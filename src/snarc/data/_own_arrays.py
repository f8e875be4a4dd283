"""Arrays that came from files of one's own, in memory or mapped from disk, made a Dataset."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from snarc.errors import DataError

from ._overlap import digests, note_overlap
from ._sources import ArraySource
from ._split import three_ways
from .arrays import check_inputs, check_targets, said
from .dataset import Dataset, Kind, Split, Task
from .stream import Stream


def arrays_data(
    name: str,
    where: str,
    found: Mapping[str, Any],
    *,
    source: dict[str, Any],
    validation: Any,
    test: Any,
    seed: int,
    task: Kind | None,
    classes: Any,
    overlap: str,
) -> Dataset:
    """A Dataset from the entries x, y, and if there are such x_test, y_test, x_validation, y_validation of ``found``.

    An x may be an :class:`ArraySource`; then the split is a stream, and its numbers are checked a piece at a time.
    """
    parts: dict[str, Any] = {}
    made: Task | None = None
    for part in ("", "_test", "_validation"):
        if f"x{part}" not in found:
            continue
        x, y = found[f"x{part}"], found[f"y{part}"]
        what = f"{where}: x{part}"
        first = parts.get("")
        if isinstance(x, ArraySource):
            _check_source(x, what, first)
            n: int = len(x)
        else:
            like = {} if first is None else {"shape": first.inputs.shape[1:], "dtype": first.inputs.dtype}
            x = check_inputs(x, what=what, **like)
            n = len(x)
        kind, names = (task, classes) if made is None else (made.kind, made.classes or None)
        targets, made_here = check_targets(y, n=n, task=kind, classes=names, what=f"{where}: y{part}")
        made = made or Task(made_here.kind, made_here.classes, _target_names(made_here))
        if made_here.outputs(()) != made.outputs(()):
            came = f"{where}: y{part} has {made_here.outputs(())} targets a row"
            raise DataError(came, wanted=f"{made.outputs(())}, as y has", way_out="Check the targets.")
        parts[part] = Stream(x, np.arange(n), targets) if isinstance(x, ArraySource) else Split(x, targets)
        if part:
            note_overlap(source, digests(parts[""]), digests(parts[part]), overlap, f"{where}: x{part}")
    assert made is not None
    source = {**source, "note": "; ".join(filter(None, (said(made, given=task is not None), source.get("note"))))}
    print(f"snarc: {source['note']}", file=sys.stderr)
    return three_ways(
        name,
        made,
        parts[""],
        parts.get("_test"),
        validation=0.1 if validation is None and "_validation" not in parts else validation,
        test=0.2 if test is None and "_test" not in parts else test,
        seed=seed,
        source=source,
        validation_data=parts.get("_validation"),
    )


def _target_names(task: Task) -> tuple[str, ...]:
    return tuple("y" if len(task.targets) == 1 else f"y{i}" for i in range(len(task.targets)))


def _check_source(source: ArraySource, what: str, first: Any) -> None:
    if len(source) == 0:
        raise DataError(f"{what} has no rows", wanted="at least one row", way_out="Give data.")
    if first is not None and (source.shape, source.dtype) != (first.inputs.shape[1:], first.inputs.dtype):
        came = f"{what}: each row is {source.dtype}{list(source.shape)}"
        wanted = f"{first.inputs.dtype}{list(first.inputs.shape[1:])}, as for training"
        raise DataError(came, wanted=wanted, way_out="Save both alike.")
    if source.array.dtype.kind == "f":
        rows = max(1, (16 << 20) // max(1, source.array[:1].nbytes))
        for start in range(0, len(source), rows):
            check_inputs(source.array[start : start + rows], what=what, first=start)


def finisher(array: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
    """What makes rows of such an array into inputs, by the rules of :func:`check_inputs`."""
    if array.ndim < 2 or 0 in array.shape[1:] or not len(array) or array.dtype.kind not in "biuf":
        check_inputs(array)
    if array.dtype == np.uint8 and array.ndim >= 3:
        return lambda rows: np.ascontiguousarray(rows if rows.ndim > 3 else rows[..., np.newaxis])
    return lambda rows: np.ascontiguousarray(rows, dtype=np.float32)
