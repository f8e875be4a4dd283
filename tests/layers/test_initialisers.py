"""Initialisers: variances, bounds and orthogonality against their closed forms."""

import jax
import numpy as np
import pytest
from scipy import stats

from snarc.errors import ModelError
from snarc.layers.activations import ACTIVATIONS
from snarc.layers.initialisers import INITIALISERS, initializer, variance

NAMES = [*INITIALISERS, "uniform(0.05)", "normal(0.2)"]
SHAPE = (300, 500)


def drawn(name, shape=SHAPE, seed=0):
    return np.asarray(initializer("relu", name)(jax.random.key(seed), shape, np.float32), np.float64)


@pytest.mark.parametrize("name", NAMES)
def test_variance_is_the_closed_form(name):
    w = drawn(name)
    expected = variance(name, *SHAPE)
    if name == "orthogonal":  # its sum of squares is fixed, not drawn
        assert (w**2).mean() == pytest.approx(expected, rel=1e-5)
        return
    # The variance of a squared weight, from its fourth moment, gives the standard error: five of them.
    error = 5 * np.sqrt(max((w**4).mean() - (w**2).mean() ** 2, 0) / w.size)
    assert abs((w**2).mean() - expected) <= error
    assert abs(w.mean()) <= 5 * np.sqrt(expected / w.size)


@pytest.mark.parametrize(
    ("name", "bound"),
    [
        ("lecun-uniform", np.sqrt(3 / 300)),
        ("glorot-uniform", np.sqrt(6 / 800)),
        ("he-uniform", np.sqrt(6 / 300)),
        ("uniform(0.05)", 0.05),
    ],
)
def test_uniform_weights_fill_their_interval(name, bound):
    w = drawn(name).ravel()
    assert stats.kstest(w, stats.uniform(-bound, 2 * bound).cdf).pvalue > 1e-4
    assert bound * (1 - 1e-3) < abs(w).max() <= bound * (1 + 1e-6)


@pytest.mark.parametrize("name", ["lecun-normal", "glorot-normal", "he-normal"])
def test_normal_weights_are_cut_off_at_two_standard_deviations(name):
    w = drawn(name).ravel()
    wide = np.sqrt(variance(name, *SHAPE) / stats.truncnorm(-2, 2).var())
    assert stats.kstest(w, stats.truncnorm(-2, 2, scale=wide).cdf).pvalue > 1e-4


def test_plain_normal_weights():
    assert stats.kstest(drawn("normal(0.2)").ravel(), stats.norm(scale=0.2).cdf).pvalue > 1e-4


@pytest.mark.parametrize("shape", [(40, 30), (30, 40), (5, 5, 3, 20)])
def test_orthogonal_weights(shape):
    w = drawn("orthogonal", shape).reshape(-1, shape[-1])
    gram = w.T @ w if w.shape[0] >= w.shape[1] else w @ w.T
    np.testing.assert_allclose(gram, np.eye(len(gram)), atol=2e-6)


def test_auto_suits_the_activation():
    pairs = {"relu": "he-normal", "leaky-relu(0.2)": "he-normal", "selu": "lecun-normal", "scaled-tanh": "lecun-normal"}
    pairs |= {"tanh": "glorot-uniform", "logistic(0.5)": "glorot-uniform", "identity": "lecun-normal"}
    for name, suits in pairs.items():
        assert initializer(name) is INITIALISERS[suits]
    assert all(initializer(name) in INITIALISERS.values() for name in ACTIVATIONS)


def test_equal_names_give_equal_initialisers():
    assert (
        initializer("relu", "uniform(0.1)")
        == initializer("tanh", "uniform(.10)")
        != initializer("relu", "uniform(0.2)")
    )
    assert initializer("relu", "he-uniform") is initializer("tanh", "he-uniform")


@pytest.mark.parametrize("name", ["uniform", "normal", "normal(-1)", "uniform(x)", "he_normal", "", 3, None])
def test_what_is_no_initialiser_is_refused(name):
    with pytest.raises(ModelError):
        initializer("relu", name)


def test_the_nearest_name_is_offered_and_auto_has_no_variance():
    with pytest.raises(ModelError, match="he-normal"):
        initializer("relu", "he_normal")
    with pytest.raises(ModelError, match="auto"):
        variance("auto", 3, 4)
