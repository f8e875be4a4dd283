"""Strokes of a pen as a picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Stroke:
    """One movement of the pen.

    Attributes
    ----------
    points: ``(N, 2)`` across and down, as fractions of the width and the height of the sheet; those outside are cut.
    width: of the pen, as a fraction of the sheet's longer side.
    colour: red, green and blue from 0 to 255.
    """

    points: np.ndarray
    width: float
    colour: tuple[int, int, int] = (255, 255, 255)


def drawn(
    strokes: Sequence[Stroke],
    size: tuple[int, int],
    ground: np.ndarray | tuple[int, int, int] = (0, 0, 0),
) -> np.ndarray:
    """Strokes with round ends, one over the other.

    Parameters
    ----------
    size: height and width of the picture in pixels.
    ground: a colour, or a picture uint8 ``(H, W, 3)`` of that size to draw on.

    Returns
    -------
    uint8 ``(H, W, 3)``, without smoothed edges: draw larger than needed and average.

    >>> dot = drawn([Stroke(np.array([[0.5, 0.5]]), 0.5)], (64, 64))[..., 0] > 0
    >>> bool(abs(dot.mean() - np.pi / 16) < 0.01)
    True
    """
    from PIL import Image, ImageDraw

    height, width = size
    start = np.broadcast_to(np.asarray(ground, np.uint8), (height, width, 3))
    picture = Image.fromarray(np.ascontiguousarray(start))
    pen = ImageDraw.Draw(picture)
    for stroke in strokes:
        # Pillow counts from the middle of the first pixel.
        points = np.asarray(stroke.points, np.float64).reshape(-1, 2) * (width, height) - 0.5
        radius = max(0.5, stroke.width * max(size) / 2)
        if len(points) > 1:
            pen.line([tuple(p) for p in points.tolist()], fill=stroke.colour, width=max(1, round(2 * radius)))
        for x, y in points.tolist():
            pen.ellipse((x - radius, y - radius, x + radius, y + radius), fill=stroke.colour)
    return np.asarray(picture)
