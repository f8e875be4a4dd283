"""The readings that instruments made of a run, kept in its folder and drawn again from there.

Each is one file ``readings/NAME.npz``: the arrays, and a text of JSON with the numbers, the note, the options and how
far the training had come.  Nothing in it is run: pickled arrays are refused, and what draws it is the instrument.
"""

from __future__ import annotations

import io
import math
import re
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from snarc.errors import RunError, UnknownNameError
from snarc.reading import Estimate, Reading
from snarc.registry import instruments

from . import jsontext
from .files import read_bytes, write_atomic

if TYPE_CHECKING:
    from .run import Run

FOLDER, SUFFIX = "readings", ".npz"
LIMIT = 256 * 1024 * 1024  # bytes of one reading, unpacked
_ABOUT = "reading.json"  # no array can be called so: their names have no dot


@dataclass(frozen=True)
class Kept:
    """A reading of a run, or the sentence with which the instrument refused.

    Attributes
    ----------
    options: that were not at their default.
    epochs: of training that the run had behind it.
    seconds: that it took.
    """

    name: str
    reading: Reading | None
    refused: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)
    epochs: int = 0
    seconds: float = 0.0


def keep(folder: Path, kept: Kept) -> Path:
    """Write a reading into the folder of its run, in place of an earlier one of the same instrument.

    Raises
    ------
    RunError, DiskFullError: it cannot be written.
    """
    reading = kept.reading or Reading(kept.name)
    about = {
        "refused": kept.refused, "options": dict(kept.options), "epochs": kept.epochs, "seconds": kept.seconds,
        "drawn": reading.draw is not None, **reading.to_json(),
    }  # fmt: skip
    text = jsontext.text(_plain(about)).decode()
    arrays = {name: np.asarray(array) for name, array in reading.arrays.items()}
    for name, array in arrays.items():
        if array.dtype.hasobject or not re.fullmatch(r"[\w-]+", name):
            raise RunError(
                f"array {name!r} of the reading {kept.name!r} holds {array.dtype}",
                wanted="numbers or text under a name of letters, digits, - and _",
                way_out="Mend the instrument that made it.",
            )
    out = io.BytesIO()
    np.savez_compressed(out, allow_pickle=False, **{_ABOUT: np.array(text), **arrays})
    target = folder / FOLDER / f"{kept.name}{SUFFIX}"
    target.parent.mkdir(exist_ok=True, mode=0o700)
    write_atomic(target, out.getvalue())
    return target


def kept(run: Run) -> dict[str, Kept]:
    """The readings in a run's folder by the name of their instrument.

    One that cannot be read, or whose instrument is not installed, is left out of the pictures: it stands there as
    refused, with the reason.
    """
    if run.path is None:
        return {}
    found = {}
    for path in sorted((run.path / FOLDER).glob(f"*{SUFFIX}")):
        name = path.name.removesuffix(SUFFIX)
        try:
            found[name] = _read(path, name)
        except (RunError, UnknownNameError) as error:
            found[name] = Kept(name, None, str(error))
    return found


def _read(path: Path, name: str) -> Kept:
    thing = instruments.get(name).thing
    data = read_bytes(path, limit=LIMIT)
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            size = sum(one.file_size for one in archive.infolist())
        if size > LIMIT:
            raise ValueError(f"it unpacks to {size:,} bytes")
        with np.load(io.BytesIO(data), allow_pickle=False) as archive:
            arrays = {key: archive[key] for key in archive.files}
        about = jsontext.parse(str(arrays.pop(_ABOUT)).encode(), str(path))
        numbers = {str(key): _number(value) for key, value in about["numbers"].items()}
        reading = Reading(name, numbers, arrays, thing.draw if about["drawn"] else None, str(about["note"]))
        refused = str(about["refused"])
        return Kept(
            name, None if refused else reading, refused, dict(about["options"]), int(about["epochs"]),
            float(about["seconds"]),
        )  # fmt: skip
    except (ValueError, KeyError, TypeError, AttributeError, OSError, EOFError, zipfile.BadZipFile) as error:
        raise RunError(
            f"{path} is no reading: {error}",
            wanted="what `snarc see` and `snarc trust` write",
            way_out="Delete the file and ask the instrument again.",
        ) from error


def _number(value: Any) -> Any:
    if isinstance(value, Mapping):
        error = value["standard_error"]
        values = tuple(map(_number, value["values"]))
        return Estimate(_number(value["mean"]), None if error is None else float(error), values, str(value["unit"]))
    return math.nan if value is None else value if isinstance(value, int) else float(value)


def _plain(value: Any) -> Any:
    """The value as JSON has it: a number that is not finite becomes null."""
    if isinstance(value, Mapping):
        return {str(key): _plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    if isinstance(value, np.generic | np.ndarray):
        return _plain(value.tolist())
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value if value is None or isinstance(value, str | bool | int | float) else str(value)
