"""Functions of two variables: bumps with two hidden layers, and sums of ridges with one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from snarc import keys
from snarc.errors import FormalError, LimitError

from .activations import logistic
from .activity import evaluate
from .expression import Expression, parse_expression
from .geometry import _box, grid
from .network import Network, from_edges, neurons_allowed

Surface = str | Expression | Callable[[np.ndarray], np.ndarray]
MOST_RIDGES = 5_000  # a dense least-squares problem of that many unknowns takes about a minute


@dataclass(frozen=True, eq=False)
class Patchwork:
    """A network that approximates a function of two variables.

    Attributes
    ----------
    network: two inputs, a linear output.
    function: what was approximated, from points ``(n, 2)`` to ``(n,)``.
    box: lower and upper corner, where the error is measured.
    hidden: neurons of each hidden layer.
    rmse: measured root mean squared error on a regular grid that was not fitted to.
    sup: largest error on that grid.
    relative: rmse over the root mean square of the function (relative L2 error).
    """

    network: Network
    function: Callable[[np.ndarray], np.ndarray]
    box: tuple[np.ndarray, np.ndarray]
    hidden: tuple[int, ...]
    rmse: float
    sup: float
    relative: float

    def __call__(self, x: np.ndarray) -> np.ndarray:
        """The network's output for points ``(n, 2)``."""
        return evaluate(self.network, x)[:, 0]


def boxes(
    f: Surface,
    resolution: int,
    *,
    box: Any = ((0.0, 0.0), (1.0, 1.0)),
    steepness: float | None = None,
    limit: int | None = None,
) -> Patchwork:
    """A sum of boxes, each the AND of steps along x and along y: two hidden layers.

    The first layer has a neuron for each grid line, shared by the boxes (four of its steps bound a box, two
    quarter-spaces laid over one another); the second one neuron a box; the output weighs them.

    Parameters
    ----------
    f: text over x and y, or a function of points ``(n, 2)``.
    resolution: boxes a side.
    steepness: None for hard steps, each box weighing the mean of f over it; else logistic neurons of that
        steepness per box width (2 is good), with weights from least squares.

    >>> bump = boxes("exp(-8*((x-0.5)^2 + (y-0.5)^2))", 10)
    >>> bump.hidden
    (22, 100)

    Raises
    ------
    FormalError: an expression that does not parse, values that are not finite, a box without area.
    LimitError: more neurons than allowed.
    """
    low, high = _box(box, 2)
    k = int(resolution)
    if k < 1:
        raise FormalError(f"resolution {resolution}", wanted="one box at least", way_out="Use 20.")
    planes = 2 * (k + 1)
    neurons_allowed(3 + planes + k * k, limit, f"{k} x {k} boxes")
    if steepness is not None and k > 40:
        raise LimitError(f"least squares of {k * k:,} boxes", wanted="at most 1,600", way_out="Use steepness=None.")
    function = surface_function(f)
    factor = 1.0 if steepness is None else steepness * k
    # A smooth box has 2 tanh(s/4) steps at its centre and this much at the middle of an edge, where it shall be
    # half up; a gate as flat as that difference makes boxes that add up to a smooth surface.
    edge = 2.0 if steepness is None else np.tanh(steepness / 4) + float(logistic(np.array(steepness))) - 0.5
    gate = 1.0 if steepness is None else 1 / (2 * np.tanh(steepness / 4) - edge)
    axes = np.repeat([0, 1], k + 1)
    lines = (low[axes] + (high - low)[axes] * np.tile(np.arange(k + 1), 2) / k) / (high - low)[axes]
    cells = np.stack(np.meshgrid(np.arange(k), np.arange(k), indexing="ij"), -1).reshape(-1, 2)
    entry = 2 + cells + np.array([0, k + 1])
    units = 2 + planes + np.arange(k * k)
    output = 2 + planes + k * k
    sources = np.concatenate([axes, entry.ravel(), entry.ravel() + 1])
    targets = np.concatenate([2 + np.arange(planes), np.repeat(units, 2), np.repeat(units, 2)])
    weights = np.concatenate([factor / (high - low)[axes], np.full(entry.size, gate), np.full(entry.size, -gate)])
    biases = np.concatenate([[0, 0], -factor * lines, np.full(k * k, -gate * edge), [0.0]])
    kind = "step" if steepness is None else "logistic"
    kinds = ["identity"] * 2 + [kind] * (planes + k * k) + ["identity"]

    def build(outer: np.ndarray, offset: float, outputs: Any) -> Network:
        return from_edges(
            output + 1, np.concatenate([sources, units]), np.concatenate([targets, np.full(k * k, output)]),
            np.concatenate([weights, outer]), np.append(biases[:-1], offset), kinds, inputs=(0, 1), outputs=outputs,
        )  # fmt: skip

    fine = max(4, 240 // k)
    points = grid((low, high), (fine * k) ** 2)
    values = _finite(function(points))
    if steepness is None:
        outer, offset = values.reshape(k, fine, k, fine).mean((1, 3)).ravel(), 0.0
    else:
        coarse = grid((low, high), (max(3, 90 // k) * k) ** 2)
        shapes = evaluate(build(np.zeros(k * k), 0.0, units.tolist()), coarse)
        outer, offset = _least_squares(shapes, _finite(function(coarse)))
    return _measured(build(outer, offset, (output,)), function, (low, high), (planes, k * k))


def ridges(
    f: Surface,
    units: int,
    *,
    box: Any = ((0.0, 0.0), (1.0, 1.0)),
    steepness: float = 8.0,
    directions: np.ndarray | None = None,
    offsets: np.ndarray | None = None,
    seed: int = 0,
) -> Patchwork:
    """A sum of logistic ridges in random directions, weighed by least squares: one hidden layer.

    Parameters
    ----------
    units: number of ridges.
    steepness: of the ridges, per unit of length of the box scaled to (-1, 1); or one a ridge.
    directions, offsets: ``(units,)`` angle (radians) of each ridge and its distance from the centre of the box,
        if they are not to be drawn.

    Source: Cybenko, Mathematics of Control, Signals, and Systems 2 (1989) 303, for what such sums can do.

    Raises
    ------
    FormalError: an expression that does not parse, values that are not finite, a box without area.
    LimitError: more than 5,000 ridges.
    """
    if not 0 < units <= MOST_RIDGES:
        raise LimitError(f"{units:,} ridges", wanted=f"1 to {MOST_RIDGES:,}", way_out="Use boxes() for more neurons.")
    low, high = _box(box, 2)
    function = surface_function(f)
    generator = keys.generator(seed, "ridges")
    angle = generator.uniform(0, 2 * np.pi, units) if directions is None else np.asarray(directions, float)
    # Every ridge should cross the box, whose corners lie |cos| + |sin| from its centre in that direction.
    reach = np.abs(np.cos(angle)) + np.abs(np.sin(angle))
    shift = generator.uniform(-1, 1, units) * reach if offsets is None else np.asarray(offsets, float)
    normal = np.broadcast_to(steepness, units)[:, None] * np.stack([np.cos(angle), np.sin(angle)], 1)
    centre, half = (low + high) / 2, (high - low) / 2
    inner = normal / half
    biases = -np.broadcast_to(steepness, units) * shift - inner @ centre
    side = int(np.clip(3 * np.sqrt(units), 40, 120))
    points = grid((low, high), side * side)
    outer, offset = _least_squares(logistic(points @ inner.T + biases), _finite(function(points)))
    return ridge_network(inner, biases, outer, offset, function, (low, high))


def ridge_network(
    inner: np.ndarray, biases: np.ndarray, outer: np.ndarray, offset: float, f: Surface, box: Any
) -> Patchwork:
    """The one-hidden-layer network with these weights ``(units, 2)``, ``(units,)``, ``(units,)``, and its error."""
    units = len(outer)
    hidden = 2 + np.arange(units)
    net = from_edges(
        units + 3,
        np.concatenate([np.tile([0, 1], units), hidden]),
        np.concatenate([np.repeat(hidden, 2), np.full(units, units + 2)]),
        np.concatenate([np.ravel(inner), outer]),
        np.concatenate([[0, 0], biases, [offset]]),
        ["identity"] * 2 + ["logistic"] * units + ["identity"],
        inputs=(0, 1),
        outputs=(units + 2,),
    )
    return _measured(net, surface_function(f), _box(box, 2), (units,))


def surface_function(f: Surface) -> Callable[[np.ndarray], np.ndarray]:
    """The function of points ``(n, 2)`` that a text over x and y means; a predicate is 1 where it holds."""
    tree = parse_expression(f, ("x", "y")) if isinstance(f, str) else f
    if isinstance(tree, Expression):
        expression = tree
        return lambda p: np.broadcast_to(expression(x=p[:, 0], y=p[:, 1]), len(p)).astype(float)
    function = tree
    return lambda p: np.asarray(function(p), float)


def _measured(net: Network, f: Callable[[np.ndarray], np.ndarray], box: Any, hidden: tuple[int, ...]) -> Patchwork:
    points = grid(box, 151 * 151)  # a prime side, so that it shares no lines with the grids of the fit
    wanted = _finite(f(points))
    gap = evaluate(net, points)[:, 0] - wanted
    rmse = float(np.sqrt(np.mean(gap**2)))
    size = float(np.sqrt(np.mean(wanted**2)))
    return Patchwork(net, f, box, hidden, rmse, float(np.abs(gap).max()), rmse / size if size else np.inf)


def _least_squares(shapes: np.ndarray, values: np.ndarray) -> tuple[np.ndarray, float]:
    design = np.hstack([shapes, np.ones((len(shapes), 1))])
    solution = np.linalg.lstsq(design, values, rcond=1e-11)[0]
    return solution[:-1], float(solution[-1])


def _finite(values: np.ndarray) -> np.ndarray:
    if not np.isfinite(values).all():
        raise FormalError(
            "a function that is not finite on the whole box", wanted="finite values", way_out="Move the box."
        )
    return values
