"""Networks of radial basis functions."""

from __future__ import annotations

import math

import jax
from flax import nnx

from snarc.errors import LimitError, ModelError
from snarc.keys import named
from snarc.layers import Distance, Radial
from snarc.layers.activations import LECUN
from snarc.registry import model

WIDEST = 1_000_000


@model(
    "rbf",
    source="D. S. Broomhead, D. Lowe, Complex Systems 2 (1988) 321",
    recipe={"learning_rate": 1e-2, "schedule": "1cycle", "epochs": 10},
    overfits={"learning_rate": 2e-2},
)
class RBF(nnx.Module):
    """Gaussian units, each with a centre and a width that are learnt, and weighted sums of them.

    Parameters
    ----------
    units: number of Gaussian units.
    width: of the units at the start, in units of the square root of the number of inputs.
    output: ``linear`` for weighted sums, or ``distance`` for minus half the squared distance of the hidden activities
        to a learnt code word, as the output units of LeNet-5 measure it.
    """

    def __init__(
        self,
        *,
        inputs: tuple[int, ...],
        outputs: int,
        rngs: nnx.Rngs,
        units: int = 100,
        width: float = 1.0,
        output: str = "linear",
    ) -> None:
        if isinstance(units, bool) or not isinstance(units, int) or units < 1:
            raise ModelError(f"units={units!r}", wanted="a positive whole number", way_out="Use units=100.")
        if units > WIDEST:
            raise LimitError(f"a layer of {units} units", wanted=f"at most {WIDEST}", way_out="Use fewer units.")
        if isinstance(width, bool) or not isinstance(width, int | float) or not 0 < width < math.inf:
            raise ModelError(f"width={width!r}", wanted="a positive number", way_out="Use width=1.")
        if output not in ("linear", "distance"):
            raise ModelError(f"output={output!r}", wanted="linear or distance", way_out="Use output='linear'.")
        features = math.prod(inputs)
        self.hidden = Radial(features, units, width=width, rngs=named(rngs, "hidden"))
        streams = named(rngs, "output")
        self.output: nnx.Linear | Distance = (
            nnx.Linear(units, outputs, kernel_init=LECUN, rngs=streams)
            if output == "linear"
            else Distance(units, outputs, rngs=streams)
        )

    def __call__(self, x: jax.Array) -> jax.Array:
        x = self.hidden(x.reshape(len(x), -1))
        return -0.5 * self.output(x) if isinstance(self.output, Distance) else self.output(x)
