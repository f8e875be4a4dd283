"""Multilayer perceptrons, written as the field writes them: 784-300-10."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import jax
from flax import nnx

from snarc.errors import LimitError, ModelError
from snarc.keys import named
from snarc.layers.activations import activation as activation_named
from snarc.layers.dropout import Dropout, GaussianDropout, checked
from snarc.layers.initialisers import initializer as initializer_for
from snarc.layers.normalise import BatchNorm, LayerNorm, normaliser
from snarc.registry import model

WIDEST = 1_000_000
Rates = float | str | list[float] | tuple[float, ...]


@model(
    "mlp",
    source="Rumelhart, Hinton, Williams, Nature 323 (1986) 533",
    recipe={"learning_rate": 2e-3, "schedule": "1cycle", "epochs": 10},
)
class MLP(nnx.Module):
    """Dense layers one after another, each with its activation.

    A hidden layer computes its weighted sums, normalises them if asked, then
    applies the activation, then dropout.

    Parameters
    ----------
    layers: units of each layer from input to output, ``"784-300-10"``; a layer may name its activation,
        ``"784-300:tanh-100:logistic(0.5)-10"``.  Default: one hidden layer of 300 units.
    hidden: instead of ``layers``, the hidden layers alone, ``"300-100"``.
    activation: of hidden layers that name none.
    output: activation of the output layer; logits (identity) by default, as cross-entropy wants them.
    initializer: how weights are drawn; ``auto`` suits each layer's activation.
    normalise: of hidden layers, ``none``, ``batch`` or ``layer``.
    dropout: probability of dropping a hidden unit while training; a number, or one for each hidden layer, ``"0.1,0"``.
    gaussian_dropout: the same with multiplicative normal noise of the same variance.
    input_dropout: probability of dropping an input while training.
    bias: whether units have biases.
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
        initializer: str = "auto",
        normalise: str = "none",
        dropout: Rates = 0.0,
        gaussian_dropout: Rates = 0.0,
        input_dropout: float = 0.0,
        bias: bool = True,
    ) -> None:
        if layers is None:
            hidden = "300" if hidden is None else hidden
            layers = "-".join([str(math.prod(inputs)), *([str(hidden)] if hidden else []), str(outputs)])
        elif hidden is not None:
            raise ModelError(f"layers {layers!r} and hidden {hidden!r}", wanted="one of them", way_out="Drop one.")
        if output != "identity" and parse(layers, "", "")[1][-1] not in ("", output):
            raise ModelError(
                f"layout {layers!r} and output={output!r}",
                wanted="one of them for the output layer",
                way_out="Drop one.",
            )
        if not isinstance(bias, bool):
            raise ModelError(f"bias={bias!r}", wanted="true or false", way_out="Use bias=True.")
        units, names = parse(layers, activation, output)
        wanted = (math.prod(inputs), outputs)
        if (units[0], units[-1]) != wanted:
            raise ModelError(
                f"layout {layers!r} takes {units[0]} inputs and gives {units[-1]} outputs",
                wanted=f"{wanted[0]} inputs (shape {tuple(inputs)}) and {wanted[1]} outputs",
                way_out=f"Write {'-'.join(map(str, [wanted[0], *units[1:-1], wanted[1]]))}.",
            )
        if "softmax" in names[:-1]:
            raise ModelError(
                "softmax in a hidden layer", wanted="softmax at the output only", way_out="Use output='softmax'."
            )
        # The shift of batch normalisation does what the bias before it would.
        biases = [bias and normalise != "batch"] * (len(units) - 2) + [bias]
        self.activations = tuple(activation_named(name) for name in names)
        self.activation_names = tuple(names)
        self.layers = nnx.List(
            [
                nnx.Linear(
                    a, b, use_bias=with_bias, kernel_init=initializer_for(name, initializer),
                    rngs=named(rngs, f"dense{k}"),
                )
                for k, (a, b, name, with_bias) in enumerate(zip(units[:-1], units[1:], names, biases), start=1)
            ]
        )  # fmt: skip
        self.normalisers: nnx.List[BatchNorm | LayerNorm] | None = (
            None
            if normalise == "none"
            else nnx.List(
                [normaliser(normalise, b, named(rngs, f"normalise{k}")) for k, b in enumerate(units[1:-1], start=1)]
            )
        )
        count = len(units) - 2
        self.input_dropout = (
            Dropout(input_dropout, rngs=named(rngs, "input_dropout"))
            if checked(input_dropout, "input_dropout")
            else None
        )
        self.dropout = _dropped(Dropout, "dropout", dropout, count, rngs)
        self.gaussian_dropout = _dropped(GaussianDropout, "gaussian_dropout", gaussian_dropout, count, rngs)

    def __call__(self, x: jax.Array) -> jax.Array:
        x = x.reshape(len(x), -1)
        if self.input_dropout is not None:
            x = self.input_dropout(x)
        for k, (layer, activation) in enumerate(zip(self.layers, self.activations)):
            x = layer(x)
            if k + 1 == len(self.layers):
                return activation(x)
            if self.normalisers is not None:
                x = self.normalisers[k](x)
            x = activation(x)
            for dropped in (self.dropout, self.gaussian_dropout):
                if dropped is not None:
                    x = (dropped[k] if isinstance(dropped, nnx.List) else dropped)(x)
        return x

    def stages(self) -> list[Callable[[jax.Array], jax.Array]]:
        """The maps from layer to layer in evaluation mode, ``(N, units) -> (N, units)``; the network is their chain."""

        def stage(k: int) -> Callable[[jax.Array], jax.Array]:
            def apply(x: jax.Array) -> jax.Array:
                x = self.layers[k](x)
                if self.normalisers is not None and k + 1 < len(self.layers):
                    x = self.normalisers[k](x)
                return self.activations[k](x)

            return apply

        return [stage(k) for k in range(len(self.layers))]


def _dropped(kind: type[Dropout], name: str, rate: Rates, count: int, rngs: nnx.Rngs) -> nnx.Module | None:
    """One layer of dropout for all hidden layers, or a list where their rates differ; none if nothing is dropped."""
    each = rates(name, rate, count)
    if not any(each):
        return None
    if len(set(each)) == 1:
        return kind(each[0], rngs=named(rngs, name))
    return nnx.List([kind(one, rngs=named(rngs, f"{name}{k}")) for k, one in enumerate(each, start=1)])


def rates(name: str, value: Rates, count: int) -> list[float]:
    """The rate of each of ``count`` hidden layers, from one number, a list, or a text of numbers with commas.

    >>> rates("dropout", "0.1,0", 2), rates("dropout", 0.5, 3)
    ([0.1, 0.0], [0.5, 0.5, 0.5])

    Raises
    ------
    ModelError: something else, a rate outside [0, 1), or another number of them.
    """
    parts: list[Any] = list(value) if isinstance(value, list | tuple) else [value]
    if isinstance(value, str):
        try:
            parts = [float(part) for part in value.split(",")]
        except ValueError:
            raise ModelError(
                f"{name}={value!r}", wanted="numbers with commas between them", way_out=f"Write {name}=0.2,0.5."
            ) from None
    each = [float(checked(part, name)) for part in parts]
    if len(each) == 1 and not isinstance(value, list | tuple):
        return each * count
    if len(each) != count:
        raise ModelError(
            f"{len(each)} rates of {name} for {count} hidden layers",
            wanted="one number, or one for each hidden layer",
            way_out=f"Write {name}={','.join(['0.5'] * max(count, 1))}.",
        )
    return each


def parse(layers: str, default: str = "relu", output: str | None = None) -> tuple[list[int], list[str]]:
    """Units of each layer, and the activation of each but the first.

    Parameters
    ----------
    default: the activation of layers that name none.
    output: that of the last layer if it names none; as the others if left out.

    >>> parse("784-300:tanh-10")
    ([784, 300, 10], ['tanh', 'relu'])
    >>> parse("784-300:logistic(0.5)-10", "relu", "identity")
    ([784, 300, 10], ['logistic(0.5)', 'identity'])

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
        names.append(name)
        position += len(part) + 1
    if len(units) < 2:
        raise ModelError(f"layout {layers!r}", wanted="inputs and outputs at least", way_out="Write 784-10.")
    chosen = [name or default for name in names[1:]]
    if output is not None and not names[-1]:
        chosen[-1] = output
    return units, chosen


def _split(text: str) -> list[str]:
    parts: list[str] = []
    for part in text.split("-"):
        if parts and ":" in parts[-1] and part[:1].isalpha():
            parts[-1] += "-" + part
        else:
            parts.append(part)
    return parts
