"""Differences between runs: SciPy's tests, what the words say, and what cannot be compared."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

import snarc
from snarc.errors import DataError
from snarc.trust import difference
from snarc.trust._paired import holm, mcnemar, paired_t, welch


@pytest.mark.parametrize("n", [2, 5, 12])
def test_paired_t_is_scipy_s(n, rng):
    a = rng.normal(size=n)
    b = a + rng.normal(0.3, 0.4, size=n)
    ours, theirs = paired_t(a, b), stats.ttest_rel(b, a)
    low, high = theirs.confidence_interval()
    np.testing.assert_allclose(
        (ours.difference, ours.low, ours.high, ours.p, ours.degrees),
        ((b - a).mean(), low, high, theirs.pvalue, n - 1),
        rtol=1e-10,
    )


@pytest.mark.parametrize(("n", "m"), [(2, 3), (5, 5), (4, 20)])
def test_welch_is_scipy_s(n, m, rng):
    a, b = rng.normal(size=n), rng.normal(0.3, 3, size=m)
    ours, theirs = welch(a, b), stats.ttest_ind(b, a, equal_var=False)
    low, high = theirs.confidence_interval()
    np.testing.assert_allclose(
        (ours.low, ours.high, ours.p, ours.degrees), (low, high, theirs.pvalue, theirs.df), rtol=1e-10
    )


@pytest.mark.parametrize(
    ("count", "shares"), [(30, (0.9, 0.5)), (3000, (0.9, 0.88)), (20_000, (0.6, 0.4)), (9, (1, 0))]
)
def test_mcnemar_is_scipy_s_binomial_test(count, shares, rng):
    a, b = (rng.random(count) < share for share in shares)
    ours = mcnemar(a, b)
    apart = ours.only_first + ours.only_second
    theirs = stats.binomtest(ours.only_second, apart)
    low, high = theirs.proportion_ci(method="exact")
    assert ours.p == pytest.approx(theirs.pvalue, rel=1e-9)
    assert (ours.low, ours.high) == pytest.approx(((2 * low - 1) * apart / count, (2 * high - 1) * apart / count))
    assert ours.difference == pytest.approx(b.mean() - a.mean())
    assert ours.both + ours.neither + apart == count
    assert (ours.low > 0 or ours.high < 0) == (ours.p < 0.05)


def test_the_interval_covers_and_chance_is_found_one_time_in_twenty(rng):
    """Of 2,000 comparisons of equals about 100 are called different; of a true difference 95 % of intervals hold it."""
    false = covered = 0
    for _ in range(2000):
        a = rng.normal(size=6)
        effect = paired_t(a, a + rng.normal(0.5, 1, size=6))
        covered += effect.low <= 0.5 <= effect.high
        false += welch(rng.normal(0, 1, 6), rng.normal(0, 3, 6)).p < 0.05
    assert 0.935 < covered / 2000 < 0.965
    assert 0.03 < false / 2000 < 0.07


def test_holm_is_the_step_down_rule(rng):
    p = rng.random(6) ** 3
    order = np.argsort(p)
    by_hand = np.minimum(1, np.maximum.accumulate(p[order] * (6 - np.arange(6))))
    np.testing.assert_allclose(np.array(holm(p))[order], by_hand)
    adjusted = holm([0.01, math.nan, 0.03])
    assert adjusted[0] == 0.02
    assert math.isnan(adjusted[1])


def answers(right, seed):
    """Logits of two classes, one row of truth values a replica."""
    right = np.asarray(right)
    labels = np.random.default_rng(seed).integers(0, 2, right.shape[1])
    predicted = np.where(right, labels, 1 - labels)
    return np.eye(2)[predicted], labels


def test_numbers_and_words_of_a_clear_difference(rng):
    first = rng.random((6, 400)) < 0.7
    second = first | (rng.random((6, 400)) < 0.5)
    (a, labels), (b, _) = answers(first, 0), answers(second, 0)
    found = difference(a, b, labels, names=("old", "new"))
    theirs = stats.ttest_rel(second.mean(1), first.mean(1))
    assert found.numbers["p"] == pytest.approx(theirs.pvalue)
    assert found.numbers["pairs"] == 6
    assert found.numbers["only_second_right"] == (second[0] & ~first[0]).sum()
    assert len(found.arrays["example_p"]) == 6
    points = 100 * (second.mean() - first.mean())
    assert f"The accuracy of new is higher than that of old by {points:.2f} points over 6 seeds" in found.note
    assert "more than the luck of the seed explains" in found.note
    assert found.plot().axes[0].get_xticklabels()[1].get_text() == "new"


def test_words_where_little_can_be_said(rng):
    right = rng.random((3, 100)) < 0.8
    (a, labels), (b, _) = answers(right, 0), answers(np.roll(right, 1, axis=0), 0)
    few = difference(a, b, labels)
    assert few.numbers["difference"] == pytest.approx(0)
    assert "neither a difference nor that there is none" in few.note or "is that of" in few.note
    assert "So few seeds show only a difference of more than about" in few.note
    alone = difference(a[:1], b[:1], labels)
    assert math.isnan(alone.numbers["p"])
    assert "One replica says nothing of other seeds" in alone.note
    assert "McNemar" in alone.note
    same = difference(a, a, labels)
    assert "there is no spread to judge it by" in same.note
    assert "right and wrong on the same" in same.note


@pytest.fixture(scope="module")
def runs():
    data = snarc.load("digits", train=150)
    options = {"epochs": 2, "learning_rate": 0.05, "out": False, "progress": False}
    return {
        name: snarc.fit("linear", data, replicas=count, seed=seed, **options)
        for name, (count, seed) in {"a": (3, 0), "b": (4, 1), "c": (3, 50)}.items()
    }


def test_runs_are_paired_by_seed(runs):
    found = difference(runs["a"], runs["b"])
    assert found.arrays["seeds"].tolist() == [1, 2]
    # The same recipe and the same seeds: the very same networks, though at other places in the two runs.
    assert found.numbers["difference"] == 0
    assert found.arrays["only_first_right"].tolist() == [0, 0]


def test_runs_without_common_seeds_go_to_welch(runs):
    found = difference(runs["a"], runs["c"])
    theirs = stats.ttest_ind(runs["c"].test.accuracy.values, runs["a"].test.accuracy.values, equal_var=False)
    assert found.numbers["pairs"] == 0
    assert found.numbers["p"] == pytest.approx(theirs.pvalue)
    assert "no seeds in common" in found.note


def test_numbers_are_compared_by_their_rmse(rng):
    wanted = rng.normal(size=(50, 2))
    a, b = (wanted + rng.normal(0, s, size=(4, 50, 2)) for s in (1.0, 0.5))
    found = difference(a, b, wanted)
    root = [np.sqrt(((z - wanted) ** 2).mean(axis=(1, 2))) for z in (a, b)]
    assert found.numbers["p"] == pytest.approx(stats.ttest_rel(root[1], root[0]).pvalue)
    assert "example_p" not in found.numbers
    assert "RMSE of the second is lower" in found.note
    assert len(found.plot().axes[1].get_yticks()) == 1


def test_other_examples_are_refused(runs):
    other = snarc.fit("linear", snarc.load("digits", seed=1), epochs=1, out=False, progress=False)
    with pytest.raises(DataError, match="not the same"):
        difference(runs["a"], other)
    with pytest.raises(DataError, match="--compare"):
        difference(runs["a"])
