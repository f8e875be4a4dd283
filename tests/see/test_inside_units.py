"""Activity, gradients and symmetries of hidden units."""

from __future__ import annotations

import numpy as np
import pytest

import snarc
from snarc.errors import FormalError, ModelError, RecipeError
from snarc.formal.layered import Layer, forward
from snarc.formal.symmetry import homogeneous, mirror, twin, twins
from snarc.see import activations, gradients, symmetries


@pytest.fixture(scope="module")
def run():
    options = {"activation": "tanh"}
    return snarc.fit(
        "64-16-12-10", "digits", epochs=6, learning_rate=0.01, replicas=2, out=False, progress=False,
        model_options=options,
    )  # fmt: skip


def test_activity_is_what_numpy_finds(run):
    found = activations(run, count=10_000)
    seen, x = run.subject(), run.dataset.test.inputs
    kernel, bias = (seen.parameters()[f"body.layers.0.{name}"].astype(float) for name in ("kernel", "bias"))
    first = np.tanh(np.asarray(run.networks[0].inputs(x), float).reshape(len(x), -1) @ kernel + bias)
    assert found.arrays["mean"][0] == pytest.approx(first.mean(), abs=1e-6)
    assert found.arrays["deviation"][0] == pytest.approx(first.std(), abs=1e-6)
    values = np.linalg.eigvalsh(np.cov(first.T))
    assert found.arrays["dimension"][0] == pytest.approx(values.sum() ** 2 / (values**2).sum(), rel=1e-4)
    np.testing.assert_allclose(found.arrays["share"].sum(axis=1), 1)
    assert found.plot().axes


def test_large_weights_saturate(run):
    from flax import nnx

    wide = nnx.clone(run.networks[0])
    wide.body.layers[0].kernel[...] = 30 * wide.body.layers[0].kernel[...]
    seen = snarc.subject(wide, input_shape=run.inputs, classes=10)
    pair = (run.dataset.test.inputs, run.dataset.test.targets)
    before, after = (activations(of, pair).arrays["saturated"][0] for of in (run.subject(), seen))
    assert after > 0.8 > before


def test_gradients_of_examples_add_up(run):
    found = gradients(run, count=64)
    assert found.numbers["examples"] == 64
    assert found.arrays["layer"].tolist() == ["layers.0", "layers.1", "layers.2"]
    # The last layer by hand: the gradient of cross-entropy is (p - y) h.
    some = np.linspace(0, len(run.dataset.test) - 1, 64).round().astype(int)
    x, y = run.dataset.test.inputs[some], run.dataset.test.targets[some]
    seen = run.subject()
    delta = np.asarray(seen.probabilities(x)) - np.eye(10)[y]
    h = np.asarray(seen.received(x)["body.layers.2"])
    norm = np.sqrt((delta**2).sum(axis=1) * ((h**2).sum(axis=1) + 1))
    np.testing.assert_allclose(found.arrays["norm"][2], norm, rtol=1e-4)
    mean = np.sqrt(np.sum((h.T @ delta / 64) ** 2) + np.sum(delta.mean(axis=0) ** 2))
    assert found.arrays["mean_norm"][2] == pytest.approx(mean, rel=1e-4)
    assert found.plot().axes


def test_gradients_vanish_through_logistic_layers():
    options = {"activation": "logistic", "initializer": "uniform(0.3)"}
    net = snarc.models.build("64-20-20-20-20-20-10", inputs=(8, 8, 1), outputs=10, options=options)
    digits = snarc.load("digits")
    seen = snarc.subject(net, input_shape=(8, 8, 1), classes=10)
    found = gradients(seen, (digits.test.inputs[:64] / 16, digits.test.targets[:64]))
    assert found.numbers["ratio"] < 1e-2
    assert (np.diff(np.median(found.arrays["per_weight"][:5], axis=1)) > 0).all()


def test_twins_and_the_line_between_replicas(run):
    found = symmetries(run)
    assert found.numbers["change"] < 1e-12
    assert found.numbers["log10_twins"] == pytest.approx(np.log10(float(twins_of(16) * twins_of(12))), abs=1e-9)
    assert found.arrays["odd"].all()
    assert found.numbers["barrier_matched"].mean < 0.7 * found.numbers["barrier"].mean
    assert found.numbers["apart_matched"].mean < found.numbers["apart"].mean
    ends = found.arrays["loss"][0, [0, -1]]
    np.testing.assert_allclose(ends, found.arrays["loss_matched"][0, [0, -1]], rtol=1e-4)  # a twin is the same network
    assert found.plot().axes
    alone = symmetries(run.subject(), (run.dataset.test.inputs, run.dataset.test.targets))
    assert "barrier" not in alone.numbers
    assert alone.plot().axes


def twins_of(units):
    import math

    return math.factorial(units) * 2**units


def test_rectified_units_may_be_rescaled_and_not_turned(rng):
    layers = [
        Layer(rng.normal(size=(3, 4)), rng.normal(size=4), "relu"),
        Layer(rng.normal(size=(4, 2)), rng.normal(size=2), "identity"),
    ]
    x = rng.normal(size=(50, 3))
    other = twin(layers, [np.array([3, 1, 0, 2])], [np.array([0.1, 1, 7, 2.5])])
    np.testing.assert_allclose(forward(other, x), forward(layers, x), atol=1e-12)
    with pytest.raises(FormalError, match="relu"):
        twin(layers, [np.arange(4)], [np.array([1, -1, 1, 1])])
    assert twins(layers) == 24
    assert [mirror(name) for name in ("tanh", "logistic", "relu", "identity")] == [0, 1, None, 0]
    assert [homogeneous(name) for name in ("relu", "identity", "tanh")] == [True, True, False]


def test_refusals(run):
    with pytest.raises(ModelError, match="symmetries of"):
        symmetries(snarc.fit("lenet5", "digits", epochs=1, out=False, progress=False))
    with pytest.raises(RecipeError, match="draws=0"):
        symmetries(run, draws=0)
    with pytest.raises(RecipeError, match="bins=1"):
        activations(run, bins=1)
