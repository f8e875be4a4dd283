"""A picture in the terminal: two pixels a character in colour, or shades of characters where there is none."""

from __future__ import annotations

import os
import sys
from typing import Any

import numpy as np

SHADES = " .:-=+*#%@"


def picture(image: np.ndarray, *, colour: bool | None = None, width: int = 64) -> str:
    """Lines of text that show an image, uint8 ``(H, W)`` or ``(H, W, 3)``.

    Parameters
    ----------
    colour: whether the terminal understands 24-bit colours; by default if it is one and ``NO_COLOR`` is not set.
    width: most characters in a line; small images are enlarged by whole factors, large ones reduced.

    >>> print(picture(np.array([[0, 255], [255, 0]], np.uint8), colour=False, width=4))
      @@
    @@
    """
    if colour is None:
        colour = sys.stdout.isatty() and "NO_COLOR" not in os.environ and os.environ.get("TERM") != "dumb"
    shown = image if image.ndim == 3 else np.repeat(image[..., None], 3, axis=2)
    across = width if colour else width // 2
    step = max(1, -(-shown.shape[1] // across))
    shown = shown[::step, ::step]
    factor = max(1, across // (2 * shown.shape[1])) if colour else 1
    shown = np.repeat(np.repeat(shown, factor, axis=0), factor, axis=1)
    if not colour:
        gray = shown.mean(axis=2)
        lines = ("".join(2 * SHADES[int(v * len(SHADES) / 256)] for v in row).rstrip() for row in gray)
        return "\n".join(lines)
    if len(shown) % 2:
        shown = np.concatenate([shown, np.zeros_like(shown[:1])])
    rows = []
    for upper, lower in zip(shown[::2], shown[1::2]):
        cells = (f"\x1b[38;2;{_rgb(a)};48;2;{_rgb(b)}m▀" for a, b in zip(upper, lower))
        rows.append("".join(cells) + "\x1b[0m")
    return "\n".join(rows)


def _rgb(pixel: Any) -> str:
    return ";".join(str(int(v)) for v in pixel)
