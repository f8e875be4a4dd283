"""The hidden Markov model against summing over every path of states."""

import itertools

import numpy as np
import pytest
from scipy.stats import norm
from sklearn.utils.estimator_checks import parametrize_with_checks

from snarc.errors import DataError
from snarc.learners import GaussianHMM, HMMClassifier
from snarc.learners.hmm import fit_hmm


@pytest.fixture
def model():
    rng = np.random.default_rng(0)
    start, transition = rng.dirichlet(np.ones(3)), rng.dirichlet(np.ones(3), size=3)
    return GaussianHMM(start, transition, rng.normal(size=(3, 2)), rng.uniform(0.3, 2, size=(3, 2)))


def every_path(model, sequence):
    """Probability density of the sequence together with each path of states."""
    emitted = norm.pdf(sequence[:, None], model.means, np.sqrt(model.variances)).prod(2)
    for path in itertools.product(range(len(model.start)), repeat=len(sequence)):
        p = model.start[path[0]] * emitted[0, path[0]]
        for t in range(1, len(path)):
            p *= model.transition[path[t - 1], path[t]] * emitted[t, path[t]]
        yield path, p


def test_likelihood_expectations_and_best_path_are_those_of_enumeration(model):
    x = np.random.default_rng(1).normal(size=(4, 5, 2))
    gamma, moves, total = model.expectations(x)
    by_hand = np.zeros((3, 3))
    for n, sequence in enumerate(x):
        paths = list(every_path(model, sequence))
        whole = sum(p for _, p in paths)
        assert model.log_likelihood(x)[n] == pytest.approx(np.log(whole), abs=1e-12)
        assert tuple(model.decode(x)[n]) == max(paths, key=lambda item: item[1])[0]
        states = np.zeros((5, 3))
        for path, p in paths:
            for t, state in enumerate(path):
                states[t, state] += p / whole
            for a, b in itertools.pairwise(path):
                by_hand[a, b] += p / whole
        np.testing.assert_allclose(gamma[n], states, atol=1e-12)
    np.testing.assert_allclose(moves, by_hand, atol=1e-12)
    assert total == pytest.approx(model.log_likelihood(x).sum())


def test_baum_welch_never_lowers_the_likelihood(model):
    x = np.random.default_rng(2).normal(size=(60, 6, 2)) + np.arange(6)[:, None] / 3
    likelihoods = []
    for _ in range(25):
        model, likelihood = model.improved(x, floor=1e-6, prior=0)
        likelihoods.append(likelihood)
    assert (np.diff(likelihoods) > -1e-8).all()
    assert likelihoods[-1] > likelihoods[0] + 10
    np.testing.assert_allclose(model.transition.sum(1), 1)


def test_far_outliers_keep_a_finite_likelihood(model):
    assert np.isfinite(model.log_likelihood(np.full((1, 6, 2), 1e3))).all()


def test_left_to_right_models_never_go_back():
    model = fit_hmm(np.random.default_rng(3).normal(size=(30, 8, 1)), states=4, iterations=3)
    assert (np.tril(model.transition, -1) == 0).all()
    assert (np.triu(model.transition, 3) == 0).all()


def test_order_in_time_is_what_tells_the_classes_apart():
    """Rising and falling ramps hold the same values; only a model of sequences can tell."""
    rng = np.random.default_rng(4)
    ramp = np.linspace(0, 1, 8)
    X = np.vstack([ramp + 0.2 * rng.normal(size=(100, 8)), ramp[::-1] + 0.2 * rng.normal(size=(100, 8))])
    y = np.repeat(["up", "down"], 100)
    assert HMMClassifier(states=4).fit(X, y).score(X, y) > 0.98


@parametrize_with_checks([HMMClassifier(states=3, iterations=2)])
def test_scikit_learn(estimator, check):
    check(estimator)


def test_steps_must_divide_the_features():
    with pytest.raises(DataError, match="5 steps"):
        HMMClassifier(5).fit(np.zeros((4, 12)), [0, 1, 0, 1])
