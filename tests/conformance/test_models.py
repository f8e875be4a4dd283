"""What every registered model promises; a new one is tested by being registered."""

import jax
import numpy as np
import pytest
from flax import nnx

from snarc import registry
from snarc.data import Dataset, Split, Task
from snarc.models import build, summary
from snarc.models.inside import layers_of
from snarc.training import fit
from snarc.training.evaluate import function
from snarc.training.names import from_arrays, shapes, to_arrays
from snarc.training.weights import load_weights, save_weights

MODELS = [entry.name for entry in registry.models]


def shape_of(name):
    """The shape of one example that the model is made for."""
    return tuple(registry.models.get(name).about.get("example", (28, 28, 1)))


def made(name, seed=0):
    return build(name, inputs=shape_of(name), outputs=10, seed=seed)


def examples(name, n=4):
    return np.random.default_rng(0).uniform(size=(n, *shape_of(name))).astype(np.float32)


@pytest.mark.parametrize("name", MODELS)
def test_says_what_it_is(name):
    entry = registry.models.get(name)
    assert entry.summary
    assert entry.about.get("source"), "name the paper or book"


@pytest.mark.parametrize("name", MODELS)
def test_gives_a_row_of_logits_for_each_example_of_any_batch(name):
    of = function(made(name))
    x = examples(name, 5)
    all_at_once = np.asarray(of(x))
    assert all_at_once.shape == (5, 10)
    assert all_at_once.dtype == np.float32
    one = np.concatenate([np.asarray(of(x[k : k + 1])) for k in range(5)])
    np.testing.assert_allclose(one, all_at_once, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", MODELS)
def test_evaluation_is_deterministic_and_seeds_decide_the_weights(name):
    x = examples(name)
    first, again, other = (np.asarray(function(made(name, seed))(x)) for seed in (0, 0, 1))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


@pytest.mark.parametrize("name", MODELS)
def test_is_saved_and_loaded_bit_for_bit(name, tmp_path):
    network = made(name)
    config = {"model": name, "options": {}, "inputs": list(shape_of(name)), "outputs": 10, "versions": {}}
    config["task"] = {"kind": "classification", "classes": [str(k) for k in range(10)], "targets": []}
    save_weights(tmp_path, to_arrays(nnx.state(network)), config)
    again = made(name, seed=1)
    state = nnx.state(again)
    arrays, _ = load_weights(tmp_path)
    assert {n: (a.shape, str(a.dtype)) for n, a in arrays.items()} == shapes(state)
    nnx.update(again, from_arrays(state, arrays))
    x = examples(name)
    assert np.array_equal(np.asarray(function(network)(x)), np.asarray(function(again)(x)))


@pytest.mark.parametrize("name", MODELS)
def test_learns_32_examples_by_heart(name):
    rng = np.random.default_rng(0)
    split = Split(rng.uniform(size=(32, *shape_of(name))).astype(np.float32), (np.arange(32) % 10).astype(np.int32))
    data = Dataset("noise", Task("classification", tuple("0123456789")), split, split.take(slice(0, 0)), split)
    recipe = registry.models.get(name).about.get("overfits", {"learning_rate": 2e-3})
    run = fit(name, data, epochs=150, batch_size=16, out=False, progress=False, **recipe)
    assert run.train.accuracy.mean == 1.0


@pytest.mark.parametrize("name", MODELS)
def test_two_builds_share_one_compiled_program(name):
    """Equal architectures must have equal graphs, or every replica and every fit would compile again."""
    for network in (first := made(name), second := made(name, seed=1)):
        network.train()
    assert nnx.split(first)[0] == nnx.split(second)[0]


@pytest.mark.parametrize("name", MODELS)
def test_summary_counts_every_parameter(name):
    network = made(name)
    found = summary(network, shape_of(name))
    assert found.parameters == sum(leaf.size for leaf in jax.tree.leaves(nnx.state(network, nnx.Param)))
    assert str(found).count("\n") >= 3


@pytest.mark.parametrize("name", MODELS)
def test_every_layer_can_be_seen(name):
    seen = layers_of(made(name), examples(name))
    assert seen
    assert all(np.isfinite(np.asarray(a)).all() for a in seen.values())
