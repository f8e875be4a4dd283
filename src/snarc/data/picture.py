"""A picture as a function of its coordinates: from a place in the plane to grey or colour."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np

from snarc.errors import DataError
from snarc.registry import dataset

from . import _lighthouse
from ._split import three_ways
from .canonical import content
from .dataset import Dataset, Split, Task
from .images import MOST_PIXELS, Look, decode, probe

LONGEST = 256  # pixels along the longer side, unless a size is asked for
SAMPLES = 5_000_000  # examples that a training sees unless told how many epochs
NAMES = {1: ("grey",), 3: ("red", "green", "blue")}


def coordinates(height: int, width: int) -> np.ndarray:
    """The middles of the pixels of a picture, ``(height * width, 2)`` float32, row by row.

    The first number runs to the right, the second downwards; the longer side reaches from -0.5 to 0.5.

    >>> coordinates(1, 2).tolist()
    [[-0.25, 0.0], [0.25, 0.0]]
    """
    longer = max(height, width)
    y = (np.arange(height) + 0.5 - height / 2) / longer
    x = (np.arange(width) + 0.5 - width / 2) / longer
    return np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2).astype(np.float32)


def picture_data(
    path: str | os.PathLike[str],
    *,
    size: Any = None,
    channels: int | None = None,
    background: str = "white",
    validation: Any = None,
    test: Any = None,
    seed: int = 0,
) -> Dataset:
    """A Dataset of one picture: the coordinates of its pixels, and their grey or colour.

    Parameters
    ----------
    path: a PNG, JPEG, BMP, GIF or WebP file.
    size: pixels along the longer side, or (height, width); by default the file's, but at most 256 along the longer.
    channels: 1 (grey) or 3 (red, green, blue); as in the file by default.
    background: ``"white"`` or ``"black"``, what shows through where it is transparent.
    validation, test: pixels to hold out, as a fraction or a count; none by default: the picture itself is learnt.
    seed: decides which.

    Returns
    -------
    Inputs are float32 ``(N, 2)``, see :func:`coordinates`; targets float32 ``(N, channels)`` in [0, 1].

    Raises
    ------
    DataError: not an image, damaged, truncated, an animation, too large, or an impossible size.
    """
    name = os.fspath(path)
    return _from_file(path, name, Path(name).stem or name, size, channels, background, validation, test, seed, {})


def from_pixels(
    pixels: np.ndarray,
    *,
    name: str = "picture",
    validation: Any = None,
    test: Any = None,
    seed: int = 0,
    source: dict[str, Any] | None = None,
) -> Dataset:
    """A Dataset of a picture given as an array.

    Parameters
    ----------
    pixels: ``(H, W)``, ``(H, W, 1)`` or ``(H, W, 3)``; bytes, or numbers in [0, 1].

    Raises
    ------
    DataError: another shape, or numbers outside [0, 1].

    >>> data = from_pixels(np.zeros((4, 6)))
    >>> data.inputs, data.outputs, len(data.train)
    ((2,), 1, 24)
    """
    pixels = np.asarray(pixels)
    if pixels.ndim == 2:
        pixels = pixels[..., None]
    if pixels.ndim != 3 or pixels.shape[2] not in NAMES or min(pixels.shape[:2]) < 2 or pixels.dtype.kind not in "uif":
        raise DataError(
            f"a picture of shape {pixels.shape}, {pixels.dtype}",
            wanted="(height, width) or (height, width, 3), at least 2 x 2 pixels",
            way_out="Give one picture.",
        )
    values = pixels / 255 if pixels.dtype == np.uint8 else pixels.astype(np.float64)
    if not (np.isfinite(values).all() and values.min() >= 0 and values.max() <= 1):
        raise DataError(
            f"a picture with values from {values.min():g} to {values.max():g}",
            wanted="bytes, or numbers from 0 to 1",
            way_out="Divide by the largest value.",
        )
    height, width, channels = values.shape
    whole = Split(coordinates(height, width), values.reshape(-1, channels).astype(np.float32))
    about = {
        **(source or {}),
        "picture": {"height": height, "width": width, "channels": channels},
        "reader": _reader(NAMES[channels]),
        "suits": {"model": "fourier-features", "batch_size": 256, "examples": SAMPLES},
    }
    task = Task("regression", targets=NAMES[channels])
    held_out = {"validation": 0 if validation is None else validation, "test": 0 if test is None else test}
    return three_ways(name, task, whole, None, **held_out, seed=seed, source=about, columns=("x", "y"))


def pixels_of(about: Any) -> np.ndarray:
    """The picture ``(H, W, C)`` in [0, 1] that a data set from this room was made of.

    Raises
    ------
    DataError: it was not made of a picture.
    """
    shape = about.source.get("picture")
    if shape is None:
        raise DataError(f"{about.name} is no picture", wanted="a picture's data set", way_out="Load a picture file.")
    height, width = shape["height"], shape["width"]
    found = np.zeros((height * width, shape["channels"]), np.float32)
    for part in ("train", "validation", "test"):
        split = about.split(part)
        x, y = (split.inputs * max(height, width) + np.array([width / 2, height / 2]) - 0.5).T
        found[np.rint(y).astype(int) * width + np.rint(x).astype(int)] = split.targets
    return found.reshape(height, width, -1)


def _from_file(
    data: Any, name: str, title: str, size: Any, channels: int | None, background: str, validation: Any, test: Any,
    seed: int, source: dict[str, Any],
) -> Dataset:  # fmt: skip
    if channels not in (None, 1, 3) or background not in ("white", "black"):
        came = f"channels={channels!r}, background={background!r}"
        raise DataError(came, wanted="channels 1 or 3, background white or black", way_out="Leave them out.")
    try:
        own, found = probe(data, name)
        look = Look(_size(size, own), channels or found, background)  # type: ignore[arg-type]
        pixels = decode(data, name, look)
    except DataError as error:
        raise DataError(
            error.came, wanted=error.wanted, way_out=error.way_out.replace("take it out", "give another picture")
            .replace("Take it out, or say skip_bad=True.", "Save it again as PNG, or give another picture.")
        ) from None  # fmt: skip
    if look.size != own:
        source = {**source, "note": f"{own[0]} x {own[1]} pixels, made {look.size[0]} x {look.size[1]}"}
    return from_pixels(pixels, name=title, validation=validation, test=test, seed=seed, source=source)


def _size(size: Any, own: tuple[int, int]) -> tuple[int, int]:
    """Height and width that are wanted of a picture whose file has ``own``."""
    if size is None and max(own) <= LONGEST:
        return own
    size = LONGEST if size is None else size
    if isinstance(size, int) and not isinstance(size, bool):
        height, width = (max(1, round(side * size / max(own))) for side in own)
    elif isinstance(size, list | tuple) and len(size) == 2 and all(type(side) is int for side in size):
        height, width = size
    else:
        height = width = 0
    if min(height, width) < 2 or height * width > MOST_PIXELS:
        wanted = f"pixels along the longer side, or (height, width), with 2 to {MOST_PIXELS:,} pixels"
        raise DataError(f"size={size!r}", wanted=wanted, way_out="Use size=128.")
    return height, width


def _reader(targets: tuple[str, ...]) -> dict[str, Any]:
    columns = [{"name": "x"}, {"name": "y"}]
    return {
        "kind": "csv",
        "decimal": ".",
        "header": True,
        "columns": columns,
        "targets": list(targets),
        "classes": None,
    }


def _photo(
    file: str, title: str, size: Any, channels: Any, validation: Any, test: Any, seed: int, root: Any
) -> Dataset:
    data, record = content(f"photos/{file}", root)
    return _from_file(data, record["path"], title, size, channels, "white", validation, test, seed, {"files": [record]})


@dataset("noether", examples=(LONGEST**2, 0), inputs=(2,), outputs=1, source="photograph, about 1900 to 1910")
def noether(
    *, size: Any = None, channels: Any = None, validation: Any = None, test: Any = None, seed: int = 0, root: Any = None
) -> Dataset:
    """Portrait of Emmy Noether as a function of its coordinates (512 x 512 pixels, made 256 x 256 unless asked)."""
    return _photo("noether.png", "noether", size, channels, validation, test, seed, root)


@dataset("camera", examples=(LONGEST**2, 0), inputs=(2,), outputs=1, source="L. Varshney, CC0")
def camera(
    *, size: Any = None, channels: Any = None, validation: Any = None, test: Any = None, seed: int = 0, root: Any = None
) -> Dataset:
    """Photograph of a cameraman as a function of its coordinates (512 x 512 pixels, made 256 x 256 unless asked)."""
    return _photo("camera.png", "camera", size, channels, validation, test, seed, root)


@dataset("chelsea", examples=(170 * LONGEST, 0), inputs=(2,), outputs=3, source="S. van der Walt, CC0")
def chelsea(
    *, size: Any = None, channels: Any = None, validation: Any = None, test: Any = None, seed: int = 0, root: Any = None
) -> Dataset:
    """Photograph of the cat Chelsea, in colour, as a function of its coordinates (made 256 pixels wide)."""
    return _photo("chelsea.png", "chelsea", size, channels, validation, test, seed, root)


@dataset("lighthouse", examples=(128**2, 0), inputs=(2,), outputs=1, source="drawn by this project, CC0")
def lighthouse(*, size: Any = 128, validation: Any = None, test: Any = None, seed: int = 0) -> Dataset:
    """A drawn picture with smooth and sharp parts, 128 x 128 pixels unless asked, as a function of its coordinates."""
    height, width = _size(size, (128, 128))
    return from_pixels(_lighthouse.draw(height, width), name="lighthouse", validation=validation, test=test, seed=seed)
