"""Dropout and multiplicative noise whose random numbers cost little to draw."""

from __future__ import annotations

import math
from typing import Any

import jax
import jax.numpy as jnp
from flax import nnx
from jax import lax
from jaxtyping import Array, Bool, Float

from snarc.errors import ModelError

_ROTATIONS = ((13, 15, 26, 6), (17, 29, 16, 24))


class Dropout(nnx.Dropout):
    """Sets each unit to 0 with probability ``rate`` while training and scales the others by 1 / (1 - rate).

    Takes the arguments of :class:`flax.nnx.Dropout`.  The masks are a
    function of the key and of each unit's place alone, so they do not depend
    on the device or on how many there are.  The rate is met to 2^-16.

    Raises
    ------
    ModelError: the rate is not in [0, 1); at 1 nothing would be left.

    Source: Srivastava et al., JMLR 15 (2014) 1929; bits by Threefry-2x32,
    Salmon et al., SC'11, all of its 20 rounds.
    """

    def __init__(self, rate: Any, **options: Any) -> None:
        super().__init__(checked(rate), **options)

    def __call__(self, inputs: jax.Array, *, deterministic: bool | None = None, rngs: Any = None) -> jax.Array:
        chosen = self.deterministic if deterministic is None else deterministic
        own = self.rngs if rngs is None else rngs
        if self.broadcast_dims or self.rate == 0 or chosen or own is None:
            return super().__call__(inputs, deterministic=deterministic, rngs=rngs)
        kept = keep(_key(own, self.rng_collection), 1 - self.rate, inputs.shape)
        return jnp.where(kept, inputs / (1 - self.rate), jnp.zeros((), inputs.dtype))


class GaussianDropout(Dropout):
    """Multiplies each unit by a normal number of mean 1 and variance ``rate / (1 - rate)`` while training.

    The first two moments are those of dropout at this rate, and nothing has
    to be scaled.  Takes the arguments of :class:`Dropout` but for
    ``broadcast_dims``, and has its promises.

    Raises
    ------
    ModelError: the rate is not in [0, 1); units shall share their noise.

    Source: Srivastava et al., JMLR 15 (2014) 1929, section 10.
    """

    def __init__(self, rate: Any, **options: Any) -> None:
        super().__init__(rate, **options)
        if self.broadcast_dims:
            raise ModelError(
                f"broadcast_dims={tuple(self.broadcast_dims)} of GaussianDropout",
                wanted="noise of its own for every unit",
                way_out="Leave broadcast_dims out, or use Dropout.",
            )

    def __call__(self, inputs: jax.Array, *, deterministic: bool | None = None, rngs: Any = None) -> jax.Array:
        chosen = self.deterministic if deterministic is None else deterministic
        own = self.rngs if rngs is None else rngs
        if self.rate == 0 or chosen or own is None:
            return super().__call__(inputs, deterministic=deterministic, rngs=rngs)
        noise = normal(_key(own, self.rng_collection), inputs.shape)
        return inputs * (1 + math.sqrt(self.rate / (1 - self.rate)) * noise).astype(inputs.dtype)


def checked(rate: Any, name: str = "dropout") -> float:
    """A rate of dropout in [0, 1).

    Raises
    ------
    ModelError: it is not.
    """
    if isinstance(rate, bool) or not isinstance(rate, int | float) or not 0 <= rate < 1:
        raise ModelError(f"{name} {rate!r}", wanted="a probability in [0, 1)", way_out="Use 0.5, or 0 for none.")
    return float(rate)


def _key(own: Any, collection: str) -> jax.Array:
    if isinstance(own, nnx.Rngs):
        own = own[collection]
    return own if isinstance(own, jax.Array) else own()


def keep(key: jax.Array, probability: float, shape: tuple[int, ...]) -> Bool[Array, "*shape"]:
    """Independent Booleans of ``shape`` that are true with this probability, rounded to 2^-16.

    JAX's own generator keeps its rounds in a loop, which XLA does not fuse on
    a CPU, and spends 32 bits on a Boolean; here one pass computes all rounds
    and 16 bits serve.  Counters run along the last axis, row after row, so
    that rows added behind (the padding of a batch) change no other row.
    """
    *front, width = shape
    rows, blocks = math.prod(front), -(-width // 4)
    words = threefry(key_words(key), lax.iota(jnp.uint32, rows * blocks).reshape(rows, blocks))
    fields = [half for word in words for half in (word & 0xFFFF, word >> 16)]
    limit = round(probability * 65536)
    return jnp.concatenate([field < limit for field in fields], axis=1)[:, :width].reshape(shape)


def normal(key: jax.Array, shape: tuple[int, ...]) -> Float[Array, "*shape"]:
    """Independent standard normal numbers of ``shape``, float32, from one pass over 32 bits each.

    By the inverse of the distribution function; 23 bits are used, so no
    number is larger than 5.3.  Rows added behind change no other row.
    """
    *front, width = shape
    rows, blocks = math.prod(front), -(-width // 2)
    words = threefry(key_words(key), lax.iota(jnp.uint32, rows * blocks).reshape(rows, blocks))
    # The centres of 2^23 cells of (-1, 1), all exact in float32: never an end, where the inverse is infinite.
    centred = [((word >> 9).astype(jnp.float32) + 0.5) * 2.0**-22 - 1 for word in words]
    return math.sqrt(2) * lax.erf_inv(jnp.concatenate(centred, axis=1)[:, :width].reshape(shape))


def key_words(key: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Two words of 32 bits that stand for a key of any of JAX's generators."""
    data = jax.random.key_data(key) if jnp.issubdtype(key.dtype, jax.dtypes.prng_key) else key
    return data[0], data[-1]


def threefry(key: tuple[jax.Array, jax.Array], counter: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Threefry-2x32 with 20 rounds of the blocks (0, counter): two words a block, Salmon et al. 2011."""
    schedule = (key[0], key[1], key[0] ^ key[1] ^ jnp.uint32(0x1BD11BDA))
    a = jnp.broadcast_to(schedule[0], counter.shape)
    b = counter + schedule[1]
    for group in range(5):
        for bits in _ROTATIONS[group % 2]:
            a = a + b
            b = a ^ ((b << bits) | (b >> (32 - bits)))
        a = a + schedule[(group + 1) % 3]
        b = b + schedule[(group + 2) % 3] + jnp.uint32(group + 1)
    return a, b
