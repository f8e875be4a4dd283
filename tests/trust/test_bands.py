"""Bands around numbers: Laplace against scikit-learn's Bayesian ridge, ensembles and dropout against their own laws."""

from __future__ import annotations

import numpy as np
import pytest
from flax import nnx
from sklearn.linear_model import BayesianRidge

import snarc
from snarc.data import Dataset, Split, Task
from snarc.errors import DataError, RecipeError
from snarc.subjects import of_module
from snarc.trust import bands
from snarc.trust._laplace import LastLayer, of_numbers

QUIET = {"out": False, "progress": False, "health": False}
TASK = Task("regression", targets=("y",))


def wave(count, seed=0):
    rng = np.random.default_rng(seed)
    x = rng.uniform(-1, 1, (count, 1))
    y = np.sin(3 * x) + 0.1 * rng.normal(size=x.shape)
    return Split(x.astype(np.float32), y.astype(np.float32))


@pytest.fixture(scope="module")
def run():
    data = Dataset("wave", TASK, wave(200), wave(100, 1), wave(300, 2))
    return snarc.fit(
        "1-20-1",
        data,
        epochs=25,
        replicas=3,
        batch_size=20,
        learning_rate=0.01,
        model_options={"dropout": 0.1},
        **QUIET,
    )


def ridge(seed=3, count=50, inputs=4):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(count, inputs)).astype(np.float32)
    y = (x @ rng.normal(size=inputs) + 0.5 * rng.normal(size=count)).astype(np.float32)
    flat = {"alpha_1": 0.0, "alpha_2": 0.0, "lambda_1": 0.0, "lambda_2": 0.0}
    found = BayesianRidge(fit_intercept=False, max_iter=10_000, tol=1e-14, **flat).fit(x.astype(np.float64), y)
    network = nnx.Linear(inputs, 1, use_bias=False, rngs=nnx.Rngs(0))
    network.kernel[...] = found.coef_[:, None].astype(np.float32)
    return x, y[:, None], found, network


def test_the_posterior_of_a_linear_network_is_bayesian_ridges():
    """With its precisions the predictive deviations are equal; left to itself evidence finds the same precisions."""
    x, y, theirs, network = ridge()
    seen = of_module(network, (4,), TASK, "linear")
    new = np.random.default_rng(4).normal(size=(20, 4)).astype(np.float32)
    _, deviation = theirs.predict(new.astype(np.float64), return_std=True)
    for given in ({"prior": float(theirs.lambda_), "noise": 1 / float(theirs.alpha_)}, {}):
        law = of_numbers(LastLayer(network, (4,)), Split(x, y), **given)
        found = np.sqrt(law.covariance(new.astype(np.float64))[:, 0, 0] + law.noise[0])
        np.testing.assert_allclose(found, deviation, rtol=1e-5)
        assert law.prior == pytest.approx(float(theirs.lambda_), rel=1e-4)
        assert 1 / law.noise[0] == pytest.approx(float(theirs.alpha_), rel=1e-4)
    found = bands(seen, (new, new[:, :1]), method="laplace", train=(x, y), coverage=0.95)
    width = found.arrays["upper"] - found.arrays["lower"]
    np.testing.assert_allclose(width[:, 0], 2 * 1.959963984540054 * deviation, rtol=1e-5)


def test_the_evidence_is_that_of_a_normal_law_of_the_targets():
    """log p(y) of y ~ N(0, noise 1 + F F^T / tau), exact where the weights are the posterior mean."""
    from scipy.stats import multivariate_normal

    x, y, _, network = ridge(5)
    law = of_numbers(LastLayer(network, (4,)), Split(x, y))
    f = x.astype(np.float64)
    wanted = multivariate_normal.logpdf(y[:, 0], np.zeros(len(f)), law.noise[0] * np.eye(len(f)) + f @ f.T / law.prior)
    assert law.evidence == pytest.approx(wanted, abs=1e-3)


def test_several_targets_have_each_their_noise():
    rng = np.random.default_rng(6)
    x = rng.normal(size=(400, 2)).astype(np.float32)
    y = (x + rng.normal(size=(400, 2)) * np.array([0.1, 1.0])).astype(np.float32)
    network = nnx.Linear(2, 2, rngs=nnx.Rngs(0))
    network.kernel[...] = np.eye(2, dtype=np.float32)
    law = of_numbers(LastLayer(network, (2,)), Split(x, y))
    np.testing.assert_allclose(np.sqrt(law.noise), [0.1, 1.0], rtol=0.1)


def test_an_ensembles_band_is_the_mixtures_variance(run):
    found = bands(run, method="ensemble", noise=0.01)
    said = run.test.logits[..., 0].astype(np.float64)
    np.testing.assert_allclose(found.arrays["predicted"][:, 0], said.mean(axis=0), atol=1e-6)
    deviation = np.sqrt(said.var(axis=0) + 0.01)
    np.testing.assert_allclose(
        found.arrays["upper"][:, 0] - said.mean(axis=0), 1.6448536269514722 * deviation, rtol=1e-4
    )
    inside = np.abs(found.arrays["true"][:, 0] - said.mean(axis=0)) <= 1.6448536269514722 * deviation
    assert found.numbers["coverage"] == pytest.approx(inside.mean())


def test_identical_members_are_ignorant_of_nothing(run):
    from snarc.tuning import committee

    made = committee([run.subject(0), run.subject(0)], run.dataset)
    found = bands(made, run.dataset.test, calibration=run.dataset.validation)
    assert found.numbers["ignorance"] == 0
    errors = run.dataset.validation.targets - run.logits(run.dataset.validation.inputs)[0]
    assert found.numbers["noise"] == pytest.approx(np.sqrt((errors.astype(np.float64) ** 2).mean()), rel=1e-5)


@pytest.mark.parametrize("method", ["ensemble", "dropout", "laplace"])
def test_bands_hold_about_what_they_promise_and_open_outside(run, method):
    found = bands(run, method=method, draws=40)
    assert 0.8 < float(found.numbers["coverage"]) <= 1
    assert float(found.numbers["growth"]) > 1.5
    assert np.all(np.diff(found.arrays["found"]) >= 0)
    assert found.plot().axes
    assert found.arrays["grid"][0] == pytest.approx(found.arrays["box"][0] - np.ptp(found.arrays["box"]))


def test_noise_from_training_examples_is_named(run):
    data = Dataset("wave", TASK, wave(60), wave(60).take(slice(0, 0)), wave(60, 2))
    bare = snarc.fit("1-4-1", data, epochs=2, batch_size=20, replicas=2, **QUIET)
    assert "found on the training examples" in bands(bare).note
    assert "training examples" not in bands(bare, method="laplace").note
    assert "training examples" not in bands(bare, noise=0.1).note
    assert "training examples" not in bands(run).note


def test_more_inputs_are_moved_away_from_the_middle():
    x, y, _, network = ridge()
    found = bands(
        of_module(network, (4,), TASK, "linear"), (x, y), method="laplace", train=(x, y), prior=1.0, noise=1.0
    )
    # Moved three times as far from the middle of the box, which is near zero, variances grow about ninefold.
    assert 5 < float(found.numbers["growth"]) < 20
    assert "grid" not in found.arrays
    assert found.plot().axes


def test_what_cannot_be_had_is_refused(run, digits):
    with pytest.raises(RecipeError, match=r"coverage of 1.5"):
        bands(run, coverage=1.5)
    with pytest.raises(RecipeError, match="noise=-1"):
        bands(run, noise=-1)
    pair = (run.dataset.test.inputs, run.dataset.test.targets)
    with pytest.raises(DataError, match=r"Pass calibration="):
        bands(run.subject(), pair, method="dropout", draws=4)
    with pytest.raises(DataError, match="logits alone"):
        bands(np.zeros((2, 5, 1)), np.zeros((5, 1)))
    logits = np.zeros((2, 5, 3))
    with pytest.raises(DataError, match="task of classification"):
        bands(logits, np.zeros(5, int))
