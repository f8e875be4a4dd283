"""Plain functions as networks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np


def traceable(of: Callable[[Any], Any], inputs: tuple[int, ...]) -> bool:
    """Whether JAX can trace the function; what it does with a tracer that it cannot is its own affair."""
    try:
        jax.eval_shape(of, jax.ShapeDtypeStruct((2, *inputs), jnp.float32))
    except Exception:
        return False
    return True


def logarithms(probabilities: Callable[[Any], Any]) -> Callable[[Any], jax.Array]:
    """The function with the logarithms of its probabilities, which are logits."""
    tiny = float(np.finfo(np.float32).tiny)
    return lambda x: jnp.log(jnp.maximum(jnp.asarray(probabilities(x)), tiny))


def scaled(of: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """The function with bytes as 0 to 1, as :meth:`snarc.Subject.example` gives them; other numbers stay."""

    def call(x: Any) -> Any:
        return of(np.asarray(x, np.float32) / np.float32(255) if getattr(x, "dtype", None) == np.uint8 else x)

    return call
