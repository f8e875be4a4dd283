"""Augmentation in a training: at learning only, the same after a stop, and nothing left of it in what is saved."""

import jax
import numpy as np
import pytest

import snarc
from snarc.errors import RecipeError
from snarc.training import resume
from snarc.training.build import make_network
from snarc.training.drive import Resident
from snarc.training.recipe import Recipe

SPECS = ("shift:1", "rotate:10", "noise:0.1")
SMALL = {"learning_rate": 0.01, "epochs": 3, "batch_size": 50, "progress": False}


@pytest.fixture(scope="module")
def few(digits):
    return snarc.load("digits", train=240)


@pytest.fixture(scope="module")
def run(few, tmp_path_factory):
    return snarc.fit("64-20-10", few, augment=SPECS, out=tmp_path_factory.mktemp("runs") / "run", **SMALL)


def weights(run, k=0):
    return run.subject(k).parameters()


def test_it_changes_what_is_learnt_but_not_the_start(run, few):
    plain = snarc.fit("64-20-10", few, out=False, **SMALL)
    assert run.history["loss"][0, 0] != plain.history["loss"][0, 0]
    made = [
        make_network("64-20-10", run.recipe.with_(augment=specs), (8, 8, 1), 10, 0, learning=True)
        for specs in (SPECS, ())
    ]
    a, b = (jax.tree.leaves(network.body) for network in made)
    assert all(np.array_equal(x, y) for x, y in zip(a, b))
    assert made[1].augment is None


def test_what_is_kept_has_no_trace_of_it(run, few):
    opened = snarc.open(run.path)
    assert opened.recipe.augment == SPECS
    assert opened.networks[0].augment is None
    x = few.test.inputs
    assert np.array_equal(opened.logits(x), run.logits(x))
    assert np.array_equal(run.logits(x), run.logits(x))
    assert not [path for path in run.subject().activations(x[:2]) if "augment" in path]


def test_the_same_recipe_learns_the_same(run, few):
    again = snarc.fit("64-20-10", few, augment=SPECS, out=False, **SMALL)
    assert all(np.array_equal(a, b) for a, b in zip(weights(run).values(), weights(again).values()))


def test_a_stopped_run_goes_on_bit_for_bit(run, few, tmp_path, monkeypatch):
    steps = []
    advance = Resident.advance

    def interrupted(self, *arguments):
        steps.append(1)
        if len(steps) == 3:
            raise KeyboardInterrupt
        return advance(self, *arguments)

    with monkeypatch.context() as patch:
        patch.setattr(Resident, "advance", interrupted)
        patch.setattr("snarc.training.loop.Loop._due", lambda self: True)
        with pytest.raises(KeyboardInterrupt):
            snarc.fit("64-20-10", few, augment=SPECS, out=tmp_path / "stopped", **SMALL)
    went_on = resume(tmp_path / "stopped", progress=False)
    assert all(np.array_equal(a, b) for a, b in zip(weights(run).values(), weights(went_on).values()))


def test_vectorised_replicas_draw_as_single_runs(few):
    fields = {**SMALL, "epochs": 1, "augment": SPECS}
    both = snarc.fit("64-20-10", few, out=False, replicas=2, replica_mode="vectorised", **fields)
    for k in range(2):
        single = snarc.fit("64-20-10", few, out=False, seed=k, **fields)
        for a, b in zip(weights(both, k).values(), weights(single).values()):
            np.testing.assert_allclose(a, b, atol=1e-5)


def test_without_it_nothing_is_compiled_but_what_was(few):
    from snarc.training import losses, optimizers, step

    recipe = Recipe(model="64-20-10")

    def text(network):
        program, state = step.begin(
            network, losses.cross_entropy, optimizers.Optimizer.of(recipe), classification=True, precision="float32"
        )
        x, y = few.train.inputs[:50], few.train.targets[:50]
        return jax.jit(step.step, static_argnums=0).lower(program, state, x, y, np.ones(50), np.float32(0.1)).as_text()

    plain = text(make_network("64-20-10", recipe, (8, 8, 1), 10, 0, learning=True))
    with_it = text(make_network("64-20-10", recipe.with_(augment=("noise:0.1",)), (8, 8, 1), 10, 0, learning=True))
    assert "ui32" not in plain  # no random bits
    assert "ui32" in with_it


def test_noise_is_drawn_in_bfloat16_too(few):
    found = snarc.fit("64-20-10", few, augment=("noise:0.1",), precision="bfloat16", out=False, **SMALL)
    other = snarc.fit("64-20-10", few, precision="bfloat16", out=False, **SMALL)
    assert found.history["loss"][0, 0] != other.history["loss"][0, 0]


def test_a_table_takes_noise_in_units_of_its_columns(rng):
    x = np.column_stack([rng.normal(size=400), 1e4 * rng.normal(size=400)]).astype(np.float32)
    y = (x[:, 0] > 0).astype(np.int32)
    found = snarc.fit("2-8-2", (x, y), augment=("noise:0.2", "drop:0.1"), out=False, **{**SMALL, "epochs": 30})
    assert found.validation.accuracy.mean > 0.9


@pytest.mark.parametrize("specs", [("rotat:3",), ("shift:9",), "flop"])
def test_mistakes_are_told_before_anything_is_compiled(specs, few, monkeypatch):
    monkeypatch.setattr("snarc.training.job.Job.learn", lambda *a, **k: pytest.fail("learning began"))
    with pytest.raises(RecipeError, match="augment"):
        snarc.fit("64-20-10", few, augment=specs, out=False, **SMALL)
