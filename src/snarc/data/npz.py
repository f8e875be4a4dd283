"""Data sets from ``.npz`` files of NumPy arrays; no pickle."""

from __future__ import annotations

import math
import os
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from snarc.errors import DataError

from ._archives import check_name
from ._files import EXPANDS, SMALL, open_regular
from ._own_arrays import arrays_data, finisher
from ._sources import ArraySource
from .dataset import Dataset, Kind
from .stream import STREAM_ABOVE, to_stream

WANTED = "an .npz file of arrays called x and y, or x_train, y_train, x_test and y_test"
MOST = 64 << 30
_INPUTS = ("x", "inputs", "X", "data", "images")
_TARGETS = ("y", "targets", "Y", "labels", "target")


def npz_data(
    path: str | os.PathLike[str],
    *,
    validation: Any = None,
    test: Any = None,
    seed: int = 0,
    task: Kind | None = None,
    classes: Any = None,
    overlap: str = "refuse",
    stream: bool | str = "auto",
    stream_above: int = STREAM_ABOVE,
) -> Dataset:
    """A Dataset from an ``.npz`` file.

    Parameters
    ----------
    path: the file, with arrays ``x`` and ``y`` (or ``inputs`` and ``targets``), or ``x_train``, ``y_train``,
        ``x_test`` and ``y_test``, and ``x_validation`` and ``y_validation`` (or ``x_val``) if there are such.
    validation, test: fraction or count to hold out; 0.1 and 0.2 unless there are arrays for it.
    seed: decides what is held out.
    task, classes: as for :func:`~snarc.data.from_arrays`.
    overlap: ``"refuse"`` or ``"warn"`` when test examples also occur in training.
    stream: read rows from disk as they are needed; ``"auto"`` does so above ``stream_above`` bytes.  The file must
        then be uncompressed, as ``numpy.savez`` writes it.

    Raises
    ------
    DataError: not such a file, arrays missing or of objects, or anything that :func:`~snarc.data.from_arrays` refuses.
    """
    path = Path(path)
    with open_regular(path, WANTED) as file:
        try:
            with zipfile.ZipFile(file) as archive:
                infos = _infos(archive, path)
                streamed = to_stream(stream, sum(i.file_size for i in infos.values()), stream_above)
                names = _names(infos, path)
                found = {
                    key: _mapped(archive, infos[name], path, name)
                    if streamed and key.startswith("x")
                    else _array(archive, infos[name], path, name)
                    for key, name in names.items()
                }
        except DataError:
            raise
        except Exception as error:  # zipfile raises a dozen kinds, from struct.error to NotImplementedError
            raise DataError(f"{path} is damaged: {error}", wanted=WANTED, way_out="Save it again.") from None
    about = {"path": str(path), "bytes": path.stat().st_size}
    sources = {}
    if streamed:
        for key in [k for k in found if k.startswith("x")]:
            sources[key] = ArraySource(found[key], finisher(found[key]))
    return arrays_data(
        path.name.split(".")[0],
        str(path),
        {**found, **sources},
        source={"files": [about]},
        validation=validation,
        test=test,
        seed=seed,
        task=task,
        classes=classes,
        overlap=overlap,
    )


def _names(infos: dict[str, Any], path: Path) -> dict[str, str]:
    keys = set(infos)
    found: dict[str, str] = {}
    for inputs, targets in zip(_INPUTS, _TARGETS):
        for xs in (inputs, f"{inputs}_train"):
            for ys in (targets, f"{targets}_train"):
                if xs in keys and ys in keys and xs.endswith("_train") == ys.endswith("_train") and not found:
                    found = {"x": xs, "y": ys}
                    for part, said in (("test", "test"), ("validation", "validation"), ("validation", "val")):
                        for key, name in (("x", inputs), ("y", targets)):
                            if f"{name}_{said}" in keys:
                                found[f"{key}_{part}"] = f"{name}_{said}"
    if not found:
        came = f"{path} holds the arrays {', '.join(sorted(keys)[:10]) or '(none)'}"
        raise DataError(came, wanted=WANTED, way_out="Save it with numpy.savez(path, x=..., y=...).")
    for key in list(found):
        partner = ("y" if key[0] == "x" else "x") + key[1:]
        if partner not in found:
            came = f"{path} holds {found[key]!r} without its partner"
            raise DataError(came, wanted="inputs and targets of each part", way_out="Add the other array.")
    return found


def _infos(archive: zipfile.ZipFile, path: Path) -> dict[str, zipfile.ZipInfo]:
    infos = {}
    packed, full = 0, 0
    for info in archive.infolist():
        check_name(info.filename, str(path))
        if info.flag_bits & 1:
            raise DataError(f"{path}: {info.filename!r} is encrypted", wanted=WANTED, way_out="Save it again.")
        packed, full = packed + info.compress_size, full + info.file_size
        infos[info.filename.removesuffix(".npy")] = info
    if full > max(SMALL, EXPANDS * packed) or full > MOST:
        came = f"{path} holds {full:,} bytes in {packed:,} packed ones"
        raise DataError(
            came, wanted=f"at most {EXPANDS} times, and {MOST:,} bytes", way_out="Save it with numpy.savez."
        )
    return infos


def _header(file: Any, info: zipfile.ZipInfo, path: Path, name: str) -> tuple[tuple[int, ...], bool, np.dtype]:
    try:
        version = np.lib.format.read_magic(file)
        read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        shape, fortran, kind = read(file)
    except (ValueError, EOFError) as error:
        raise DataError(
            f"{path}: {name!r} is no NumPy array: {error}", wanted=WANTED, way_out="Save it again."
        ) from None
    if kind.hasobject:
        came = f"{path}: {name!r} holds Python objects"
        raise DataError(came, wanted="numbers or strings", way_out=f"Save {name}.astype('float32') or astype(str).")
    if math.prod(shape) * kind.itemsize != info.file_size - file.tell():
        came = f"{path}: {name!r} has the shape {shape} of {kind}, and {info.file_size - file.tell():,} bytes"
        wanted = f"{math.prod(shape) * kind.itemsize:,} bytes"
        raise DataError(came, wanted=wanted, way_out="Save it again.")
    return shape, fortran, kind


def _array(archive: zipfile.ZipFile, info: zipfile.ZipInfo, path: Path, name: str) -> np.ndarray:
    with archive.open(info) as file:
        shape, fortran, kind = _header(file, info, path, name)
        data = file.read(math.prod(shape) * kind.itemsize)
    return np.frombuffer(data, kind).reshape(shape, order="F" if fortran else "C")


def _mapped(archive: zipfile.ZipFile, info: zipfile.ZipInfo, path: Path, name: str) -> np.ndarray:
    if info.compress_type != zipfile.ZIP_STORED:
        came = f"{path}: {name!r} is compressed, so that its rows cannot be read one by one"
        raise DataError(came, wanted="an uncompressed .npz", way_out="Save it with numpy.savez, or say stream=False.")
    with archive.open(info) as file:
        shape, fortran, kind = _header(file, info, path, name)
        skip = file.tell()
    with open_regular(path, WANTED) as whole:
        whole.seek(info.header_offset)
        local = whole.read(30)
        start = (
            info.header_offset + 30 + int.from_bytes(local[26:28], "little") + int.from_bytes(local[28:30], "little")
        )
    return np.memmap(path, kind, mode="r", offset=start + skip, shape=shape, order="F" if fortran else "C")
