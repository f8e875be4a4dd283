"""Planes through a network's inputs, or through a layer of two units, on which it can be asked everywhere."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from snarc import keys
from snarc.errors import DataError, ModelError, RecipeError
from snarc.subjects import Subject

from ._contours import margins

# Batches of one size, so that a network is compiled once for all that it is asked.
ROWS = 512


@dataclass(frozen=True)
class Plane:
    """A plane with coordinates, and what the network says there.

    Attributes
    ----------
    ask: coordinates ``(N, 2)`` to logits ``(N, outputs)``.
    corners: coordinates ``(k, 2)`` of the points that span it, none where there is no choice of a plane.
    points: coordinates ``(N, 2)`` of the examples that lie in it, none where only the corners do.
    labels: names of both coordinates.
    lift: coordinates to inputs ``(N, *inputs)``; none for a layer's plane.
    """

    ask: Callable[[np.ndarray], np.ndarray]
    corners: np.ndarray
    points: np.ndarray
    labels: tuple[str, str]
    lift: Callable[[np.ndarray], np.ndarray] | None = None


def in_rows(function: Callable[[np.ndarray], Any], x: np.ndarray) -> np.ndarray:
    """A function of a batch over many rows, in pieces of one shape."""
    count, parts = len(x), []
    for first in range(0, count, ROWS):
        index = np.arange(first, first + ROWS) % count
        parts.append(np.asarray(function(x[index]))[: count - first])
    return np.concatenate(parts)


def examples(of: Any, data: Any, most: int) -> tuple[np.ndarray | None, np.ndarray | None]:
    """The first inputs and targets of a split by name, a Split, or a pair; none for a name without a run."""
    if isinstance(data, str):
        if not hasattr(of, "dataset"):
            return None, None
        data = of.dataset.split(data)
    if data is None:
        return None, None
    if hasattr(data, "gather"):
        found = data.gather(np.arange(min(most, len(data))))
        return np.asarray(found.inputs), np.asarray(found.targets)
    x, y = data
    return np.asarray(x)[:most], np.asarray(y)[:most]


def of_inputs(seen: Subject, x: np.ndarray | None, columns: tuple[str, ...] = ()) -> Plane:
    """The plane of the inputs themselves, of a network of two."""

    def lift(at: np.ndarray) -> np.ndarray:
        return np.asarray(at, np.float32).reshape(-1, *seen.inputs)

    points = np.empty((0, 2)) if x is None else np.asarray(seen.example(x), np.float64).reshape(-1, 2)
    labels = columns if len(columns) == 2 else ("input 1", "input 2")
    return Plane(
        lambda at: in_rows(seen.logits, lift(at)), np.empty((0, 2)), points, (str(labels[0]), str(labels[1])), lift
    )


def spanned(seen: Subject, x: np.ndarray, seed: int) -> Plane:
    """The plane through three examples ``(3, *inputs)``, or through two and along a random direction.

    Its coordinates are lengths in the space of the inputs: the first from example 1 to example 2, the second at right
    angles to it.

    Raises
    ------
    DataError: the examples lie on a line.
    """
    flat = np.asarray(seen.example(x), np.float64).reshape(len(x), -1)
    first = flat[1] - flat[0]
    if len(flat) == 3:
        other = flat[2] - flat[0]
    else:
        other = keys.generator(seed, "plane").normal(size=flat.shape[1])
    size = np.linalg.norm(first)
    one = first / max(size, 1e-300)
    rest = other - (other @ one) * one
    if size == 0 or np.linalg.norm(rest) < 1e-6 * np.linalg.norm(other):
        raise DataError(
            "examples that lie on one line" if len(flat) == 3 else "two examples that are the same",
            wanted="examples that span a plane",
            way_out="Choose others with through=.",
        )
    axes = np.stack([one, rest / np.linalg.norm(rest)])
    corners = (flat - flat[0]) @ axes.T

    def lift(at: np.ndarray) -> np.ndarray:
        return (flat[0] + np.asarray(at, np.float64) @ axes).astype(np.float32).reshape(-1, *seen.inputs)

    unit = "distance in the inputs"
    labels = (f"along 1 to 2 ({unit})", "towards 3" if len(flat) == 3 else "along a random direction")
    return Plane(lambda at: in_rows(seen.logits, lift(at)), corners, np.empty((0, 2)), labels, lift)


def of_bottleneck(seen: Subject, x: np.ndarray | None, layer: str) -> Plane:
    """The plane of a layer of two units: what comes after depends on nothing else.

    Parameters
    ----------
    layer: the layer that gets the two numbers as its input; ``""``: the first such layer behind the inputs.

    Raises
    ------
    ModelError: no layer gets two numbers, or what comes after also sees something else.
    DataError: no examples, without which it is not known where the activities lie.
    """
    if x is None or not len(x):
        raise DataError(
            "a bottleneck without examples", wanted="inputs whose activities are shown", way_out="Pass data=(x, y)."
        )
    given = np.asarray(seen.example(x))
    probe = seen.received(given[:1])
    # The first of all layers gets the inputs, which are no bottleneck even where there are two of them.
    fitting = [path for path, activity in list(probe.items())[1:] if activity.shape == (1, 2)]
    path = layer or (fitting[0] if fitting else "")
    if path not in fitting:
        raise ModelError(
            f"{seen.name} has no layer {layer!r} that gets two numbers" if layer else f"{seen.name} has no bottleneck",
            wanted="one of " + ", ".join(fitting) if fitting else "a hidden layer of two units",
            way_out="Leave layer out." if fitting else "Train a layout such as 784-100:tanh-2:tanh-100:tanh-10.",
        )
    activity = in_rows(lambda part: seen.received(part)[path], given).astype(np.float64)
    blank = np.zeros((1, *seen.inputs), np.float32)

    @jax.jit
    def answer(at: jax.Array) -> jax.Array:
        empty = jnp.broadcast_to(blank, (len(at), *seen.inputs))
        return seen.edited({path: lambda _: at}, inputs=True).logits(empty)

    few = min(32, len(given))
    if not np.allclose(
        answer(jnp.asarray(activity[:few], jnp.float32)), seen.logits(given[:few]), rtol=1e-3, atol=1e-3
    ):
        raise ModelError(
            f"the answers of {seen.name} do not follow from the two numbers that {path} gets",
            wanted="a layer that all information passes",
            way_out="Name another with layer=.",
        )
    labels = (f"unit 1 before {path.removeprefix('body.')}", "unit 2")
    return Plane(lambda at: in_rows(answer, np.asarray(at, np.float32)), np.empty((0, 2)), activity, labels)


def chosen(seen: Subject, x: np.ndarray | None, labels: np.ndarray | None, through: tuple[int, ...]) -> np.ndarray:
    """The numbers of the examples that span a plane: as asked for, or the first of different classes told right."""
    if x is None or len(x) < 2:
        raise DataError(
            "a plane through examples without examples", wanted="two or three of them", way_out="Pass data=(x, y)."
        )
    if through:
        index = np.asarray(through)
        if len(index) not in (2, 3) or index.min() < 0 or index.max() >= len(x):
            raise RecipeError(
                f"through={tuple(through)} of {len(x)} examples",
                wanted="the numbers of two or three examples, from 0",
                way_out="Write through=(0, 1, 2).",
            )
        return index
    said = margins(in_rows(seen.logits, np.asarray(seen.example(x)))).argmax(axis=-1)
    right = np.arange(len(x)) if labels is None else np.flatnonzero(said == labels)
    _, first = np.unique(said[right], return_index=True)
    found = list(right[np.sort(first)][:3])
    # Fewer than three classes: any other examples, right ones first.
    found += [k for k in (*right, *np.arange(len(x))) if k not in found][: 3 - len(found)]
    return np.array(list(dict.fromkeys(found)))


def window(box: Any, here: np.ndarray, points: int, *, wide: bool) -> tuple[np.ndarray, np.ndarray]:
    """The grid's coordinates along both axes: of a box, or around points; ``wide`` leaves more room."""
    if box is not None:
        if len(box) != 4 or not (np.isfinite(box).all() and box[0] < box[1] and box[2] < box[3]):
            raise RecipeError(
                f"box {tuple(box)}", wanted="left < right and bottom < top", way_out="Write box=(-1, 1, -1, 1)."
            )
        left, right, bottom, top = box
    elif not len(here):
        left, right, bottom, top = -1.0, 1.0, -1.0, 1.0
    else:
        low, high = here.min(axis=0), here.max(axis=0)
        if wide:  # two examples alone lie on a line, and a plane is to be seen on both sides of it
            least = np.maximum(0.6 * (high - low).max() - (high - low), 0) / 2
            low, high = low - least, high + least
        room = (0.35 if wide else 0.05) * np.maximum(high - low, 1e-9)
        (left, bottom), (right, top) = low - room, high + room
    return np.linspace(left, right, points), np.linspace(bottom, top, points)
