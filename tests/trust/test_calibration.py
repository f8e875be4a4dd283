"""Calibration against scikit-learn, simulated forecasters and closed forms."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom
from sklearn.calibration import calibration_curve
from sklearn.metrics import brier_score_loss, log_loss

from snarc.errors import DataError
from snarc.trust import calibration


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
    with pytest.raises(ValueError, match="0 bins"):
        calibration(np.zeros((1, 2)), np.zeros(1, int), bins=0)
    with pytest.raises(ValueError, match="scheme"):
        calibration(np.zeros((1, 2)), np.zeros(1, int), scheme="even")
    with pytest.raises(DataError, match="regression"):
        calibration(np.zeros((2, 1)), np.zeros((2, 1)))
    with pytest.raises(DataError, match="no example"):
        calibration(np.zeros((0, 2)), np.zeros(0, int))
