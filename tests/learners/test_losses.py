"""Losses against values and derivatives worked out by hand, and the risk against its own differences."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from snarc.errors import RecipeError, UnknownNameError
from snarc.learners import Adaline
from snarc.learners.losses import empirical_risk, logistic, loss, slope, zero_one

BY_HAND = [
    # name, output, target, value, derivative
    ("square", 3.0, 1.0, 4.0, 4.0),
    ("square", -0.5, 1.0, 2.25, -3.0),
    ("logistic", 0.0, 1, 1.0, -0.5 / np.log(2)),
    ("logistic", np.log(3), 1, np.log2(4 / 3), -0.25 / np.log(2)),
    ("logistic", np.log(3), -1, 2.0, 0.75 / np.log(2)),
    ("hinge", 0.25, 1, 0.75, -1.0),
    ("hinge", 0.25, -1, 1.25, 1.0),
    ("hinge", 2.0, 1, 0.0, 0.0),
    ("cross-entropy", 0.25, 1, np.log(4), -4.0),
    ("cross-entropy", 0.25, 0, np.log(4 / 3), 4 / 3),
]


@pytest.mark.parametrize(("name", "y", "z", "value", "derivative"), BY_HAND)
def test_by_hand(name, y, z, value, derivative):
    assert abs(loss(name)(y, z) - value) < 1e-10
    assert abs(slope(name)(y, z) - derivative) < 1e-10


@given(st.floats(-700, 700), st.sampled_from([-1, 1]))
def test_logistic_loss_is_never_below_the_zero_one_loss(y, z):
    assert logistic(y, z) >= zero_one(y, z)


@pytest.mark.parametrize("name", ["square", "logistic", "hinge", "cross-entropy"])
def test_risk_and_gradient(name):
    rng = np.random.default_rng(0)
    x, w = rng.normal(size=(12, 3)), rng.normal(size=3)
    z = rng.choice([0, 1] if name == "cross-entropy" else [-1, 1], size=12)
    risk, gradient = empirical_risk(name, w, x, z, l2=0.4)
    output = 1 / (1 + np.exp(-(x @ w))) if name == "cross-entropy" else x @ w
    assert risk == pytest.approx(loss(name)(output, z).mean() + 0.4 * (w**2).sum(), abs=1e-12)
    for k in range(3):
        side = np.eye(3)[k] * 1e-6
        high, low = (empirical_risk(name, w + s, x, z, l2=0.4)[0] for s in (side, -side))
        assert gradient[k] == pytest.approx((high - low) / 2e-6, abs=1e-7)


def test_descent_of_the_risk_reaches_the_ridge_solution():
    rng = np.random.default_rng(1)
    x, z, l2 = rng.normal(size=(30, 4)), rng.normal(size=30), 0.05
    closed = np.linalg.solve(x.T @ x / 30 + l2 * np.eye(4), x.T @ z / 30)
    w = np.zeros(4)
    for _ in range(4000):
        w = w - 0.2 * empirical_risk("square", w, x, z, l2=l2)[1]
    np.testing.assert_allclose(w, closed, atol=1e-6)
    np.testing.assert_allclose(Adaline("closed", l2=30 * l2, bias=False).fit(x, z).coef_, closed, atol=1e-10)


def test_refusals():
    with pytest.raises(UnknownNameError, match="hinge"):
        loss("hing")
    with pytest.raises(RecipeError, match="Reshape"):
        empirical_risk("square", [1.0], [[1.0, 2.0]], [0.0])
