"""Inputs made to be misread: gradient attacks within a ball, and the nearest point across a boundary.

All take a :class:`snarc.Subject`, inputs in the network's own units (pixels from 0 to 1) and labels, keep within the
subject's range, and return the inputs they made; an attack on an example succeeds where the answer is another then.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from snarc.errors import RecipeError
from snarc.subjects import Subject
from snarc.training.compiling import options

Norm = Literal["linf", "l2"]
ROWS = 256  # examples moved together: enough to fill the cores, few enough for the cache
_TINY = 1e-12


class Attacked(NamedTuple):
    """What an attack made.

    ``x`` ``(N, *inputs)``; ``success`` ``(N,)``: the answer is wrong there; ``linf`` and ``l2`` ``(N,)``: how far they
    lie from the given inputs, in units of the input; ``confidence`` ``(N,)`` in the answer.
    """

    x: np.ndarray
    success: np.ndarray
    linf: np.ndarray
    l2: np.ndarray
    confidence: np.ndarray


def fgsm(of: Subject, x: Any, labels: Any, epsilon: float) -> Attacked:
    """One step of length ``epsilon`` in the maximum norm along the sign of the loss's gradient.

    Source: Goodfellow, Shlens, Szegedy, ICLR 2015, section 4.
    """
    _check(of, epsilon, "fgsm")
    low, high = _range(of)

    def move(x: jax.Array, y: jax.Array, key: jax.Array) -> jax.Array:
        return jnp.clip(x + epsilon * jnp.sign(_slope(of, x, y)), low, high)

    return _run(of, x, labels, move)


def pgd(
    of: Subject,
    x: Any,
    labels: Any,
    epsilon: float,
    *,
    norm: Norm = "linf",
    steps: int = 40,
    step: float | None = None,
    restarts: int = 1,
    seed: int = 0,
) -> Attacked:
    """Projected gradient ascent of the loss in a ball of radius ``epsilon``, from random points of it.

    Parameters
    ----------
    step: length of a step; 2.5 epsilon / steps by default.
    restarts: starting points; the one with the largest loss at the end is kept.  With 0 it starts from ``x`` itself.

    Source: Madry et al., ICLR 2018.
    """
    _check(of, epsilon, "pgd")
    if norm not in ("linf", "l2") or steps < 1 or restarts < 0:
        raise RecipeError(
            f"pgd with norm {norm!r}, {steps} steps, {restarts} restarts",
            wanted="norm linf or l2, at least one step, no negative number of restarts",
            way_out="Leave them out for the defaults.",
        )
    low, high = _range(of)
    length = 2.5 * epsilon / steps if step is None else step

    def one(x: jax.Array, y: jax.Array, key: jax.Array | None) -> jax.Array:
        start = x if key is None else jnp.clip(x + _inside(key, x.shape, epsilon, norm), low, high)

        def go(_: jax.Array, now: jax.Array) -> jax.Array:
            slope = _slope(of, now, y)
            moved = now + length * (jnp.sign(slope) if norm == "linf" else slope / jnp.maximum(_length(slope), _TINY))
            return jnp.clip(x + _project(moved - x, epsilon, norm), low, high)

        return lax.fori_loop(0, steps, go, start)

    def move(x: jax.Array, y: jax.Array, key: jax.Array) -> jax.Array:
        best = one(x, y, key if restarts else None)
        for other in jax.random.split(key, max(restarts, 1))[1:]:
            new = one(x, y, other)
            better = _losses(of, new, y) > _losses(of, best, y)
            best = jnp.where(better.reshape(-1, *[1] * (x.ndim - 1)), new, best)
        return best

    return _run(of, x, labels, move, seed)


def deepfool(of: Subject, x: Any, labels: Any, *, steps: int = 50, overshoot: float = 0.02) -> Attacked:
    """A small step across the nearest boundary, by repeatedly solving the linearised network.

    The answer to be left is the network's own, so that a misread example comes back as it is.

    Source: Moosavi-Dezfooli, Fawzi, Frossard, CVPR 2016, algorithm 2.
    """
    _check(of, 1.0, "deepfool")
    low, high = _range(of)

    def single(x: jax.Array) -> jax.Array:
        return of.logits(x[None])[0]

    def cross(x: jax.Array, y: jax.Array) -> jax.Array:
        def going(state: tuple[jax.Array, jax.Array, jax.Array]) -> jax.Array:
            n, _, now = state
            return (n < steps) & (jnp.argmax(single(now)) == y)

        def go(state: tuple[jax.Array, jax.Array, jax.Array]) -> tuple[jax.Array, jax.Array, jax.Array]:
            n, total, now = state
            logits, back = jax.vjp(single, now)
            slopes = jax.vmap(lambda e: back(e)[0])(jnp.eye(len(logits)))
            apart = slopes - slopes[y]
            gap = jnp.abs(logits - logits[y])
            lengths = jnp.sqrt(jnp.sum(jnp.square(apart).reshape(len(logits), -1), axis=1))
            far = jnp.where(jnp.arange(len(logits)) == y, jnp.inf, gap / jnp.maximum(lengths, _TINY))
            k = jnp.argmin(far)
            # A little more than the linear distance, or a step could end exactly on the boundary.
            total = total + (far[k] + 1e-4) * apart[k] / jnp.maximum(lengths[k], _TINY)
            return n + 1, total, jnp.clip(x + (1 + overshoot) * total, low, high)

        return lax.while_loop(going, go, (jnp.int32(0), jnp.zeros_like(x), x))[2]

    def move(x: jax.Array, y: jax.Array, key: jax.Array) -> jax.Array:
        return jax.vmap(cross)(x, y)

    return _run(of, x, labels, move)


def random_sign(of: Subject, x: Any, labels: Any, epsilon: float, *, seed: int = 0) -> Attacked:
    """A random corner of the ball of radius ``epsilon`` in the maximum norm: what no attack must be worse than."""
    low, high = _range(of)

    def move(x: jax.Array, y: jax.Array, key: jax.Array) -> jax.Array:
        return jnp.clip(x + epsilon * jax.random.rademacher(key, x.shape, x.dtype), low, high)

    return _run(of, x, labels, move, seed)


def _check(of: Subject, epsilon: float, name: str) -> None:
    of.need_gradients(name)
    if not (np.isfinite(epsilon) and epsilon >= 0):
        raise RecipeError(
            f"{name} with epsilon {epsilon}", wanted="a length of at least 0, in units of the input", way_out="Use 0.1."
        )
    if of.range is not None and epsilon > of.range[1] - of.range[0] and name != "deepfool":
        raise RecipeError(
            f"{name} with epsilon {epsilon:g} for inputs from {of.range[0]:g} to {of.range[1]:g}",
            wanted="a length in units of the input",
            way_out="Pixels lie between 0 and 1 here: 8 of 255 is 0.031.",
        )


def _range(of: Subject) -> tuple[float, float]:
    return of.range if of.range is not None else (-np.inf, np.inf)


def _losses(of: Subject, x: jax.Array, y: jax.Array) -> jax.Array:
    logits = of.logits(x)
    return jax.nn.logsumexp(logits, axis=-1) - jnp.take_along_axis(logits, y[:, None], 1)[:, 0]


def _slope(of: Subject, x: jax.Array, y: jax.Array) -> jax.Array:
    return jax.grad(lambda e: _losses(of, e, y).sum())(x)


def _length(v: jax.Array) -> jax.Array:
    """Euclidean length of each example, with its axes kept."""
    return jnp.sqrt(jnp.sum(jnp.square(v), axis=tuple(range(1, v.ndim)), keepdims=True))


def _project(v: jax.Array, epsilon: float, norm: str) -> jax.Array:
    if norm == "linf":
        return jnp.clip(v, -epsilon, epsilon)
    return v * jnp.minimum(1.0, epsilon / jnp.maximum(_length(v), _TINY))


def _inside(key: jax.Array, shape: tuple[int, ...], epsilon: float, norm: str) -> jax.Array:
    """A point of the ball, uniform over its volume."""
    if norm == "linf":
        return jax.random.uniform(key, shape, minval=-epsilon, maxval=epsilon)
    direction, radius = jax.random.split(key)
    v = jax.random.normal(direction, shape)
    size = int(np.prod(shape[1:]))
    r = jax.random.uniform(radius, (shape[0], *[1] * (len(shape) - 1))) ** (1 / size)
    return epsilon * r * v / jnp.maximum(_length(v), _TINY)


Move = Callable[[jax.Array, jax.Array, jax.Array], jax.Array]


def _run(of: Subject, x: Any, labels: Any, move: Move, seed: int = 0) -> Attacked:
    """Move all examples, some at a time, with one compiled program; the last ones are filled up by the first."""
    x, labels = of.example(x), np.asarray(labels, np.int32)
    count = len(x)
    rows = min(ROWS, max(1, count))

    @functools.partial(jax.jit, compiler_options=options())
    def piece(x: jax.Array, y: jax.Array, key: jax.Array) -> tuple[jax.Array, jax.Array]:
        made = move(x, y, key)
        return made, of.logits(made)

    made, logits = [], []
    for k, first in enumerate(range(0, count, rows)):
        index = np.arange(first, first + rows) % count
        a, b = piece(x[index], jnp.asarray(labels[index]), jax.random.fold_in(jax.random.key(seed), k))
        made.append(np.asarray(a)[: count - first])
        logits.append(np.asarray(b, np.float64)[: count - first])
    new, z = np.concatenate(made), np.concatenate(logits)
    apart = (new - np.asarray(x)).reshape(count, -1)
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return Attacked(
        new,
        z.argmax(axis=1) != labels,
        np.abs(apart).max(axis=1),
        np.sqrt((apart.astype(np.float64) ** 2).sum(axis=1)),
        (e / e.sum(axis=1, keepdims=True)).max(axis=1),
    )
