"""Slanted writing made upright, by the moments of its ink."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from snarc.errors import DataError

_PIECE = 2048  # images worked on together


def deskew(images: Any, *, most: float = 1.0) -> np.ndarray:
    """Shear each image sideways about its centre of mass until its ink leans neither left nor right.

    Ink is bright on a dark ground, as in MNIST. Its slant is the slope of the line that predicts, for a height, how
    far to the side the ink lies there: the mixed central moment over the vertical one. Each row is moved by its height
    times the slant, interpolated linearly; ink that leaves the image is lost.

    Parameters
    ----------
    images: uint8 or floating ``(N, H, W)`` or ``(N, H, W, C)``; the channels of an image share its slant.
    most: the largest slant that is undone, in pixels sideways per pixel of height; 1 is 45 degrees. What leans more
        is sheared by this much.

    Returns
    -------
    The same shape and type.

    Raises
    ------
    DataError: not such an array, or numbers in it that are negative or not finite.

    Source: LeCun et al., Proc. IEEE 86 (1998) 2278, section III, whose deskewed MNIST was made so.

    >>> leaning = np.eye(5, dtype=np.uint8)[None, ::-1] * 100
    >>> deskew(leaning)[0].sum(axis=0).tolist()
    [0, 0, 500, 0, 0]
    """
    images = np.asarray(images)
    if images.ndim not in (3, 4) or not (images.dtype == np.uint8 or np.issubdtype(images.dtype, np.floating)):
        raise DataError(
            f"images to deskew of type {images.dtype} and shape {images.shape}",
            wanted="uint8 or floating (N, H, W) or (N, H, W, C)",
            way_out="Pass several images as one array; one image as image[None].",
        )
    if not (isinstance(most, int | float) and math.isfinite(most) and most >= 0):
        raise DataError(f"most={most!r}", wanted="a slant of 0 or more", way_out="Leave it at 1.0.")
    if images.dtype != np.uint8 and not (np.isfinite(images).all() and (images >= 0).all()):
        raise DataError(
            "images to deskew with numbers that are negative or not finite",
            wanted="amounts of ink, 0 or more",
            way_out="Deskew before standardising.",
        )
    out = np.empty_like(images)
    for first in range(0, len(images), _PIECE):
        piece = images[first : first + _PIECE]
        out[first : first + _PIECE] = _sheared(piece, np.clip(slant(piece), -most, most))
    return out


def slant(images: np.ndarray) -> np.ndarray:
    """How far the ink of each image moves right for each pixel down, ``(N,)``; 0 where it has no height."""
    _, across, down, ink = _moments(images)
    height = np.einsum("nhw,nh->n", ink, down**2)
    mixed = np.einsum("nhw,nh,nw->n", ink, down, across)
    return np.divide(mixed, height, out=np.zeros(len(images)), where=height > 1e-9 * ink.sum(axis=(1, 2)))


def _moments(images: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Mass ``(N,)``, places of columns ``(N, W)`` and rows ``(N, H)`` from the centre of mass, ink ``(N, H, W)``."""
    ink = images.astype(np.float64)
    if ink.ndim == 4:
        ink = ink.sum(axis=3)
    mass = ink.sum(axis=(1, 2))
    safe = np.where(mass > 0, mass, 1)
    columns, rows = np.arange(ink.shape[2]), np.arange(ink.shape[1])
    across = columns - (ink.sum(axis=1) @ columns / safe)[:, None]
    down = rows - (ink.sum(axis=2) @ rows / safe)[:, None]
    return mass, across, down, ink


def _sheared(images: np.ndarray, slants: np.ndarray) -> np.ndarray:
    down = _moments(images)[2]
    values = images.astype(np.float64).reshape(*images.shape[:3], -1)
    width = values.shape[2]
    # The pixel that comes to each place lies `shift` to its right, between two pixels.
    source = np.arange(width) + (slants[:, None] * down)[:, :, None]
    left = np.floor(source)
    part = (source - left)[..., None]
    sheared = _column(values, left) * (1 - part) + _column(values, left + 1) * part
    if images.dtype == np.uint8:
        sheared = np.rint(sheared)
    return sheared.reshape(images.shape).astype(images.dtype)


def _column(values: np.ndarray, column: np.ndarray) -> np.ndarray:
    """The values ``(N, H, W, C)`` in these columns ``(N, H, W)``; 0 outside the image."""
    inside = (column >= 0) & (column < values.shape[2])
    index = np.where(inside, column, 0).astype(np.int64)[..., None]
    return np.where(inside[..., None], np.take_along_axis(values, index, axis=2), 0.0)
