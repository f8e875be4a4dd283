"""Losses per example, from logits."""

from __future__ import annotations

from collections.abc import Callable

import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Float, Int

from snarc.data import Task
from snarc.errors import RecipeError

Loss = Callable[[jax.Array, jax.Array], jax.Array]


def cross_entropy(logits: Float[Array, " n classes"], labels: Int[Array, " n"]) -> Float[Array, " n"]:
    """Softmax cross-entropy in nats, ``(N, classes), (N,) -> (N,)``; exact for logits of any size."""
    return optax.softmax_cross_entropy_with_integer_labels(
        logits.astype(jnp.promote_types(logits.dtype, jnp.float32)), labels
    )


def squared_error(outputs: Float[Array, " n *k"], targets: Float[Array, " n *t"]) -> Float[Array, " n"]:
    """Squared error averaged over outputs, ``(N, k), (N, k) -> (N,)``, so that its mean is the MSE."""
    outputs = outputs.astype(jnp.promote_types(outputs.dtype, jnp.float32))
    return jnp.mean(jnp.square(outputs.reshape(targets.shape) - targets).reshape(len(targets), -1), axis=1)


def squared_error_to_classes(outputs: Float[Array, " n classes"], labels: Int[Array, " n"]) -> Float[Array, " n"]:
    """Squared error to targets of +1 for the class and -1 for the others, averaged over outputs.

    ``(N, k), (N,) -> (N,)``; the criterion of LeCun et al., Neural Computation 1 (1989) 541.
    """
    targets = 2 * jax.nn.one_hot(labels, outputs.shape[-1], dtype=jnp.float32) - 1
    return squared_error(outputs, targets)


def choose(name: str, task: Task) -> Loss:
    """The loss called ``name``; ``auto`` is the one that suits the task.

    Raises
    ------
    RecipeError: the loss does not fit the task.
    """
    classes = task.kind in ("classification", "sequence")
    if name == "auto":
        name = "cross-entropy" if classes else "squared-error"
    if name == "cross-entropy" and not classes:
        raise RecipeError(
            f"loss {name!r} for a task of {task.kind}",
            wanted="squared-error for numbers",
            way_out="Leave loss at 'auto'.",
        )
    if name == "cross-entropy":
        return cross_entropy
    return squared_error_to_classes if classes else squared_error
