"""A sticker whose colours make a network read what one wants from every side (Eykholt et al., CVPR 2018)."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

from snarc.subjects import Subject
from snarc.training.compiling import options

from ._views import Views, views

BATCH = 64
USUAL = Views()
CLEAR = 5.0  # logits; a lead that is lost by so much is lost in the next view too
# From logits ``(N, classes)`` to what is to become small, ``(N,)``.
Goal = Callable[[jax.Array], jax.Array]


def bounds(of: Subject) -> tuple[float, float]:
    """The range of the pixels, 0 to 1 where the subject names none."""
    return of.range or (0.0, 1.0)


def stuck(x: Any, sticker: Any, mask: Any) -> jax.Array:
    """Pictures ``(N, H, W, C)`` with a sticker ``(H, W, C)`` where the mask ``(H, W)`` is set."""
    return jnp.where(jnp.asarray(mask)[..., None], jnp.asarray(sticker), jnp.asarray(x))


def towards(k: int) -> Goal:
    """Views are to be read as class ``k``: its cross-entropy."""
    return lambda logits: jax.nn.logsumexp(logits, axis=-1) - logits[:, k]


def away(k: int) -> Goal:
    """Views are to be read as anything but class ``k``: its lead before the others, until it is lost clearly."""

    def lead(logits: jax.Array) -> jax.Array:
        others = jnp.where(jnp.arange(logits.shape[-1]) == k, -jnp.inf, logits).max(axis=-1)
        return jnp.maximum(logits[:, k] - others, -CLEAR)

    return lead


def fit(
    of: Subject,
    x: np.ndarray,
    goal: Goal,
    mask: np.ndarray,
    *,
    how: Views = USUAL,
    steps: int = 200,
    rate: float = 0.1,
    seed: int = 0,
) -> np.ndarray:
    """The colours ``(H, W, C)`` of a sticker that bring down the goal of random views of the pictures.

    Adam brings down its mean; each step sees other pictures in other views.  Colours stay within the range by a
    logistic map.
    """
    low, high = bounds(of)
    optimizer = optax.adam(rate)

    def loss(free: jax.Array, batch: jax.Array, key: jax.Array) -> jax.Array:
        colours = low + (high - low) * jax.nn.sigmoid(free)
        logits = of.logits(views(stuck(batch, colours, mask), key, how, low, high))
        return goal(logits).mean()

    @functools.partial(jax.jit, compiler_options=options())
    def run(x: jax.Array, key: jax.Array) -> jax.Array:
        def step(carry: Any, key: jax.Array) -> tuple[Any, jax.Array]:
            free, state = carry
            pick, look = jax.random.split(key)
            batch = x[jax.random.randint(pick, (min(BATCH, 4 * len(x)),), 0, len(x))]
            value, slope = jax.value_and_grad(loss)(free, batch, look)
            move, state = optimizer.update(slope, state)
            return (optax.apply_updates(free, move), state), value

        # Grey has the largest slope in every direction of colour.
        free = jnp.zeros(x.shape[1:])
        (free, _), _ = jax.lax.scan(step, (free, optimizer.init(free)), jax.random.split(key, steps))
        return low + (high - low) * jax.nn.sigmoid(free)

    return np.asarray(run(jnp.asarray(x, jnp.float32), jax.random.key(seed)))


def sensitivity(
    of: Subject,
    x: np.ndarray,
    goal: Goal,
    how: Views = USUAL,
    *,
    looks: int = 8,
    seed: int = 0,
) -> np.ndarray:
    """How much each pixel moves the goal ``(H, W)``: absolute slopes, mean over random views."""
    low, high = bounds(of)

    def loss(change: jax.Array, x: jax.Array, key: jax.Array) -> jax.Array:
        logits = of.logits(views(jnp.clip(x + change, low, high), key, how, low, high))
        return goal(logits).mean()

    slope = jax.jit(jax.grad(loss), compiler_options=options())
    some = jnp.asarray(x[:BATCH], jnp.float32)
    each = [slope(jnp.zeros(some.shape[1:]), some, key) for key in jax.random.split(jax.random.key(seed), looks)]
    return np.asarray(sum(jnp.abs(one).sum(axis=-1) for one in each)) / looks


def placed(weight: np.ndarray, size: tuple[int, int], count: int = 1, within: np.ndarray | None = None) -> np.ndarray:
    """The mask of ``count`` rectangles ``(height, width)`` that hold the most weight, one after another, none twice.

    Parameters
    ----------
    within: where they may lie, ``(H, W)``; everywhere by default.

    Raises
    ------
    ValueError: there is no room for so many.
    """
    tall, wide = size
    free = np.ones(weight.shape, bool) if within is None else within.copy()
    mask = np.zeros(weight.shape, bool)
    for _ in range(count):
        windows = np.lib.stride_tricks.sliding_window_view(np.where(free, weight, -np.inf), size).sum(axis=(2, 3))
        top, left = np.unravel_index(windows.argmax(), windows.shape)
        if not np.isfinite(windows[top, left]):
            raise ValueError(f"no room for {count} rectangles of {tall} x {wide}")
        for grid, value in ((mask, True), (free, False)):
            grid[top : top + tall, left : left + wide] = value
    return mask


def looked_at(of: Subject, x: np.ndarray, how: Views, times: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """``times`` random views of each picture ``(times, N, H, W, C)``, and what the network answers ``(times, N)``."""
    low, high = bounds(of)
    look = jax.jit(lambda x, key: views(x, key, how, low, high))
    made = [np.asarray(look(jnp.asarray(x, jnp.float32), key)) for key in jax.random.split(jax.random.key(seed), times)]
    answers = [np.asarray(of.logits(one)).argmax(axis=1) for one in made]
    return np.stack(made), np.stack(answers)
