"""Units that measure how far their input is from a centre of their own."""

from __future__ import annotations

import math
from typing import Any

import jax
import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Float

from .initialisers import Drawn

STANDARD = Drawn("normal", 1.0)


class Distance(nnx.Module):
    """Squared Euclidean distance of the input to the centre of each unit: ``sum_j (x_j - w_ij)^2``.

    The output units of LeNet-5; the smallest one names the class.

    Parameters
    ----------
    in_features: numbers in an example.
    units: number of centres.
    centre_init: how centres are drawn; by default standard normal, as suits standardised inputs.

    Source: LeCun, Bottou, Bengio, Haffner, Proc. IEEE 86 (1998) 2278, equation 7.

    >>> import jax.numpy as jnp
    >>> layer = Distance(2, 1, rngs=nnx.Rngs(0))
    >>> layer.centres[...] = jnp.array([[3.0], [4.0]])
    >>> layer(jnp.zeros((1, 2))).tolist()
    [[25.0]]
    """

    def __init__(self, in_features: int, units: int, *, centre_init: Any = STANDARD, rngs: nnx.Rngs) -> None:
        self.in_features, self.units = in_features, units
        # One column a unit, as the kernel of a dense layer has it.
        self.centres = nnx.Param(centre_init(rngs.params(), (in_features, units), jnp.float32))

    def __call__(self, x: Float[Array, "*batch features"]) -> Float[Array, "*batch units"]:
        centres = self.centres[...]
        # One matrix product in place of N x units differences; rounding may leave a zero a little below zero.
        squares = jnp.sum(x * x, -1, keepdims=True) - 2 * (x @ centres) + jnp.sum(centres * centres, 0)
        return jnp.maximum(squares, 0)


class Radial(nnx.Module):
    """Gaussian radial basis functions: ``exp(-|x - w_i|^2 / (2 s_i^2))`` with learnt centres and widths.

    Parameters
    ----------
    in_features: numbers in an example.
    units: number of centres.
    width: every ``s_i`` at the start, in units of ``sqrt(in_features)``, about half the distance between two
        standardised examples of independent features.
    centre_init: as :class:`Distance` has it.

    Source: D. S. Broomhead, D. Lowe, Complex Systems 2 (1988) 321.
    """

    def __init__(
        self, in_features: int, units: int, *, width: float = 1.0, centre_init: Any = STANDARD, rngs: nnx.Rngs
    ) -> None:
        self.distance = Distance(in_features, units, centre_init=centre_init, rngs=rngs)
        # The logarithm is what is learnt, so that no width ever becomes zero or negative.
        self.log_widths = nnx.Param(jnp.full((units,), math.log(width * math.sqrt(in_features)), jnp.float32))

    def __call__(self, x: jax.Array) -> jax.Array:
        return jnp.exp(-0.5 * self.distance(x) * jnp.exp(-2 * self.log_widths[...]))
