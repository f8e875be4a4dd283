"""The picture of a decision boundary: regions, shaded by confidence, lines of hidden units, and examples."""

from __future__ import annotations

from typing import Any

import numpy as np

from snarc import draw
from snarc.reading import Reading

COLOURS = (*draw.PALETTE, "#5E3C99", "#B8B000")
MOST_IN_LEGEND = 12


def regions(ax: Any, reading: Reading, *, strength: float = 0.6) -> None:
    """Each class in its colour, the paler the less sure, and the boundary on top."""
    from matplotlib.colors import to_rgb

    x, y, answer, sure = (reading.arrays[name] for name in ("x", "y", "answer", "confidence"))
    least = 1 / max(2, len(reading.arrays["class"]))
    colours = np.array([to_rgb(COLOURS[k % len(COLOURS)]) for k in range(len(reading.arrays["class"]))])
    alpha = strength * (0.12 + 0.88 * np.clip((sure - least) / (1 - least), 0, 1))
    pixels = np.dstack([colours[answer], alpha])
    half = (x[1] - x[0]) / 2, (y[1] - y[0]) / 2
    extent = (x[0] - half[0], x[-1] + half[0], y[0] - half[1], y[-1] + half[1])
    ax.imshow(pixels, origin="lower", extent=extent, aspect="auto", interpolation="nearest")
    segments = reading.arrays["boundary"]
    lines(ax, segments, color=draw.INK, linewidth=1.6, zorder=3)
    ax.set(xlim=(x[0], x[-1]), ylim=(y[0], y[-1]))
    ax.grid(False)


def lines(ax: Any, segments: np.ndarray, **style: Any) -> None:
    """Many segments ``(n, 2, 2)`` as one line with gaps where one does not begin at the end of the one before."""
    if not len(segments):
        return
    starts = np.ones(len(segments), bool)
    starts[1:] = (np.abs(segments[1:, 0] - segments[:-1, 1]) > 0).any(axis=1)
    rows = []
    for start, (a, b) in zip(starts, segments):
        rows += [np.full(2, np.nan), a, b] if start else [b]
    ax.plot(*np.array(rows).T, **style)


def picture(reading: Reading) -> Any:
    """The figure of a reading of ``boundary``."""
    arrays = reading.arrays
    x, y, names = arrays["x"], arrays["y"], arrays["class"]
    kind = str(arrays["kind"])
    ratio = float((y[-1] - y[0]) / (x[-1] - x[0]))
    # Planes of examples have lengths along both axes, which must be told in one scale.
    equal = kind == "examples" or 0.5 < ratio < 2
    figure, ax = draw.new(width=6.2, height=float(np.clip(4.6 * (ratio if equal else 1), 3.2, 6.4)))
    with draw.style():
        regions(ax, reading)
        if equal:
            ax.set_aspect("equal")
        present = {*np.unique(arrays["answer"]).tolist(), *np.unique(arrays.get("label", [])).astype(int).tolist()}
        for k in sorted(present)[:MOST_IN_LEGEND]:
            ax.plot([], [], "s", color=COLOURS[k % len(COLOURS)], markersize=8, label=draw.shorten(str(names[k]), 16))
        _examples(ax, arrays, kind, names)
        if "line" in arrays:
            _hidden(ax, arrays)
        ax.set(xlabel=str(arrays["axis"][0]), ylabel=str(arrays["axis"][1]))
        ax.legend(loc="upper left", bbox_to_anchor=(1.01, 1.0), borderaxespad=0.0)
    return figure


def _hidden(ax: Any, arrays: Any) -> None:
    x, y = arrays["x"], arrays["y"]
    far = 2 * np.hypot(x[-1] - x[0], y[-1] - y[0])
    middle = np.array([(x[0] + x[-1]) / 2, (y[0] + y[-1]) / 2])
    shown = False
    for a, b, c in arrays["line"]:
        square = a * a + b * b
        away = (a * middle[0] + b * middle[1] + c) / np.sqrt(square) if square > 0 else np.inf
        if abs(away) < far:
            foot = middle - away * np.array([a, b]) / np.sqrt(square)
            along = far * np.array([-b, a]) / np.sqrt(square)
            style = {"color": draw.INK, "linewidth": 0.9, "linestyle": (0, (4, 3)), "alpha": 0.75, "zorder": 2}
            ax.plot(*np.stack([foot - along, foot + along]).T, label="" if shown else "first units", **style)
            shown = True
    if len(arrays["deeper"]):
        ax.plot(*arrays["deeper"].T, color=draw.MUTED, linewidth=0.6, alpha=0.7, zorder=2, label="deeper units")
    ax.set(xlim=(x[0], x[-1]), ylim=(y[0], y[-1]))


def _examples(ax: Any, arrays: Any, kind: str, names: np.ndarray) -> None:
    at = arrays["example"]
    if not len(at):
        return
    label = arrays.get("label", arrays["said"])
    colour = [COLOURS[k % len(COLOURS)] for k in label]
    wrong = label != arrays["said"]
    if kind == "examples":
        ax.plot(*at[[*range(len(at)), 0]].T, color=draw.INK, linewidth=0.8, alpha=0.6, zorder=4)
        ax.scatter(*at.T, s=80, c=colour, edgecolors=draw.PAPER, linewidths=1.6, zorder=6)
        for k, (u, v) in enumerate(at):
            ax.annotate(
                f"{k + 1}: {draw.shorten(str(names[label[k]]), 12)}", (u, v), xytext=(7, 7), zorder=7,
                textcoords="offset points", fontweight="bold", fontsize=9,
            )  # fmt: skip
        return
    size = float(np.clip(4000 / len(at), 6, 30))
    ax.scatter(*at[~wrong].T, s=size, c=[c for c, w in zip(colour, wrong) if not w], edgecolors=draw.PAPER,
               linewidths=0.4, zorder=5)  # fmt: skip
    if wrong.any():
        ax.scatter(*at[wrong].T, s=1.6 * size, c=[c for c, w in zip(colour, wrong) if w], edgecolors=draw.INK,
                   linewidths=1.1, zorder=6)  # fmt: skip
        ax.scatter([], [], s=34, c="none", edgecolors=draw.INK, linewidths=1.1, label="misread")
