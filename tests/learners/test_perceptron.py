"""Rosenblatt's rule against a plain loop, its mistake bound, its variants, and XOR."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from snarc.errors import DataError, RecipeError
from snarc.learners import Perceptron

AND = np.array([[-1, -1], [-1, 1], [1, -1], [1, 1]]), np.array([-1, -1, -1, 1])
XOR = AND[0], np.array([-1, 1, 1, -1])


def separable(seed, n=40, features=3, gap=0.05):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, features))
    w = rng.normal(size=features)
    field = X @ w / np.linalg.norm(w) + 0.3
    t = np.where(field > 0, 1, -1)
    t[:2] = -1, 1
    X[:2] = -w, w
    return X[np.abs(field) > gap], t[np.abs(field) > gap]


def plain_loop(X, t, epochs):
    """The rule as the textbook has it; also the mean weight over all examples seen."""
    x = np.column_stack([np.ones(len(X)), X])
    w, seen, path = np.zeros(x.shape[1]), [], [np.zeros(x.shape[1])]
    for _ in range(epochs):
        wrong = 0
        for example, target in zip(x, t):
            if target * (w @ example) <= 0:
                w = w + target * example
                wrong += 1
                path.append(w)
            seen.append(w)
        if not wrong:
            break
    return np.array(path), np.mean(seen, 0)


@pytest.mark.parametrize("seed", range(5))
def test_path_is_that_of_the_plain_loop(seed):
    X, t = separable(seed, n=700)  # more than one block
    X[0], t[0] = X[0] * 0.01, -t[0]  # one stubborn example, so that there is no end
    neuron = Perceptron(record="mistake", epochs=7).fit(X, t)
    path, mean = plain_loop(X, t, 7)
    np.testing.assert_allclose(neuron.path_, path, atol=1e-12)
    assert neuron.mistakes_ == len(path) - 1 == neuron.mistakes_per_epoch_.sum()
    averaged = Perceptron("averaged", epochs=7).fit(X, t)
    np.testing.assert_allclose(np.append(averaged.intercept_, averaged.coef_), mean, atol=1e-10)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**31), st.integers(2, 60), st.integers(1, 8), st.booleans())
def test_mistakes_never_exceed_the_bound(seed, n, features, random):
    rng = np.random.default_rng(seed)
    X, w = rng.normal(size=(n, features)), rng.normal(size=features + 1)
    t = np.where(w[0] + X @ w[1:] > 0, 1, -1)
    if len(set(t)) < 2:
        return
    neuron = Perceptron(order="random" if random else "cyclic", epochs=10**6, random_state=seed % 2**31).fit(X, t)
    assert neuron.converged_
    assert neuron.mistakes_ <= neuron.margin(X, t).mistake_bound * (1 + 1e-9)
    assert (neuron.predict(X) == t).all()


def test_bound_is_reached():
    """Orthonormal examples without a bias: p mistakes, R = 1 and gamma = 1 / sqrt(p), so the bound is p."""
    p = 9
    X, t = np.eye(p), np.array([1, -1] * 4 + [1])
    neuron = Perceptron(bias=False).fit(X, t)
    assert neuron.mistakes_ == p
    assert neuron.margin(X, t).mistake_bound == pytest.approx(p, rel=1e-12)


def test_learning_rate_changes_no_decision():
    X, t = separable(3)
    one, small = Perceptron().fit(X, t), Perceptron(learning_rate=2**-10).fit(X, t)
    np.testing.assert_array_equal(small.path_ * 2**10, one.path_)


def test_every_threshold_function_of_three_inputs_is_learnt_and_no_other():
    X = np.array(list(itertools.product([-1, 1], repeat=3)))
    learnt = 0
    for labels in itertools.product([-1, 1], repeat=8):
        t = np.array(labels)
        if len(set(labels)) < 2:
            learnt += 1  # a constant: the bias alone does it
            continue
        neuron = Perceptron().fit(X, t)
        assert neuron.converged_ == (neuron.cycle_ is None) == neuron.margin(X, t).separable
        learnt += neuron.converged_
    assert learnt == 104


def test_and_is_learnt_and_xor_cycles():
    neuron = Perceptron().fit(*AND)
    assert neuron.converged_
    assert neuron.epochs_ <= 20
    neuron = Perceptron().fit(*XOR)
    first, period = neuron.cycle_
    assert not neuron.converged_
    np.testing.assert_array_equal(neuron.path_[first], neuron.path_[first + period])


def test_xor_gets_a_certificate_in_fractions():
    X, t = XOR
    certificate = Perceptron().certificate(X, t)
    assert not certificate.separable
    assert certificate.verify(X[t > 0], X[t < 0])
    assert sum(certificate.positive.values()) == 1
    found = Perceptron().certificate(*AND)
    assert found.verify(AND[0][AND[1] > 0], AND[0][AND[1] < 0])


def test_pocket_keeps_good_weights_where_there_are_no_perfect_ones():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(300, 2))
    t = np.where(X[:, 0] + 0.4 * rng.normal(size=300) > 0, 1, -1)
    plain = [Perceptron(order="random", epochs=20, random_state=s).fit(X, t).score(X, t) for s in range(10)]
    pocket = [Perceptron("pocket", order="random", epochs=20, random_state=s).fit(X, t).score(X, t) for s in range(10)]
    best = max(np.mean(np.where(X[:, 0] > c, 1, -1) == t) for c in np.linspace(-0.5, 0.5, 101))
    assert np.mean(pocket) > np.mean(plain) + 0.01
    assert np.mean(pocket) > best - 0.02


def test_partial_fit_is_one_epoch():
    X, t = separable(5, n=200)
    whole = Perceptron(epochs=3).fit(X, t)
    parts = Perceptron()
    for _ in range(3):
        parts.partial_fit(X, t, classes=[-1, 1])
    np.testing.assert_array_equal(parts.path_[: len(whole.path_)], whole.path_)


def test_labels_may_be_words():
    neuron = Perceptron().fit([[0.0], [1.0], [2.0], [3.0]], ["no", "no", "yes", "yes"])
    assert neuron.predict([[-5.0], [9.0]]).tolist() == ["no", "yes"]


@pytest.mark.parametrize(
    ("options", "y", "error", "says"),
    [
        ({"variant": "voted"}, [0, 1], RecipeError, "plain, pocket, averaged"),
        ({"learning_rate": 0}, [0, 1], RecipeError, "positive"),
        ({"epochs": 2.5}, [0, 1], RecipeError, "whole number"),
        ({}, [0, 0], DataError, "one class"),
        ({}, [0.5, 1.5], DataError, "continuous"),
    ],
)
def test_refusals_say_what_was_wanted(options, y, error, says):
    with pytest.raises(error, match=says):
        Perceptron(**options).fit([[0.0], [1.0]], y)


def test_three_classes_are_refused_with_a_way_out():
    with pytest.raises(DataError, match="OneVsRestClassifier"):
        Perceptron().fit([[0.0], [1.0], [2.0]], [0, 1, 2])
