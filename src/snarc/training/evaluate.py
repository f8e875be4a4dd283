"""Logits and counts over a split, with one compiled program for all of them."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jaxtyping import Float, Shaped

from snarc.data import Task

from .compiling import compiled
from .losses import Loss
from .step import apply, cast, parts

# Elements of input per batch: large enough to fill the cores, small enough to stay in the cache.
_ELEMENTS = 400_000


def rows_for(shape: tuple[int, ...]) -> int:
    """Examples per evaluation batch for inputs of this shape: a power of two up to 512."""
    return int(2 ** np.clip(math.floor(math.log2(_ELEMENTS / max(1, math.prod(shape)))), 0, 9))


def _outputs(graph: nnx.GraphDef, precision: str, weights: Any, rest: Any, x: jax.Array) -> jax.Array:
    network = nnx.merge(graph, cast(weights, precision), rest)
    outputs = apply(network, x, precision)
    return outputs.astype(jnp.promote_types(outputs.dtype, jnp.float32))


def function(network: nnx.Module, precision: str = "float32") -> Callable[[np.ndarray], jax.Array]:
    """The evaluation-mode function of a network: a batch of inputs to logits."""
    network.eval()
    graph, weights, rest = parts(network)

    def call(x: Any) -> jax.Array:
        if isinstance(x, jax.core.Tracer):
            # Within somebody's own compiled program or gradient; options of the compiler are for whole programs.
            return _outputs(graph, precision, weights, rest, x)
        return compiled(_outputs, (0, 1))(graph, precision, weights, rest, x)

    return call


def outputs(of: Callable[..., jax.Array], split: Any) -> Float[np.ndarray, " n *outputs"]:
    """Logits ``(N, outputs)`` of every example of a split, in its order."""
    count = len(split)
    shape = tuple(split.inputs.shape[1:])
    rows = min(rows_for(shape), 2 ** math.ceil(math.log2(max(count, 1))))
    parts = []
    for x, _ in split.batches(np.arange(count), rows):
        found = of(np.resize(x, (rows, *x.shape[1:])) if len(x) < rows else x)
        parts.append(np.asarray(found)[: len(x)])
    return np.concatenate(parts)


def score(
    logits: Float[np.ndarray, " n *outputs"], targets: Shaped[np.ndarray, " n *wanted"], loss: Loss, task: Task
) -> dict[str, float]:
    """Loss and, for classes, accuracy and error; for numbers RMSE and R2: sums over examples, divided once."""
    losses = np.asarray(loss(jnp.asarray(logits), jnp.asarray(targets)), np.float64)
    numbers = {"loss": float(losses.sum() / len(losses)), "examples": len(losses)}
    if task.kind in ("classification", "sequence"):
        correct = int(np.sum(np.argmax(logits, axis=-1) == targets))
        numbers |= {"accuracy": correct / len(losses), "error": 1 - correct / len(losses), "correct": correct}
    else:
        residual = (logits.reshape(targets.shape).astype(np.float64) - targets) ** 2
        spread = (targets.astype(np.float64) - targets.mean(axis=0, dtype=np.float64)) ** 2
        numbers["rmse"] = math.sqrt(residual.mean())
        numbers["r2"] = 1 - residual.sum() / spread.sum() if spread.sum() > 0 else float("nan")
    return numbers
