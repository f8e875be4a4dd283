"""The engine's promises: exact replicas, exact resume, best weights back, honest sums, clear ends."""

import hashlib
import json
import os
import signal
import threading
import time
import warnings

import jax
import numpy as np
import pytest
from flax import nnx

import snarc
from snarc.data import Dataset, Split, Task
from snarc.errors import DivergedError, LimitError, ModelError, RecipeError, RunError
from snarc.models import build
from snarc.training import fit, resume
from snarc.training import loop as loop_module
from snarc.training.names import to_arrays


def weights_hash(run, k=0):
    arrays = to_arrays(nnx.state(run.networks[k]))
    return hashlib.sha256(b"".join(name.encode() + arrays[name].tobytes() for name in sorted(arrays))).hexdigest()


def quick(data, model="64-20-10", **more):
    settings = {"epochs": 3, "batch_size": 50, "out": False, "progress": False, **more}
    return fit(model, data, **settings)


def test_learns_the_bundled_digits(digits):
    run = quick(digits, "mlp", epochs=20)
    assert run.test.accuracy.mean > 0.96
    assert run.history["loss"][0, -1] < run.history["loss"][0, 0]


def test_same_seed_same_bits_and_another_seed_others(digits):
    first = quick(digits)
    assert weights_hash(first) == weights_hash(quick(digits))
    assert weights_hash(first) != weights_hash(quick(digits, seed=1))


def test_replica_k_is_the_single_run_with_its_seed_bit_for_bit(digits):
    many = quick(digits, replicas=3, seed=5, replica_mode="exact")
    for k in range(3):
        assert weights_hash(many, k) == weights_hash(quick(digits, seed=5 + k))
    assert many.test.accuracy.values == tuple(quick(digits, seed=5 + k).test.accuracy.mean for k in range(3))


def test_vectorised_replicas_agree_to_rounding(digits):
    exact = quick(digits, replicas=4, epochs=1)
    vectorised = quick(digits, replicas=4, epochs=1, replica_mode="vectorised")
    for k in range(4):
        a, b = (to_arrays(nnx.state(run.networks[k], nnx.Param)) for run in (exact, vectorised))
        difference = np.sqrt(sum(np.sum((a[n] - b[n]) ** 2) for n in a))
        assert difference / np.sqrt(sum(np.sum(a[n] ** 2) for n in a)) < 1e-5


def test_the_cut_of_an_epoch_changes_no_bit(digits, monkeypatch):
    whole = quick(digits)
    monkeypatch.setattr(loop_module, "CHUNK_SECONDS", 0.0)  # one step at a time
    cut = quick(digits)
    assert weights_hash(whole) == weights_hash(cut)
    assert np.array_equal(whole.history["loss"], cut.history["loss"])


def test_the_last_partial_batch_is_used_and_sums_are_over_examples(digits):
    """1,079 examples in batches of 100: with a rate near 0 the epoch's loss is the loss of the fixed network."""
    assert len(digits.train) % 100 != 0
    run = quick(digits, batch_size=100, epochs=1, optimizer="sgd", learning_rate=1e-30)
    assert run.history["loss"][0, 0] == pytest.approx(run.train.loss.mean, rel=1e-6)
    assert run.history["accuracy"][0, 0] == run.train.accuracy.mean


def test_any_batch_size_gives_the_same_epoch_sums(digits):
    found = [
        quick(digits, batch_size=size, epochs=1, optimizer="sgd", learning_rate=1e-30).history["loss"][0, 0]
        for size in (1, 7, 100, len(digits.train))
    ]
    assert found == pytest.approx([found[0]] * 4, rel=1e-6)


def test_nothing_is_compiled_again_for_the_last_batch_or_a_second_run(digits):
    from snarc.training import drive

    quick(digits)
    program = drive.compiled(drive._steps, (0, 1, 2))
    before = program._cache_size()
    assert before > 0
    quick(digits, seed=3, learning_rate=0.01, epochs=4, schedule="cosine")
    assert program._cache_size() == before


def test_the_standardisation_belongs_to_the_network_and_is_fitted_on_the_training_split(digits):
    run = quick(digits, epochs=1)
    pixels = digits.train.inputs.reshape(-1) / 255 if digits.train.inputs.dtype == np.uint8 else digits.train.inputs
    assert float(run.networks[0].inputs.mean[...][0]) == pytest.approx(
        float(np.mean(pixels, dtype=np.float64)), rel=1e-5
    )
    assert float(run.networks[0].inputs.scale[...][0]) == pytest.approx(
        float(np.std(pixels, dtype=np.float64)), rel=1e-5
    )


def test_what_is_watched_decides_which_weights_come_back(digits):
    for watch, name, best in (("loss", "validation_loss", np.argmin), ("error", "validation_accuracy", np.argmax)):
        run = quick(digits, epochs=60, early_stopping=3, learning_rate=0.02, watch=watch)
        values = run.history[name][0]
        assert len(values) == min(60, best(values) + 1 + 3)
        assert run.validation.numbers[name.removeprefix("validation_")].mean == pytest.approx(values[best(values)])
    x = np.random.default_rng(0).normal(size=(50, 2)).astype(np.float32)
    with pytest.raises(RecipeError, match="task of regression"):
        snarc.fit("2-1", (x, x[:, 0]), watch="error", early_stopping=1, out=False, progress=False)


def test_a_long_layout_is_saved_too(digits, tmp_path):
    layout = "64-" + "-".join(["12:logistic(0.5)"] * 30) + "-10"
    run = snarc.fit(layout, digits, epochs=1, out=tmp_path / "deep", progress=False)
    assert snarc.open(tmp_path / "deep").recipe.model == layout
    assert run.recipe.model == layout
    with pytest.raises(RecipeError, match="2000"):
        snarc.fit("64-" + "-".join(["12"] * 1000) + "-10", digits, out=False, progress=False)


def test_early_stopping_brings_the_best_weights_back(digits):
    run = quick(digits, epochs=60, early_stopping=3, learning_rate=0.02)
    losses = run.history["validation_loss"][0]
    best = int(np.argmin(losses))
    assert len(losses) == best + 1 + 3 < 60
    assert run.validation.loss.mean == pytest.approx(losses[best], rel=1e-6)
    assert "stopped early" in run.about["ended"][0]


@pytest.mark.parametrize("epochs", [1, 2, 5])
def test_the_best_weights_come_back_also_when_the_last_epoch_was_reached(digits, epochs):
    run = quick(digits, epochs=epochs, keep="best", learning_rate=0.05)
    assert run.validation.loss.mean == pytest.approx(run.history["validation_loss"][0].min(), rel=1e-6)


def test_a_diverging_run_says_where_and_keeps_the_last_finite_weights(digits, tmp_path):
    out = tmp_path / "run"
    with pytest.raises(
        DivergedError,
        match=r"(step \d+ \(epoch 1\).* layer body.layers|validation loss is not finite).*learning rate 1e\+10",
    ):
        quick(digits, optimizer="sgd", learning_rate=1e10, out=out)
    run = snarc.open(out)
    assert run.status == "diverged"
    assert all(np.isfinite(a).all() for a in to_arrays(nnx.state(run.networks[0], nnx.Param)).values())


def test_one_replica_that_diverges_leaves_the_others_bit_unchanged(digits, monkeypatch):
    sound = quick(digits, replicas=3)
    advance = loop_module.Replicas.advance

    def broken(self, rates, start, stop, traces, active):
        traces = advance(self, rates, start, stop, traces, active)
        if active[1]:
            traces[1, stop - 1, 0] = np.nan
        return traces

    monkeypatch.setattr(loop_module.Replicas, "advance", broken)
    run = quick(digits, replicas=3)
    assert run.about["ended"][1].startswith("diverged: the loss is nan at step")
    assert [weights_hash(run, k) for k in (0, 2)] == [weights_hash(sound, k) for k in (0, 2)]


def test_interrupted_and_resumed_is_bit_identical(digits, tmp_path):
    whole = quick(digits, "64-30-10", epochs=40, model_options={"dropout": 0.3})
    out = tmp_path / "run"
    timer = threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGINT))
    timer.start()
    run = quick(digits, "64-30-10", epochs=40, model_options={"dropout": 0.3}, out=out)
    timer.cancel()
    attempts = 0
    while run.status == "interrupted" and attempts < 3:
        attempts += 1
        timer = threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT))
        timer.start()
        run = resume(out, progress=False, data=digits)
        timer.cancel()
        time.sleep(0.1)
    if run.status == "interrupted":
        run = resume(out, progress=False, data=digits)
    assert run.status == "finished"
    assert weights_hash(run) == weights_hash(whole)
    assert np.array_equal(run.history["loss"], whole.history["loss"])
    lines = (out / "metrics.jsonl").read_text().splitlines()
    assert [json.loads(line)["epoch"] for line in lines] == list(range(1, 41))


@pytest.mark.parametrize("stop_at", [1, 7, 22, 23, 43])
def test_resume_at_any_step_equals_no_interruption(digits, tmp_path, monkeypatch, stop_at):
    """22 steps an epoch: in the middle of one, at its end, and after its first step."""
    whole = quick(digits, replicas=2, epochs=2)
    out = tmp_path / "run"
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
        run = quick(digits, replicas=2, epochs=2, out=out)
    assert run.status == "interrupted"
    again = resume(out, progress=False, data=digits)
    assert [weights_hash(again, k) for k in range(2)] == [weights_hash(whole, k) for k in range(2)]
    assert np.array_equal(again.history["loss"], whole.history["loss"])


def test_a_finished_run_is_not_resumed(digits, tmp_path):
    quick(digits, out=tmp_path / "run")
    with pytest.raises(RunError, match="over"):
        resume(tmp_path / "run", progress=False)


def test_a_run_folder_can_be_moved_and_opened(digits, tmp_path):
    run = quick(digits, replicas=2, out=tmp_path / "here")
    (tmp_path / "here").rename(tmp_path / "there")
    again = snarc.open(tmp_path / "there")
    assert again.test.to_json() == run.test.to_json()
    assert [weights_hash(again, k) for k in range(2)] == [weights_hash(run, k) for k in range(2)]
    x = digits.test.inputs[:7]
    assert np.array_equal(again.predict(x), run.predict(x))
    assert again.recipe == run.recipe


def test_no_run_overwrites_another(digits, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    first, second = (quick(digits, epochs=1, out=None) for _ in range(2))
    assert first.path != second.path
    with pytest.raises(RunError, match="not empty"):
        quick(digits, epochs=1, out=first.path)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["runs"]


def test_arrays_modules_and_factories(rng):
    x = rng.normal(size=(300, 5)).astype(np.float32)
    y = np.where(x[:, 0] + x[:, 1] > 0, "yes", "no")

    class Own(nnx.Module):
        def __init__(self, *, inputs, outputs, rngs):
            self.layer = nnx.Linear(inputs[0], outputs, rngs=rngs)

        def __call__(self, x):
            return self.layer(x)

    for model in (Own, Own(inputs=(5,), outputs=2, rngs=nnx.Rngs(0)), "5-8-2"):
        run = quick((x, y), model, epochs=30, batch_size=20, learning_rate=0.02)
        assert run.test.accuracy.mean > 0.9
        assert set(run.predict(x[:20])) <= {"yes", "no"}


def test_regression_reports_rmse_and_r2(rng):
    x = rng.uniform(-1, 1, size=(600, 2)).astype(np.float32)
    y = (x[:, 0] * x[:, 1] + 0.5 * x[:, 0]).astype(np.float32)
    run = quick((x, y), "2-40-1", epochs=60, batch_size=20, learning_rate=0.01)
    assert run.test.r2.mean > 0.95
    assert run.predict(x[:3]).shape == (3, 1)


@pytest.mark.parametrize(
    ("model", "settings", "error", "words"),
    [
        ("lenet6", {}, LookupError, "lenet5"),
        ("64-20-9", {}, ModelError, "64-20-10"),
        ("64-0-10", {}, ModelError, "positive number"),
        ("64-20:rule-10", {}, ModelError, "relu"),
        ("64-9999999-10", {}, LimitError, "1000000"),
        ("linear", {"model_options": {"width": 3}}, ModelError, "no option"),
        ("mlp", {"model_options": {"dropout": 1.0}}, ModelError, "probability"),
        ("mlp", {"batch_size": 5000}, RecipeError, "1079"),
        ("mlp", {"replicas": 1_000_000}, LimitError, "replicas"),
        ("64-100000-100000-10", {"replicas": 50}, LimitError, "GiB"),
        ("mlp", {"devices": 64}, RecipeError, "devices"),
        ("mlp", {"loss": "hinges"}, RecipeError, "loss"),
    ],
)
def test_what_cannot_work_is_refused_before_training(digits, tmp_path, model, settings, error, words):
    out = tmp_path / "run"
    with pytest.raises(error, match=words):
        quick(digits, model, **{**settings, "out": out})
    assert not out.exists()


def test_best_weights_without_validation_are_refused(digits):
    bare = Dataset("bare", digits.task, digits.train, digits.train.take(slice(0, 0)), digits.test)
    with pytest.raises(RecipeError, match="validation"):
        quick(bare, early_stopping=2)
    assert quick(bare, epochs=1).history.names == ["epoch", "steps", "loss", "accuracy", "learning_rate", "seconds"]


def three_outputs(*, inputs, outputs, rngs):
    return build("64-3", inputs=inputs, outputs=3)


def test_a_network_with_the_wrong_outputs_is_refused(digits):
    with pytest.raises(ModelError, match="10 outputs"):
        quick(digits, three_outputs)


def test_a_constant_column_trains(rng):
    x = rng.normal(size=(200, 3)).astype(np.float32)
    x[:, 1] = 7
    run = quick((x, (x[:, 0] > 0).astype(int)), "3-5-2", epochs=5, batch_size=10)
    assert np.isfinite(run.test.loss.mean)


def test_bfloat16_ends_near_float32(digits):
    losses = {p: quick(digits, epochs=10, precision=p).history["loss"][0, -1] for p in ("float32", "bfloat16")}
    assert losses["bfloat16"] == pytest.approx(losses["float32"], rel=0.05)


def test_a_second_interrupt_raises_at_once():
    from snarc.training.interrupt import graceful

    with graceful() as stop:
        os.kill(os.getpid(), signal.SIGINT)
        assert stop
        assert stop.signal == signal.SIGINT
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_tiny_data_work():
    x = np.array([[0.0], [1.0]], np.float32)
    data = Dataset("two", Task("classification", ("a", "b")), *[Split(x, np.array([0, 1], np.int32))] * 3)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        run = quick(data, "1-2", epochs=1, batch_size=1)
    assert run.test.examples == 2


def test_the_device_of_the_engine_is_the_default_one(digits):
    run = quick(digits, epochs=1)
    assert run.about["environment"]["backend"] == jax.default_backend()
