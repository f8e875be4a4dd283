"""Counts and forms of single models."""

import numpy as np
import pytest

from snarc.errors import ModelError, RecipeError, SnarcError
from snarc.models import build, resolve, summary
from snarc.models.mlp import parse


def test_lenet5_counts():
    """61,706 weights by hand: 156 + 2,416 + 48,120 + 10,164 + 850."""
    found = summary(build("lenet5", inputs=(28, 28, 1), outputs=10), (28, 28, 1))
    assert [layer.parameters for layer in found.layers] == [156, 2416, 48120, 10164, 850]
    assert found.multiply_adds == 28 * 28 * 150 + 10 * 10 * 2400 + 48000 + 10080 + 840


def test_convnet_counts():
    """520 + 20,040 + 641,000 + 1,001,000 + 10,010 weights by hand."""
    found = summary(build("convnet", inputs=(28, 28, 1), outputs=10), (28, 28, 1))
    assert [layer.parameters for layer in found.layers if layer.parameters] == [520, 20040, 641000, 1001000, 10010]


def test_one_stage_with_average_pooling_is_catalogued_with_3622_weights():
    options = {"maps": "7", "dense": "", "pool": 4, "pooling": "average", "padding": "SAME"}
    assert summary(build("convnet", inputs=(28, 28, 1), outputs=10, options=options), (28, 28, 1)).parameters == 3622


@pytest.mark.parametrize("shape", [(8, 8, 1), (16, 16, 1), (28, 28, 1), (32, 32, 3), (29, 17, 2)])
def test_lenet5_takes_small_and_odd_images(shape):
    network = build("lenet5", inputs=shape, outputs=4)
    assert network(np.zeros((2, *shape), np.float32)).shape == (2, 4)


def test_layouts():
    assert resolve("784-300-10") == ("mlp", {"layers": "784-300-10"})
    assert resolve("784-300:leaky-relu-10") == ("mlp", {"layers": "784-300:leaky-relu-10"})
    assert parse("4-5:leaky-relu-6:scaled-tanh-3") == ([4, 5, 6, 3], ["leaky-relu", "scaled-tanh", "relu"])


@pytest.mark.parametrize("text", ["4", "4-", "4-x-3", "4--3", "4-5:-3", "4-\u0663-3"])
def test_what_is_no_layout_is_refused(text):
    with pytest.raises((ModelError, RecipeError, SnarcError)):
        build("mlp", inputs=(4,), outputs=3, options={"layers": text})


def test_mlp_by_hand(rng):
    network = build("3-4:tanh-2", inputs=(3,), outputs=2)
    (a, b) = network.layers
    x = rng.normal(size=(5, 3)).astype(np.float32)
    hidden = np.tanh(x @ np.asarray(a.kernel[...]) + np.asarray(a.bias[...]))
    np.testing.assert_allclose(
        network(x), hidden @ np.asarray(b.kernel[...]) + np.asarray(b.bias[...]), rtol=1e-5, atol=1e-6
    )


def test_tables_are_refused_by_image_networks_with_a_way_out():
    with pytest.raises(ModelError, match="mlp"):
        build("lenet5", inputs=(13,), outputs=2)
    with pytest.raises(ModelError, match="SAME"):
        build("convnet", inputs=(8, 8, 1), outputs=2)
