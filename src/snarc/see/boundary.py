"""Where a network changes its answer: over two inputs, on a plane through examples, in a layer of two units."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np

from snarc.errors import DataError, RecipeError, nearest
from snarc.reading import Reading
from snarc.registry import instrument
from snarc.subjects import Subject, subject

from ._boundary_picture import picture
from ._contours import areas, boundaries, distances, length, margins
from ._hidden_lines import crossing, zeros
from ._planes import Plane, chosen, examples, in_rows, of_bottleneck, of_inputs, spanned, window

Kind = Literal["auto", "inputs", "examples", "bottleneck"]
KINDS = ("auto", "inputs", "examples", "bottleneck")
SURE = 0.9


@instrument("boundary", asks="Where does the network change its answer, and how far from there are the examples?")
def boundary(
    of: Any,
    data: Any = "test",
    *,
    plane: Kind = "auto",
    through: tuple[int, ...] = (),
    layer: str = "",
    box: tuple[float, float, float, float] | None = None,
    points: int = 150,
    shown: int = 1000,
    seed: int = 0,
) -> Reading:
    """The decision boundary on a plane, the share of each class there, and distances to it along the plane.

    Parameters
    ----------
    of: a run (its first replica), or a subject; a plain function is enough but for ``plane="bottleneck"`` and for the
        zero lines of hidden units.
    data: a split of the run, a Split or a pair ``(x, y)``; for a network of two inputs it can be left out.
    plane: ``inputs`` of a network that has two; ``examples``, the plane through three of them, or through two and
        along a random direction; ``bottleneck``, the two units of a hidden layer; ``auto``: inputs where there are
        two, else examples.
    through: numbers of the two or three examples, from 0; by default the first three of different classes that the
        network gets right.
    layer: path of the layer that gets the bottleneck's two numbers; the first by default.
    box: left, right, bottom and top of the window; by default it holds the examples.
    points: of the grid along each side.
    shown: how many examples to show and measure, the first ones; those that ``through`` names are among them.
    seed: of the random direction.

    Returns
    -------
    Numbers: ``classes`` seen on the plane, ``length`` of the boundary and ``area`` of the window in units of the
    plane, ``unsure``, the share of the area where the confidence is below 0.9, ``distance_least`` and
    ``distance_median`` of the examples in the window to the boundary in it (NaN where there is none); ``error`` of the
    examples shown; for planes of inputs with a known range ``beyond_range``, the share of the window outside of it;
    ``lines``, how many units of the first layer change sign in the window (two inputs).  Arrays: ``x``, ``y``
    ``(points,)``, ``answer`` and ``confidence`` ``(points, points)``, rows along y, ``share`` and ``class``
    ``(classes,)``, ``boundary`` ``(segments, 2, 2)``, ``example`` ``(n, 2)`` with ``label``, ``said`` and ``distance``
    ``(n,)``; with two inputs ``line`` ``(units, 3)``, a, b, c of each first unit's line a x + b y + c = 0, and
    ``deeper`` ``(n, 2)``, the zero contours of deeper units, NaN between them.

    Raises
    ------
    RecipeError: no plane is called so, or a setting is out of range.
    DataError: examples are needed and there are none, or they span no plane; more than one number is predicted.
    ModelError: no layer of two units.
    """
    if plane not in KINDS:
        raise RecipeError(f"plane {plane!r}", wanted="one of " + ", ".join(KINDS), way_out=nearest(plane, KINDS))
    if not 8 <= points <= 2000 or shown < 0:
        raise RecipeError(
            f"points={points}, shown={shown}", wanted="8 to 2000 points, 0 or more shown", way_out="Leave them out."
        )
    seen = subject(of)
    names = _names(seen)
    two = int(np.prod(seen.inputs)) == 2
    kind = ("inputs" if two else "examples") if plane == "auto" else plane
    if kind == "inputs" and not two:
        raise DataError(
            f"a plane of inputs for a network of {int(np.prod(seen.inputs))}",
            wanted="a network of two inputs",
            way_out="Use plane='examples'.",
        )
    x, y = examples(of, data, max(shown, max(through, default=-1) + 1, 100 if kind == "examples" else 1))
    labels = None if y is None else _labels(y, names)
    if kind == "inputs":
        columns = tuple(of.about["dataset"].get("columns", ())) if hasattr(of, "about") else ()
        place, index = of_inputs(seen, x, columns), np.arange(0 if x is None else len(x))
    elif kind == "bottleneck":
        place = of_bottleneck(seen, x, layer)
        index = np.arange(len(place.points))
    else:
        index = chosen(seen, x, labels, through)
        assert x is not None
        place = spanned(seen, x[index], seed)
    here = place.corners if kind == "examples" else place.points
    index, here = index[:shown] if kind != "examples" else index, here[:shown] if kind != "examples" else here
    grid = window(box, here, points, wide=kind == "examples")
    return _read(seen, names, kind, place, grid, here, None if labels is None else labels[index])


def _read(
    seen: Subject,
    names: tuple[str, ...],
    kind: str,
    place: Plane,
    grid: tuple[np.ndarray, np.ndarray],
    here: np.ndarray,
    labels: np.ndarray | None,
) -> Reading:
    x, y = grid
    at = np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2)
    logits = place.ask(at).astype(np.float64)
    margin = margins(logits).reshape(len(y), len(x), -1)
    sure = _confidence(seen, logits).reshape(len(y), len(x))
    segments = boundaries(x, y, margin)
    share = areas(x, y, margin)
    far = distances(here, segments)
    inside = (here >= (x[0], y[0])).all(axis=1) & (here <= (x[-1], y[-1])).all(axis=1)
    known = far[inside & np.isfinite(far)]
    area = float((x[-1] - x[0]) * (y[-1] - y[0]))
    numbers: dict[str, Any] = {
        "classes": int((share > 0).sum()), "length": length(segments), "area": area,
        "unsure": float((sure < SURE).mean()),
        "distance_least": float(known.min()) if len(known) else float("nan"),
        "distance_median": float(np.median(known)) if len(known) else float("nan"),
    }  # fmt: skip
    arrays: dict[str, np.ndarray] = {
        "x": x, "y": y, "answer": margin.argmax(axis=-1).astype(np.int32), "confidence": sure, "share": share,
        "class": np.array(names), "boundary": segments, "example": here, "distance": far,
        "axis": np.array(place.labels), "kind": np.array(kind),
    }  # fmt: skip
    if len(here):
        said = margins(place.ask(here)).argmax(axis=-1)
        arrays["said"] = said
        if labels is not None:
            arrays["label"] = labels
            numbers["error"] = float((said != labels).mean())
    if place.lift is not None and seen.range is not None:
        low, high = seen.range
        outside = in_rows(lambda part: _outside(place, part, low, high), at)
        numbers["beyond_range"] = float(outside.mean())
    if kind == "inputs" and seen.network is not None:
        found, deeper = zeros(seen, place, x, y)
        if found is not None:
            arrays |= {"line": found, "deeper": deeper}
            numbers["lines"] = crossing(found, x, y)
    return Reading("boundary", numbers, arrays, _draw, _note(numbers, kind, len(known)))


def _outside(place: Plane, at: np.ndarray, low: float, high: float) -> np.ndarray:
    assert place.lift is not None
    lifted = place.lift(at).reshape(len(at), -1)
    # Rounding on the way to the plane and back is no departure.
    room = 1e-5 * (high - low)
    return np.asarray((lifted.min(axis=1) < low - room) | (lifted.max(axis=1) > high + room))


def _note(numbers: dict[str, Any], kind: str, count: int) -> str:
    where = {"inputs": "over its inputs", "examples": "on the plane", "bottleneck": "in the plane of the bottleneck"}
    if numbers["classes"] < 2:
        return f"The network gives one answer {where[kind]}, so that there is no boundary in this window."
    text = f"The network gives {numbers['classes']} answers {where[kind]}; on {100 * numbers['unsure']:.0f} % of the "
    text += "area its confidence is below 90 %."
    if not count:
        return text
    if kind == "examples":
        each = ("two", "three")[count > 2]
        return text + f" Along the plane the nearest of the {each} examples is {numbers['distance_least']:.3g} away."
    return text + f" Half of the examples are less than {numbers['distance_median']:.2g} away from the boundary."


def _names(seen: Subject) -> tuple[str, ...]:
    if seen.task.kind == "classification" and len(seen.task.classes) > 1:
        return seen.task.classes
    if seen.task.outputs(seen.inputs) == 1:
        return ("below 0", "above 0")
    raise DataError(
        f"a boundary of a task of {seen.task.kind} with {seen.task.outputs(seen.inputs)} outputs",
        wanted="classes, or one number whose sign is the answer",
        way_out="Use see.picture for functions.",
    )


def _labels(targets: np.ndarray, names: tuple[str, ...]) -> np.ndarray:
    if names == ("below 0", "above 0") and not np.issubdtype(targets.dtype, np.integer):
        return (targets.reshape(-1) > 0).astype(np.int32)
    labels = targets.reshape(-1)
    if len(labels) and (not np.issubdtype(labels.dtype, np.integer) or labels.min() < 0 or labels.max() >= len(names)):
        raise DataError(
            f"targets of type {labels.dtype} for {len(names)} classes",
            wanted=f"labels from 0 to {len(names) - 1}",
            way_out="Give the labels as whole numbers.",
        )
    return labels.astype(np.int32)


def _confidence(seen: Subject, logits: np.ndarray) -> np.ndarray:
    """The probability of the answer; of one number that was fitted to -1 and 1 how near it is to either."""
    if logits.shape[1] > 1:
        e = np.exp(logits - logits.max(axis=1, keepdims=True))
        return np.asarray((e / e.sum(axis=1, keepdims=True)).max(axis=1))
    size = np.abs(logits[:, 0])
    return (1 + np.minimum(size, 1)) / 2 if seen.task.kind == "regression" else 1 / (1 + np.exp(-size))


def _draw(reading: Reading) -> Any:
    return picture(reading)


@boundary.known_case
def a_line() -> None:
    """Two classes told by w x + c: the boundary is a line, |w x + c| / |w| away; here it halves a square."""
    logits = lambda x: np.stack([np.zeros(len(x)), 3 * x[:, 0] + 4 * x[:, 1] - 1], axis=1)  # noqa: E731
    seen = subject(logits, input_shape=(2,), classes=2)
    x = np.array([[0.0, 0.0], [0.2, 0.1], [-1.0, 1.0]], np.float32)
    found = boundary(seen, (x, np.array([0, 0, 0])), box=(-1, 1, -1, 1))
    assert np.allclose(found.arrays["distance"], np.abs(x @ [3, 4] - 1) / 5, atol=1e-6)
    # It enters the square at (-1, 1) and leaves it at (1, -1/2), so that class 1 has a triangle.
    assert np.isclose(float(found.numbers["length"]), np.hypot(2, 1.5), atol=1e-6)
    assert np.allclose(found.arrays["share"], [1 - 1.5 / 4, 1.5 / 4], atol=1e-6)


@boundary.known_case
def a_plane_through_three_points() -> None:
    """On a plane in five dimensions the distance is |w x| over the length of w's projection onto the plane."""
    rng = np.random.default_rng(0)
    w, x = rng.normal(size=5), rng.normal(size=(3, 5)).astype(np.float32)
    seen = subject(lambda v: np.stack([-v @ w / 2, v @ w / 2], axis=1), input_shape=(5,), classes=2)
    labels = (x @ w > 0).astype(int)
    found = boundary(seen, (x, labels), through=(0, 1, 2), box=(-9, 9, -9, 9))
    basis, _ = np.linalg.qr(np.stack([x[1] - x[0], x[2] - x[0]], axis=1).astype(float))
    assert np.allclose(found.arrays["distance"], np.abs(x @ w) / np.linalg.norm(basis.T @ w), atol=1e-4)
    # Coordinates are lengths: the examples keep their distances from one another.
    at = found.arrays["example"]
    assert np.isclose(np.linalg.norm(at[1] - at[2]), np.linalg.norm(x[1] - x[2]), atol=1e-5)


@boundary.known_case
def three_sectors() -> None:
    """Three equally inclined logits part a disc-symmetric window into sectors that meet in one point."""
    angles = np.pi / 2 + 2 * np.pi * np.arange(3) / 3
    w = np.stack([np.cos(angles), np.sin(angles)])
    found = boundary(subject(lambda x: x @ w, input_shape=(2,), classes=3), box=(-1, 1, -1, 1), points=301)
    assert found.numbers["classes"] == 3
    # Rays downwards, and to the upper left and right at 30 degrees, from the middle to the side of the square.
    assert np.isclose(float(found.numbers["length"]), 1 + 2 / np.cos(np.pi / 6), atol=0.01)
    top = (2 - 1 / np.sqrt(3)) / 4
    assert np.allclose(found.arrays["share"], [top, (1 - top) / 2, (1 - top) / 2], atol=1e-3)
