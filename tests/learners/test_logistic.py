"""Logistic and softmax regression against closed forms, scikit-learn and each other."""

import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression as Reference

from snarc.errors import LimitError
from snarc.learners import LogisticRegression, SoftmaxRegression


@pytest.fixture
def cloud():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(400, 3))
    p = 1 / (1 + np.exp(-(X @ [1.0, -2.0, 0.5] + 0.3)))
    return X, (rng.random(400) < p).astype(int)


def test_two_by_two_table_has_a_closed_form():
    """One binary input: the weight is the log of the odds ratio, its variance the sum of reciprocal counts."""
    a, b, c, d = 30, 12, 7, 21  # (x, y) = (0, 0), (0, 1), (1, 0), (1, 1)
    x = np.repeat([0, 0, 1, 1], [a, b, c, d])[:, None]
    y = np.repeat([0, 1, 0, 1], [a, b, c, d])
    fit = LogisticRegression(tolerance=1e-12).fit(x, y)
    assert fit.intercept_[0] == pytest.approx(np.log(b / a), rel=1e-9)
    assert fit.coef_[0, 0] == pytest.approx(np.log(a * d / b / c), rel=1e-9)
    assert fit.standard_errors_[1] == pytest.approx(np.sqrt(1 / a + 1 / b + 1 / c + 1 / d), rel=1e-8)


def test_constant_input_gives_the_log_odds_of_the_classes():
    fit = LogisticRegression().fit(np.zeros((10, 1)), [1] * 7 + [0] * 3)
    assert fit.intercept_[0] == pytest.approx(np.log(7 / 3), rel=1e-9)


@pytest.mark.parametrize("l2", [1e-4, 5.0])
def test_agrees_with_scikit_learn(cloud, l2):
    X, y = cloud
    ours = LogisticRegression(l2=l2).fit(X, y)
    theirs = Reference(C=1 / l2, tol=1e-12, solver="newton-cholesky").fit(X, y)
    np.testing.assert_allclose(ours.coef_, theirs.coef_, rtol=1e-6)
    np.testing.assert_allclose(ours.predict_proba(X), theirs.predict_proba(X), atol=1e-7)
    np.testing.assert_allclose(ours.predict_log_proba(X), np.log(ours.predict_proba(X)), atol=1e-12)
    np.testing.assert_array_equal(np.diff(ours.losses_) < 0, True)


def test_gradient_descent_reaches_newtons_weights(cloud):
    X, y = cloud
    newton = LogisticRegression().fit(X, y)
    descent = LogisticRegression("gradient", iterations=20_000).fit(X, y)
    np.testing.assert_allclose(descent.path_[-1], newton.path_[-1], atol=1e-6)
    assert (np.diff(descent.losses_) <= 1e-9).all()
    assert newton.iterations_ < 10 < descent.iterations_


def test_softmax_of_two_classes_is_logistic(cloud):
    X, y = cloud
    two, one = SoftmaxRegression("newton").fit(X, y), LogisticRegression().fit(X, y)
    np.testing.assert_allclose(two.coef_[1] - two.coef_[0], one.coef_[0], rtol=1e-7)
    np.testing.assert_allclose(two.decision_function(X), one.decision_function(X), rtol=1e-6, atol=1e-8)


def test_softmax_agrees_with_scikit_learn(digits):
    X = digits.train.inputs.reshape(len(digits.train), -1)[:400].astype(float)
    y = digits.train.targets[:400]
    ours = SoftmaxRegression("newton", l2=1.0).fit(X, y)
    theirs = Reference(C=1.0, tol=1e-10, max_iter=5000).fit(X, y)
    np.testing.assert_allclose(ours.predict_proba(X), theirs.predict_proba(X), atol=1e-5)
    np.testing.assert_allclose(ours.coef_.sum(0), 0, atol=1e-9)


def test_softmax_descent_reaches_newtons_weights(cloud):
    X, y = cloud
    y = np.where(X[:, 2] > 0.8, 2, y)
    newton = SoftmaxRegression("newton", l2=1.0).fit(X, y)
    descent = SoftmaxRegression("gradient", l2=1.0, iterations=20_000).fit(X, y)
    np.testing.assert_allclose(descent.path_[-1], newton.path_[-1], atol=1e-6)
    assert (np.diff(descent.losses_) <= 1e-9).all()


def test_separable_classes_have_no_maximum_and_it_says_so():
    with pytest.warns(ConvergenceWarning, match="no maximum"):
        LogisticRegression().fit([[0.0], [1.0]], [0, 1])


def test_unfinished_descent_says_so(cloud):
    with pytest.warns(ConvergenceWarning, match="3 steps"):
        fit = LogisticRegression("gradient", iterations=3).fit(*cloud)
    assert not fit.converged_
    assert len(fit.path_) == 4


def test_newton_for_too_many_weights_is_refused_before_work():
    X = np.zeros((4, 3000))
    with pytest.raises(LimitError, match="6,002 weights"):
        SoftmaxRegression("newton").fit(X, [0, 1, 0, 1])
