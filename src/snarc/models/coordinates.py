"""Networks of coordinates: pictures and functions of few variables, whose fine detail a plain network learns late."""

from __future__ import annotations

import math
from typing import Any

import jax
import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Float

from snarc.errors import ModelError
from snarc.keys import named
from snarc.layers.activations import activation as activation_named
from snarc.layers.initialisers import Drawn
from snarc.layers.initialisers import initializer as initializer_for
from snarc.layers.standardise import Fixed
from snarc.registry import model


@model(
    "fourier-features",
    source="Tancik et al., NeurIPS 2020, arXiv:2006.10739",
    recipe={"learning_rate": 5e-3, "schedule": "1cycle", "epochs": 10},
    example=(2,),
)
class FourierFeatures(nnx.Module):
    """Sines and cosines of random directions in the plane, then dense layers: for pictures and rough functions.

    Parameters
    ----------
    features: sines, and as many cosines.
    scale: standard deviation of the random frequencies, in cycles per standard deviation of the inputs (of two; of
        more it is less); larger learns finer detail, and noise between the examples.
    hidden: units of the hidden layers, ``"128-128"``.
    activation: of the hidden layers.
    output: activation of the output layer.
    """

    def __init__(
        self,
        *,
        inputs: tuple[int, ...],
        outputs: int,
        rngs: nnx.Rngs,
        features: int = 128,
        scale: float = 2.5,
        hidden: str | int = "128-128",
        activation: str = "relu",
        output: str = "identity",
    ) -> None:
        width = math.prod(inputs)
        if isinstance(features, bool) or not isinstance(features, int) or features < 1:
            raise ModelError(f"features {features!r}", wanted="a positive number", way_out="Use 128.")
        if isinstance(scale, bool) or not isinstance(scale, int | float) or not 0 < scale < 1e6:
            raise ModelError(f"scale {scale!r}", wanted="a positive number", way_out="Use 2.5.")
        stream = named(rngs, "frequencies")
        # Of more inputs each counts less, so that the turns between two examples stay about as many.
        spread = scale * math.sqrt(2 / width)
        self.frequencies = Fixed(spread * jax.random.normal(stream.params(), (width, features)))
        units = [2 * features, *_layout(hidden), outputs]
        self.layers = nnx.List(
            [
                nnx.Linear(a, b, kernel_init=initializer_for(name), rngs=named(rngs, f"dense{k}"))
                for k, (a, b, name) in enumerate(_steps(units, activation, output), start=1)
            ]
        )
        self.activations = tuple(activation_named(name) for _, _, name in _steps(units, activation, output))

    def __call__(self, x: jax.Array) -> jax.Array:
        x = x.reshape(len(x), -1)
        turns = x @ self.frequencies[...].astype(x.dtype)
        x = jnp.concatenate([sine(turns), sine(turns + 0.25)], axis=-1)
        for layer, activation in zip(self.layers, self.activations):
            x = activation(layer(x))
        return x


@model(
    "siren",
    source="Sitzmann et al., NeurIPS 2020, arXiv:2006.09661",
    recipe={"learning_rate": 1e-3, "schedule": "1cycle", "epochs": 10},
    example=(2,),
    overfits={"learning_rate": 1e-3},
)
class Siren(nnx.Module):
    """Dense layers whose units are sines, sin(omega (w.x + b)): smooth in value and derivatives.

    Weights start uniform in +-1/inputs (first layer) and +-sqrt(6/inputs)/omega, as the authors have it.

    Parameters
    ----------
    hidden: units of the hidden layers, ``"150-150-100"``.
    omega: how many radians a unit turns for a weighted sum of 1; in the first layer and the others alike.
    output: activation of the output layer.
    """

    def __init__(
        self,
        *,
        inputs: tuple[int, ...],
        outputs: int,
        rngs: nnx.Rngs,
        hidden: str | int = "150-150-100",
        omega: float = 30.0,
        output: str = "identity",
    ) -> None:
        width = math.prod(inputs)
        if isinstance(omega, bool) or not isinstance(omega, int | float) or not 0 < omega < 1e6:
            raise ModelError(f"omega {omega!r}", wanted="a positive number", way_out="Use 30.")
        units = [width, *_layout(hidden), outputs]
        reach = [1 / a if k == 0 else math.sqrt(6 / a) / omega for k, a in enumerate(units[:-1])]
        self.layers = nnx.List(
            [
                nnx.Linear(
                    a, b, kernel_init=Drawn("uniform", r), bias_init=Drawn("uniform", 1 / math.sqrt(a)),
                    rngs=named(rngs, f"dense{k}"),
                )
                for k, (a, b, r) in enumerate(zip(units[:-1], units[1:], reach), start=1)
            ]
        )  # fmt: skip
        self.turns = omega / (2 * math.pi)
        self.output = activation_named(output)

    def __call__(self, x: jax.Array) -> jax.Array:
        x = x.reshape(len(x), -1)
        *hidden, last = self.layers
        for layer in hidden:
            x = sine(self.turns * layer(x))
        return self.output(last(x))


# sin(2 pi t) = t (c0 + c1 t^2 + ...) for |t| <= 1/4 to 7e-9: least squares at Chebyshev's points.
_SINE = (6.28318528, -41.34168067, 81.60248074, -76.58128456, 39.76072208)


@jax.custom_jvp
def sine(turns: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
    """sin(2 pi t) of a number of turns, by a polynomial: on a CPU twenty times as fast as the library's sine.

    Whole turns are taken off before anything is rounded, so that it is exact to 2e-7 in float32.
    """
    t = turns - jnp.round(turns)
    t = jnp.where(jnp.abs(t) > 0.25, jnp.copysign(0.5, t) - t, t)
    square, value = t * t, jnp.full((), _SINE[-1], t.dtype)
    for coefficient in _SINE[-2::-1]:
        value = value * square + coefficient
    return t * value


@sine.defjvp
def _sine_jvp(primals: Any, tangents: Any) -> Any:
    (turns,), (step,) = primals, tangents
    return sine(turns), 2 * jnp.pi * sine(turns + 0.25) * step


def _layout(hidden: str | int) -> list[int]:
    parts = str(hidden).replace(" ", "").split("-")
    if not all(part.isascii() and part.isdigit() and 0 < int(part) <= 1_000_000 for part in parts):
        raise ModelError(f"hidden {hidden!r}", wanted="units of each hidden layer", way_out="Write 128-128.")
    return [int(part) for part in parts]


def _steps(units: list[int], activation: str, output: str) -> list[tuple[int, int, str]]:
    names = [activation] * (len(units) - 2) + [output]
    return list(zip(units[:-1], units[1:], names))
