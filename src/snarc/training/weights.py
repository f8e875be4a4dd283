"""Trained weights to give away: ``weights.safetensors`` and ``network.json`` beside it.

A folder with these two comes from anywhere and is believed in nothing: no
code can hide in it, every size is checked before memory is taken, and the
weights must have the SHA-256 that ``network.json`` names.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from snarc.errors import DataError, RunError
from snarc.training import tensors
from snarc.training.disk import opened, read_bytes, require_space, sync_folder, told
from snarc.training.files import read_json, sha256, write_atomic, write_json

FORMAT = 1
WEIGHTS, CONFIG = "weights.safetensors", "network.json"
_NEXT = "weights.next.safetensors"
_CONFIG_LIMIT = 1024 * 1024
_LARGEST = 2**31 - 1
# A layout may carry numbers, as in 784-30:leaky-relu(0.2)-10; a dot stands nowhere else, as it does in Python names.
_MODEL = r"(?=.{1,2000}$)[A-Za-z0-9](?:[A-Za-z0-9_:-]|\([0-9]+(?:\.[0-9]+)?\))*|custom:[A-Za-z_<][A-Za-z0-9_<>.]{0,99}"
_FOREIGN = {
    ".pt": "a PyTorch file",
    ".pth": "a PyTorch file",
    ".bin": "a PyTorch file",
    ".ckpt": "a PyTorch or TensorFlow checkpoint",
    ".pkl": "a pickle",
    ".pickle": "a pickle",
    ".joblib": "a joblib pickle",
    ".h5": "an HDF5 file",
    ".hdf5": "an HDF5 file",
    ".keras": "a Keras archive",
    ".npy": "a NumPy file",
    ".npz": "a NumPy archive",
    ".onnx": "an ONNX file",
    ".msgpack": "a msgpack file",
    ".pb": "a TensorFlow graph",
}
_MAGIC = (
    (b"PK\x03\x04", "a zip archive, as PyTorch, Keras and NumPy write"),
    (b"PK\x05\x06", "a zip archive, as PyTorch, Keras and NumPy write"),
    (b"\x80\x02", "a pickle"),
    (b"\x80\x03", "a pickle"),
    (b"\x80\x04", "a pickle"),
    (b"\x80\x05", "a pickle"),
    (b"\x89HDF\r\n\x1a\n", "an HDF5 file, as Keras writes"),
    (b"\x93NUMPY", "a NumPy file"),
    (b"\x1f\x8b", "a gzip file"),
)


class Weights(NamedTuple):
    """Weights and what network they belong to.

    Attributes
    ----------
    arrays: the weights by name, all finite.
    config: ``model``, ``options``, ``inputs``, ``outputs``, ``task``, ``versions``, and all else saved.
    """

    arrays: dict[str, np.ndarray]
    config: dict[str, Any]


def save_weights(folder: Path | str, arrays: Mapping[str, Any], config: Mapping[str, Any]) -> Path:
    """Write weights and their description into a folder, replacing those that are there.

    After a crash at any moment :func:`load_weights` gives the old pair or the new one.

    Parameters
    ----------
    folder: made if it does not exist.
    arrays: the weights by name.
    config: ``model`` (registered name), ``options`` (what it was built with), ``inputs`` (shape of one example),
        ``outputs`` (number of output units), ``task`` (``kind``, ``classes`` in label order, ``targets``),
        ``versions`` (package to version), and anything else that is JSON.

    Raises
    ------
    DataError: a weight is NaN or infinite; an entry of ``config`` is missing or of the wrong type.
    DiskFullError, RunError: it could not be written; what was there before still is.
    """
    folder = Path(folder)
    config = {**config, "format": FORMAT}
    _check_config(config, "the description to save")
    parts = tensors.pieces(arrays)
    _check_finite({name: np.asarray(array) for name, array in arrays.items()}, "the weights to save")
    with told(folder):
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    require_space(folder, sum(map(len, parts)))
    _settle(folder)
    write_atomic(folder / _NEXT, parts)
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part)
    # The description is what makes the new weights valid: a reader takes the file whose SHA-256 it names.
    write_json(folder / CONFIG, {**config, "weights": {"sha256": digest.hexdigest(), "bytes": sum(map(len, parts))}})
    _settle(folder)
    return folder


def load_weights(folder: Path | str) -> Weights:
    """Read weights and their description; nothing in them is executed, built or believed.

    The names and shapes still have to be held against the network
    (:func:`snarc.training.store.expect`) before anything is computed.

    Parameters
    ----------
    folder: a folder written by :func:`save_weights`, or the ``weights.safetensors`` in it.

    Raises
    ------
    RunError: there is no such folder or one of the two files is missing, or a newer snarc wrote it.
    DataError: a file of another kind, damaged, hostile, or with weights that are not finite.
    """
    folder = Path(folder)
    if folder.suffix.lower() in _FOREIGN and not folder.is_dir():
        raise _foreign(folder, _FOREIGN[folder.suffix.lower()])
    if folder.name == WEIGHTS:
        folder = folder.parent
    for path in (folder / CONFIG, folder / WEIGHTS):
        if not os.path.lexists(path) and not (path.name == WEIGHTS and os.path.lexists(folder / _NEXT)):
            raise RunError(
                f"{path} is missing",
                wanted=f"a folder with {CONFIG} and {WEIGHTS}",
                way_out="Give a folder that was written by `save`.",
            )
    config = _description(folder / CONFIG)
    if config.get("format") != FORMAT:
        raise RunError(
            f"{folder / CONFIG} is of format {config.get('format')!r:.40}",
            wanted=f"format {FORMAT}",
            way_out="If the number is higher, a newer snarc wrote it; use that one.",
        )
    _check_config(config, str(folder / CONFIG))
    about = config.get("weights")
    if not isinstance(about, dict) or not _text(about.get("sha256")) or type(about.get("bytes")) is not int:
        raise DataError(
            f"{folder / CONFIG}: 'weights' is {about!r:.80}", wanted="an object with sha256 and bytes", way_out=_RESTORE
        )
    data, place = _weights(folder, about)
    arrays = tensors.parse(data, place, error=DataError)
    _check_finite(arrays, place)
    return Weights(arrays, config)


def _weights(folder: Path, about: Mapping[str, Any]) -> tuple[bytearray, str]:
    """The bytes whose SHA-256 the description names; ``weights.next`` if a writer died between its two renames."""
    path = folder / WEIGHTS
    if os.path.lexists(folder / _NEXT) and sha256(folder / _NEXT) == about["sha256"]:
        path = folder / _NEXT
    with opened(path, DataError) as handle:
        start = os.read(handle, 16)
    for magic, kind in _MAGIC:
        if start.startswith(magic) and not _begins_well(start):
            raise _foreign(path, kind)
    data = read_bytes(path, limit=max(0, about["bytes"]), error=DataError)
    if len(data) != about["bytes"] or hashlib.sha256(data).hexdigest() != about["sha256"]:
        # What is wrong with the file itself says more than a SHA-256 does.
        tensors.parse(data, str(path), error=DataError)
        raise DataError(
            f"{path} is not the file that {CONFIG} names: SHA-256 {hashlib.sha256(data).hexdigest()}",
            wanted=about["sha256"],
            way_out="One of the two was changed or exchanged; restore both from a copy.",
        )
    return data, str(path)


def _begins_well(data: bytes) -> bool:
    # A header of 1152 bytes begins with the same two bytes as a pickle does.
    return int.from_bytes(data[:8], "little") <= tensors.HEADER_LIMIT and data[8:9] == b"{"


def _settle(folder: Path) -> None:
    """Finish the last rename of a save that was cut short, if its description had been written."""
    path = folder / _NEXT
    if os.path.lexists(path) and os.path.lexists(folder / CONFIG):
        about = _description(folder / CONFIG).get("weights")
        if isinstance(about, dict) and about.get("sha256") == sha256(path):
            with told(folder / WEIGHTS):
                os.replace(path, folder / WEIGHTS)
                sync_folder(folder)


def _description(path: Path) -> dict[str, Any]:
    found = read_json(path, limit=_CONFIG_LIMIT, error=DataError)
    if not isinstance(found, dict):
        raise DataError(f"{path} holds no JSON object", wanted="a description of a network", way_out=_RESTORE)
    return found


def _check_config(config: Mapping[str, Any], place: str) -> None:
    for name, (wanted, fits) in _ENTRIES.items():
        if name not in config:
            raise DataError(f"{place}: {name!r} is missing", wanted=wanted, way_out=_RESTORE)
        if not fits(config[name]):
            came = repr(config[name])
            raise DataError(
                f"{place}: {name!r} is {came[:80]}{'...' if len(came) > 80 else ''}", wanted=wanted, way_out=_RESTORE
            )


def _check_finite(arrays: Mapping[str, np.ndarray], place: str) -> None:
    for name, array in arrays.items():
        if array.dtype.kind not in "biu" and not (finite := np.isfinite(array)).all():
            first = tuple(int(i) for i in np.argwhere(~np.atleast_1d(finite))[0])
            raise DataError(
                f"{place}: {int((~finite).sum())} of {array.size} numbers of {name!r} are not finite, first at {first}",
                wanted="finite weights",
                way_out="The training diverged; take an earlier checkpoint or lower the learning rate.",
            )


def _foreign(path: Path, kind: str) -> DataError:
    return DataError(
        f"{path} is {kind}",
        wanted=f"a folder with {WEIGHTS} and {CONFIG}",
        way_out="Formats that can carry code are never read; save it as safetensors where it comes from.",
    )


def _natural(value: Any) -> bool:
    return type(value) is int and 1 <= value <= _LARGEST


def _list(value: Any, fits: Callable[[Any], bool]) -> bool:
    return isinstance(value, list | tuple) and all(map(fits, value))


def _text(value: Any) -> bool:
    return isinstance(value, str)


def _task(value: Any) -> bool:
    return (
        isinstance(value, dict)
        and _text(value.get("kind"))
        and all(_list(value.get(name), _text) for name in ("classes", "targets"))
    )


_RESTORE = "Restore the folder from a copy, or save it again."
_ENTRIES: dict[str, tuple[str, Callable[[Any], bool]]] = {
    "model": (
        "the name of a model or a layout: letters, digits and -_:.(), or 'custom:' and a Python name",
        lambda value: _text(value) and re.fullmatch(_MODEL, value) is not None,
    ),
    "options": ("an object", lambda value: isinstance(value, dict)),
    "inputs": ("a list of numbers from 1", lambda value: _list(value, _natural)),
    "outputs": ("a number from 1", _natural),
    "task": ("an object with kind, classes and targets", _task),
    "versions": ("an object", lambda value: isinstance(value, dict)),
}
