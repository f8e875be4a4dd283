"""The lines that hidden units draw over two inputs."""

from __future__ import annotations

import functools
import re

import numpy as np

from snarc.subjects import Subject

from ._contours import zero_lines
from ._planes import Plane, in_rows

# Zero contours of more deep units than this are a thicket.
_DEEP = 64


def zeros(seen: Subject, place: Plane, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray | None, np.ndarray]:
    """Where hidden units of a network of two inputs are zero, before their activation.

    The first layer's lines a x + b y + c = 0, ``(units, 3)``, from three values of each unit, or none if it is not one
    of weighted sums; and zero contours ``(n, 2)`` of deeper units, NaN between them.
    """
    assert place.lift is not None
    paths = list(seen.received(place.lift(np.zeros((1, 2)))))[:-1]
    none = np.empty((0, 2))
    if not paths:
        return None, none
    first, *later = paths

    def sums(path: str, at: np.ndarray) -> np.ndarray:
        found = seen.activations(place.lift(at))  # type: ignore[misc]
        # What the activation sees is the normalised sum, where there is a normaliser.
        return np.asarray(found.get(re.sub(r"\blayers(?=\.\d+$)", "normalisers", path), found[path]), np.float64)

    corners = np.array([[x[0], y[0]], [x[-1], y[0]], [x[0], y[-1]], [x[-1], y[-1]], [x[len(x) // 3], y[len(y) // 2]]])
    values = sums(first, corners)
    if values.ndim != 2:
        return None, none
    system = np.column_stack([corners, np.ones(len(corners))])
    line = np.linalg.solve(system[:3], values[:3]).T
    if not np.allclose(system @ line.T, values, atol=1e-3 * max(float(np.abs(values).max()), 1e-9)):
        return None, none  # a first layer that is not one of weighted sums
    grid = np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2)
    parts = []
    for path in later:
        field = in_rows(functools.partial(sums, path), grid)
        if field.ndim == 2:
            for unit in field.T[:_DEEP]:
                for one in zero_lines(x, y, unit.reshape(len(y), len(x))):
                    parts += [one, np.full((1, 2), np.nan)]
    return line, np.concatenate(parts) if parts else none


def crossing(line: np.ndarray, x: np.ndarray, y: np.ndarray) -> int:
    """How many lines pass through a window."""
    corners = np.array([[u, v, 1.0] for u in (x[0], x[-1]) for v in (y[0], y[-1])])
    values = corners @ line.T
    return int(((values.min(axis=0) < 0) & (values.max(axis=0) > 0)).sum())
