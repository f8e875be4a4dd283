"""What all attacks share: how examples are moved some at a time, and what is told of what was made."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from snarc.errors import DataError, RecipeError
from snarc.subjects import Subject
from snarc.training.compiling import options

ROWS = 64  # examples moved together: enough to fill the cores, few enough for the cache
TINY = 1e-12


class Attacked(NamedTuple):
    """What an attack made.

    ``x`` ``(N, *inputs)``; ``success`` ``(N,)``: the answer is wrong there (or the one that was aimed at); ``linf``
    and ``l2`` ``(N,)``: how far they lie from the given inputs, in units of the input; ``confidence`` ``(N,)`` in the
    answer; ``answer`` ``(N,)``, the class that the network names.
    """

    x: np.ndarray
    success: np.ndarray
    linf: np.ndarray
    l2: np.ndarray
    confidence: np.ndarray
    answer: np.ndarray


# Inputs, labels (of the answers to leave, or to reach), a key and whatever numbers the attack takes.
Move = Callable[..., jax.Array]


class Prepared:
    """An attack on one network, compiled once for all the examples and sizes that it is called with."""

    def __init__(self, of: Subject, move: Move) -> None:
        self.of = of

        @functools.partial(jax.jit, compiler_options=options())
        def piece(x: jax.Array, y: jax.Array, key: jax.Array, numbers: Any) -> tuple[jax.Array, jax.Array]:
            made = move(x, y, key, *numbers)
            return made, of.logits(made)

        self._piece = piece

    def __call__(self, x: Any, labels: Any, *numbers: float, targets: Any = None, seed: int = 0) -> Attacked:
        """Move all examples, some at a time; the last ones are filled up by the first."""
        x = self.of.example(x)
        aims = checked_labels(self.of, x, labels if targets is None else targets)
        count = len(x)
        rows = min(ROWS, max(1, count))
        made, logits = [np.zeros((0, *x.shape[1:]), np.float32)], [np.zeros((0, len(self.of.task.classes)))]
        for k, first in enumerate(range(0, count, rows)):
            index = np.arange(first, first + rows) % count
            key = jax.random.fold_in(jax.random.key(seed), k)
            a, b = self._piece(x[index], jnp.asarray(aims[index]), key, tuple(map(np.float32, numbers)))
            made.append(np.asarray(a)[: count - first])
            logits.append(np.asarray(b, np.float64)[: count - first])
        return told(np.asarray(x), np.concatenate(made), np.concatenate(logits), aims, targeted=targets is not None)


def told(x: np.ndarray, made: np.ndarray, logits: np.ndarray, aims: np.ndarray, *, targeted: bool) -> Attacked:
    """Lengths, success and confidence of inputs made from others."""
    count = len(x)
    apart = (made - x).reshape(count, -1)
    e = np.exp(logits - logits.max(axis=1, keepdims=True, initial=-np.inf))
    answer = logits.argmax(axis=1)
    return Attacked(
        made,
        (answer == aims) if targeted else (answer != aims),
        np.abs(apart).max(axis=1, initial=0),
        np.sqrt((apart.astype(np.float64) ** 2).sum(axis=1)),
        (e / e.sum(axis=1, keepdims=True)).max(axis=1, initial=0),
        answer,
    )


def checked_labels(of: Subject, x: Any, labels: Any) -> np.ndarray:
    """Labels ``(N,)`` int32 of the classes that the network has."""
    found = np.asarray(labels)
    classes = len(of.task.classes)
    if found.shape != (len(x),) or (
        len(found) and not (found == found.astype(np.int32)).all()) or (
        len(found) and not 0 <= found.min() <= found.max() < classes
    ):  # fmt: skip
        raise DataError(
            f"labels of shape {found.shape} for {len(x)} examples and {classes} classes",
            wanted=f"a label from 0 to {classes - 1} for each example",
            way_out="Give the positions of the classes, not their names.",
        )
    return found.astype(np.int32)


def check(of: Subject, name: str, epsilon: float | None = None) -> None:
    """Refuse a network without gradients, and a length that is none or that leaves the range of the inputs."""
    of.need_gradients(name)
    if len(of.task.classes) < 2:
        raise DataError(
            f"{name} on a network of {len(of.task.classes)} output",
            wanted="a row of logits, one for each of at least two classes",
            way_out="Wrap it in a function that returns both classes' logits.",
        )
    if epsilon is None:
        return
    if not (np.isfinite(epsilon) and epsilon >= 0):
        raise RecipeError(
            f"{name} with epsilon {epsilon}", wanted="a length of at least 0, in units of the input", way_out="Use 0.1."
        )


def check_reach(of: Subject, name: str, epsilon: float) -> None:
    """Refuse a largest change of an input that is longer than the inputs' range: it was meant for other units."""
    if of.range is not None and epsilon > of.range[1] - of.range[0]:
        raise RecipeError(
            f"{name} with epsilon {epsilon:g} for inputs from {of.range[0]:g} to {of.range[1]:g}",
            wanted="a length in units of the input",
            way_out="Pixels lie between 0 and 1 here: 8 of 255 is 0.031.",
        )


def check_count(name: str, **counts: int) -> None:
    """Refuse counts that are not whole numbers from 1 on."""
    for what, count in counts.items():
        if isinstance(count, bool) or not isinstance(count, int | np.integer) or count < 1:
            raise RecipeError(
                f"{name} with {what}={count!r}",
                wanted="a whole number from 1 on",
                way_out="Leave it out for the default.",
            )


def bounds(of: Subject) -> tuple[float, float]:
    """Smallest and largest value of an input, infinite where there is none."""
    return of.range if of.range is not None else (-np.inf, np.inf)


def losses(of: Subject, x: jax.Array, y: jax.Array) -> jax.Array:
    """Cross-entropy of each example ``(N,)``."""
    logits = of.logits(x)
    return jax.nn.logsumexp(logits, axis=-1) - jnp.take_along_axis(logits, y[:, None], 1)[:, 0]


def slope(of: Subject, x: jax.Array, y: jax.Array) -> jax.Array:
    """Gradient of each example's cross-entropy by its inputs."""
    return jax.grad(lambda e: losses(of, e, y).sum())(x)


def length(v: jax.Array) -> jax.Array:
    """Euclidean length of each example, with its axes kept."""
    return jnp.sqrt(jnp.sum(jnp.square(v), axis=tuple(range(1, v.ndim)), keepdims=True))


def per_example(v: jax.Array, like: jax.Array) -> jax.Array:
    """Numbers ``(N,)`` in a shape that multiplies examples ``(N, ...)``."""
    return v.reshape(-1, *[1] * (like.ndim - 1))


def lead(logits: jax.Array, y: jax.Array) -> jax.Array:
    """By how much the logit of class ``y`` exceeds the largest other one, ``(N,)``."""
    own = jax.nn.one_hot(y, logits.shape[-1], dtype=bool)
    other = jnp.max(jnp.where(own, -jnp.inf, logits), axis=-1)
    return jnp.sum(jnp.where(own, logits, 0), axis=-1) - other
