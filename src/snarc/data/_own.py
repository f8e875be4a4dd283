"""Which reader a path of one's own belongs to."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from snarc.errors import DataError

from ._archives import ENDINGS
from ._files import open_regular, unreadable
from ._own_arrays import arrays_data, finisher
from ._sources import ArraySource
from .dataset import Dataset, Kind
from .idx import idx_pair, map_idx, read_idx
from .images import SUFFIXES, UNREAD
from .stream import STREAM_ABOVE, to_stream

WANTED = "a folder of images, a picture, a CSV, .npz or idx file, or a tar or zip file of images"


def own_data(what: Any) -> tuple[Callable[..., Dataset], dict[str, Any]]:
    """The reader for a path or a pair of paths, and its first argument.

    Raises
    ------
    DataError: nothing that can be read.
    """
    from .folders import image_data
    from .npz import npz_data
    from .picture import picture_data
    from .tables import csv_data

    if isinstance(what, tuple | list):
        if len(what) != 2:
            came = f"a list of {len(what)} paths"
            raise DataError(came, wanted="a path, or an idx file of images and one of labels", way_out="Give the pair.")
        return idx_data, {"pairs": {"": (Path(what[0]), Path(what[1]))}}
    path = Path(what)
    if path.is_dir() and path.suffix.lower() not in (".csv", ".tsv", ".npz"):
        pairs = _idx_folder(path)
        if pairs:
            return idx_data, {"pairs": pairs}
        return (csv_data if (path / "train.csv").exists() else image_data), {"path": path}
    name = path.name.lower()
    if name.endswith((".csv", ".tsv", ".txt")):
        return csv_data, {"path": path}
    if name.endswith(".npz"):
        return npz_data, {"path": path}
    if name.endswith(ENDINGS):
        return image_data, {"path": path}
    if name.endswith((*SUFFIXES, *UNREAD)):
        return picture_data, {"path": path}
    with open_regular(path, WANTED) as file:
        start = file.read(4)
    if start in (b"\x89PNG", b"RIFF", b"GIF8") or start[:3] == b"\xff\xd8\xff":
        return picture_data, {"path": path}
    if "idx" in name or "ubyte" in name or start[:2] == b"\0\0":
        pair = idx_pair(path)
        if pair is None:
            came = f"{path}: no file of labels beside it"
            way_out = "Give both: load(('images.idx', 'labels.idx'))."
            raise DataError(came, wanted="files called like ...images... and ...labels...", way_out=way_out)
        return idx_data, {"pairs": {"": pair}}
    came = f"{path}: what it is cannot be told from its name, and it begins with the bytes {start.hex(' ')}"
    raise DataError(came, wanted=WANTED, way_out="Give it the ending of what it is.")


def idx_data(
    *,
    pairs: dict[str, tuple[Path, Path]],
    validation: Any = None,
    test: Any = None,
    seed: int = 0,
    task: Kind | None = None,
    classes: Any = None,
    overlap: str = "refuse",
    stream: bool | str = "auto",
    stream_above: int = STREAM_ABOVE,
) -> Dataset:
    """A Dataset from idx files: images and labels, and those of a test set where the folder holds them.

    Parameters
    ----------
    pairs: files of inputs and targets, under ``""`` and perhaps ``"_test"``.
    validation, test: fraction or count to hold out; 0.1 and 0.2 unless there is a file for it.
    seed: decides what is held out.
    task, classes: as for :func:`~snarc.data.from_arrays`.
    overlap: ``"refuse"`` or ``"warn"`` when test examples also occur in training.
    stream: read examples from disk as they are needed (ungzipped files only); ``"auto"`` does so above
        ``stream_above`` bytes.
    """
    first = pairs[""][0]
    streamed = to_stream(stream, sum(_size(x) for x, _ in pairs.values()), stream_above)
    found: dict[str, Any] = {}
    files = []
    for part, (x, y) in pairs.items():
        mapped: np.ndarray | None = map_idx(x) if streamed else None
        found[f"x{part}"] = read_idx(x) if mapped is None else ArraySource(mapped, finisher(mapped))
        found[f"y{part}"] = read_idx(y)
        if len(found[f"x{part}"]) != len(found[f"y{part}"]):
            came = f"{x} holds {len(found[f'x{part}']):,} examples and {y} {len(found[f'y{part}']):,} labels"
            raise DataError(came, wanted="as many labels as examples", way_out="Give the labels that belong to it.")
        files += [{"path": str(p), "bytes": _size(p)} for p in (x, y)]
    name = first.parent.name if "train" in first.name else first.name.split(".")[0]
    return arrays_data(
        name or "idx",
        str(first.parent),
        found,
        source={"files": files},
        validation=validation,
        test=test,
        seed=seed,
        task=task,
        classes=classes,
        overlap=overlap,
    )


def _size(path: Path) -> int:
    try:
        return os.stat(path).st_size
    except OSError as error:
        raise unreadable(path, error, "an idx file") from None


def _idx_folder(folder: Path) -> dict[str, tuple[Path, Path]]:
    """Pairs of images and labels in a folder whose names begin with train, and with test or t10k."""
    try:
        names = sorted(os.listdir(folder))
    except OSError as error:
        raise unreadable(folder, error, WANTED) from None
    pairs: dict[str, tuple[Path, Path]] = {}
    for name in names:
        if "images" in name and ("idx" in name or "ubyte" in name) and (folder / name).is_file():
            pair = idx_pair(folder / name)
            part = "_test" if name.startswith(("t10k", "test")) else "_validation" if name.startswith("val") else ""
            if pair is not None and part not in pairs:
                pairs[part] = pair
    return pairs if "" in pairs else {}
