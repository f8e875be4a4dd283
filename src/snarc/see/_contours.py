"""Where the answer changes on a grid: boundaries as lines, their length, areas between them, distances to them."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np

_CHUNK = 2_000_000  # pairs of a point and a segment looked at together


def margins(logits: np.ndarray) -> np.ndarray:
    """By how much each class leads the best other, ``(..., classes)``; one output counts as two classes, below and
    above zero.
    """
    logits = np.asarray(logits, np.float64)
    if logits.shape[-1] == 1:
        return np.concatenate([-logits, logits], axis=-1)
    ordered = np.sort(logits, axis=-1)
    best, second = ordered[..., -1:], ordered[..., -2:-1]
    return logits - np.where(logits == best, second, best)


def zero_lines(x: np.ndarray, y: np.ndarray, field: np.ndarray) -> list[np.ndarray]:
    """The lines ``(n, 2)`` on which a field ``(len(y), len(x))``, linear between its points, is zero."""
    from contourpy import contour_generator

    return [np.asarray(line) for line in contour_generator(x, y, field).lines(0.0)]


def boundaries(x: np.ndarray, y: np.ndarray, margin: np.ndarray) -> np.ndarray:
    """The segments ``(n, 2, 2)`` of the border of every class, for margins ``(len(y), len(x), classes)``.

    Each part of the boundary comes twice, from either side.
    """
    parts = [np.empty((0, 2, 2))]
    for k in range(margin.shape[-1]):
        for line in zero_lines(x, y, margin[..., k]):
            parts.append(np.stack([line[:-1], line[1:]], axis=1))
    found = np.concatenate(parts)
    return found[np.abs(found[:, 1] - found[:, 0]).sum(axis=1) > 0]


def length(segments: np.ndarray) -> float:
    """The length of the boundary, whose segments come twice."""
    return float(np.linalg.norm(segments[:, 1] - segments[:, 0], axis=1).sum() / 2)


def areas(x: np.ndarray, y: np.ndarray, margin: np.ndarray) -> np.ndarray:
    """The share of the window that each class has, ``(classes,)``, exact where margins are linear between points."""
    from contourpy import FillType, contour_generator

    found = np.zeros(margin.shape[-1])
    for k in range(margin.shape[-1]):
        most = float(margin[..., k].max())
        if most <= 0:
            continue
        generator = contour_generator(x, y, margin[..., k], fill_type=FillType.OuterOffset)
        outlines: Any = generator.filled(0.0, 2 * most)
        for polygon, ends in zip(*outlines):
            # The first ring of a polygon is its outline, the others are holes, which run the other way round.
            rings = (np.asarray(polygon)[a:b] for a, b in itertools.pairwise(ends))
            found[k] += abs(sum(_shoelace(ring) for ring in rings))
    return np.asarray(found / max(found.sum(), 1e-300))


def _shoelace(ring: np.ndarray) -> float:
    ring = ring - ring[0]
    return float(np.sum(ring[:-1, 0] * ring[1:, 1] - ring[1:, 0] * ring[:-1, 1]) / 2)


def distances(points: np.ndarray, segments: np.ndarray) -> np.ndarray:
    """Distance ``(N,)`` of each point ``(N, 2)`` to the nearest segment ``(n, 2, 2)``; infinite where there is none."""
    if not len(segments):
        return np.full(len(points), np.inf)
    start, step = segments[:, 0], segments[:, 1] - segments[:, 0]
    square = np.maximum((step**2).sum(axis=1), 1e-300)
    rows = max(1, _CHUNK // len(segments))
    found = []
    for first in range(0, len(points), rows):
        away = points[first : first + rows, None] - start
        along = np.clip((away * step).sum(axis=-1) / square, 0, 1)
        found.append(np.sqrt(((away - along[..., None] * step) ** 2).sum(axis=-1).min(axis=1)))
    return np.concatenate(found) if found else np.zeros(0)
