"""Random views of a picture: turned, nearer or farther, moved, in other light, with noise; with gradients."""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp

from snarc.layers.resample import affine, resample


class Views(NamedTuple):
    """How far views may differ; each quantity is drawn uniformly from minus to plus its value.

    ``angle`` in degrees; ``scale`` and ``light`` as fractions; ``shift`` as a fraction of the picture's side;
    ``noise`` is the standard deviation that is added to each pixel, in units of the range.
    """

    angle: float = 15.0
    scale: float = 0.2
    shift: float = 0.08
    light: float = 0.3
    noise: float = 0.03


def views(x: jax.Array, key: jax.Array, how: Views, low: float = 0.0, high: float = 1.0) -> jax.Array:
    """One random view of each picture ``(N, H, W, C)``; what comes in from outside repeats the border."""
    count, height, width, _ = x.shape
    keys = jax.random.split(key, 6)

    def drawn(k: int, most: float) -> jax.Array:
        return jax.random.uniform(keys[k], (count,), minval=-most, maxval=most)

    rows, columns = affine(
        (height, width), angle=jnp.deg2rad(drawn(0, how.angle)), factor=1 + drawn(1, how.scale),
        slant=jnp.zeros(count), down=drawn(2, how.shift * height), right=drawn(3, how.shift * width),
    )  # fmt: skip
    seen = resample(x - low, jnp.clip(rows, 0, height - 1), jnp.clip(columns, 0, width - 1))
    lit = seen * (1 + drawn(4, how.light))[:, None, None, None]
    noise = how.noise * (high - low) * jax.random.normal(keys[5], x.shape)
    return jnp.clip(low + lit + noise, low, high)
