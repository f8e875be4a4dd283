"""Many small problems of minimisation at once, each with bounds on its variables: projected L-BFGS."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import lax

_ARMIJO = 1e-4
# A fall of this part of a function's value is lost in the rounding of float32: such a problem has ended.
_GAIN = 1e-6
_HALVINGS = 8


class _State(NamedTuple):
    step: jax.Array
    x: jax.Array
    value: jax.Array
    slope: jax.Array
    moves: jax.Array  # (memory, N, n), newest first
    turns: jax.Array  # changes of the slope over these moves
    done: jax.Array


def minimise(
    function: Callable[[jax.Array], jax.Array],
    x: jax.Array,
    low: float,
    high: float,
    *,
    steps: int = 100,
    memory: int = 5,
    tolerance: float = 1e-5,
    scale: float = 1.0,
) -> tuple[jax.Array, jax.Array]:
    """Points within bounds where each of N functions has a minimum.

    Directions come from the last moves (L-BFGS) in the variables that are free; a variable at a bound that the slope
    pushes against is held.  The line search follows the path projected on the box (Bertsekas 1982) and halves the
    step until the function falls enough; where it no longer falls, that problem has ended.

    Parameters
    ----------
    function: ``(N, n)`` to ``(N,)``; each value depends on its own row alone.
    x: where to start, ``(N, n)``.
    steps: most iterations.
    tolerance: a problem has ended where no variable of the projected slope is larger.
    scale: inverse curvature that the first step assumes.

    Returns
    -------
    The points ``(N, n)``, and whether each ended before ``steps`` ``(N,)``.
    """

    def both(x: jax.Array) -> tuple[jax.Array, jax.Array]:
        def total(x: jax.Array) -> tuple[jax.Array, jax.Array]:
            values = function(x)
            return jnp.sum(values), values

        (_, values), slope = jax.value_and_grad(total, has_aux=True)(x)
        return values, slope

    def small(x: jax.Array, slope: jax.Array) -> jax.Array:
        return jnp.max(jnp.abs(jnp.clip(x - slope, low, high) - x), axis=1) <= tolerance

    def search(s: _State, along: jax.Array) -> tuple[jax.Array, ...]:
        """The first of 1, 1/2, 1/4 ... of the way at which each function has fallen enough."""

        def attempt(state: tuple[jax.Array, ...]) -> tuple[jax.Array, ...]:
            n, part, fine, x, value, slope = state
            there = jnp.clip(s.x + part[:, None] * along, low, high)
            v, g = both(there)
            enough = v <= s.value + _ARMIJO * jnp.sum(s.slope * (there - s.x), axis=1)
            new = enough & ~fine
            row = new[:, None]
            return (
                n + 1, part / 2, fine | enough, jnp.where(row, there, x), jnp.where(new, v, value),
                jnp.where(row, g, slope),
            )  # fmt: skip

        begun = (jnp.int32(0), jnp.ones(len(x)), s.done, s.x, s.value, s.slope)
        return lax.while_loop(lambda a: (a[0] < _HALVINGS) & ~jnp.all(a[2]), attempt, begun)

    def go(s: _State) -> _State:
        held = ((s.x <= low) & (s.slope > 0)) | ((s.x >= high) & (s.slope < 0))
        along = jnp.where(held, 0.0, -_newton(s.slope, s.moves, s.turns, ~held, scale))
        # Where memory misleads, the slope itself is followed.
        uphill = jnp.sum(along * s.slope, axis=1, keepdims=True) >= 0
        along = jnp.where(uphill, jnp.where(held, 0.0, -scale * s.slope), along)
        s = s._replace(done=s.done | (-jnp.sum(along * s.slope, axis=1) <= _GAIN * jnp.abs(s.value)))
        _, _, fine, there, value, slope = search(s, along)
        moves = jnp.concatenate([(there - s.x)[None], s.moves[:-1]])
        turns = jnp.concatenate([(slope - s.slope)[None], s.turns[:-1]])
        ended = ~fine | (s.value - value <= _GAIN * jnp.abs(s.value)) | small(there, slope)
        return _State(s.step + 1, there, value, slope, moves, turns, s.done | ended)

    value, slope = both(x)
    empty = jnp.zeros((memory, *x.shape), x.dtype)
    begun = _State(jnp.int32(0), x, value, slope, empty, empty, small(x, slope))
    end = lax.while_loop(lambda s: (s.step < steps) & ~jnp.all(s.done), go, begun)
    return end.x, end.done


def _newton(slope: jax.Array, moves: jax.Array, turns: jax.Array, free: jax.Array, scale: float) -> jax.Array:
    """The inverse Hessian that moves and turns tell of, times the slope, in the free variables (Nocedal 1980)."""
    q = jnp.where(free, slope, 0.0)
    pairs = [(jnp.where(free, s, 0.0), jnp.where(free, y, 0.0)) for s, y in zip(moves, turns)]
    weights, shares = [], []
    first = jnp.full(len(slope), scale)
    seen = jnp.zeros(len(slope), bool)
    for s, y in pairs:
        bend, square = jnp.sum(s * y, axis=1), jnp.sum(y * y, axis=1)
        # Pairs without positive curvature tell nothing.
        good = bend > 1e-7 * square
        weight = jnp.where(good, 1 / jnp.where(good, bend, 1.0), 0.0)
        first = jnp.where(good & ~seen, bend / jnp.where(good, square, 1.0), first)
        seen = seen | good
        share = weight * jnp.sum(s * q, axis=1)
        q = q - share[:, None] * y
        weights.append(weight)
        shares.append(share)
    q = first[:, None] * q
    for (s, y), weight, share in reversed(list(zip(pairs, weights, shares))):
        q = q + (share - weight * jnp.sum(y * q, axis=1))[:, None] * s
    return q
