"""Initial weights by name: what each draw's variance is, and which suits which activation."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
from flax import nnx

from snarc.errors import ModelError, nearest

# Module constants, so that two networks of one architecture share one compiled program.
HE = nnx.initializers.he_normal()
GLOROT = nnx.initializers.glorot_uniform()
LECUN = nnx.initializers.lecun_normal()

INITIALISERS: dict[str, nnx.Initializer] = {
    "lecun-normal": LECUN,
    "lecun-uniform": nnx.initializers.lecun_uniform(),
    "glorot-normal": nnx.initializers.glorot_normal(),
    "glorot-uniform": GLOROT,
    "he-normal": HE,
    "he-uniform": nnx.initializers.he_uniform(),
    "orthogonal": nnx.initializers.orthogonal(),
    "zeros": nnx.initializers.zeros,
}
"""Initialisers without a number, by name; ``uniform(a)`` and ``normal(s)`` take one."""

SUITS: dict[str, nnx.Initializer] = {
    "relu": HE,
    "leaky-relu": HE,
    "elu": HE,
    "gelu": HE,
    "softplus": HE,
    "selu": LECUN,
    "scaled-tanh": LECUN,
    "identity": LECUN,
}
"""What ``auto`` means for units of an activation; Glorot's uniform weights for those not named."""

CALL = re.compile(r"([a-z][a-z-]*)(?:\((\d+\.?\d*|\.\d+)\))?")


@dataclass(frozen=True)
class Drawn:
    """Weights from one distribution whatever the layer's size; equal ones compare equal.

    Parameters
    ----------
    kind: ``uniform`` in [-size, size], or ``normal`` with that standard deviation.
    """

    kind: str
    size: float

    def __call__(self, key: jax.Array, shape: Any, dtype: Any = jnp.float32, out_sharding: Any = None) -> jax.Array:
        if self.kind == "uniform":
            return jax.random.uniform(key, shape, dtype, -self.size, self.size)
        return self.size * jax.random.normal(key, shape, dtype)


def initializer(activation: str, name: str = "auto") -> Callable[..., jax.Array]:
    """The initialiser of that name; ``auto`` means the one that suits units of this activation.

    What suits keeps the variance of the activities from layer to layer: He's
    (2015) weights for the rectifier family, LeCun's (1998) for SELU, scaled
    tanh and linear units, Glorot's (2010) for the other sigmoids.

    Parameters
    ----------
    activation: name of an activation, with or without its number.
    name: ``auto``, one of :data:`INITIALISERS`, ``uniform(a)`` for weights in [-a, a], or ``normal(s)`` for normal
        weights of standard deviation s.

    Raises
    ------
    ModelError: no initialiser is called so; the nearest names are offered.

    Source: LeCun et al. (1998) section 4.6; Glorot and Bengio, AISTATS 2010; He et al., ICCV 2015; Saxe et al., ICLR
    2014 (orthogonal).

    >>> initializer("relu") is INITIALISERS["he-normal"]
    True
    >>> initializer("tanh", "uniform(0.05)")
    Drawn(kind='uniform', size=0.05)
    """
    if name == "auto":
        return SUITS.get(activation.partition("(")[0], GLOROT)
    if name in INITIALISERS:
        return INITIALISERS[name]
    found = CALL.fullmatch(name) if isinstance(name, str) else None
    if found and found[1] in ("uniform", "normal") and found[2] is not None:
        return Drawn(found[1], float(found[2]))
    if name in ("uniform", "normal"):
        raise ModelError(
            f"initialiser {name!r} without its size",
            wanted="uniform(a) for weights in [-a, a], normal(s) for a standard deviation of s",
            way_out=f"Write {name}(0.05).",
        )
    raise ModelError(
        f"no initialiser is called {name!r}",
        wanted="auto, or one of the field's",
        way_out=nearest(str(name), ["auto", "uniform(0.05)", "normal(0.05)", *INITIALISERS]),
    )


def variance(name: str, fan_in: int, fan_out: int) -> float:
    """The variance of a weight that the initialiser of this name draws, in closed form.

    The normal ones of LeCun, Glorot and He are cut off at two standard
    deviations of a wider normal distribution, so that their variance is the
    one named.

    Parameters
    ----------
    name: as :func:`initializer` takes it, though not ``auto``.
    fan_in, fan_out: connections into and out of a unit.

    Raises
    ------
    ModelError: there is none of that name.

    >>> variance("he-normal", 50, 10)
    0.04
    """
    if name == "auto":
        raise ModelError("the variance of 'auto'", wanted="the name of an initialiser", way_out="Use he-normal.")
    made = initializer("identity", name)
    if isinstance(made, Drawn):
        return made.size**2 / 3 if made.kind == "uniform" else made.size**2
    return {
        "lecun": 1 / fan_in,
        "glorot": 2 / (fan_in + fan_out),
        "he": 2 / fan_in,
        # The shorter side's vectors have length one, so that their squares have this mean.
        "orthogonal": 1 / max(fan_in, fan_out),
        "zeros": 0.0,
    }[name.partition("-")[0]]
