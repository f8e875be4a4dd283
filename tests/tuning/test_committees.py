"""Committees: what is joined, what is drawn, what is out of bag."""

import math

import jax
import numpy as np
import pytest

import snarc
from snarc.data import Task
from snarc.errors import ModelError, RecipeError
from snarc.tuning import bagging, committee
from snarc.tuning.committees import bootstrap, join

QUICK = {"epochs": 2, "batch_size": 50, "learning_rate": 5e-3}
THREE = Task("classification", classes=("a", "b", "c"))


@pytest.fixture(scope="module")
def bagged(digits):
    return bagging("64-20-10", digits, 4, **QUICK)


def test_a_resample_holds_one_minus_one_over_e_of_the_examples():
    """The expectation is 1 - (1 - 1/N)^N; one resample's share has the variance (1/e)(1 - 2/e)/N or so."""
    count, members = 500, 400
    drawn = bootstrap(count, members, seed=0)
    share = np.array([len(np.unique(row)) / count for row in drawn])
    exact = 1 - (1 - 1 / count) ** count
    error = math.sqrt((1 / math.e) * (1 - 2 / math.e) / count / members)
    assert abs(share.mean() - exact) < 4 * error
    assert share.std() == pytest.approx(math.sqrt((1 / math.e) * (1 - 2 / math.e) / count), rel=0.15)
    np.testing.assert_array_equal(bootstrap(count, 3, seed=0), drawn[:3])


def test_joining_is_the_mean_probability_or_the_share_of_votes(rng):
    logits = rng.normal(size=(5, 7, 3)).astype(np.float32)
    e = np.exp(logits)
    mean = (e / e.sum(-1, keepdims=True)).mean(0)
    np.testing.assert_allclose(jax.nn.softmax(join(logits, THREE)), mean, rtol=1e-5)
    votes = np.stack([(logits.argmax(-1) == c).sum(0) for c in range(3)], axis=-1)
    voted = np.asarray(jax.nn.softmax(join(logits, THREE, "vote")))
    np.testing.assert_allclose(voted, (votes + 1 / 3) / 6, rtol=1e-5)
    numbers = Task("regression", targets=("x", "y", "z"))
    np.testing.assert_allclose(join(logits, numbers), logits.mean(0), rtol=1e-6)
    assert np.isfinite(join(np.array([[[1e4, -1e4, 0.0]]], np.float32), THREE)).all()


def test_a_member_is_the_network_trained_on_its_resample(digits, bagged):
    import dataclasses

    alone = dataclasses.replace(digits, train=digits.train.take(bagged.drawn[2]))
    run = snarc.fit("64-20-10", alone, seed=2, out=False, progress=False, **QUICK)
    np.testing.assert_array_equal(np.asarray(bagged.members[2](digits.test.inputs)), run.logits(digits.test.inputs)[0])
    assert bagged.reading.arrays["member_errors"][2] == pytest.approx(run.test.error.mean)


def test_out_of_bag_by_a_loop(digits, bagged):
    x, y = digits.train.inputs, digits.train.targets
    said = np.stack([np.asarray(jax.nn.softmax(member(x))) for member in bagged.members])
    wrong = judged = 0
    for n in range(len(x)):
        outside = [k for k in range(4) if n not in bagged.drawn[k]]
        if outside:
            judged += 1
            wrong += int(said[outside, n].mean(axis=0).argmax() != y[n])
    numbers = bagged.reading.numbers
    assert numbers["out_of_bag_examples"] == judged
    assert numbers["out_of_bag_error"] == pytest.approx(wrong / judged, abs=1.5 / judged)


def test_a_committee_is_a_subject_for_every_instrument(digits, bagged):
    seen = snarc.subject(bagged)
    x = digits.test.inputs[:5]
    np.testing.assert_allclose(seen.probabilities(x), bagged.probabilities(x), rtol=1e-5)
    assert seen.jacobian(x).shape == (5, 10, 8, 8, 1)
    found = snarc.trust.calibration(seen, digits.test)
    accuracy = np.mean(bagged.predict(digits.test.inputs) == digits.test.targets.astype(str))
    assert float(found.numbers["accuracy"]) == pytest.approx(accuracy)
    assert bagged.reading.numbers["error"] == pytest.approx(1 - accuracy)
    assert bagged.reading.plot().axes
    with pytest.raises(ModelError, match="plain function"):
        seen.activations(x)


def test_what_is_trained_is_joined_as_it_is(digits):
    run = snarc.fit("64-20-10", digits, replicas=3, out=False, progress=False, **QUICK)
    of_run = committee(run)
    np.testing.assert_allclose(
        of_run.probabilities(digits.test.inputs), run.probabilities(digits.test.inputs), atol=1e-5
    )
    of_list = committee([run.subject(k) for k in range(3)], digits)
    assert of_list.reading.numbers["error"] == of_run.reading.numbers["error"]
    fresh = committee("64-20-10", digits, 3, **QUICK)
    assert fresh.reading.arrays["member_errors"].tolist() == pytest.approx(run.test.error.values)


def test_a_committee_of_regressions_averages():
    x = np.random.default_rng(0).normal(size=(80, 2)).astype(np.float32)
    made = bagging("2-5-1", (x, x[:, 0] - x[:, 1]), 3, epochs=3, batch_size=8)
    mean = np.mean([np.asarray(member(x)) for member in made.members], axis=0)
    np.testing.assert_allclose(np.asarray(made(x)), mean, rtol=1e-5)
    assert made.reading.numbers["out_of_bag_rmse"] > 0


@pytest.mark.parametrize(
    ("call", "error", "says"),
    [
        (lambda d: bagging("linear", d, 1), RecipeError, "1 members"),
        (lambda d: committee("linear", d, True), RecipeError, "True members"),
        (lambda d: bagging("linear", d, 3, how="voting"), RecipeError, "Did you mean 'vote'"),
    ],
)
def test_committees_that_are_none_are_refused(digits, call, error, says):
    with pytest.raises(error, match=says):
        call(digits)


def test_members_for_other_inputs_do_not_fit(digits):
    wide = snarc.subject(lambda x: x[:, :10], input_shape=(64,), classes=10)
    narrow = snarc.subject(lambda x: x[:, :10], input_shape=(10,), classes=10)
    with pytest.raises(ModelError, match="same task"):
        committee([wide, narrow])
