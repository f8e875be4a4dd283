"""Rejection: a network that may refuse to answer errs less on what it accepts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from snarc import draw
from snarc.errors import RecipeError, nearest
from snarc.reading import Estimate, Reading
from snarc.registry import instrument
from snarc.subjects import Predictions, predictions

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def _margin(values: np.ndarray) -> np.ndarray:
    """Largest minus second largest of the last axis."""
    top = np.partition(values, -2, axis=-1)[..., -2:]
    return top[..., 1] - top[..., 0]


# How sure an answer is, from the outputs and from their softmax.
SCORES: dict[str, Callable[[Predictions], np.ndarray]] = {
    "margin": lambda found: _margin(found.logits.astype(np.float64)),
    "activity": lambda found: found.logits.max(axis=-1).astype(np.float64),
    "probability-margin": lambda found: _margin(found.probabilities),
    "confidence": lambda found: found.confidence,
}


@instrument("rejection", asks="How much must be refused to reach a wanted error?")
def rejection(of: Any, data: Any = "test", *, score: str = "margin", error: float = 0.01) -> Reading:
    """Risk against coverage: the error on the answers that are accepted, for every threshold on how sure they are.

    Parameters
    ----------
    of, data: a run and a split, or what else :func:`snarc.subjects.predictions` takes.
    score: how sure an answer is: ``margin``, the largest output minus the second (refused "if the two largest are
        too close"); ``activity``, the largest output; ``probability-margin`` and ``confidence``, the same of the
        softmax.
    error: the wanted error on what is accepted, a fraction.

    Returns
    -------
    Numbers: ``refused``, the smallest fraction to be refused for the wanted error (1 if nothing less will do);
    ``threshold``, the score from which answers are accepted then; ``error``, with nothing refused; ``area``, the mean
    error over all coverages.  Arrays: ``refused`` ``(N + 1,)`` and ``risk`` ``(replicas, N + 1)``, the error on the
    rest, NaN where no threshold separates (equal scores are accepted or refused together) and where all is refused.

    Raises
    ------
    RecipeError: the score is unknown, or the wanted error not in [0, 1).
    DataError: the task has no classes, or the data no examples.

    Source: Chow, IEEE Trans. Inf. Theory 16 (1970) 41; LeCun et al., Neural Computation 1 (1989) 541; area: Geifman
    and El-Yaniv (2017).

    >>> logits = np.array([[3.0, 0], [2.0, 0], [1.0, 0]])
    >>> found = rejection(logits, np.array([0, 0, 1]))
    >>> print(found.numbers["refused"])
    0.3333
    """
    if score not in SCORES:
        raise RecipeError(
            f"score {score!r} for rejection", wanted="one of " + ", ".join(SCORES), way_out=nearest(score, SCORES)
        )
    if not 0 <= error < 1:
        raise RecipeError(f"a wanted error of {error}", wanted="a fraction from 0 to below 1", way_out="Use 0.01.")
    found = predictions(of, data)
    found.need("classes", "rejection")
    wrong = found.predicted != found.targets
    curves = [_curve(s, w, error) for s, w in zip(SCORES[score](found), wrong)]
    numbers = {
        "refused": Estimate.over([c["refused"] for c in curves]),
        "threshold": Estimate.over([c["threshold"] for c in curves]),
        "error": Estimate.over([float(w.mean()) for w in wrong]),
        "area": Estimate.over([c["area"] for c in curves]),
    }
    count = wrong.shape[1]
    arrays = {
        "refused": 1 - np.arange(count + 1) / count,
        "risk": np.stack([c["risk"] for c in curves]),
        "wanted": np.array(error),
    }
    refused = numbers["refused"].mean
    note = f"{100 * refused:.1f} % must be refused for an error of {100 * error:g} % on the rest."
    if refused == 0:
        note = f"The error is {100 * error:g} % or less with nothing refused."
    return Reading("rejection", numbers, arrays, _draw, note)


def _curve(score: np.ndarray, wrong: np.ndarray, error: float) -> dict[str, Any]:
    order = np.argsort(-score, kind="stable")
    score, count = score[order], len(score)
    errors = np.concatenate([[0], np.cumsum(wrong[order])]).astype(np.float64)
    # Between two equal scores no threshold can be put.
    possible = np.concatenate([[True], score[1:] < score[:-1], [True]])
    accepted = np.arange(count + 1)
    with np.errstate(invalid="ignore"):
        risk = np.where(possible, errors / accepted, np.nan)
    good = np.flatnonzero(possible & (errors <= error * accepted))
    most = int(good[-1])  # nothing accepted, nothing wrong: there is always one
    # Among equal scores every order is equally likely, so the expected errors grow linearly.
    expected = np.interp(accepted, accepted[possible], errors[possible])
    threshold = score[most - 1] if most else np.nextafter(score[0], np.inf)
    return {
        "refused": 1 - most / count,
        "threshold": float(threshold),
        "area": float(np.mean(expected[1:] / accepted[1:])),
        "risk": risk,
    }


def curve(ax: Any, reading: Reading, *, color: str, label: str) -> None:
    """Draw the error on the rest against the fraction refused, both in percent: replicas thin, their mean thick."""
    refused, risk = 100 * reading.arrays["refused"], 100 * reading.arrays["risk"]
    filled = np.stack([_filled(refused, one) for one in risk])
    if len(filled) > 1:
        ax.plot(refused, filled.T, color=color, linewidth=0.7, alpha=0.35)
    ax.plot(refused, filled.mean(axis=0), color=color, linewidth=2.2, label=label)


def _filled(refused: np.ndarray, risk: np.ndarray) -> np.ndarray:
    known = np.isfinite(risk)
    if not known.any():
        return risk
    return np.interp(-refused, -refused[known], risk[known], left=np.nan)


def _draw(reading: Reading, *, published: Sequence[tuple[float, float, str]] = (), most: float | None = None) -> Figure:
    """``published`` are points (refused in percent, error in percent, where); ``most`` is the right end of the axis."""
    figure, ax = draw.new(width=6.4, height=4.0)
    curve(ax, reading, color=draw.PALETTE[0], label="measured")
    wanted, refused = 100 * float(reading.arrays["wanted"]), reading.numbers["refused"]
    at = 100 * float(refused)
    ax.plot(
        [at], [wanted], "o", color=draw.PALETTE[0], markersize=8, markeredgecolor=draw.PAPER, clip_on=False, zorder=5
    )
    ax.axhline(wanted, color=draw.MUTED, linewidth=0.9, linestyle=(0, (4, 3)))
    for x, y, where in published:
        ax.plot([x], [y], "D", color=draw.PALETTE[1], markersize=8, label=where, zorder=4)
    right = most if most is not None else min(100.0, max(5.0, 2 * at))
    top = 100 * float(reading.numbers["error"])
    ax.set(xlim=(0, right), ylim=(0, max(1.15 * top, 2 * wanted)))
    ax.set(xlabel="refused (% of all)", ylabel="error on the rest (%)")
    ax.annotate(
        f"{at:.1f} % refused", (at, wanted), xytext=(8, 8), textcoords="offset points", fontsize=9, color=draw.INK
    )
    if published:
        ax.legend(loc="upper right", frameon=False)
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
        found = rejection(logits, targets, error=error).numbers["refused"]
        assert float(found) == 1 - (right + kept) / (right + wrong)


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
