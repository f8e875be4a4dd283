"""Shapes as networks: half-spaces, convex sets, unions of them, and any set covered by hypercubes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from snarc import keys
from snarc.errors import FormalError, LimitError

from .activity import evaluate
from .expression import Expression, parse_expression
from .network import Network, from_edges, neurons_allowed

Predicate = Callable[[np.ndarray], np.ndarray]
MOST_CELLS = 4_000_000  # of a cover, looked at before any neuron is made


@dataclass(frozen=True)
class HalfSpaces:
    """A convex set: the points with ``normals @ x + offsets >= 0`` in every row.

    Attributes
    ----------
    normals: ``(m, d)`` of length 1, pointing inwards.
    offsets: ``(m,)``.
    """

    normals: np.ndarray
    offsets: np.ndarray

    def __call__(self, x: np.ndarray) -> np.ndarray:
        """Whether each point ``(n, d)`` belongs to the set."""
        return ((np.asarray(x, float) @ self.normals.T + self.offsets) >= 0).all(-1)


def half_space(normal: Sequence[float], offset: float) -> HalfSpaces:
    """The points with normal . x + offset >= 0.

    Raises
    ------
    FormalError: a normal of length 0, or numbers that are not finite.
    """
    return half_spaces(np.atleast_2d(np.asarray(normal, float)), np.array([offset], float))


def half_spaces(normals: Any, offsets: Any) -> HalfSpaces:
    """The intersection of half-spaces, with normals scaled to length 1.

    Raises
    ------
    FormalError: a normal of length 0, or numbers that are not finite.
    """
    normals, offsets = np.asarray(normals, float), np.asarray(offsets, float)
    if normals.ndim != 2 or offsets.shape != (len(normals),) or not len(normals):
        raise FormalError(
            f"normals {normals.shape} and offsets {offsets.shape}", wanted="(m, d) and (m,)", way_out="One row a face."
        )
    lengths = np.linalg.norm(normals, axis=1)
    if not (np.isfinite(normals).all() and np.isfinite(offsets).all() and (lengths > 0).all()):
        raise FormalError("a half-space without direction", wanted="finite normals, not 0", way_out="Mend the row.")
    return HalfSpaces(normals / lengths[:, None], offsets / lengths)


def polygon(corners: Any) -> HalfSpaces:
    """The convex polygon with those corners ``(m, 2)``, in either order of rotation.

    >>> square = polygon([(0, 0), (1, 0), (1, 1), (0, 1)])
    >>> square(np.array([[0.5, 0.5], [1.5, 0.5]])).tolist()
    [True, False]

    Raises
    ------
    FormalError: fewer than three corners, or corners that are not convex.
    """
    corners = np.asarray(corners, float)
    if corners.ndim != 2 or corners.shape[1] != 2 or len(corners) < 3:
        raise FormalError(f"corners of shape {corners.shape}", wanted="(m, 2) with m >= 3", way_out="Add corners.")
    edges = np.roll(corners, -1, axis=0) - corners
    turns = edges[:, 0] * np.roll(edges, -1, axis=0)[:, 1] - edges[:, 1] * np.roll(edges, -1, axis=0)[:, 0]
    orientation = np.sign(turns.sum())
    if orientation == 0 or (turns * orientation <= 0).any():
        raise FormalError(
            f"a corner that is not convex (number {int(np.argmin(turns * orientation)) + 1})",
            wanted="a convex polygon, corners in order",
            way_out="Cut the shape into convex parts and unite them.",
        )
    normals = orientation * np.stack([-edges[:, 1], edges[:, 0]], 1)
    return half_spaces(normals, -(normals * corners).sum(1))


def regular_polygon(m: int, radius: float = 1.0, centre: Sequence[float] = (0.0, 0.0)) -> HalfSpaces:
    """The regular polygon of ``m`` corners, the first at the top."""
    angles = np.pi / 2 + 2 * np.pi * np.arange(m) / m
    return polygon(radius * np.stack([np.cos(angles), np.sin(angles)], 1) + np.asarray(centre, float))


@dataclass(frozen=True, eq=False)
class Region:
    """A set and a network that recognises it.

    Attributes
    ----------
    network: one output, 1 inside and 0 outside (between them where it was smoothed).
    contains: the set that was wanted, from points ``(n, d)`` to bool.
    box: lower and upper corner ``(d,)`` each, where the error is measured.
    covered: the set that the network recognises by construction, computed without the network.
    parts: number of convex parts or cubes.
    resolution: cubes a side, or None.
    """

    network: Network
    contains: Predicate
    box: tuple[np.ndarray, np.ndarray]
    covered: Predicate
    parts: int
    resolution: int | None = None

    def error(self, samples: int = 1_000_000) -> float:
        """Measured fraction of the box where the covered set differs from the wanted one, on a regular grid."""
        points = grid(self.box, samples)
        return float(np.mean(self.covered(points) != self.contains(points)))

    def agreement(self, samples: int = 2_000, seed: int = 0) -> float:
        """Fraction of random points where the network says what :attr:`covered` says: 1 unless it was smoothed."""
        points = keys.generator(seed, "region").uniform(*self.box, (samples, len(self.box[0])))
        return float(np.mean((evaluate(self.network, points)[:, 0] >= 0.5) == self.covered(points)))

    def overlap(self, samples: int = 250_000) -> float:
        """Intersection over union of the wanted set and of where the network's output is at least 1/2."""
        points = grid(self.box, samples)
        inside, wanted = evaluate(self.network, points)[:, 0] >= 0.5, self.contains(points)
        return float((inside & wanted).sum() / max(1, (inside | wanted).sum()))


def grid(box: tuple[np.ndarray, np.ndarray], samples: int) -> np.ndarray:
    """Centres of about ``samples`` equal cells of a box, ``(n, d)``."""
    low, high = box
    each = max(1, round(samples ** (1 / len(low))))
    axes = [a + (b - a) * (np.arange(each) + 0.5) / each for a, b in zip(low, high)]
    return np.stack(np.meshgrid(*axes, indexing="ij"), -1).reshape(-1, len(low))


def convex(shape: HalfSpaces, box: Any = None) -> Region:
    """One hidden neuron a half-space, and an output neuron that takes their AND."""
    return union([shape], box)


def union(shapes: Sequence[HalfSpaces], box: Any = None, *, limit: int | None = None) -> Region:
    """Half-spaces, the AND of each convex set, and the OR of the sets; without the OR layer if there is one set.

    Parameters
    ----------
    shapes: convex sets of one dimension.
    box: ``(lower, upper)`` corners, where errors are measured; default (-1.5, 1.5) in each dimension.

    Raises
    ------
    FormalError: no sets, or of different dimensions.
    LimitError: more neurons than allowed.
    """
    dimensions = {s.normals.shape[1] for s in shapes}
    if len(dimensions) != 1:
        raise FormalError(f"sets of dimensions {sorted(dimensions)}", wanted="one dimension", way_out="Mend the sets.")
    d = dimensions.pop()
    faces = sum(len(s.offsets) for s in shapes)
    last = 0 if len(shapes) == 1 else 1
    size = d + faces + len(shapes) + last
    neurons_allowed(size, limit, f"a union of {len(shapes)} convex sets")
    normals = np.vstack([s.normals for s in shapes])
    owner = np.repeat(np.arange(len(shapes)), [len(s.offsets) for s in shapes])
    sources = [np.tile(np.arange(d), faces), d + np.arange(faces)]
    targets = [np.repeat(d + np.arange(faces), d), d + faces + owner]
    weights = [normals.ravel(), np.ones(faces)]
    if last:
        sources.append(d + faces + np.arange(len(shapes)))
        targets.append(np.full(len(shapes), size - 1))
        weights.append(np.ones(len(shapes)))
    biases = [np.zeros(d), *(s.offsets for s in shapes), -np.array([float(len(s.offsets)) for s in shapes])]
    net = from_edges(
        size, np.concatenate(sources), np.concatenate(targets), np.concatenate(weights),
        np.concatenate([*biases, [-1.0] * last]), "step", inputs=range(d), outputs=(size - 1,),
    )  # fmt: skip

    def inside(x: np.ndarray) -> np.ndarray:
        return np.logical_or.reduce([s(x) for s in shapes])

    return Region(net, inside, _box(box, d), inside, len(shapes))


def cover(
    predicate: str | Expression | Predicate,
    resolution: int,
    box: Any = ((-1.0, -1.0), (1.0, 1.0)),
    *,
    limit: int | None = None,
) -> Region:
    """A network of three layers that recognises the grid cubes whose centre lies in a set.

    First layer: a neuron for each grid plane, ``x_i >= a``.  Second: a neuron N_K a cube, the AND of its sides
    (cubes are half-open, so that each point lies in one).  Third: the OR of the cubes.

    Parameters
    ----------
    predicate: text such as ``"x^2 + y^2 <= 0.8"``, or a function from points ``(n, d)`` to bool.
    resolution: cubes a side.
    box: lower and upper corner.

    >>> disc = cover("x^2 + y^2 <= 0.8", 16)
    >>> disc.parts, disc.network.computed
    (164, 199)

    Raises
    ------
    FormalError: a predicate that does not parse or is a number, a box without volume.
    LimitError: the grid has more than 4 million cubes, or the network would have more neurons than allowed (the
        cubes are counted before it is built).
    """
    low, high = _box(box, None)
    d = len(low)
    if not isinstance(resolution, int | np.integer) or resolution < 1:
        raise FormalError(f"resolution {resolution!r}", wanted="a positive whole number", way_out="Use 32.")
    if int(resolution) ** d > MOST_CELLS:
        raise LimitError(
            f"{resolution}^{d} = {int(resolution) ** d:,} cubes, up to as many neurons",
            wanted=f"at most {MOST_CELLS:,} cubes",
            way_out=f"Use a resolution of {int(MOST_CELLS ** (1 / d) + 1e-9)} or less.",
        )
    contains = membership(predicate, d)
    inside = contains(grid((low, high), resolution**d)).reshape((resolution,) * d)
    cells = np.argwhere(inside)
    planes = d * (resolution + 1)
    size = d + planes + len(cells) + 1
    neurons_allowed(size, limit, f"a cover with {len(cells):,} cubes")
    axes = np.repeat(np.arange(d), resolution + 1)
    steps = np.tile(np.arange(resolution + 1), d)
    edges = low[axes] + (high - low)[axes] * steps / resolution
    entry = d + np.arange(d) * (resolution + 1) + cells  # the plane where each cube begins, an axis a column
    cubes = d + planes + np.arange(len(cells))
    sources = np.concatenate([axes, entry.ravel(), entry.ravel() + 1, cubes])
    targets = np.concatenate([d + np.arange(planes), np.repeat(cubes, d), np.repeat(cubes, d), [size - 1] * len(cells)])
    weights = np.concatenate([np.ones(planes), np.ones(entry.size), -np.ones(entry.size), np.ones(len(cells))])
    biases = np.concatenate([np.zeros(d), -edges, np.full(len(cells), -float(d)), [-1.0]])
    net = from_edges(size, sources, targets.astype(int), weights, biases, "step", inputs=range(d), outputs=(size - 1,))
    bounds = [edges[k * (resolution + 1) : (k + 1) * (resolution + 1)] for k in range(d)]

    def covered(x: np.ndarray) -> np.ndarray:
        x = np.asarray(x, float)
        place = np.stack([np.searchsorted(b, x[:, k], side="right") - 1 for k, b in enumerate(bounds)], 1)
        valid = ((place >= 0) & (place < resolution)).all(1)
        return valid & inside[tuple(np.clip(place, 0, resolution - 1).T)]

    return Region(net, contains, (low, high), covered, len(cells), int(resolution))


def membership(predicate: str | Expression | Predicate, d: int) -> Predicate:
    """A predicate given as text over x, y, z (or x1, x2, ...) as a function from points ``(n, d)`` to bool.

    Raises
    ------
    FormalError: it does not parse, is no predicate, or uses more variables than there are dimensions.
    """
    if isinstance(predicate, str):
        short = ("x", "y", "z")[:d] if d <= 3 else ()
        predicate = parse_expression(predicate, (*short, *(f"x{k + 1}" for k in range(d))))
    if isinstance(predicate, Expression):
        tree = predicate
        if not tree.predicate:
            raise FormalError(
                f"{tree} is a number", wanted="a predicate, true or false", way_out="Compare it: x^2 + y^2 <= 1."
            )

        def contains(x: np.ndarray) -> np.ndarray:
            columns = {f"x{k + 1}": x[:, k] for k in range(d)} | {n: x[:, k] for k, n in enumerate(("x", "y", "z")[:d])}
            return np.broadcast_to(tree(**columns), len(x)).astype(bool)

        return contains
    function = predicate

    def checked(x: np.ndarray) -> np.ndarray:
        values = np.asarray(function(x))
        if values.shape != (len(x),):
            raise FormalError(
                f"a predicate that returns shape {values.shape} for {len(x)} points",
                wanted=f"({len(x)},)",
                way_out="It gets points (n, d) and returns one bool a point.",
            )
        return values.astype(bool)

    return checked


def smooth(region: Region, steepness: float, logic_steepness: float = 20.0) -> Region:
    """The region with logistic neurons instead of steps.

    Parameters
    ----------
    steepness: of the first layer, per unit of length; the border is about 4 / steepness wide.
    logic_steepness: of the AND and OR neurons, whose thresholds move half a unit down, to the middle of the gap
        between the sums that should and should not fire them.

    Raises
    ------
    FormalError: a steepness that is not positive.
    """
    if not (steepness > 0 and logic_steepness > 0):
        raise FormalError(f"steepness {steepness}", wanted="a positive number", way_out="Use 20.")
    net = region.network
    levels = net.levels
    assert levels is not None
    first = levels <= 1
    factor = np.where(first, steepness, logic_steepness)
    biases = np.where(first, net.biases, net.biases + 0.5) * factor
    smoothed = replace(
        net,
        weights=net.weights * factor[net.targets],
        biases=np.where(net.held, 0.0, biases),
        kinds=np.zeros(net.size, np.int16),
        activations=("logistic",),
    )
    return replace(region, network=smoothed)


def _box(box: Any, d: int | None) -> tuple[np.ndarray, np.ndarray]:
    if box is None:
        assert d is not None
        box = ([-1.5] * d, [1.5] * d)
    low, high = (np.atleast_1d(np.asarray(end, float)) for end in box)
    if low.shape != high.shape or low.ndim != 1 or (d is not None and len(low) != d):
        raise FormalError(f"a box of corners {low.shape} and {high.shape}", wanted="two corners", way_out="Mend it.")
    if not (np.isfinite(low).all() and np.isfinite(high).all() and (low < high).all()):
        raise FormalError(f"box {low.tolist()} to {high.tolist()}", wanted="lower < upper", way_out="Swap them.")
    return low, high
