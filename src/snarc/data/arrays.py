"""Data sets from arrays: what is accepted, what is refused, and where the fault lies."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from snarc.errors import DataError

from ._overlap import digests, note_overlap
from ._split import three_ways
from ._weighting import check_weights
from .dataset import Dataset, Kind, Split, Task

FLOAT32_MAX = float(np.finfo(np.float32).max)
_NUMBERS = "an array of finite numbers"
_ROWS = 1 << 16  # rows looked at together, so that a check needs little memory
MANY = 20  # whole numbers with more distinct values than this are quantities, not class labels


def from_arrays(
    x: Any,
    y: Any,
    *,
    classes: Sequence[str] | int | None = None,
    task: Kind | None = None,
    validation: float | int = 0.1,
    test: float | int | None = None,
    seed: int = 0,
    name: str = "arrays",
    x_test: Any = None,
    y_test: Any = None,
    columns: Sequence[str] = (),
    overlap: str = "refuse",
    weights: Any = None,
) -> Dataset:
    """A Dataset from inputs and targets in memory.

    Parameters
    ----------
    x: inputs ``(N, ...)``: an array, a list or a data frame.  uint8 arrays of three or four dimensions are images
        with values 0 to 255 and stay so; everything else becomes float32 as it is.
    y: targets: class labels of any integer width, strings or truth values ``(N,)``, or numbers ``(N,)`` or ``(N, k)``.
    classes: class names in label order, or how many classes there are; else the sorted distinct labels.
    task: ``"classification"`` or ``"regression"``; else found from ``y`` and written to ``source["note"]``.
    validation, test: fraction or count to hold out (0.2 for the test split unless ``x_test`` is given).
    seed: decides what is held out.
    name: how the data set is called in reports.
    x_test, y_test: the test split, where it is a given one.
    columns: names of the input columns of a table.
    overlap: ``"refuse"`` or ``"warn"`` when examples of ``x_test`` also occur in ``x``.
    weights: how much each example counts in training ``(N,)``, at least 0; by default all the same.

    Raises
    ------
    DataError: as :func:`check_inputs` and :func:`check_targets`, or the lengths differ, or test examples are among
        the training examples.

    >>> import numpy as np
    >>> from_arrays(np.eye(10), ["odd", "even"] * 5, test=2, validation=2).task.classes
    ('even', 'odd')
    """
    columns = tuple(columns) or column_names(x)
    inputs = check_inputs(x)
    targets, found = check_targets(y, n=len(inputs), task=task, classes=classes)
    source: dict[str, Any] = {"note": said(found, given=task is not None)}
    whole, tests = Split(inputs, targets, check_weights(weights, len(inputs))), None
    if x_test is not None or y_test is not None:
        if x_test is None or y_test is None:
            missing = "x_test" if x_test is None else "y_test"
            raise DataError(f"{missing} is missing", wanted="both x_test and y_test", way_out="Give both or none.")
        tests = given_test(found, whole, x_test, y_test)
    if tests is not None:
        note_overlap(source, digests(whole), digests(tests), overlap, "x_test")
    return three_ways(
        name,
        found,
        whole,
        tests,
        validation=validation,
        test=0.2 if test is None and tests is None else test,
        seed=seed,
        source=source,
        columns=columns,
    )


def given_test(task: Task, whole: Split, x: Any, y: Any, what: str = "x_test") -> Split:
    """Test arrays that fit the training arrays."""
    inputs = check_inputs(x, what=what, shape=whole.inputs.shape[1:], dtype=whole.inputs.dtype)
    classes = task.classes if task.kind == "classification" else None
    targets, found = check_targets(y, n=len(inputs), task=task.kind, classes=classes, what=what.replace("x", "y", 1))
    if found.outputs(()) != task.outputs(()):
        came = f"{what}: {found.outputs(())} targets a row"
        raise DataError(came, wanted=f"{task.outputs(())}, as for training", way_out="Check the target columns.")
    return Split(inputs, targets)


def column_names(x: Any) -> tuple[str, ...]:
    """The column names of a data frame; nothing for other values."""
    names = getattr(x, "columns", None)
    return tuple(map(str, names)) if names is not None and hasattr(x, "to_numpy") else ()


def check_inputs(
    x: Any, *, what: str = "x", shape: tuple[int, ...] | None = None, dtype: Any = None, least: int = 1, first: int = 0
) -> np.ndarray:
    """Inputs as a contiguous array in this machine's byte order, checked number by number.

    Parameters
    ----------
    x: an array, a list or a data frame ``(N, ...)`` of integers of any width, truth values or floats.
    what: how to call it in messages.
    shape: the shape of one example, where a network already wants one.
    dtype: uint8 where the network wants images of 0 to 255: whole numbers in that range are then made uint8, while
        floats must lie in [0, 1].  Where it wants float32, uint8 images are scaled to [0, 1].
    least: fewest rows.
    first: the number of the first row, for messages, where ``x`` is a piece of something longer.

    Returns
    -------
    uint8 ``(N, H, W, C)`` for uint8 images (a missing channel axis is added), else float32 ``(N, ...)``.  The array
    itself where nothing had to change.

    Raises
    ------
    DataError: not numbers, not finite, too large for float32, no rows or no features, fewer than two dimensions, or
        not of the shape wanted.  The message names row and column.
    """
    array = _array(x, what)
    _no_mask(x, what)
    if array.shape[1:] + (1,) == tuple(shape or ()) or (array.dtype == np.uint8 and array.ndim == 3 and shape is None):
        array = array[..., np.newaxis]
    if array.ndim < 2:
        way_out = f"Give {what}.reshape(-1, 1) for one feature, or {what}.reshape(1, -1) for one row."
        raise DataError(
            f"{what} has the shape {array.shape}", wanted="(rows, features) or (rows, ...)", way_out=way_out
        )
    if len(array) < least:
        raise DataError(
            f"{what} has no rows, its shape is {array.shape}", wanted="at least one row", way_out="Give data."
        )
    if 0 in array.shape[1:]:
        came = f"{what} has no features, its shape is {array.shape}"
        raise DataError(came, wanted="at least one feature", way_out="Give data.")
    if shape is not None and array.shape[1:] != tuple(shape):
        came = f"{what}: each row has the shape {array.shape[1:]}"
        raise DataError(
            came, wanted=f"{tuple(shape)}", way_out="Give inputs of the shape that the network was trained on."
        )
    if dtype is not None and np.dtype(dtype) == np.uint8:
        return _as_pixels(array, what)
    if array.dtype == np.uint8 and array.ndim >= 3:
        return np.ascontiguousarray(array) if dtype is None else (array / np.float32(255)).astype(np.float32)
    return _as_float32(array, what, first)


def _as_pixels(array: np.ndarray, what: str) -> np.ndarray:
    if array.dtype == np.uint8:
        return np.ascontiguousarray(array)
    if array.dtype.kind in "iu":
        outside = (array < 0) | (array > 255)
        if outside.any():
            raise _at(array, outside, what, "whole numbers from 0 to 255, as the network was trained on")
        return np.ascontiguousarray(array, dtype=np.uint8)
    array = _as_float32(array, what)
    outside = (array < 0) | (array > 1)
    if outside.any():
        raise _at(array, outside, what, "floats from 0 to 1, or uint8 from 0 to 255, as the network was trained on")
    return array


def _as_float32(array: np.ndarray, what: str, first: int = 0) -> np.ndarray:
    if array.dtype.kind == "f":
        for start in range(0, len(array), _ROWS):
            part = array[start : start + _ROWS]
            fine = np.isfinite(part)
            if not fine.all():
                raise _at(part, ~fine, what, "a finite number", start + first)
            if part.dtype.itemsize > 4 and (large := np.abs(part) > FLOAT32_MAX).any():
                raise _at(part, large, what, f"at most {FLOAT32_MAX:.4g}, the largest float32", start + first)
    return np.ascontiguousarray(array, dtype=np.float32)


def _array(x: Any, what: str) -> np.ndarray:
    if hasattr(x, "toarray") and not isinstance(x, np.ndarray):
        came = f"{what} is a sparse matrix ({type(x).__name__})"
        raise DataError(came, wanted=_NUMBERS, way_out=f"Give {what}.toarray().")
    try:
        array = np.asarray(x.to_numpy() if hasattr(x, "to_numpy") else x)
    except (ValueError, TypeError, OverflowError) as error:
        wanted = "rows of equal length, of numbers"
        raise DataError(
            f"{what} is not an array: {error}", wanted=wanted, way_out="Check the lengths of its rows."
        ) from None
    kind = array.dtype.kind
    if kind == "O":
        place, value = _first_object(array)
        came = f"{what} holds Python objects, as {value!r} ({type(value).__name__}) {place}"
        raise DataError(came, wanted=_NUMBERS, way_out=f"Convert it, as {what}.astype('float32').")
    if kind not in "biuf":
        said = {"c": "complex numbers", "S": "strings", "U": "strings", "M": "dates", "m": "time spans", "V": "records"}
        way_out = "Give text columns as numbers (one-hot), or load a CSV file, where that is done for you."
        if kind == "c":
            way_out = f"Give {what}.real, or real and imaginary parts as two features."
        raise DataError(f"{what} holds {said.get(kind, array.dtype.name)}", wanted=_NUMBERS, way_out=way_out)
    return array


def _first_object(array: np.ndarray) -> tuple[str, Any]:
    for index, value in np.ndenumerate(array):
        if not isinstance(value, int | float | np.number):
            return _place(index), value
    return (_place((0,) * array.ndim), array.flat[0]) if array.size else ("", None)


def _no_mask(x: Any, what: str) -> None:
    mask = getattr(x, "mask", None) if isinstance(x, np.ma.MaskedArray) else None
    if mask is not None and np.any(mask):
        index = tuple(int(i) for i in np.argwhere(np.broadcast_to(mask, x.shape))[0])
        way_out = "Fill it in (numpy.ma.filled) or drop the row."
        raise DataError(f"{what} is masked (missing) {_place(index)}", wanted=_NUMBERS, way_out=way_out)


def _at(array: np.ndarray, bad: np.ndarray, what: str, wanted: str, first: int = 0) -> DataError:
    index = tuple(int(i) for i in np.unravel_index(int(np.argmax(bad)), bad.shape))
    count = int(np.count_nonzero(bad))
    more = f" ({count:,} such in rows {first} to {first + len(bad) - 1})" if count > 1 else ""
    came = f"{what} is {array[index]} {_place((index[0] + first, *index[1:]))}{more}"
    return DataError(came, wanted=wanted, way_out="Mend the value or drop the row.")


def _place(index: tuple[int, ...]) -> str:
    if len(index) == 1:
        return f"at row {index[0]}"
    if len(index) == 2:
        return f"at row {index[0]}, column {index[1]}"
    return f"at index {list(index)}"


def check_targets(
    y: Any,
    *,
    n: int | None = None,
    task: Kind | None = None,
    classes: Sequence[str] | int | None = None,
    what: str = "y",
) -> tuple[np.ndarray, Task]:
    """Targets and the task that they make.

    Parameters
    ----------
    y: labels (integers of any width, whole floats, strings, truth values) ``(N,)``, one-hot rows ``(N, classes)``, or
        numbers ``(N,)`` or ``(N, k)``.
    n: how many there must be.
    task: what is to be learnt; else found: text and truth values are classes; so are whole numbers with at most 20
        distinct values, and integers that count 0, 1, 2, ... with five examples a class; other numbers are quantities.
    classes: class names in label order, or their number; labels are then names among them or 0 to ``classes - 1``.
    what: how to call it in messages.

    Returns
    -------
    int32 labels ``(N,)`` or float32 ``(N, k)``, and the Task.

    Raises
    ------
    DataError: missing or not finite, not a class, of the wrong length, or only one class.
    """
    array = _targets_array(y, what)
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.ndim not in (1, 2):
        raise DataError(
            f"{what} has the shape {array.shape}", wanted="(rows,) or (rows, targets)", way_out="Reshape it."
        )
    if n is not None and len(array) != n:
        way_out = "Give a target for each row."
        raise DataError(f"{what} has {len(array):,} rows", wanted=f"{n:,}, as the inputs have", way_out=way_out)
    if len(array) == 0:
        raise DataError(f"{what} has no rows", wanted="at least one", way_out="Give data.")
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        raise _at(array, ~np.isfinite(array), what, "a finite number or a label")
    if array.ndim == 2 and task in (None, "classification") and _one_hot(array):
        array = array.argmax(1)
        classes = classes if classes is not None else int(array.max()) + 1
    kind = task or ("classification" if classes is not None else guess(array))
    if kind == "classification":
        return _labels(array, classes, what)
    if kind == "regression":
        if array.dtype.kind not in "biuf":
            came = f"{what} holds text, as {str(array.flat[0])!r}"
            raise DataError(came, wanted="numbers, for regression", way_out="Take task='classification'.")
        values = _as_float32(array.reshape(len(array), -1), what)
        width = values.shape[1]
        return values, Task("regression", targets=(what,) if width == 1 else tuple(f"{what}{i}" for i in range(width)))
    raise DataError(f"task={kind!r}", wanted="classification or regression", way_out="Leave task out to have it found.")


def guess(array: np.ndarray) -> Kind:
    """Whether these targets look like classes or like quantities."""
    if array.ndim == 1 and array.dtype.kind in "USb":
        return "classification"
    if array.ndim == 2 or (array.dtype.kind == "f" and (array != np.floor(array)).any()):
        return "regression"
    distinct = np.unique(array)
    if len(distinct) <= MANY:
        return "classification"
    counting = array.dtype.kind in "iu" and distinct[0] == 0 and distinct[-1] == len(distinct) - 1
    return "classification" if counting and len(array) >= 5 * len(distinct) else "regression"


def _targets_array(y: Any, what: str) -> np.ndarray:
    _no_mask(y, what)
    try:
        array = np.asarray(y.to_numpy() if hasattr(y, "to_numpy") else y)
    except (ValueError, TypeError, OverflowError) as error:
        way_out = "Give a label or number for each row."
        raise DataError(f"{what} is not an array: {error}", wanted="labels or numbers", way_out=way_out) from None
    if array.dtype.kind == "O":
        for index, value in np.ndenumerate(array):
            if not isinstance(value, str):
                came = f"{what} holds {value!r} ({type(value).__name__}) {_place(index)}"
                raise DataError(came, wanted="labels all of one kind, none missing", way_out="Mend or drop the row.")
        array = array.astype(str)
    if array.dtype.kind == "S":
        array = np.char.decode(array, "utf-8", "replace")
    if array.dtype.kind not in "biufU":
        way_out = "Give integers, strings or floats."
        raise DataError(f"{what} holds {array.dtype.name} values", wanted="labels or numbers", way_out=way_out)
    return array


def _one_hot(array: np.ndarray) -> bool:
    return bool(array.dtype.kind in "biuf" and ((array == 0) | (array == 1)).all() and (array.sum(1) == 1).all())


def _labels(array: np.ndarray, classes: Sequence[str] | int | None, what: str) -> tuple[np.ndarray, Task]:
    if array.ndim != 1:
        raise DataError(
            f"{what} has the shape {array.shape}", wanted="a label for each row", way_out="Give one column."
        )
    if array.dtype.kind == "f":
        if (part := array != np.floor(array)).any():
            raise _at(array, part, what, "a whole number, as a class label is")
        array = array.astype(np.int64)
    names = tuple(map(str, range(classes))) if isinstance(classes, int | np.integer) else classes
    if names is None:
        distinct, labels = np.unique(array, return_inverse=True)
        if array.dtype.kind in "i" and distinct[0] < 0 and list(distinct) != [-1, 1]:
            raise _at(array, array < 0, what, "labels from 0 on (or -1 and 1)")
        if len(distinct) < 2:
            came = f"{what} holds one class only, {str(distinct[0])!r}"
            raise DataError(came, wanted="at least two classes", way_out="Add examples of another class.")
        return labels.reshape(-1).astype(np.int32), Task("classification", tuple(str(d) for d in distinct))
    names = tuple(map(str, names))
    if len(names) < 2 or len(set(names)) < len(names):
        raise DataError(f"classes={names!r}", wanted="at least two different names", way_out="Leave classes out.")
    if array.dtype.kind in "iu":
        outside = (array < 0) | (array >= len(names))
        if outside.any():
            raise _at(array, outside, what, f"a label from 0 to {len(names) - 1}, as there are {len(names)} classes")
        return array.astype(np.int32), Task("classification", names)
    order = {name: i for i, name in enumerate(names)}
    distinct, where = np.unique(array.astype(str), return_inverse=True)
    for name in distinct:
        if str(name) not in order:
            row = int(np.argmax(array.astype(str) == name))
            wanted = "one of " + ", ".join(names[:10]) + (" ..." if len(names) > 10 else "")
            raise DataError(f"{what} is {str(name)!r} at row {row}", wanted=wanted, way_out="Mend it or drop the row.")
    codes = np.array([order[str(name)] for name in distinct], np.int32)
    return codes[where.reshape(-1)], Task("classification", names)


def said(task: Task, given: bool) -> str:
    """A sentence on what is to be learnt and how that was found."""
    how = "as asked" if given else "found from the target"
    if task.kind == "classification":
        return f"classification, {how}: {len(task.classes)} classes"
    return f"{task.kind}, {how}: {len(task.targets)} target{'s' if len(task.targets) != 1 else ''}"
