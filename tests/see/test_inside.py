"""What happens inside a network for a picture, and which training examples are near it."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial import KDTree

import snarc
from snarc.data import Split
from snarc.models.network import build
from snarc.see._inside import inside
from snarc.see._neighbours import Neighbours


@pytest.fixture(scope="module")
def seen():
    net = build("lenet5", inputs=(12, 12, 1), outputs=4, seed=3)
    return snarc.subject(net, input_shape=(12, 12, 1), classes=4)


def test_it_is_what_the_subject_says(seen, rng):
    x = rng.random((2, 12, 12, 1)).astype(np.float32)
    found = inside(seen)(x)
    assert np.allclose(found.logits, seen.logits(x), atol=1e-5)
    assert np.allclose(found.features, list(seen.received(x).values())[-1], atol=1e-5)
    known = seen.activations(x)
    assert list(found.maps) == [path for path in known if path in found.maps]
    assert {path.split(".")[-1] for path in found.maps} == {"conv1", "conv2", "dense1", "dense2", "output"}
    for path, maps in found.maps.items():
        assert np.allclose(maps, known[path], atol=1e-5)


def test_layers_and_maps_are_bounded(seen, rng):
    found = inside(seen, layers=2, channels=3)(rng.random((1, 12, 12, 1)))
    assert [maps.shape for maps in found.maps.values()] == [(1, 12, 12, 3), (1, 4)]


@pytest.mark.parametrize("count", [30, 700])
def test_neighbours_are_those_of_a_tree(rng, count):
    inputs = rng.normal(size=(count, 5)).astype(np.float32)
    split = Split(inputs, np.arange(count, dtype=np.int32))
    kept = Neighbours.of(split, lambda x: 2 * x, count=count)
    assert len(kept) == count
    assert np.array_equal(kept.features, 2 * kept.inputs)
    assert np.array_equal(kept.inputs, inputs[kept.labels])
    query = rng.normal(size=5)
    index, distance = kept.nearest(query, 6)
    known_distance, known = KDTree(kept.features.astype(np.float64)).query(query, 6)
    assert np.array_equal(index, known)
    assert np.allclose(distance, known_distance)


def test_neighbours_are_drawn_at_random_and_always_the_same(rng):
    split = Split(rng.normal(size=(900, 3)).astype(np.float32), np.arange(900, dtype=np.int32))
    one, two = (Neighbours.of(split, lambda x: x, count=200) for _ in range(2))
    assert np.array_equal(one.labels, two.labels)
    assert len(set(one.labels.tolist())) == 200
    assert one.labels.max() > 700
