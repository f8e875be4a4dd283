"""One way in: ``load`` takes a registered name or a path."""

from __future__ import annotations

import csv
import difflib
import inspect
import io
import math
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from snarc import registry
from snarc.errors import DataError, UnknownNameError, nearest

from ._files import open_regular
from ._own import own_data
from ._split import check_seed, fewer
from .arrays import check_inputs
from .dataset import Dataset
from .folders import read_images
from .images import SUFFIXES
from .tables import read_inputs


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
    data = data if train is None else fewer(data, train, seed)
    how = {"what": _absolute(what), **given, "train": train}
    return replace(data, source={**data.source, "load": {k: v for k, v in how.items() if v is not None}})


def _absolute(what: Any) -> Any:
    """A path that still leads there from another working folder; a name stays as it is."""
    if isinstance(what, tuple | list):
        return [_absolute(one) for one in what]
    if isinstance(what, str) and what in registry.datasets:
        return what
    return os.path.abspath(what)


def _from_files(what: Any, given: dict[str, Any]) -> Dataset:
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
            known = sorted({p for p in parameters if p not in ("path", "pairs")} | {"train"})
            close = difflib.get_close_matches(key, known, n=1)
            raise DataError(
                f"{name} does not take the option {key}={value!r}",
                wanted="one of " + ", ".join(known),
                way_out=f"Did you mean {close[0]}?" if close else "Leave it out.",
            )
    return function(**{key: value for key, value in given.items() if key in parameters})


def read_like(paths: Sequence[str | os.PathLike[str]], dataset: Dataset | Mapping[str, Any]) -> np.ndarray:
    """New inputs from files, made as those of a data set were: for prediction.

    Parameters
    ----------
    paths: image files, CSV files (which need not hold the target) or ``.npy`` files, all of one kind.
    dataset: the data set that was trained on; or a mapping with ``inputs`` (the shape of one example), ``dtype`` and
        ``reader`` (its ``source["reader"]``, if it has one), as kept with a run.

    Returns
    -------
    The inputs of all files, one below the other.

    Raises
    ------
    DataError: a file of another kind, or with a fault; the message names it.
    """
    if isinstance(dataset, Dataset):
        dtype = np.dtype(dataset.train.inputs.dtype)
        dataset = {"inputs": dataset.inputs, "dtype": dtype, "reader": dataset.source.get("reader")}
    shape, dtype = tuple(dataset["inputs"]), np.dtype(dataset["dtype"])
    reader = dataset.get("reader") or {}
    if not paths:
        raise DataError("no file was given", wanted="at least one file", way_out="Name the files to predict.")
    parts = []
    for path in [os.fspath(p) for p in paths]:
        ending = os.path.splitext(path)[1].lower()
        if ending == ".npy":
            part = check_inputs(_npy(path), what=path, shape=shape, dtype=dtype)
        elif ending in SUFFIXES and len(shape) == 3 and shape[-1] in (1, 3):
            look = reader if reader.get("kind") == "images" else {"size": shape[:2], "channels": shape[-1]}
            part = read_images([path], look)
            part = part if dtype == np.uint8 else (part / np.float32(255)).astype(np.float32)
        elif ending in (".csv", ".tsv", ".txt") and len(shape) == 1:
            part = read_inputs(path, reader if reader.get("kind") == "csv" else _plain_reader(path, shape))
        else:
            wanted = "an image file, or .npy" if len(shape) == 3 else "a CSV file, or .npy"
            raise DataError(f"{path} is of another kind", wanted=wanted, way_out=f"The inputs have the shape {shape}.")
        parts.append(part)
    return parts[0] if len(parts) == 1 else np.concatenate(parts)


def _plain_reader(path: str, shape: tuple[int, ...]) -> dict[str, Any]:
    with open_regular(path, "a CSV file") as file:
        first: list[str] = next(csv.reader(io.StringIO(file.readline(1 << 20).decode("utf-8-sig", "replace"))), [])
    if len(first) != shape[0]:
        came = f"{path}, row 1 has {len(first)} cells"
        raise DataError(came, wanted=f"{shape[0]} columns, one for each input", way_out="Check the file.")
    columns = [{"name": name.strip()} for name in first]
    return {"kind": "csv", "decimal": ".", "header": True, "columns": columns, "targets": [], "classes": None}


def _npy(path: str) -> np.ndarray:
    with open_regular(path, "an .npy file") as file:
        try:
            version = np.lib.format.read_magic(file)
            read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
            shape, _, kind = read(file)
            size = os.fstat(file.fileno()).st_size - file.tell()
            if kind.hasobject or math.prod(shape) * kind.itemsize != size:
                raise ValueError(f"shape {shape} of {kind} in {size:,} bytes")
            file.seek(0)
            return np.lib.format.read_array(file, allow_pickle=False)
        except (ValueError, EOFError) as error:
            came = f"{path} is no array of numbers: {error}"
            raise DataError(came, wanted="an .npy file", way_out="Save it with numpy.save.") from None
