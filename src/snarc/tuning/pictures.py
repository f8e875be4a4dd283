"""Pictures of searches: readings in, Matplotlib figures out."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from snarc import draw
from snarc.reading import Reading

if TYPE_CHECKING:
    from matplotlib.figure import Figure

BLUE, RED, GREEN = draw.PALETTE[0], draw.PALETTE[1], draw.PALETTE[2]


def _styled(function: Callable[..., Figure]) -> Callable[..., Figure]:
    """Titles and legends take the settings of the moment when they are made, so the whole function needs them."""

    @functools.wraps(function)
    def draw_it(reading: Reading, **options: Any) -> Figure:
        with draw.style():
            return function(reading, **options)

    return draw_it


@_styled
def range_test(reading: Reading, **options: Any) -> Figure:
    """Loss against learning rate, with the suggestion marked."""
    rates, losses, smoothed = (reading.arrays[n] for n in ("rates", "losses", "smoothed"))
    figure, ax = draw.new(width=6.8, height=4.0)
    ax.set_xscale("log")
    ax.plot(rates, losses.mean(axis=0), color=BLUE, linewidth=0.8, alpha=0.35, label="each step")
    ax.plot(rates, smoothed, color=BLUE, linewidth=2.2, label="smoothed")
    top = float(smoothed[0] + 0.35 * (smoothed[0] - smoothed.min()))
    low = float(min(smoothed.min(), np.nanmin(losses.mean(axis=0))))
    ax.set_ylim(low - 0.05 * (top - low), top + 0.05 * (top - low))
    dashed, dotted = (0, (4, 3)), (0, (1, 2))
    marks: Any = (("steepest", draw.MUTED, dashed), ("suggestion", RED, "-"), ("diverged", draw.MUTED, dotted))
    for name, colour, style in marks:
        rate = float(reading.numbers[name])  # type: ignore[arg-type]
        if math.isfinite(rate):
            ax.axvline(rate, color=colour, linestyle=style, linewidth=1.5, label=f"{name}: {rate:.2g}")
    last = float(reading.numbers["diverged"])  # type: ignore[arg-type]
    ax.set_xlim(rates[0], min(rates[-1], 5 * last))
    ax.set(xlabel="learning rate (rising from step to step)", ylabel="training loss of the batch")
    ax.set_title("Learning-rate range test")
    draw.legend(ax, loc="best")
    return figure


@_styled
def doubling(reading: Reading, **options: Any) -> Figure:
    """Loss after training at each rate."""
    rates, losses = reading.arrays["rates"], reading.arrays["losses"]
    good = np.isfinite(losses)
    figure, ax = draw.new(width=6.4, height=3.8)
    ax.plot(rates[good], losses[good], "o-", color=BLUE, label="loss after training")
    best = int(np.argmin(losses))
    ax.plot(rates[best], losses[best], "o", color=RED, markersize=11, label=f"best: {rates[best]:g}")
    if not good.all():
        top = float(losses[good].max())
        ax.plot(rates[~good], np.full((~good).sum(), top), "x", color=draw.INK, markersize=9, label="diverged")
    ax.set_xscale("log")
    if losses[good].min() > 0 and losses[good].max() > 10 * losses[good].min():
        ax.set_yscale("log")
    draw.plain_log(ax.xaxis)
    ax.set(xlabel="learning rate", ylabel="loss", title="Doubling search")
    draw.legend(ax, loc="best")
    return figure


@_styled
def rate_batch(reading: Reading, **options: Any) -> Figure:
    """The loss as a map over rates and batch sizes, the best pair and the best rate of each size marked."""
    from matplotlib.colors import LogNorm

    rates, sizes, losses = (reading.arrays[n] for n in ("rates", "batch_sizes", "losses"))
    finite = losses[np.isfinite(losses)]
    figure, ax = draw.new(width=max(5.0, 1.8 + 0.62 * len(rates)), height=max(2.8, 1.5 + 0.42 * len(sizes)))
    shown = np.where(np.isfinite(losses), losses, np.nan)
    wide = finite.min() > 0 and finite.max() > 5 * finite.min()
    norm: Any = {"norm": LogNorm(finite.min(), finite.max())} if wide else {}
    image = ax.imshow(shown, cmap=draw.SEQUENTIAL + "_r", aspect="auto", origin="lower", **norm)
    ax.set_xticks(range(len(rates)), [f"{r:.3g}" for r in rates], rotation=45 if len(rates) > 6 else 0)
    ax.set_yticks(range(len(sizes)), [f"{s:,}" for s in sizes])
    ax.grid(False)
    for row, column in np.argwhere(np.isinf(losses)):
        ax.text(column, row, "×", ha="center", va="center", color=draw.MUTED, fontsize=13)
    for row in range(len(sizes)):
        if np.isfinite(losses[row]).any():
            best = int(np.nanargmin(np.where(np.isfinite(losses[row]), losses[row], np.nan)))
            ax.plot(best, row, "o", color=RED, markersize=6)
    ax.set(xlabel="learning rate", ylabel="batch size")
    ax.set_title("Loss after training", pad=18)
    ax.text(0, 1.02, "dot: best rate of its row; ×: diverged", transform=ax.transAxes, fontsize=8.5, color=draw.MUTED)
    bar = figure.colorbar(image, ax=ax, label="loss")
    if wide:
        from matplotlib.ticker import LogLocator, NullLocator

        bar.ax.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        bar.ax.yaxis.set_minor_locator(NullLocator())
        bar.ax.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
    return figure


@_styled
def parallel(reading: Reading, **options: Any) -> Figure:
    """Parallel axes: a line for each trial through its values to its loss, the best in front."""
    names = [str(n) for n in reading.arrays["names"]]
    places, losses = reading.arrays["places"], reading.arrays["losses"]
    good = np.isfinite(losses)
    order = np.argsort(-losses[good])  # the best last, so that it lies on top
    figure, ax = draw.new(width=min(12.0, 2.2 + 1.4 * (len(names) + 1)), height=4.4)
    low, high = losses[good].min(), losses[good].max()
    log = low > 0 and high > 5 * low
    scaled = np.log(losses[good]) if log else losses[good]
    span = scaled.max() - scaled.min()
    height = (scaled - scaled.min()) / span if span > 0 else np.full(len(scaled), 0.5)
    cloud = np.column_stack([places[good], height])
    from matplotlib import colormaps

    colours = colormaps[draw.SEQUENTIAL](1 - np.argsort(np.argsort(losses[good])) / max(1, good.sum() - 1))
    for k in order:
        best = k == order[-1]
        ax.plot(
            range(len(names) + 1), cloud[k], color=RED if best else colours[k], linewidth=2.6 if best else 1.0,
            alpha=1.0 if best else 0.6, label="best" if best else None, clip_on=False,
        )  # fmt: skip
    ax.set_xlim(0, len(names))
    ax.set_ylim(0, 1)
    ax.set_yticks([])
    ax.grid(False)
    for side in ax.spines.values():
        side.set_visible(False)
    labels = [str(text).split("\n") for text in reading.arrays["labels"]] + [[f"{low:.4g}", f"{high:.4g}"]]
    for k, (bottom, *between, top) in enumerate(labels):
        ax.plot([k, k], [0, 1], color=draw.MUTED, linewidth=0.8, zorder=0, clip_on=False)
        ax.text(k, -0.03, bottom, ha="center", va="top", fontsize=9)
        ax.text(k, 1.03, top, ha="center", va="bottom", fontsize=9)
        for n, text in enumerate(between, 1):
            box = {"facecolor": draw.PAPER, "edgecolor": "none", "pad": 1, "alpha": 0.8}
            ax.text(k - 0.02, n / (len(between) + 1), text, ha="right", va="center", fontsize=9, bbox=box)
    ax.set_xticks(range(len(names) + 1), [*names, "loss"])
    ax.tick_params(axis="x", pad=18, length=0)
    ax.set_title(f"{len(losses)} trials, {int((~good).sum())} diverged", pad=24)
    return figure


@_styled
def fold_dots(reading: Reading, **options: Any) -> Figure:
    """What each fold gives, and the mean."""
    name = "accuracy" if "accuracy" in reading.numbers else "rmse"
    found: Any = reading.numbers[name]
    values = np.array(found.values) * (100 if name == "accuracy" else 1)
    figure, ax = draw.new(width=6.0, height=3.4)
    at = np.arange(1, len(values) + 1)
    ax.plot(at, values, "o", color=BLUE, markersize=8)
    ax.axhline(values.mean(), color=RED, linewidth=1.5, label=f"mean {values.mean():.4g}")
    draw.whole_numbers(ax.xaxis)
    ax.set(xlabel="fold" if reading.name == "cross-validate" else "repetition")
    ax.set_ylabel("accuracy (%)" if name == "accuracy" else "root mean square error")
    ax.set_title("Each fold left out once" if reading.name == "cross-validate" else "Repeated")
    draw.legend(ax, loc="best")
    return figure


@_styled
def members(reading: Reading, **options: Any) -> Figure:
    """Error of each member, of their mean, and of committees of growing size."""
    own, growing = 100 * reading.arrays["member_errors"], 100 * reading.arrays["committee_errors"]
    figure, ax = draw.new(width=6.4, height=3.8)
    at = np.arange(1, len(own) + 1)
    ax.plot(at, own, "o", color=draw.MUTED, markersize=6, label="each member alone")
    ax.axhline(own.mean(), color=draw.MUTED, linewidth=1.2, linestyle=(0, (4, 3)), label="mean of the members")
    ax.plot(at, growing, "o-", color=RED, linewidth=2.2, label="the first members together")
    draw.whole_numbers(ax.xaxis)
    ax.set(xlabel="members", ylabel="error (%)", title="A committee and its members")
    ax.set_ylim(bottom=max(0.0, min(own.min(), growing.min()) * 0.8))
    draw.legend(ax, loc="best")
    return figure


@_styled
def pruning(reading: Reading, **options: Any) -> Figure:
    """Error against the share that is deleted, at once and after learning again."""
    parts = 100 * reading.arrays["deleted"]
    figure, ax = draw.new(width=6.4, height=3.8)
    classes = "errors" in reading.arrays
    name, factor = ("errors", 100.0) if classes else ("losses", 1.0)
    ax.plot(parts, factor * reading.arrays[name], "o-", color=RED, label="deleted")
    again = factor * reading.arrays[name + "_retrained"]
    if np.isfinite(again).any():
        ax.plot(parts, again, "o-", color=BLUE, label="and learnt again")
    before = factor * float(reading.arrays[name + "_before"])
    ax.axhline(before, color=draw.MUTED, linewidth=1.2, linestyle=(0, (4, 3)), label=f"whole: {before:.3g}")
    values = np.concatenate([factor * reading.arrays[name], again[np.isfinite(again)], [before]])
    if values.min() > 0 and values.max() > 10 * values.min():
        ax.set_yscale("log")
        draw.plain_log(ax.yaxis)
    ax.set(xlabel=f"deleted {reading.arrays['what']} (%)", ylabel="error (%)" if classes else "loss")
    ax.set_title("Pruning")
    draw.legend(ax, loc="best")
    return figure
