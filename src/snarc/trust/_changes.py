"""Six ways to make an image worse, each at five strengths."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy import ndimage

STRENGTHS = 5
Change = Callable[[np.ndarray, float, np.random.Generator], np.ndarray]


def noise(images: np.ndarray, deviation: float, rng: np.random.Generator) -> np.ndarray:
    """Gaussian noise of this standard deviation on every pixel, clipped to [0, 1]."""
    return np.clip(images + rng.normal(scale=deviation, size=images.shape), 0, 1)


def blur(images: np.ndarray, width: float, rng: np.random.Generator) -> np.ndarray:
    """A Gaussian of this standard deviation in pixels, edges repeated."""
    return ndimage.gaussian_filter(images, (0, width, width, 0), mode="nearest")


def occlusion(images: np.ndarray, side: float, rng: np.random.Generator) -> np.ndarray:
    """A grey square (0.5) at a random place; its side is this fraction of the shorter side of the image."""
    n, height, width, _ = images.shape
    size = max(1, round(side * min(height, width)))
    found = images.copy()
    tops, lefts = rng.integers(0, height - size + 1, n), rng.integers(0, width - size + 1, n)
    for image, top, left in zip(found, tops, lefts):
        image[top : top + size, left : left + size] = 0.5
    return found


def rotation(images: np.ndarray, degrees: float, rng: np.random.Generator) -> np.ndarray:
    """A turn by this angle, to the left or to the right at random, bilinear, edges repeated."""
    found = np.empty_like(images)
    for k, sign in enumerate(rng.choice((-1, 1), len(images))):
        found[k] = ndimage.rotate(images[k], sign * degrees, reshape=False, order=1, mode="nearest")
    return np.clip(found, 0, 1)


def contrast(images: np.ndarray, loss: float, rng: np.random.Generator) -> np.ndarray:
    """Each image drawn towards its own mean by this fraction."""
    mean = images.mean(axis=(1, 2, 3), keepdims=True)
    return mean + (1 - loss) * (images - mean)


def pixels(images: np.ndarray, share: float, rng: np.random.Generator) -> np.ndarray:
    """This share of the pixels replaced by 0 or 1 at random, all channels alike."""
    struck = rng.random((*images.shape[:3], 1)) < share
    salt = (rng.random((*images.shape[:3], 1)) < 0.5).astype(images.dtype)
    return np.where(struck, salt, images)


# Name: the change, what its strength means, and the five strengths.
CHANGES: dict[str, tuple[Change, str, tuple[float, ...]]] = {
    "noise": (noise, "standard deviation", (0.1, 0.2, 0.3, 0.4, 0.5)),
    "blur": (blur, "deviation in pixels", (0.5, 1.0, 1.5, 2.0, 3.0)),
    "occlusion": (occlusion, "side / side of the image", (0.15, 0.25, 0.35, 0.45, 0.55)),
    "rotation": (rotation, "degrees", (10, 20, 30, 45, 60)),
    "contrast": (contrast, "share of the contrast lost", (0.3, 0.5, 0.7, 0.85, 0.95)),
    "pixels": (pixels, "share of pixels replaced", (0.02, 0.05, 0.1, 0.2, 0.3)),
}
