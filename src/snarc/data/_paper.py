"""What the pictures of a data set are drawn on, and any other picture brought to look like them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from .centring import centred

# Nine in ten pixels of the border within this of their median: characters on an even ground, no photograph.
EVEN = 0.15
FAINT = 0.08  # as a share of the range; ink below it is the grain of paper or the noise of a camera


@dataclass(frozen=True)
class Paper:
    """How the pictures of a data set look.

    Attributes
    ----------
    size: height and width in pixels.
    channels: 1 or 3.
    ground: the brightness around what is shown, in [0, 1]; none for photographs, which have no ground.
    box: longer side of what is shown in most of them, in pixels.
    low, high: smallest and largest value of a pixel, as the network takes them.
    """

    size: tuple[int, int]
    channels: int
    ground: float | None = 0.0
    box: int = 20
    low: float = 0.0
    high: float = 1.0

    @classmethod
    def of(cls, images: np.ndarray) -> Paper:
        """How these pictures ``(N, H, W, C)`` look; a few hundred are enough."""
        height, width, channels = images.shape[1:]
        values: np.ndarray
        if images.dtype == np.uint8:
            values, low, high = images.astype(np.float32) / 255, 0.0, 1.0
        else:
            low, high = float(images.min()), float(images.max())
            values = (images.astype(np.float32) - low) / (high - low or 1)
        grey = values.mean(axis=-1)
        border = _border(grey)
        ground = float(np.median(border))
        even = np.mean(np.abs(border - ground) < EVEN)
        # Handwriting that fills its picture touches the border; a photograph is uneven there.
        if even < (0.5 if channels == 1 else 0.9):
            return cls((height, width), channels, None, max(height, width), low, high)
        ground = 0.0 if ground < 0.5 else 1.0
        inked = np.abs(grey - ground) > 0.1
        sides = np.maximum(_extent(inked.any(axis=2)), _extent(inked.any(axis=1)))
        box = int(np.median(sides[sides > 0])) if (sides > 0).any() else max(height, width)
        return cls((height, width), channels, ground, box, low, high)

    @property
    def can_centre(self) -> bool:
        """Whether pictures of it can be centred by their mass: grey ones on a ground, as high as wide."""
        return self.ground is not None and self.channels == 1 and self.size[0] == self.size[1]

    def fitted(self, picture: np.ndarray, *, centre: bool = False, cleaned: bool = True) -> np.ndarray:
        """A picture as the network takes it.

        Ink and ground are told apart by the border, whichever is the darker; an uneven light is taken off it.

        Parameters
        ----------
        picture: uint8 ``(H, W, 3)`` or ``(H, W, 1)`` of any size.
        centre: cut it to its ink, scale that to the box, and place it by its centre of mass; see
            :func:`~snarc.data.centring.centred`.
        cleaned: whether the picture needs it; one that was drawn on a black sheet does not.

        Returns
        -------
        float32 ``(H, W, C)`` from ``low`` to ``high``.
        """
        values = picture.astype(np.float32) / 255
        if self.ground is None or self.channels == 3:
            found = _cut(_channels(values, self.channels), self.size)
        else:
            ink = values.mean(axis=-1)
            if cleaned:
                ink = self._as_it_is(ink) if ink.shape == self.size else ink_of(_smaller(ink, 10 * max(self.size)))
            if centre and self.can_centre:
                found = centred(ink[None, ..., None], self.size[0], self.box)[0]
            else:
                found = _padded(ink, self.size)[..., None]
            found = 1 - found if self.ground > 0.5 else found
        return self.low + np.clip(found, 0, 1) * np.float32(self.high - self.low)

    def _as_it_is(self, grey: np.ndarray) -> np.ndarray:
        """A picture that has the right size already may be one of the data set, which nothing should change."""
        dark = np.median(_border(grey[None])) < 0.5
        return grey if dark else 1 - grey


def ink_of(grey: np.ndarray) -> np.ndarray:
    """How much ink there is at each point of a picture of dark on light or of light on dark, ``(H, W)`` in [0, 1].

    The ground is what the border has, a plane fitted to it, so that light from one side does no harm.  What differs
    from it less than it varies itself is no ink.

    >>> page = np.full((9, 9), 0.8); page[3:6, 4] = 0.1
    >>> ink_of(page)[4].round(2).tolist()
    [0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0]
    """
    height, width = grey.shape
    y, x = np.mgrid[0:height, 0:width].astype(np.float64)
    rim = np.ones((height, width), bool)
    depth = max(1, min(height, width) // 20)
    rim[depth:-depth, depth:-depth] = False
    plane = _plane(x, y, grey, rim)
    off = grey - plane
    # The side with the larger extremes is ink: a thin stroke has little area, but differs much.
    extremes = np.quantile(off, (0.01, 0.99)) + (off.min(), off.max())
    ink = off if extremes[1] > -extremes[0] else 0 - off
    full = max(float(np.quantile(ink, 0.995)), 0.5 * float(ink.max()))
    if full < FAINT:
        return np.zeros((height, width), np.float32)
    spread = 1.4826 * float(np.median(np.abs(off[rim])))
    if np.ptp(grey[rim]) == 0:  # an even ground, as a program makes it: every grey is meant
        return np.clip(ink / full, 0, 1).astype(np.float32)
    floor = min(max(4 * spread, FAINT), full / 2)
    return _without_specks(np.clip((ink - floor) / (0.9 * full - floor), 0, 1)).astype(np.float32)


def _without_specks(ink: np.ndarray) -> np.ndarray:
    """Ink without the patches that hold less than a fiftieth of the largest one: grains, dust."""
    from scipy import ndimage

    patches, count = ndimage.label(ink > 0, structure=np.ones((3, 3)))
    if count < 2:
        return ink
    mass = ndimage.sum_labels(ink, patches, np.arange(count + 1))
    mass[0] = 0
    return np.where(mass[patches] >= mass.max() / 50, ink, 0)


def _plane(x: np.ndarray, y: np.ndarray, grey: np.ndarray, rim: np.ndarray) -> np.ndarray:
    """The plane through the border, twice: the second time without what lies far from the first, as ink does."""
    design = np.stack([np.ones_like(x), x, y], axis=-1)
    middle = np.median(grey[rim])
    if np.ptp(grey[rim]) == 0:
        return np.full_like(x, middle)
    kept = rim & (np.abs(grey - middle) < 0.35)
    for _ in range(2):
        if kept.sum() < 8:
            return np.full_like(x, middle)
        weights = np.linalg.lstsq(design[kept], grey[kept], rcond=None)[0]
        plane = design @ weights
        near = np.abs(grey - plane)
        kept = rim & (near <= max(0.02, 3 * float(np.median(near[rim]))))
    return plane


def _border(grey: np.ndarray) -> np.ndarray:
    return np.concatenate([grey[:, 0].ravel(), grey[:, -1].ravel(), grey[:, :, 0].ravel(), grey[:, :, -1].ravel()])


def _extent(lines: np.ndarray) -> np.ndarray:
    """How many lines lie between the first and the last that hold ink, for each picture ``(N, lines)``."""
    count = lines.shape[1]
    first, last = lines.argmax(axis=1), count - 1 - lines[:, ::-1].argmax(axis=1)
    return np.where(lines.any(axis=1), last - first + 1, 0)


def _channels(values: np.ndarray, channels: int) -> np.ndarray:
    if values.shape[-1] == channels:
        return values
    return values.mean(axis=-1, keepdims=True) if channels == 1 else np.repeat(values, 3, axis=-1)


def _padded(ink: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """The whole picture in the middle of one of another size, with ground where the proportions differ."""
    scale = min(size[0] / ink.shape[0], size[1] / ink.shape[1])
    inner = (max(1, round(ink.shape[0] * scale)), max(1, round(ink.shape[1] * scale)))
    found = np.zeros(size, np.float32)
    top, left = (size[0] - inner[0]) // 2, (size[1] - inner[1]) // 2
    found[top : top + inner[0], left : left + inner[1]] = _resized(ink, inner)
    return found


def _cut(values: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """The largest part in the middle that has the right proportions, resized."""
    height, width = values.shape[:2]
    scale = max(size[0] / height, size[1] / width)
    tall, broad = min(height, round(size[0] / scale)), min(width, round(size[1] / scale))
    top, left = (height - tall) // 2, (width - broad) // 2
    inner = values[top : top + tall, left : left + broad]
    return np.stack([_resized(inner[..., c], size) for c in range(values.shape[-1])], axis=-1)


def _smaller(grey: np.ndarray, most: int) -> np.ndarray:
    """At most so many pixels along the longer side; averaging takes noise away, too."""
    scale = most / max(grey.shape)
    return grey if scale >= 1 else _resized(grey, (max(1, round(grey.shape[0] * scale)), round(grey.shape[1] * scale)))


def _resized(plane: Any, size: tuple[int, int]) -> np.ndarray:
    from PIL import Image

    if plane.shape == size:
        return plane
    # Pillow's triangle filter averages over all pixels where it shrinks.
    picture = Image.fromarray(np.ascontiguousarray(plane, np.float32))
    return np.asarray(picture.resize((size[1], size[0]), Image.Resampling.BILINEAR))
