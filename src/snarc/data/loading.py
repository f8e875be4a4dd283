"""One way in: ``load`` takes a registered name or a path."""

from __future__ import annotations

import difflib
import inspect
import os
from collections.abc import Callable
from typing import Any

from snarc import registry
from snarc.errors import DataError, UnknownNameError, nearest

from ._split import check_seed, fewer
from .dataset import Dataset


def load(
    what: Any,
    *,
    validation: float | int | None = None,
    test: float | int | None = None,
    seed: int = 0,
    target: Any = None,
    root: str | os.PathLike[str] | None = None,
    **options: Any,
) -> Dataset:
    """A data set by its registered name, or from files of your own.

    Parameters
    ----------
    what: a name that ``snarc list datasets`` prints; or a path: a folder of images (a folder a class, with or
        without ``train/``, ``test/`` and ``validation/`` above them), a CSV file, an ``.npz`` file, an idx file or a
        pair of them, or a folder of idx or CSV files called train and test.
    validation, test: how much to hold out, as a fraction between 0 and 1 or a count; 0 for nothing.
    seed: decides what is held out, and the order of the rest.
    target: the column (CSV), or columns, to be predicted.
    root: a folder to look for canonical files in, before ``SNARC_DATA`` and the cache.
    options: what the reader of that kind of data takes besides, as ``size=(64, 64)`` for images; and ``train``, for
        fewer training examples (a count or a fraction).

    Raises
    ------
    UnknownNameError: neither a registered name nor a file; the nearest names are offered.
    DataError: the data cannot be learnt from; the message names file, row or byte, and value.
    DownloadError: a canonical file is not here and cannot be had.

    >>> digits = load("digits")
    >>> digits.inputs, digits.outputs, len(digits.train), len(digits.validation), len(digits.test)
    ((8, 8, 1), 10, 1079, 359, 359)
    """
    if isinstance(what, Dataset):
        return what
    check_seed(seed)
    train = options.pop("train", None)
    given = {"validation": validation, "test": test, "seed": seed, "target": target, "root": root, **options}
    if isinstance(what, str) and what in registry.datasets:
        data = _call(registry.datasets.get(what).thing, what, given)
    else:
        data = _from_files(what, given)
    return data if train is None else fewer(data, train, seed)


def _from_files(what: Any, given: dict[str, Any]) -> Dataset:
    from ._own import own_data

    first = what[0] if isinstance(what, tuple | list) and what else what
    if not isinstance(first, str | os.PathLike):
        wanted = "a registered name or a path"
        raise DataError(
            f"load was given {type(what).__name__}",
            wanted=wanted,
            way_out="Use snarc.data.from_arrays(x, y) for arrays.",
        )
    if not os.path.lexists(first):
        names = [entry.name for entry in registry.datasets]
        raise UnknownNameError(
            f"no data set is called {os.fspath(first)!r}, and there is no file or folder of that name",
            wanted="a name that `snarc list datasets` prints, or a path",
            way_out=nearest(os.fspath(first), names),
        )
    reader, arguments = own_data(what)
    return _call(reader, os.fspath(first), {**given, **arguments})


def _call(function: Callable[..., Dataset], name: str, given: dict[str, Any]) -> Dataset:
    """Call with the arguments that the function knows; one it does not know may not have been given."""
    parameters = inspect.signature(function).parameters
    if any(p.kind is p.VAR_KEYWORD for p in parameters.values()):
        return function(**given)
    for key, value in given.items():
        if key not in parameters and value is not None and key != "seed":
            known = sorted({p for p in parameters if p not in ("path", "pair")} | {"train"})
            close = difflib.get_close_matches(key, known, n=1)
            raise DataError(
                f"{name} does not take the option {key}={value!r}",
                wanted="one of " + ", ".join(known),
                way_out=f"Did you mean {close[0]}?" if close else "Leave it out.",
            )
    return function(**{key: value for key, value in given.items() if key in parameters})
