"""Intervals that hold the true number as often as was promised, whatever the network."""

from __future__ import annotations

import dataclasses
from typing import Any, Literal

import numpy as np

from snarc import draw, keys
from snarc.data import Dataset, Split
from snarc.errors import DataError, RecipeError, nearest
from snarc.reading import Estimate, Reading
from snarc.registry import instrument, models
from snarc.subjects import Predictions, predictions
from snarc.training import fit
from snarc.training.run import Run

from . import _intervals
from ._held_out import calibration_of, caveat

Method = Literal["absolute", "normalised", "quantile", "cv+", "jackknife+"]
METHODS = ("absolute", "normalised", "quantile", "cv+", "jackknife+")
_PARTS = 5


@instrument("intervals", asks="Between which numbers does the true one lie as often as promised?")
def intervals(
    of: Any,
    data: Any = "test",
    *,
    calibration: Any = "validation",
    coverage: float = 0.9,
    method: Method = "absolute",
    folds: int = 10,
    target: int = 0,
    seed: int = 0,
) -> Reading:
    """Conformal prediction of numbers: intervals with a promise that holds for any network and any distribution.

    Parameters
    ----------
    of: a run that predicts numbers; for ``absolute`` whatever :func:`snarc.subjects.predictions` takes.
    data: the examples to judge by.
    calibration: examples that the network neither learnt from nor is judged by; not for the last two methods.
    coverage: the promise, as a fraction.
    method: ``absolute``, one width for all (split conformal); ``normalised``, widths in proportion to the errors on the
        nearest training examples; ``quantile``, from two more networks of the run's recipe that learn the quantiles
        (CQR); ``cv+`` and ``jackknife+``, from networks of the run's recipe each trained without one fold, or without
        one example.
    folds: of ``cv+``.
    target: which of several outputs.
    seed: of the folds.

    Returns
    -------
    Numbers over replicas (of ``absolute`` and ``normalised``): ``coverage`` found, ``promised``, ``width`` (mean) and
    ``median_width`` in units of the target; ``least``, the coverage that the theorem warrants; and for split methods
    ``low`` and ``high``: between them the coverage found lies in 95 of 100 draws of so many examples. Arrays of the
    first replica: ``true``, ``predicted``, ``lower``, ``upper`` ``(N,)``; ``part_coverage`` and ``part_width`` in five
    equal parts of the examples by what is predicted; ``input`` where there is one.

    Raises
    ------
    RecipeError: an option is unknown or out of range.
    DataError: no calibration examples of their own, or the answers are classes.

    Source: Vovk, Gammerman, Shafer (2005); Lei et al., JASA 113 (2018) 1094; Romano, Patterson, Candès, NeurIPS 2019;
    Barber et al., Annals of Statistics 49 (2021) 486.
    """
    if method not in METHODS:
        raise RecipeError(
            f"method={method!r}", wanted="one of " + ", ".join(METHODS), way_out=nearest(str(method), METHODS)
        )
    if not 0 < coverage < 1:
        raise RecipeError(f"a coverage of {coverage}", wanted="a fraction between 0 and 1", way_out="Use 0.9.")
    if method != "absolute" and not isinstance(of, Run):
        raise DataError(
            f"method={method!r} for what is no run", wanted="a run, which knows its data and recipe",
            way_out="Use method='absolute' with calibration=(x, y).",
        )  # fmt: skip
    if method in ("cv+", "jackknife+"):
        judged = _predictions(of, data)
        _check_target(judged, target)
        found = [_resampled(of, judged, coverage, method, folds, target, seed)]
        numbers: dict[str, Any] = {"least": found[0].least}
    else:
        known, judged = calibration_of(of, data, calibration, "intervals")
        known.need("numbers", "intervals")
        judged.need("numbers", "intervals")
        _check_target(judged, target)
        if method == "quantile":
            found = [_quantiles(of, known, judged, coverage, target)]
        else:
            found = [_split(of, known, judged, coverage, method, k, target) for k in range(judged.replicas)]
        low, high = _intervals.between(len(known), len(judged), coverage)
        numbers = {"least": coverage, "low": low, "high": high}
    true = _column(judged.targets, target)
    hits = [(one.lower <= true) & (true <= one.upper) for one in found]
    widths = [np.maximum(one.upper - one.lower, 0) for one in found]
    each = {
        "coverage": [float(hit.mean()) for hit in hits],
        "width": [float(width.mean()) for width in widths],
        "median_width": [float(np.median(width)) for width in widths],
    }
    numbers = {name: Estimate.over(values) for name, values in each.items()} | {"promised": coverage, **numbers}
    order = np.array_split(np.argsort(found[0].predicted, kind="stable"), _PARTS)
    arrays = {
        "method": np.array([method]), "target": np.array([(judged.task.targets or ("target",))[target]]), "true": true,
        "predicted": found[0].predicted, "lower": found[0].lower, "upper": found[0].upper,
        "part_coverage": np.array([hits[0][k].mean() if len(k) else np.nan for k in order]),
        "part_width": np.array([widths[0][k].mean() if len(k) else np.nan for k in order]),
    }  # fmt: skip
    x = None if judged.split is None else np.asarray(judged.split.inputs[:])
    if x is not None and x.shape[1:] == (1,):
        arrays["input"] = x[:, 0]
    note = (
        f"Intervals of width {numbers['width'].mean:.3g} on average hold the true number in "
        f"{100 * numbers['coverage'].mean:.1f} % of cases; {100 * coverage:g} % were promised, and the theorem "
        f"warrants {100 * numbers['least']:.3g} %."
    )
    if method in ("absolute", "normalised"):
        note += caveat(of, calibration)
    return Reading("intervals", numbers, arrays, _draw, note)


@dataclasses.dataclass(frozen=True)
class _Found:
    lower: np.ndarray
    upper: np.ndarray
    predicted: np.ndarray
    least: float = 0.0


def _split(
    of: Any, known: Predictions, judged: Predictions, coverage: float, method: str, k: int, target: int
) -> _Found:
    before = _column(known.logits[min(k, known.replicas - 1)], target)
    said, errors = _column(judged.logits[k], target), np.abs(_column(known.targets, target) - before)
    if method == "absolute":
        return _Found(*_intervals.split(errors, said, coverage), said)
    train = of.dataset.train
    learnt = train.gather(np.arange(min(len(train), 20_000)))
    own = np.abs(_column(of.subject(k).logits(learnt.inputs), target) - _column(learnt.targets, target))
    rows = [_flat(one) for one in (learnt.inputs, known.split.inputs, judged.split.inputs)]
    near, here = (_intervals.neighbours(rows[0], own, one) for one in rows[1:])
    return _Found(*_intervals.split(errors / near, said, coverage, here), said)


def _quantiles(run: Run, known: Predictions, judged: Predictions, coverage: float, target: int) -> _Found:
    _check_model(run)
    low, high = ((1 - coverage) / 2, (1 + coverage) / 2)
    ends = []
    for quantile in (low, high):
        # They keep their last weights: those best on validation would know the examples that calibrate them.
        recipe = run.recipe.with_(
            loss="pinball", quantile=quantile, replicas=1, class_targets=None, early_stopping=None, keep="last"
        )
        one = _train(run, run.dataset, recipe)
        pair = [_column(one.logits(seen.split.inputs)[0], target) for seen in (known, judged)]
        ends.append(pair)
    lower, upper = _intervals.quantiles(
        (ends[0][0], ends[1][0]), _column(known.targets, target), (ends[0][1], ends[1][1]), coverage
    )
    return _Found(lower, upper, _column(judged.logits[0], target))


def _resampled(
    run: Run, judged: Predictions, coverage: float, method: str, folds: int, target: int, seed: int
) -> _Found:
    """Networks of the run's recipe, each trained without one fold of the training and validation examples."""
    _check_model(run)
    dataset = run.dataset
    parts = [one.gather(np.arange(len(one))) for one in (dataset.train, dataset.validation) if len(one)]
    pool = Split(np.concatenate([p.inputs for p in parts]), np.concatenate([p.targets for p in parts]))
    count = len(pool)
    if method == "jackknife+":
        folds = count
    if isinstance(folds, bool) or not isinstance(folds, int) or not 2 <= folds <= min(count, 1000):
        raise RecipeError(
            f"{folds} folds of {count} examples", wanted=f"a number from 2 to {min(count, 1000)}",
            way_out="Use method='cv+' with folds=10.",
        )  # fmt: skip
    fold = keys.generator(seed, "intervals-folds").permutation(count) % folds
    recipe = run.recipe.with_(replicas=1, early_stopping=None, keep="last")
    residuals, said = np.empty(count), np.empty((folds, len(judged)))
    assert judged.split is not None
    for k in range(folds):
        inside, outside = pool.take(fold != k), pool.take(fold == k)
        part = Dataset(dataset.name, dataset.task, inside, pool.take(slice(0, 0)), outside, {}, dataset.columns)
        one = _train(run, part, recipe)
        residuals[fold == k] = np.abs(_column(one.logits(outside.inputs)[0] - outside.targets, target))
        said[k] = _column(one.logits(judged.split.inputs)[0], target)
    lower, upper = _intervals.plus(residuals, fold, said, coverage)
    return _Found(lower, upper, said.mean(axis=0), _intervals.promised(count, folds, coverage))


def _train(run: Run, dataset: Dataset, recipe: Any) -> Run:
    found = fit(run.recipe.model, dataset, recipe=recipe, out=False, progress=False, health=False)
    if found.status == "interrupted":
        raise KeyboardInterrupt
    return found


def _check_model(run: Run) -> None:
    name = run.recipe.model
    if name.startswith("custom:"):
        raise RecipeError(
            f"training {name!r} again, which has no name in the registry",
            wanted="one of " + ", ".join(entry.name for entry in models),
            way_out="Use method='absolute', which trains nothing.",
        )


def _predictions(run: Run, data: Any) -> Predictions:
    judged = predictions(run, data)
    judged.need("numbers", "intervals")
    return judged


def _check_target(judged: Predictions, target: Any) -> None:
    outputs = int(np.prod(judged.logits.shape[2:]))
    if isinstance(target, bool) or not isinstance(target, int) or not 0 <= target < outputs:
        raise RecipeError(f"target={target!r} of {outputs}", wanted=f"0 to {outputs - 1}", way_out="Use target=0.")


def _column(values: Any, target: int) -> np.ndarray:
    return _flat(values)[:, target]


def _flat(values: Any) -> np.ndarray:
    values = np.asarray(values, np.float64)
    return values.reshape(len(values), -1)


def _draw(reading: Reading) -> Any:
    """Left: the intervals over the one input, or over what is predicted; right: coverage in five parts."""
    arrays = reading.arrays
    figure, (left, right) = draw.new(1, 2, width=8.4, height=3.6, width_ratios=(1.7, 1))
    name = draw.shorten(str(arrays["target"][0]), 24)
    at = arrays.get("input", arrays["predicted"])
    order = np.argsort(at, kind="stable")
    kept = order[np.unique(np.linspace(0, len(order) - 1, min(300, len(order))).astype(int))]
    low, high, true = (arrays[one][kept] for one in ("lower", "upper", "true"))
    inside = (low <= true) & (true <= high)
    if np.isfinite(low).all():
        left.fill_between(at[kept], low, high, color=draw.PALETTE[0], alpha=0.25, linewidth=0, label="interval")
    for chosen, colour, label in ((inside, draw.MUTED, "inside"), (~inside, draw.PALETTE[1], "outside")):
        left.plot(at[kept][chosen], true[chosen], "o", color=colour, markersize=3, markeredgewidth=0, label=label)
    left.set(xlabel="input" if "input" in arrays else f"predicted {name}", ylabel=f"true {name}")
    draw.legend(left, loc="best")
    promised = 100 * float(reading.numbers["promised"])
    places = np.arange(1, len(arrays["part_coverage"]) + 1)
    right.bar(places, 100 * arrays["part_coverage"], color=draw.PALETTE[0], width=0.7)
    right.axhline(promised, color=draw.INK, linestyle=(0, (4, 3)), linewidth=1)
    right.set(xlabel="fifth of the examples, by prediction", ylim=(0, 100))
    right.set_ylabel(f"intervals that hold (%); dashed: {promised:g}")
    return figure


@intervals.known_case
def ranks_of_scores() -> None:
    """With nine scores and a promise of 90 % the largest is the threshold; with eight it is infinite."""
    scores = np.arange(1.0, 10.0)
    assert _intervals.split(scores, np.zeros(1), 0.9) == (-9.0, 9.0)
    assert _intervals.split(scores[:8], np.zeros(1), 0.9) == (-np.inf, np.inf)


@intervals.known_case
def constant_networks() -> None:
    """Where all networks of jackknife+ say the same, it is the interval of the ranked errors, as split conformal."""
    rng = np.random.default_rng(0)
    errors = rng.exponential(size=57)
    lower, upper = _intervals.plus(errors, np.arange(57), np.full((57, 3), 2.0), 0.8)
    wanted = _intervals.split(errors, np.full(3, 2.0), 0.8)
    assert np.allclose(lower, wanted[0], rtol=0, atol=1e-15)
    assert np.allclose(upper, wanted[1], rtol=0, atol=1e-15)


@intervals.known_case
def a_network_that_is_always_wrong_by_two() -> None:
    """Every interval then reaches just to the true number and as far to the other side."""
    true = np.linspace(0, 1, 200)[:, None]
    found = intervals(true[:100] + 2, true[:100], calibration=(true[100:] + 2, true[100:]))
    assert abs(float(found.numbers["width"]) - 4) < 1e-9
