"""Examples of other data sets for a network: by name, brought to the size of what it learnt from."""

from __future__ import annotations

from typing import Any

import numpy as np

from snarc.data import Split, centred, load
from snarc.errors import DataError

# What people call data sets that have another name here.
ALSO = {"letters": "notmnist", "clothes": "fashion-mnist", "fashion": "fashion-mnist"}


def listed(names: Any) -> Any:
    """Names as a tuple, also where they come as one text with commas, as from a command line."""
    return tuple(part.strip() for part in names.split(",") if part.strip()) if isinstance(names, str) else names


def other_data(name: str) -> Any:
    """The data set of that name, or of that other name.

    Raises
    ------
    UnknownNameError: there is none; the nearest names are offered.
    """
    return load(ALSO.get(name, name))


def first(split: Any, count: int) -> Split:
    """So many examples from the beginning of a split, in memory."""
    return split.gather(np.arange(min(count, len(split))))


def unit(images: np.ndarray) -> np.ndarray:
    """Images as float32 in [0, 1]; bytes are divided by 255."""
    return (images / np.float32(255)).astype(np.float32) if images.dtype == np.uint8 else images.astype(np.float32)


def resized(images: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Images brought to another size and number of channels, float32 in [0, 1], bilinear.

    Raises
    ------
    DataError: the examples, or what is wanted, are no images.
    """
    from PIL import Image

    if images.ndim != 4 or len(shape) != 3 or shape[2] not in (1, 3):
        raise DataError(
            f"examples of shape {images.shape[1:]} for inputs of shape {shape}",
            wanted="images for a network of images",
            way_out="Give arrays of the network's own shape.",
        )
    if images.shape[1:] == shape:
        return unit(images)
    pixels = images if images.dtype == np.uint8 else np.round(255 * np.clip(images, 0, 1)).astype(np.uint8)
    found = np.empty((len(images), *shape), np.float32)
    mode = {1: "L", 3: "RGB"}[shape[2]]
    for k, one in enumerate(pixels):
        picture = Image.fromarray(one[..., 0] if one.shape[2] == 1 else one[..., :3]).convert(mode)
        picture = picture.resize((shape[1], shape[0]), Image.Resampling.BILINEAR)
        found[k] = np.asarray(picture, np.float32).reshape(shape) / 255
    return found


def can_be_centred(images: np.ndarray, shape: tuple[int, ...]) -> bool:
    """Whether these are grey images for a network of square grey ones, as MNIST's are."""
    return images.ndim == 4 and images.shape[3] == 1 and len(shape) == 3 and shape[0] == shape[1] and shape[2] == 1


def like_mnist(images: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Grey images cut to their ink, scaled and centred by mass as MNIST's are, float32 in [0, 1]."""
    size = shape[0]
    return centred(unit(images), size=size, box=max(1, round(20 / 28 * size)))
