"""Entropies, dropout at evaluation and the Laplace approximation, against closed forms and scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import entropy as scipy_entropy
from sklearn.metrics import roc_auc_score

import snarc
from snarc.errors import DataError, ModelError, RecipeError
from snarc.trust import uncertainty
from snarc.trust._entropy import auroc, parts, risks
from snarc.trust._laplace import LastLayer, of_classes, probit, sampled
from snarc.trust._members import asked, choose, dropout_draws

QUIET = {"out": False, "progress": False, "health": False}


@pytest.fixture(scope="module")
def run():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(300, 4)).astype(np.float32)
    y = (x[:, 0] + x[:, 1] ** 2 + 0.7 * rng.normal(size=300) > 0.8).astype(int)
    return snarc.fit("4-12:tanh-2", (x, y), epochs=15, replicas=3, model_options={"dropout": 0.25}, **QUIET)


def test_the_split_of_entropy_equals_scipys(rng):
    p = rng.dirichlet(np.ones(5), size=(7, 40))
    found = parts(p)
    np.testing.assert_allclose(found.total, scipy_entropy(p.mean(axis=0), axis=-1), atol=1e-12)
    np.testing.assert_allclose(found.noise, scipy_entropy(p, axis=-1).mean(axis=0), atol=1e-12)
    # Mutual information as the mean divergence of each member from the mean of all.
    divergence = scipy_entropy(p, np.broadcast_to(p.mean(axis=0), p.shape), axis=-1).mean(axis=0)
    np.testing.assert_allclose(found.ignorance, divergence, atol=1e-12)


def test_the_area_equals_scikit_learns_with_ties(rng):
    high, low = rng.normal(1, 1, 80).round(1), rng.normal(0, 1, 50).round(1)
    truth = np.r_[np.ones(80), np.zeros(50)]
    assert auroc(high, low) == pytest.approx(roc_auc_score(truth, np.r_[high, low]), abs=1e-12)
    assert np.isnan(auroc(high, low[:0]))


def test_risk_is_the_error_of_the_surest_and_ties_share_theirs():
    found = risks(np.array([0.3, 0.1, 0.2, 0.2]), np.array([True, False, True, False]))
    np.testing.assert_allclose(found, [0, 0.25, 1 / 3, 0.5])


def test_an_ensemble_is_the_mean_of_its_replicas(run):
    found = uncertainty(run)
    p = snarc.subjects.predictions(run, "test").probabilities
    labels = run.dataset.test.targets
    assert found.arrays["method"][0] == "ensemble"
    assert found.numbers["accuracy"] == pytest.approx(np.mean(p.mean(axis=0).argmax(axis=1) == labels))
    assert found.numbers["nll"] == pytest.approx(-np.log(p.mean(axis=0)[np.arange(len(labels)), labels]).mean())
    assert found.numbers["alone_accuracy"].values == pytest.approx(run.test.accuracy.values)
    assert found.plot().axes


def test_the_variance_over_masks_is_that_of_the_closed_form():
    """A unit of activity h kept with probability q and divided by it adds h^2 w^2 (1 - q)/q to the variance."""
    rng = np.random.default_rng(1)
    x = rng.normal(size=(40, 3)).astype(np.float32)
    data = (x, x[:, :1])
    run = snarc.fit("3-16-1", data, epochs=3, model_options={"dropout": 0.2}, **QUIET)
    draws = 4000
    said = dropout_draws(run.networks[0], run.dataset.test, draws)[..., 0]
    body = run.networks[0].body
    first, last = (np.asarray(layer.kernel[...], np.float64) for layer in body.layers)
    inputs = np.asarray(run.networks[0].inputs(run.dataset.test.inputs), np.float64)
    hidden = np.maximum(inputs @ first + np.asarray(body.layers[0].bias[...]), 0)
    wanted = (hidden**2) @ (last[:, 0] ** 2) * 0.2 / 0.8
    np.testing.assert_allclose(said.var(axis=0), wanted, rtol=6 / np.sqrt(draws))
    mean = run.test.logits[0, :, 0]
    assert np.abs(said.mean(axis=0) - mean).max() < 5 * np.sqrt(wanted.max() / draws)
    assert not np.allclose(said[:, 0] - said[:, 0].mean(), said[:, 1] - said[:, 1].mean())
    again = dropout_draws(run.networks[0], run.dataset.test, 4)
    np.testing.assert_array_equal(again, dropout_draws(run.networks[0], run.dataset.test, 4))


def test_dropout_leaves_the_network_as_it_was(run):
    before = run.logits(run.dataset.test.inputs)
    uncertainty(run, method="dropout", draws=5)
    np.testing.assert_array_equal(before, run.logits(run.dataset.test.inputs))


def test_two_classes_of_laplace_equal_logistic_regressions_hessian(run):
    """For features f the curvature of two classes is that of p (1 - p) f f^T on the difference of the logits."""
    who = asked(run, "test")
    last = LastLayer(run.networks[0], run.inputs)
    train = run.dataset.train
    law = of_classes(last, train, hessian="full", prior=0.5)
    features, logits, _ = next(iter(last(train)))
    for more, others, _ in list(last(train))[1:]:
        features, logits = np.vstack([features, more]), np.vstack([logits, others])
    p = np.exp(logits[:, 0]) / np.exp(logits).sum(axis=1)
    # On the difference d = w1 - w0 the curvature is 2 F^T diag(p (1 - p)) F / 2 per unit vector; its prior is tau / 2.
    curvature = features.T @ (features * (p * (1 - p))[:, None])
    precision = curvature + 0.25 * np.eye(features.shape[1])
    asked_features = next(iter(last(run.dataset.test)))[0]
    wanted = np.einsum("ni,ij,nj->n", asked_features, np.linalg.inv(precision), asked_features)
    covariance = law.covariance(asked_features)
    found = covariance[:, 0, 0] + covariance[:, 1, 1] - 2 * covariance[:, 0, 1]
    np.testing.assert_allclose(found, wanted, rtol=1e-8)
    assert who.seen.replicas == 3


def test_kronecker_is_exact_where_all_examples_are_equally_unsure(run):
    """Then the curvature factors; otherwise it does not, and the two differ."""
    last = LastLayer(run.networks[0], run.inputs)
    features = next(iter(last(run.dataset.test)))[0]
    laws = [of_classes(last, run.dataset.train, hessian=h, prior=1.0) for h in ("full", "kronecker")]
    real = [law.covariance(features) for law in laws]
    assert not np.allclose(real[0], real[1], rtol=1e-3)

    class Unsure:
        weights = np.zeros_like(last.weights)

        def __call__(self, split):
            yield features, np.zeros((len(features), 2)), np.zeros(len(features), int)

    laws = [of_classes(Unsure(), None, hessian=h, prior=1.0) for h in ("full", "kronecker")]
    equal = [law.covariance(features) for law in laws]
    np.testing.assert_allclose(equal[0], equal[1], rtol=1e-9, atol=1e-12)
    assert laws[0].evidence == pytest.approx(laws[1].evidence)


def test_the_prior_found_has_the_largest_evidence(run):
    last = LastLayer(run.networks[0], run.inputs)
    best = of_classes(last, run.dataset.train)
    for factor in (0.7, 1.4):
        assert of_classes(last, run.dataset.train, prior=best.prior * factor).evidence < best.evidence
    found = uncertainty(run, method="laplace", draws=200)
    assert len(found.numbers["prior"].values) == 3
    assert found.numbers["prior"].values[0] == pytest.approx(best.prior, rel=1e-6)
    assert abs(float(found.numbers["probit_nll"]) - float(found.numbers["nll"])) < 0.05


def test_probit_is_near_the_mean_softmax_of_two_classes(rng):
    """MacKay's approximation, whose error for two classes is about a hundredth; against many draws."""
    means = np.array([[0.0, 0.0], [1.0, -1.0], [3.0, 0.0]])
    covariance = np.stack([np.eye(2) * s for s in (0.5, 2.0, 4.0)])
    logits = sampled(means, covariance, 40_000, rng)
    exact = (1 / (1 + np.exp(logits[..., 1] - logits[..., 0]))).mean(axis=0)
    # The variance of the difference is twice that of each logit; for two classes MacKay's divisor takes it whole.
    difference = np.stack([means[:, 0] - means[:, 1], np.zeros(3)], axis=1)
    found = probit(difference, 2 * covariance)[:, 0]
    assert np.abs(found - exact).max() < 0.02


def test_draws_have_the_mean_and_the_covariance(rng):
    a = rng.normal(size=(3, 3))
    found = sampled(np.array([[1.0, 2.0, 3.0]]), (a @ a.T)[None], 60_000, rng)[:, 0]
    np.testing.assert_allclose(found.mean(axis=0), [1, 2, 3], atol=0.06)
    np.testing.assert_allclose(np.cov(found.T), a @ a.T, atol=0.15)


def test_what_cannot_be_had_is_refused_in_one_sentence(run):
    single = run.subject()
    pair = (run.dataset.test.inputs, run.dataset.test.targets)
    with pytest.raises(RecipeError, match="one network only"):
        uncertainty(single, pair, method="ensemble")
    with pytest.raises(RecipeError, match="Did you mean 'laplace'"):
        uncertainty(run, method="laplac")
    with pytest.raises(DataError, match="knows no data"):
        uncertainty(single, pair, method="laplace")
    with pytest.raises(RecipeError, match="draws=1"):
        uncertainty(run, method="dropout", draws=1)
    logits = np.zeros((1, 10, 3))
    with pytest.raises(RecipeError, match="only outputs are known"):
        uncertainty(logits, np.zeros(10, int))
    with pytest.raises(RecipeError, match="its layers are not known"):
        uncertainty(np.zeros((2, 10, 3)), np.zeros(10, int), method="laplace")
    assert choose("auto", asked(single, pair), "uncertainty") == "dropout"
    with pytest.raises(RecipeError, match="hessian='ful'"):
        uncertainty(run, method="laplace", hessian="ful")


def test_a_network_that_does_not_end_densely_has_no_laplace():
    from flax import nnx

    class Squashed(nnx.Module):
        def __init__(self):
            self.dense = nnx.Linear(2, 3, rngs=nnx.Rngs(0))

        def __call__(self, x):
            return nnx.tanh(self.dense(x))

    with pytest.raises(ModelError, match="is not what the network returns"):
        LastLayer(Squashed(), (2,))


def test_a_committee_counts_member_by_member(digits):
    from snarc.tuning import bagging

    made = bagging("64-10", digits, 3, epochs=2, **{k: v for k, v in QUIET.items() if k == "progress"})
    found = uncertainty(made, digits.test)
    assert found.numbers["draws"] == 3
    assert 1 - found.numbers["accuracy"] == pytest.approx(made.reading.numbers["error"])
    assert float(found.numbers["ignorance"]) > 0
