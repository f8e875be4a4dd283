"""Sets of classes that hold the right one as often as was promised, whatever the network."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from snarc import draw, keys
from snarc.errors import RecipeError, nearest
from snarc.reading import Estimate, Reading, wilson
from snarc.registry import instrument

from ._held_out import calibration_of, caveat
from ._intervals import between as band
from ._intervals import between_classes
from ._intervals import smallest as threshold

Score = Literal["lac", "aps", "raps"]
SCORES = ("lac", "aps", "raps")


@dataclass(frozen=True)
class ConformalSets:
    """Prediction sets with a threshold fitted on calibration data.

    Attributes
    ----------
    score: how strange a class is for an example: ``lac``, 1 - p; ``aps``, the probability of all classes that are
        likelier, plus a random share of its own; ``raps``, that plus ``penalty`` for each rank beyond ``free``.
    thresholds: ``(classes,)``; a class belongs to the set while its score is at most its threshold.
    coverage: how often the set is to hold the right class.
    """

    score: str
    thresholds: np.ndarray
    coverage: float
    penalty: float = 0.01
    free: int = 5

    @classmethod
    def fit(
        cls,
        probabilities: np.ndarray,
        labels: np.ndarray,
        *,
        coverage: float = 0.9,
        score: Score = "lac",
        by_class: bool = False,
        penalty: float = 0.01,
        free: int = 5,
        rng: np.random.Generator | None = None,
    ) -> ConformalSets:
        """Fit the thresholds on calibration examples ``(n, classes)``, ``(n,)``.

        With ``by_class`` each class has a threshold of its own, and the promise holds for each of them.
        """
        found = strangeness(probabilities, score, penalty, free, rng)[np.arange(len(labels)), labels]
        classes = probabilities.shape[1]
        if by_class:
            thresholds = np.array([threshold(found[labels == k], coverage) for k in range(classes)])
        else:
            thresholds = np.full(classes, threshold(found, coverage))
        return cls(score, thresholds, coverage, penalty, free)

    def sets(self, probabilities: np.ndarray, rng: np.random.Generator | None = None) -> np.ndarray:
        """Which classes belong to the set of each example, ``(N, classes)`` Booleans."""
        return strangeness(probabilities, self.score, self.penalty, self.free, rng) <= self.thresholds


def strangeness(
    probabilities: np.ndarray, score: str, penalty: float = 0.01, free: int = 5, rng: np.random.Generator | None = None
) -> np.ndarray:
    """The conformity score of every class, ``(N, classes)``; larger is stranger.

    Parameters
    ----------
    rng: draws the random share of ``aps`` and ``raps``; without it the whole probability of a class counts, and sets
        are larger than need be.

    Source: Sadinle, Lei, Wasserman (2019) for lac; Romano, Sesia, Candès (2020) for aps; Angelopoulos et al. (2021)
    for raps.
    """
    if score == "lac":
        return 1 - probabilities
    order = np.argsort(-probabilities, axis=1, kind="stable")
    ranked = np.take_along_axis(probabilities, order, 1)
    share = 1.0 if rng is None else rng.random((len(probabilities), 1))
    found = np.cumsum(ranked, axis=1) - ranked + share * ranked
    if score == "raps":
        found += penalty * np.maximum(0, np.arange(1, ranked.shape[1] + 1) - free)
    result = np.empty_like(found)
    np.put_along_axis(result, order, found, 1)
    return result


@instrument("conformal", asks="Which classes must be named so that the right one is among them as often as promised?")
def conformal(
    of: Any,
    data: Any = "test",
    *,
    calibration: Any = "validation",
    coverage: float = 0.9,
    score: Score = "lac",
    by_class: bool = False,
    penalty: float = 0.01,
    free: int = 5,
    seed: int = 0,
) -> Reading:
    """Split conformal prediction: sets of classes that hold the right one with the promised frequency.

    Parameters
    ----------
    of, data: whatever :func:`snarc.subjects.predictions` takes.
    calibration: examples that the network neither learnt from nor is judged by.
    coverage: the promise, as a fraction.
    score, penalty, free: see :class:`ConformalSets`.
    by_class: promise it for each class (Vovk 2012), not only on average.
    seed: of the random share of aps and raps.

    Returns
    -------
    Numbers over replicas: ``coverage`` found on ``data``, ``size`` (mean number of classes in a set), ``single`` and
    ``empty`` (fractions of sets), ``error_of_single`` (of sets of one class; NaN where there is none), ``threshold``;
    and ``low``, ``high``: between them the found coverage lies in 95 of 100 draws of so many calibration and test
    examples if the promise holds (beta-binomial; with ``by_class`` in every class).  Arrays: ``size_fraction``
    ``(classes + 1,)`` of sets by their size, ``class_coverage``, ``class_low`` and ``class_high`` ``(classes,)`` with
    95 % Wilson intervals, of all replicas together.

    Raises
    ------
    RecipeError: the score is unknown, or the coverage not between 0 and 1.
    DataError: no calibration examples of their own, or no classes.

    The promise: over draws of exchangeable examples, coverage lies between ``coverage`` and ``coverage`` + 1 / (n + 1)
    for n calibration examples without ties (Vovk et al. 2005; Lei et al., JASA 113 (2018) 1094).
    """
    if score not in SCORES:
        raise RecipeError(f"score {score!r}", wanted="one of " + ", ".join(SCORES), way_out=nearest(score, SCORES))
    if not 0 < coverage < 1:
        raise RecipeError(f"a coverage of {coverage}", wanted="a fraction between 0 and 1", way_out="Use 0.9.")
    known, judged = calibration_of(of, data, calibration, "conformal")
    for seen in (known, judged):
        seen.need("classes", "conformal")
    labels, classes = judged.targets, judged.logits.shape[-1]
    rows, sizes, hits, thresholds = [], [], [], []
    for k in range(judged.replicas):
        rng = keys.generator(seed, "conformal", k)
        fitted = ConformalSets.fit(
            known.probabilities[min(k, known.replicas - 1)], known.targets, coverage=coverage, score=score,
            by_class=by_class, penalty=penalty, free=free, rng=rng,
        )  # fmt: skip
        sets = fitted.sets(judged.probabilities[k], rng)
        hit, size = sets[np.arange(len(labels)), labels], sets.sum(axis=1)
        single = size == 1
        rows.append((hit.mean(), size.mean(), single.mean(), (size == 0).mean(),
                     1 - hit[single].mean() if single.any() else np.nan))  # fmt: skip
        sizes.append(np.bincount(size, minlength=classes + 1) / len(labels))
        hits.append(hit)
        thresholds.append(float(np.max(fitted.thresholds)))
    names = ("coverage", "size", "single", "empty", "error_of_single")
    numbers: dict[str, Any] = {name: Estimate.over(values) for name, values in zip(names, zip(*rows))}
    if by_class:
        counts = [np.bincount(y, minlength=classes) for y in (known.targets, labels)]
        low, high = between_classes(counts[0], counts[1], coverage)
    else:
        low, high = band(len(known), len(labels), coverage)
    numbers |= {"threshold": Estimate.over(thresholds), "low": low, "high": high, "promised": coverage}
    arrays = {"size_fraction": np.mean(sizes, axis=0), "class": np.array(judged.task.classes)}
    arrays |= _by_class(np.array(hits), labels, classes)
    note = (
        f"Sets of {numbers['size'].mean:.2f} classes on average hold the right one in "
        f"{100 * numbers['coverage'].mean:.1f} % of cases; {100 * coverage:g} % were promised."
        + caveat(of, calibration)
    )
    return Reading("conformal", numbers, arrays, _draw, note)


def _by_class(hits: np.ndarray, labels: np.ndarray, classes: int) -> dict[str, np.ndarray]:
    mean = hits.mean(axis=0)
    counts = np.bincount(labels, minlength=classes)
    right = np.bincount(labels, mean, minlength=classes)
    bounds = np.array([wilson(r, int(n)) for r, n in zip(right, counts)])
    with np.errstate(invalid="ignore"):
        return {"class_coverage": right / counts, "class_low": bounds[:, 0], "class_high": bounds[:, 1]}


def _draw(reading: Reading) -> Any:
    figure, (left, right) = draw.new(1, 2, width=7.2, height=3.4)
    fraction = 100 * reading.arrays["size_fraction"]
    most = max(2, int(np.flatnonzero(fraction > 0.05).max(initial=2)))
    left.bar(np.arange(most + 1), fraction[: most + 1], color=draw.PALETTE[0], width=0.7)
    left.set(xlabel="classes in the set", ylabel="examples (%)")
    draw.whole_numbers(left.xaxis)
    found, names = reading.arrays["class_coverage"], reading.arrays["class"]
    low, high = reading.arrays["class_low"], reading.arrays["class_high"]
    shown = np.flatnonzero(np.isfinite(found))[:30]
    at = np.arange(len(shown))
    span = np.abs(np.stack([found - low, high - found])[:, shown])
    right.errorbar(100 * found[shown], at, xerr=100 * span, fmt="o", color=draw.PALETTE[0], markersize=5, linewidth=1.2)
    promised = 100 * float(reading.numbers["promised"])
    right.axvline(promised, color=draw.MUTED, linestyle=(0, (4, 3)), linewidth=1)
    right.set_yticks(at, [draw.shorten(str(names[k]), 14) for k in shown])
    right.invert_yaxis()
    right.set_xlabel(f"sets that hold the class (%); dashed: promised {promised:g} %")
    right.grid(False, axis="y")
    return figure


@conformal.known_case
def smallest_rank() -> None:
    """With nine calibration scores and a promise of 90 % the largest of them is the threshold; with eight none is."""
    assert threshold(np.arange(1.0, 10.0), 0.9) == 9.0
    assert threshold(np.arange(1.0, 9.0), 0.9) == math.inf


@conformal.known_case
def exchangeable_examples() -> None:
    """A network that knows nothing still keeps the promise, with sets as large as that takes."""
    rng = np.random.default_rng(0)
    logits = rng.normal(size=(6000, 10))
    labels = rng.integers(0, 10, 6000)
    scores: tuple[Score, ...] = ("lac", "aps", "raps")
    for score in scores:
        found = conformal(logits[3000:], labels[3000:], calibration=(logits[:3000], labels[:3000]), score=score)
        low, value, high = (float(found.numbers[name]) for name in ("low", "coverage", "high"))
        assert low <= value <= high
        assert float(found.numbers["size"]) > 7


@conformal.known_case
def a_network_that_knows() -> None:
    """Where the right class always has probability one, every set holds it alone."""
    labels = np.arange(400) % 4
    logits = 1000.0 * np.eye(4)[labels]
    found = conformal(logits[:200], labels[:200], calibration=(logits[200:], labels[200:]))
    assert float(found.numbers["coverage"]) == 1
    assert float(found.numbers["size"]) == 1
