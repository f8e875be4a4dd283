"""Temperature, vector and Platt scaling against grids, finite differences and scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import log_softmax, softmax
from sklearn.calibration import CalibratedClassifierCV
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression

from snarc.errors import RecipeError
from snarc.trust.scaling import Scaling, fit, scaling, temperature


@pytest.fixture(scope="module")
def sample():
    rng = np.random.default_rng(3)
    z = rng.normal(scale=2, size=(3000, 5))
    labels = (rng.random(len(z))[:, None] > np.cumsum(softmax(z / 1.7 + [0.5, 0, 0, 0, -0.5], axis=1), 1)).sum(1)
    return z, labels.clip(0, 4)


def nll(z, labels):
    return -log_softmax(z, axis=1)[np.arange(len(z)), labels].mean()


def test_newton_finds_the_minimum_of_a_grid(sample):
    z, labels = sample
    grid = np.linspace(0.5, 5, 4501)
    best = grid[np.argmin([nll(z / t, labels) for t in grid])]
    assert temperature(z, labels) == pytest.approx(best, abs=1e-3)


@pytest.mark.parametrize("scale", [1e-4, 1.0, 1e4])
def test_newton_bears_logits_of_any_size(sample, scale):
    z, labels = sample
    assert temperature(scale * z, labels) == pytest.approx(scale * temperature(z, labels), rel=1e-6)


def test_the_loss_is_convex_in_the_inverse(sample):
    z, labels = sample
    b = np.linspace(0.01, 3, 200)
    assert np.all(np.diff([nll(z * one, labels) for one in b], 2) > -1e-12)


def test_a_network_that_is_never_wrong_gets_surer():
    z = np.eye(3)[np.arange(30) % 3]
    assert temperature(z, np.arange(30) % 3) < 0.01
    assert np.isfinite(temperature(np.zeros((4, 2)), np.array([0, 1, 0, 1])))


def test_vector_scaling_is_at_a_stationary_point_and_better_than_one_temperature(sample):
    z, labels = sample
    one, each = fit(z, labels, "temperature"), fit(z, labels, "vector")
    p = each.probabilities(z)
    apart = p - np.eye(5)[labels]
    assert np.abs(apart.mean(0)).max() < 1e-4
    assert np.abs((apart * z).mean(0)).max() < 1e-3
    assert nll(np.log(p), labels) < nll(np.log(one.probabilities(z)), labels)


def test_platt_equals_scikit_learns_sigmoid(sample):
    z, labels = sample
    model = LogisticRegression(max_iter=2000).fit(z, labels)
    theirs = CalibratedClassifierCV(FrozenEstimator(model), method="sigmoid").fit(z, labels)
    logits = model.decision_function(z)
    np.testing.assert_allclose(fit(logits, labels, "platt").probabilities(logits), theirs.predict_proba(z), atol=2e-4)


def test_temperature_equals_scikit_learns(sample):
    z, labels = sample
    model = LogisticRegression(max_iter=2000).fit(z[:500], labels[:500])
    try:
        judge = CalibratedClassifierCV(FrozenEstimator(model), method="temperature").fit(z, labels)
    except ValueError:
        pytest.skip("this scikit-learn has no temperature scaling")
    logits = model.decision_function(z)
    np.testing.assert_allclose(
        fit(logits, labels, "temperature").probabilities(logits), judge.predict_proba(z), atol=1e-3
    )


def test_a_temperature_changes_no_answer():
    import snarc

    run = snarc.fit("64-64-10", "digits", epochs=20, replicas=2, out=False, progress=False)
    found = scaling(run)
    assert found.numbers["accuracy_before"] == found.numbers["accuracy_after"]
    assert float(found.numbers["nll_after"]) < float(found.numbers["nll_before"]) + 0.01
    assert found.numbers["changed"].values == (0.0, 0.0)
    assert (found.numbers["shared_with_data"], found.numbers["shared_with_training"]) == (0, 0)
    assert "Not one answer changes. The calibration examples share 0 with those it is judged by" in found.note
    few = run.dataset.train.take(slice(0, 2))
    pair = (
        np.concatenate([run.dataset.validation.inputs, few.inputs]),
        np.r_[run.dataset.validation.targets, few.targets],
    )
    assert scaling(run, calibration=pair).numbers["shared_with_training"] == 2
    with pytest.raises(RecipeError, match="Did you mean 'vector'"):
        scaling(run, method="vectors")


def test_any_temperature_keeps_every_answer_of_float32():
    rng = np.random.default_rng(0)
    z = rng.normal(scale=10, size=(2000, 6)).astype(np.float32)
    z[:, 1] = np.nextafter(z[:, 0], np.float32(100))  # as near as float32 allows
    z[::2, :2] = z[::2, 1::-1]
    z[:, 2:] = np.minimum(z[:, 2:], z[:, :2].min(axis=1, keepdims=True) - 1)
    for t in (1e-4, 0.3, 1.7, 1e4):
        np.testing.assert_array_equal(
            Scaling("temperature", np.full(6, 1 / t), np.zeros(6)).answers(z), z.argmax(axis=1)
        )


def test_answers_are_the_largest_probabilities_of_every_method(sample):
    z, labels = sample
    for method in ("temperature", "vector", "platt"):
        fitted = fit(z[:1000], labels[:1000], method)
        np.testing.assert_array_equal(fitted.answers(z), fitted.probabilities(z).argmax(axis=1))
        reading = scaling(z[1000:], labels[1000:], calibration=(z[:1000], labels[:1000]), method=method)
        found = reading.numbers
        assert (float(found["changed"]) == 0) == (method == "temperature")
        assert "shared_with_data" not in found
        assert ("the temperature is" in reading.note) == (method == "temperature")
        # The curve is that of single temperatures, and its mark is where it is least, whatever was fitted.
        best = temperature(z[:1000], labels[:1000])
        assert reading.plot().axes[1].lines[1].get_xdata()[0] == best
        assert nll(z[:1000] / best, labels[:1000]) <= reading.arrays["nll"].min()
