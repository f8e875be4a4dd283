"""How the learning went: loss and accuracy after each epoch, over replicas."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from snarc import draw
from snarc.errors import RunError
from snarc.reading import Estimate, Reading
from snarc.registry import instrument

_LABELS = {"loss": "loss", "accuracy": "accuracy (%)", "rmse": "RMSE", "r2": "R²"}


@instrument("learning", asks="How did loss and accuracy change from epoch to epoch?")
def learning(of: Any) -> Reading:
    """Learning curves of training and validation, with their spread over replicas.

    Parameters
    ----------
    of: a run, or its history.

    Returns
    -------
    Numbers: ``epochs``, ``seconds`` of training, ``best_epoch`` (of the smallest validation loss, or training loss
    where nothing was held out; counted from 1).  Arrays ``(epochs,)``: ``epoch``, and for each quantity its mean over
    the replicas that reached the epoch, ``_low`` and ``_high`` (lowest and highest replica) and ``_standard_error``;
    ``best_epochs`` ``(replicas,)``.

    Raises
    ------
    RunError: there is no record of a training.

    >>> from snarc.training import History
    >>> learning(History([[{"epoch": 1, "loss": 2.0}, {"epoch": 2, "loss": 1.0}]])).arrays["loss"]
    array([2., 1.])
    """
    history = getattr(of, "history", of)
    if not hasattr(history, "__len__"):
        raise RunError(
            f"the learning of a {type(of).__name__}, which has no record of a training",
            wanted="a run or its history",
            way_out="Open a run with snarc.open(...).",
        )
    arrays: dict[str, np.ndarray] = {"epoch": np.arange(1, len(history) + 1)}
    numbers: dict[str, float | int | Estimate] = {"epochs": len(history)}
    if len(history) == 0:
        return Reading("learning", numbers, arrays, note="No epoch was finished.")
    for name in history:
        table = history[name]
        if name.removeprefix("validation_") in _LABELS:
            arrays |= _spread(name, np.where(np.isfinite(table), table, np.nan))
    judged = history["validation_loss" if "validation_loss" in history.names else "loss"]
    # A replica that stopped at once has no epoch to judge by.
    best = [int(np.nanargmin(row)) + 1 for row in judged if np.isfinite(row).any()]
    arrays["best_epochs"] = np.array(best, int)
    if best:
        numbers["best_epoch"] = Estimate.over(best)
    if "seconds" in history.names:
        # The replicas of an epoch are timed together.
        numbers["seconds"] = float(np.nansum(np.nanmax(_padded(history["seconds"]), axis=0)))
    return Reading("learning", numbers, arrays, _draw, _note(arrays, numbers))


def _padded(table: np.ndarray) -> np.ndarray:
    return np.vstack([table, np.where(np.isnan(table).all(axis=0), 0.0, np.nan)])


def _spread(name: str, table: np.ndarray) -> dict[str, np.ndarray]:
    count = np.isfinite(table).sum(axis=0)
    ok = count > 0
    found = {part: np.full(table.shape[1], np.nan) for part in ("", "_low", "_high", "_standard_error")}
    found[""][ok] = np.nanmean(table[:, ok], axis=0)
    found["_low"][ok] = np.nanmin(table[:, ok], axis=0)
    found["_high"][ok] = np.nanmax(table[:, ok], axis=0)
    several = count > 1
    found["_standard_error"][several] = np.nanstd(table[:, several], axis=0, ddof=1) / np.sqrt(count[several])
    return {name + part: values for part, values in found.items()}


def _note(arrays: dict[str, np.ndarray], numbers: dict[str, Any]) -> str:
    if "best_epoch" not in numbers:
        return ""
    kind = "validation" if "validation_loss" in arrays else "training"
    best = sorted(set(arrays["best_epochs"].tolist()))
    when = f"epoch {best[0]}" if len(best) == 1 else f"epochs {best[0]} to {best[-1]}, depending on the replica"
    return f"The {kind} loss was smallest after {when} of {numbers['epochs']}."


def quantities(reading: Reading) -> list[str]:
    """Which of loss, accuracy, RMSE and R2 the curves show."""
    return [name for name in _LABELS if name in reading.arrays or f"validation_{name}" in reading.arrays]


def _draw(reading: Reading, quantity: str | None = None, ax: Any = None) -> Any:
    """Curves of one quantity (``loss``, ``accuracy``, ``rmse``, ``r2``), or of all side by side."""
    shown = [quantity] if quantity else quantities(reading)
    if ax is None:
        figure, axes = draw.new(1, len(shown), width=5.0 * len(shown), height=3.3, squeeze=False)
        axes = list(axes[0])
    else:
        figure, axes = ax.figure, [ax]
    for one, name in zip(axes, shown):
        _curves(one, reading.arrays, name)
    return figure


def _curves(ax: Any, arrays: Any, name: str) -> None:
    scale = 100.0 if name == "accuracy" else 1.0
    epoch = arrays["epoch"]
    marker = "o" if len(epoch) <= 25 else ""
    lines = (("", "training", 0, "--"), ("validation_", "validation", 1, "-"))
    for prefix, label, colour, dash in lines:
        if prefix + name not in arrays:
            continue
        mean, low, high = (scale * arrays[prefix + name + part] for part in ("", "_low", "_high"))
        if np.nanmax(high - low, initial=0.0) > 0:
            ax.fill_between(epoch, low, high, color=draw.PALETTE[colour], alpha=0.18, linewidth=0)
        ax.plot(epoch, mean, dash, color=draw.PALETTE[colour], marker=marker, markersize=3.2, label=label)
    judged = "validation_" + name if "validation_" + name in arrays else name
    best = np.unique(arrays["best_epochs"])
    if len(best) and judged in arrays:
        ax.plot(
            best, scale * arrays[judged][best - 1], linestyle="none", marker="D", markersize=6.5, zorder=4,
            markerfacecolor="none", markeredgecolor=draw.INK, markeredgewidth=1.2, label="smallest loss",
        )  # fmt: skip
    values = np.concatenate([arrays[p + name] for p in ("", "validation_") if p + name in arrays])
    if name == "loss" and np.nanmin(values) > 0 and np.nanmax(values) > 12 * np.nanmin(values):
        ax.set_yscale("log")
        draw.plain_log(ax.yaxis)
    draw.whole_numbers(ax.xaxis)
    ax.set_xlabel("epoch")
    ax.set_ylabel(_LABELS[name])
    draw.legend(ax)


def overlay(readings: Mapping[str, Reading], quantity: str) -> Any:
    """Curves of several runs in one picture: a colour for each, solid for validation and dashed for training.

    Parameters
    ----------
    readings: what :func:`learning` returned, by the name of the run.
    quantity: ``loss``, ``accuracy``, ``rmse`` or ``r2``.
    """
    figure, ax = draw.new(width=5.0, height=3.3)
    scale = 100.0 if quantity == "accuracy" else 1.0
    lowest, highest = np.inf, 0.0
    for k, (name, reading) in enumerate(readings.items()):
        colour, label = draw.PALETTE[k % len(draw.PALETTE)], draw.shorten(name, 24)
        for prefix, dash in (("validation_", "-"), ("", "--")):
            if prefix + quantity not in reading.arrays:
                continue
            mean, low, high = (scale * reading.arrays[prefix + quantity + part] for part in ("", "_low", "_high"))
            # One band for each run: of what was held out, or of training where nothing was.
            if label != "_" and np.nanmax(high - low, initial=0.0) > 0:
                ax.fill_between(reading.arrays["epoch"], low, high, color=colour, alpha=0.18, linewidth=0)
            ax.plot(reading.arrays["epoch"], mean, dash, color=colour, label=label, linewidth=1.8 if prefix else 1.1)
            label = "_"
            lowest, highest = min(lowest, np.nanmin(mean)), max(highest, np.nanmax(mean))
    if quantity == "loss" and lowest > 0 and highest > 12 * lowest:
        ax.set_yscale("log")
        draw.plain_log(ax.yaxis)
    draw.whole_numbers(ax.xaxis)
    ax.set_xlabel("epoch")
    ax.set_ylabel(_LABELS[quantity])
    draw.legend(ax)
    return figure


@learning.known_case
def two_replicas_of_which_one_stops() -> None:
    from snarc.training import History

    rows = [
        [{"epoch": 1, "loss": 3.0, "validation_loss": 2.0}, {"epoch": 2, "loss": 1.0, "validation_loss": 4.0}],
        [{"epoch": 1, "loss": 1.0, "validation_loss": 3.0}],
    ]
    found = learning(History(rows))
    assert found.arrays["loss"].tolist() == [2.0, 1.0]
    assert found.arrays["loss_standard_error"][0] == 1.0
    assert np.isnan(found.arrays["loss_standard_error"][1])
    assert found.arrays["best_epochs"].tolist() == [1, 1]
