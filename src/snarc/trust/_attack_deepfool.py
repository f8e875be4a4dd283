"""The nearest boundary by solving the linearised network again and again."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from snarc.errors import RecipeError
from snarc.subjects import Subject

from ._attack_run import TINY, Attacked, Prepared, bounds, check, check_count, per_example


def deepfool(
    of: Subject, x: Any, labels: Any, *, norm: str = "l2", steps: int = 50, overshoot: float = 0.02
) -> Attacked:
    """A small step across the nearest boundary, by repeatedly solving the linearised network.

    The answer to be left is the network's own, so that a misread example comes back as it is.

    Parameters
    ----------
    norm: in which the step is small, ``l2`` or ``linf``.
    steps: most linearisations.
    overshoot: what is added to the way, as a share of it, to end beyond the boundary.

    Source: Moosavi-Dezfooli, Fawzi, Frossard, CVPR 2016, algorithm 2.
    """
    return deepfool_of(of, norm=norm, steps=steps, overshoot=overshoot)(x, labels)


def deepfool_of(of: Subject, *, norm: str = "l2", steps: int = 50, overshoot: float = 0.02) -> Prepared:
    """:func:`deepfool` of one network as a function of inputs and labels, compiled once for many calls."""
    check(of, "deepfool")
    check_count("deepfool", steps=steps)
    if norm not in ("l2", "linf"):
        raise RecipeError(f"deepfool with norm {norm!r}", wanted="l2 or linf", way_out="Leave it out for l2.")

    def move(x: jax.Array, y: jax.Array, key: jax.Array) -> jax.Array:
        return cross(of, x, y, norm, steps, overshoot)

    return Prepared(of, move)


def cross(of: Subject, x: jax.Array, y: jax.Array, norm: str, steps: int, overshoot: float) -> jax.Array:
    """Points beyond the nearest boundaries of the classes ``y`` ``(N,)``, for examples ``x`` ``(N, ...)``."""
    low, high = bounds(of)
    classes = len(of.task.classes)
    own = jax.nn.one_hot(y, classes, dtype=bool)
    rows = jnp.arange(len(x))

    def go(state: tuple[jax.Array, ...]) -> tuple[jax.Array, ...]:
        n, total, now, _ = state
        logits, back = jax.vjp(of.logits, now)
        there = jnp.argmax(logits, axis=1) != y
        aims = jnp.broadcast_to(jnp.eye(classes, dtype=logits.dtype)[:, None], (classes, *logits.shape))
        slopes = jax.vmap(lambda e: back(e)[0])(aims).reshape(classes, len(x), -1)
        apart = slopes - slopes[y, rows]
        gap = jnp.abs(logits - jnp.take_along_axis(logits, y[:, None], 1)).T
        # The dual norm of the slope tells how far the boundary is in the norm of the step.
        dual = jnp.sqrt(jnp.sum(jnp.square(apart), axis=2)) if norm == "l2" else jnp.sum(jnp.abs(apart), axis=2)
        far = jnp.where(own.T, jnp.inf, gap / jnp.maximum(dual, TINY))
        k = jnp.argmin(far, axis=0)
        chosen = apart[k, rows]
        along = chosen / jnp.maximum(dual[k, rows], TINY)[:, None] if norm == "l2" else jnp.sign(chosen)
        # A little more than the linear distance, or a step could end exactly on the boundary.
        further = total + ((far[k, rows] + 1e-4)[:, None] * along).reshape(x.shape)
        moved = jnp.clip(x + (1 + overshoot) * further, low, high)
        stay = per_example(there, x)
        return n + 1, jnp.where(stay, total, further), jnp.where(stay, now, moved), there

    begun: tuple[jax.Array, ...] = (jnp.int32(0), jnp.zeros_like(x), x, jnp.zeros(len(x), bool))
    found: jax.Array = lax.while_loop(lambda s: (s[0] < steps) & ~jnp.all(s[3]), go, begun)[2]
    return found
