"""Splits are disjoint, stratified, and decided by the seed."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from snarc import keys
from snarc.data import from_arrays, load
from snarc.data._split import hold_out
from snarc.errors import DataError, RecipeError


@settings(max_examples=150, deadline=None)
@given(st.lists(st.integers(0, 4), min_size=1, max_size=60), st.data())
def test_hold_out_parts_and_stratifies(labels, data):
    labels = np.array(labels)
    n = len(labels)
    count = data.draw(st.integers(0, n))
    kept, out = hold_out(labels, n, count, keys.generator(data.draw(st.integers(0, 9)), "t"))
    assert len(out) == count
    assert sorted([*kept, *out]) == list(range(n))
    classes, sizes = np.unique(labels, return_counts=True)
    enough = count <= n - len(classes)
    for c, size in zip(classes, sizes):
        held = (labels[out] == c).sum()
        if enough:
            assert held < size  # every class can still be learnt
            if sizes.min() > 1 and count * size / n <= size - 1:
                assert abs(held - count * size / n) < 1 + len(classes)
    if enough and (count * sizes / n <= sizes - 1).all():
        held = np.array([(labels[out] == c).sum() for c in classes])
        assert (np.abs(held - count * sizes / n) < 1).all()  # largest remainders: off by less than one


def test_seed_decides_and_repeats():
    a, b, c = (load("digits", seed=s) for s in (0, 0, 1))
    assert a.checksum() == b.checksum() != c.checksum()


@pytest.mark.parametrize("name", ["digits"])
def test_splits_hold_every_example_once(name):
    data = load(name)
    rows = [row.tobytes() for s in ("train", "validation", "test") for row in data.split(s).inputs]
    everything = load(name, validation=0, test=1)
    again = [row.tobytes() for s in ("train", "test") for row in everything.split(s).inputs]
    assert sorted(rows) == sorted(again)


def test_both_sides_are_in_random_order():
    labels = np.repeat(np.arange(10), 100)
    kept, out = hold_out(labels, 1000, 300, keys.generator(0, "t"))
    for part in (labels[kept], labels[out]):
        halves = np.bincount(part[: len(part) // 2], minlength=10)
        assert (np.abs(halves - len(part) / 20) < 5 * np.sqrt(len(part) / 20)).all()


def test_fewer_training_examples():
    data = load("digits", train=100)
    assert (len(data.train), len(data.validation), len(data.test)) == (100, 359, 359)
    assert np.bincount(data.train.targets).tolist() == [10, 10, 10, 10, 10, 10, 10, 10, 10, 10]
    assert len(load("digits", train=0.5).train) == 540


@pytest.mark.parametrize("bad", [-1, 1.5, 10**9, "much", True, float("nan")])
def test_bad_portions(bad, refused):
    with refused("validation=", "a fraction between 0 and 1", kind=DataError):
        load("digits", validation=bad)


@pytest.mark.parametrize("bad", [-1, 2**63, 0.5, "x", True])
def test_bad_seeds(bad, refused):
    with refused("seed is", kind=RecipeError):
        load("digits", seed=bad)


def test_regression_is_not_stratified():
    rng = np.random.default_rng(0)
    data = from_arrays(rng.normal(size=(50, 3)), rng.normal(size=50))
    assert data.task.kind == "regression"
    assert (len(data.train), len(data.validation), len(data.test)) == (36, 4, 10)
    assert data.train.targets.shape == (36, 1)
    assert data.source["split"]["stratified"] is False
