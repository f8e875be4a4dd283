"""What a network makes of a picture while it learns it: a few frames, kept with the run."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from snarc.data import Dataset, Split
from snarc.data.images import Look, decode, probe
from snarc.data.picture import coordinates

from .evaluate import outputs
from .files import write_atomic

COUNT = 6
LARGEST = 256  # pixels along the longer side of a frame


class Frames:
    """Takes a picture of the first replica after a few epochs, at even steps of the logarithm.

    Parameters
    ----------
    shape: ``height``, ``width`` and ``channels`` of the picture.
    epochs: of the whole training.
    folder: gets a PNG file for each frame; none keeps them in memory.
    """

    def __init__(self, shape: Mapping[str, int], epochs: int, folder: Path | None) -> None:
        self.epochs = set(np.rint(np.geomspace(1, epochs, COUNT)).astype(int).tolist())
        longer = max(shape["height"], shape["width"])
        part = min(1.0, LARGEST / longer)
        self.size = (max(1, round(part * shape["height"])), max(1, round(part * shape["width"])))
        self.channels, self.folder = shape["channels"], folder
        self.found: dict[int, np.ndarray] = read(folder) if folder is not None else {}

    @classmethod
    def of(cls, dataset: Dataset, epochs: int, path: Path | None) -> Frames | None:
        """Frames for this data set, if it is a picture."""
        shape = dataset.source.get("picture")
        return None if shape is None else cls(shape, epochs, None if path is None else path / "pictures")

    def take(self, epoch: int, function: Callable[..., Any]) -> None:
        """Look at what ``function``, from coordinates to brightness, makes of the picture, if it is time to."""
        if epoch not in self.epochs:
            return
        where = coordinates(*self.size)
        made = outputs(function, Split(where, np.zeros(len(where), np.int32)))
        self.found[epoch] = to_bytes(made.reshape(*self.size, self.channels))
        if self.folder is not None:
            from PIL import Image

            out = io.BytesIO()
            image = self.found[epoch]
            Image.fromarray(image[..., 0] if self.channels == 1 else image).save(out, format="PNG")
            self.folder.mkdir(exist_ok=True, mode=0o700)
            write_atomic(self.folder / f"epoch-{epoch:07d}.png", out.getvalue())


def to_bytes(picture: np.ndarray) -> np.ndarray:
    """Brightness in [0, 1] as bytes; what lies outside is cut off."""
    return np.rint(255 * np.clip(np.nan_to_num(picture), 0, 1)).astype(np.uint8)


def read(folder: Path) -> dict[int, np.ndarray]:
    """The frames of a folder by their epoch, uint8 ``(H, W, C)``; none if there is no such folder."""
    found = {}
    for path in sorted(folder.glob("epoch-*.png")):
        number = path.stem.removeprefix("epoch-")
        if number.isascii() and number.isdigit():
            size, channels = probe(path, path.name)
            found[int(number)] = decode(path, path.name, Look(size, channels))
    return found
