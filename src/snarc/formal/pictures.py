"""Pictures of what was synthesised: rasters of a machine, covered shapes, approximated functions."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from snarc import draw
from snarc.errors import FormalError, LimitError

from .activity import evaluate
from .approximate import Approximation
from .boolean import Synthesis
from .compiler import NeuralRun
from .drawing import LABELLED, LIT, MOST_DRAWN, draw_network
from .geometry import Region, grid
from .logic import rows
from .surface import Patchwork

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MOST_ROWS = 2_000  # of a raster


def draw_synthesis(made: Synthesis, title: str = "") -> Figure:
    """The network of a Boolean function, or for more than 400 neurons the bits of its truth table."""
    if made.network.size <= MOST_DRAWN:
        return draw_network(made.network, title=title)
    if made.table is None:
        raise LimitError(
            f"a picture of {made.network.size:,} neurons",
            wanted=f"at most {MOST_DRAWN}",
            way_out="Use method='minimised'.",
        )
    bits = len(made.names)
    high = 2 ** (bits // 2)
    figure, ax = draw.new(width=7.0, height=5.2)
    with draw.style():
        ax.imshow(made.table.reshape(high, -1), cmap="cividis", aspect="auto")
        ax.grid(False)
        ax.set_xlabel(f"the last {bits - bits // 2} variables as a binary number")
        ax.set_ylabel(f"the first {bits // 2} variables as a binary number")
        ax.set_title(title or f"truth table, {made.hidden:,} hidden neurons")
    return figure


def draw_truth_table(made: Synthesis, title: str = "") -> Figure:
    """Rows of the truth table beside the states of all neurons, lit where they fire; for up to 6 variables."""
    if made.table is None or len(made.names) > 6:
        raise LimitError(f"a table of {len(made.names)} variables", wanted="at most 6", way_out="Draw the network.")
    from dataclasses import replace

    net = made.network
    states = evaluate(replace(net, outputs=tuple(range(net.size))), rows(len(made.names)))
    figure, ax = draw.new(width=max(4.5, 0.42 * net.size + 1.6), height=max(2.4, 0.26 * len(states) + 1.3))
    _raster(ax, states)
    with draw.style():
        ax.set_xticks(range(net.size), [net.name(k) for k in range(net.size)], rotation=0 if net.size < 12 else 90)
        ax.set_yticks(range(len(states)), ["".join(map(str, r)) for r in rows(len(made.names)).tolist()])
        ax.set_ylabel("input")
        ax.set_title(title or "states of all neurons")
    return figure


def draw_machine(run: NeuralRun, title: str = "") -> Figure:
    """The tape of a Turing machine, step by step, beside the states of the neurons that simulate it.

    Raises
    ------
    LimitError: more than 2,000 steps.
    FormalError: a run that was not traced.
    """
    if run.steps > MOST_ROWS:
        raise LimitError(f"a raster of {run.steps:,} rows", wanted=f"at most {MOST_ROWS:,}", way_out="Run it shorter.")
    if not run.states:
        raise FormalError("a run without its states", wanted="a traced one", way_out="Use turing(...).run(word).")
    machine, net = run.neural.machine, run.neural.network
    tape, heads = _tape(run)
    states = np.array([[float(v) for v in s] for s in run.states])
    fine = run.steps <= 60
    if not fine:  # one row a step of the machine, with the largest state of each neuron within it
        states = np.maximum.reduceat(states, np.arange(0, len(states), 4))[: len(tape)]
    tall = float(np.clip(0.16 * len(tape) + 1.6, 4.0, 9.0))
    figure, (left, right) = draw.new(1, 2, width=12.5, height=tall, width_ratios=(1, 1.5))
    kinds = len(machine.symbols)
    with draw.style():
        from matplotlib.colors import ListedColormap

        shades = [draw.PAPER, *(draw.PALETTE[k % 8] for k in range(kinds - 1))]
        left.imshow(tape, cmap=ListedColormap(shades), vmin=-0.5, vmax=kinds - 0.5, aspect="auto")
        size = 3.5 if len(tape) > 60 else 7
        left.plot(
            heads,
            range(len(heads)),
            "o",
            color=draw.INK,
            markersize=size,
            markeredgecolor=draw.PAPER,
            markeredgewidth=0.7,
        )
        left.grid(False)
        left.set_xlabel("cell of the tape")
        left.set_ylabel("step of the machine")
        left.set_title("the tape, the head as a dot")
        _key(
            left,
            [(s if s != machine.blank else f"{s} (blank)", c) for s, c in zip(machine.symbols, shades)],
            -0.75 / tall,
        )
        _raster(right, states)
        labels = [net.name(k).replace(">=", "≥") for k in range(net.size)]
        right.set_xticks(range(net.size), labels, rotation=90, fontsize=8 if net.size <= LABELLED else 6)
        right.set_ylabel("step of the network" if fine else "four steps of the network")
        right.set_title(f"its {net.size} neurons, from 0 (white) to 1 (amber)")
        if title:
            figure.suptitle(title, x=0.01, ha="left", fontsize=13, fontweight="bold")
    return figure


def draw_cantor(run: NeuralRun, title: str = "") -> Figure:
    """The path of the two stacks through the square of a Cantor set with itself, coloured by time."""
    net = run.neural.network
    kinds = len(run.neural.machine.symbols)
    every = run.states[::4]
    path = np.array([[float(s[net.number(name)]) for name in ("left", "right")] for s in every])
    figure, ax = draw.new(width=6.6, height=5.6)
    with draw.style():
        for level in (1, 2, 3):
            for low, high in _cantor(2 * kinds, level):
                for span in (ax.axvspan, ax.axhspan):
                    span(low, high, color=draw.GRID, alpha=0.28, linewidth=0)
        ax.plot(*path.T, color=draw.MUTED, linewidth=0.4, alpha=0.5)
        dots = ax.scatter(*path.T, c=np.arange(len(path)), cmap=draw.SEQUENTIAL, s=22, zorder=3)
        ax.grid(False)
        ax.set_xlabel('neuron "left": the tape left of the head')
        ax.set_ylabel('neuron "right": the tape from the head on')
        ax.set_xlim(-0.03, 1.0)
        ax.set_ylim(-0.03, 1.0)
        figure.colorbar(dots, ax=ax, label="step of the machine", pad=0.02)
        ax.set_title(title or "Two stacks as two numbers")
    return figure


def draw_region(region: Region, title: str = "") -> Figure:
    """The output of a region's network over its box, with the border of the wanted set; for two dimensions.

    Raises
    ------
    FormalError: a region of another dimension.
    """
    if len(region.box[0]) != 2:
        raise FormalError(
            f"a region of {len(region.box[0])} dimensions", wanted="two", way_out="Only flat regions can be drawn."
        )
    figure, ax = draw.new(width=6.2, height=5.4)
    picture_region(ax, region)
    with draw.style():
        ax.set_title(title or f"{region.network.computed:,} neurons")
    return figure


def picture_region(ax: Axes, region: Region, side: int = 320, bar: bool = True) -> None:
    """Draw a flat region into an axis."""
    points = grid(region.box, side * side)
    size = region.network.size
    values = (
        evaluate(region.network, points)[:, 0]
        if size < 3_000 or "logistic" in region.network.activations
        else region.covered(points).astype(float)
    )
    (x0, y0), (x1, y1) = region.box
    with draw.style():
        image = ax.imshow(
            values.reshape(side, side).T, origin="lower", extent=(x0, x1, y0, y1), cmap="cividis", vmin=0, vmax=1
        )
        wanted = region.contains(points).reshape(side, side).T.astype(float)
        axis = (np.arange(side) + 0.5) / side
        ax.contour(x0 + (x1 - x0) * axis, y0 + (y1 - y0) * axis, wanted, levels=[0.5], colors=[draw.PALETTE[1]])
        ax.grid(False)
        ax.set_xlabel("x")
        ax.set_ylabel("y")
        ax.locator_params(nbins=5)
        if bar:
            ax.figure.colorbar(image, ax=ax, label="output of the network", pad=0.02)


def draw_approximation(found: Approximation, title: str = "") -> Figure:
    """A function with its approximation, the error below it, and the proved bound."""
    low, high = found.domain
    x = np.linspace(low, high, 4001)
    wanted, got = found.function(x), found(x)
    figure, (top, bottom) = draw.new(2, 1, width=7.2, height=5.4, sharex=True, height_ratios=(2, 1))
    with draw.style():
        top.plot(x, wanted, color=draw.MUTED, linewidth=4, alpha=0.45, label="the function")
        top.plot(x, got, color=draw.PALETTE[0], linewidth=1.4, label=f"the network, {found.units:,} hidden neurons")
        if found.method == "relu" and len(found.knots) <= 120:
            top.plot(found.knots, found(found.knots), "o", color=draw.PALETTE[1], markersize=4, label="kinks")
        top.set_ylabel("y")
        top.legend(loc="best")
        bottom.plot(x, got - wanted, color=draw.PALETTE[0], linewidth=1.1)
        if found.bound is not None:
            for sign in (1, -1):
                bottom.axhline(sign * found.bound, color=draw.PALETTE[1], linestyle="--", linewidth=1.2)
            bottom.text(
                high,
                found.bound,
                f"proved bound {found.bound:.3g}",
                ha="right",
                va="bottom",
                fontsize=8,
                color=draw.PALETTE[1],
            )
            bottom.set_ylim(-1.55 * found.bound, 1.55 * found.bound)
        bottom.axhline(0, color=draw.MUTED, linewidth=0.8)
        bottom.set_xlabel("x")
        bottom.set_ylabel("error")
        top.set_title(title or f"largest error {found.error:.3g}")
    return figure


def draw_patchwork(found: Patchwork, title: str = "") -> Figure:
    """A function of two variables, its approximation, and the difference."""
    side = 160
    points = grid(found.box, side * side)
    wanted, got = found.function(points).reshape(side, side).T, found(points).reshape(side, side).T
    (x0, y0), (x1, y1) = found.box
    figure, axes = draw.new(1, 3, width=12.0, height=4.0)
    low, high = min(wanted.min(), got.min()), max(wanted.max(), got.max())
    gap = max(np.abs(got - wanted).max(), 1e-12)
    units = " and ".join(f"{h:,}" for h in found.hidden)
    with draw.style():
        for ax, values, name, limits, colours in (
            (axes[0], wanted, "the function", (low, high), "cividis"),
            (axes[1], got, f"the network, {units} hidden neurons", (low, high), "cividis"),
            (axes[2], got - wanted, f"difference, rmse {found.rmse:.3g}", (-gap, gap), draw.DIVERGING),
        ):
            image = ax.imshow(
                values,
                origin="lower",
                extent=(x0, x1, y0, y1),
                cmap=colours,
                vmin=limits[0],
                vmax=limits[1],
                aspect="auto",
            )
            ax.grid(False)
            ax.set_xlabel("x")
            ax.set_title(name)
            figure.colorbar(image, ax=ax, pad=0.02)
        axes[0].set_ylabel("y")
        if title:
            figure.suptitle(title, x=0.01, ha="left", fontsize=13, fontweight="bold")
    return figure


def _raster(ax: Axes, states: np.ndarray) -> None:
    from matplotlib.colors import LinearSegmentedColormap

    with draw.style():
        amber = LinearSegmentedColormap.from_list("lit", [draw.PAPER, LIT])
        ax.imshow(states, cmap=amber, vmin=0, vmax=1, aspect="auto")
        ax.grid(False)
        if states.shape[0] <= 60:
            ax.set_yticks(np.arange(states.shape[0] + 1) - 0.5, minor=True)
            ax.grid(which="minor", axis="y", linewidth=0.3)
        ax.set_xticks(np.arange(states.shape[1] + 1) - 0.5, minor=True)
        ax.grid(which="minor", axis="x", linewidth=0.4)
        ax.tick_params(which="minor", length=0)


def _tape(run: NeuralRun) -> tuple[np.ndarray, list[int]]:
    from .turing import simulate

    machine = run.neural.machine
    first = run.configurations[0]
    again = simulate(machine, first.right, limit=run.steps)
    heads = np.array(again.positions)
    starts = heads - [len(c.left) for c in run.configurations]
    ends = heads + [max(1, len(c.right)) for c in run.configurations]
    low, high = int(starts.min()) - 1, int(ends.max()) + 1
    tape = np.zeros((len(heads), high - low))
    for t, c in enumerate(run.configurations):
        for k, symbol in enumerate(c.left + c.right):
            tape[t, starts[t] + k - low] = machine.symbols.index(symbol)
    return tape, (heads - low).tolist()


def _key(ax: Axes, entries: list[tuple[str, str]], below: float) -> None:
    from matplotlib.patches import Patch

    handles = [Patch(facecolor=c, edgecolor=draw.MUTED, linewidth=0.5, label=s) for s, c in entries]
    ax.legend(handles=handles, loc="upper center", bbox_to_anchor=(0.5, below), ncols=len(handles))


def _cantor(base: int, level: int) -> list[tuple[float, float]]:
    """Intervals of the numbers whose first ``level`` digits are odd."""
    intervals = [(0.0, 1.0)]
    for _ in range(level):
        intervals = [
            (low + (high - low) * d / base, low + (high - low) * (d + 1) / base)
            for low, high in intervals
            for d in range(1, base, 2)
        ]
    return intervals
