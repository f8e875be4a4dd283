"""Stand-ins for the layers of a network, for the length of one trace."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from flax import nnx

# Takes the path of a layer, what the layer would return for its inputs, or for others that are given (a function), and
# its inputs.
StandIn = Callable[[str, Callable[..., Any], tuple[Any, ...]], Any]


def layers(network: nnx.Module) -> dict[str, nnx.Module]:
    """The layers that learn, by path: modules with parameters of their own and no such module inside."""
    found = {}
    for path, module in nnx.iter_modules(network):
        if not _parameters(module) or not callable(module):
            continue
        if not any(_parameters(inner) for deeper, inner in nnx.iter_modules(module) if deeper):
            found[".".join(map(str, path))] = module
    return found


def tap(network: nnx.Module, stand_in: StandIn) -> nnx.Module:
    """Let ``stand_in`` answer every call of a layer that learns, and return the network.

    Only this network is changed, and for good: pass one that was made for the purpose by ``nnx.merge`` inside a trace.
    Its layers become instances of classes of their own, so that no class that others use is touched, not even for a
    moment, and several threads may do this at once.
    """
    for path, module in layers(network).items():
        replace(module, path, stand_in)
    return network


def replace(module: nnx.Module, path: str, stand_in: StandIn) -> None:
    """Let ``stand_in`` answer every call of one layer, for good."""
    kind = type(module)

    def call(self: Any, *inputs: Any, **options: Any) -> Any:
        if not inputs and options:  # called by the names of its parameters
            first = list(inspect.signature(kind.__call__).parameters)[1]
            inputs = (options.pop(first),)
        return stand_in(path, lambda *others: kind.__call__(self, *(others or inputs), **options), inputs)

    # nnx keeps watch over attributes; the class of an instance is Python's.
    object.__setattr__(module, "__class__", type(kind.__name__, (kind,), {"__call__": call}))


def _parameters(module: nnx.Module) -> list[nnx.Param]:
    return [value for value in vars(module).values() if isinstance(value, nnx.Param)]
