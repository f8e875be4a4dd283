"""Confidence put right after training: by a temperature, a weight and a shift for each class, or Platt's curves."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.special import log_softmax, softmax

from snarc import draw
from snarc.errors import RecipeError, nearest
from snarc.reading import Estimate, Reading
from snarc.registry import instrument
from snarc.subjects import Predictions

from ._calibration import Bins, binned, edges_of, place
from ._held_out import calibration_of, caveat, shared_examples
from ._scaling import METHODS, Method, Scaling, fit, temperature

__all__ = ["METHODS", "Scaling", "ece", "fit", "scaling", "temperature"]

BINS = 15
FEW = 5  # a bin of fewer examples is not drawn: its accuracy says nothing


@instrument("scaling", asks="Can its confidence be put right without another answer?")
def scaling(
    of: Any, data: Any = "test", *, calibration: Any = "validation", method: Method = "temperature", bins: int = BINS
) -> Reading:
    """Calibration before and after a scaling of the logits that was fitted on examples of their own.

    Parameters
    ----------
    of, data: whatever :func:`snarc.subjects.predictions` takes.
    calibration: examples that the network neither learnt from nor is judged by.
    method: ``temperature``, ``vector`` or ``platt``.
    bins: of equal width, for the expected calibration error.

    Returns
    -------
    Numbers over replicas: ``temperature`` (mean over classes), ``ece_before``, ``ece_after``, ``nll_before``,
    ``nll_after`` (nats), ``accuracy_before``, ``accuracy_after`` and ``changed``, the share of examples that get
    another answer (0 for a temperature, which keeps the order of the classes); ``calibration_examples`` and, where the
    examples themselves are known, how many of them also occur elsewhere, bit for bit: ``shared_with_data`` and
    ``shared_with_training``.  Arrays of the first replica: ``t`` and ``nll`` ``(60,)``, the loss on the calibration
    data over single temperatures, and ``best``, that of the least loss; ``method``; ``(bins,)``: ``confidence`` (middle
    of the bin), ``count_WHEN``, ``confidence_in_bin_WHEN`` and ``accuracy_in_bin_WHEN`` (NaN where a bin is empty),
    WHEN being ``before`` and ``after``.

    Raises
    ------
    RecipeError: the method is unknown.
    DataError: no calibration examples of their own, or no classes.
    """
    if method not in METHODS:
        raise RecipeError(f"method {method!r}", wanted="one of " + ", ".join(METHODS), way_out=nearest(method, METHODS))
    known, judged = calibration_of(of, data, calibration, "scaling")
    for seen in (known, judged):
        seen.need("classes", "scaling")
    labels = judged.targets.reshape(-1)
    rows: dict[str, list[float]] = {}
    for k in range(judged.replicas):
        own, logits = _rows(known, min(k, known.replicas - 1)), _rows(judged, k)
        fitted = fit(own, known.targets.reshape(-1), method)
        answers = {"before": logits.argmax(axis=1), "after": fitted.answers(logits)}
        found = {"before": softmax(logits.astype(np.float64), axis=1), "after": fitted.probabilities(logits)}
        row = {"temperature": fitted.temperature, "changed": float((answers["before"] != answers["after"]).mean())}
        for when, p in found.items():
            row |= {
                f"ece_{when}": ece(p, labels, bins),
                f"nll_{when}": float(-np.log(np.maximum(p[np.arange(len(p)), labels], 1e-300)).mean()),
                f"accuracy_{when}": float((answers[when] == labels).mean()),
            }
        for name, value in row.items():
            rows.setdefault(name, []).append(value)
        if k == 0:
            arrays = _arrays(own, known.targets.reshape(-1), found, labels, bins) | {"method": np.array(method)}
    numbers: dict[str, Any] = {name: Estimate.over(values) for name, values in rows.items()}
    shared = shared_examples(of, known, judged)
    numbers |= {"calibration_examples": len(known), **shared}
    changed, alone = numbers["changed"].mean, method == "temperature"
    note = (
        f"The expected calibration error goes from {100 * numbers['ece_before'].mean:.2f} to "
        f"{100 * numbers['ece_after'].mean:.2f} points ({bins} equal-width bins) "
        f"by {method} scaling on {len(known):,} examples; {'the temperature is' if alone else '1 / weight is'} "
        f"{numbers['temperature'].mean:.3g}{'' if alone else ' on average over the classes'}. "
        + (f"{100 * changed:.2f} % of the answers change." if changed else "Not one answer changes.")
        + _said(shared)
        + caveat(of, calibration)
    )
    return Reading("scaling", numbers, arrays, _draw, note)


def _rows(seen: Predictions, k: int) -> np.ndarray:
    """The logits of replica k, ``(N, classes)``; each place of a sequence is an example."""
    return seen.logits[k].reshape(-1, seen.logits.shape[-1])


def _said(shared: dict[str, int]) -> str:
    names = {"shared_with_data": "judged by", "shared_with_training": "trained on"}
    parts = [f"{count:,} with those it is {names[name]}" for name, count in shared.items()]
    return f" The calibration examples share {' and '.join(parts)}." if parts else ""


def ece(probabilities: np.ndarray, labels: np.ndarray, bins: int = BINS) -> float:
    """Expected calibration error of the predicted class over bins of equal width (Guo et al. 2017, eq. 3)."""
    return _binned(probabilities, labels, bins).expected_error


def _binned(p: np.ndarray, labels: np.ndarray, bins: int) -> Bins:
    sure = p.max(axis=1)
    return binned(place(sure, edges_of(sure, bins, "equal-width")), sure, p.argmax(axis=1) == labels, bins)


def _arrays(
    own: np.ndarray, known: np.ndarray, found: dict[str, np.ndarray], labels: np.ndarray, bins: int
) -> dict[str, np.ndarray]:
    t = temperature(own, known)
    ts = max(t, 1e-3) * np.geomspace(0.25, 4, 60)
    rows = np.arange(len(own))
    nll = [-log_softmax(own.astype(np.float64) / one, axis=1)[rows, known].mean() for one in ts]
    arrays = {"t": ts, "nll": np.array(nll), "best": np.array(t), "confidence": (np.arange(bins) + 0.5) / bins}
    for when, p in found.items():
        sums = _binned(p, labels, bins)
        with np.errstate(invalid="ignore"):
            arrays[f"count_{when}"] = sums.count
            arrays[f"confidence_in_bin_{when}"] = sums.said / sums.count
            arrays[f"accuracy_in_bin_{when}"] = sums.happened / sums.count
    return arrays


def _draw(reading: Reading) -> Any:
    figure, (left, right) = draw.new(1, 2, width=7.2, height=3.4)
    left.plot([0, 100], [0, 100], color=draw.MUTED, linestyle=(0, (4, 3)), linewidth=1)
    for k, when in enumerate(("before", "after")):
        found = reading.arrays[f"accuracy_in_bin_{when}"]
        full = reading.arrays[f"count_{when}"] >= FEW
        error = 100 * float(reading.numbers[f"ece_{when}"])
        left.plot(
            100 * reading.arrays[f"confidence_in_bin_{when}"][full], 100 * found[full], "o-", markersize=4,
            color=draw.PALETTE[1 - k], label=f"{when}: ECE {error:.2f} points",
        )  # fmt: skip
    left.set(
        xlabel=f"confidence (%), bins of {FEW} examples and more", ylabel="accuracy (%)", xlim=(0, 100), ylim=(0, 102)
    )
    draw.legend(left, loc="lower right")
    t = float(reading.arrays.get("best", reading.numbers["temperature"]))
    right.plot(reading.arrays["t"], reading.arrays["nll"], color=draw.PALETTE[0])
    right.axvline(t, color=draw.MUTED, linestyle=(0, (4, 3)), linewidth=1)
    right.set(xlabel=f"temperature (dashed: {t:.3g})", ylabel="loss on calibration data (nats)")
    right.set_xscale("log")
    draw.plain_log(right.xaxis)
    return figure


@scaling.known_case
def logits_stretched_by_a_factor() -> None:
    """Labels drawn from softmax(z) and logits given as 3 z: the temperature is 3."""
    rng = np.random.default_rng(0)
    z = rng.normal(scale=1.5, size=(40_000, 4))
    labels = (rng.random(len(z))[:, None] > np.cumsum(softmax(z, axis=1), axis=1)).sum(axis=1)
    half = len(z) // 2
    found = scaling(3 * z[:half], labels[:half], calibration=(3 * z[half:], labels[half:]))
    assert abs(float(found.numbers["temperature"]) - 3) < 0.1
    assert float(found.numbers["ece_after"]) < 0.012 < float(found.numbers["ece_before"])
    assert found.numbers["accuracy_before"] == found.numbers["accuracy_after"]
