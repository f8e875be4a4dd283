"""What a network says when hidden units are deleted, for many choices of them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import jax
import numpy as np
from flax import nnx

from snarc.models.hidden import Hidden
from snarc.models.inside import edited

from .compiling import compiled

# How many examples are computed at a time, and how many numbers of a layer in all deletions side by side.
_ROWS, _ELEMENTS = 500, 1 << 24


def outputs_without(
    network: nnx.Module,
    found: Sequence[Hidden],
    kept: Mapping[str, np.ndarray],
    x: Any,
    instead: Mapping[str, np.ndarray] | None = None,
) -> np.ndarray:
    """What the network says with units deleted, for many choices of them: ``(K, N, outputs)``.

    Behind dense layers what comes before the first deletion is computed once for all choices.

    Parameters
    ----------
    kept: by the path of a layer (``own``) zeros and ones ``(K, units)``; other layers stay whole.
    x: inputs ``(N, ...)``.
    instead: by path what stands in place of the deleted, ``(units,)``; 0 by default.
    """
    touched = tuple(one for one in found if one.own in kept)
    network.eval()
    graph, state = nnx.split(network)
    count = len(next(iter(kept.values())))
    table = {one.own: np.asarray(kept[one.own], np.float32) for one in touched}
    other = {one.own: np.broadcast_to(np.float32((instead or {}).get(one.own, 0)), (one.units,)) for one in touched}
    x = np.asarray(x)
    rows = min(_ROWS, len(x))
    behind = found[min(found.index(one) for one in touched) :]
    widest = max(math.prod(one.shape) for one in behind)
    side = min(count, max(1, _ELEMENTS // (rows * widest)))
    if len(behind[0].shape) > 1:
        side = 1  # nearly all of the work comes after the first maps, and convolutions are slower side by side
    columns = []
    for first in range(0, len(x), rows):
        part = np.resize(x[first : first + rows], (rows, *x.shape[1:]))
        made = []
        for at in range(0, count, side):
            some = {own: np.resize(masks[at : at + side], (side, masks.shape[1])) for own, masks in table.items()}
            made.append(np.asarray(compiled(_without, (0, 1))(graph, touched, state, some, other, part))[: count - at])
        columns.append(np.concatenate(made)[:, : len(x) - first])
    return np.concatenate(columns, axis=1)


def _without(graph: Any, touched: tuple[Hidden, ...], state: Any, kept: Any, instead: Any, x: jax.Array) -> jax.Array:
    def one(kept: dict[str, jax.Array]) -> jax.Array:
        changes = {h.next: h.deletion(kept[h.own], instead[h.own]) for h in touched}
        network: Any = edited(nnx.merge(graph, state), changes, inputs=True)
        return network(x)

    if len(next(iter(kept.values()))) == 1:
        return one({own: mask[0] for own, mask in kept.items()})[None]
    return jax.vmap(one)(kept)
