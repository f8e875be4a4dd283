"""Whether a network that says 90 % is right nine times in ten."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np

from snarc import draw
from snarc.reading import Estimate, Reading, wilson
from snarc.registry import instrument
from snarc.subjects import predictions

Scheme = Literal["equal-width", "equal-mass"]


@instrument("calibration", asks="Is it right as often as it is sure?")
def calibration(
    of: Any, data: Any = "test", *, bins: int = 15, scheme: Scheme = "equal-width", classes: tuple[str, ...] = ()
) -> Reading:
    """Reliability diagram and expected calibration error of the confidence in the predicted class.

    Parameters
    ----------
    of, data, classes: whatever :func:`snarc.subjects.predictions` takes.
    bins: number of bins of confidence; bin b is (edge b, edge b + 1], so that 1 belongs to the last.
    scheme: ``equal-width`` edges on [0, 1], or ``equal-mass`` edges at quantiles of the confidence of all replicas.

    Returns
    -------
    Numbers over replicas: ``ece`` = sum over bins of (examples in bin / examples) |accuracy - mean confidence|,
    ``mce`` (the largest term's difference), ``ece_by_chance`` (what a perfectly calibrated network would be expected to
    show with the same confidences, in the normal approximation), ``accuracy``, ``confidence`` (mean),
    ``overconfidence`` (their difference), ``nll`` (nats), ``brier`` (sum over classes); and ``bins``.  Arrays, over all
    replicas together: ``edges`` ``(bins + 1,)``; ``(bins,)``: ``count`` (mean over replicas), ``mean_confidence``,
    ``bin_accuracy`` and its 95 % Wilson interval ``low``, ``high`` for that count (NaN where a bin is empty).

    Raises
    ------
    DataError: the task has no classes, or there are no examples.
    ValueError: ``bins`` is not positive, or the scheme is unknown.

    Source: Guo, Pleiss, Sun, Weinberger, ICML 2017, eq. 3; Naeini, Cooper, Hauskrecht, AAAI 2015.
    """
    if bins < 1:
        raise ValueError(f"{bins} bins; at least one is needed")
    if scheme not in ("equal-width", "equal-mass"):
        raise ValueError(f"scheme {scheme!r}; there are 'equal-width' and 'equal-mass'")
    seen = predictions(of, data, classes=classes)
    seen.need("classes", "calibration")
    count, total = seen.replicas, seen.targets.size
    confidence = seen.confidence.reshape(count, total)
    right = (seen.predicted == seen.targets).reshape(count, total)
    edges = _edges(confidence, bins, scheme)
    where = np.searchsorted(edges[1:-1], confidence, side="left")
    sums = [_sums(where[k], confidence[k], right[k], bins) for k in range(count)]
    given = np.take_along_axis(seen.probabilities, np.broadcast_to(seen.targets, seen.predicted.shape)[..., None], -1)
    squared = (seen.probabilities**2).sum(axis=-1) - 2 * given[..., 0] + 1
    numbers: dict[str, float | int | Estimate] = {
        "ece": Estimate.over([_gaps(*s)[0] for s in sums]),
        "mce": Estimate.over([_gaps(*s)[1] for s in sums]),
        "ece_by_chance": Estimate.over([_chance(where[k], confidence[k], bins) for k in range(count)]),
        "accuracy": Estimate.over(right.mean(axis=1)),
        "confidence": Estimate.over(confidence.mean(axis=1)),
        "overconfidence": Estimate.over(confidence.mean(axis=1) - right.mean(axis=1)),
        "nll": Estimate.over(_nll(seen.logits, seen.targets).tolist()),
        "brier": Estimate.over(squared.reshape(count, -1).mean(axis=1)),
        "bins": bins,
    }
    arrays = {"edges": edges, **_pooled(np.sum(sums, axis=0), count)}
    ece, overconfidence = numbers["ece"], numbers["overconfidence"]
    assert isinstance(ece, Estimate)
    assert isinstance(overconfidence, Estimate)
    word = "overconfident" if overconfidence.mean > 0 else "underconfident"
    note = (
        f"Confidence and accuracy differ by {100 * ece.mean:.2f} points on average "
        f"(ECE, {bins} {scheme} bins); it is {word} by {100 * abs(overconfidence.mean):.2f} points in all."
    )
    return Reading("calibration", numbers, arrays, _draw, note)


def _edges(confidence: np.ndarray, bins: int, scheme: str) -> np.ndarray:
    if scheme == "equal-width":
        return np.linspace(0.0, 1.0, bins + 1)
    inner = np.quantile(confidence, np.arange(1, bins) / bins)
    return np.concatenate([[0.0], inner, [1.0]])


def _sums(where: np.ndarray, confidence: np.ndarray, right: np.ndarray, bins: int) -> tuple[np.ndarray, ...]:
    return tuple(np.bincount(where, weights, minlength=bins) for weights in (np.ones(len(where)), confidence, right))


def _gaps(count: np.ndarray, confidence: np.ndarray, right: np.ndarray) -> tuple[float, float]:
    full = count > 0
    gap = np.abs(right[full] - confidence[full]) / count[full]
    return float((count[full] * gap).sum() / count.sum()), float(gap.max())


def _chance(where: np.ndarray, confidence: np.ndarray, bins: int) -> float:
    # E|X| = sd sqrt(2 / pi) for the normal that the sum of a bin's hits, less its confidence, tends to.
    variance = np.bincount(where, confidence * (1 - confidence), minlength=bins)
    return float(np.sqrt(2 / np.pi * variance).sum() / len(where))


def _nll(logits: np.ndarray, targets: np.ndarray) -> np.ndarray:
    logits = logits.astype(np.float64)
    top = logits.max(axis=-1)
    total = top + np.log(np.exp(logits - top[..., None]).sum(axis=-1))
    given = np.take_along_axis(logits, np.broadcast_to(targets, logits.shape[:-1])[..., None], -1)[..., 0]
    return (total - given).reshape(len(logits), -1).mean(axis=1)


def _pooled(sums: np.ndarray, replicas: int) -> dict[str, np.ndarray]:
    count, confidence, right = sums
    full = count > 0
    found = {n: np.full(len(count), np.nan) for n in ("mean_confidence", "bin_accuracy", "low", "high")}
    found["mean_confidence"][full] = confidence[full] / count[full]
    found["bin_accuracy"][full] = right[full] / count[full]
    # Replicas see the same examples, so that they do not make the interval narrower.
    found["low"][full], found["high"][full] = np.transpose(
        [wilson(r / replicas, n / replicas) for r, n in zip(right[full], count[full])]
    )
    return {"count": count / replicas, **found}


def _draw(reading: Reading) -> Any:
    """Accuracy against confidence with the 95 % interval of each bin; below, how many examples each bin holds."""
    arrays = reading.arrays
    figure, (top, bottom) = draw.new(2, 1, width=5.0, height=4.6, sharex=True, height_ratios=(3.2, 1))
    full = arrays["count"] > 0
    x, y = 100 * arrays["mean_confidence"][full], 100 * arrays["bin_accuracy"][full]
    spread = [y - 100 * arrays["low"][full], 100 * arrays["high"][full] - y]
    top.plot([0, 100], [0, 100], "--", color=draw.MUTED, linewidth=1.2, label="perfectly calibrated")
    top.errorbar(
        x, y, np.maximum(spread, 0), color=draw.PALETTE[0], linestyle="none", elinewidth=1.3, capsize=3, marker="o",
        markersize=5.5, label="network, 95 % interval", clip_on=False,
    )  # fmt: skip
    top.set_ylim(min(80.0, 10 * np.floor(min(x.min(), (100 * arrays["low"][full]).min()) / 10)), 102)
    top.set_ylabel("accuracy (%)")
    draw.legend(top, loc="lower right")
    edges = 100 * arrays["edges"]
    bottom.bar(
        edges[:-1], arrays["count"], width=np.diff(edges), align="edge", color=draw.PALETTE[0], alpha=0.75,
        edgecolor=draw.PAPER, linewidth=0.8,
    )  # fmt: skip
    bottom.set_yscale("log")
    bottom.set_ylim(0.7, 2.5 * arrays["count"].max())
    draw.plain_log(bottom.yaxis)
    bottom.set_ylabel("examples")
    bottom.set_xlabel("confidence in the predicted class (%)")
    first = edges[:-1][full].min()
    bottom.set_xlim(first - 1.5, 101.5)
    return figure


@calibration.known_case
def by_hand() -> None:
    """Two bins: 4 at 0.9 of which 2 are right, 2 at 0.6 of which both are: (4 x 0.4 + 2 x 0.4) / 6 = 0.4."""
    p = np.array([0.9, 0.9, 0.9, 0.9, 0.6, 0.6])
    logits = np.log(np.stack([p, 1 - p], axis=1))
    found = calibration(logits, np.array([0, 0, 1, 1, 0, 0]), bins=10)
    assert abs(float(found.numbers["ece"]) - 0.4) < 1e-12
    assert abs(float(found.numbers["mce"]) - 0.4) < 1e-12
    assert found.arrays["count"].tolist() == [0, 0, 0, 0, 0, 2, 0, 0, 4, 0]
    assert abs(float(found.numbers["overconfidence"]) - (0.8 - 4 / 6)) < 1e-12


@calibration.known_case
def right_eight_times_in_ten() -> None:
    p = np.full(10, 0.8)
    found = calibration(np.log(np.stack([p, 1 - p], axis=1)), np.array([0] * 8 + [1] * 2))
    assert float(found.numbers["ece"]) < 1e-12
    assert abs(float(found.numbers["brier"]) - 2 * 0.16) < 1e-12
