"""Softmax regression: one layer of weights."""

from __future__ import annotations

import jax
from flax import nnx

from snarc.keys import named
from snarc.layers.activations import LECUN
from snarc.registry import model


@model(
    "linear",
    source="Cox, J. R. Statist. Soc. B 20 (1958) 215",
    recipe={"learning_rate": 3e-3, "schedule": "1cycle", "epochs": 15},
)
class Linear(nnx.Module):
    """Softmax (or linear) regression: logits are weighted sums of the inputs."""

    def __init__(self, *, inputs: tuple[int, ...], outputs: int, rngs: nnx.Rngs) -> None:
        width = 1
        for extent in inputs:
            width *= extent
        self.output = nnx.Linear(width, outputs, kernel_init=LECUN, rngs=named(rngs, "output"))

    def __call__(self, x: jax.Array) -> jax.Array:
        return self.output(x.reshape(len(x), -1))
