"""Multilayer perceptrons, written as the field writes them: 784-300-10."""

from __future__ import annotations

import math

import jax
from flax import nnx

from snarc.errors import LimitError, ModelError
from snarc.keys import named
from snarc.layers import Dropout
from snarc.layers.activations import activation as activation_named
from snarc.layers.activations import initializer
from snarc.registry import model

WIDEST = 1_000_000


@model(
    "mlp",
    source="Rumelhart, Hinton, Williams, Nature 323 (1986) 533",
    recipe={"learning_rate": 2e-3, "schedule": "1cycle", "epochs": 10},
)
class MLP(nnx.Module):
    """Dense layers one after another, each with its activation.

    Parameters
    ----------
    layers: units of each layer from input to output, ``"784-300-10"``; a hidden layer may name its activation,
        ``"784-300:tanh-100:relu-10"``.  Default: one hidden layer of 300 units.
    hidden: instead of ``layers``, the hidden layers alone, ``"300-100"``.
    activation: of hidden layers that name none.
    output: activation of the output layer; logits (identity) by default.
    dropout: probability of dropping a hidden unit while training.
    """

    def __init__(
        self,
        *,
        inputs: tuple[int, ...],
        outputs: int,
        rngs: nnx.Rngs,
        layers: str | None = None,
        hidden: str | int | None = None,
        activation: str = "relu",
        output: str = "identity",
        dropout: float = 0.0,
    ) -> None:
        if layers is None:
            hidden = "300" if hidden is None else hidden
            layers = "-".join([str(math.prod(inputs)), *([str(hidden)] if hidden else []), str(outputs)])
        elif hidden is not None:
            raise ModelError(f"layers {layers!r} and hidden {hidden!r}", wanted="one of them", way_out="Drop one.")
        if not 0 <= dropout < 1:
            raise ModelError(f"dropout {dropout}", wanted="a probability in [0, 1)", way_out="Use 0.5, or 0 for none.")
        units, names = parse(layers, activation)
        wanted = (math.prod(inputs), outputs)
        if (units[0], units[-1]) != wanted:
            raise ModelError(
                f"layout {layers!r} takes {units[0]} inputs and gives {units[-1]} outputs",
                wanted=f"{wanted[0]} inputs (shape {tuple(inputs)}) and {wanted[1]} outputs",
                way_out=f"Write {'-'.join(map(str, [wanted[0], *units[1:-1], wanted[1]]))}.",
            )
        names[-1] = output
        self.layers = nnx.List(
            [
                nnx.Linear(a, b, kernel_init=initializer(name), rngs=named(rngs, f"dense{k}"))
                for k, (a, b, name) in enumerate(zip(units[:-1], units[1:], names), start=1)
            ]
        )
        self.activations = tuple(activation_named(name) for name in names)
        self.activation_names = tuple(names)
        self.dropout = Dropout(dropout, rngs=named(rngs, "dropout")) if dropout else None

    def __call__(self, x: jax.Array) -> jax.Array:
        x = x.reshape(len(x), -1)
        for k, (layer, activation) in enumerate(zip(self.layers, self.activations), start=1):
            x = activation(layer(x))
            if self.dropout is not None and k < len(self.layers):
                x = self.dropout(x)
        return x


def parse(layers: str, default: str = "relu") -> tuple[list[int], list[str]]:
    """Units of each layer, and the activation of each but the first.

    >>> parse("784-300:tanh-10")
    ([784, 300, 10], ['tanh', 'relu'])

    Raises
    ------
    ModelError: the text is not a layout; a layer is empty.
    LimitError: a layer is wider than a million units.
    """
    units, names = [], []
    # An activation's own hyphen (leaky-relu) never precedes a digit, which tells it from the next layer's.
    parts = layers.replace(" ", "")
    position = 0
    for part in _split(parts):
        number, colon, name = part.partition(":")
        if bool(colon) != bool(name) or not number.isascii() or not number.isdigit() or int(number) == 0:
            raise ModelError(
                f"layer {part!r} at character {position + 1} of layout {layers!r}",
                wanted="a positive number of units, with an activation after a colon if wanted",
                way_out="Write for example 784-300:tanh-10.",
            )
        if int(number) > WIDEST:
            raise LimitError(f"a layer of {number} units", wanted=f"at most {WIDEST}", way_out="Use a narrower layer.")
        units.append(int(number))
        names.append(name or default)
        position += len(part) + 1
    if len(units) < 2:
        raise ModelError(f"layout {layers!r}", wanted="inputs and outputs at least", way_out="Write 784-10.")
    return units, names[1:]


def _split(text: str) -> list[str]:
    parts: list[str] = []
    for part in text.split("-"):
        if parts and ":" in parts[-1] and part[:1].isalpha():
            parts[-1] += "-" + part
        else:
            parts.append(part)
    return parts
