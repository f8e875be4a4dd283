"""Random numbers of which row k is the same however many rows follow it, such as the padding of a batch."""

from __future__ import annotations

import jax
import jax.numpy as jnp
from jax import lax

from .dropout import key_words, threefry


def uniform(key: jax.Array, rows: int, count: int) -> jax.Array:
    """Numbers ``(rows, count)`` in [0, 1), float32, with 24 random bits each."""
    first, second = _words(key, rows, -(-count // 2))
    return _unit(jnp.concatenate([first, second], axis=1)[:, :count])


def coarse(key: jax.Array, rows: int, count: int) -> jax.Array:
    """Numbers ``(rows, count)`` in (-1, 1), float32, with 16 random bits each: for fields that are smoothed."""
    words = _words(key, rows, -(-count // 4))
    fields = jnp.concatenate([half for word in words for half in (word & 0xFFFF, word >> 16)], axis=1)[:, :count]
    return (fields.astype(jnp.float32) + 0.5) * 2.0**-15 - 1


def normal(key: jax.Array, rows: int, count: int) -> jax.Array:
    """Standard normal numbers ``(rows, count)``, float32 (Box and Muller 1958)."""
    first, second = _words(key, rows, -(-count // 2))
    # 1 - u lies in (0, 1], so that its logarithm is finite.
    radius, angle = jnp.sqrt(-2 * jnp.log(1 - _unit(first))), 2 * jnp.pi * _unit(second)
    return jnp.concatenate([radius * jnp.cos(angle), radius * jnp.sin(angle)], axis=1)[:, :count]


def _words(key: jax.Array, rows: int, blocks: int) -> tuple[jax.Array, jax.Array]:
    return threefry(key_words(key), lax.iota(jnp.uint32, rows * blocks).reshape(rows, blocks))


def _unit(word: jax.Array) -> jax.Array:
    return (word >> 8).astype(jnp.float32) * 2.0**-24
