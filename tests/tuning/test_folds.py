"""Cross-validation and repeats against scikit-learn's rules and against what is done by hand."""

import numpy as np
import pytest
from sklearn.model_selection import StratifiedKFold

import snarc
from snarc.data import Dataset, Split, Task, moments
from snarc.errors import DataError, DivergedError, RecipeError
from snarc.tuning import cross_validate, repeat
from snarc.tuning.folds import parts_of

LINEAR = {"epochs": 2, "batch_size": 50, "learning_rate": 0.02}


def classes(count):
    return Task("classification", classes=tuple(map(str, range(count))))


@pytest.mark.parametrize("k", [2, 3, 5, 7])
def test_folds_are_as_even_as_those_of_scikit_learn(k, rng):
    """Sizes of folds, and of each class in them, differ by one at most, as StratifiedKFold's do."""
    targets = rng.choice(4, size=211, p=[0.5, 0.3, 0.15, 0.05])
    fold = parts_of(targets, k, classes(4), seed=3)
    table = np.array([np.bincount(targets[fold == part], minlength=4) for part in range(k)])
    assert np.ptp(table, axis=0).max() <= 1
    assert np.ptp(table.sum(axis=1)) <= 1
    theirs = StratifiedKFold(k, shuffle=True, random_state=0).split(targets, targets)
    wanted = np.array([np.bincount(targets[test], minlength=4) for _, test in theirs])
    np.testing.assert_array_equal(np.sort(table, axis=0), np.sort(wanted, axis=0))


def test_folds_of_numbers_are_even_and_shuffled():
    fold = parts_of(np.zeros(103, np.float32), 5, Task("regression", targets=("y",)), seed=0)
    assert sorted(np.bincount(fold)) == [20, 20, 21, 21, 21]
    assert not np.array_equal(fold, np.arange(103) % 5)
    again = parts_of(np.zeros(103, np.float32), 5, Task("regression", targets=("y",)), seed=0)
    np.testing.assert_array_equal(fold, again)


def test_every_example_is_tested_once_by_a_network_that_has_not_seen_it(digits, monkeypatch):
    from snarc.tuning import folds

    seen = []

    def watch(model, dataset, recipe, split):
        seen.append(dataset)
        return train(model, dataset, recipe, split)

    train = folds.train
    monkeypatch.setattr(folds, "train", watch)
    found = cross_validate("linear", digits, 3, **LINEAR)
    every = len(digits.train) + len(digits.validation)
    assert found.numbers["examples"] == every == len(found.arrays["targets"])
    assert sum(len(one.test) for one in seen) == every
    tested = np.concatenate([one.test.inputs for one in seen])
    pool = np.concatenate([digits.train.inputs, digits.validation.inputs])
    rows = lambda x: np.unique(x.reshape(len(x), -1), axis=0)  # noqa: E731
    np.testing.assert_array_equal(rows(tested), rows(pool))
    for one in seen:
        assert len(one.train) + len(one.test) == every
        assert not {x.tobytes() for x in one.train.inputs} & {x.tobytes() for x in one.test.inputs}
        assert not {x.tobytes() for x in digits.test.inputs} & {x.tobytes() for x in one.train.inputs}


def test_a_fold_is_fit_by_hand_and_means_are_of_its_own_training_part(digits):
    found = cross_validate("linear", digits, 3, **LINEAR)
    fold, targets = found.arrays["fold"], found.arrays["targets"]
    pool = Split(np.concatenate([digits.train.inputs, digits.validation.inputs]), targets)
    inside, outside = pool.take(fold != 1), pool.take(fold == 1)
    data = Dataset("by hand", digits.task, inside, pool.take(np.arange(0)), outside)
    run = snarc.fit("linear", data, out=False, progress=False, **LINEAR)
    # The order of the training part differs, so that accuracies agree and weights do not.
    assert found.numbers["accuracy"].values[1] == pytest.approx(run.test.accuracy.mean, abs=0.03)
    by_logits = [np.mean(found.arrays["logits"][fold == n].argmax(1) == targets[fold == n]) for n in range(3)]
    assert found.numbers["accuracy"].values == pytest.approx(by_logits)
    mean, _ = moments(inside)
    np.testing.assert_allclose(run.networks[0].inputs.mean[...], mean, rtol=1e-5)
    assert found.plot().axes


def test_means_of_the_inputs_do_not_see_the_fold_that_is_tested(monkeypatch):
    """One enormous value in the tested fold would move a mean that had seen it."""
    from snarc.tuning import folds

    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(60, 2)).astype(np.float32), np.repeat([0, 1], 30)
    x[7] = 1e6
    kept = []
    train = folds.train
    monkeypatch.setattr(folds, "train", lambda *a: kept.append(train(*a)) or kept[-1])
    found = cross_validate("linear", (x, y), 5, epochs=1, batch_size=8)
    means = [np.abs(one.run.networks[0].inputs.mean[...]).max() for one in kept]
    assert means[found.arrays["fold"][7]] < 1
    assert sum(mean > 1000 for mean in means) == 4


def test_numbers_get_rmse_and_a_pair_is_used_whole():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(120, 3)).astype(np.float32)
    y = x @ np.array([1.0, 2.0, -1.0], np.float32)
    found = cross_validate("linear", (x, y), 4, epochs=80, batch_size=8, learning_rate=0.05)
    assert found.numbers["examples"] == 120
    assert found.numbers["rmse"].mean < 0.1
    assert "accuracy" not in found.numbers
    assert "Bengio" in found.note


def test_early_stopping_holds_out_of_the_training_part(digits):
    found = cross_validate("linear", digits, 3, early_stopping=1, **LINEAR)
    assert found.numbers["folds"] == 3


@pytest.mark.parametrize(
    ("k", "error", "says"),
    [
        (1, RecipeError, "k=1"),
        (2.5, RecipeError, "k=2.5"),
        (4, DataError, "3 examples of the class 'rare'.*k=3"),
    ],
)
def test_impossible_folds_are_refused(k, error, says):
    x = np.random.default_rng(0).normal(size=(43, 2)).astype(np.float32)
    y = ["common"] * 40 + ["rare"] * 3
    with pytest.raises(error, match=says):
        cross_validate("linear", (x, y), k, epochs=1)


def test_a_fold_that_diverges_says_which(digits):
    with pytest.raises(DivergedError, match="fold 1 of 3"):
        cross_validate("64-20-10", digits, 3, epochs=1, learning_rate=1e30, optimizer="sgd")


def test_repeats_are_the_replicas_of_a_run_and_may_vary_the_split(digits):
    found = repeat("linear", digits, seeds=3, **LINEAR)
    run = snarc.fit("linear", digits, replicas=3, out=False, progress=False, **LINEAR)
    assert found.numbers["accuracy"].values == run.test.accuracy.values
    varied = repeat("linear", digits, seeds=3, split=True, **LINEAR)
    assert varied.numbers["accuracy"].values != found.numbers["accuracy"].values
    again = snarc.fit("linear", snarc.load("digits", seed=2), seed=2, out=False, progress=False, **LINEAR)
    assert varied.numbers["accuracy"].values[2] == again.test.accuracy.mean
    assert varied.plot().axes


def test_arrays_are_parted_anew_into_parts_of_the_same_sizes():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(100, 2)).astype(np.float32)
    data = snarc.data.from_arrays(x, (x[:, 0] > 0).astype(int), validation=20, test=30)
    from snarc.tuning.repeating import _again

    one, other = _again(data, data, 0), _again(data, data, 1)
    for made in (one, other):
        assert (len(made.train), len(made.validation), len(made.test)) == (50, 20, 30)
        rows = np.concatenate([made.train.inputs, made.validation.inputs, made.test.inputs])
        np.testing.assert_array_equal(np.sort(rows, axis=0), np.sort(x, axis=0))
    assert not np.array_equal(one.test.inputs, other.test.inputs)
    assert repeat("linear", data, seeds=2, split=True, epochs=1).numbers["seeds"] == 2


@pytest.mark.parametrize("more", [{"seeds": 1}, {"seeds": True}, {"seeds": 3, "replicas": 2}])
def test_repeats_that_are_none_are_refused(digits, more):
    with pytest.raises(RecipeError):
        repeat("linear", digits, **more)
