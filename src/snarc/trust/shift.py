"""What a network makes of inputs that are worse than those it learnt from."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import ndimage

from snarc import draw, keys
from snarc.data import Split
from snarc.errors import DataError, RecipeError, nearest
from snarc.reading import Estimate, Reading
from snarc.registry import instrument
from snarc.subjects import Predictions, predictions

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


@instrument("shift", asks="How does it bear noise, blur, occlusion, rotation and lost contrast, and does it notice?")
def shift(of: Any, data: Any = "test", *, changes: tuple[str, ...] = (), count: int = 1000, seed: int = 0) -> Reading:
    """Accuracy and confidence on images changed in six ways at five strengths each.

    Parameters
    ----------
    of, data: a run or a subject, and images ``(N, H, W, C)``, as :func:`snarc.subjects.predictions` takes them.
    changes: names of :data:`CHANGES`; all of them by default.
    count: examples to look at, the first of ``data``.
    seed: of noise, places and turns.

    Returns
    -------
    Numbers over replicas: ``accuracy`` and ``confidence`` (mean, in the predicted class) of unchanged images;
    ``accuracy_NAME``, ``confidence_NAME`` at the middle strength of each change; ``mean_accuracy`` over all changes and
    strengths; ``overconfidence`` (confidence minus accuracy) over the same.  Arrays: ``change`` names, ``strength``
    ``(changes, 5)``; ``accuracy``, ``confidence`` ``(changes, 6)``, unchanged images first, means over replicas.

    Raises
    ------
    DataError: the examples are no images, or outputs alone are known.
    RecipeError: a change is unknown.

    The kinds follow Hendrycks and Dietterich (ICLR 2019); the definitions and strengths are our own, given above, since
    theirs are made for 224 x 224 colour photographs.
    """
    for name in changes:
        if name not in CHANGES:
            way_out = nearest(name, CHANGES)
            raise RecipeError(f"change {name!r}", wanted="one of " + ", ".join(CHANGES), way_out=way_out)
    clean = predictions(of, data)
    clean.need("classes", "shift")
    if clean.split is None or len(clean.split.inputs.shape) != 4:
        raise DataError(
            "shift of examples that are no images",
            wanted="a network of images (N, H, W, C) and images to change",
            way_out="Use noise augmentation or residuals for tables.",
        )
    some = clean.split.gather(np.arange(min(count, len(clean))))
    stored = some.inputs
    images = stored / np.float32(255) if stored.dtype == np.uint8 else stored.astype(np.float32)
    if images.min() < 0 or images.max() > 1:
        raise DataError(
            f"images with values from {images.min():g} to {images.max():g}",
            wanted="pixels from 0 to 1, or uint8",
            way_out="Scale them as in training.",
        )
    chosen = changes or tuple(CHANGES)
    table = {
        "accuracy": np.zeros((len(chosen), 6, clean.replicas)),
        "confidence": np.zeros((len(chosen), 6, clean.replicas)),
    }
    base = _marks(predictions(of, Split(images, some.targets)))
    for row, name in enumerate(chosen):
        change, _, strengths = CHANGES[name]
        for column, strength in enumerate((0.0, *strengths)):
            marks = base
            if column:
                rng = keys.generator(seed, "shift", name, column)
                changed = change(images, strength, rng).astype(np.float32)
                marks = _marks(predictions(of, Split(changed, some.targets)))
            table["accuracy"][row, column], table["confidence"][row, column] = marks
    return _reading(chosen, table)


def _marks(seen: Predictions) -> tuple[np.ndarray, np.ndarray]:
    return (seen.predicted == seen.targets).mean(axis=1), seen.confidence.mean(axis=1)


def _reading(chosen: tuple[str, ...], table: dict[str, np.ndarray]) -> Reading:
    accuracy, confidence = table["accuracy"], table["confidence"]
    numbers: dict[str, Any] = {
        "accuracy": Estimate.over(accuracy[0, 0]),
        "confidence": Estimate.over(confidence[0, 0]),
        "mean_accuracy": Estimate.over(accuracy[:, 1:].mean(axis=(0, 1))),
        "overconfidence": Estimate.over((confidence - accuracy)[:, 1:].mean(axis=(0, 1))),
    }
    for row, name in enumerate(chosen):
        numbers[f"accuracy_{name}"] = Estimate.over(accuracy[row, 3])
        numbers[f"confidence_{name}"] = Estimate.over(confidence[row, 3])
    worst = chosen[int(accuracy[:, 3].mean(axis=1).argmin())]
    note = (
        f"Of changed images it gets {100 * numbers['mean_accuracy'].mean:.1f} % right "
        f"({100 * numbers['accuracy'].mean:.1f} % of unchanged ones) and is "
        f"{100 * abs(numbers['overconfidence'].mean):.1f} points "
        f"{'surer' if numbers['overconfidence'].mean > 0 else 'less sure'} than that; it bears {worst} worst."
    )
    arrays = {
        "change": np.array(chosen),
        "strength": np.array([CHANGES[name][2] for name in chosen]),
        "accuracy": accuracy.mean(axis=2),
        "confidence": confidence.mean(axis=2),
    }
    return Reading("shift", numbers, arrays, _draw, note)


def _draw(reading: Reading) -> Any:
    names = reading.arrays["change"]
    columns = min(3, len(names))
    rows = -(-len(names) // columns)
    figure, axes = draw.new(rows, columns, width=7.4, height=0.4 + 2.1 * rows, sharey=True, squeeze=False)
    for ax, (k, name) in zip(axes.flat, enumerate(names)):
        x = np.concatenate([[0], reading.arrays["strength"][k]])
        for j, what in enumerate(("accuracy", "confidence")):
            style = "o-" if what == "accuracy" else "s--"
            ax.plot(x, 100 * reading.arrays[what][k], style, color=draw.PALETTE[j], markersize=4, label=what)
        ax.set(title=str(name), xlabel=CHANGES[str(name)][1], ylim=(0, 103))
    for ax in axes.flat[len(names) :]:
        ax.set_visible(False)
    for row in axes:
        row[0].set_ylabel("%")
    draw.legend(axes.flat[0], loc="lower left")
    return figure


@shift.known_case
def a_network_that_sees_brightness() -> None:
    """A network that tells light from dark images by their mean is moved by no loss of contrast and by no turn."""
    import jax.numpy as jnp

    from snarc.subjects import subject

    def brightness(x: Any) -> Any:
        mean = 200 * (jnp.asarray(x).mean(axis=(1, 2, 3)) - 0.5)
        return jnp.stack([-mean, mean], axis=1)

    rng = np.random.default_rng(0)
    light = rng.integers(0, 2, 60)
    level = np.broadcast_to(np.where(light, 0.9, 0.1)[:, None, None, None], (60, 8, 8, 1))
    seen = subject(brightness, inputs=(8, 8, 1), classes=2, range=(0, 1))
    found = shift(seen, (level.astype(np.float32), light.astype(np.int32)), changes=("contrast", "rotation", "pixels"))
    assert np.allclose(found.arrays["accuracy"], 1)
    assert np.allclose(found.arrays["confidence"][:2], found.arrays["confidence"][0, 0], atol=1e-5)
