"""Learning from examples moved to where the network errs: the loss, the padding, the random starts, what is refused."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

import snarc
from snarc.data import Dataset, Split, Task
from snarc.errors import RecipeError
from snarc.layers.adversary import Adversary, Spec, parse
from snarc.layers.standardise import Standardise
from snarc.models.network import Network, build
from snarc.training import loop, resume
from snarc.training.losses import Loss
from snarc.training.optimizers import Optimizer
from snarc.training.recipe import Recipe
from snarc.training.step import begin, step

QUIET = {"out": False, "progress": False, "health": False}


def problem(adversary, model="6-2", count=16, **options):
    """A step's program and state, a batch and its labels."""
    body = build(model, inputs=(6,), outputs=2, seed=1, options=options)
    network = Network(Standardise(6, np.full(6, 0.2), np.full(6, 0.5)), body, None, adversary)
    recipe = Recipe(optimizer="sgd", learning_rate=0.1)
    made = begin(network, Loss("cross-entropy", True), Optimizer.of(recipe), classification=True, precision="float32")
    rng = np.random.default_rng(0)
    return *made, rng.normal(size=(count, 6)).astype(np.float32), rng.integers(0, 2, count)


def adversary(text, weight=0.5, within=None):
    return Adversary(parse(text), weight, within, rngs=nnx.Rngs(adversary=jax.random.key(3)))


def weights_of(state):
    return np.concatenate([np.asarray(leaf).ravel() for leaf in jax.tree.leaves(state.weights)])


@pytest.mark.parametrize("share", [0.5, 0.2, 1.0])
def test_a_linear_network_learns_from_the_worst_corner(share):
    """For softmax of two classes the worst change is -epsilon sign(w_y - w_other): Goodfellow et al., section 5."""
    program, state, x, y = problem(adversary("fgsm:0.1", share))
    kernel, bias = (
        np.asarray(state.weights["body"]["layers"][0][name][...], np.float64) for name in ("kernel", "bias")
    )
    scale, mean = 0.5, 0.2
    apart = (kernel[:, 1] - kernel[:, 0]) / scale
    sign = np.where(y == 1, 1.0, -1.0)
    margin = sign * (((x - mean) / scale) @ (kernel[:, 1] - kernel[:, 0]) + bias[1] - bias[0])
    worst = margin - 0.1 * np.abs(apart).sum()
    wanted = np.mean((1 - share) * np.logaddexp(0, -margin) + share * np.logaddexp(0, -worst))
    _, sums = step(program, state, jnp.asarray(x), jnp.asarray(y), jnp.ones(len(x)), jnp.float32(0.1))
    assert float(sums[0]) / len(x) == pytest.approx(wanted, rel=1e-5)


@pytest.mark.parametrize("text", ["fgsm:0.1", "pgd:0.1:3"])
@pytest.mark.parametrize("options", [{}, {"normalise": "batch"}, {"dropout": 0.3}])
def test_padding_changes_nothing(text, options):
    """The last batch of an epoch is filled up with examples that the mask hides."""
    ends = []
    for rows in (5, 8):
        program, state, x, y = problem(adversary(text), "6-7-2", 8, **options)
        x, y = x[:rows].copy(), y[:rows]
        x[5:] = 9.0
        mask = (np.arange(rows) < 5).astype(np.float32)
        new, sums = step(program, state, jnp.asarray(x), jnp.asarray(y), jnp.asarray(mask), jnp.float32(0.1))
        ends.append((weights_of(new), np.asarray(sums)))
    np.testing.assert_allclose(ends[0][0], ends[1][0], rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(ends[0][1], ends[1][1], rtol=1e-5)


def test_the_moving_is_no_part_of_the_gradient():
    """The gradient is that of the two losses at fixed inputs, as a numerical derivative shows."""
    program, state, x, y = problem(adversary("pgd:0.2:4"), "6-5:tanh-2")
    new, _ = step(program, state, jnp.asarray(x), jnp.asarray(y), jnp.ones(len(x)), jnp.float32(1.0))
    slope = weights_of(state) - weights_of(new)
    plain = problem(None, "6-5:tanh-2")
    network = nnx.merge(plain[0].graph, state.weights, plain[1].rest)
    probe = adversary("pgd:0.2:4")

    def loss(there):
        return jnp.sum(program.loss(network(there), jnp.asarray(y)))

    moved = probe(jnp.asarray(x), loss)
    graph, rest = plain[0].graph, plain[1].rest

    def both(weights):
        net = nnx.merge(graph, weights, rest)
        return jnp.mean(0.5 * program.loss(net(x), jnp.asarray(y)) + 0.5 * program.loss(net(moved), jnp.asarray(y)))

    wanted = jax.grad(both)(state.weights)
    found = np.concatenate([np.asarray(leaf).ravel() for leaf in jax.tree.leaves(wanted)])
    np.testing.assert_allclose(slope, found, rtol=1e-4, atol=1e-6)


def test_moved_inputs_keep_to_the_ball_and_to_the_range():
    x = jnp.asarray(np.random.default_rng(0).uniform(size=(20, 4)), jnp.float32)
    for text in ("fgsm:0.3", "pgd:0.3:5"):
        moved = np.asarray(adversary(text, within=(0.0, 1.0))(x, lambda v: jnp.sum(v**2)))
        assert np.abs(moved - x).max() <= 0.3 + 1e-6
        assert 0 <= moved.min() <= moved.max() <= 1
        assert np.abs(moved - x).max() > 0.25


def test_a_stopped_training_ends_with_the_same_bits(tmp_path, digits, monkeypatch):
    fields = {"epochs": 2, "batch_size": 100, "adversarial": "pgd:0.1:3", "augment": "noise:0.02", **QUIET}
    whole = snarc.fit("64-8-10", digits, **fields)
    stopped = []

    class StopAfter:
        signal = None

        def __bool__(self):
            return bool(stopped)

    def advance(self, rates, until):
        original(self, rates, self.position.step + 1)
        if self.position.epoch * self.steps + self.position.step >= 14:
            stopped.append(True)

    original, run_loop = loop.Loop._advance, loop.Loop.run
    with monkeypatch.context() as patch:
        patch.setattr(loop.Loop, "_advance", advance)
        patch.setattr(loop.Loop, "run", lambda self, stop: run_loop(self, StopAfter()))
        run = snarc.fit("64-8-10", digits, **{**fields, "out": tmp_path / "run"})
    assert run.status == "interrupted"
    again = resume(tmp_path / "run", progress=False, data=digits)
    for a, b in zip(jax.tree.leaves(nnx.state(whole.networks[0])), jax.tree.leaves(nnx.state(again.networks[0]))):
        np.testing.assert_array_equal(np.asarray(a), np.asarray(b))


def test_replicas_are_the_single_runs(digits):
    both = snarc.fit("64-8-10", digits, epochs=1, replicas=2, adversarial="pgd:0.1:2", **QUIET)
    single = snarc.fit("64-8-10", digits, epochs=1, seed=1, adversarial="pgd:0.1:2", **QUIET)
    a, b = (np.asarray(n.body.layers[0].kernel[...]) for n in (both.networks[1], single.networks[0]))
    np.testing.assert_array_equal(a, b)


def test_it_helps(digits):
    from snarc.trust import attacks

    kept = []
    for text in (None, "fgsm:0.15"):
        run = snarc.fit("64-64-10", digits, epochs=20, adversarial=text, **QUIET)
        x, y = np.asarray(run.subject().example(digits.test.inputs)), digits.test.targets
        kept.append(1 - attacks.fgsm(run.subject(), x, y, 0.15).success.mean())
    assert kept[1] > kept[0] + 0.2


@pytest.mark.parametrize("text", ["fgsm", "fgsm:x", "pgd:0.1:0", "fgsm:0.1:3", "fgms:0.1", "pgd:-1", "fgsm:inf", ""])
def test_texts_that_are_none(text, digits):
    with pytest.raises(RecipeError, match="adversarial"):
        snarc.fit("mlp", digits, adversarial=text, **QUIET)


def test_texts():
    assert parse("pgd:0.3") == Spec("pgd", 0.3, 7)


def test_what_cannot_be_is_refused(digits):
    x = np.linspace(0, 1, 40, dtype=np.float32)[:, None]
    with pytest.raises(RecipeError, match="regression"):
        snarc.fit("mlp", (x, x), adversarial="fgsm:0.1", **QUIET)
    with pytest.raises(RecipeError, match="lbfgs"):
        Recipe(optimizer="lbfgs", adversarial="fgsm:0.1")
    with pytest.raises(RecipeError, match="adversarial_weight"):
        Recipe(adversarial_weight=0.7)
    pixels = Split(np.zeros((40, 8, 8, 1), np.uint8), np.arange(40) % 2)
    data = Dataset("pixels", Task("classification", ("a", "b")), pixels, pixels.take(slice(0, 0)), pixels)
    with pytest.raises(RecipeError, match=r"8 are fgsm:0\.0314"):
        snarc.fit("mlp", data, adversarial="fgsm:8", **QUIET)
