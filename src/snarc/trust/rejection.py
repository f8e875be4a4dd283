"""Rejection: a network that may refuse to answer errs less on what it accepts."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from snarc import draw
from snarc.errors import RecipeError, nearest
from snarc.reading import Estimate, Reading, wilson
from snarc.registry import instrument
from snarc.subjects import Predictions, predictions

from ._held_out import calibration_of, caveat
from ._risk import Curve, curve_of, safe_threshold
from ._scores import SURENESS as SCORES

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@instrument("rejection", asks="How much must be refused to reach a wanted error?")
def rejection(
    of: Any,
    data: Any = "test",
    *,
    score: str = "margin",
    error: float = 0.01,
    calibration: Any = "auto",
    certainty: float = 0.0,
    compare: bool = False,
) -> Reading:
    """Risk against coverage: the error on the answers that are accepted, for every threshold on how sure they are.

    Parameters
    ----------
    of, data: a run and a split, or what else :func:`snarc.subjects.predictions` takes.
    score: how sure an answer is: ``margin``, the largest output minus the second (refused "if the two largest are
        too close"); ``activity``, the largest output; ``probability-margin`` and ``confidence``, the same of the
        softmax; ``entropy`` of the softmax; ``disagreement`` of several replicas (mutual information).
    error: the wanted error on what is accepted, a fraction.
    calibration: examples of their own on which the threshold of use is chosen: a split of the run, or as
        :func:`snarc.subjects.predictions` takes them.  ``auto``: the validation split, where there is one; ``none``.
    certainty: 0 chooses the threshold whose error on the calibration examples is the wanted one; 0.9 one whose error
        on new examples is at most the wanted one with a probability of 0.9.
    compare: draw the curves of all scores.

    Returns
    -------
    Numbers: ``refused``, the smallest fraction to be refused for the wanted error if the threshold is chosen on
    ``data`` itself (1 if nothing less will do); ``threshold``, the score from which answers are accepted then;
    ``error``, with nothing refused; ``area`` under the risk-coverage curve, the mean error over all coverages, and
    ``area_best``, what it would be if all wrong answers were the least sure.  With calibration examples:
    ``chosen_threshold``, and on ``data`` with it ``chosen_coverage`` (accepted), ``chosen_error`` (of the accepted;
    NaN if there is none) with ``chosen_low``, ``chosen_high``, its 95 % Wilson interval.  With ``compare``:
    ``area_SCORE`` and ``refused_SCORE``.  Arrays: ``refused`` ``(N + 1,)`` and ``risk`` ``(replicas, N + 1)``, the
    error on the rest, NaN where no threshold separates (equal scores are accepted or refused together) and where all
    is refused; with ``compare`` also ``scores`` and ``risk_of_score`` ``(scores, N + 1)``, means over replicas.

    Raises
    ------
    RecipeError: the score is unknown or needs replicas, the wanted error or the certainty is not in [0, 1).
    DataError: the task has no classes, the data no examples, or calibration examples are not their own.

    Source: Chow, IEEE Trans. Inf. Theory 16 (1970) 41; LeCun et al., Neural Computation 1 (1989) 541; area and
    certain thresholds: Geifman and El-Yaniv, NeurIPS 2017.

    >>> logits = np.array([[3.0, 0], [2.0, 0], [1.0, 0]])
    >>> found = rejection(logits, np.array([0, 0, 1]))
    >>> print(found.numbers["refused"])
    0.3333
    """
    _check(score, error, certainty)
    known, found = _ask(of, data, calibration)
    for seen in (found,) if known is None else (known, found):
        seen.need("classes", "rejection")
    usable = [name for name in SCORES if name != "disagreement" or found.replicas > 1]
    if score not in usable:
        raise RecipeError("disagreement of one network", wanted="several replicas", way_out="Use score='margin'.")
    curves = _curves(score, found, error)
    numbers: dict[str, Any] = {
        "refused": Estimate.over([c.refused for c in curves]),
        "threshold": Estimate.over([c.threshold for c in curves]),
        "error": Estimate.over(_wrong(found).mean(axis=1)),
        "area": Estimate.over([c.area for c in curves]),
        "area_best": Estimate.over([c.best for c in curves]),
    }
    count = len(found)
    arrays = {
        "refused": 1 - np.arange(count + 1) / count,
        "risk": np.stack([c.risk for c in curves]),
        "wanted": np.array(error),
        "score": np.array(score),
    }
    refused = numbers["refused"].mean
    note = f"{100 * refused:.1f} % must be refused for an error of {100 * error:g} % on the rest."
    if refused == 0:
        note = f"The error is {100 * error:g} % or less with nothing refused."
    if known is not None:
        chosen, more = _chosen(score, known, found, error, certainty)
        numbers |= chosen
        note += more + caveat(of, "validation" if isinstance(calibration, str) else calibration)
    if compare:
        arrays["scores"] = np.array(usable)
        arrays["risk_of_score"] = np.empty((len(usable), count + 1))
        for row, name in enumerate(usable):
            these = _curves(name, found, error)
            numbers[f"area_{name}"] = Estimate.over([c.area for c in these])
            numbers[f"refused_{name}"] = Estimate.over([c.refused for c in these])
            arrays["risk_of_score"][row] = _mean(arrays["refused"], np.stack([c.risk for c in these]))
        best = min(usable, key=lambda name: numbers[f"area_{name}"].mean)
        note += f" Of {len(usable)} scores {best} has the smallest area, {100 * numbers[f'area_{best}'].mean:.3f} %."
    return Reading("rejection", numbers, arrays, _draw, note)


def _check(score: str, error: float, certainty: float) -> None:
    if score not in SCORES:
        raise RecipeError(
            f"score {score!r} for rejection", wanted="one of " + ", ".join(SCORES), way_out=nearest(score, SCORES)
        )
    if not 0 <= error < 1:
        raise RecipeError(f"a wanted error of {error}", wanted="a fraction from 0 to below 1", way_out="Use 0.01.")
    if not 0 <= certainty < 1:
        raise RecipeError(f"a certainty of {certainty}", wanted="a fraction from 0 to below 1", way_out="Use 0.9.")


def _ask(of: Any, data: Any, calibration: Any) -> tuple[Predictions | None, Predictions]:
    """What is said of the calibration examples, if there are any, and of the data."""
    if isinstance(calibration, str) and calibration == "auto":
        # A run of its own split alone: other data may be the validation split itself.
        known = hasattr(of, "dataset") and data == "test" and len(of.dataset.validation) > 0
        calibration = "validation" if known else "none"
    if calibration is None or (isinstance(calibration, str) and calibration == "none"):
        return None, predictions(of, data)
    return calibration_of(of, data, calibration, "rejection")


def _wrong(seen: Predictions) -> np.ndarray:
    return seen.predicted != seen.targets


def _curves(score: str, seen: Predictions, error: float) -> list[Curve]:
    return [curve_of(s, w, error) for s, w in zip(SCORES[score](seen), _wrong(seen))]


def _chosen(
    score: str, known: Predictions, found: Predictions, error: float, certainty: float
) -> tuple[dict[str, Any], str]:
    """What thresholds from calibration examples do on the data, replica by replica, and a sentence on it."""
    rows = []
    theirs, their_wrong = SCORES[score](known), _wrong(known)
    for k, (new, bad) in enumerate(zip(SCORES[score](found), _wrong(found))):
        sure, wrong = (both[min(k, known.replicas - 1)] for both in (theirs, their_wrong))
        threshold = (
            safe_threshold(sure, wrong, error, certainty) if certainty else curve_of(sure, wrong, error).threshold
        )
        kept = new >= threshold
        rows.append((threshold, kept.mean(), bad[kept].mean() if kept.any() else math.nan, bad[kept].sum()))
    thresholds, coverage, risk, errors = np.array(rows).T
    # Replicas see the same examples, so that they do not make the interval narrower.
    low, high = wilson(float(errors.mean()), round(float(coverage.mean() * len(found))))
    numbers = {
        "chosen_threshold": Estimate.over(thresholds),
        "chosen_coverage": Estimate.over(coverage),
        "chosen_error": Estimate.over(risk),
        "chosen_low": low,
        "chosen_high": high,
        "calibration_examples": len(known),
    }
    promise = f" with a certainty of {100 * certainty:g} %" if certainty else ""
    note = (
        f" With the threshold{promise} from {len(known):,} other examples {100 * coverage.mean():.1f} % are accepted"
        + (
            f", with {100 * risk.mean():.2f} % error (95 %: {100 * low:.2f} to {100 * high:.2f} %)."
            if high < 1
            else "."
        )
    )
    return numbers, note


def curve(ax: Any, reading: Reading, *, color: str, label: str) -> None:
    """Draw the error on the rest against the fraction refused, both in percent: replicas thin, their mean thick."""
    refused, risk = 100 * reading.arrays["refused"], 100 * reading.arrays["risk"]
    if len(risk) > 1:
        ax.plot(refused, np.stack([_filled(refused, one) for one in risk]).T, color=color, linewidth=0.7, alpha=0.35)
    ax.plot(refused, _mean(refused, risk), color=color, linewidth=2.2, label=label)


def _mean(refused: np.ndarray, risk: np.ndarray) -> np.ndarray:
    return np.stack([_filled(refused, one) for one in risk]).mean(axis=0)


def _filled(refused: np.ndarray, risk: np.ndarray) -> np.ndarray:
    known = np.isfinite(risk)
    if not known.any():
        return risk
    return np.interp(-refused, -refused[known], risk[known], left=np.nan)


def _draw(reading: Reading, *, published: Sequence[tuple[float, float, str]] = (), most: float | None = None) -> Figure:
    """``published`` are points (refused in percent, error in percent, where); ``most`` is the right end of the axis."""
    figure, ax = draw.new(width=6.4, height=4.0)
    numbers, arrays = reading.numbers, reading.arrays
    wanted, at, top = 100 * float(arrays["wanted"]), 100 * float(numbers["refused"]), 100 * float(numbers["error"])
    right = most if most is not None else min(100.0, max(5.0, 2 * at))
    if "scores" in arrays:
        for name, risk, color in zip(arrays["scores"], arrays["risk_of_score"], draw.PALETTE):
            area = 100 * float(numbers[f"area_{name}"])
            ax.plot(100 * arrays["refused"], 100 * risk, color=color, label=f"{name}: area {area:.3f} %")
    else:
        curve(ax, reading, color=draw.PALETTE[0], label="every threshold")
    ax.axhline(wanted, color=draw.MUTED, linewidth=0.9, linestyle=(0, (4, 3)))
    style = {"markersize": 8, "markeredgecolor": draw.PAPER, "clip_on": False, "zorder": 5}
    ax.plot([at], [wanted], "o", color=draw.PALETTE[0], **style)
    if math.isfinite(float(numbers.get("chosen_error", math.nan))):
        x, y = (100 * v for v in (1 - float(numbers["chosen_coverage"]), float(numbers["chosen_error"])))
        low, high = 100 * float(numbers["chosen_low"]), 100 * float(numbers["chosen_high"])
        if most is None:
            right = min(100.0, max(right, 1.2 * x))
        ax.errorbar(
            [x], [y], [[max(0, y - low)], [max(0, high - y)]], fmt="s", color=draw.INK, markersize=5, capsize=3,
            linewidth=1.2, zorder=6, label="threshold from other examples, 95 %",
        )  # fmt: skip
    for x, y, where in published:
        ax.plot([x], [y], "D", color=draw.PALETTE[1], markersize=8, label=where, zorder=4)
    ax.set(xlim=(0, right), ylim=(0, max(1.15 * top, 2 * wanted)))
    ax.set(xlabel="refused (% of all)", ylabel="error on the rest (%)")
    ax.annotate(
        f"{at:.1f} % refused", (at, wanted), xytext=(8, 8), textcoords="offset points", fontsize=9, color=draw.INK
    )
    draw.legend(ax, loc="upper right")
    return figure


@rejection.known_case
def perfectly_ordered_scores() -> None:
    """If every wrong answer is less sure than every right one, only the excess of wrong ones is refused."""
    right, wrong = 90, 10
    sure = np.concatenate([np.linspace(2, 3, right), np.linspace(0.1, 1, wrong)])
    logits = np.stack([sure, np.zeros_like(sure)], axis=1)
    targets = np.concatenate([np.zeros(right, int), np.ones(wrong, int)])
    for error in (0.0, 0.01, 0.05, 0.09):
        kept = int(error * right / (1 - error) + 1e-9)
        found = rejection(logits, targets, error=error).numbers
        assert float(found["refused"]) == 1 - (right + kept) / (right + wrong)
        assert abs(float(found["area"]) - float(found["area_best"])) < 1e-12


@rejection.known_case
def equal_scores() -> None:
    """Where all answers are equally sure, all or none are refused."""
    logits, targets = np.tile([1.0, 0.0], (10, 1)), np.array([0] * 9 + [1])
    assert float(rejection(logits, targets, error=0.05).numbers["refused"]) == 1
    assert float(rejection(logits, targets, error=0.1).numbers["refused"]) == 0
    assert abs(float(rejection(logits, targets).numbers["area"]) - 0.1) < 1e-12


@rejection.known_case
def never_wrong() -> None:
    """A network that is never wrong refuses nothing."""
    logits = np.eye(3)[np.arange(9) % 3] * np.arange(1, 10)[:, None]
    found = rejection(logits, np.arange(9) % 3, error=0.0)
    assert float(found.numbers["refused"]) == 0
    assert float(found.numbers["area"]) == 0


@rejection.known_case
def a_threshold_from_other_examples() -> None:
    """Chosen where the two surest thirds are right, it accepts exactly what is as sure elsewhere."""
    sure = np.repeat([3.0, 2.0, 1.0], 100)
    logits, labels = np.stack([sure, 0 * sure], axis=1), np.repeat([0, 0, 1], 100)
    found = rejection(logits[50:], labels[50:], calibration=(logits, labels), error=0.1).numbers
    assert float(found["chosen_threshold"]) == 2.0
    assert float(found["chosen_coverage"]) == 150 / 250
    assert float(found["chosen_error"]) == 0
