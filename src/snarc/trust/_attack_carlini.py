"""The smallest change that makes a network err by a wanted margin, found by descent in an unbounded variable."""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax import lax

from snarc.errors import RecipeError
from snarc.subjects import Subject

from ._attack_run import Attacked, Prepared, check, check_count, lead, per_example

# Inputs at the end of their range would lie at infinity.
_INSIDE = 0.999999


class _Descent(NamedTuple):
    """Where the descent of a batch stands, and the nearest input so far that is misread."""

    step: jax.Array
    change: jax.Array
    memory: Any
    found: jax.Array
    best: jax.Array
    squares: jax.Array
    last: jax.Array
    stuck: jax.Array


def carlini_wagner(
    of: Subject,
    x: Any,
    labels: Any,
    *,
    targets: Any = None,
    confidence: float = 0.0,
    searches: int = 9,
    steps: int = 1000,
    rate: float = 0.01,
    constant: float = 1e-3,
) -> Attacked:
    """The smallest change in the Euclidean norm, |x' - x|^2 + c max(0, lead of the right class + confidence).

    x' is a tanh of the variable that descends (by Adam), so that it keeps within the range; c is found by bisection
    for each example.  An example for which nothing was found comes back as it is.

    Parameters
    ----------
    targets: the answer to reach for each example ``(N,)``; by default any other than ``labels``.
    confidence: by how much the logit of the new answer shall exceed all others.
    searches: values of c that are tried.
    steps: of descent for each; fewer where a tenth of them gained less than 1 in 10,000.
    rate: of Adam.
    constant: the first c.

    Source: Carlini and Wagner, IEEE Symposium on Security and Privacy 2017, section VI.A.
    """
    check(of, "carlini_wagner")
    check_count("carlini_wagner", searches=searches, steps=steps)
    if not (confidence >= 0 and rate > 0 and constant > 0 and np.isfinite(confidence + rate + constant)):
        raise RecipeError(
            f"carlini_wagner with confidence {confidence}, rate {rate}, constant {constant}",
            wanted="a confidence of at least 0, a positive rate and constant",
            way_out="Leave them out for the defaults.",
        )
    outward, inward = _variable(of)
    targeted = targets is not None
    adam = optax.adam(rate)
    every = int(np.ceil(steps / 10))

    def move(x: jax.Array, y: jax.Array, key: jax.Array) -> jax.Array:
        start = outward(x)
        centre = inward(start)

        def loss(change: jax.Array, c: jax.Array) -> tuple[jax.Array, tuple[jax.Array, jax.Array]]:
            made = inward(start + change)
            margin = lead(of.logits(made), y) * (-1 if targeted else 1) + confidence
            apart = jnp.sum(jnp.square(made - centre).reshape(len(x), -1), axis=1)
            return jnp.sum(apart + c * jax.nn.relu(margin)), (made, margin < 0)

        def descend(c: jax.Array, best: jax.Array, squares: jax.Array) -> _Descent:
            def go(s: _Descent) -> _Descent:
                (value, (made, crossed)), slope = jax.value_and_grad(loss, has_aux=True)(s.change, c)
                updates, memory = adam.update(slope, s.memory)
                apart = jnp.sum(jnp.square(made - x).reshape(len(x), -1), axis=1)
                nearer = crossed & (apart < s.squares)
                look = s.step % every == 0
                return _Descent(
                    s.step + 1, s.change + updates, memory, s.found | crossed,
                    jnp.where(per_example(nearer, x), made, s.best), jnp.where(nearer, apart, s.squares),
                    jnp.where(look, value, s.last), look & ~(value <= 0.9999 * s.last),
                )  # fmt: skip

            zero, none = jnp.zeros_like(start), jnp.zeros(len(x), bool)
            begun = _Descent(
                jnp.int32(0), zero, adam.init(zero), none, best, squares, jnp.float32(jnp.inf), jnp.bool_(False)
            )
            return lax.while_loop(lambda s: (s.step < steps) & ~s.stuck, go, begun)

        def search(_: jax.Array, state: tuple[jax.Array, ...]) -> tuple[jax.Array, ...]:
            c, least, most, best, squares = state
            s = descend(c, best, squares)
            most, least = jnp.where(s.found, c, most), jnp.where(s.found, least, c)
            c = jnp.where(jnp.isinf(most), 10 * c, (least + most) / 2)
            return c, least, most, s.best, s.squares

        nothing, endless = jnp.zeros(len(x)), jnp.full(len(x), jnp.inf)
        state = (jnp.full(len(x), constant, jnp.float32), nothing, endless, x, endless)
        return lax.fori_loop(0, searches, search, state)[3]

    return Prepared(of, move)(x, labels, targets=targets)


def _variable(of: Subject) -> tuple[Any, Any]:
    """Inputs to the variable that descends, and back; without a range they are the same."""
    if of.range is None:
        return (lambda x: x), (lambda w: w)
    middle, half = (of.range[0] + of.range[1]) / 2, (of.range[1] - of.range[0]) / 2
    return (lambda x: jnp.arctanh(_INSIDE * (x - middle) / half)), (lambda w: middle + half * jnp.tanh(w))
