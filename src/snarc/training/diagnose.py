"""Where a loss stopped being finite."""

from __future__ import annotations

from typing import TYPE_CHECKING

import jax
import numpy as np

from snarc.models.inside import layers_of

if TYPE_CHECKING:
    from .loop import Loop


def diverged(loop: Loop, k: int, bad: int) -> str:
    """The first layer whose output is not finite on the batch of the bad step, as a phrase; empty if none is."""
    from .loop import put

    size = loop.recipe.batch_size
    index = loop._order(k)[bad * size : (bad + 1) * size]
    x, _ = next(iter(loop.dataset.train.batches(index, len(index), 0)))
    network = put(loop.network, loop.replicas[k])
    for name, array in layers_of(network, x).items():
        if not np.isfinite(np.asarray(array)).all():
            return f", first in layer {name}"
    leaves = jax.tree_util.tree_leaves_with_path(loop.replicas[k].weights)
    largest = max(leaves, key=lambda leaf: float(np.abs(np.asarray(leaf[1])).max()))
    return f", largest weights in layer {'.'.join(str(getattr(p, 'key', p)) for p in largest[0][:-1])}"
