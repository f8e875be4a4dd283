"""The widest margin against scikit-learn's support vector machine and against the exact test of snarc.formal."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.svm import SVC

from snarc.errors import DataError
from snarc.formal.threshold import separate
from snarc.learners import widest_margin


@pytest.mark.parametrize("seed", range(8))
def test_margin_is_that_of_a_hard_support_vector_machine(seed):
    """With every example also mirrored (-x, -t), the machine's own bias is 0, and the two problems are one."""
    rng = np.random.default_rng(seed)
    X, w = rng.normal(size=(30, 4)), rng.normal(size=4)
    t = np.where(X @ w > 0, 1, -1)
    machine = SVC(kernel="linear", C=1e10, tol=1e-10).fit(np.vstack([X, -X]), np.append(t, -t))
    found = widest_margin(X, t, bias=False)
    assert found.gamma == pytest.approx(1 / np.linalg.norm(machine.coef_), rel=1e-5)
    assert np.linalg.norm(found.weights) == pytest.approx(1)
    assert (t * (X @ found.weights[1:])).min() == pytest.approx(found.gamma, rel=1e-9)


@settings(max_examples=80, deadline=None)
@given(st.data())
def test_the_answer_is_the_exact_one(data):
    n, features = data.draw(st.integers(2, 12)), data.draw(st.integers(1, 4))
    X = np.array(
        data.draw(st.lists(st.lists(st.integers(-4, 4), min_size=features, max_size=features), min_size=n, max_size=n))
    )
    t = np.array(data.draw(st.lists(st.sampled_from([-1, 1]), min_size=n, max_size=n)))
    found = widest_margin(X, t)
    assert found.separable == separate(X[t > 0], X[t < 0]).separable
    if found.separable:
        assert (t * (found.weights[0] + X @ found.weights[1:])).min() > 0
    else:
        assert found.residual < 1e-9
        assert found.shares.min() >= 0
        assert found.shares.sum() == pytest.approx(1)
        np.testing.assert_allclose(found.shares @ (t[:, None] * np.column_stack([np.ones(n), X])), 0, atol=1e-8)


def test_scale_does_not_matter():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(20, 3))
    t = np.where(X[:, 0] > 0, 1, -1)
    near, far = widest_margin(X, t, bias=False), widest_margin(1e6 * X, t, bias=False)
    assert far.gamma == pytest.approx(1e6 * near.gamma, rel=1e-6)
    assert far.mistake_bound == pytest.approx(near.mistake_bound, rel=1e-6)


def test_refusal():
    with pytest.raises(DataError, match="-1 and \\+1"):
        widest_margin([[0.0], [1.0]], [0, 1])
