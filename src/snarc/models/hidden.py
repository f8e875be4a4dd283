"""Hidden units of any network of layers: where they are, and how to delete some of them."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from snarc.errors import ModelError, nearest

from .inside import Change, shapes_of, shapes_received
from .taps import layers


@dataclass(frozen=True)
class Hidden:
    """A layer of hidden units, seen where the next layer gets them.

    Attributes
    ----------
    own: path of the layer whose units they are.
    next: path of the layer that gets their activity, after normalisation, activation and pooling.
    units: how many; of a convolution the maps.
    shape: of what the next layer gets from one example; of flattened maps ``(places * units,)``.
    """

    own: str
    next: str
    units: int
    shape: tuple[int, ...]

    @property
    def name(self) -> str:
        """The layer's path without the body, as ``layers.0`` or ``conv1``."""
        return self.own.removeprefix("body.")

    def by_unit(self, activity: Any) -> np.ndarray:
        """What the next layer gets, ``(N, *shape)``, as ``(N, places, units)``; one place where they are no maps."""
        return np.asarray(activity).reshape(len(activity), -1, self.units)

    def deletion(self, kept: Any, instead: Any = 0.0) -> Change:
        """What the next layer gets when units are deleted, for :meth:`snarc.Subject.edited` with ``inputs=True``.

        Parameters
        ----------
        kept: ``(units,)``, 1 for those that stay and 0 for those deleted.
        instead: what stands in their place, a number or ``(units,)``.
        """
        # Maps are flattened place by place, so that units alternate.
        whole = jnp.tile(jnp.asarray(kept), self.shape[-1] // self.units)
        constant = jnp.tile(jnp.broadcast_to(jnp.asarray(instead), (self.units,)), self.shape[-1] // self.units)
        return lambda a: a * whole.astype(a.dtype) + (constant * (1 - whole)).astype(a.dtype)


def hidden_of(network: nnx.Module, inputs: tuple[int, ...]) -> list[Hidden]:
    """The layers of hidden units, in the order of computation; of a branching network each is seen by one layer only.

    Parameters
    ----------
    inputs: shape of one example.

    Raises
    ------
    ModelError: there is no hidden layer.
    """
    example = jax.ShapeDtypeStruct((2, *inputs), jnp.float32)
    weighing = {path for path, module in layers(network).items() if _weighs(module)}
    shapes = {path: tuple(a.shape[1:]) for path, a in shapes_received(network, example).items() if path in weighing}
    outputs = shapes_of(network, example)
    found, order = [], list(shapes)
    for own, following in itertools.pairwise(order):
        last = shapes[following][-1]
        made = outputs[own].shape[-1] if own in outputs else last
        found.append(Hidden(own, following, made if last % made == 0 else last, shapes[following]))
    if not found:
        raise ModelError(
            f"no hidden layer in {type(network).__name__}",
            wanted="a network with hidden units",
            way_out="Train one such as 784-300-10.",
        )
    return found


def chosen(found: Sequence[Hidden], layer: str) -> Hidden:
    """The layer of that name (``layers.0``) or number counted from 1; the last one for an empty text.

    Raises
    ------
    ModelError: there is none.
    """
    names = [one.name for one in found]
    text = str(layer).removeprefix("body.")
    if not text:
        return found[-1]
    if text in names:
        return found[names.index(text)]
    if text.isdigit() and 1 <= int(text) <= len(found):
        return found[int(text) - 1]
    raise ModelError(
        f"no hidden layer {layer!r}",
        wanted=f"{', '.join(names)}, or a number from 1 to {len(found)}",
        way_out=nearest(text, names),
    )


def _weighs(module: nnx.Module) -> bool:
    return any(isinstance(value, nnx.Param) and value[...].ndim >= 2 for value in vars(module).values())
