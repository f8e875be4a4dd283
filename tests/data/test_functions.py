"""Functions as data sets."""

import numpy as np
import pytest
from scipy import stats

import snarc
from snarc.data.functions import from_function
from snarc.errors import DataError, LimitError


def product(p):
    return p[:, 0] * p[:, 1]


def test_targets_are_the_function_at_the_inputs():
    data = from_function(product, count=500, validation=20, test=30, low=-2, high=3)
    for part, size in (("train", 500), ("validation", 20), ("test", 30)):
        split = data.split(part)
        assert split.inputs.shape == (size, 2)
        assert split.inputs.dtype == split.targets.dtype == np.float32
        np.testing.assert_allclose(split.targets[:, 0], split.inputs[:, 0] * split.inputs[:, 1], rtol=1e-6)
    assert data.name == "product"
    assert data.columns == ("x", "y")
    whole = data.train.inputs.reshape(-1)
    assert stats.kstest(whole, stats.uniform(-2, 5).cdf).pvalue > 1e-3


def test_splits_share_no_point_and_seeds_differ():
    data, other = (from_function(product, count=300, test=300, seed=seed) for seed in (0, 1))
    rows = [set(map(tuple, split.inputs.tolist())) for split in (data.train, data.test, other.train)]
    assert not rows[0] & rows[1]
    assert not rows[0] & rows[2]
    assert from_function(product, count=300, test=300).checksum() == data.checksum()


def test_a_grid_holds_the_middles_of_its_cells():
    data = from_function(product, grid=4, test=0, low=0, high=1)
    assert sorted(set(data.train.inputs[:, 0].tolist())) == [0.125, 0.375, 0.625, 0.875]
    assert len(data.train) == 16
    assert len(data.test) == 0


def test_several_outputs_and_one_variable():
    data = from_function(lambda p: np.hstack([np.sin(p), np.cos(p)]), inputs=1, count=10, test=5)
    assert data.outputs == 2
    assert data.inputs == (1,)


@pytest.mark.parametrize(
    ("f", "options", "says"),
    [
        (lambda p: 1 / 0, {}, "ZeroDivisionError"),
        (lambda p: 1.0, {}, "returned"),
        (lambda p: p[:5, 0], {}, "returned"),
        (lambda p: p[:, 0].astype(str), {}, "returned"),
        (lambda p: np.where(p[:, 0] > 0, np.nan, 1.0), {}, "nan"),
        (product, {"low": 1, "high": 0}, "low"),
        (product, {"low": float("nan")}, "low"),
        (product, {"count": 0}, "count"),
        (product, {"count": 1.5}, "count"),
        (product, {"test": -1}, "test"),
        (product, {"grid": True}, "grid"),
    ],
)
def test_what_cannot_be_learnt_is_refused(f, options, says):
    with pytest.raises(DataError) as caught:
        from_function(f, **{"count": 10, "test": 5, **options})
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("options", [{"count": 10**9}, {"grid": 20_000}])
def test_too_much_is_refused_before_it_is_made(options):
    with pytest.raises(LimitError):
        from_function(product, **options)


def test_named_ones_are_what_they_say():
    crease = snarc.load("crease", count=50, test=0)
    x, y = crease.train.inputs.astype(np.float64).T
    np.testing.assert_allclose(crease.train.targets[:, 0], np.exp(-5 * (x * x + y * y)) * abs(x + y), rtol=1e-5)
    waves = snarc.load("waves", grid=3, test=0)
    x, y = waves.train.inputs.astype(np.float64).T
    wanted = np.sin(2 * np.pi * x) * np.cos(2 * np.pi * y)
    np.testing.assert_allclose(waves.train.targets[:, 0], wanted, atol=1e-6)


def test_a_training_finds_its_own_length(tmp_path):
    run = snarc.fit("2-8-1", snarc.load("crease", count=20_000), epochs=2, out=tmp_path / "run", progress=False)
    assert run.recipe.batch_size == 1000
    assert snarc.open(run.path).dataset.checksum() == run.dataset.checksum()
