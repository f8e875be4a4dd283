"""The input stage: from stored numbers to standardised ones."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
from flax import nnx
from jaxtyping import Array, Float, Shaped


class Fixed(nnx.Variable):
    """A number that belongs to a network and is saved with it but never trained."""


class Standardise(nnx.Module):
    """(x - mean) / scale, with mean and scale fitted on the training split and saved with the network.

    Integer inputs are pixels from 0 to 255 and are scaled to [0, 1] first.
    Mean and scale are per channel for images ``(H, W, C)`` and per feature for
    tables; a constant column has scale 1, so that it becomes 0.

    Parameters
    ----------
    mean, scale: ``(C,)`` or ``(features,)``, in units of the scaled input; default 0 and 1.
    width: number of channels or features.
    """

    def __init__(self, width: int, mean: np.ndarray | None = None, scale: np.ndarray | None = None) -> None:
        mean = np.zeros(width) if mean is None else np.asarray(mean)
        scale = np.ones(width) if scale is None else np.asarray(scale)
        self.mean = Fixed(jnp.asarray(mean, jnp.float32))
        self.scale = Fixed(jnp.asarray(np.where(scale > 0, scale, 1.0), jnp.float32))

    def __call__(self, x: Shaped[Array | np.ndarray, "*shape"]) -> Float[Array, "*shape"]:
        floating = jnp.issubdtype(x.dtype, jnp.floating)
        dtype = jnp.promote_types(self.mean.dtype, x.dtype) if floating else self.mean.dtype
        if jnp.issubdtype(x.dtype, jnp.integer):
            x = x.astype(dtype) * (1 / 255)
        inverse = 1 / self.scale[...]
        return jnp.asarray(x, dtype) * inverse - self.mean[...] * inverse
