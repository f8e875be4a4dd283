"""One compiled program that measures every layer of a network on a few examples: gradients, activations, updates."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jax.extend.core import Jaxpr, Var, get_opaque_trace_state

from snarc.models.taps import layers, tap

from .compiling import compiled
from .step import Program, apply, cast

# What is measured of a layer, in this order.
COLUMNS = (
    "weight_norm", "gradient_norm", "update_norm", "output_mean", "output_variance", "activation_mean",
    "activation_variance", "saturated", "dead", "derivative", "low", "high",
)  # fmt: skip
# Pre-activations that are tried to find out what the activation behind a layer does.
SWEEP = (-8.0, -4.0, -2.0, -1.0, -0.5, 0.5, 1.0, 2.0, 4.0, 8.0)
# A unit is saturated where the derivative of its activation is under this part of its largest one: |tanh| > 0.97.
SATURATED = 0.06
# A unit is dead if on no example the derivative reaches this part of the largest one; a leaky unit (0.01) never is.
DEAD = 1e-3


def measure(
    program: Program, before: Any, rest: Any, after: Any, x: Any, y: Any
) -> tuple[tuple[str, ...], float, np.ndarray]:
    """Look at a network before a step of learning, and at what the step did.

    Parameters
    ----------
    before, after: its weights before and after the step.
    rest: the rest of its state before.
    x, y: the examples looked at, and their targets.

    Returns
    -------
    The paths of the layers in the order in which they compute, the mean loss over the examples, and the measured
    numbers ``(layers, COLUMNS)``; NaN where a layer has no such number.
    """
    values = compiled(_measure, (0,))(program, before, rest, after, x, y)
    order = _ORDER[program, _shape(x)]
    found = np.asarray(values, np.float64)
    return order, float(found[-1, 0]), found[:-1]


# The order of the layers is found while the program is traced, and is wanted each time that it runs.
_ORDER: dict[tuple[Program, tuple[Any, ...]], tuple[str, ...]] = {}


def _shape(x: Any) -> tuple[Any, ...]:
    return (*x.shape, str(x.dtype))


def _measure(program: Program, before: Any, rest: Any, after: Any, x: jax.Array, y: jax.Array) -> jax.Array:
    def network(weights: Any) -> Any:
        # A fresh copy: nnx lets variables change only at the level that made them.
        made = nnx.merge(program.graph, cast(weights, program.precision), jax.tree.map(lambda leaf: leaf, rest))
        made.eval()
        # Running statistics are of little worth in the first epoch; while learning, those of the batch count.
        made.set_attributes(use_running_average=False, raise_if_not_found=False)
        return made

    def objective(weights: Any, stand_in: Any) -> tuple[jax.Array, jax.Array]:
        made = network(weights)
        if stand_in is not None:
            stand_in.__self__.level = _level()
        outputs = apply(made if stand_in is None else tap(made, stand_in), x, program.precision)
        return jnp.mean(program.loss(outputs, y)), outputs

    def whole(weights: Any) -> tuple[jax.Array, Any, dict[str, jax.Array]]:
        (loss, (outputs, found)), gradient = jax.value_and_grad(
            lambda w: _with(objective(w, seen.look), seen), has_aux=True
        )(weights)
        return loss, gradient, _insides(network(weights), program, found, outputs, x)

    seen = _Seen()
    try:
        # A program within the program: what cannot be brought out of it fails here, where there is a way on.
        loss, gradient, inside = jax.jit(whole)(before)
    except Exception:
        seen, inside = _Seen(), {}
        (loss, _), gradient = jax.value_and_grad(lambda w: objective(w, None), has_aux=True)(before)
    norms = _norms(before, gradient, after)
    order = [path for path in seen.order if path in norms] + [path for path in norms if path not in seen.order]
    _ORDER[program, _shape(x)] = tuple(order)
    nothing = jnp.full(len(COLUMNS) - 3, jnp.nan)
    rows = [jnp.concatenate([norms[path], inside.get(path, nothing)]) for path in order]
    return jnp.stack([*rows, jnp.full(len(COLUMNS), loss, jnp.float32)])


class _Seen:
    """What layers are given and what they return, in the order of their calls."""

    def __init__(self) -> None:
        self.outputs: dict[str, jax.Array] = {}
        self.inputs: list[jax.Array] = []
        self.order: list[str] = []
        self.level: Any = None

    def look(self, path: str, call: Callable[[], Any], inputs: tuple[Any, ...]) -> Any:
        result = call()
        if _level() != self.level:
            return result  # inside a loop or a transformation of its own: nothing can be brought out of there
        self.inputs.append(_received(inputs))
        if isinstance(result, jax.Array) and jnp.issubdtype(result.dtype, jnp.floating):
            self.outputs[path] = result  # of a layer that is used more than once the last use counts
        if path not in self.order:
            self.order.append(path)
        return result


def _level() -> Any:
    """The trace under way; another one inside a loop or a transformation."""
    return get_opaque_trace_state(convention="nnx")


def _with(found: tuple[jax.Array, jax.Array], seen: _Seen) -> tuple[jax.Array, Any]:
    loss, outputs = found
    return loss, (outputs, (seen.outputs, seen.inputs))


def _received(inputs: tuple[Any, ...]) -> jax.Array:
    """What a layer is given, if it is numbers."""
    given = inputs[0] if inputs else None
    if isinstance(given, jax.Array) and jnp.issubdtype(given.dtype, jnp.floating):
        return given
    return jnp.zeros(())


def _norms(before: Any, gradient: Any, after: Any) -> dict[str, jax.Array]:
    """Norms by layer: of its largest array of weights, of its gradient, and of what the step did to these weights."""
    owners: dict[str, list[tuple[Any, ...]]] = {}
    trees = [dict(nnx.to_flat_state(tree)) for tree in (before, gradient, after)]
    for path in trees[0]:
        owners.setdefault(".".join(map(str, path[:-1])), []).append(path)
    found = {}
    for owner, paths in owners.items():
        weights, slopes, new = ({p: _number(tree[p]) for p in paths} for tree in trees)
        main = max(paths, key=lambda p: (weights[p].ndim, weights[p].size))
        slope = jnp.sqrt(sum(jnp.sum(jnp.square(s)) for s in slopes.values()))
        change = new[main] - weights[main]
        found[owner] = jnp.stack([jnp.linalg.norm(weights[main].ravel()), slope, jnp.linalg.norm(change.ravel())])
    return found


def _number(leaf: Any) -> jax.Array:
    return jnp.asarray(leaf.get_value() if isinstance(leaf, nnx.Variable) else leaf, jnp.float32)


def _insides(
    network: Any, program: Program, seen: tuple[dict[str, jax.Array], list[jax.Array]], outputs: jax.Array, x: jax.Array
) -> dict[str, jax.Array]:
    """Of each layer the moments of its outputs and of the activations behind it, and how far these are saturated.

    The network is run again with the outputs of its layers given, so that nothing is left of it but what happens
    between layers.  Derivatives of what layers receive, by what layers return, are then those of the activations,
    whatever these are.  Further rows, on which all outputs of layers are -8, ..., 8, tell what kind they are.
    """
    z, received = seen
    count, extra = len(x), len(SWEEP)
    given = {}
    for path, value in z.items():
        if value.ndim > 1 and len(value) == count:
            tried = jnp.asarray(SWEEP, value.dtype).reshape(-1, *[1] * (value.ndim - 1))
            given[path] = jnp.concatenate([value, jnp.broadcast_to(tried, (extra, *value.shape[1:]))])
    longer = jnp.concatenate([x, jnp.resize(x, (extra, *x.shape[1:]))])

    def between(given: dict[str, jax.Array]) -> list[jax.Array]:
        arrived: list[jax.Array] = []
        level = _level()

        def stand_in(path: str, call: Callable[[], Any], inputs: tuple[Any, ...]) -> Any:
            if _level() != level:
                return call()
            arrived.append(_received(inputs))
            return given[path] if path in given else call()

        copy = nnx.clone(network)
        final = apply(tap(copy, stand_in), longer, program.precision)
        return [*arrived, final]

    # Weights near 1 that differ: through a plain sum, a layer that centres its inputs would look flat.
    slopes = jax.grad(lambda g: sum(jnp.sum(_uneven(a) * a.astype(jnp.float32)) for a in between(g)))(given)
    sources = _sources(between, given)
    arrivals = [*received, outputs]
    found = {}
    for path, value in z.items():
        own = [a for a, source in zip(arrivals, sources) if source == {path}]
        behind = own[0] if own else None
        moments = [*_moments(value), *(_moments(behind) if behind is not None else (jnp.nan, jnp.nan))]
        rest = _saturation(slopes[path], count) if path in given else (jnp.nan,) * 5
        found[path] = jnp.stack([jnp.asarray(number, jnp.float32) for number in (*moments, *rest)])
    return found


def _uneven(array: jax.Array) -> jax.Array:
    size = int(np.prod(array.shape[1:]))
    return (1 + 0.1 * jnp.cos(0.7 * jnp.arange(size, dtype=jnp.float32))).reshape(array.shape[1:])


def _moments(array: jax.Array) -> tuple[jax.Array, jax.Array]:
    array = array.astype(jnp.float32)
    return jnp.mean(array), jnp.var(array)


def _saturation(slope: jax.Array, count: int) -> tuple[jax.Array, ...]:
    """Shares of saturated activations and of dead units; the largest derivative, and those at both ends."""
    slope = jnp.abs(slope.astype(jnp.float32)).reshape(len(slope), -1, slope.shape[-1])
    tried = jnp.max(slope[count:], axis=(1, 2))
    reference = jnp.max(tried)
    part = slope[:count] / jnp.where(reference > 0, reference, 1.0)
    # Behind a maximum over places, places that lost it pass nothing on; that is no fault of their units.
    passing = part > 0
    weak = jnp.sum(passing & (part < SATURATED), axis=1) / jnp.maximum(jnp.sum(passing, axis=1), 1)
    saturated = jnp.mean(jnp.where(jnp.any(passing, axis=1), weak, 1.0))
    dead = jnp.mean(jnp.max(part, axis=(0, 1)) < DEAD)
    largest = jnp.maximum(reference, jnp.max(slope[:count]))
    scale = jnp.where(reference > 0, reference, 1.0)
    return saturated, dead, largest, tried[0] / scale, tried[-1] / scale


def _sources(function: Callable[..., list[jax.Array]], given: dict[str, jax.Array]) -> list[set[str]]:
    """For each result the arguments it is computed from; what happens inside a called function is taken as one."""
    jaxpr: Jaxpr = jax.make_jaxpr(function)(given).jaxpr
    known: dict[Var, set[str]] = {var: {path} for var, path in zip(jaxpr.invars, sorted(given))}
    for equation in jaxpr.eqns:
        sources: set[str] = set()
        for var in equation.invars:
            sources |= known.get(var, set()) if isinstance(var, Var) else set()
        known |= dict.fromkeys(equation.outvars, sources)
    return [known.get(var, set()) if isinstance(var, Var) else set() for var in jaxpr.outvars]


def watched(network: Any) -> tuple[str, ...]:
    """The paths of the layers that learn."""
    return tuple(layers(network))
