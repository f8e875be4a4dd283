"""Options of the multilayer perceptron and the convolutional network: what they build, and that runs survive them."""

import json

import jax
import numpy as np
import pytest
from flax import nnx

import snarc
from snarc.cli.settings import recipe_fields
from snarc.errors import ModelError, SnarcError
from snarc.layers import BatchNorm, Dropout, GaussianDropout, LayerNorm
from snarc.layers.initialisers import variance
from snarc.layers.standardise import Standardise
from snarc.models import build, resolve
from snarc.models.mlp import parse, rates
from snarc.models.network import Network
from snarc.training import loop as loop_module
from snarc.training import losses
from snarc.training.names import shapes, to_arrays
from snarc.training.optimizers import Optimizer
from snarc.training.recipe import Recipe
from snarc.training.step import begin, step

ALL = {"hidden": "20:logistic(0.5)-15", "normalise": "batch", "dropout": "0.1,0", "gaussian_dropout": 0.2}
ALL |= {"input_dropout": 0.05, "initializer": "orthogonal"}


def mlp(**options):
    return build("mlp", inputs=(8,), outputs=3, options={"hidden": "20-15", **options})


def arrays(run, k=0):
    return to_arrays(nnx.state(run.networks[k]))


def same(a, b):
    return a.keys() == b.keys() and all(np.array_equal(a[n], b[n]) for n in a)


def test_without_options_nothing_is_added():
    """The default network must stay the program that it always was: no state but weights, no layer but dense ones."""
    network = mlp()
    assert set(shapes(nnx.state(network))) == {f"layers.{k}.{part}" for k in range(3) for part in ("kernel", "bias")}
    convnet = build("convnet", inputs=(8, 8, 1), outputs=3, options={"maps": "4", "dense": "", "window": 3})
    assert set(shapes(nnx.state(convnet))) == {
        f"{layer}.{part}" for layer in ("convolutions.0", "output") for part in ("kernel", "bias")
    }


def test_one_rate_for_all_layers_is_one_layer_of_dropout_with_the_names_it_always_had():
    assert {n for n in shapes(nnx.state(mlp(dropout=0.5))) if "dropout" in n} == {
        "dropout.rngs.count",
        "dropout.rngs.key",
    }
    assert same(to_arrays(nnx.state(mlp(dropout="0.5,0.5"))), to_arrays(nnx.state(mlp(dropout=0.5))))


def test_rates():
    assert rates("dropout", [0.1, 0], 2) == rates("dropout", "0.1, 0", 2) == rates("dropout", (0.1, 0), 2) == [0.1, 0]
    found = mlp(dropout="0.1,0.3", gaussian_dropout=[0, 0.2])
    assert [type(layer) for layer in found.dropout] == [Dropout, Dropout]
    assert [layer.rate for layer in found.gaussian_dropout] == [0, 0.2]
    assert all(isinstance(layer, GaussianDropout) for layer in found.gaussian_dropout)


@pytest.mark.parametrize(
    "options",
    [
        {"dropout": "0.1,0.2,0.3"}, {"dropout": [0.1]}, {"dropout": "a"}, {"dropout": 1.0}, {"dropout": "1,0"},
        {"dropout": True}, {"dropout": None}, {"dropout": {}}, {"dropout": "nan"}, {"gaussian_dropout": -0.1},
        {"input_dropout": 1}, {"input_dropout": "0.1"}, {"bias": "yes"}, {"bias": 1}, {"normalise": "batches"},
        {"normalise": None}, {"normalise": True}, {"initializer": "he_normal"}, {"initializer": 3},
        {"activation": "logistic(-1)"}, {"activation": 3}, {"activation": "softmax"}, {"hidden": "5:softmax"},
    ],
)  # fmt: skip
def test_impossible_options_are_refused(options):
    with pytest.raises(ModelError):
        mlp(**options)


@pytest.mark.parametrize(
    "options", [{"normalise": "x"}, {"initializer": "x"}, {"dropout": 1}, {"activation": "softmax"}]
)
def test_impossible_options_of_the_convolutional_network_are_refused(options):
    with pytest.raises(ModelError):
        build("convnet", inputs=(28, 28, 1), outputs=3, options=options)


def test_a_layout_may_carry_numbers_and_name_the_activation_of_its_last_layer():
    layout = "8-20:logistic(0.5)-15:leaky-relu(0.2)-3:softmax"
    assert resolve(layout) == ("mlp", {"layers": layout})
    assert parse(layout)[1] == ["logistic(0.5)", "leaky-relu(0.2)", "softmax"]
    network = build(layout, inputs=(8,), outputs=3)
    np.testing.assert_allclose(network(np.ones((2, 8), np.float32)).sum(axis=1), 1, rtol=1e-6)
    with pytest.raises(ModelError, match="one of them"):
        build(layout, inputs=(8,), outputs=3, options={"output": "tanh"})


def test_initialisers_reach_the_weights():
    network = build("mlp", inputs=(300,), outputs=200, options={"hidden": "400", "initializer": "he-uniform"})
    for layer in network.layers:
        kernel = np.asarray(layer.kernel[...], np.float64)
        assert kernel.var() == pytest.approx(variance("he-uniform", *kernel.shape), rel=0.02)
        assert abs(kernel).max() <= np.sqrt(6 / kernel.shape[0])
    convnet = build("convnet", inputs=(28, 28, 1), outputs=3, options={"initializer": "normal(0.01)"})
    assert np.asarray(convnet.convolutions[1].kernel[...]).std() == pytest.approx(0.01, rel=0.05)


def test_biases_and_normalised_layers():
    assert all(layer.bias is None for layer in mlp(bias=False).layers)
    network = mlp(normalise="batch")
    assert [layer.bias is None for layer in network.layers] == [True, True, False]
    assert [type(layer) for layer in network.normalisers] == [BatchNorm, BatchNorm]
    assert [type(layer) for layer in mlp(normalise="layer").normalisers] == [LayerNorm, LayerNorm]
    assert mlp(normalise="layer").layers[0].bias is not None


@pytest.mark.parametrize("kind", ["batch", "layer"])
def test_a_normalised_network_by_hand(kind, rng):
    network = mlp(normalise=kind, activation="tanh")
    network.train()
    x = rng.normal(size=(40, 8)).astype(np.float32)
    axis = 0 if kind == "batch" else 1
    hidden = x.astype(np.float64)
    for layer in network.layers[:2]:
        sums = hidden @ np.asarray(layer.kernel[...]) + (0 if layer.bias is None else np.asarray(layer.bias[...]))
        normed = (sums - sums.mean(axis, keepdims=True)) / np.sqrt(sums.var(axis, keepdims=True) + 1e-5)
        hidden = np.tanh(normed)
    expected = hidden @ np.asarray(network.layers[2].kernel[...])
    np.testing.assert_allclose(network(x), expected, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("kind", ["batch", "layer"])
def test_a_normalised_convolutional_network_learns_and_predicts_one_by_one(kind, digits):
    options = {"maps": "6", "dense": "20", "window": 3, "normalise": kind, "dropout": 0}
    run = snarc.fit("convnet", digits, epochs=3, batch_size=50, learning_rate=0.01, model_options=options, out=False)
    assert run.test.accuracy.mean > 0.9
    x = digits.test.inputs[:5]
    of = run.subject().logits
    one_by_one = np.concatenate([np.asarray(of(x[k : k + 1])) for k in range(5)])
    np.testing.assert_allclose(one_by_one, np.asarray(of(x)), rtol=1e-3, atol=1e-4)


def test_two_builds_share_one_compiled_program():
    first, second = (build("mlp", inputs=(8,), outputs=3, seed=k, options=ALL) for k in range(2))
    for network in (first, second):
        network.train()
    assert nnx.split(first)[0] == nnx.split(second)[0]


def test_options_come_from_the_command_line_as_text():
    sets = ["model.normalise=batch", "model.dropout=0.1,0", "model.bias=false", "model.initializer=uniform(0.1)"]
    sets += ["model.gaussian_dropout=[0.2, 0]", "model.input_dropout=0.1", "model.hidden=20-15"]
    model, fields, _ = recipe_fields(None, {"model": "mlp"}, sets)
    assert fields["model_options"]["dropout"] == "0.1,0"
    network = build(model, inputs=(8,), outputs=3, options=fields["model_options"])
    assert [layer.rate for layer in network.dropout] == [0.1, 0]
    assert network.layers[2].bias is None
    again = build(model, inputs=(8,), outputs=3, options=json.loads(json.dumps(fields["model_options"])))
    assert same(to_arrays(nnx.state(network)), to_arrays(nnx.state(again)))


def quick(data, **options):
    fields = {"model_options": ALL, "epochs": 3, "batch_size": 60, "progress": False, "out": False, "replicas": 2}
    return snarc.fit("mlp", data, **{**fields, **options})


@pytest.mark.parametrize("stop_at", [10, 24])
def test_statistics_and_noise_survive_a_stop_bit_for_bit(digits, tmp_path, monkeypatch, stop_at):
    """In the middle of an epoch and at an end, with batch norm and all three kinds of noise."""
    whole = quick(digits)
    stopped = []

    class StopAfter:
        signal = None

        def __bool__(self):
            return bool(stopped)

    original = loop_module.Loop._advance

    def advance(self, rates, until):
        self._chunk = 1
        original(self, rates, self.position.step + 1)
        if self.position.epoch * self.steps + self.position.step >= stop_at:
            stopped.append(True)

    with monkeypatch.context() as patch:
        patch.setattr(loop_module.Loop, "_advance", advance)
        run_loop = loop_module.Loop.run
        patch.setattr(loop_module.Loop, "run", lambda self, stop: run_loop(self, StopAfter()))
        run = quick(digits, out=tmp_path / "run")
    assert run.status == "interrupted"
    again = snarc.training.resume(tmp_path / "run", progress=False, data=digits)
    for k in range(2):
        assert any("normalisers.0.var" in name for name in arrays(again, k))
        assert same(arrays(again, k), arrays(whole, k))
    opened = snarc.open(tmp_path / "run")
    assert same(arrays(opened), arrays(whole))
    assert np.array_equal(opened.predict(digits.test.inputs[:9]), whole.predict(digits.test.inputs[:9]))


def test_replicas_have_statistics_of_their_own(digits):
    """Exact ones are the single runs; vectorised ones agree with them to rounding after a few steps."""
    options = {"model_options": {"hidden": "20-15", "normalise": "batch"}, "epochs": 1, "optimizer": "sgd"}
    options |= {"learning_rate": 0.01, "schedule": "constant"}  # Adam would blow up the rounding of tiny gradients
    exact = quick(digits, **options, replica_mode="exact")
    for k in range(2):
        assert same(arrays(quick(digits, **options, replicas=1, seed=k)), arrays(exact, k))
    vectorised = quick(digits, **options, replica_mode="vectorised")
    for k in range(2):
        for name, value in arrays(exact, k).items():
            np.testing.assert_allclose(arrays(vectorised, k)[name], value, rtol=2e-3, atol=2e-4, err_msg=name)
    means = [arrays(exact, k)["body.normalisers.0.mean"] for k in range(2)]
    assert not np.allclose(*means, atol=0.05)


def test_a_step_over_a_padded_batch_is_that_over_its_real_rows(digits):
    """Weights and running statistics, with batches normalised and the padding far from the data."""
    x, y = digits.train.inputs[:50], digits.train.targets[:50]
    body = build("mlp", inputs=digits.inputs, outputs=10, options={"hidden": "12", "normalise": "batch"})
    program, state = begin(
        Network(Standardise(1), body), losses.cross_entropy, Optimizer.of(Recipe(optimizer="sgd")), classification=True,
        precision="float32",
    )  # fmt: skip
    run = jax.jit(step, static_argnums=0)
    real, _ = run(program, state, x, y, np.ones(50, np.float32), np.float32(0.01))
    x, y = np.concatenate([x, np.full_like(x[:14], 255)]), np.concatenate([y, y[:14]])
    padded, _ = run(program, state, x, y, (np.arange(64) < 50).astype(np.float32), np.float32(0.01))
    for a, b in zip(jax.tree.leaves(real.rest), jax.tree.leaves(padded.rest), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)
    for a, b in zip(jax.tree.leaves(real.weights), jax.tree.leaves(padded.weights), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6)


def test_half_precision_trains_with_normalised_layers(digits):
    run = quick(
        digits, precision="bfloat16", replicas=1, model_options={"hidden": "30", "normalise": "batch"}, epochs=6
    )
    assert run.test.accuracy.mean > 0.8
    assert all(v.dtype == np.float32 for n, v in arrays(run).items() if "normalisers" in n)


def test_batches_of_one_example_are_refused_without_a_traceback(digits):
    with pytest.raises(SnarcError, match="batch_size"):
        quick(digits, batch_size=1, replicas=1, model_options={"normalise": "batch"})
