"""The frozen, evaluation-mode view of a network that instruments get."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from .data import Task
from .errors import ModelError
from .models.inside import layers_of


@dataclass(frozen=True)
class Subject:
    """A network as instruments see it: it computes, it never changes.

    Attributes
    ----------
    logits: a batch of inputs ``(N, ...)`` to logits ``(N, outputs)``.
    inputs: shape of one example.
    task: what the outputs mean.
    network: the nnx module in evaluation mode, or none for a plain callable.
    name: for titles.
    """

    logits: Callable[[Any], jax.Array]
    inputs: tuple[int, ...]
    task: Task
    network: nnx.Module | None = None
    name: str = "network"

    def probabilities(self, x: Any) -> jax.Array:
        """Softmax of the logits, ``(N, classes)``."""
        return jax.nn.softmax(self.logits(x), axis=-1)

    def activations(self, x: Any) -> dict[str, jax.Array]:
        """The output of every layer by its path, in the order of computation.

        Raises
        ------
        ModelError: the subject is a plain callable, whose layers cannot be seen.
        """
        return layers_of(self._module(), x)

    def parameters(self) -> dict[str, np.ndarray]:
        """Every weight by its path."""
        flat = nnx.to_flat_state(nnx.state(self._module(), nnx.Param))
        return {".".join(map(str, path)): np.asarray(leaf[...]) for path, leaf in flat}

    def jacobian(self, x: jax.Array) -> jax.Array:
        """Derivative of the logits by the inputs, ``(N, outputs, *inputs)``."""
        one = jax.jacrev(lambda e: self.logits(e[None])[0])
        return jax.vmap(one)(jnp.asarray(x))

    def _module(self) -> nnx.Module:
        if self.network is None:
            raise ModelError(
                f"{self.name} is a plain function",
                wanted="an nnx module, whose layers can be seen",
                way_out="Pass the module itself, or use an instrument that needs only outputs.",
            )
        return self.network


def subject(of: Any, *, inputs: tuple[int, ...] | None = None, classes: int | tuple[str, ...] | None = None, name: str = "") -> Subject:
    """Make a Subject of a run, an nnx module, or any function from a batch to logits.

    Parameters
    ----------
    inputs: shape of one example; a run knows it.
    classes: number or names of the classes; a run knows them.
    """
    if isinstance(of, Subject):
        return of
    if hasattr(of, "subject"):
        return of.subject()
    if inputs is None or classes is None:
        raise ModelError(
            "a network without the shape of its inputs and its classes",
            wanted="inputs=(...) and classes=...",
            way_out="Write snarc.subject(net, inputs=(28, 28, 1), classes=10).",
        )
    names = tuple(str(k) for k in range(classes)) if isinstance(classes, int) else tuple(classes)
    task = Task("classification", classes=names)
    if isinstance(of, nnx.Module):
        return of_module(of, tuple(inputs), task, name or type(of).__name__)
    return Subject(of, tuple(inputs), task, name=name or getattr(of, "__name__", "function"))


def of_module(network: nnx.Module, inputs: tuple[int, ...], task: Task, name: str, precision: str = "float32") -> Subject:
    """The subject of an nnx module, which is put into evaluation mode."""
    from .training.evaluate import function

    return Subject(function(network, precision), inputs, task, network, name)
