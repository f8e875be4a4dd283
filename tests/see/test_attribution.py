"""Attributions where they are known: linear networks, differences of logits, squares that were put there."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
import pytest

import snarc
from snarc.errors import DataError, ModelError, RecipeError
from snarc.models.network import build
from snarc.see import attribution
from snarc.see._attribute import starts


@pytest.fixture(scope="module")
def seen():
    options = {"maps": "3-4", "dense": "", "window": 3, "padding": "SAME", "dropout": 0.0}
    body = build("convnet", inputs=(8, 8, 2), outputs=3, seed=1, options=options)
    return snarc.subject(body, input_shape=(8, 8, 2), classes=("a", "b", "c"), range=(0, 1))


@pytest.fixture(scope="module")
def x():
    return np.random.default_rng(0).uniform(0, 1, (4, 8, 8, 2)).astype(np.float32)


def test_every_method_gives_a_map(seen, x):
    methods = ("gradient", "gradient-input", "integrated", "smooth", "occlusion", "grad-cam")
    found = attribution(seen, x, methods=methods, steps=200)
    for method in methods:
        assert found.arrays[method].shape in {x.shape, x.shape[:3]}
        assert np.isfinite(found.arrays[method]).all()
        assert -1 <= found.numbers[f"{method}_shuffled"] <= 1
    np.testing.assert_allclose(found.arrays["gradient-input"], found.arrays["gradient"] * x, atol=1e-6)
    assert found.numbers["completeness"] < 0.01
    assert found.plot() is not None


def test_the_gradient_is_that_of_differences(seen, x):
    found = attribution(seen, x, methods=("gradient",), explain="b", control=False).arrays["gradient"]
    way = np.random.default_rng(1).normal(size=x.shape).astype(np.float32)
    h = 1e-3
    apart = np.asarray(seen.logits(x + h * way))[:, 1] - np.asarray(seen.logits(x - h * way))[:, 1]
    np.testing.assert_allclose((found * way).sum(axis=(1, 2, 3)), apart / (2 * h), rtol=0.02, atol=0.02)


def test_occlusion_asks_for_outputs_only():
    """A black box that counts the light in a corner loses all of it when the corner is covered."""
    box = snarc.subject(
        lambda x: np.stack([np.asarray(x)[:, :2, :2, 0].sum(axis=(1, 2)), np.zeros(len(x))], axis=1),
        input_shape=(6, 6, 1), classes=2, range=(0, 1),
    )  # fmt: skip
    found = attribution(box, np.ones((1, 6, 6, 1)), patch=2, stride=2).arrays["occlusion"][0]
    assert found[:2, :2].tolist() == [[4, 4], [4, 4]]
    assert np.abs(found).sum() == 16
    with pytest.raises(ModelError, match="needs gradients"):
        attribution(box, np.ones((1, 6, 6, 1)), methods=("gradient",))


def test_the_last_square_ends_at_the_border():
    assert starts(7, 3, 2) == [0, 2, 4]
    assert starts(8, 3, 2) == [0, 2, 4, 5]
    assert starts(2, 3, 2) == [0]


def test_columns_of_a_table_are_covered_one_by_one():
    w = np.array([[1.0, 0], [-2, 0], [3, 0]], np.float32)
    table = snarc.subject(lambda x: jnp.asarray(x) @ w, input_shape=(3,), classes=2)
    given = np.array([[1.0, 1.0, 2.0]], np.float32)
    found = attribution(table, given, methods=("occlusion", "integrated"), explain="0").arrays
    np.testing.assert_allclose(found["occlusion"], [[1, -2, 6]], atol=1e-6)
    np.testing.assert_allclose(found["integrated"], [[1, -2, 6]], atol=1e-5)


def test_class_activation_maps_want_global_pooling(seen, x):
    with pytest.raises(ModelError, match="no mean over whole maps"):
        attribution(seen, x, methods=("cam",))
    options = {"maps": "3-4", "dense": "", "window": 3, "padding": "SAME", "pool": "1-8", "pooling": "average"}
    body = build("convnet", inputs=(8, 8, 2), outputs=3, seed=1, options=options)
    pooled = snarc.subject(body, input_shape=(8, 8, 2), classes=3)
    found = attribution(pooled, x, methods=("cam",), explain="2", control=False)
    # Here rectified units stand between the maps and their mean.
    bias = float(body.output.bias[2])
    np.testing.assert_allclose(
        found.arrays["cam"].mean(axis=(1, 2)) + bias, np.asarray(pooled.logits(x))[:, 2], atol=1e-4
    )


def test_a_network_with_shuffled_weights_is_another(seen, x):
    found = attribution(seen, x, methods=("gradient",)).numbers
    assert found["gradient_shuffled"] < 0.7
    assert "gradient_shuffled" not in attribution(seen, x, methods=("gradient",), control=False).numbers


def test_mistakes_are_refused(seen, x):
    with pytest.raises(RecipeError, match="Did you mean 'gradient'"):
        attribution(seen, x, methods=("gradiant",))
    with pytest.raises(RecipeError, match="name of a class"):
        attribution(seen, x, explain="d")
    with pytest.raises(DataError, match="no labels"):
        attribution(seen, x, explain="label")
    with pytest.raises(RecipeError, match="layer of maps"):
        attribution(seen, x, methods=("grad-cam",), layer="output")
    with pytest.raises(DataError, match="inputs of shape"):
        attribution(seen, x[:, :4])
