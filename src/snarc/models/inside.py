"""The outputs of a network's layers, by path."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from flax import nnx

from snarc.errors import ModelError, nearest

from .taps import StandIn, replace, tap

Change = Callable[[jax.Array], jax.Array]
_LENDING = threading.RLock()


def layers_of(network: nnx.Module, x: Any) -> dict[str, jax.Array]:
    """The output of every layer by its path, in the order in which the network defines them; evaluation mode."""
    _evaluate(network)
    graph, state = nnx.split(network)
    found = _layers(graph, state, jnp.asarray(x))
    return {name: found[name] for name in _paths(network) if name in found}


def shapes_of(network: nnx.Module, example: jax.ShapeDtypeStruct) -> dict[str, jax.ShapeDtypeStruct]:
    """The shapes of what :func:`layers_of` would return; nothing is computed."""
    _evaluate(network)
    graph, state = nnx.split(network)
    found = jax.eval_shape(partial(_layers, graph), state, example)
    return {name: found[name] for name in _paths(network) if name in found}


def received(network: nnx.Module, x: Any) -> dict[str, jax.Array]:
    """What each layer that learns gets as its input, by the layer's path, in the order of computation.

    The input of the second layer is the activation of the first hidden units, whatever stands between the two
    (normalisation, activation, pooling); evaluation mode.
    """
    _evaluate(network)
    graph, state = nnx.split(network)
    x = jnp.asarray(x)
    found = _received(graph, state, x)
    return {path: found[path] for path in _shapes_received(graph, state, x)}


def shapes_received(network: nnx.Module, example: jax.ShapeDtypeStruct) -> dict[str, jax.ShapeDtypeStruct]:
    """The shapes of what :func:`received` would return, in the same order; nothing is computed."""
    _evaluate(network)
    graph, state = nnx.split(network)
    return _shapes_received(graph, state, example)


def edited(network: nnx.Module, changes: Mapping[str, Change], *, inputs: bool = False) -> nnx.Module:
    """A copy of a network, in evaluation mode, some of whose layers give other outputs, or get other inputs.

    Parameters
    ----------
    changes: for the path of a layer, as :func:`layers_of` names it, a function from its output to another of the same
        shape.  The copy has variables of its own, so that what trains it leaves the network as it is.
    inputs: change what the layers get rather than what they return.

    Raises
    ------
    ModelError: there is no layer of that path.
    """
    _evaluate(network)
    copy = nnx.clone(network)
    modules = {".".join(map(str, path)): module for path, module in nnx.iter_modules(copy)}
    parts = {path: module for path, module in modules.items() if path and callable(module)}
    for path, change in changes.items():
        if path not in parts:
            raise ModelError(
                f"no layer {path!r} in {type(network).__name__}",
                wanted="a path that snarc.subject(...).activations(x) names",
                way_out=nearest(path, parts),
            )
        replace(parts[path], path, _changed(change, inputs))
    return copy


def _evaluate(network: nnx.Module) -> None:
    """Put a network into evaluation mode; one that is in it stays untouched, since within a trace none may change."""
    for _, module in nnx.iter_modules(network):
        if not all(getattr(module, name, True) for name in ("deterministic", "use_running_average")):
            network.eval()
            return


def _changed(change: Change, inputs: bool) -> StandIn:
    if inputs:
        return lambda _, call, given: call(change(given[0]), *given[1:])
    return lambda _, call, given: change(call())


def _inputs(graph: nnx.GraphDef, state: Any, x: jax.Array) -> dict[str, jax.Array]:
    found = {}

    def keep(path: str, call: Callable[..., Any], inputs: tuple[Any, ...]) -> Any:
        # A layer that is used more than once: the last use counts.
        if inputs:
            found[path] = inputs[0]
        return call()

    tap(nnx.merge(graph, state), keep)(x)
    return found


_received = partial(jax.jit, static_argnums=0)(_inputs)


def _shapes_received(graph: nnx.GraphDef, state: Any, x: Any) -> dict[str, jax.ShapeDtypeStruct]:
    order: list[str] = []

    def trace(state: Any, x: jax.Array) -> dict[str, jax.Array]:
        found = _inputs(graph, state, x)
        # What leaves a trace is sorted by name, so that the order of computation must be kept beside it.
        order.extend(found)
        return found

    found = jax.eval_shape(trace, state, x)
    return {path: found[path] for path in order}


@partial(jax.jit, static_argnums=0)
def _layers(graph: nnx.GraphDef, state: Any, x: jax.Array) -> dict[str, jax.Array]:
    network = nnx.merge(graph, state)
    with _own_calls(network):
        _, seen = nnx.capture(network, nnx.Intermediate, method_outputs=nnx.Intermediate)(x)
    found = {}
    for path, leaf in nnx.to_flat_state(seen):
        # A layer that is used more than once sows a value for each use; the last one counts.
        value = leaf.get_value()[-1]
        if path[-1] == "__call__" and isinstance(value, jax.Array):
            found[".".join(map(str, path[:-1]))] = value
    return found


@contextmanager
def _own_calls(network: nnx.Module) -> Iterator[None]:
    """Lend ``__call__`` to classes that inherit it: Flax records only the methods that a class defines itself."""
    # Another thread would find the method lent already, and gone before it has finished.
    with _LENDING:
        classes: set[Any] = {type(module) for _, module in nnx.iter_modules(network)}
        heirs = [c for c in classes if "__call__" not in vars(c) and any("__call__" in vars(b) for b in c.__mro__)]
        for heir in heirs:
            heir.__call__ = _inherited(heir)
        try:
            yield
        finally:
            for heir in heirs:
                del heir.__call__


def _inherited(heir: Any) -> Callable[..., Any]:
    def call(self: Any, *inputs: Any, **options: Any) -> Any:
        return super(heir, self).__call__(*inputs, **options)

    return call


def _paths(module: nnx.Module, prefix: str = "") -> list[str]:
    found = []
    for name, part in vars(module).items():
        parts = enumerate(part) if isinstance(part, nnx.List | list | tuple) else [(None, part)]
        for index, one in parts:
            if isinstance(one, nnx.Module):
                path = prefix + name + ("" if index is None else f".{index}")
                found += [path, *_paths(one, path + ".")]
    return found
