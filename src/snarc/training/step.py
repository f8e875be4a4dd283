"""One step of learning, shared by every way to drive it."""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from flax import nnx

from snarc.layers import present

from .losses import Loss
from .optimizers import Optimizer, direction
from .transfer import hold, trained

# What a step tells: sums over its examples, never means, so that any batching adds up to the same number.
LOSS, CORRECT, COUNT = range(3)
COLUMNS = 3


class State(NamedTuple):
    """What learning changes: weights, the rest of the network (statistics, random streams), the optimiser's memory."""

    weights: Any
    rest: Any
    memory: Any


class Program(NamedTuple):
    """What of a training is fixed when it is compiled; equal programs share one executable."""

    graph: nnx.GraphDef
    loss: Loss
    optimizer: Optimizer
    classification: bool
    precision: str = "float32"
    frozen: tuple[str, ...] = ()


def begin(
    network: nnx.Module,
    loss: Loss,
    optimizer: Optimizer,
    *,
    classification: bool,
    precision: str,
    frozen: tuple[str, ...] = (),
) -> tuple[Program, State]:
    """Split a network into what is compiled and what learning changes; ``frozen`` are dotted paths that stay."""
    network.train()
    hold(network, frozen)
    graph, weights, rest = parts(network, frozen)
    memory = direction(optimizer).init(weights)
    return Program(graph, loss, optimizer, classification, precision, frozen), State(weights, rest, memory)


def step(
    program: Program,
    state: State,
    x: jax.Array,
    y: jax.Array,
    mask: jax.Array,
    rate: jax.Array,
    weight: jax.Array | None = None,
) -> tuple[State, jax.Array]:
    """Move the weights by one step along the gradient of the mean loss over the unmasked examples.

    Parameters
    ----------
    x, y: a batch ``(B, ...)`` and its targets; rows where ``mask`` (B,) is 0 are padding and count for nothing.
    rate: the learning rate.
    weight: of each example ``(B,)``, 1 on average over the training split; none for equal ones.

    Returns
    -------
    The new state, and the sums ``(COLUMNS,)`` over the batch: loss, correct answers, examples.
    """

    def objective(weights: Any) -> tuple[jax.Array, tuple[jax.Array, jax.Array, Any]]:
        # A fresh copy of the tree: nnx lets variables (dropout's counters) change only at the level that made them.
        rest = jax.tree.map(lambda leaf: leaf, state.rest)
        network = nnx.merge(program.graph, cast(weights, program.precision), rest)
        with present.batch(mask):
            if getattr(network, "adversary", None) is None:
                outputs = apply(network, x, program.precision)
                losses = program.loss(outputs, y) * mask
            else:
                outputs, losses = _contested(program, network, x, y, mask)
        if weight is not None:
            losses = losses * weight
        if program.classification:
            correct = jnp.sum((jnp.argmax(outputs, axis=-1) == y) * mask)
        else:
            correct = jnp.zeros((), losses.dtype)
        rest = parts(network, program.frozen)[2]
        total = jnp.sum(losses)
        return total / jnp.sum(mask) + program.optimizer.penalty(weights), (total, correct, rest)

    (value, (total, correct, rest)), gradient = jax.value_and_grad(objective, has_aux=True)(state.weights)
    updates, memory = direction(program.optimizer).update(
        gradient, state.memory, state.weights, value=value, grad=gradient, value_fn=lambda w: objective(w)[0]
    )
    if program.optimizer.name == "lbfgs":
        weights = jax.tree.map(jnp.add, state.weights, updates)
    else:
        weights = jax.tree.map(lambda w, u: w - rate.astype(w.dtype) * u.astype(w.dtype), state.weights, updates)
    sums = jnp.stack([total, correct, jnp.sum(mask)]).astype(jnp.float32)
    return State(weights, rest, memory), sums


def _contested(
    program: Program, network: Any, x: jax.Array, y: jax.Array, mask: jax.Array
) -> tuple[jax.Array, jax.Array]:
    """Outputs and losses of a batch whose examples are also learnt from where the network errs.

    The outputs are those of the examples as they are, unless the moved ones are all that is learnt from.
    """
    x = network.augmented(x)
    if jnp.issubdtype(x.dtype, jnp.integer):
        x = x.astype(jnp.float32) * (1 / 255)
    graph, weights, rest = parts(network, program.frozen)
    # What the moving depends on is no part of the gradient, so that nothing of it need be kept for the way back.
    weights = jax.lax.stop_gradient(weights)

    def loss(there: jax.Array) -> jax.Array:
        # A copy that computes as the step does, statistics of the batch and dropped units included, and is forgotten.
        other = nnx.merge(graph, weights, jax.tree.map(lambda leaf: leaf, rest))
        return jnp.sum(program.loss(_inner(other, there, program.precision), y) * mask)

    moved = network.adversary(x, loss)
    share = network.adversary.weight
    if share == 1:
        outputs = _inner(network, moved, program.precision)
        return outputs, program.loss(outputs, y) * mask
    outputs = _inner(network, x, program.precision)
    there = _inner(network, moved, program.precision)
    return outputs, ((1 - share) * program.loss(outputs, y) + share * program.loss(there, y)) * mask


def _inner(network: Any, x: jax.Array, precision: str) -> jax.Array:
    """Logits of inputs that are augmented already."""
    standardised = network.inputs(x)
    return network.body(standardised if precision == "float32" else standardised.astype(precision))


def parts(network: nnx.Module, frozen: tuple[str, ...] = ()) -> tuple[nnx.GraphDef, Any, Any]:
    """What of a network is compiled, what is trained, and what else it holds."""
    found: Any = nnx.split(network, trained(frozen), ...)
    return found


def apply(network: Any, x: jax.Array, precision: str) -> jax.Array:
    """Logits of a batch; the body computes in ``precision``, the input stage in float32."""
    if precision == "float32":
        return network(x)
    return network.body(network.standardised(x).astype(precision))


def cast(weights: Any, precision: str) -> Any:
    """Weights as the network's arithmetic wants them; the float32 originals are what is learnt."""
    if precision == "float32":
        return weights
    return jax.tree.map(lambda w: w.astype(precision) if w.dtype == jnp.float32 else w, weights)
