"""Fooling by evolution: genomes stay what they are, champions never get worse, and a network can be fooled."""

from __future__ import annotations

import jax
import numpy as np
import pytest

import snarc
from snarc.errors import DataError, RecipeError
from snarc.trust._evolution import Direct, Patterns, evolve


def test_polynomial_mutation_changes_a_tenth_by_its_law():
    encoding = Direct((40, 40, 1))
    old = np.full((50, 40, 40, 1), 0.5, np.float32)
    step = np.asarray(encoding.mutate(jax.random.key(0), old)) - old
    assert (step != 0).mean() == pytest.approx(0.1, abs=0.005)
    # |step| = 1 - (2u)^(1/16) for uniform u < 1/2: P(|step| <= s) = 1 - (1 - s)^16.
    size = np.sort(np.abs(step[step != 0]))
    law = 1 - (1 - size.astype(np.float64)) ** 16
    assert np.abs(law - np.arange(1, len(law) + 1) / len(law)).max() < 1.63 / np.sqrt(len(law))  # Kolmogorov, 1 %


def test_patterns_grow_without_a_way_back_and_a_split_edge_keeps_its_ends():
    encoding = Patterns((9, 7, 1), hidden=8)
    one = encoding.start(jax.random.key(0), 30)
    first = np.asarray(one.edges).sum(axis=(1, 2))
    change = jax.jit(encoding.mutate)
    for k in range(60):
        one = change(jax.random.key(k + 1), one)
    edges = np.asarray(one.edges)
    assert not np.tril(edges).any()
    assert not edges[:, :, :4].any()
    assert (edges.sum(axis=(1, 2)) > first).mean() > 0.9
    hidden = slice(4, 12)
    used = edges[:, :, hidden].any(axis=1)
    assert used.any(axis=1).mean() > 0.9
    # Every hidden node that something leads to leads somewhere.
    assert (edges[:, hidden].any(axis=2) >= used).all()
    images = np.asarray(encoding.express(one))
    assert images.shape == (30, 9, 7, 1)
    assert 0 <= images.min() <= images.max() <= 1


def test_a_pattern_is_the_function_that_its_network_computes():
    encoding = Patterns((5, 5, 1), hidden=2)
    one = jax.tree.map(np.array, encoding.start(jax.random.key(3), 1))
    one.edges[:] = False
    one.edges[0, 0, 4] = one.edges[0, 2, 4] = one.edges[0, 4, 6] = True
    one.kinds[:] = 3
    one.kinds[0, 4] = 2  # a Gaussian node between inputs and output
    found = np.asarray(encoding.express(one))[0, :, :, 0]
    x, r = encoding.places[:, 0], encoding.places[:, 2]
    w = one.weights[0]
    wanted = w[4, 6] * np.exp(-((w[0, 4] * x + w[2, 4] * r) ** 2))
    np.testing.assert_allclose(found.reshape(-1), np.clip(0.5 + 0.5 * wanted, 0, 1), atol=1e-6)


def test_champions_only_get_surer_and_are_what_the_network_says():
    weights = np.random.default_rng(0).normal(size=(16, 3))
    found = evolve(
        lambda x: np.asarray(x).reshape(-1, 16) @ weights, Direct((4, 4, 1)), 3, generations=60, offspring=20,
        populations=2,
    )  # fmt: skip
    assert (np.diff(found.history, axis=0) >= 0).all()
    logits = found.images.reshape(-1, 16) @ weights
    p = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    own = p.reshape(2, 3, 3)[:, np.arange(3), np.arange(3)]
    np.testing.assert_allclose(own, found.confidence, rtol=1e-5)
    # The surest image has every pixel at a bound; evolution comes near in sixty rounds of twenty children.
    assert found.confidence.min() > 0.9


def test_a_real_network_is_fooled_by_noise(digits):
    run = snarc.fit("64-40-10", "digits", epochs=20, out=False, progress=False)
    found = snarc.trust.fooling(run, generations=80, offspring=60)
    assert float(found.numbers["confidence"]) > 0.9
    said = run.probabilities(found.arrays["images"].astype(np.float32))
    np.testing.assert_allclose(said[np.arange(10), np.arange(10)], found.arrays["reached"], atol=1e-5)


@pytest.mark.parametrize(
    ("options", "says"),
    [({"encoding": "dierct"}, "Did you mean 'direct'"), ({"generations": 0}, "at least one of each")],
)
def test_bad_options(digits, options, says):
    run = snarc.fit("linear", "digits", epochs=1, out=False, progress=False)
    with pytest.raises(RecipeError, match=says):
        snarc.trust.fooling(run, **options)


def test_only_images_of_known_range():
    seen = snarc.subject(lambda x: np.zeros((len(x), 2)), input_shape=(3,), classes=2)
    with pytest.raises(DataError, match="a network of images"):
        snarc.trust.fooling(seen)
