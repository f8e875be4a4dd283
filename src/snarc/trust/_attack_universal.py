"""One change for all inputs."""

from __future__ import annotations

import functools
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from snarc.errors import RecipeError
from snarc.subjects import Subject
from snarc.training.compiling import options

from ._attack_ball import Norm, project
from ._attack_deepfool import cross
from ._attack_run import bounds, check, check_count, check_reach


class Universal(NamedTuple):
    """``change`` of the shape of one input, ``fooled``, the share of the given inputs whose answer it changes after
    each pass ``(passes,)``."""

    change: np.ndarray
    fooled: np.ndarray


def universal(
    of: Subject,
    x: Any,
    epsilon: float,
    *,
    norm: Norm = "linf",
    wanted: float = 0.8,
    passes: int = 5,
    steps: int = 10,
    overshoot: float = 0.02,
    seed: int = 0,
) -> Universal:
    """One change of at most ``epsilon`` that alters the answer to most inputs.

    Input after input, in random order: where the change so far does not alter the answer, the smallest one beyond it
    that does (by DeepFool) is added, and the sum is projected on the ball.

    Parameters
    ----------
    norm: of the ball, ``linf`` or ``l2``.
    wanted: share of the inputs after which it ends.
    passes: most passes over the inputs.
    steps, overshoot: of DeepFool.

    Source: Moosavi-Dezfooli, Fawzi, Fawzi, Frossard, CVPR 2017, algorithm 1.
    """
    check(of, "universal", epsilon)
    check_count("universal", passes=passes, steps=steps)
    if norm not in ("linf", "l2") or not 0 < wanted <= 1:
        raise RecipeError(
            f"universal with norm {norm!r}, wanted {wanted}",
            wanted="norm linf or l2, a share between 0 and 1",
            way_out="Leave them out for the defaults.",
        )
    if norm == "linf":
        check_reach(of, "universal", epsilon)
    low, high = bounds(of)
    x = of.example(x)
    answers = jnp.argmax(of.logits(x), axis=1)

    @functools.partial(jax.jit, compiler_options=options())
    def once(change: jax.Array, order: jax.Array) -> tuple[jax.Array, jax.Array]:
        def one(change: jax.Array, k: jax.Array) -> tuple[jax.Array, None]:
            start = jnp.clip(x[k] + change, low, high)
            # An input that is misread already comes back as it is, so that nothing is added.
            further = cross(of, start[None], answers[k][None], "l2", steps, overshoot)[0] - start
            return project((change + further)[None], epsilon, norm)[0], None

        change, _ = lax.scan(one, change, order)
        fooled = jnp.argmax(of.logits(jnp.clip(x + change, low, high)), axis=1) != answers
        return change, jnp.mean(fooled)

    rng = np.random.default_rng(seed)
    change, shares = jnp.zeros(x.shape[1:]), []
    best = (-1.0, change)
    for _ in range(passes):
        change, share = once(change, jnp.asarray(rng.permutation(len(x)).astype(np.int32)))
        shares.append(float(share))
        best = max(best, (shares[-1], change), key=lambda pair: pair[0])
        if shares[-1] >= wanted:
            break
    return Universal(np.asarray(best[1]), np.array(shares))
