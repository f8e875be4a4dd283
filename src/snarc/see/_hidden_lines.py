"""The lines that hidden units draw over two inputs."""

from __future__ import annotations

import re

import numpy as np

from snarc.errors import ModelError
from snarc.models.hidden import hidden_of
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
    assert seen.network is not None  # the caller asked
    none = np.empty((0, 2))
    try:
        paths = [one.own for one in hidden_of(seen.network, seen.inputs)]
    except ModelError:
        return None, none

    def sums(at: np.ndarray) -> list[np.ndarray]:
        found = seen.activations(place.lift(at))  # type: ignore[misc]
        # What the activation sees is the normalised sum, where there is a normaliser.
        names = (re.sub(r"\blayers(?=\.\d+$)", "normalisers", path) for path in paths)
        return [np.asarray(found.get(name, found[path]), np.float64) for name, path in zip(names, paths)]

    corners = np.array([[x[0], y[0]], [x[-1], y[0]], [x[0], y[-1]], [x[-1], y[-1]], [x[len(x) // 3], y[len(y) // 2]]])
    values, *later = sums(corners)
    if any(part.ndim != 2 for part in (values, *later)):
        return None, none  # maps, which are no lines
    system = np.column_stack([corners, np.ones(len(corners))])
    line = np.linalg.solve(system[:3], values[:3]).T
    if not np.allclose(system @ line.T, values, atol=1e-3 * max(float(np.abs(values).max()), 1e-9)):
        return None, none  # a first layer that is not one of weighted sums
    grid = np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2)
    parts = []
    if later:
        fields = in_rows(lambda at: np.concatenate([part[:, :_DEEP] for part in sums(at)[1:]], axis=1), grid)
        for unit in fields.T:
            for one in zero_lines(x, y, unit.reshape(len(y), len(x))):
                parts += [one, np.full((1, 2), np.nan)]
    return line, np.concatenate(parts) if parts else none


def crossing(line: np.ndarray, x: np.ndarray, y: np.ndarray) -> int:
    """How many lines pass through a window."""
    corners = np.array([[u, v, 1.0] for u in (x[0], x[-1]) for v in (y[0], y[-1])])
    values = corners @ line.T
    return int(((values.min(axis=0) < 0) & (values.max(axis=0) > 0)).sum())
