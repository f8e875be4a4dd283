"""Hebb's rule: what it stores, where it fails, and that the corrected rule does not."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from snarc.errors import RecipeError
from snarc.learners import Hebb, Perceptron


def test_one_shot_is_the_sum_of_correlations():
    rng = np.random.default_rng(0)
    X, t = rng.choice([-1.0, 1.0], size=(9, 5)), np.array([1, -1, 1, 1, -1, -1, 1, -1, 1])
    neuron = Hebb(learning_rate=0.5, bias=True).fit(X, t)
    np.testing.assert_allclose(neuron.coef_[0], 0.5 * sum(k * x for k, x in zip(t, X)))
    assert neuron.intercept_[0] == 0.5 * t.sum()
    assert len(neuron.path_) == 10


def test_orthogonal_patterns_are_recalled_at_once():
    walsh = np.array([[1]])
    for _ in range(3):
        walsh = np.block([[walsh, walsh], [walsh, -walsh]])
    t = np.array([1, -1, -1, 1, 1, -1, 1, -1])
    assert Hebb().fit(walsh, t).converged_


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6))
def test_corrected_rule_is_the_perceptron_with_twice_the_rate(seed):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(15, 6))
    t = np.where(X @ rng.normal(size=6) > 0, 1, -1)
    t[:2] = 1, -1
    hebb = Hebb("corrected", epochs=30).fit(X, t)
    neuron = Perceptron(bias=False, epochs=30, learning_rate=2.0, record="mistake").fit(X, t)
    # At zero weights the outputs differ (sgn 0 = -1; the perceptron counts it as a mistake): positives go the same way.
    if t[0] == 1:
        np.testing.assert_allclose(hebb.path_, neuron.path_[: len(hebb.path_)], atol=1e-9)


def test_at_capacity_one_shot_fails_and_corrected_does_not():
    one, corrected = 0, 0
    for seed in range(60):
        rng = np.random.default_rng(seed)
        X, t = rng.choice([-1.0, 1.0], size=(20, 20)), rng.choice([-1, 1], size=20)
        if np.linalg.matrix_rank(X) < 20:
            continue
        one += Hebb().fit(X, t).converged_
        corrected += not Hebb("corrected", epochs=100_000).fit(X, t).converged_
    assert one <= 3
    assert corrected == 0


def test_refusal():
    with pytest.raises(RecipeError, match="one-shot, corrected"):
        Hebb("oja").fit([[0.0], [1.0]], [0, 1])
