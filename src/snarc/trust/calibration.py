"""Whether a network that says 90 % is right nine times in ten."""

from __future__ import annotations

import operator
from functools import reduce
from typing import Any, Literal

import numpy as np

from snarc import draw
from snarc.errors import RecipeError, nearest
from snarc.reading import Estimate, Reading, wilson
from snarc.registry import instrument
from snarc.subjects import Predictions, predictions

from ._calibration import (
    SCHEMES,
    Bins,
    BrierParts,
    binned,
    brier_parts,
    brier_parts_of_classes,
    by_chance,
    edges_of,
    nll,
    of_classes,
    place,
)

__all__ = ["BrierParts", "brier_parts", "calibration"]

Scheme = Literal["equal-width", "equal-mass"]


@instrument("calibration", asks="Is it right as often as it is sure?")
def calibration(
    of: Any, data: Any = "test", *, bins: int = 15, scheme: Scheme = "equal-width", classes: tuple[str, ...] = ()
) -> Reading:
    """Reliability diagram and calibration errors of the confidence in the predicted class and in every class.

    Parameters
    ----------
    of, data, classes: whatever :func:`snarc.subjects.predictions` takes.
    bins: number of bins of confidence; bin b is (edge b, edge b + 1], so that 1 belongs to the last.
    scheme: ``equal-width`` edges on [0, 1], or ``equal-mass`` edges at quantiles of the confidence of all replicas.

    Returns
    -------
    Numbers over replicas: ``ece`` = sum over bins of (examples in bin / examples) |accuracy - mean confidence|,
    ``mce`` (the largest term's difference), ``ece_by_chance`` (what a perfectly calibrated network would be expected to
    show with the same confidences, in the normal approximation), ``ece_adaptive`` (the same as ``ece`` with bins of
    equal mass), ``ece_classwise`` (the mean over classes of the error of that class's probability, in bins of
    ``scheme``), ``accuracy``, ``confidence`` (mean), ``overconfidence`` (their difference), ``nll`` (nats), ``brier``
    (sum over classes) and its parts, sums over classes in bins of ``scheme``: ``brier`` = ``brier_reliability`` -
    ``brier_resolution`` + ``brier_uncertainty`` + ``brier_within_bins``; and ``bins``.  Arrays, over all replicas
    together: ``edges`` ``(bins + 1,)``; ``(bins,)``: ``count`` (mean over replicas), ``mean_confidence``,
    ``bin_accuracy`` and its 95 % Wilson interval ``low``, ``high`` for that count (NaN where a bin is empty);
    ``class`` and ``class_ece`` ``(classes,)``; ``scheme``.

    Raises
    ------
    DataError: the task has no classes, or there are no examples.
    RecipeError: ``bins`` is not positive, or the scheme is unknown.

    Source: Guo, Pleiss, Sun, Weinberger, ICML 2017, eq. 3; Naeini, Cooper, Hauskrecht, AAAI 2015; equal mass: Nguyen
    and O'Connor, EMNLP 2015; class by class: Kull et al., NeurIPS 2019; parts: Murphy (1973), Stephenson et al. (2008).
    """
    if isinstance(bins, bool) or not isinstance(bins, int) or bins < 1:
        raise RecipeError(f"{bins!r} bins", wanted="a whole number of at least 1", way_out="Use 15.")
    if scheme not in SCHEMES:
        raise RecipeError(f"scheme {scheme!r}", wanted="one of " + ", ".join(SCHEMES), way_out=nearest(scheme, SCHEMES))
    seen = predictions(of, data, classes=classes)
    seen.need("classes", "calibration")
    edges = edges_of(seen.confidence, bins, scheme)
    even = edges_of(seen.confidence, bins, "equal-mass")
    rows: dict[str, list[float]] = {}
    sums, by_class = [], []
    for k in range(seen.replicas):
        sums.append(_one(seen, k, edges, bins, scheme, even, rows))
        by_class.append(of_classes(_flat(seen, k), seen.targets.reshape(-1), bins, scheme))
        rows.setdefault("ece_classwise", []).append(float(by_class[-1].mean()))
    numbers: dict[str, float | int | Estimate] = {name: Estimate.over(values) for name, values in rows.items()}
    numbers["bins"] = bins
    arrays = {"edges": edges, **_pooled(reduce(operator.add, sums), seen.replicas)}
    arrays |= {"class": np.array(seen.task.classes), "class_ece": np.mean(by_class, axis=0), "scheme": np.array(scheme)}
    ece, overconfidence = float(numbers["ece"]), float(numbers["overconfidence"])
    word = "overconfident" if overconfidence > 0 else "underconfident"
    note = (
        f"Confidence and accuracy differ by {100 * ece:.2f} points on average "
        f"(ECE, {bins} {scheme} bins; {100 * float(numbers['ece_by_chance']):.2f} by chance alone); "
        f"it is {word} by {100 * abs(overconfidence):.2f} points in all."
    )
    return Reading("calibration", numbers, arrays, _draw, note)


def _flat(seen: Predictions, k: int) -> np.ndarray:
    """The probabilities of replica k, ``(N, classes)``; each place of a sequence is an example."""
    return seen.probabilities[k].reshape(-1, seen.probabilities.shape[-1])


def _one(
    seen: Predictions, k: int, edges: np.ndarray, bins: int, scheme: str, even: np.ndarray, rows: dict[str, list[float]]
) -> Bins:
    """The bins of one replica; its numbers are added to ``rows``."""
    confidence, labels = seen.confidence[k].reshape(-1), seen.targets.reshape(-1)
    right = seen.predicted[k].reshape(-1) == labels
    where = place(confidence, edges)
    found = binned(where, confidence, right, bins)
    probabilities = _flat(seen, k)
    given = probabilities[np.arange(len(labels)), labels]
    parts = brier_parts_of_classes(probabilities, labels, bins, scheme)
    row = {
        "ece": found.expected_error,
        "mce": float(found.gaps.max()),
        "ece_by_chance": by_chance(where, confidence, bins),
        "ece_adaptive": binned(place(confidence, even), confidence, right, bins).expected_error,
        "accuracy": float(right.mean()),
        "confidence": float(confidence.mean()),
        "overconfidence": float(confidence.mean() - right.mean()),
        "nll": nll(seen.logits[k].reshape(probabilities.shape), labels),
        "brier": float(((probabilities**2).sum(axis=-1) - 2 * given + 1).mean()),
        "brier_reliability": parts.reliability,
        "brier_resolution": parts.resolution,
        "brier_uncertainty": parts.uncertainty,
        "brier_within_bins": parts.within,
    }
    for name, value in row.items():
        rows.setdefault(name, []).append(value)
    return found


def _pooled(sums: Bins, replicas: int) -> dict[str, np.ndarray]:
    count, confidence, right = sums.count, sums.said, sums.happened
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
    ece, scheme = 100 * float(reading.numbers["ece"]), str(arrays.get("scheme", "equal-width"))
    top.set_title(f"ECE {ece:.2f} points, {len(arrays['count'])} {scheme} bins", fontsize=10, fontweight="normal")
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


@calibration.known_case
def parts_of_the_brier_score() -> None:
    """Forecasts of 0.8 of which half come true and of 0.2 of which none do, two each, by hand: the groups miss their
    frequencies by 0.3 and 0.2, the frequencies lie 1/4 from the mean of 1/4.
    """
    p = np.array([0.8, 0.8, 0.2, 0.2])
    happened = np.array([1, 0, 0, 0])
    found = brier_parts(p, happened)
    assert np.allclose(found, (0.09 / 2 + 0.04 / 2, 1 / 16, 3 / 16, 0), atol=1e-15)
    assert abs(found.total - ((p - happened) ** 2).mean()) < 1e-15
    numbers = calibration(np.log(np.stack([p, 1 - p], axis=1)), 1 - happened).numbers
    assert abs(float(numbers["brier_resolution"]) - 2 / 16) < 1e-12
    total = sum(float(numbers[f"brier_{n}"]) for n in ("reliability", "uncertainty", "within_bins"))
    assert abs(total - float(numbers["brier_resolution"]) - float(numbers["brier"])) < 1e-12
