"""Calibration against scikit-learn, simulated forecasters and closed forms."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom
from sklearn.calibration import calibration_curve
from sklearn.metrics import brier_score_loss, log_loss

from snarc.errors import DataError, RecipeError
from snarc.trust import calibration
from snarc.trust.calibration import brier_parts


def forecaster(seed, count, classes=10, sharpness=2.0, temperature=1.0):
    """Logits of a network, and labels drawn from their softmax at a temperature."""
    rng = np.random.default_rng(seed)
    logits = sharpness * rng.normal(size=(count, classes))
    p = np.exp(logits / temperature)
    p /= p.sum(axis=1, keepdims=True)
    labels = (p.cumsum(axis=1) < rng.random((count, 1))).sum(axis=1)
    return logits, np.minimum(labels, classes - 1)


@pytest.mark.parametrize(("scheme", "strategy"), [("equal-width", "uniform"), ("equal-mass", "quantile")])
@pytest.mark.parametrize("bins", [1, 5, 15])
def test_bins_agree_with_scikit_learn(scheme, strategy, bins):
    logits, labels = forecaster(0, 2000, temperature=2.0)
    found = calibration(logits, labels, bins=bins, scheme=scheme)
    p = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    right = logits.argmax(axis=1) == labels
    true, said = calibration_curve(right, p.max(axis=1), n_bins=bins, strategy=strategy)
    full = found.arrays["count"] > 0
    np.testing.assert_allclose(found.arrays["bin_accuracy"][full], true, atol=1e-12)
    np.testing.assert_allclose(found.arrays["mean_confidence"][full], said, atol=1e-12)
    weights = found.arrays["count"][full] / 2000
    assert float(found.numbers["ece"]) == pytest.approx((weights * np.abs(true - said)).sum(), abs=1e-12)
    assert float(found.numbers["mce"]) == pytest.approx(np.abs(true - said).max(), abs=1e-12)


def test_nll_and_brier_agree_with_scikit_learn():
    logits, labels = forecaster(1, 500, classes=4)
    p = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    found = calibration(logits, labels)
    assert float(found.numbers["nll"]) == pytest.approx(log_loss(labels, p), rel=1e-12)
    assert float(found.numbers["brier"]) == pytest.approx(brier_score_loss(labels, p, scale_by_half=False), rel=1e-12)


def test_a_calibrated_forecaster_stays_within_its_binomial_band():
    logits, labels = forecaster(2, 20_000)
    found = calibration(logits, labels)
    a = found.arrays
    full = a["count"] > 0
    outside = (a["mean_confidence"] < a["low"]) | (a["mean_confidence"] > a["high"])
    # Each of the bins lies outside its 95 % interval with a chance near 0.05.
    assert outside[full].sum() <= binom.ppf(0.999, full.sum(), 0.05)
    assert float(found.numbers["ece"]) < 3 * float(found.numbers["ece_by_chance"])


def test_chance_is_what_calibrated_forecasters_show_on_average():
    readings = [calibration(*forecaster(seed, 1500)) for seed in range(60)]
    eces = np.array([float(r.numbers["ece"]) for r in readings])
    chance = np.mean([float(r.numbers["ece_by_chance"]) for r in readings])
    assert abs(eces.mean() - chance) < 4 * eces.std() / np.sqrt(60) + 0.05 * chance


def test_an_overconfident_forecaster_is_found_out():
    found = calibration(*forecaster(3, 20_000, temperature=3.0))
    assert float(found.numbers["ece"]) > 10 * float(found.numbers["ece_by_chance"])
    assert float(found.numbers["overconfidence"]) > 0.1
    assert "overconfident" in found.note
    assert "15 equal-width bins" in found.note


def test_replicas_give_a_mean_and_do_not_narrow_the_interval():
    logits, labels = forecaster(4, 800)
    one, two = calibration(logits, labels), calibration(np.stack([logits, logits]), labels)
    assert two.numbers["ece"].mean == pytest.approx(float(one.numbers["ece"]))
    assert two.numbers["ece"].standard_error == pytest.approx(0, abs=1e-15)
    np.testing.assert_allclose(two.arrays["low"], one.arrays["low"])
    np.testing.assert_allclose(two.arrays["count"], one.arrays["count"])


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 2**31), st.integers(1, 60), st.integers(2, 5), st.integers(1, 20))
def test_ece_lies_between_overconfidence_and_one(seed, count, classes, bins):
    numbers = calibration(*forecaster(seed, count, classes), bins=bins).numbers
    assert (
        abs(float(numbers["overconfidence"])) - 1e-12 <= float(numbers["ece"]) <= float(numbers["mce"]) + 1e-12 <= 1.001
    )


def test_certainty_belongs_to_the_last_bin():
    found = calibration(np.array([[800.0, -800.0]] * 3), np.array([0, 0, 1]))
    assert found.arrays["count"].tolist() == [0] * 14 + [3]
    assert float(found.numbers["ece"]) == pytest.approx(1 / 3)
    assert np.isfinite(float(found.numbers["nll"]))
    assert found.plot().axes


def test_what_makes_no_sense_is_refused():
    with pytest.raises(RecipeError, match="0 bins"):
        calibration(np.zeros((1, 2)), np.zeros(1, int), bins=0)
    with pytest.raises(RecipeError, match="Did you mean 'equal-mass'"):
        calibration(np.zeros((1, 2)), np.zeros(1, int), scheme="equal-mas")
    with pytest.raises(RecipeError, match="scheme"):
        calibration(np.zeros((1, 2)), np.zeros(1, int), scheme="even")
    with pytest.raises(DataError, match="regression"):
        calibration(np.zeros((2, 1)), np.zeros((2, 1)))
    with pytest.raises(DataError, match="no example"):
        calibration(np.zeros((0, 2)), np.zeros(0, int))


def softmax(logits):
    e = np.exp(logits - logits.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def test_adaptive_error_is_that_of_bins_of_equal_mass():
    logits, labels = forecaster(5, 1500, temperature=2.0)
    found, even = calibration(logits, labels), calibration(logits, labels, scheme="equal-mass")
    assert float(found.numbers["ece_adaptive"]) == float(even.numbers["ece"]) == float(even.numbers["ece_adaptive"])
    assert even.arrays["count"].tolist() == [100.0] * 15
    assert float(found.numbers["ece_adaptive"]) != float(found.numbers["ece"])
    assert "15 equal-mass bins" in even.note
    assert "15 equal-mass bins" in even.plot().axes[0].get_title()


@pytest.mark.parametrize(("scheme", "strategy"), [("equal-width", "uniform"), ("equal-mass", "quantile")])
def test_classwise_error_agrees_with_scikit_learn_class_by_class(scheme, strategy):
    logits, labels = forecaster(6, 1000, classes=4, temperature=0.5)
    found, p = calibration(logits, labels, bins=8, scheme=scheme), softmax(logits)
    wanted = []
    for k in range(4):
        true, said = calibration_curve(labels == k, p[:, k], n_bins=8, strategy=strategy)
        edges = np.linspace(0, 1, 9) if strategy == "uniform" else np.quantile(p[:, k], np.linspace(0, 1, 9))
        counts = np.bincount(np.searchsorted(edges[1:-1], p[:, k]), minlength=8)
        wanted.append((counts[counts > 0] / 1000 * np.abs(true - said)).sum())
    np.testing.assert_allclose(found.arrays["class_ece"], wanted, atol=1e-12)
    assert float(found.numbers["ece_classwise"]) == pytest.approx(np.mean(wanted), abs=1e-12)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**31), st.integers(1, 300), st.integers(1, 12), st.sampled_from(["distinct", "bins"]))
def test_parts_sum_to_the_brier_score(seed, count, levels, how):
    rng = np.random.default_rng(seed)
    said = rng.integers(0, levels + 1, count) / levels if how == "distinct" else rng.random(count)
    happened = rng.random(count) < said**2
    parts = brier_parts(said, happened, None if how == "distinct" else (5 * said).astype(int))
    assert parts.total == pytest.approx(brier_score_loss(happened, said, labels=[0, 1]), abs=1e-12)
    assert min(parts.reliability, parts.resolution, parts.uncertainty) >= 0
    if how == "distinct":
        assert parts.within == pytest.approx(0, abs=1e-15)


@pytest.mark.parametrize("scheme", ["equal-width", "equal-mass"])
def test_parts_of_several_classes_sum_to_their_brier_score(scheme):
    logits, labels = forecaster(7, 700, classes=5, temperature=3.0)
    found = calibration(np.stack([logits, -logits]), labels, scheme=scheme).numbers
    for k in range(2):
        part = {n: found[f"brier_{n}"].values[k] for n in ("reliability", "resolution", "uncertainty", "within_bins")}
        total = part["reliability"] - part["resolution"] + part["uncertainty"] + part["within_bins"]
        assert total == pytest.approx(found["brier"].values[k], abs=1e-12)


def test_parts_say_what_they_mean():
    """Saying the base rate resolves nothing and is reliable; saying the opposite of the truth is all unreliability."""
    happened = np.array([1, 0, 0, 0])
    assert brier_parts(np.full(4, 0.25), happened) == pytest.approx((0, 0, 3 / 16, 0))
    assert brier_parts(happened, happened) == pytest.approx((0, 3 / 16, 3 / 16, 0))
    assert brier_parts(1 - happened, happened) == pytest.approx((1, 3 / 16, 3 / 16, 0))
