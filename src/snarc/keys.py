"""Random keys from a seed and names.

A key depends on the seed and on the names given, on nothing else: no counter
is shared, so adding a layer or another consumer of randomness never shifts
the numbers of the rest.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import jax
    from flax import nnx


def number(*names: str | int) -> int:
    """A 31-bit number that belongs to these names.

    >>> number("shuffle", 3) == number("shuffle", 3) != number("shuffle", 4)
    True
    """
    digest = hashlib.sha256("\x1f".join(map(str, names)).encode()).digest()
    return int.from_bytes(digest[:4], "little") & 0x7FFFFFFF


def key(seed: int, *names: str | int) -> jax.Array:
    """The JAX key of a seed and a purpose, as in ``key(0, "dropout")``."""
    import jax

    return jax.random.fold_in(jax.random.key(seed), number(*names))


def generator(seed: int, *names: str | int) -> np.random.Generator:
    """A NumPy generator for host-side draws (splits, shuffles); the same on every device count."""
    return np.random.Generator(np.random.Philox(key=[seed, number(*names)]))


def rngs(seed: int) -> nnx.Rngs:
    """The random streams that a network is built with: ``params`` and ``dropout``."""
    from flax import nnx

    return nnx.Rngs(params=key(seed, "params"), dropout=key(seed, "dropout"))


def named(streams: nnx.Rngs, name: str) -> nnx.Rngs:
    """The same streams, moved aside for the part of a network called ``name``.

    A layer built with ``rngs=named(rngs, "conv1")`` gets numbers that depend on
    the seed and on its name, not on how many layers were built before it.
    """
    import jax
    from flax import nnx

    moved = {kind: jax.random.fold_in(stream.key[...], number(name)) for kind, stream in streams.items()}
    return nnx.Rngs(**moved)
