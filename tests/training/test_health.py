"""Looks at the layers of a network that learns: what they measure, what they warn of, and what they leave alone."""

from __future__ import annotations

import itertools
import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx
from sklearn.datasets import load_diabetes

import snarc
from snarc.errors import DivergedError, RunError
from snarc.training import health as module
from snarc.training import resume
from snarc.training.health import Health, marks
from snarc.training.probe import COLUMNS, measure
from snarc.training.run import Run
from snarc.training.step import begin
from snarc.training.symptoms import judge, kind_of


@pytest.fixture(autouse=True)
def every_look(monkeypatch):
    """That the clock decides nothing: on a busy machine looks are left out, and what they would have shown."""
    monkeypatch.setattr(module, "FREE", 1e9)


def fit(model, data, **fields) -> Run:
    return snarc.fit(model, data, **{"out": False, "progress": False, "health": True, **fields})


def names(run) -> list[str]:
    return [one.name for one in run.health.symptoms]


class Plain(nnx.Module):
    """Dense layers with initial weights and biases that can be broken."""

    widths, scale, bias, activation = (64, 64, 64), 1.0, 0.0, staticmethod(nnx.relu)

    def __init__(self, *, inputs, outputs, rngs):
        units = [int(np.prod(inputs)), *self.widths, outputs]
        init = nnx.initializers.variance_scaling(2.0 * self.scale**2, "fan_in", "normal")
        self.layers = nnx.List(
            nnx.Linear(
                a, b, kernel_init=init, rngs=rngs,
                bias_init=nnx.initializers.constant(self.bias if k < len(self.widths) else 0.0),
            )
            for k, (a, b) in enumerate(itertools.pairwise(units))
        )  # fmt: skip

    def __call__(self, x):
        x = x.reshape(len(x), -1)
        for layer in list(self.layers)[:-1]:
            x = self.activation(layer(x))
        return self.layers[-1](x)


def broken(**changes):
    return type("Broken", (Plain,), changes)


# What is measured, against NumPy


def test_numbers_agree_with_numpy(digits):
    """A net of tanh and ReLU whose every number is computed again by hand."""

    class Net(nnx.Module):
        def __init__(self, *, inputs, outputs, rngs):
            self.a, self.b, self.c = (nnx.Linear(m, n, rngs=rngs) for m, n in ((64, 12), (12, 9), (9, 10)))

        def __call__(self, x):
            return self.c(nnx.relu(self.b(3 * jnp.tanh(self.a(x.reshape(len(x), -1))))))

    net = Net(inputs=(8, 8, 1), outputs=10, rngs=nnx.Rngs(0))
    from snarc.training.losses import cross_entropy
    from snarc.training.optimizers import Optimizer
    from snarc.training.recipe import Recipe

    program, state = begin(net, cross_entropy, Optimizer.of(Recipe()), classification=True, precision="float32")
    x = digits.train.inputs[:50].astype(np.float32) / 64
    y = digits.train.targets[:50]
    after = jax.tree.map(lambda leaf: leaf * 1.01, state.weights)
    order, loss, rows = measure(program, state.weights, state.rest, after, jnp.asarray(x), jnp.asarray(y))
    assert order == ("a", "b", "c")
    w = {
        path: (np.asarray(getattr(net, path).kernel[...], float), np.asarray(getattr(net, path).bias[...], float))
        for path in order
    }
    flat = x.reshape(50, -1).astype(float)
    z1 = flat @ w["a"][0] + w["a"][1]
    h1 = 3 * np.tanh(z1)
    z2 = h1 @ w["b"][0] + w["b"][1]
    h2 = np.maximum(z2, 0)
    z3 = h2 @ w["c"][0] + w["c"][1]
    p = np.exp(z3) / np.exp(z3).sum(axis=1, keepdims=True)
    assert loss == pytest.approx(-np.log(p[np.arange(50), y]).mean(), rel=1e-5)
    d3 = (p - np.eye(10)[y]) / 50
    d2 = d3 @ w["c"][0].T * (z2 > 0)
    d1 = d2 @ w["b"][0].T * 3 * (1 - np.tanh(z1) ** 2)
    for path, row, before, delta, z, h in (
        ("a", rows[0], flat, d1, z1, h1), ("b", rows[1], h1, d2, z2, h2), ("c", rows[2], h2, d3, z3, z3),
    ):  # fmt: skip
        found = dict(zip(COLUMNS, row))
        gradient = np.sqrt(np.sum((before.T @ delta) ** 2) + np.sum(delta.sum(axis=0) ** 2))
        assert found["weight_norm"] == pytest.approx(np.linalg.norm(w[path][0]), rel=1e-5)
        assert found["gradient_norm"] == pytest.approx(gradient, rel=1e-4)
        assert found["update_norm"] == pytest.approx(0.01 * np.linalg.norm(w[path][0]), rel=1e-3)
        assert found["output_mean"] == pytest.approx(z.mean(), abs=1e-5)
        assert found["output_variance"] == pytest.approx(z.var(), rel=1e-4)
        assert found["activation_mean"] == pytest.approx(h.mean(), abs=1e-5)
        assert found["activation_variance"] == pytest.approx(h.var(), rel=1e-4)
    tanh, relu, last = (dict(zip(COLUMNS, row)) for row in rows)
    assert relu["dead"] == pytest.approx(np.mean((z2 <= 0).all(axis=0)), abs=1e-6)
    assert relu["saturated"] == pytest.approx(np.mean(z2 <= 0), abs=1e-6)
    # The derivative of tanh(1/2) is the largest tried; the weights of the probe differ by a tenth.
    part = (1 - np.tanh(z1) ** 2) / (1 - np.tanh(0.5) ** 2)
    assert np.mean(part < 0.05) <= tanh["saturated"] + 1e-6
    assert tanh["saturated"] <= np.mean(part < 0.075) + 1e-6
    kinds = [kind_of(one["derivative"], one["low"], one["high"]) for one in (tanh, relu, last)]
    assert kinds == ["saturating", "rectifying", "linear"]


def test_the_kind_of_every_activation_is_told(digits):
    kinds = {
        "tanh": "saturating", "logistic": "saturating", "scaled-tanh": "saturating", "saturated-linear": "saturating",
        "relu": "rectifying", "leaky-relu": "rectifying", "elu": "rectifying", "selu": "rectifying",
        "gelu": "rectifying", "softplus": "rectifying", "identity": "linear", "sign": "flat", "step": "flat",
    }  # fmt: skip
    run = fit("64-" + "-".join(f"6:{name}" for name in kinds) + "-10", digits, epochs=1, batch_size=500)
    found = [row["kind"] for row in run.health.looks[0]["layers"].values()]
    assert found == [*kinds.values(), "linear"]


def test_activations_behind_pooling_and_in_convolutions(digits):
    run = fit("lenet5", digits, epochs=1)
    look = run.health.looks[-1]
    assert [path.removeprefix("body.") for path in look["layers"]] == ["conv1", "conv2", "dense1", "dense2", "output"]
    assert [row["kind"] for row in look["layers"].values()] == ["rectifying"] * 4 + ["linear"]
    assert all(value is not None for row in look["layers"].values() for value in row.values())


# What it leaves alone


def same(a: Run, b: Run) -> bool:
    left, right = (jax.tree.leaves(nnx.state(run.networks[-1], nnx.Param, nnx.BatchStat)) for run in (a, b))
    return all(np.array_equal(np.asarray(p), np.asarray(q)) for p, q in zip(left, right, strict=True))


@pytest.mark.parametrize(
    "fields",
    [{"model_options": {"dropout": 0.3}}, {"replicas": 2}, {"replicas": 2, "replica_mode": "vectorised"},
     {"precision": "bfloat16"}],
    ids=["dropout", "replicas", "vectorised", "bfloat16"],
)  # fmt: skip
def test_weights_are_bit_identical_with_and_without(digits, fields):
    on, off = (fit("64-30-10", digits, epochs=5, health=look, **fields) for look in (True, False))
    assert len(on.health.looks) >= 2
    assert not off.health.looks
    assert same(on, off)
    assert np.array_equal(on.history["loss"], off.history["loss"])


def test_batch_statistics_are_untouched(digits):
    class Normed(nnx.Module):
        def __init__(self, *, inputs, outputs, rngs):
            self.a, self.norm = nnx.Linear(64, 20, rngs=rngs), nnx.BatchNorm(20, rngs=rngs)
            self.b = nnx.Linear(20, outputs, rngs=rngs)

        def __call__(self, x):
            return self.b(nnx.relu(self.norm(self.a(x.reshape(len(x), -1)))))

    on, off = (fit(Normed, digits, epochs=3, health=look) for look in (True, False))
    assert same(on, off)
    kinds = [row["kind"] for row in on.health.looks[0]["layers"].values()]
    assert kinds == ["linear", "rectifying", "linear"]
    assert on.health.looks[0]["layers"]["body.norm"]["output_variance"] == pytest.approx(1, rel=0.05)


def test_layers_inside_a_loop_are_watched_by_their_weights(digits):
    class Recurrent(nnx.Module):
        def __init__(self, *, inputs, outputs, rngs):
            self.rnn = nnx.RNN(nnx.SimpleCell(8, 12, rngs=nnx.Rngs(0)), rngs=nnx.Rngs(0))
            self.out = nnx.Linear(12, outputs, rngs=rngs)

        def __call__(self, x):
            return self.out(self.rnn(x.reshape(len(x), 8, 8))[:, -1])

    run = fit(Recurrent, digits, epochs=1)
    layers = run.health.looks[-1]["layers"]
    assert all(row["gradient_norm"] > 0 and row["update_ratio"] > 0 for row in layers.values())
    assert any("rnn" in path for path in layers)


# What it warns of


@pytest.mark.parametrize(
    ("model", "fields", "wanted"),
    [
        ("-".join(["64"] * 31 + ["10"]), {"model_options": {"activation": "logistic"}}, "vanishing gradient"),
        (broken(widths=(64,) * 10, scale=5.0), {}, "exploding"),
        (broken(bias=-10.0), {}, "dead units"),
        (broken(scale=20.0, activation=staticmethod(jnp.tanh)), {}, "saturated units"),
        (broken(scale=20.0, activation=staticmethod(nnx.sigmoid)), {}, "saturated units"),
        ("64-100:sign-10", {}, "no derivative"),
        ("64-300-10", {"learning_rate": 0.2}, "learning rate too high"),
        ("64-300-10", {"optimizer": "sgd", "learning_rate": 10.0}, "learning rate too high"),
        ("64-300-10", {"optimizer": "sgd", "learning_rate": 10.0}, "dead units"),
        ("64-100:tanh-10", {"optimizer": "momentum", "learning_rate": 2.0}, "learning rate too high"),
        ("64-300-10", {"learning_rate": 2e-6}, "learning rate too low"),
        ("64-300-10", {"optimizer": "sgd", "learning_rate": 1e-4}, "learning rate too low"),
        ("64-100:tanh-10", {"optimizer": "momentum", "learning_rate": 2e-5}, "learning rate too low"),
    ],
)
def test_what_is_broken_is_named(digits, model, fields, wanted):
    run = fit(model, digits, **{"epochs": 10, **fields})
    assert wanted in names(run)
    symptom = next(one for one in run.health.symptoms if one.name == wanted)
    assert "Try" in symptom.try_
    assert symptom.step >= 1
    assert wanted in symptom.line
    if wanted.startswith("learning rate"):
        rate = fields["learning_rate"]
        suggested = float(symptom.try_.rstrip(".").split()[-1])
        assert suggested < rate if "high" in wanted else suggested > rate


def test_a_broken_network_in_bfloat16(digits):
    assert "dead units" in names(fit(broken(bias=-10.0), digits, epochs=2, precision="bfloat16"))
    assert names(fit("64-300-10", digits, epochs=10, precision="bfloat16")) == []


DIABETES = load_diabetes(return_X_y=True)


@pytest.mark.parametrize(
    ("model", "fields"),
    [
        ("auto", {}),
        ("64-300-10", {"optimizer": "sgd", "learning_rate": 0.1}),
        ("64-300-10", {"optimizer": "sgd", "learning_rate": 0.01}),
        ("64-300-10", {"learning_rate": 1e-4}),
        ("64-100:tanh-10", {"optimizer": "momentum", "learning_rate": 0.02}),
        ("64-100:logistic-10", {"learning_rate": 1e-3}),
        ("-".join(["64"] * 10 + ["10"]), {"learning_rate": 1e-3}),
        ("64-30-10", {"optimizer": "lbfgs"}),
        ("linear", {}),
        ("lenet5", {"epochs": 15}),
    ],
    ids=lambda value: value if isinstance(value, str) else "-".join(map(str, value.values())),
)
def test_what_is_sound_is_left_in_peace_on_digits(digits, model, fields):
    assert names(fit(model, digits, **{"epochs": 40, **fields})) == []


@pytest.mark.parametrize("model", ["mlp", "linear"])
def test_what_is_sound_is_left_in_peace_on_a_table(model):
    assert names(fit(model, DIABETES)) == []


@pytest.mark.slow
@pytest.mark.parametrize("model", ["784-300-10", "lenet5", "convnet", "784-300:tanh-100:tanh-10"])
def test_what_is_sound_is_left_in_peace_on_mnist(data_folder, model):
    run = fit(model, snarc.load("mnist", train=6000, validation=500, test=500), epochs=6)
    assert names(run) == []
    assert len(run.health.looks) >= 4  # at steps 1, 9, 33 and where the schedule puts them


# When it looks, and where it is kept


def test_marks_are_early_at_ends_and_few():
    assert marks(steps=15, epochs=10, batch_size=100, examples=128) == [0, 8, 32, 149]
    long = marks(steps=600, epochs=200, batch_size=100, examples=128)
    assert long[:3] == [0, 8, 32]
    assert long[-1] == 600 * 200 - 1
    assert len(long) <= 60
    assert all((mark + 1) % 600 == 0 for mark in long[3:])
    within = marks(steps=100_000, epochs=1, batch_size=32, examples=128)
    assert 40 <= len(within) <= 60
    assert np.diff(within[3:]).min() > 120 * 5
    assert marks(1, 1, 5, 5) == [0]


def test_it_is_kept_in_the_folder_and_goes_on_after_a_stop(digits, tmp_path, monkeypatch):
    whole = fit("64-30-10", digits, epochs=12, out=tmp_path / "whole")
    lines = [json.loads(line) for line in (tmp_path / "whole" / "health.jsonl").read_text().splitlines()]
    assert lines == list(whole.health.looks)
    assert snarc.open(tmp_path / "whole").health == whole.health
    from snarc.training.loop import Loop

    original, count = Loop._close_epoch, 0

    def stop_after_six(self, began):
        nonlocal count
        original(self, began)
        count += 1
        if count == 6:
            raise KeyboardInterrupt

    monkeypatch.setattr(Loop, "_close_epoch", stop_after_six)
    with pytest.raises(KeyboardInterrupt):
        fit("64-30-10", digits, epochs=12, out=tmp_path / "cut", checkpoint_seconds=0)
    monkeypatch.setattr(Loop, "_close_epoch", original)
    found = resume(tmp_path / "cut", progress=False, data=digits)
    assert same(found, whole)
    steps = found.health["step"].tolist()
    assert steps == sorted(set(steps))
    assert steps[-1] == whole.health["step"][-1]
    assert [json.loads(line)["step"] for line in (tmp_path / "cut" / "health.jsonl").read_text().splitlines()] == steps


def test_a_training_that_diverges_tells_why(digits, tmp_path, capsys):
    with pytest.raises(DivergedError):
        fit(
            broken(widths=(64,) * 10, scale=5.0), digits, epochs=2, optimizer="sgd", learning_rate=0.01,
            out=tmp_path / "run", progress="auto",
        )  # fmt: skip
    said = capsys.readouterr().err
    assert said.count("warning: exploding (step 1)") == 1
    looks = [json.loads(line) for line in (tmp_path / "run" / "health.jsonl").read_text().splitlines()]
    assert "exploding" in [one.name for one in judge(looks)]


def test_a_warning_is_said_once(digits, capsys):
    fit(broken(bias=-10.0), digits, epochs=10, progress="auto")
    said = capsys.readouterr().err
    assert said.count("warning: dead units (step 1)") == 1
    assert "Try a learning rate" in said


def test_it_is_off_where_nobody_reads_it(digits, tmp_path):
    assert not snarc.fit("linear", digits, epochs=1, out=False, progress=False).health.looks
    assert snarc.fit("linear", digits, epochs=1, out=tmp_path / "run", progress=False).health.looks
    with pytest.raises(RunError, match="auto"):
        snarc.fit("linear", digits, epochs=1, out=False, progress=False, health="maybe")


def test_a_network_that_cannot_be_looked_into_still_learns(digits, monkeypatch):
    from snarc.training import probe

    def refuse(*arguments):
        raise ValueError("no")

    monkeypatch.setattr(probe, "measure", refuse)
    run = fit("linear", digits, epochs=2)
    assert run.status == "finished"
    assert run.health == Health(())


def test_names_that_health_does_not_have(digits):
    with pytest.raises(KeyError, match="gradient_norm"):
        fit("linear", digits, epochs=1).health["gradients"]
