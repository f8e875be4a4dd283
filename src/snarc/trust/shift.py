"""What a network makes of inputs that are worse than those it learnt from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from snarc import draw, keys
from snarc.data import Split
from snarc.errors import DataError, RecipeError, nearest
from snarc.reading import Estimate, Reading
from snarc.registry import instrument
from snarc.subjects import Predictions, predictions

from ._changes import CHANGES, STRENGTHS, blur, contrast, noise, occlusion, pixels, rotation
from ._other_data import can_be_centred, first, like_mnist, listed, other_data, resized, unit

__all__ = ["CHANGES", "blur", "contrast", "noise", "occlusion", "pixels", "rotation", "shift"]


@instrument("shift", asks="How does it bear noise, blur, occlusion, rotation and lost contrast, and does it notice?")
def shift(
    of: Any,
    data: Any = "test",
    *,
    changes: tuple[str, ...] | str = (),
    sets: tuple[str, ...] | str | Mapping[str, Any] = (),
    count: int = 1000,
    seed: int = 0,
) -> Reading:
    """Accuracy and confidence on images changed in six ways at five strengths, and on other sets of the same labels.

    Parameters
    ----------
    of, data: a run or a subject, and images ``(N, H, W, C)``, as :func:`snarc.subjects.predictions` takes them.
    changes: names of :data:`CHANGES`; all of them by default, none if there are ``sets``.
    sets: names of data sets with the same classes, as ``usps`` for a network that learnt MNIST, or pairs ``(x, y)`` of
        images and labels by name.  Images are brought to the size of the network's; grey ones a second time as those
        of MNIST were made (:func:`snarc.data.centred`), under ``NAME_centred``.
    count: examples to look at, the first of ``data`` and of each set.
    seed: of noise, places and turns.

    Returns
    -------
    Numbers over replicas: ``accuracy``, ``confidence`` (mean, in the predicted class) and ``confidence_wrong`` (of
    wrong answers; NaN if there is none) of unchanged images; ``accuracy_NAME``, ``confidence_NAME`` at the middle
    strength of each change; ``mean_accuracy`` over all changes and strengths; ``overconfidence`` (confidence minus
    accuracy) over the same; ``accuracy_SET``, ``confidence_SET``, ``confidence_wrong_SET``.  Arrays: ``change`` names,
    ``strength`` ``(changes, 5)``; ``accuracy``, ``confidence`` ``(changes, 6)``, unchanged first, means over replicas;
    ``set`` names, the first that of ``data``, and ``set_marks`` ``(sets, 3)``: accuracy, confidence, confidence when
    wrong.

    Raises
    ------
    DataError: the examples are no images, outputs alone are known, or a set has other classes.
    RecipeError: a change is unknown.
    UnknownNameError: a data set is.

    The kinds follow Hendrycks and Dietterich (ICLR 2019); the definitions and strengths are our own, given above, since
    theirs are made for 224 x 224 colour photographs.
    """
    changes, sets = listed(changes), listed(sets)
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
    others = {name: _same_labels(name, sets, clean, count) for name in sets}
    some = first(clean.split, count)
    images = unit(some.inputs)
    if images.min() < 0 or images.max() > 1:
        raise DataError(
            f"images with values from {images.min():g} to {images.max():g}",
            wanted="pixels from 0 to 1, or uint8",
            way_out="Scale them as in training.",
        )
    chosen = tuple(changes) or (() if others else tuple(CHANGES))
    base = _marks(predictions(of, Split(images, some.targets)))
    table = np.zeros((2, len(chosen), 1 + STRENGTHS, clean.replicas))
    for row, name in enumerate(chosen):
        change, _, strengths = CHANGES[name]
        table[:, row, 0] = base[:2]
        for column, strength in enumerate(strengths, start=1):
            rng = keys.generator(seed, "shift", name, column)
            changed = change(images, strength, rng).astype(np.float32)
            table[:, row, column] = _marks(predictions(of, Split(changed, some.targets)))[:2]
    marks = {"own": base}
    shape = images.shape[1:]
    for name, split in others.items():
        x = np.asarray(split.inputs)
        marks[name] = _marks(predictions(of, Split(resized(x, shape), split.targets)))
        if can_be_centred(x, shape):
            marks[f"{name}_centred"] = _marks(predictions(of, Split(like_mnist(x, shape), split.targets)))
    return _reading(chosen, table, marks)


def _same_labels(name: str, sets: Any, clean: Predictions, count: int) -> Split:
    """The first examples of a set, if its labels are those of the network."""
    classes = clean.task.classes
    if isinstance(sets, Mapping):
        x, y = (np.asarray(part) for part in sets[name])
        if (
            len(x) != len(y)
            or not len(y)
            or not np.issubdtype(y.dtype, np.integer)
            or not 0 <= y.min() <= y.max() < len(classes)
        ):
            raise DataError(
                f"set {name!r}: images {x.shape} and labels {y.shape} of {y.dtype}",
                wanted=f"as many labels, 0 to {len(classes) - 1}, as images",
                way_out="Give (x, y).",
            )
        return first(Split(x, y.astype(np.int32)), count)
    other = other_data(name)
    if tuple(other.task.classes) != tuple(classes):
        raise DataError(
            f"the set {name!r} with the classes {', '.join(map(str, other.task.classes[:4]))}, ...",
            wanted=f"the network's: {', '.join(map(str, classes[:4]))}, ...",
            way_out="Ask unfamiliar of inputs of another kind.",
        )
    return first(other.test, count)


def _marks(seen: Predictions) -> np.ndarray:
    """Accuracy, mean confidence, and that of the wrong answers, ``(3, replicas)``."""
    wrong = seen.predicted != seen.targets
    with np.errstate(invalid="ignore"):
        when_wrong = np.where(wrong, seen.confidence, 0).sum(axis=1) / wrong.sum(axis=1)
    return np.stack([1 - wrong.mean(axis=1), seen.confidence.mean(axis=1), when_wrong])


def _reading(chosen: tuple[str, ...], table: np.ndarray, marks: dict[str, np.ndarray]) -> Reading:
    accuracy, confidence = table
    base = marks["own"]
    numbers: dict[str, Any] = dict(zip(("accuracy", "confidence", "confidence_wrong"), map(Estimate.over, base)))
    arrays, parts = {}, []
    if chosen:
        numbers["mean_accuracy"] = Estimate.over(accuracy[:, 1:].mean(axis=(0, 1)))
        numbers["overconfidence"] = Estimate.over((confidence - accuracy)[:, 1:].mean(axis=(0, 1)))
        for row, name in enumerate(chosen):
            numbers[f"accuracy_{name}"] = Estimate.over(accuracy[row, 3])
            numbers[f"confidence_{name}"] = Estimate.over(confidence[row, 3])
        worst = chosen[int(accuracy[:, 3].mean(axis=1).argmin())]
        parts.append(
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
    if len(marks) > 1:
        for name, found in marks.items():
            if name == "own":
                continue
            for what, values in zip(("accuracy", "confidence", "confidence_wrong"), found):
                numbers[f"{what}_{name}"] = Estimate.over(values)
            parts.append(
                f"Of {name.replace('_', ', ')} it gets {100 * found[0].mean():.1f} % right and is "
                f"{100 * found[1].mean():.1f} % sure"
                + (f", {100 * found[2].mean():.1f} % when wrong." if np.isfinite(found[2]).all() else ".")
            )
        arrays["set"] = np.array(list(marks))
        arrays["set_marks"] = np.stack([found.mean(axis=1) for found in marks.values()])
    return Reading("shift", numbers, arrays, _draw, " ".join(parts))


def _draw(reading: Reading) -> Any:
    names, sets = reading.arrays.get("change", ()), "set" in reading.arrays
    columns = max(1, min(3, len(names)))
    lines = -(-len(names) // columns)
    rows = lines + sets
    figure, axes = draw.new(rows, columns, width=7.4, height=0.4 + 2.1 * lines + 2.6 * sets, squeeze=False)
    for ax, (k, name) in zip(axes.flat, enumerate(names)):
        x = np.concatenate([[0], reading.arrays["strength"][k]])
        for j, what in enumerate(("accuracy", "confidence")):
            style = "o-" if what == "accuracy" else "s--"
            ax.plot(x, 100 * reading.arrays[what][k], style, color=draw.PALETTE[j], markersize=4, label=what)
        ax.set(title=str(name), xlabel=CHANGES[str(name)][1], ylim=(0, 103))
        if k % columns:
            ax.tick_params(labelleft=False)
    for ax in axes[:lines].flat[len(names) :]:
        ax.set_visible(False)
    for row in axes[:lines]:
        row[0].set_ylabel("%")
    if lines:
        draw.legend(axes.flat[0], loc="lower left")
    if sets:
        grid = axes[-1, 0].get_gridspec()
        for ax in axes[-1]:
            ax.remove()
        with draw.style():
            _draw_sets(figure.add_subplot(grid[-1, :]), reading)
    return figure


def _draw_sets(ax: Any, reading: Reading) -> None:
    marks = 100 * reading.arrays["set_marks"]
    at = np.arange(len(marks))
    for j, what in enumerate(("accuracy", "confidence", "confidence when wrong")):
        bars = ax.bar(at + 0.26 * (j - 1), np.nan_to_num(marks[:, j]), 0.24, color=draw.PALETTE[j], label=what)
        texts = [f"{v:.0f}" if np.isfinite(v) else "" for v in marks[:, j]]
        ax.bar_label(bars, texts, fontsize=8, color=draw.INK, padding=1)
    ax.set_xticks(at, [draw.shorten(str(name).replace("_", ", "), 22) for name in reading.arrays["set"]])
    ax.set(ylabel="%", ylim=(0, 132), xlim=(-0.6, len(at) - 0.4))
    ax.set_yticks(range(0, 101, 25))
    ax.grid(False, axis="x")
    draw.legend(ax, loc="upper center", ncols=3)


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
    seen = subject(brightness, input_shape=(8, 8, 1), classes=2, range=(0, 1))
    found = shift(seen, (level.astype(np.float32), light.astype(np.int32)), changes=("contrast", "rotation", "pixels"))
    assert np.allclose(found.arrays["accuracy"], 1)
    assert np.allclose(found.arrays["confidence"][:2], found.arrays["confidence"][0, 0], atol=1e-5)


@shift.known_case
def another_set_of_the_same_labels() -> None:
    """On images that it always calls light, a network is right where the labels say so, whatever it learnt from."""
    import jax.numpy as jnp

    from snarc.subjects import subject

    def light(x: Any) -> Any:
        return jnp.stack([jnp.zeros(len(x)), jnp.full(len(x), jnp.log(4.0))], axis=1)

    seen = subject(light, input_shape=(8, 8, 1), classes=2, range=(0, 1))
    x, y = np.ones((10, 8, 8, 1), np.float32), np.array([1] * 7 + [0] * 3)
    found = shift(seen, (x, y), sets={"other": (np.ones((20, 5, 5, 1), np.float32), np.repeat([1, 0], (5, 15)))})
    assert abs(float(found.numbers["accuracy"]) - 0.7) < 1e-12
    for name in ("other", "other_centred"):
        assert abs(float(found.numbers[f"accuracy_{name}"]) - 0.25) < 1e-12
        assert abs(float(found.numbers[f"confidence_wrong_{name}"]) - 0.8) < 1e-6
