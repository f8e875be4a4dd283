"""The picture that a network of coordinates has learnt: how near it is, and at any size."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from snarc import draw
from snarc.data.picture import coordinates, pixels_of
from snarc.errors import DataError, LimitError
from snarc.reading import Estimate, Reading
from snarc.registry import instrument
from snarc.subjects import Subject, subject

MOST = 64 << 20
_ROWS = 1 << 18


def painted(of: Any, size: int | tuple[int, int], *, replica: int = 0) -> np.ndarray:
    """The picture that a network computes at any size: between the pixels it was trained on it says what it expects.

    Parameters
    ----------
    of: a run on a picture, a subject, or a function from coordinates ``(N, 2)`` to brightness ``(N, channels)``.
    size: pixels along the longer side (of a run's picture; a square otherwise), or (height, width).
    replica: which of a run's networks.

    Returns
    -------
    ``(H, W, channels)``, float32; brightness, which may lie a little outside [0, 1].

    Raises
    ------
    DataError: not a network of two coordinates.
    LimitError: more than 64 Mi pixels.
    """
    function = _function(of, replica)
    height, width = _size(of, size)
    where = coordinates(height, width)
    # Few shapes are compiled: pieces of one size, the last filled up.
    rows = min(_ROWS, 1 << max(0, math.ceil(math.log2(len(where)))))
    pieces = []
    for first in range(0, len(where), rows):
        part = where[first : first + rows]
        pieces.append(np.asarray(function(np.resize(part, (rows, 2))), np.float32).reshape(rows, -1)[: len(part)])
    return np.concatenate(pieces).reshape(height, width, -1)


def psnr(found: Any, wanted: Any) -> float:
    """Peak signal-to-noise ratio in dB of brightness in [0, 1]: -10 log10 of the mean squared difference.

    What is found is cut off at 0 and 1 first, as a screen does.

    >>> round(psnr(np.full(4, 0.6), np.full(4, 0.5)), 6)
    20.0
    """
    error = np.clip(np.asarray(found, np.float64), 0, 1) - np.asarray(wanted, np.float64)
    mean = float(np.mean(error**2))
    return math.inf if mean == 0 else -10 * math.log10(mean)


@instrument("picture", asks="What picture has the network learnt, and how near is it?")
def picture(of: Any, wanted: Any = None) -> Reading:
    """The picture a network computes beside the one it was shown.

    Parameters
    ----------
    of: a run on a picture, or a subject, or a function from coordinates to brightness.
    wanted: the picture ``(H, W, C)`` in [0, 1]; a run knows its own.

    Returns
    -------
    Numbers: ``psnr`` in dB, over replicas; ``height``, ``width``.  Arrays: ``wanted`` and ``painted`` ``(H, W, C)``,
    and of a run ``frames`` ``(K, h, w, C)`` uint8, what it made of the picture after ``frame_examples`` ``(K,)``
    examples.

    Raises
    ------
    DataError: there is no picture to compare with, or the network is not one of two coordinates.
    """
    is_run = hasattr(of, "recipe")
    wanted = np.asarray(pixels_of(of.dataset) if wanted is None and is_run else wanted)
    if wanted.ndim != 3:
        raise DataError(f"a picture of shape {wanted.shape}", wanted="(H, W, channels)", way_out="Give wanted=...")
    replicas = len(of.networks) if is_run else 1
    made = [painted(of, wanted.shape[:2], replica=k) for k in range(replicas)]
    near = Estimate.over([psnr(one, wanted) for one in made], unit="dB")
    numbers: dict[str, Any] = {"psnr": near, "height": wanted.shape[0], "width": wanted.shape[1]}
    arrays: dict[str, np.ndarray] = {"wanted": wanted, "painted": made[0]}
    frames = getattr(of, "frames", {})
    if frames:
        epochs = sorted(frames)
        arrays["frames"] = np.stack([frames[epoch] for epoch in epochs])
        arrays["frame_examples"] = np.array(epochs) * len(of.dataset.train)
    note = f"{near.mean:.1f} dB from the picture of {wanted.shape[1]} x {wanted.shape[0]} pixels."
    return Reading("picture", numbers, arrays, _draw, note)


def _draw(reading: Reading, *, what: str = "both") -> Any:
    """``both``: the picture and the network's; ``frames``: how it came about."""
    arrays = reading.arrays
    if what == "frames":
        frames, counts = arrays["frames"], arrays["frame_examples"]
        shown = [(image / 255, _count(count)) for image, count in zip(frames, counts)]
        columns = 3
    else:
        near = f"the network, {float(reading.numbers['psnr']):.1f} dB"
        shown, columns = [(arrays["wanted"], "the picture"), (arrays["painted"], near)], 2
    return sheet(shown, columns)


def sheet(shown: list[tuple[np.ndarray, str]], columns: int, *, width: float = 8.4) -> Any:
    """Pictures ``(H, W, C)`` in [0, 1], each with a title, ``columns`` in a row."""
    rows = -(-len(shown) // columns)
    height, across = shown[0][0].shape[:2]
    figure, panels = draw.new(
        rows, columns, width=width, height=rows * (0.28 + width / columns * height / across), squeeze=False
    )
    for ax in panels.flat:
        draw.bare(ax)
    for ax, (image, title) in zip(panels.flat, shown):
        image = np.clip(image, 0, 1)
        ax.imshow(image[..., 0] if image.shape[-1] == 1 else image, cmap="gray", vmin=0, vmax=1)
        ax.set_title(title, loc="center", fontsize=10, fontweight="normal")
    return figure


def _count(examples: float) -> str:
    """A number of examples in few characters.

    >>> _count(16384), _count(2_031_616)
    ('16 k samples', '2.0 M samples')
    """
    return f"{examples / 1e6:.1f} M samples" if examples >= 1e6 else f"{examples / 1e3:.0f} k samples"


def _function(of: Any, replica: int) -> Callable[..., Any]:
    if callable(of) and not isinstance(of, Subject) and not hasattr(of, "recipe"):
        return of
    seen = of.subject(replica) if hasattr(of, "recipe") else subject(of)
    if math.prod(seen.inputs) != 2:
        raise DataError(
            f"{seen.name} takes inputs of shape {seen.inputs}", wanted="two coordinates", way_out="Train on a picture."
        )
    return seen.logits


def _size(of: Any, size: Any) -> tuple[int, int]:
    if isinstance(size, tuple | list) and len(size) == 2:
        height, width = (int(side) for side in size)
    else:
        shape = getattr(of, "about", {}).get("dataset", {}).get("source", {}).get("picture", {"height": 1, "width": 1})
        longer = max(shape["height"], shape["width"])
        height, width = (max(1, round(int(size) * shape[side] / longer)) for side in ("height", "width"))
    if min(height, width) < 1:
        raise DataError(f"a picture of {width} x {height} pixels", wanted="at least one pixel", way_out="Use size=512.")
    if height * width > MOST:
        came = f"a picture of {height * width:,} pixels"
        raise LimitError(came, wanted=f"at most {MOST:,}", way_out="Use size=4096.")
    return height, width


@picture.known_case
def a_ramp_that_is_off_by_a_tenth() -> None:
    wanted = 0.5 + 0.8 * coordinates(5, 8)[:, :1].reshape(5, 8, 1)
    found = picture(lambda where: 0.6 + 0.8 * where[:, :1], wanted)
    assert abs(float(found.numbers["psnr"]) - 20) < 1e-4
