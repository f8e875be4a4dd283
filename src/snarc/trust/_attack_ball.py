"""The worst input within a ball around the given one: one step or many up the loss; and a random corner beside them."""

from __future__ import annotations

from typing import Any, Literal

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from snarc.errors import RecipeError
from snarc.subjects import Subject

from ._attack_run import TINY, Attacked, Prepared, bounds, check, check_reach, length, losses, per_example, slope

Norm = Literal["linf", "l2"]


def fgsm(of: Subject, x: Any, labels: Any, epsilon: float) -> Attacked:
    """One step of length ``epsilon`` in the maximum norm along the sign of the loss's gradient.

    Source: Goodfellow, Shlens, Szegedy, ICLR 2015, section 4.
    """
    return Ball(of, "fgsm")(x, labels, epsilon)


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
    return Ball(of, "pgd", norm=norm, steps=steps, step=step, restarts=restarts)(x, labels, epsilon, seed=seed)


def random_sign(of: Subject, x: Any, labels: Any, epsilon: float, *, seed: int = 0) -> Attacked:
    """A random corner of the ball of radius ``epsilon`` in the maximum norm: what no attack must be worse than."""
    return Ball(of, "random")(x, labels, epsilon, seed=seed)


class Ball:
    """One of these attacks, compiled once for balls of any radius.

    Parameters
    ----------
    kind: ``fgsm``, ``pgd`` or ``random``; the rest is as for :func:`pgd`.
    """

    def __init__(
        self, of: Subject, kind: str, *, norm: Norm = "linf", steps: int = 40, step: float | None = None,
        restarts: int = 1,
    ) -> None:  # fmt: skip
        if norm not in ("linf", "l2") or steps < 1 or restarts < 0:
            raise RecipeError(
                f"pgd with norm {norm!r}, {steps} steps, {restarts} restarts",
                wanted="norm linf or l2, at least one step, no negative number of restarts",
                way_out="Leave them out for the defaults.",
            )
        if kind != "random":
            check(of, kind)
        self.of, self.kind, self.norm = of, kind, norm
        low, high = bounds(of)

        def one_step(x: jax.Array, y: jax.Array, key: jax.Array, epsilon: jax.Array) -> jax.Array:
            return jnp.clip(x + epsilon * jnp.sign(slope(of, x, y)), low, high)

        def corner(x: jax.Array, y: jax.Array, key: jax.Array, epsilon: jax.Array) -> jax.Array:
            return jnp.clip(x + epsilon * jax.random.rademacher(key, x.shape, x.dtype), low, high)

        def ascend(x: jax.Array, y: jax.Array, key: jax.Array | None, epsilon: jax.Array) -> jax.Array:
            stride = 2.5 * epsilon / steps if step is None else step
            start = x if key is None else jnp.clip(x + inside(key, x.shape, epsilon, norm), low, high)

            def go(_: jax.Array, now: jax.Array) -> jax.Array:
                up = slope(of, now, y)
                moved = now + stride * (jnp.sign(up) if norm == "linf" else up / jnp.maximum(length(up), TINY))
                return jnp.clip(x + project(moved - x, epsilon, norm), low, high)

            return lax.fori_loop(0, steps, go, start)

        def many(x: jax.Array, y: jax.Array, key: jax.Array, epsilon: jax.Array) -> jax.Array:
            first, *others = jax.random.split(key, max(restarts, 1))
            best = ascend(x, y, first if restarts else None, epsilon)
            for other in others:
                new = ascend(x, y, other, epsilon)
                better = losses(of, new, y) > losses(of, best, y)
                best = jnp.where(per_example(better, x), new, best)
            return best

        self._run = Prepared(of, {"fgsm": one_step, "pgd": many, "random": corner}[kind])

    def __call__(self, x: Any, labels: Any, epsilon: float, *, seed: int = 0) -> Attacked:
        if self.kind != "random":
            check(self.of, self.kind, epsilon)
            # A Euclidean ball holds many small changes; it may be longer than the range of a single input.
            if self.norm == "linf":
                check_reach(self.of, self.kind, epsilon)
        return self._run(x, labels, epsilon, seed=seed)


def project(v: jax.Array, epsilon: Any, norm: str) -> jax.Array:
    """The nearest point of the ball around the origin, for each example."""
    if norm == "linf":
        return jnp.clip(v, -epsilon, epsilon)
    return v * jnp.minimum(1.0, epsilon / jnp.maximum(length(v), TINY))


def inside(key: jax.Array, shape: tuple[int, ...], epsilon: Any, norm: str) -> jax.Array:
    """A point of the ball, uniform over its volume."""
    if norm == "linf":
        return jax.random.uniform(key, shape, minval=-epsilon, maxval=epsilon)
    direction, radius = jax.random.split(key)
    v = jax.random.normal(direction, shape)
    size = int(np.prod(shape[1:]))
    r = jax.random.uniform(radius, (shape[0], *[1] * (len(shape) - 1))) ** (1 / size)
    return epsilon * r * v / jnp.maximum(length(v), TINY)
