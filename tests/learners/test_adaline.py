"""ADALINE on the oaks to six digits, its largest learning rate, and references it did not write."""

import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import Ridge, RidgeClassifier

import snarc
from snarc.errors import DivergedError, RecipeError
from snarc.learners import Adaline, AdalineClassifier, Bowl


@pytest.fixture(scope="module")
def oaks():
    train = snarc.load("oaks").train
    return train.inputs.astype(float), train.targets[:, 0].astype(float)


def test_oaks_in_wisconsin(oaks):
    line = Adaline("closed").fit(*oaks)
    bowl = Bowl.of(*oaks)
    assert round(float(line.intercept_), 6) == 1.285354
    assert round(float(line.coef_[0]), 6) == 0.127792
    assert round(bowl.error(line.optimum_[None]), 4) == 42.6814
    assert round(line.score(*oaks), 4) == 0.6893
    assert f"{line.largest_learning_rate_:.4e}" == "4.2329e-05"


def test_oaks_converge_below_the_limit_and_diverge_above(oaks):
    below = Adaline(learning_rate=4.2e-5, epochs=40_000).fit(*oaks)
    # In the directions of the Hessian's eigenvectors each step is a factor 1 - eps lambda: the path in closed form.
    values, vectors = np.linalg.eigh(below.hessian_)
    for n in (1, 10, 40_000):
        left = vectors @ ((1 - 4.2e-5 * values) ** n * (vectors.T @ -below.optimum_))
        np.testing.assert_allclose(below.path_[n], below.optimum_ + left, rtol=1e-8)
    assert np.abs(1 - 4.2e-5 * values).max() < 1
    with pytest.warns(ConvergenceWarning, match="diverges"):
        above = Adaline(learning_rate=4.3e-5, epochs=2000).fit(*oaks)
    distance = np.linalg.norm(above.path_ - above.optimum_, axis=1)
    # In the steep direction every step multiplies the distance by 1 - eps lambda_max.
    assert distance[-1] / distance[-2] == pytest.approx(abs(1 - 2 * 4.3e-5 / above.largest_learning_rate_), rel=1e-9)
    assert distance[-1] > 1e10
    with pytest.warns(ConvergenceWarning), pytest.raises(DivergedError, match=r"4\.23289e-05"):
        Adaline(learning_rate=4.3e-5, epochs=40_000).fit(*oaks)


def test_standardised_oaks_need_one_step(oaks):
    line = Adaline(learning_rate=1 / 12, standardise=True, epochs=1).fit(*oaks)
    np.testing.assert_allclose(line.hessian_, 12 * np.eye(2), atol=1e-12)
    np.testing.assert_allclose(line.path_[1], line.optimum_, rtol=1e-13)
    np.testing.assert_allclose(
        [line.intercept_, line.coef_[0]], np.polyfit(oaks[0][:, 0], oaks[1], 1)[::-1], rtol=1e-12
    )


def test_gradient_and_hessian_are_those_of_the_error():
    rng = np.random.default_rng(0)
    bowl = Bowl.of(rng.normal(size=(9, 3)), rng.normal(size=(9, 2)), l2=0.7)
    w, step = rng.normal(size=(2, 4)), 1e-5
    for place in np.ndindex(w.shape):
        side = np.zeros_like(w)
        side[place] = step
        assert bowl.gradient(w)[place] == pytest.approx(
            (bowl.error(w + side) - bowl.error(w - side)) / 2 / step, abs=1e-6
        )
        change = (bowl.gradient(w + side) - bowl.gradient(w - side)) / 2 / step
        np.testing.assert_allclose(change[place[0]], bowl.hessian[place[1]], atol=1e-8)


@pytest.mark.parametrize("l2", [0.0, 3.0])
def test_descent_reaches_the_closed_form_and_ridge(l2):
    rng = np.random.default_rng(1)
    X, y = rng.normal(size=(50, 4)) + 2, rng.normal(size=(50, 3))
    descent = Adaline(l2=l2, epochs=20_000).fit(X, y)
    closed = Adaline("closed", l2=l2).fit(X, y)
    ridge = Ridge(alpha=l2, solver="cholesky", tol=1e-12).fit(X, y)
    np.testing.assert_allclose(closed.coef_, ridge.coef_, atol=1e-10)
    np.testing.assert_allclose(closed.intercept_, ridge.intercept_, atol=1e-10)
    np.testing.assert_allclose(descent.path_[-1], closed.optimum_, atol=1e-6)
    assert descent.path_.shape[1:] == (3, 5)


def test_redundant_inputs_give_the_smallest_weights():
    rng = np.random.default_rng(2)
    X = rng.normal(size=(20, 3))
    X = np.column_stack([X, X[:, 0], np.full(20, 4.0)])
    y = rng.normal(size=20)
    centred = X - X.mean(0)
    np.testing.assert_allclose(Adaline("closed").fit(X, y).coef_, np.linalg.pinv(centred) @ (y - y.mean()), atol=1e-10)


def test_online_rule_is_the_plain_loop(oaks):
    X, y = (oaks[0] - 50) / 30, oaks[1]
    online = Adaline("online", learning_rate=0.03, epochs=3).fit(X, y)
    w = np.zeros(2)
    for t in range(36):
        k = t % 12
        x = np.array([1.0, X[k, 0]])
        w = w - 0.03 * (w @ x - y[k]) * x
        np.testing.assert_allclose(online.path_[t + 1], w, rtol=1e-12)
    assert online.epochs_ == 3


def test_online_limit_cycle_is_the_fixed_point_of_the_affine_map_of_an_epoch(oaks):
    X, y = (oaks[0] - oaks[0].mean()) / oaks[0].std(), oaks[1]
    x = np.column_stack([np.ones(12), X])
    rate = 0.02
    matrix, shift = np.eye(2), np.zeros(2)
    for row, target in zip(x, y):
        one = np.eye(2) - rate * np.outer(row, row)
        matrix, shift = one @ matrix, one @ shift + rate * target * row
    fixed = np.linalg.solve(np.eye(2) - matrix, shift)
    online = Adaline("online", learning_rate=rate, epochs=300).fit(X, y)
    np.testing.assert_allclose(online.path_[-1], fixed, rtol=1e-10)
    np.testing.assert_allclose(online.path_[-13], fixed, rtol=1e-10)
    assert np.linalg.norm(fixed - online.optimum_) > 0.01  # it does not settle on the least squares line


def test_partial_fit_goes_on(oaks):
    whole = Adaline(learning_rate=4e-5, epochs=5).fit(*oaks)
    parts = Adaline(learning_rate=4e-5)
    for _ in range(5):
        parts.partial_fit(*oaks)
    np.testing.assert_allclose(parts.path_, whole.path_, rtol=1e-13)
    assert parts.epochs_ == 5


def test_start_and_no_bias(oaks):
    at_rest = Adaline(start=[1.28535397, 0.12779167], epochs=1).fit(*oaks)
    np.testing.assert_allclose(at_rest.path_[1], at_rest.path_[0], rtol=1e-6)
    through_zero = Adaline(bias=False, epochs=2000).fit(*oaks)
    slope = (oaks[0][:, 0] @ oaks[1]) / (oaks[0][:, 0] @ oaks[0][:, 0])
    assert through_zero.coef_[0] == pytest.approx(slope, rel=1e-10)
    assert through_zero.intercept_ == 0
    with pytest.raises(RecipeError, match="bias first"):
        Adaline(start=[1.0, 2.0, 3.0]).fit(*oaks)


def test_classifier_is_least_squares_on_plus_and_minus_one(digits):
    X = digits.train.inputs.reshape(len(digits.train), -1).astype(float)
    ours = AdalineClassifier("closed", l2=1.0).fit(X, digits.train.targets)
    theirs = RidgeClassifier(alpha=1.0).fit(X, digits.train.targets)
    np.testing.assert_allclose(ours.decision_function(X), theirs.decision_function(X), atol=1e-8)
    np.testing.assert_array_equal(ours.predict(X), theirs.predict(X))
