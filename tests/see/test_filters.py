"""The first layer's weights as pictures."""

from __future__ import annotations

import numpy as np
import pytest

import snarc
from snarc.errors import ModelError
from snarc.see import filters


def test_a_dense_layer_over_images_has_the_shape_of_its_images():
    run = snarc.fit("mlp", "digits", epochs=1, out=False, progress=False, model_options={"hidden": "60"})
    found = filters(run, count=16)
    assert found.arrays["filters"].shape == (16, 8, 8, 1)
    assert found.numbers["units"] == 60
    kernel = run.subject().parameters()["body.layers.0.kernel"]
    norms = np.linalg.norm(kernel.astype(float), axis=0)
    np.testing.assert_allclose(found.arrays["norm"], norms, rtol=1e-6)
    assert set(found.arrays["unit"]) == set(np.argsort(-norms)[:16])
    for picture, unit in zip(found.arrays["filters"], found.arrays["unit"]):
        np.testing.assert_array_equal(picture.ravel().astype(np.float32), kernel[:, unit])
    assert "16 of the 60 units" in found.note
    assert found.plot().axes


def test_a_convolution_shows_its_kernels_in_their_order():
    run = snarc.fit("lenet5", "digits", epochs=1, out=False, progress=False)
    found = filters(run)
    kernel = run.subject().parameters()["body.conv1.kernel"]
    assert found.arrays["filters"].shape == (6, 5, 5, 1)
    np.testing.assert_array_equal(found.arrays["filters"][4], kernel[..., 4])
    assert found.plot().axes


def test_a_table_has_a_chart_over_its_columns():
    x = np.random.default_rng(0).normal(size=(200, 4)).astype(np.float32)
    run = snarc.fit("linear", (x, (x[:, 2] > 0).astype(int)), epochs=30, learning_rate=0.05, out=False, progress=False)
    found = filters(run, columns=("a", "b", "$c", "d"))
    assert found.arrays["column_rms"].argmax() == 2
    assert "weighs $c most" in found.note
    assert len(found.plot().axes) == 3


def test_a_plain_function_has_no_filters():
    with pytest.raises(ModelError, match="plain function"):
        filters(snarc.subject(lambda x: x, input_shape=(3,), classes=3))
