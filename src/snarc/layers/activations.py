"""Activation functions by name, and their derivatives."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from snarc.errors import ModelError, nearest

from .initialisers import CALL, GLOROT, HE, LECUN, initializer

__all__ = ["ACTIVATIONS", "GLOROT", "HE", "LECUN", "PARAMETERS", "activation", "derivative", "initializer"]


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


def gelu(x: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
    """x times the normal distribution function (Hendrycks and Gimpel 2016), not its approximation by tanh."""
    return jax.nn.gelu(x, approximate=False)


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
    "gelu": gelu,
    "softplus": jax.nn.softplus,
    "softmax": jax.nn.softmax,
}
"""Every activation that is called by a name alone; ``softmax`` alone looks at the other units of its layer."""

PARAMETERS: dict[str, Callable[[jax.Array, float], jax.Array]] = {
    "logistic": lambda x, steepness: jax.nn.sigmoid(steepness * x),
    "leaky-relu": lambda x, slope: jax.nn.leaky_relu(x, slope),
    "elu": lambda x, scale: jax.nn.elu(x, scale),
}
"""Activations that may be given a number: steepness of the logistic one, slope below 0, scale below 0."""


@dataclass(frozen=True)
class Parametrised:
    """An activation with its number, as ``logistic(0.5)``; equal ones compare equal, so that they share a program."""

    name: str
    number: float

    def __call__(self, x: jax.Array) -> jax.Array:
        return PARAMETERS[self.name](x, self.number)


def activation(name: str) -> Callable[[jax.Array], jax.Array]:
    """The activation of that name.

    Parameters
    ----------
    name: one of :data:`ACTIVATIONS`, or one of :data:`PARAMETERS` with a number: ``logistic(0.5)`` has half the
        steepness, ``leaky-relu(0.2)`` that slope below 0, ``elu(1.5)`` falls to -1.5.

    Raises
    ------
    ModelError: there is none; the nearest names are offered.

    >>> float(activation("logistic(2)")(jnp.array(0.5))) == float(activation("logistic")(jnp.array(1.0)))
    True
    """
    if name in ACTIVATIONS:
        return ACTIVATIONS[name]
    found = CALL.fullmatch(name) if isinstance(name, str) else None
    if found and found[2] is not None and found[1] in ACTIVATIONS:
        if found[1] in PARAMETERS and float(found[2]) > 0:
            return Parametrised(found[1], float(found[2]))
        raise ModelError(
            f"activation {name!r}",
            wanted="a positive number, after one of " + ", ".join(PARAMETERS),
            way_out="Write logistic(0.5) or leaky-relu(0.2).",
        )
    raise ModelError(
        f"no activation is called {name!r}", wanted="one of the field's", way_out=nearest(str(name), ACTIVATIONS)
    )


def derivative(name: str) -> Callable[[jax.Array], jax.Array]:
    """The derivative of the activation of that name, as training uses it.

    Of a function of one number the result has the shape of the input; where
    there is no derivative it is the one that the gradient takes: 0 at a jump,
    that of one of the sides at a corner (the left one for ReLU).  Of softmax
    it is the matrix of the derivatives by all units, ``(..., n, n)``.

    Raises
    ------
    ModelError: there is no such activation.

    >>> derivative("tanh")(jnp.zeros(2)).tolist()
    [1.0, 1.0]
    """
    function = activation(name)
    if name == "softmax":
        return _softmax_jacobian
    return lambda x: jax.jvp(function, (x,), (jnp.ones_like(x),))[1]


def _softmax_jacobian(x: jax.Array) -> jax.Array:
    p = jax.nn.softmax(x)
    return p[..., :, None] * (jnp.eye(p.shape[-1], dtype=p.dtype) - p[..., None, :])
