"""Normalising the activities of a layer: over the batch, or over the units of each example."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
from flax import nnx
from jax import lax

from snarc.errors import ModelError, nearest
from snarc.layers import present

NORMALISERS = ("none", "batch", "layer")


class BatchNorm(nnx.BatchNorm):
    """Each unit (or map) to mean 0 and variance 1 over the batch, then times a learnt scale plus a learnt shift.

    Takes the arguments of :class:`flax.nnx.BatchNorm`.  While training, mean
    and variance are those of the real rows of the batch (and of all pixels of
    a map): rows that only fill up the last batch do not count.  Running
    averages of them are kept, the variance with n - 1 in the denominator as
    in the paper, and are what evaluation uses.

    Parameters
    ----------
    num_features: units or maps, the last axis of the input.
    momentum: of the running averages; each batch enters with 1 - momentum.

    Raises
    ------
    ModelError: while training, if a batch has one row of one pixel, which has no variance.

    Source: S. Ioffe, C. Szegedy, ICML 2015.
    """

    def __init__(self, num_features: int, *, momentum: float = 0.9, rngs: nnx.Rngs, **options: Any) -> None:
        super().__init__(num_features, momentum=momentum, rngs=rngs, **options)

    def __call__(
        self, x: jax.Array, use_running_average: bool | None = None, *, mask: jax.Array | None = None
    ) -> jax.Array:
        running = self.use_running_average if use_running_average is None else use_running_average
        # Half precision has too few digits for sums over a batch.
        wide = jnp.promote_types(x.dtype, jnp.float32)
        if running:
            mean, var = self.mean[...], self.var[...]
        else:
            mean, var = self._statistics(x.astype(wide), mask)
        scale = lax.rsqrt(var + self.epsilon)
        if self.scale is not None:
            scale = scale * self.scale[...].astype(wide)
        y = (x.astype(wide) - mean) * scale
        if self.bias is not None:
            y = y + self.bias[...].astype(wide)
        return y.astype(self.dtype or x.dtype)

    def _statistics(self, x: jax.Array, mask: jax.Array | None) -> tuple[jax.Array, jax.Array]:
        """Mean and variance over the rows that are there, which also enter the running averages."""
        axes = tuple(range(x.ndim - 1))
        pixels = x[0].size // x.shape[-1]
        if len(x) * pixels == 1:
            raise ModelError(
                "batch normalisation of batches of one example",
                wanted="at least two examples in a batch",
                way_out="Raise batch_size, or use normalise='layer'.",
            )
        rows = present.rows() if mask is None else mask
        if rows is None or rows.shape != (len(x),):
            weights, count = None, jnp.asarray(len(x) * pixels, x.dtype)
        else:
            weights = rows.astype(x.dtype).reshape(-1, *[1] * (x.ndim - 1))
            count = jnp.sum(rows).astype(x.dtype) * pixels
        mean = _sum(x, weights, axes) / count
        var = _sum(lax.square(x - mean), weights, axes) / count
        # A last batch of one real row has no variance: it is normalised by the averages, and leaves them alone.
        enough = count > 1
        mean, var = jnp.where(enough, mean, self.mean[...]), jnp.where(enough, var, self.var[...])
        unbiased = jnp.where(enough, var * count / jnp.maximum(count - 1, 1), var)
        for average, value in ((self.mean, mean), (self.var, unbiased)):
            average[...] = lax.stop_gradient(self.momentum * average[...] + (1 - self.momentum) * value)
        return mean, var


class LayerNorm(nnx.LayerNorm):
    """The units of each example to mean 0 and variance 1, then times a learnt scale plus a learnt shift.

    Takes the arguments of :class:`flax.nnx.LayerNorm`.  The same in training
    and evaluation; no example depends on another.

    Parameters
    ----------
    num_features: units or maps, the last axis of the input.
    axes: over which mean and variance are taken; ``(-3, -2, -1)`` for all maps and pixels of an image, which have a
        scale and a shift for each map.

    Source: J. L. Ba, J. R. Kiros, G. E. Hinton, arXiv:1607.06450.
    """

    def __init__(
        self,
        num_features: int,
        *,
        axes: int | tuple[int, ...] = -1,
        epsilon: float = 1e-5,
        rngs: nnx.Rngs,
        **options: Any,
    ) -> None:
        # The fast variance, E[x^2] - E[x]^2, loses its digits where the mean is large.
        options = {"reduction_axes": axes, "use_fast_variance": False, **options}
        super().__init__(num_features, epsilon=epsilon, rngs=rngs, **options)

    def __call__(self, x: jax.Array, *, mask: jax.Array | None = None) -> jax.Array:
        return super().__call__(x, mask=mask).astype(self.dtype or x.dtype)


def normaliser(kind: str, width: int, rngs: nnx.Rngs, *, image: bool = False) -> BatchNorm | LayerNorm:
    """The layer that ``normalise=`` names: ``batch`` or ``layer``.

    Parameters
    ----------
    width: units or maps.
    image: whether the layer is made of maps; ``layer`` then takes all maps and pixels of an example together.

    Raises
    ------
    ModelError: another name.
    """
    if kind == "batch":
        return BatchNorm(width, rngs=rngs)
    if kind == "layer":
        return LayerNorm(width, axes=(-3, -2, -1) if image else -1, rngs=rngs)
    raise ModelError(f"normalise={kind!r}", wanted="none, batch or layer", way_out=nearest(str(kind), NORMALISERS))


def _sum(x: jax.Array, weights: jax.Array | None, axes: tuple[int, ...]) -> jax.Array:
    return jnp.sum(x if weights is None else x * weights, axes)
