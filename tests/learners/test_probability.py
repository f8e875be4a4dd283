"""Odds, softmax, entropy and cross-entropy: identities to rounding."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.special import logit
from scipy.special import softmax as reference_softmax
from scipy.stats import entropy as reference_entropy

from snarc.errors import RecipeError
from snarc.learners.probability import cross_entropy, entropy, log_odds, log_softmax, logistic, odds, softmax

logits = arrays(float, st.integers(1, 6), elements=st.floats(-30, 30))


def test_logit_undoes_the_logistic_function():
    x = np.linspace(-9, 9, 4001)
    np.testing.assert_allclose(log_odds(logistic(x)), x, atol=1e-12)
    np.testing.assert_allclose(np.log(odds(logistic(x))), x, atol=1e-12)
    p = np.linspace(1e-12, 1 - 1e-12, 1001)
    np.testing.assert_allclose(log_odds(p), logit(p), atol=1e-12, rtol=1e-12)
    assert odds(1.0) == np.inf


@given(logits, st.floats(-1e4, 1e4))
def test_softmax_does_not_see_a_shift(x, shift):
    np.testing.assert_allclose(softmax(x + shift), reference_softmax(x), atol=1e-10)


def test_softmax_of_huge_logits():
    x = np.array([1e4, 1e4 + 1, 1e4 - 2])
    np.testing.assert_array_equal(softmax(x), softmax(x - 1e4))
    np.testing.assert_allclose(np.exp(log_softmax(x)), softmax(x), rtol=1e-15)
    assert cross_entropy([1.0, 0.0], [-1e4, 1e4]) == 2e4


def test_entropy_adds_up_and_has_units():
    rng = np.random.default_rng(0)
    p, q = rng.dirichlet(np.ones(5)), rng.dirichlet(np.ones(7))
    assert abs(entropy(np.outer(p, q).ravel()) - entropy(p) - entropy(q)) < 1e-12
    assert entropy(p) == pytest.approx(reference_entropy(p), abs=1e-14)
    assert entropy(p, "bits") == pytest.approx(reference_entropy(p, base=2), abs=1e-14)
    assert entropy([1.0, 0.0]) == 0
    assert entropy(np.full(8, 1 / 8), "bits") == pytest.approx(3, abs=1e-15)
    with pytest.raises(RecipeError, match="nats or bits"):
        entropy(p, "bans")


@given(logits)
def test_cross_entropy_gradient_is_y_minus_d(x):
    d = softmax(np.arange(len(x)) * 0.3)
    step = 1e-20
    for k in range(len(x)):
        # Complex step: the derivative without cancellation.
        z = x.astype(complex)
        z[k] += 1j * step
        by_step = -(d * (z - np.log(np.exp(z).sum()))).sum().imag / step
        assert abs(by_step - (softmax(x) - d)[k]) < 1e-8


def test_cross_entropy_is_entropy_plus_divergence():
    rng = np.random.default_rng(1)
    d, x = rng.dirichlet(np.ones(4)), rng.normal(size=4)
    assert cross_entropy(d, x) == pytest.approx(entropy(d) + reference_entropy(d, softmax(x)), abs=1e-12)
    assert cross_entropy(d, np.log(d)) == pytest.approx(entropy(d), abs=1e-12)


def test_the_coin_of_five_throws():
    """Throws 1, 1, 0, 0, 1: L = y^3 (1 - y)^2 is largest at 3/5, where -ln L = 3.36506 nats."""
    throws = np.array([1, 1, 0, 0, 1])
    from snarc.learners.losses import cross_entropy as coin

    y = np.linspace(0.001, 0.999, 999)
    total = coin(y[:, None], throws).sum(1)
    assert y[total.argmin()] == pytest.approx(0.6, abs=1e-12)
    assert abs(total.min() - 3.3650583) < 1e-6
    np.testing.assert_allclose(np.exp(-total), y**3 * (1 - y) ** 2, rtol=1e-12)
