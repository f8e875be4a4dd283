"""What happens inside a network for one picture after another, in one compiled program."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from snarc.models.inside import layers_of, received, shapes_of
from snarc.models.taps import layers as layers_that_learn
from snarc.subjects import Subject
from snarc.training.compiling import options


class Inside(NamedTuple):
    """What one network makes of a batch.

    ``logits`` ``(N, outputs)``; ``features`` ``(N, F)``: what the last layer that learns gets; ``maps``: by the path
    of a layer what it returns, before any activation function, ``(N, H, W, channels)`` or ``(N, units)``.
    """

    logits: np.ndarray
    features: np.ndarray
    maps: dict[str, np.ndarray]


def inside(of: Subject, *, layers: int = 12, channels: int = 48) -> Callable[[Any], Inside]:
    """A function from inputs ``(N, *inputs)``, as floating-point numbers, to what happens inside.

    Parameters
    ----------
    layers: how many layers to return at most; of more, some evenly spread, the first and the last among them.
    channels: how many maps of a layer.
    """
    network = of._module()
    network.eval()
    graph, state = nnx.split(network)
    paths = _spread(_weighted(network, of.inputs), layers)

    @functools.partial(jax.jit, compiler_options=options())
    def look(state: Any, x: jax.Array) -> tuple[jax.Array, jax.Array, list[jax.Array]]:
        # A network made within the trace may be put into evaluation mode there.
        found = layers_of(nnx.merge(graph, state), x)
        last = list(received(nnx.merge(graph, state), x).values())[-1]
        maps = [found[path][..., :channels] if found[path].ndim == 4 else found[path] for path in paths]
        return of.logits(x), last.reshape(len(x), -1), maps

    def call(x: Any) -> Inside:
        logits, features, maps = jax.device_get(look(state, jnp.asarray(x, jnp.float32)))
        return Inside(logits, features, dict(zip(paths, maps)))

    return call


def _weighted(network: nnx.Module, inputs: tuple[int, ...]) -> list[str]:
    """Paths of the layers that weigh and add (dense ones, convolutions), which have a picture to show."""
    learning = layers_that_learn(network)
    shapes = shapes_of(network, jax.ShapeDtypeStruct((1, *inputs), jnp.float32))
    weighing = [path for path in shapes if path in learning and hasattr(learning[path], "kernel")]
    return [path for path in weighing if len(shapes[path].shape) in (2, 4)]


def _spread(paths: list[str], most: int) -> list[str]:
    if len(paths) <= most:
        return paths
    return [paths[round(k)] for k in np.linspace(0, len(paths) - 1, most)]
