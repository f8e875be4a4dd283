"""Which rows of the batch under way are real: the last batch of an epoch is padded."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import jax

_ROWS: ContextVar[jax.Array | None] = ContextVar("rows", default=None)


@contextmanager
def batch(mask: jax.Array) -> Iterator[None]:
    """While a training step is traced, the mask ``(B,)`` of its batch: 1 for a real row, 0 for padding."""
    token = _ROWS.set(mask)
    try:
        yield
    finally:
        _ROWS.reset(token)


def rows() -> jax.Array | None:
    """The mask ``(B,)`` of the batch under way; none outside a training step, where every row is real."""
    return _ROWS.get()
