"""Ridges chosen one after another: how well one hidden layer can draw a shape with edges."""

from __future__ import annotations

from typing import Any

import numpy as np

from snarc import keys
from snarc.errors import FormalError, LimitError

from .activations import logistic
from .geometry import _box
from .surface import Patchwork, Surface, _finite, ridge_network, surface_function

# The eight symmetries of the square: reflections in both axes, and with the axes exchanged.
SYMMETRIES = np.array(
    [[[a, 0], [0, b]] for a in (1, -1) for b in (1, -1)] + [[[0, a], [b, 0]] for a in (1, -1) for b in (1, -1)], float
)


def greedy_ridges(
    f: Surface,
    units: int,
    *,
    box: Any = ((-1.0, -1.0), (1.0, 1.0)),
    candidates: int = 2_000,
    side: int = 80,
    seed: int = 0,
) -> Patchwork:
    """A one-hidden-layer network for a function with the symmetries of the square, fitted greedily.

    Every candidate is the sum of eight logistic ridges, the images of one under the symmetries; the one most like
    what is still unexplained is taken, all weights are fitted anew, and so on until ``units`` ridges are in use.

    Parameters
    ----------
    f: text over x and y, or a function of points ``(n, 2)``; it is looked at in the first quadrant of the box.
    units: hidden neurons; rounded down to a multiple of 8.
    box: a square.
    candidates: ridges to choose from, through points where f changes, in directions that crowd about the axes.
    side: sample points a side of the quadrant.

    Orthogonal matching pursuit: Pati, Rezaiifar, Krishnaprasad, Asilomar Conference (1993) 40, for the pursuit.

    Raises
    ------
    FormalError: f lacks the symmetries, is constant, or the box is no square.
    LimitError: more ridges than candidates, or than 4,000.
    """
    orbits = units // 8
    if not 0 < orbits <= min(candidates // 2, 500):
        raise LimitError(f"{units} ridges", wanted=f"8 to {min(candidates // 2, 500) * 8}", way_out="Add candidates.")
    low, high = _box(box, 2)
    if not np.isclose(high[0] - low[0], high[1] - low[1]):
        raise FormalError(f"box {low.tolist()} to {high.tolist()}", wanted="a square", way_out="Use ridges().")
    centre, half = (low + high) / 2, (high[0] - low[0]) / 2
    function = surface_function(f)
    axis = (np.arange(side) + 0.5) / side
    points = np.stack(np.meshgrid(axis, axis, indexing="ij"), -1).reshape(-1, 2)
    values = _finite(function(centre + half * points))
    for symmetry in SYMMETRIES[1:]:
        if not np.allclose(function(centre + half * points @ symmetry), values, atol=1e-9):
            raise FormalError("a function without the symmetries of the square", wanted="them", way_out="Use ridges().")
    if np.ptp(values) == 0:
        raise FormalError("a constant function", wanted="one that varies", way_out="One bias will do.")

    generator = keys.generator(seed, "greedy ridges")
    picture = values.reshape(side, side)
    change = sum(np.abs(g) for g in np.gradient(picture)).ravel()
    at = points[generator.choice(len(points), candidates, p=change / change.sum())]
    at = at * generator.choice([-1, 1], at.shape)
    angle = 2.0 ** -generator.uniform(0, 8, candidates) * np.pi / 4
    steepness = 2.0 ** generator.uniform(3, 8, candidates)
    normal = np.stack([np.cos(angle), np.sin(angle)], 1)
    inner, biases = steepness[:, None] * normal, -steepness * (normal * at).sum(1)

    shapes = sum(logistic(points @ symmetry @ inner.T + biases) for symmetry in SYMMETRIES)
    assert isinstance(shapes, np.ndarray)
    chosen = _pursue(shapes - shapes.mean(0), values - values.mean(), orbits)
    design = np.hstack([shapes[:, chosen], np.ones((len(points), 1))])
    solution = np.linalg.lstsq(design, values, rcond=1e-10)[0]
    all_inner = np.concatenate([inner[chosen] @ symmetry.T for symmetry in SYMMETRIES]) / half
    all_biases = np.tile(biases[chosen], 8) - all_inner @ centre
    outer = np.tile(solution[:-1], 8)
    return ridge_network(all_inner, all_biases, outer, float(solution[-1]), function, (low, high))


def _pursue(shapes: np.ndarray, values: np.ndarray, count: int) -> list[int]:
    lengths = np.linalg.norm(shapes, axis=0)
    # An orbit may add up to almost a constant, which must not be blown up.
    unit = shapes / np.where(lengths > 1e-3, lengths, np.inf)
    rest = values.copy()
    chosen: list[int] = []
    basis = np.zeros((len(values), count))
    for k in range(count):
        likeness = np.abs(rest @ unit)
        likeness[chosen] = -1
        best = int(likeness.argmax())
        direction = unit[:, best]
        for _ in range(2):  # twice, since once loses orthogonality to rounding
            direction = direction - basis[:, :k] @ (basis[:, :k].T @ direction)
        length = np.linalg.norm(direction)
        chosen.append(best)
        if length > 1e-10:
            basis[:, k] = direction / length
            rest = rest - basis[:, k] * (basis[:, k] @ rest)
    return chosen
