"""Pictures of a learner with two inputs or one: its line at any step of its path, and the film of it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from snarc.errors import DataError, RecipeError
from snarc.film import animate

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_MARKS = ("o", "s")


def picture(
    learner: Any, X: Any, y: Any, step: int = -1, *, labels: tuple[str, str] = ("$x_1$", "$x_2$"), title: str = ""
) -> Figure:
    """A learner at one step of its path: its decision line among points of two classes, or its regression line.

    Parameters
    ----------
    learner: fitted, with ``path_`` (any of this package with one output).
    X: inputs ``(N, 2)`` of a classifier, or ``(N, 1)`` of a regression.
    y: targets ``(N,)``.
    step: position in ``path_``; the last by default.
    labels: of the two axes.
    title: above the picture; by default the step.

    Raises
    ------
    DataError: not so many inputs.
    RecipeError: there is no such step.
    """
    from snarc import draw

    X, y, path = _fit_for_drawing(learner, X, y)
    if not -len(path) <= step < len(path):
        came = f"step {step} of a path of {len(path)} records"
        raise RecipeError(came, wanted=f"0 to {len(path) - 1}", way_out="Leave it out for the last.")
    step %= len(path)
    figure, ax = draw.new(width=5.6, height=4.6)
    with draw.style():
        if hasattr(learner, "classes_"):
            plane(ax, path[step], X, y, classes=learner.classes_)
            ax.set_aspect("equal")
        else:
            _line(ax, path[step], X, y, learner)
        ax.set_xlabel(labels[0])
        ax.set_ylabel(labels[1])
        ax.set_title(title or (f"step {step} of {len(path) - 1}"))
    return figure


def film(
    learner: Any,
    X: Any,
    y: Any,
    path: str | os.PathLike[str],
    *,
    frames: int = 60,
    fps: float = 4.0,
    labels: tuple[str, str] = ("$x_1$", "$x_2$"),
    title: str = "",
) -> Path:
    """The film of a learner's path as a GIF or a self-contained HTML page with a slider.

    Parameters
    ----------
    learner, X, y, labels: as for :func:`picture`.
    path: the file, ending in ``.gif`` or ``.html``.
    frames: most frames; of a longer path they are spread so that the early steps, where most happens, come densely.
    fps: frames a second.

    Raises
    ------
    DataError, RecipeError: as :func:`picture` and :func:`animate`.
    """
    count = len(learner.path_)
    return animate(
        lambda step: picture(learner, X, y, step, labels=labels), steps_to_show(count, frames), path, fps=fps,
        title=title or f"{type(learner).__name__} learning",
    )  # fmt: skip


def steps_to_show(count: int, frames: int) -> list[int]:
    """At most ``frames`` positions of a path of ``count`` records, first and last among them, early ones densely.

    >>> steps_to_show(4, 10), steps_to_show(1001, 5)
    ([0, 1, 2, 3], [0, 5, 31, 177, 1000])
    """
    if count <= frames or frames < 2:
        return list(range(count))
    spread = np.expm1(np.linspace(0, np.log(count), frames))
    chosen = {round(s) for s in spread[:-1].tolist()} | {0, count - 1}
    early = iter(range(count))
    while len(chosen) < frames:
        chosen.add(next(early))
    return sorted(chosen)


def plane(
    ax: Axes, weights: np.ndarray, X: np.ndarray, y: np.ndarray, *, classes: np.ndarray, arrow: bool = True
) -> None:
    """Points of two classes, the line where w0 + w . x = 0, the side of the second class shaded, the weight vector."""
    from snarc import draw

    low, high = X.min(0), X.max(0)
    middle, half = (low + high) / 2, 0.62 * max(float((high - low).max()), 1e-9)
    ax.set_xlim(middle[0] - half, middle[0] + half)
    ax.set_ylim(middle[1] - half, middle[1] + half)
    normal = weights[1:]
    length = float(np.linalg.norm(normal))
    field = weights[0] + X @ normal
    wrong = (field > 0) != (y == classes[1])
    if length > 0:
        unit, along = normal / length, np.array([-normal[1], normal[0]]) / length
        foot = middle - unit * (weights[0] + middle @ normal) / length
        ends = foot + np.outer([-4 * half, 4 * half], along)
        ax.fill(*np.vstack([ends, ends[::-1] + 8 * half * unit]).T, color=draw.PALETTE[0], alpha=0.08, lw=0)
        ax.plot(*ends.T, color=draw.PALETTE[1], lw=2.5)
        if arrow and np.all(np.abs(foot - middle) < half):
            ax.annotate(
                "", foot + 0.3 * half * unit, foot,
                arrowprops={"arrowstyle": "-|>", "color": draw.PALETTE[1], "lw": 1.8, "shrinkA": 0, "shrinkB": 0},
            )  # fmt: skip
    for k, label in enumerate(classes):
        own = y == label
        look: dict[str, Any] = {"s": 46, "lw": 0.8, "zorder": 3, "edgecolor": draw.PAPER}
        ax.scatter(
            X[own, 0], X[own, 1], marker=_MARKS[k], color=draw.PALETTE[(2, 0)[k]], label=f"class {label}", **look
        )
    if wrong.any():
        ax.scatter(
            X[wrong, 0], X[wrong, 1], s=150, facecolor="none", edgecolor=draw.INK, lw=1.4, zorder=4, label="wrong side"
        )
    ax.legend(loc="upper left", bbox_to_anchor=(0, -0.13), ncols=3, borderaxespad=0)


def _line(ax: Axes, weights: np.ndarray, X: np.ndarray, y: np.ndarray, learner: Any) -> None:
    from snarc import draw

    x = X[:, 0]
    ends = np.array([x.min(), x.max()]) + np.array([-0.08, 0.08]) * np.ptp(x)

    def at(values: np.ndarray) -> np.ndarray:
        return weights[0] + weights[1] * (values - learner.mean_[0]) / learner.scale_[0]

    ax.vlines(x, np.minimum(y, at(x)), np.maximum(y, at(x)), color=draw.PALETTE[4], lw=1.2, label="error")
    ax.plot(ends, at(ends), color=draw.PALETTE[1], lw=2.5, label="$w_0 + w_1 x$")
    ax.scatter(x, y, s=46, color=draw.PALETTE[0], edgecolor=draw.PAPER, lw=0.8, zorder=3, label="examples")
    ax.set_xlim(*ends)
    room = 0.25 * max(float(np.ptp(y)), 1e-9)
    ax.set_ylim(float(y.min()) - room, float(y.max()) + room)
    ax.legend(loc="lower right")


def _fit_for_drawing(learner: Any, X: Any, y: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    X, y = np.asarray(X, float), np.asarray(y)
    path = np.asarray(learner.path_)
    wanted = 2 if hasattr(learner, "classes_") else 1
    if X.ndim != 2 or X.shape[1] != wanted or path.ndim != 2:
        raise DataError(
            f"inputs of shape {X.shape} and a path of shape {path.shape}",
            wanted=f"inputs (N, {wanted}) and a learner with one output",
            way_out="Draw the weights yourself from learner.path_.",
        )
    return X, y, path
