"""What a network makes of examples, layer by layer: their codes, with pictures of them to be shown beside."""

from __future__ import annotations

from typing import Any

import numpy as np

from snarc import draw
from snarc.errors import DataError, LimitError, ModelError, nearest
from snarc.subjects import Subject

from ._stretching import way

MOST = 60_000_000  # numbers of all codes together: half a gigabyte as they are centred
_SIDE = 32  # pixels of a thumbnail


def codes(seen: Subject, split: Any, layer: str = "", inputs: bool = False) -> np.ndarray:
    """What a layer returns, or with ``inputs`` gets, for each example of a split, ``(N, units)``.

    Raises
    ------
    ModelError: no such layer, or a network whose layers cannot be seen.
    DataError: codes that are not finite.
    LimitError: too many numbers for an exact decomposition.
    """
    from snarc.training.evaluate import outputs

    if seen.network is None and layer not in ("inputs", "outputs"):
        raise ModelError(
            f"{seen.name} can only be called, its layers cannot be seen",
            wanted="an nnx module, or layer='inputs' or 'outputs'",
            way_out="Write layer='outputs' for its logits.",
        )
    probe = np.asarray(split.gather(np.arange(min(2, len(split)))).inputs)
    look = _look(seen, layer, inputs, probe)
    size = int(np.prod(np.shape(look(probe))[1:]))
    if size * len(split) > MOST:
        raise LimitError(
            f"{len(split):,} codes of {size:,} numbers",
            wanted=f"at most {MOST:,} numbers",
            way_out=f"Look at fewer examples: count={max(2, MOST // size)}.",
        )
    found = outputs(lambda x: look(x).reshape(len(x), -1), split)
    if not np.isfinite(found).all():
        raise DataError("codes that are not finite", wanted="finite numbers", way_out="See where the network diverged.")
    return found


def _look(seen: Subject, layer: str, inputs: bool, probe: np.ndarray) -> Any:
    if layer == "outputs":
        return seen.logits
    if seen.network is None:
        return lambda x: np.asarray(x, np.float32)
    known = seen.received if inputs or not layer else seen.activations
    paths = list(known(probe))
    if not layer:
        if not paths:
            raise ModelError(f"{seen.name} has no layer that learns", wanted="a layer", way_out="Write layer='inputs'.")
        layer = paths[-1]
    if layer not in paths:
        if layer == "inputs":
            return lambda x: np.asarray(x, np.float32)
        raise ModelError(
            f"no layer {layer!r} in {seen.name}",
            wanted="the path of a layer, inputs or outputs",
            way_out=nearest(layer, [*paths, "inputs", "outputs"]),
        )
    return lambda x: known(x)[layer]


def thumbnails(x: np.ndarray, side: int = _SIDE) -> np.ndarray | None:
    """Images ``(N, H, W, C)`` as pictures of at most ``side`` pixels, uint8 ``(N, h, w[, 3])``; none for others."""
    if x.ndim != 4:
        return None
    shown = draw.pixels(x)
    height, width = shown.shape[1:3]
    if max(height, width) <= side:
        return shown
    from PIL import Image

    scale = side / max(height, width)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return np.stack([np.asarray(Image.fromarray(one).resize(size, Image.Resampling.BOX)) for one in shown])


def stretching(seen: Subject, x: np.ndarray) -> np.ndarray:
    """Maximal finite-time Lyapunov exponents ``(N,)`` from the inputs to what the last layer that learns gets.

    Raises
    ------
    ModelError: the layers of the network cannot be seen.
    """
    seen.parameters()  # refuses a plain function
    given = np.asarray(seen.example(x))
    return way(seen).exponents(given.reshape(len(given), -1))[1]
