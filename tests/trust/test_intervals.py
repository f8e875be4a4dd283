"""Intervals with a promise: the theorems over many draws, and the networks that are trained for them."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binom

import snarc
from snarc.data import Dataset, Split, Task
from snarc.errors import DataError, RecipeError
from snarc.experiments._leave_one_out import without_each
from snarc.trust import _intervals, intervals

QUIET = {"out": False, "progress": False, "health": False}


def wave(count, seed):
    rng = np.random.default_rng(seed)
    x = rng.uniform(-1, 1, (count, 1))
    y = np.sin(3 * x) + (0.05 + 0.4 * (x > 0)) * rng.normal(size=x.shape)
    return Split(x.astype(np.float32), y.astype(np.float32))


@pytest.fixture(scope="module")
def run():
    data = Dataset("wave", Task("regression", targets=("y",)), wave(120, 0), wave(99, 1), wave(2000, 2))
    return snarc.fit("1-10-1", data, epochs=30, batch_size=20, learning_rate=0.02, replicas=2, **QUIET)


def binomial(coverage, trials):
    """Between what the hits of so many independent trials lie but for one draw in ten thousand."""
    return binom.ppf([5e-5, 1 - 5e-5], trials, coverage) / trials


def test_split_conformal_keeps_its_promise_from_both_sides():
    """One new example for each of 4,000 calibrations: coverage lies in [1 - a, 1 - a + 1 / (n + 1)]."""
    rng, trials, n = np.random.default_rng(0), 4000, 19
    errors = np.abs(rng.standard_t(2, size=(trials, n + 1)))  # of any law, though with heavy tails
    held = np.mean([low <= e[-1] <= high for e in errors for low, high in [_intervals.split(e[:-1], 0.0, 0.85)]])
    exact = 17 / 20  # ceil(20 x 0.85) of 20 ranks are equally likely
    assert exact == _intervals.rank_of(n, 0.85) / (n + 1)
    low, high = binomial(exact, trials)
    assert low <= held <= high
    assert 0.85 <= exact <= 0.85 + 1 / (n + 1)


def test_quantile_intervals_keep_theirs_with_any_quantiles():
    rng, trials, n = np.random.default_rng(1), 3000, 19
    held = 0
    for _ in range(trials):
        x = rng.uniform(0, 1, n + 1)
        y = x * rng.normal(size=n + 1)
        low, high = -x, 0.3 * x  # quantiles that are quite wrong
        ends = _intervals.quantiles((low[:-1], high[:-1]), y[:-1], (low[-1:], high[-1:]), 0.9)
        held += ends[0][0] <= y[-1] <= ends[1][0]
    low, high = binomial(0.9, trials)
    assert low <= held / trials <= high


@pytest.mark.parametrize("weights", [5, 30, 60])
def test_jackknife_plus_never_falls_below_its_bound(weights):
    """Least squares, also where it interpolates; the bound is 1 - 2 a, and jackknife itself breaks it."""
    trials, n, held, plain = 400, 30, 0, 0
    for seed in range(trials):
        rng = np.random.default_rng(seed)
        x = rng.normal(size=(n + 1, weights))
        y = x[:, 0] + rng.normal(size=n + 1)
        fitted, each, missed = without_each(x[:-1], y[:-1])
        low, high = _intervals.plus(np.abs(missed), np.arange(n), each @ x[-1:].T, 0.9)
        held += low[0] <= y[-1] <= high[0]
        ends = _intervals.split(np.abs(missed), x[-1] @ fitted, 0.9)
        plain += ends[0] <= y[-1] <= ends[1]
    assert held / trials >= binomial(0.8, trials)[0]
    if weights == n:
        assert plain / trials < 0.8 <= held / trials


def test_least_squares_without_each_example_equals_the_fits_themselves(rng):
    for n, d in ((12, 5), (12, 11), (12, 12), (12, 40)):
        x, y = rng.normal(size=(n, d)), rng.normal(size=n)
        fitted, each, missed = without_each(x, y)
        np.testing.assert_allclose(fitted, np.linalg.lstsq(x, y, rcond=None)[0], atol=1e-6)
        for k in range(n):
            kept = np.arange(n) != k
            wanted = np.linalg.lstsq(x[kept], y[kept], rcond=None)[0]
            np.testing.assert_allclose(each[k], wanted, atol=1e-6)
            assert missed[k] == pytest.approx(y[k] - x[k] @ wanted, abs=1e-5)


def test_the_bounds_of_the_theorems():
    assert _intervals.promised(50, 50, 0.9) == pytest.approx(0.8)
    # Theorem 4 with n = 100, K = 10: min(1.8 / 11, 0.9 / 11) less.
    assert _intervals.promised(100, 10, 0.9) == pytest.approx(0.8 - 0.9 / 11)


@pytest.mark.parametrize("method", ["absolute", "normalised", "quantile"])
def test_split_methods_cover_as_the_law_of_coverage_allows(run, method):
    found = intervals(run, method=method)
    low, high = found.numbers["low"], found.numbers["high"]
    assert low <= float(found.numbers["coverage"]) <= high
    assert low < 0.9 < high
    assert found.plot().axes
    if method == "absolute":
        assert len(found.numbers["coverage"].values) == 2
        assert np.ptp(found.arrays["upper"] - found.arrays["lower"]) < 1e-9
    else:  # the noise is nine times larger on the right, and so are the intervals
        width, right = found.arrays["upper"] - found.arrays["lower"], found.arrays["input"] > 0.2
        assert width[right].mean() > 1.5 * width[found.arrays["input"] < -0.2].mean()


def test_quantiles_are_learnt_without_the_examples_that_calibrate_them(run, monkeypatch):
    """Networks that were best on validation would know it; those of this run are asked to stop early."""
    import importlib

    recipes, module = [], importlib.import_module("snarc.trust.intervals")
    stopped = snarc.fit("1-4-1", run.dataset, epochs=3, batch_size=20, early_stopping=1, **QUIET)
    known = module.fit
    monkeypatch.setattr(module, "fit", lambda *args, **kw: recipes.append(kw["recipe"]) or known(*args, **kw))
    assert "chose the epoch" not in intervals(stopped, method="quantile").note
    assert [(r.keeps_best, r.quantile) for r in recipes] == [(False, pytest.approx(q)) for q in (0.05, 0.95)]
    assert "chose the epoch" in intervals(stopped).note


def test_cv_plus_trains_without_each_fold(run):
    found = intervals(run, method="cv+", folds=4, coverage=0.8)
    count = len(run.dataset.train) + len(run.dataset.validation)
    assert found.numbers["least"] == pytest.approx(_intervals.promised(count, 4, 0.8))
    assert float(found.numbers["coverage"]) >= found.numbers["least"]
    assert 0.72 < float(found.numbers["coverage"]) < 0.88


def test_what_makes_no_sense_is_refused(run, digits):
    with pytest.raises(RecipeError, match=r"Did you mean 'cv\+'"):
        intervals(run, method="cv")
    with pytest.raises(RecipeError, match="coverage of 2"):
        intervals(run, coverage=2)
    with pytest.raises(RecipeError, match="target=3 of 1"):
        intervals(run, target=3)
    with pytest.raises(RecipeError, match="1 folds"):
        intervals(run, method="cv+", folds=1)
    with pytest.raises(DataError, match="by heart"):
        intervals(run, calibration="train")
    with pytest.raises(DataError, match="no run"):
        intervals(run.subject(), (run.dataset.test.inputs, run.dataset.test.targets), method="quantile")
    classes = snarc.fit("linear", digits, epochs=1, **QUIET)
    for method in ("absolute", "cv+"):
        with pytest.raises(DataError, match="task of classification"):
            intervals(classes, method=method)
