"""Activation functions by name, each with the initialiser that suits it."""

from __future__ import annotations

from collections.abc import Callable

import jax
import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Float

from snarc.errors import ModelError, nearest


def sign(x: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
    """-1, 0 or 1; its derivative is 0 everywhere."""
    return jnp.sign(x)


def step(x: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
    """Heaviside's step: 1 where ``x >= 0``, else 0; its derivative is 0 everywhere."""
    return (x >= 0).astype(x.dtype)


def scaled_tanh(x: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
    """1.7159 tanh(2x/3) of LeCun et al. (1998): linear on [-1, 1], with f(1) close to 1."""
    return 1.7159 * jnp.tanh((2 / 3) * x)


def saturated_linear(x: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
    """0 below 0, x between, 1 above 1 (Siegelmann and Sontag 1995)."""
    return jnp.clip(x, 0, 1)


def identity(x: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
    """The input itself."""
    return x


ACTIVATIONS: dict[str, Callable[[jax.Array], jax.Array]] = {
    "identity": identity,
    "sign": sign,
    "step": step,
    "logistic": jax.nn.sigmoid,
    "tanh": jnp.tanh,
    "scaled-tanh": scaled_tanh,
    "saturated-linear": saturated_linear,
    "relu": jax.nn.relu,
    "leaky-relu": jax.nn.leaky_relu,
    "elu": jax.nn.elu,
    "selu": jax.nn.selu,
    "gelu": jax.nn.gelu,
    "softplus": jax.nn.softplus,
}

# Module constants, so that two networks of one architecture share one compiled program.
HE = nnx.initializers.he_normal()
GLOROT = nnx.initializers.glorot_uniform()
LECUN = nnx.initializers.lecun_normal()
_SUITS = {"relu": HE, "leaky-relu": HE, "elu": HE, "gelu": HE, "softplus": HE}
_SUITS |= {"selu": LECUN, "scaled-tanh": LECUN, "identity": LECUN}


def activation(name: str) -> Callable[[jax.Array], jax.Array]:
    """The activation of that name.

    Raises
    ------
    ModelError: there is none; the nearest names are offered.
    """
    if name not in ACTIVATIONS:
        raise ModelError(
            f"no activation is called {name!r}", wanted="one of the field's", way_out=nearest(name, ACTIVATIONS)
        )
    return ACTIVATIONS[name]


def initializer(activation_name: str) -> nnx.Initializer:
    """The initialiser that keeps the variance through units of this activation.

    He's (2015) for the rectifier family, LeCun's (1998) for SELU, scaled tanh
    and linear units, Glorot's (2010) for the other sigmoids.
    """
    return _SUITS.get(activation_name, GLOROT)
