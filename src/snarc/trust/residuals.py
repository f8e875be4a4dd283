"""How far predicted numbers are from the true ones."""

from __future__ import annotations

from typing import Any

import numpy as np

from snarc import draw
from snarc.reading import Estimate, Reading
from snarc.registry import instrument
from snarc.subjects import predictions

_SHOWN = 3000


@instrument("residuals", asks="How far are predicted numbers from the true ones?")
def residuals(of: Any, data: Any = "test") -> Reading:
    """Predicted against true numbers, and their differences.

    Parameters
    ----------
    of, data: whatever :func:`snarc.subjects.predictions` takes.

    Returns
    -------
    Numbers over replicas, in units of the target: ``rmse``, ``mae``, ``bias`` (mean of predicted less true) and ``r2``,
    over all targets; ``examples``; ``spread`` (RMSE of always saying the mean).  Arrays: ``target`` names;
    ``true``, ``predicted``, ``residual`` ``(N, targets)`` of the first replica; ``target_rmse``, ``target_r2``
    ``(targets,)``, means over replicas.

    Raises
    ------
    DataError: the task has classes, or there are no examples.
    """
    seen = predictions(of, data)
    seen.need("numbers", "residuals")
    true = seen.targets.reshape(len(seen), -1).astype(np.float64)
    said = seen.logits.reshape(seen.replicas, *true.shape).astype(np.float64)
    error = said - true
    centred = (true - true.mean(axis=0)) ** 2
    spread = centred.sum(axis=0)
    squared = (error**2).sum(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        r2 = np.where(spread > 0, 1 - squared / spread, np.nan)
        all_r2 = np.where(spread.sum() > 0, 1 - squared.sum(axis=1) / spread.sum(), np.nan)
    names = seen.task.targets or tuple(f"output {k}" for k in range(true.shape[1]))
    numbers: dict[str, float | int | Estimate] = {
        "rmse": Estimate.over(np.sqrt((error**2).mean(axis=(1, 2)))),
        "mae": Estimate.over(np.abs(error).mean(axis=(1, 2))),
        "bias": Estimate.over(error.mean(axis=(1, 2))),
        "r2": Estimate.over(all_r2.tolist()),
        "spread": float(np.sqrt(centred.mean())),
        "examples": len(seen),
    }
    arrays = {
        "target": np.array(names), "true": true, "predicted": said[0], "residual": error[0],
        "target_rmse": np.sqrt((error**2).mean(axis=1)).mean(axis=0), "target_r2": r2.mean(axis=0),
    }  # fmt: skip
    worst = float(np.abs(error[0]).max())
    note = f"The largest error{' of replica 0' if seen.replicas > 1 else ''} is {worst:.4g}."
    return Reading("residuals", numbers, arrays, _draw, note)


def _draw(reading: Reading, target: int = 0) -> Any:
    """Left: predicted against true, with the diagonal of a perfect answer; right: how the differences are spread."""
    arrays = reading.arrays
    true, said, error = (arrays[n][:, target] for n in ("true", "predicted", "residual"))
    name = draw.shorten(str(arrays["target"][target]), 28)
    # Points drawn at even distances through the split: thousands more would only cover each other.
    kept = np.unique(np.linspace(0, len(true) - 1, min(len(true), _SHOWN)).astype(int))
    figure, (left, right) = draw.new(1, 2, width=8.4, height=3.7, width_ratios=(1.05, 1))
    low, high = min(true.min(), said.min()), max(true.max(), said.max())
    pad = 0.04 * (high - low or 1.0)
    left.plot([low - pad, high + pad], [low - pad, high + pad], "--", color=draw.MUTED, linewidth=1.2, label="perfect")
    size = 14 if len(kept) < 500 else 6
    left.plot(
        true[kept], said[kept], linestyle="none", marker="o", markersize=np.sqrt(size), alpha=0.45, markeredgewidth=0,
        color=draw.PALETTE[0], label="example", rasterized=len(kept) > 1000,
    )  # fmt: skip
    left.set(xlim=(low - pad, high + pad), ylim=(low - pad, high + pad))
    left.set_xlabel(f"true {name}")
    left.set_ylabel(f"predicted {name}")
    draw.legend(left, loc="upper left")
    right.hist(
        error, bins=min(40, max(8, int(np.sqrt(len(error))))), color=draw.PALETTE[0], alpha=0.75, edgecolor=draw.PAPER
    )
    right.axvline(0, color=draw.MUTED, linestyle="--", linewidth=1.2)
    right.set_xlabel(f"predicted less true {name}")
    right.set_ylabel("examples")
    return figure


@residuals.known_case
def off_by_one() -> None:
    true = np.array([[0.0], [2.0], [4.0]])
    found = residuals(true + 1, true)
    assert float(found.numbers["rmse"]) == 1.0
    assert float(found.numbers["bias"]) == 1.0
    assert float(found.numbers["r2"]) == 1 - 3 / 8
