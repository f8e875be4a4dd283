"""Pictures that mean nothing to us and everything to the network."""

from __future__ import annotations

from typing import Any

import numpy as np

from snarc import draw
from snarc.errors import DataError, RecipeError, nearest
from snarc.reading import Estimate, Reading
from snarc.registry import instrument
from snarc.subjects import subject

from ._evolution import Direct, Encoding, Evolved, Patterns, evolve

ENCODINGS = ("direct", "pattern")
CERTAIN = 0.9999


@instrument("fooling", asks="Can nonsense be bred of which it is certain?")
def fooling(
    of: Any,
    *,
    encoding: str = "direct",
    generations: int = 100,
    offspring: int = 100,
    populations: int = 1,
    seed: int = 0,
) -> Reading:
    """Images bred by evolution until the network is certain of a class in each of them.

    Parameters
    ----------
    of: a run (its first replica) or a subject of images, whose pixels lie in the subject's range (0 to 1 where it has
        none); only its outputs are needed.
    encoding: ``direct``, every pixel a gene, which stays noise; ``pattern``, small networks from place to value, which
        draw regular shapes.
    generations, offspring: rounds, and children in each; a child takes the place of the champion of every class that
        is surer of it.
    populations: how many evolutions, independent of each other.

    Returns
    -------
    Numbers: ``confidence``, the median over classes of the network's probability for what it sees in the champions,
    over populations; ``least``, the smallest; ``certain``, the share of classes above 99.99 %; ``generation``, the
    first at which the median class is (NaN: none).  Arrays: ``images`` ``(classes, H, W, C)`` of the first population,
    ``label``, ``reached`` ``(classes,)``, and ``history`` ``(generations + 1, populations, classes)``.

    Raises
    ------
    DataError: the inputs are no images, or the task has no classes.
    RecipeError: the encoding is unknown, or there is nothing to breed.

    Source: Nguyen, Yosinski and Clune, CVPR 2015.
    """
    if encoding not in ENCODINGS:
        raise RecipeError(f"encoding {encoding!r}", wanted=" or ".join(ENCODINGS), way_out=nearest(encoding, ENCODINGS))
    if min(generations, offspring, populations) < 1:
        raise RecipeError(
            f"{generations} generations of {offspring} children in {populations} populations",
            wanted="at least one of each",
            way_out="Leave them out for the defaults.",
        )
    seen = subject(of)
    if len(seen.inputs) != 3:
        raise DataError(
            f"fooling for inputs of shape {seen.inputs}",
            wanted="a network of images (H, W, C)",
            way_out="Ask a network of images, or look at adversarial.",
        )
    if seen.task.kind != "classification":
        raise DataError(
            f"fooling of a task of {seen.task.kind}", wanted="classes to be certain of", way_out="Use a classifier."
        )
    low, high = seen.range or (0.0, 1.0)
    found = evolve(
        lambda x: seen.logits(np.asarray(low + (high - low) * x, np.float32)), _encoding(encoding, seen.inputs),
        len(seen.task.classes), generations=generations, offspring=offspring, populations=populations, seed=seed,
    )  # fmt: skip
    return _reading(found, np.array(seen.task.classes), encoding)


def _encoding(name: str, shape: tuple[int, ...]) -> Encoding:
    return Direct(shape) if name == "direct" else Patterns(shape)


def _reading(found: Evolved, names: np.ndarray, encoding: str) -> Reading:
    middle = np.median(found.history, axis=2)  # (generations + 1, populations)
    reached = [int(np.argmax(one >= CERTAIN)) if one[-1] >= CERTAIN else np.nan for one in middle.T]
    confidence = Estimate.over(middle[-1])
    certain = Estimate.over((found.confidence >= CERTAIN).mean(axis=1))
    numbers = {
        "confidence": confidence,
        "least": Estimate.over(found.confidence.min(axis=1)),
        "certain": certain,
        "generation": Estimate.over(reached) if np.isfinite(reached).all() else float("nan"),
    }
    when = "" if not np.isfinite(reached).all() else f", and of half of the classes after {np.mean(reached):.0f}"
    what = "noise" if encoding == "direct" else "shapes"
    note = (
        f"After {len(found.history) - 1} generations it sees its classes in bred {what} with a confidence of "
        f"{100 * confidence.mean:.2f} % in the median; it is more than 99.99 % certain of "
        f"{100 * certain.mean:.0f} % of them{when}."
    )
    arrays = {
        "images": found.images[0], "label": names, "reached": found.confidence[0], "history": found.history,
    }  # fmt: skip
    return Reading("fooling", numbers, arrays, _draw, note)


def _draw(reading: Reading, *, most: int = 10) -> Any:
    """The champions with the class that the network sees in them; below, how certainty grew."""
    images, names = reading.arrays["images"][:most], reading.arrays["label"]
    columns = len(images)
    figure = draw.new(width=7.4, height=3.9)[0]
    figure.clear()
    grid = figure.add_gridspec(2, columns, height_ratios=(1, 2.2))
    gray = images.shape[-1] == 1
    for k, image in enumerate(images):
        ax = draw.bare(figure.add_subplot(grid[0, k]))
        ax.imshow(image[..., 0] if gray else image, cmap="gray" if gray else None, vmin=0, vmax=1)
        ax.set_title(draw.shorten(str(names[k]), 9), fontsize=9, loc="center", fontweight="normal")
        ax.set_xlabel(_sure(float(reading.arrays["reached"][k])), fontsize=6.5)
    below = figure.add_subplot(grid[1, :])
    doubt = np.maximum(1 - reading.arrays["history"][:, 0], 1e-7)
    below.plot(100 * doubt, color=draw.PALETTE[0], linewidth=0.8, alpha=0.45)
    below.plot(100 * np.median(doubt, axis=1), color=draw.PALETTE[0], linewidth=2.2, label="median class")
    below.axhline(100 * (1 - CERTAIN), color=draw.MUTED, linewidth=0.9, linestyle=(0, (4, 3)), label="99.99 % sure")
    below.set(yscale="log", xlabel="generation", ylabel="doubt: 100 − confidence (%)", xlim=(0, len(doubt) - 1))
    draw.plain_log(below.yaxis)
    draw.legend(below)
    return figure


def _sure(value: float) -> str:
    return "> 99.99 %" if value > CERTAIN else f"{100 * value:.2f} %"


@fooling.known_case
def a_class_that_loves_light() -> None:
    """Where one class grows with the mean and the other falls, evolution finds light and dark pictures."""
    seen = subject(
        lambda x: np.stack([g := 40 * (np.asarray(x).mean(axis=(1, 2, 3)) - 0.5), -g], axis=1),
        input_shape=(4, 4, 1), classes=("light", "dark"), range=(0, 1),
    )  # fmt: skip
    found = fooling(seen, generations=60, offspring=40)
    light, dark = found.arrays["images"].mean(axis=(1, 2, 3))
    assert light > 0.85
    assert dark < 0.15
    assert float(found.numbers["confidence"]) > 0.999


@fooling.known_case
def a_network_that_never_decides() -> None:
    """Nothing can make a constant network surer than it is."""
    seen = subject(lambda x: np.zeros((len(np.asarray(x)), 5)), input_shape=(4, 4, 1), classes=5, range=(0, 1))
    found = fooling(seen, generations=3, offspring=10, encoding="pattern")
    assert np.allclose(found.arrays["history"], 0.2)
