"""The contest of a person and a network, and the test of two shares against SciPy and statsmodels' formula."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

import snarc
from snarc.errors import DataError
from snarc.trust import _paired
from snarc.trust.duel import course, ranked


def test_the_z_test_of_two_shares_is_the_chi_square_test_without_correction():
    for first, second, n, m in ((76, 102, 1500, 1500), (3, 9, 40, 55), (20, 20, 50, 50)):
        found = _paired.two_shares(first, second, (n, m))
        wanted = stats.chi2_contingency([[first, n - first], [second, m - second]], correction=False)
        assert found.p == pytest.approx(wanted.pvalue, rel=1e-10)
        assert found.degrees**2 == pytest.approx(wanted.statistic, abs=1e-10)


def test_a_hard_course_holds_the_examples_that_the_network_misreads():
    rng = np.random.default_rng(0)
    logits, labels = rng.normal(size=(200, 4)), rng.integers(0, 4, 200)
    seen = snarc.subjects.predictions(logits, labels)
    p = seen.probabilities[0][np.arange(200), labels]
    hard = course(logits, labels, count=30, kind="hard")
    assert sorted(hard) == sorted(np.argsort(p)[:30])
    even = course(logits, labels, count=30)
    assert len(set(even)) == 30
    assert not (even == course(logits, labels, count=30, seed=1)).all()
    assert len(course(logits, labels, count=1000)) == 200


def test_names_beyond_the_first_count_only_if_asked_for():
    logits = np.array([[3.0, 2, 1], [3.0, 2, 1]])
    labels = np.array([1, 2])
    first = snarc.trust.duel(logits, [[0, 1], []], labels)
    assert (float(first.numbers["person"]), float(first.numbers["network"])) == (1, 1)
    two = snarc.trust.duel(logits, [[0, 1], []], labels, top=2)
    assert (float(two.numbers["person"]), float(two.numbers["network"])) == (0.5, 0.5)
    assert ranked(snarc.subjects.predictions(logits, labels)).tolist() == [[0, 1, 2], [0, 1, 2]]


def test_answers_must_fit_the_examples():
    with pytest.raises(DataError, match="2 answers to 1 examples"):
        snarc.trust.duel(np.eye(3), [[0], [1]], np.arange(3), index=[0])
    with pytest.raises(DataError, match="0 answers"):
        snarc.trust.duel(np.eye(3), [], np.arange(3))
