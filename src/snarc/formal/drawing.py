"""Pictures of networks: layers, weights and lit states."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np

from snarc import draw
from snarc.errors import LimitError

from .network import Network

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MOST_DRAWN = 400  # neurons
LABELLED = 40  # above this, neurons carry no names
WEIGHED = 30  # above this many edges, no weights are written
LIT, POSITIVE, NEGATIVE = draw.PALETTE[4], draw.PALETTE[0], draw.PALETTE[1]


def positions(network: Network) -> np.ndarray:
    """Where neurons are drawn, ``(size, 2)``: layers from left to right, or a circle if there is a cycle."""
    levels = network.levels
    if levels is None:
        angle = np.pi / 2 - 2 * np.pi * np.arange(network.size) / network.size
        return np.stack([np.cos(angle), np.sin(angle)], 1) * max(1.0, network.size / 6)
    levels = levels.copy()
    # Neurons that take no input (constants) stand in the first hidden layer, not among the inputs.
    levels[(levels == 0) & ~network.held] = min(1, int(levels.max(initial=0)))
    place = np.zeros((network.size, 2))
    tallest = int(np.bincount(levels).max())
    rank = np.zeros(network.size)
    for level in range(int(levels.max(initial=0)) + 1):
        members = np.flatnonzero(levels == level)
        if level:
            # Each neuron near the mean height of what feeds it, which keeps most edges from crossing.
            pull = [
                np.mean(rank[network.sources[network.targets == m]]) if (network.targets == m).any() else 0.0
                for m in members
            ]
            members = members[np.argsort(pull, kind="stable")]
        rank[members] = (np.arange(len(members)) + 0.5) / len(members)
        place[members, 0] = level
        gap = min(1.6, max(1.0, tallest / len(members) * 0.6))
        place[members, 1] = -(np.arange(len(members)) - (len(members) - 1) / 2) * gap
    place[:, 0] *= max(1.7, 0.32 * tallest)
    return place


def draw_network(
    network: Network, state: Sequence[Any] | np.ndarray | None = None, *, title: str = "", ax: Axes | None = None
) -> Figure:
    """A picture of a network.

    Edges are blue where the weight is positive and orange where it is negative, the wider the larger; written
    beside them where there are few.  Below each neuron stands its bias.  With a state, neurons are filled with
    amber as they are active.

    Parameters
    ----------
    state: ``(size,)``.
    ax: where to draw; else a new figure.

    Raises
    ------
    LimitError: more than 400 neurons.
    """
    if network.size > MOST_DRAWN:
        raise LimitError(
            f"a picture of {network.size:,} neurons", wanted=f"at most {MOST_DRAWN}", way_out="Draw a smaller one."
        )
    place = positions(network)
    spread = np.ptp(place, axis=0) if network.size else np.zeros(2)
    if ax is None:
        scale = min(1.0, 13 / (spread[0] + 1.6), 11 / (spread[1] + 2))
        _, ax = draw.new(width=max(4.5, scale * (spread[0] + 1.6) * 1.15), height=max(2.6, scale * (spread[1] + 2)))
    draw.bare(ax)
    ax.set_aspect("equal")
    ax.set_xlim(place[:, 0].min() - 0.8, place[:, 0].max() + 0.8)
    ax.set_ylim(place[:, 1].min() - 0.95, place[:, 1].max() + 0.75)
    radius = 0.3 if network.size <= LABELLED else 0.22
    _edges(ax, network, place, radius, bent=network.levels is None)
    values = np.zeros(network.size) if state is None else np.clip(np.asarray([float(v) for v in state]), 0, 1)
    from matplotlib.patches import Circle

    for k in range(network.size):
        lit = state is not None and values[k] > 0
        fill = _mix(values[k]) if lit else draw.PAPER
        edge = draw.PALETTE[2] if k in network.outputs else draw.INK
        line = 2.2 if k in network.outputs else 1.3
        ax.add_patch(Circle(tuple(place[k]), radius, facecolor=fill, edgecolor=edge, linewidth=line, zorder=3))
        if network.size <= LABELLED:
            label = network.name(k)
            size = 9 if len(label) <= 4 else 7 if len(label) <= 8 else 5.5
            ink = "#1b1f25" if lit else draw.INK  # stays dark on amber in both themes
            ax.text(place[k, 0], place[k, 1], label, ha="center", va="center", fontsize=size, zorder=4, color=ink)
            if network.levels is None and network.biases[k]:
                outside = place[k] * (1 + (radius + 0.3) / max(1e-9, np.hypot(*place[k])))
                _note(ax, outside[0], outside[1], f"bias {_number(network.biases[k])}")
            elif network.levels is not None and not network.held[k]:
                _note(ax, place[k, 0], place[k, 1] - radius - 0.15, f"bias {_number(network.biases[k])}")
    if title:
        with draw.style():
            ax.set_title(title)
    return ax.figure  # type: ignore[return-value]


def _edges(ax: Axes, network: Network, place: np.ndarray, radius: float, bent: bool) -> None:
    from matplotlib.patches import FancyArrowPatch

    weights = np.asarray(network.weights, float)
    largest = np.abs(weights).max(initial=1e-12)
    order = np.argsort(np.abs(weights))
    levels = network.levels
    taken: list[np.ndarray] = []
    for k in order.tolist():
        a, b = int(network.sources[k]), int(network.targets[k])
        colour = POSITIVE if weights[k] >= 0 else NEGATIVE
        strength = abs(weights[k]) / largest
        width = 0.6 + 1.8 * strength
        faint = 0.25 if len(weights) > 300 else 0.55 if len(weights) > WEIGHED else 0.85
        if a == b:
            centre = place[a] * (1 + 0.42 / max(1e-9, np.hypot(*place[a]))) if bent else place[a] + [0, 0.42]
            from matplotlib.patches import Circle

            ax.add_patch(
                Circle(tuple(centre), 0.2, fill=False, edgecolor=colour, linewidth=width, alpha=faint, zorder=1)
            )
            continue
        skips = levels is not None and levels[b] - levels[a] > 1
        start, end = place[a], place[b]
        along = (end - start) / max(1e-9, np.hypot(*(end - start)))
        ax.add_patch(
            FancyArrowPatch(
                tuple(start + along * radius), tuple(end - along * (radius + 0.03)),
                arrowstyle="-|>" if len(weights) <= 200 else "-", mutation_scale=9, color=colour, linewidth=width,
                alpha=faint, zorder=1, shrinkA=0, shrinkB=0,
                connectionstyle=f"arc3,rad={0.14 if bent else 0.12 if skips else 0.0}",
            )
        )  # fmt: skip
        if len(weights) <= WEIGHED and not bent and not skips:
            spots = [start + (end - start) * f for f in (0.32, 0.42, 0.52, 0.26, 0.6, 0.68, 0.74)]
            # The first place along the edge that is not near another weight, or else the farthest from all.
            room = [min((float(np.hypot(*(s - t))) for t in taken), default=9.0) for s in spots]
            best = next((j for j, r in enumerate(room) if r > 0.27), int(np.argmax(room)))
            taken.append(spots[best])
            _note(ax, spots[best][0], spots[best][1], _number(network.weights[k]), colour, box=True)


def _note(ax: Axes, x: float, y: float, text: str, colour: str = draw.MUTED, box: bool = False) -> None:
    patch = {"facecolor": draw.PAPER, "edgecolor": "none", "pad": 0.8} if box else None
    ax.text(x, y, text, ha="center", va="center", fontsize=7.5, color=colour, zorder=2, bbox=patch)


def _number(value: Any) -> str:
    if isinstance(value, int | Fraction):
        text = str(value)
        return (text if len(text) <= 7 else f"{float(value):.3g}").replace("-", "−")
    return f"{float(value):.3g}".replace("-", "−")


def _mix(value: float) -> str:
    """Amber, the lighter the less active."""
    amber = np.array([int(LIT[k : k + 2], 16) for k in (1, 3, 5)], float)
    mixed = 255 - (255 - amber) * (0.25 + 0.75 * value)
    return "#" + "".join(f"{round(c):02x}" for c in mixed)
