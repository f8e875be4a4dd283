"""Functions as data sets: points drawn at random, and the function's values there."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from snarc import keys
from snarc.errors import DataError, LimitError
from snarc.registry import dataset

from ._split import check_seed
from .dataset import Dataset, Split, Task

Function = Callable[[np.ndarray], Any]
MOST = 100_000_000
COUNT, HELD_OUT = 200_000, 10_000


def from_function(
    f: Function,
    *,
    inputs: int = 2,
    count: int = COUNT,
    low: float = -0.5,
    high: float = 0.5,
    validation: int | None = None,
    test: int | None = None,
    grid: int | None = None,
    seed: int = 0,
    name: str = "",
) -> Dataset:
    """A Dataset of a function: points drawn uniformly from a cube, and the function's values there.

    A training of one epoch over ``count`` points sees fresh points in every batch, as many lectures have it:
    ``count=2000 * 1000`` is two thousand batches of a thousand.

    Parameters
    ----------
    f: takes points ``(N, inputs)``, float64, and returns values ``(N,)`` or ``(N, k)``.
    inputs: how many variables it has.
    count: training points.
    low, high: bounds of each variable.
    validation, test: how many points to draw for them besides; 10,000 for ``test`` and none for ``validation``.
    grid: instead of random points, train on the middles of a grid of so many cells along each axis.
    seed: decides the points; each split has its own draw.
    name: in titles; the function's own by default.

    Returns
    -------
    Inputs are float32 ``(N, inputs)``, targets float32 ``(N, k)``.

    Raises
    ------
    DataError: the function fails, or its values are not finite numbers, as many as there are points.
    LimitError: more than a hundred million points.

    >>> data = from_function(lambda p: p[:, 0] * p[:, 1], count=1000, test=50)
    >>> data.inputs, data.outputs, len(data.train), len(data.test)
    ((2,), 1, 1000, 50)
    """
    check_seed(seed)
    name = name or getattr(f, "__name__", "function").strip("<>")
    sizes = {
        "train": _count(count if grid is None else 1, "count", 1),
        "validation": _count(0 if validation is None else validation, "validation", 0),
        "test": _count(HELD_OUT if test is None else test, "test", 0),
    }
    dimensions = _count(inputs, "inputs", 1)
    if not (np.isfinite(low) and np.isfinite(high) and low < high):
        raise DataError(
            f"low={low!r}, high={high!r}", wanted="low below high, both finite", way_out="Use -0.5 and 0.5."
        )
    parts = {}
    for part, size in sizes.items():
        points = keys.generator(seed, "function", name, part).uniform(low, high, (size, dimensions))
        if part == "train" and grid is not None:
            points = _middles(_count(grid, "grid", 1), dimensions, low, high)
        # The network gets float32, so the function is read at exactly those points.
        points = points.astype(np.float32)
        parts[part] = Split(points, values(f, points, name))
    outputs = parts["train"].targets.shape[1]
    letters = ("x", "y", "z") if dimensions <= 3 else tuple(f"x{k}" for k in range(dimensions))
    source = {
        "note": f"{'a grid' if grid is not None else 'points'} of {letters[0]} = {low:g} to {high:g}",
        "function": {"low": float(low), "high": float(high)},
        "split": {"seed": seed, **{part: len(split) for part, split in parts.items()}},
        "suits": {"batch_size": 1000},
    }
    targets = (name,) if outputs == 1 else tuple(f"{name} {k}" for k in range(outputs))
    return Dataset(name, Task("regression", targets=targets), **parts, source=source, columns=letters[:dimensions])


def values(f: Function, points: np.ndarray, name: str) -> np.ndarray:
    """Values ``(N, k)``, float32, of a function at points ``(N, d)``, checked."""
    if not len(points):
        found = np.asarray(f(np.zeros((1, points.shape[1]))))
        return np.zeros((0, 1 if found.ndim < 2 else found.shape[1]), np.float32)
    try:
        found = np.asarray(f(points.astype(np.float64)))
    except Exception as error:  # it is the user's function; whatever it raises is told in a line
        came = f"the function {name!r} failed: {type(error).__name__}: {error}"
        wanted = f"a function of points {points.shape}, a row for each"
        raise DataError(came, wanted=wanted, way_out="Write it for arrays, with NumPy.") from error
    if found.shape not in ((len(points),), (len(points), *found.shape[1:2])) or found.dtype.kind not in "biuf":
        raise DataError(
            f"the function {name!r} returned {found.dtype}{list(found.shape)} for {len(points)} points",
            wanted=f"numbers ({len(points)},) or ({len(points)}, k)",
            way_out="Return a value for each row.",
        )
    found = found.reshape(len(points), -1).astype(np.float32)
    bad = ~np.isfinite(found).all(axis=1)
    if bad.any():
        where = points[int(np.argmax(bad))].tolist()
        came = f"the function {name!r} is {found[int(np.argmax(bad))].tolist()} at {where}"
        raise DataError(came, wanted="a finite number everywhere", way_out="Choose low and high where it is one.")
    return found


def _middles(grid: int, dimensions: int, low: float, high: float) -> np.ndarray:
    if grid**dimensions > MOST:
        raise LimitError(f"a grid of {grid}^{dimensions} points", wanted=f"at most {MOST:,}", way_out="Use fewer.")
    line = low + (high - low) * (np.arange(grid) + 0.5) / grid
    return np.stack(np.meshgrid(*[line] * dimensions, indexing="ij"), axis=-1).reshape(-1, dimensions)


def _count(value: Any, what: str, least: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < least:
        wanted = f"a whole number of at least {least}"
        raise DataError(f"{what}={value!r}", wanted=wanted, way_out=f"Give {what}={max(least, 1000)}.")
    if value > MOST:
        raise LimitError(
            f"{what}={value:,} points", wanted=f"at most {MOST:,}", way_out="Use several epochs over fewer."
        )
    return int(value)


@dataset("crease", examples=(COUNT, HELD_OUT), inputs=(2,), outputs=1, source="F. Marquardt, lecture notebook")
def crease(
    *, count: int = COUNT, validation: Any = None, test: Any = None, grid: int | None = None, seed: int = 0
) -> Dataset:
    """The function exp(-5 r^2) |x + y| on the square from -0.5 to 0.5: a bump with a crease.

    Random points, ``count`` of them to train on; or with ``grid`` the middles of a grid.
    """
    return from_function(
        lambda p: np.exp(-5 * (p**2).sum(1)) * abs(p[:, 0] + p[:, 1]),
        count=count, validation=validation, test=test, grid=grid, seed=seed, name="crease",
    )  # fmt: skip


@dataset("waves", examples=(COUNT, HELD_OUT), inputs=(2,), outputs=1, source="a product of sines")
def waves(
    *, count: int = COUNT, validation: Any = None, test: Any = None, grid: int | None = None, seed: int = 0
) -> Dataset:
    """The function sin(2 pi x) cos(2 pi y) on the square from -0.5 to 0.5.

    Random points, ``count`` of them to train on; or with ``grid`` the middles of a grid.
    """
    return from_function(
        lambda p: np.sin(2 * np.pi * p[:, 0]) * np.cos(2 * np.pi * p[:, 1]),
        count=count, validation=validation, test=test, grid=grid, seed=seed, name="waves",
    )  # fmt: skip
