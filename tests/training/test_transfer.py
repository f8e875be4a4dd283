"""Starting from another network's weights, and layers that do not learn."""

import shutil

import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

import snarc
from snarc.data import from_arrays
from snarc.errors import ModelError, RecipeError, RunError
from snarc.training import fit, resume
from snarc.training.drive import Resident
from snarc.training.files import write_json
from snarc.training.transfer import digest

QUIET = {"out": False, "progress": False}
SHORT = {"epochs": 2, "optimizer": "sgd", "learning_rate": 0.1, "batch_size": 20}


def data(classes=3, seed=0):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(120, 4)) + 2 * seed
    return from_arrays(x.astype(np.float32), rng.integers(0, classes, 120), classes=classes, validation=20, test=20)


def weights(run, replica=0):
    return run.subject(replica).parameters()


@pytest.fixture(scope="module")
def before():
    return fit("4-5-3", data(), replicas=2, **SHORT, **QUIET)


def test_frozen_weights_stay_bit_for_bit_and_the_others_learn(before):
    run = fit("4-5-3", data(seed=1), start=before, freeze=("layers.0",), replicas=2, **SHORT, **QUIET)
    for k in range(2):
        old, new = weights(before, k), weights(run, k)
        for name in old:
            assert np.array_equal(old[name], new[name]) == ("layers.0" in name), name


def test_frozen_training_is_that_of_the_last_layer_alone(before):
    """The last layer over frozen features learns as a network of one layer does that is given these features."""
    inner = data(seed=1)
    run = fit("4-5-3", inner, start=before, freeze=("layers.0",), replicas=2, **SHORT, **QUIET)
    network = before.networks[0]
    body = network.body

    def features(split):
        x = network.standardised(jnp.asarray(split.inputs))
        return np.asarray(body.activations[0](body.layers[0](x)))

    splits = {name: inner.split(name) for name in ("train", "validation", "test")}
    seen = snarc.Dataset("features", inner.task, *(snarc.Split(features(s), s.targets) for s in splits.values()))
    last = fit("5-3", seen, start=_Last(body.layers[1]), standardise=False, **SHORT, **QUIET)
    for name in ("kernel", "bias"):
        np.testing.assert_allclose(
            weights(run)[f"body.layers.1.{name}"], weights(last)[f"body.layers.0.{name}"], rtol=1e-5, atol=1e-6
        )


class _Last(nnx.Module):
    def __init__(self, layer):
        self.layers = nnx.List([layer])


def test_everything_that_is_not_fresh_comes_from_the_start(before):
    tiny = {"learning_rate": 1e-30, "optimizer": "sgd", "epochs": 1, "batch_size": 20}
    run = fit("4-5-3", data(seed=1), start=before, replicas=2, seed=7, **tiny, **QUIET)
    for k in range(2):
        assert digest(run.networks[k]) == digest(before.networks[k])  # statistics of the inputs and all
    fresh = fit("4-5-3", data(seed=1), start=before, fresh=("layers.1",), replicas=2, seed=7, **tiny, **QUIET)
    alone = fit("4-5-3", data(seed=1), replicas=2, seed=7, **tiny, **QUIET)
    np.testing.assert_array_equal(weights(fresh)["body.layers.0.kernel"], weights(before)["body.layers.0.kernel"])
    np.testing.assert_array_equal(weights(fresh)["body.layers.1.kernel"], weights(alone)["body.layers.1.kernel"])


def test_other_classes_need_a_fresh_output(before):
    with pytest.raises(ModelError, match=r"layers\.1\.\w+ is .*3 where .*4 here") as error:
        fit("4-5-4", data(4), start=before, replicas=2, **SHORT, **QUIET)
    assert "fresh=('layers.1',)" in error.value.way_out
    run = fit("4-5-4", data(4), start=before, fresh=("layers.1",), replicas=2, **SHORT, **QUIET)
    assert run.about["start"]["fresh"] == ["layers.1"]
    assert run.about["start"]["sha256"] == [digest(one) for one in before.networks]


def test_one_network_starts_all_replicas(before):
    run = fit("4-5-3", data(), start=before.networks[0], freeze=("layers.0",), replicas=3, **SHORT, **QUIET)
    for k in range(3):
        np.testing.assert_array_equal(weights(run, k)["body.layers.0.kernel"], weights(before)["body.layers.0.kernel"])
    with pytest.raises(ModelError, match="2 networks to start 3 replicas"):
        fit("4-5-3", data(), start=before, replicas=3, **SHORT, **QUIET)


def test_refused(before):
    with pytest.raises(RecipeError, match=r"no layer 'layer\.0'") as error:
        fit("4-5-3", data(), freeze=("layer.0",), **SHORT, **QUIET)
    assert "layers.0" in error.value.way_out
    with pytest.raises(RecipeError, match="no weight to learn"):
        fit("4-5-3", data(), freeze=("layers",), **SHORT, **QUIET)
    with pytest.raises(RecipeError, match="without start"):
        fit("4-5-3", data(), fresh=("layers.1",), **SHORT, **QUIET)
    with pytest.raises(RecipeError, match="freeze"):
        fit("4-5-3", data(), freeze="layers.0", precision="bfloat16", **SHORT, **QUIET)
    with pytest.raises(ModelError, match="start of type int"):
        fit("4-5-3", data(), start=3, **SHORT, **QUIET)
    with pytest.raises(ModelError, match="missing"):
        fit("4-5-5-3", data(), start=before.networks[0], fresh=("layers.1",), **SHORT, **QUIET)


def test_frozen_statistics_stay():
    """A frozen batch normalisation keeps its statistics, as one in evaluation mode does."""
    rng = np.random.default_rng(0)
    images = from_arrays(
        rng.normal(size=(80, 8, 8, 1)).astype(np.float32), rng.integers(0, 2, 80), validation=10, test=10
    )

    class Net(nnx.Module):
        def __init__(self, *, inputs, outputs, rngs):
            self.norm = nnx.BatchNorm(64, rngs=rngs)
            self.output = nnx.Linear(64, outputs, rngs=rngs)

        def __call__(self, x):
            return self.output(self.norm(x.reshape(len(x), -1)))

    stays = fit(Net, images, freeze=("norm",), **SHORT, **QUIET).networks[0].body
    moves = fit(Net, images, **SHORT, **QUIET).networks[0].body
    np.testing.assert_array_equal(stays.norm.mean[...], np.zeros(64))
    assert np.abs(moves.norm.mean[...]).max() > 1e-3


def test_vectorised_replicas_freeze_too(before):
    how = {"start": before, "freeze": ("layers.0",), "replicas": 2, **SHORT, **QUIET}
    exact = fit("4-5-3", data(seed=1), replica_mode="exact", **how)
    at_once = fit("4-5-3", data(seed=1), replica_mode="vectorised", **how)
    for k in range(2):
        for name, value in weights(exact, k).items():
            np.testing.assert_allclose(weights(at_once, k)[name], value, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("stop_at", [2, 6])
def test_a_run_that_started_elsewhere_is_saved_opened_and_resumed(before, tmp_path, monkeypatch, stop_at):
    """Stopped hard, with nothing kept but what it started from, it goes on to the bits of one never stopped."""
    how = {"start": before, "freeze": ("layers.0",), "replicas": 2, "progress": False, **SHORT}
    whole = fit("4-5-3", data(seed=1), out=tmp_path / "whole", **how)
    again = snarc.open(tmp_path / "whole", data=data(seed=1))
    assert again.about["start"] == whole.about["start"]
    assert [digest(n) for n in again.networks] == [digest(n) for n in whole.networks]

    calls, advance = [], Resident.advance

    def interrupted(self, *arguments):
        calls.append(1)
        if len(calls) == stop_at:
            raise KeyboardInterrupt
        return advance(self, *arguments)

    with monkeypatch.context() as patch:
        patch.setattr(Resident, "advance", interrupted)
        with pytest.raises(KeyboardInterrupt):
            fit("4-5-3", data(seed=1), out=tmp_path / "cut", **how)
    done = resume(tmp_path / "cut", data=data(seed=1), progress=False)
    assert done.about["start"] == whole.about["start"]
    assert [digest(n) for n in done.networks] == [digest(n) for n in whole.networks]


def test_without_a_checkpoint_it_cannot_be_resumed(before, tmp_path):
    fit("4-5-3", data(), start=before.networks[0], out=tmp_path / "r", progress=False, **SHORT)
    shutil.rmtree(tmp_path / "r" / "checkpoints")
    write_json(tmp_path / "r" / "status.json", {"status": "running"})
    with pytest.raises(RunError, match="other weights"):
        resume(tmp_path / "r", data=data(), progress=False)
