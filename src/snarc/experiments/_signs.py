"""Drawn road signs of eight kinds: stand-ins for photographs, which are not at hand."""

from __future__ import annotations

import functools
from pathlib import Path

import numpy as np

from snarc import keys
from snarc.data import Dataset, Split, Task

SIDE = 40  # pixels of a picture
ACROSS = 30  # pixels of the sign in it
_FINE = 8  # drawn so many times larger, then averaged
KINDS = ("stop", "limit 30", "limit 50", "limit 100", "give way", "no entry", "main road", "turn right")
RED, BLUE, WHITE, BLACK, YELLOW = (190, 25, 35), (20, 75, 160), (245, 245, 240), (20, 20, 20), (245, 200, 40)


@functools.cache
def textures() -> np.ndarray:
    """The signs with their transparency ``(8, SIDE, SIDE, 4)``, float32 in [0, 1]."""
    return np.stack([_drawn(kind) for kind in KINDS])


def frontal(kinds: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Pictures ``(N, SIDE, SIDE, 3)`` of these kinds of sign, seen from the front on random grounds."""
    sign = textures()[kinds]
    ground = _grounds(len(kinds), rng)
    return sign[..., 3:] * sign[..., :3] + (1 - sign[..., 3:]) * ground


def signs(train: int, test: int, seed: int = 0) -> Dataset:
    """Random views of random signs, uint8; the validation split is a tenth as large as the training split."""
    import jax
    import jax.numpy as jnp

    from snarc.trust._views import Views, views

    look = jax.jit(lambda x, key: views(x, key, Views(noise=0.04)))

    def split(name: str, count: int) -> Split:
        rng = keys.generator(seed, "signs", name)
        kinds = rng.permutation(np.arange(count) % len(KINDS)).astype(np.int32)
        x = look(jnp.asarray(frontal(kinds, rng), jnp.float32), jax.random.key(int(rng.integers(2**31))))
        return Split(np.round(255 * np.asarray(x)).astype(np.uint8), kinds)

    learnt, held = split("train", train), split("validation", max(len(KINDS), train // 10))
    task = Task("classification", classes=KINDS)
    return Dataset("drawn-signs", task, learnt, held, split("test", test), {"drawn": "by snarc"})


def covered(mask: np.ndarray, kind: int = 0) -> float:
    """The share of a sign that a mask covers."""
    alpha = textures()[kind, :, :, 3]
    return float((mask * alpha).sum() / alpha.sum())


def _grounds(count: int, rng: np.random.Generator) -> np.ndarray:
    """Smooth colours, as sky, wood and walls out of focus."""
    coarse = rng.uniform(0.1, 0.9, (count, 3, 3, 3))
    at = np.linspace(0, 2, SIDE)
    low = np.minimum(at.astype(int), 1)
    part = at - low
    weights = np.zeros((SIDE, 3))
    weights[np.arange(SIDE), low], weights[np.arange(SIDE), low + 1] = 1 - part, part
    return np.einsum("ya,nabc,xb->nyxc", weights, coarse, weights)


def _drawn(kind: str) -> np.ndarray:
    from PIL import Image, ImageDraw

    size, middle, radius = SIDE * _FINE, SIDE * _FINE / 2, ACROSS * _FINE / 2
    image = Image.new("RGBA", (size, size), (0, 0, 0, 0))
    pen = ImageDraw.Draw(image)

    def disc(part: float, colour: tuple[int, ...]) -> None:
        r = part * radius
        pen.ellipse((middle - r, middle - r, middle + r, middle + r), fill=(*colour, 255))

    def polygon(corners: int, part: float, colour: tuple[int, ...], turn: float) -> None:
        angles = np.deg2rad(turn) + 2 * np.pi * np.arange(corners) / corners
        r = part * radius
        pen.polygon([(middle + r * np.cos(a), middle + r * np.sin(a)) for a in angles], fill=(*colour, 255))

    if kind == "stop":
        for part, colour in ((1.08, WHITE), (1.0, RED)):
            polygon(8, part, colour, 22.5)
        _word(pen, "STOP", middle, 0.62 * radius, WHITE)
    elif kind.startswith("limit"):
        disc(1.0, RED)
        disc(0.78, WHITE)
        text = kind.split()[1]
        _word(pen, text, middle, (0.9 if len(text) < 3 else 0.68) * radius, BLACK)
    elif kind == "give way":
        polygon(3, 1.1, RED, 90)
        polygon(3, 0.72, WHITE, 90)
    elif kind == "no entry":
        disc(1.0, RED)
        pen.rectangle((middle - 0.7 * radius, middle - 0.17 * radius, middle + 0.7 * radius, middle + 0.17 * radius),
                      fill=(*WHITE, 255))  # fmt: skip
    elif kind == "main road":
        for part, colour in ((1.08, BLACK), (1.03, WHITE), (0.72, YELLOW)):
            polygon(4, part, colour, 0)
    else:
        disc(1.0, BLUE)
        r = radius
        pen.rectangle((middle - 0.6 * r, middle - 0.14 * r, middle + 0.15 * r, middle + 0.14 * r), fill=(*WHITE, 255))
        pen.polygon([(middle + 0.1 * r, middle - 0.45 * r), (middle + 0.1 * r, middle + 0.45 * r),
                     (middle + 0.65 * r, middle)], fill=(*WHITE, 255))  # fmt: skip
    fine = np.asarray(image, np.float32).reshape(SIDE, _FINE, SIDE, _FINE, 4) / 255
    alpha = fine[..., 3:].mean(axis=(1, 3))
    colour = (fine[..., :3] * fine[..., 3:]).mean(axis=(1, 3)) / np.maximum(alpha, 1e-6)
    return np.concatenate([colour, alpha], axis=-1)


def _word(pen, text: str, middle: float, height: float, colour: tuple[int, ...]) -> None:  # type: ignore[no-untyped-def]
    import matplotlib
    from PIL import ImageFont

    # The fonts come with Matplotlib, the same on every machine.
    font = ImageFont.truetype(str(Path(matplotlib.get_data_path()) / "fonts/ttf/DejaVuSans-Bold.ttf"), int(height))
    pen.text((middle, middle), text, font=font, anchor="mm", fill=(*colour, 255))
