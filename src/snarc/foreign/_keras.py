"""Models of Keras."""

from __future__ import annotations

import sys
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from snarc.errors import ModelError

from ._common import Channels, Foreign, moved


def model(of: Any, inputs: tuple[int, ...] | None, channels: Channels | None, gradients: bool | None) -> Foreign:
    """A model, traced by JAX where that is its backend and only called where it is another."""
    keras: Any = sys.modules["keras"]
    where: Channels = channels or "last"
    if not hasattr(of, "stateless_call"):
        raise ModelError(
            f"a {type(of).__name__} of Keras", wanted="a model or a layer", way_out="Pass the model that holds it."
        )
    if not of.built and inputs is not None:
        of(moved(np.zeros((1, *inputs), np.float32), where))  # the first call makes the weights
    shape, last = getattr(of, "input_shape", None), getattr(of, "output_shape", None)
    known = None
    if isinstance(shape, tuple) and len(shape) > 1 and all(isinstance(n, int) for n in shape[1:]):
        known = (*shape[2:], shape[1]) if where == "first" and len(shape) > 3 else shape[1:]
    count = last[-1] if isinstance(last, tuple) and isinstance(last[-1], int) else None
    jaxed = keras.backend.backend() == "jax"
    if gradients and not jaxed:
        raise ModelError(
            f"gradients of a Keras model on the backend {keras.backend.backend()}",
            wanted="the backend jax",
            way_out="Start Python with KERAS_BACKEND=jax, or leave gradients out.",
        )
    if not jaxed:

        def value(x: Any) -> np.ndarray:
            found = of(moved(np.asarray(x, np.float32), where), training=False)
            return np.asarray(keras.ops.convert_to_numpy(found), np.float32)

        return Foreign(value, of.name, False, known, count)
    # Copies: training on gives the memory of the old weights away.
    weights = [
        [jnp.array(v.value, copy=True) for v in vs] for vs in (of.trainable_variables, of.non_trainable_variables)
    ]

    @jax.jit
    def run(weights: Any, x: jax.Array) -> jax.Array:
        found, _ = of.stateless_call(*weights, moved(x, where, jnp), training=False)
        return found.astype(jnp.float32)

    return Foreign(lambda x: run(weights, jnp.asarray(x, jnp.float32)), of.name, gradients is not False, known, count)
