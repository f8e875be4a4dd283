"""Pictures of single characters brought to the conventions of MNIST: scaled to a box, centred by their mass."""

from __future__ import annotations

from typing import Any

import numpy as np

from snarc.errors import DataError


def centred(images: Any, size: int = 28, box: int = 20, *, ground: float = 0.0) -> np.ndarray:
    """Each picture cut to its ink, scaled to fit a box with its proportions kept, and placed by its centre of mass.

    Ink is bright on a dark ground, as in MNIST.  The longer side of the ink becomes ``box`` pixels (triangle filter,
    which averages where it shrinks).  It is moved by whole pixels so that its centre of mass, counted from the middle
    of the first pixel, comes as near as can be to ``size / 2`` in each direction, but never off the picture.  What
    already fills the box is not resampled: 59,985 of the 60,000 training digits of MNIST stay as they are, bit for bit.

    Parameters
    ----------
    images: ``(N, H, W, 1)``, floating in [0, 1] or uint8, of any height and width.
    size: height and width of the result, in pixels.
    box: longer side of the ink in it, in pixels.
    ground: what is not above it, as a fraction of full ink, is ground: it counts neither for the box nor as mass and
        becomes 0.

    Returns
    -------
    ``(N, size, size, 1)`` of the same type.  A picture without ink is empty.

    Raises
    ------
    DataError: not such an array, numbers outside [0, 1], a box larger than the picture, or a ground not in [0, 1).

    Source: LeCun, Cortes and Burges, The MNIST database of handwritten digits, whose 28 x 28 digits were made so from
    those of NIST.

    >>> stroke = np.zeros((1, 40, 40, 1))
    >>> stroke[0, :40, 30:34] = 1
    >>> made = centred(stroke)
    >>> made.shape, int((made[0, ..., 0] > 0.5).any(axis=1).sum()), int((made[0, ..., 0] > 0.5).any(axis=0).sum())
    ((1, 28, 28, 1), 20, 2)
    """
    images = np.asarray(images)
    _check(images, size, box, ground)
    full = 255.0 if images.dtype == np.uint8 else 1.0
    out = np.zeros((len(images), size, size, 1), images.dtype)
    for k, one in enumerate(images[..., 0]):
        ink = np.where(one > ground * full, one, 0)
        rows, columns = np.flatnonzero(ink.any(axis=1)), np.flatnonzero(ink.any(axis=0))
        if not len(rows):
            continue
        glyph = _scaled(ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1], box, full)
        top, left = (_start(glyph.sum(axis=axis, dtype=np.float64), size) for axis in (1, 0))
        out[k, top : top + glyph.shape[0], left : left + glyph.shape[1], 0] = glyph
    return out


def _scaled(glyph: np.ndarray, box: int, full: float) -> np.ndarray:
    from PIL import Image

    height, width = glyph.shape
    longer = max(height, width)
    if longer == box:
        return glyph
    size = (max(1, round(width * box / longer)), max(1, round(height * box / longer)))
    picture = Image.fromarray(glyph.astype(np.float32)).resize(size, Image.Resampling.BILINEAR)
    found = np.clip(np.asarray(picture), 0, full)
    return np.rint(found).astype(np.uint8) if glyph.dtype == np.uint8 else found.astype(glyph.dtype)


def _start(mass: np.ndarray, size: int) -> int:
    """Where ink with this mass by row, or by column, begins, so that its centre comes nearest to size / 2."""
    centre = np.arange(len(mass)) @ mass / mass.sum()
    return int(np.clip(np.rint(size / 2 - centre), 0, size - len(mass)))


def _check(images: np.ndarray, size: int, box: int, ground: float) -> None:
    floating = np.issubdtype(images.dtype, np.floating)
    if images.ndim != 4 or images.shape[-1] != 1 or not (floating or images.dtype == np.uint8):
        raise DataError(
            f"pictures to centre of type {images.dtype} and shape {images.shape}",
            wanted="floating in [0, 1] or uint8, (N, H, W, 1)",
            way_out="Make them grey, and pass one picture as picture[None, :, :, None].",
        )
    if floating and not ((images >= 0) & (images <= 1)).all():  # also false for what is not a number
        raise DataError(
            "pictures to centre with numbers outside 0 to 1",
            wanted="the share of ink in each pixel",
            way_out="Divide pixels from 0 to 255 by 255; dark ink on a light ground becomes 1 - picture.",
        )
    if not 1 <= box <= size:
        raise DataError(
            f"a box of {box} pixels in a picture of {size}", wanted="1 to the size", way_out="Leave them at 20 and 28."
        )
    if not 0 <= ground < 1:
        raise DataError(f"ground={ground!r}", wanted="a fraction from 0 to below 1", way_out="Use 0, or 0.1 for scans.")
