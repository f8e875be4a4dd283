"""The first attack on networks: the smallest change to another answer, by minimisation within the box of pixels."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from snarc.subjects import Subject

from ._attack_run import TINY, Attacked, Prepared, bounds, check, check_count, losses
from ._box import minimise


def lbfgs(of: Subject, x: Any, labels: Any, *, targets: Any = None, searches: int = 14, steps: int = 30) -> Attacked:
    """The smallest change in the Euclidean norm that leads to another answer: |r|^2 + c loss(x + r), x + r in the box.

    The loss is the cross-entropy of the wanted answer; without targets that of the label against the class whose
    boundary is nearest where the network is linearised at x, these two alone, so that the minimum lies straight across
    it (that of all classes pulls towards several at once, and ended a tenth farther off on linear networks of four
    classes).  The smallest c whose minimum is misread is found for each example by bisection of its logarithm, each
    minimum by projected L-BFGS from the one before, for all examples at once.  A misread example, and one for which
    nothing was found, comes back as it is.

    Parameters
    ----------
    targets: the answer to reach for each example ``(N,)``; by default any other than ``labels``.
    searches: values of c that are tried.
    steps: most iterations for each.

    Source: Szegedy et al., ICLR 2014, section 4.1, where c stands before |r|; of that c the largest is wanted.
    """
    check(of, "lbfgs")
    check_count("lbfgs", searches=searches, steps=steps)
    low, high = bounds(of)
    targeted = targets is not None

    def move(x: jax.Array, y: jax.Array, key: jax.Array) -> jax.Array:
        origin = x.reshape(len(x), -1)
        other = y if targeted else _nearest(of, x, y)

        def crossed(flat: jax.Array) -> jax.Array:
            answer = jnp.argmax(of.logits(flat.reshape(x.shape)), axis=1)
            return (answer == y) if targeted else (answer != y)

        def cost(flat: jax.Array) -> jax.Array:
            there = flat.reshape(x.shape)
            return losses(of, there, y) if targeted else _against(of, there, y, other)

        def search(_: jax.Array, state: tuple[jax.Array, ...]) -> tuple[jax.Array, ...]:
            c, least, most, best, squares, last = state

            def objective(flat: jax.Array) -> jax.Array:
                return jnp.sum(jnp.square(flat - origin), axis=1) + c * cost(flat)

            found, _ = minimise(objective, last, low, high, steps=steps, scale=0.5)
            there, apart = crossed(found), jnp.sum(jnp.square(found - origin), axis=1)
            nearer = there & (apart < squares)
            most, least = jnp.where(there, c, most), jnp.where(there, least, c)
            known = jnp.isfinite(most) & (least > 0)
            halfway = jnp.sqrt(jnp.where(known, least * most, 1.0))
            c = jnp.where(known, halfway, jnp.where(there, c / 10, c * 10))
            best = jnp.where(nearer[:, None], found, best)
            return c, least, most, best, jnp.where(nearer, apart, squares), found

        none, endless = jnp.zeros(len(x)), jnp.full(len(x), jnp.inf)
        already = jnp.where(crossed(origin), 0.0, endless)
        state = (jnp.ones(len(x)), none, endless, origin, already, origin)
        best: jax.Array = lax.fori_loop(0, searches, search, state)[3]
        return best.reshape(x.shape)

    return Prepared(of, move)(x, labels, targets=targets)


def _against(of: Subject, x: jax.Array, y: jax.Array, other: jax.Array) -> jax.Array:
    """Cross-entropy of ``other`` between it and ``y``, ``(N,)``."""
    logits, rows = of.logits(x), jnp.arange(len(x))
    return jax.nn.softplus(logits[rows, y] - logits[rows, other])


def _nearest(of: Subject, x: jax.Array, y: jax.Array) -> jax.Array:
    """The class whose boundary to ``y`` is nearest in the linearised network, ``(N,)``."""
    logits, back = jax.vjp(of.logits, x)
    classes, rows = logits.shape[1], jnp.arange(len(x))
    aims = jnp.broadcast_to(jnp.eye(classes, dtype=logits.dtype)[:, None], (classes, *logits.shape))
    slopes = jax.vmap(lambda e: back(e)[0])(aims).reshape(classes, len(x), -1)
    lengths = jnp.sqrt(jnp.sum(jnp.square(slopes - slopes[y, rows]), axis=2)).T
    far = jnp.abs(logits - logits[rows, y][:, None]) / jnp.maximum(lengths, TINY)
    return jnp.argmin(jnp.where(jax.nn.one_hot(y, classes, dtype=bool), jnp.inf, far), axis=1)
