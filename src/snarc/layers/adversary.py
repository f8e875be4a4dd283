"""Training examples moved to where the network errs: what a recipe's ``adversarial`` asks for."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
from flax import nnx
from jax import lax

from snarc.errors import RecipeError, nearest

from ._draws import uniform

METHODS = ("fgsm", "pgd")
STEPS = 7  # of projected gradients, as in Madry et al. for CIFAR


class Spec(NamedTuple):
    """A way to move examples, how far at most (in the maximum norm), and in how many steps."""

    method: str
    epsilon: float
    steps: int = 1


def parse(text: str) -> Spec:
    """The attack that a text such as ``fgsm:0.25``, ``pgd:0.3`` or ``pgd:0.3:40`` asks for.

    >>> parse("fgsm:0.25"), parse("pgd:0.3:40")
    (Spec(method='fgsm', epsilon=0.25, steps=1), Spec(method='pgd', epsilon=0.3, steps=40))

    Raises
    ------
    RecipeError: another method, or not a positive length or number of steps.
    """
    method, *numbers = text.split(":")
    wanted = "fgsm:EPSILON, pgd:EPSILON or pgd:EPSILON:STEPS"
    if method not in METHODS:
        raise RecipeError(f"adversarial {text!r}", wanted=wanted, way_out=nearest(method, METHODS))
    try:
        epsilon = float(numbers[0])
        steps = int(numbers[1]) if len(numbers) > 1 else (STEPS if method == "pgd" else 1)
    except (ValueError, IndexError):
        epsilon, steps = math.nan, 0
    most = 2 if method == "pgd" else 1
    if not (0 < epsilon < math.inf) or not 1 <= steps <= 1000 or len(numbers) > most:
        raise RecipeError(
            f"adversarial {text!r}", wanted=f"{wanted}, with a positive length in units of the input and 1 to 1000 "
            "steps", way_out="Write fgsm:0.1.",
        )  # fmt: skip
    return Spec(method, epsilon, steps)


class Adversary(nnx.Module):
    """Moves a batch within a ball of the maximum norm towards larger losses; it holds the random stream of the starts.

    Parameters
    ----------
    spec: from :func:`parse`.
    weight: share of the training loss that the moved examples have; of 1 they are all that is learnt from.
    within: smallest and largest value that an input can have; none where there is no bound.
    rngs: has a stream ``adversary``; its counter goes into checkpoints, so that a resumed run draws the same numbers.

    Sources: Goodfellow, Shlens and Szegedy, ICLR 2015, section 6; Madry et al., ICLR 2018.
    """

    def __init__(self, spec: Spec, weight: float, within: tuple[float, float] | None = None, *, rngs: nnx.Rngs) -> None:
        self.spec, self.weight = spec, weight
        self.within = (-math.inf, math.inf) if within is None else within
        self.rngs = rngs["adversary"].fork() if spec.method == "pgd" else None

    def __call__(self, x: jax.Array, loss: Callable[[jax.Array], jax.Array]) -> jax.Array:
        """Other inputs ``(N, ...)``, nowhere farther than epsilon from ``x``, and within the range.

        Parameters
        ----------
        loss: of a batch, summed over its examples.
        """
        epsilon, steps, (low, high) = self.spec.epsilon, self.spec.steps, self.within
        slope = jax.grad(loss)
        if self.spec.method == "fgsm":
            return lax.stop_gradient(jnp.clip(x + epsilon * jnp.sign(slope(x)), low, high))
        assert self.rngs is not None
        count = math.prod(x.shape[1:])
        start = epsilon * (2 * uniform(self.rngs(), len(x), count).reshape(x.shape) - 1).astype(x.dtype)
        stride = 2.5 * epsilon / steps

        def go(_: jax.Array, now: jax.Array) -> jax.Array:
            moved = now + stride * jnp.sign(slope(now))
            return jnp.clip(jnp.clip(moved, x - epsilon, x + epsilon), low, high)

        return lax.stop_gradient(lax.fori_loop(0, steps, go, jnp.clip(x + start, low, high)))
