"""Weights of examples and of classes: a weight of 2 is an example given twice, a weight of 0 one left out."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import log_softmax

import snarc
from snarc.data import Dataset, Split, Task, from_arrays, moments
from snarc.errors import DataError, RecipeError
from snarc.training.losses import criterion
from snarc.training.recipe import Recipe

TASK = Task("classification", ("cat", "dog", "owl"))


@pytest.fixture
def table():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(40, 5)).astype(np.float32)
    return Split(x, rng.integers(0, 3, 40).astype(np.int32))


def dataset(split: Split) -> Dataset:
    empty = split.take(slice(0, 0))
    return Dataset("table", TASK, split, empty, empty)


def learnt(split: Split, at: np.ndarray | None = None, **fields):
    whole = {"batch_size": len(split), "epochs": 30, "optimizer": "momentum", "learning_rate": 0.05, **fields}
    run = snarc.fit("5-8:tanh-3", dataset(split), out=False, progress=False, **whole)
    return run.logits(split.inputs[:5] if at is None else at)[0]


def test_a_weight_of_two_is_an_example_given_twice(table):
    counts = np.random.default_rng(1).integers(0, 3, len(table))
    repeated = table.take(np.repeat(np.arange(len(table)), counts))
    weighted = Split(table.inputs, table.targets, counts.astype(float))
    whole = table.inputs[:5]
    rows = [learnt(split, at=whole) for split in (repeated, weighted, table)]
    np.testing.assert_allclose(rows[0], rows[1], atol=2e-5)
    assert np.abs(rows[1] - rows[2]).max() > 1e-2


@pytest.mark.parametrize("kind", [np.float32, np.uint8])
def test_moments_count_weights(kind):
    rng = np.random.default_rng(2)
    x = rng.integers(0, 255, (20, 3)).astype(kind)
    counts = rng.integers(0, 4, 20)
    found = moments(Split(x, np.zeros(20, np.int32), counts.astype(float)))
    wanted = moments(Split(np.repeat(x, counts, axis=0), np.zeros(counts.sum(), np.int32)))
    np.testing.assert_allclose(found, wanted, rtol=1e-12)


def test_equal_weights_change_nothing(table):
    same = Split(table.inputs, table.targets, np.full(len(table), 3.0))
    np.testing.assert_allclose(learnt(table), learnt(same), atol=1e-6)


def test_class_weights_are_example_weights_of_their_class(table):
    given = {"cat": 3.0, "owl": 0.5}
    each = np.array([given.get(TASK.classes[label], 1.0) for label in table.targets])
    by_class = learnt(table, class_weight=given, standardise=False)
    by_example = learnt(Split(table.inputs, table.targets, each), standardise=False)
    np.testing.assert_allclose(by_class, by_example, atol=1e-5)


def test_balanced_weights_give_each_class_the_same_sum():
    labels = np.repeat([0, 1, 2], [10, 30, 60]).astype(np.int32)
    weights = np.array(criterion(Recipe(class_weight="balanced"), TASK, labels).weights)
    # scikit-learn's rule n / (k x count), which has a mean of 1 over examples
    np.testing.assert_allclose(weights, 100 / (3 * np.array([10, 30, 60])))


def test_validation_reports_the_plain_loss(digits):
    run = snarc.fit("linear", digits, out=False, progress=False, epochs=1, label_smoothing=0.3, class_weight="balanced")
    logits = run.logits(digits.test.inputs)[0]
    rows = np.arange(len(logits))
    plain = -log_softmax(logits.astype(float), axis=1)[rows, digits.test.targets]
    assert run.test.loss.mean == pytest.approx(plain.mean(), rel=1e-5)


def test_weights_go_with_their_examples_into_the_training_split():
    x = np.arange(60, dtype=np.float32)[:, None]
    data = from_arrays(x, np.arange(60) % 2, classes=2, task="classification", weights=x[:, 0])
    np.testing.assert_array_equal(data.train.weights, data.train.inputs[:, 0])


@pytest.mark.parametrize(
    ("weights", "says"),
    [
        (np.ones(3), "shape"),
        (np.r_[-1.0, np.ones(39)], "row 0 is -1"),
        (np.r_[1.0, np.nan, np.ones(38)], "row 1 is nan"),
        (np.zeros(40), "all 0"),
        (np.array(["a"] * 40), "of type"),
    ],
)
def test_impossible_weights_are_refused(table, weights, says):
    with pytest.raises(DataError, match=says):
        from_arrays(table.inputs, table.targets, weights=weights)
    with pytest.raises(DataError, match=says):
        snarc.fit("5-3", dataset(table), out=False, progress=False, sample_weight=weights)


@pytest.mark.parametrize(
    ("task", "weight", "says"),
    [
        (TASK, {"cats": 1.0}, "Did you mean 'cat'"),
        (TASK, {"cat": 0.0, "dog": 0.0, "owl": 0.0}, "weight 0"),
        (Task("regression", (), ("height",)), "balanced", "task of regression"),
    ],
)
def test_impossible_class_weights_are_refused(task, weight, says):
    with pytest.raises(RecipeError, match=says):
        criterion(Recipe(class_weight=weight), task, np.zeros(4, np.int32))
