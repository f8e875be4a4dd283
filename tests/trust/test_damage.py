"""Damage: units, weights, noise and bits."""

from __future__ import annotations

import numpy as np
import pytest

import snarc
from snarc.errors import DataError, FormalError, ModelError, RecipeError
from snarc.formal import flip
from snarc.trust import damage
from snarc.trust.damage import flipped


@pytest.fixture(scope="module")
def run():
    return snarc.fit("64-40-10", "digits", epochs=10, learning_rate=0.01, out=False, progress=False)


@pytest.fixture(scope="module")
def found(run):
    return damage(run, count=10_000, retrain=1)


def test_little_damage_costs_little_and_much_costs_much(run, found):
    assert found.numbers["score"] == pytest.approx(run.test.accuracy.mean)
    for kind in ("units", "weights", "noise"):
        mean = found.arrays[kind].mean(axis=1)
        assert mean[0] > found.numbers["score"] - 0.05
        assert mean[-1] < found.numbers["score"] - 0.1
    assert found.numbers["units_0.5"].standard_error is not None
    assert found.plot().axes


def test_learning_again_heals(found):
    last = found.arrays["retrained_strength"][-1]
    assert last == 0.7
    assert found.numbers["retrained_0.7"] > found.numbers["units_0.7"].mean + 0.05


def test_the_high_bits_of_the_exponent_hurt(found):
    lost = found.numbers["score"] - found.arrays["bit_score"].mean(axis=1)
    assert found.numbers["worst_bit"] == 30
    assert (np.abs(lost[:16]) < 1e-9).all()  # one part in 2^7 at most
    assert lost[30] > 0.3


def test_units_deleted_are_those_that_pruning_masks(run):
    from flax import nnx

    from snarc.models.hidden import hidden_of
    from snarc.training.deletion import outputs_without
    from snarc.tuning.masks import Masked, unit_masks

    gone = np.array([3, 11, 30])
    body = Masked(nnx.clone(run.networks[0].body), unit_masks(run.networks[0].body, [gone]))
    body.apply()
    x = run.dataset.test.inputs[:100]
    theirs = body.body(run.networks[0].inputs(x))
    kept = np.ones((1, 40))
    kept[0, gone] = 0
    found = hidden_of(run.networks[0], run.inputs)
    ours = outputs_without(run.networks[0], found, {found[0].own: kept}, x)[0]
    np.testing.assert_allclose(ours, theirs, atol=1e-5)


def test_flips_are_those_of_the_numbers_bytes(rng):
    kernels = [rng.normal(size=(3, 4)).astype(np.float32), rng.normal(size=5).astype(np.float32)]
    where, bits = np.array([0, 5, 13]), np.array([30, 2, 31])
    made = flipped(kernels, where, bits)
    flat, new = (np.concatenate([k.ravel() for k in ks]) for ks in (kernels, made))
    changed = flat.view(np.uint32) ^ new.view(np.uint32)
    wanted = np.zeros(17, np.uint32)
    wanted[where] = np.uint32(1) << bits.astype(np.uint32)
    np.testing.assert_array_equal(changed, wanted)
    np.testing.assert_array_equal(flipped(made, where, bits)[0], kernels[0])  # twice is not at all
    np.testing.assert_array_equal(flip(flip(flat, 3, 7), 3, 7), flip(flat, np.array([3, 3]), 7))
    with pytest.raises(FormalError, match="bit 32"):
        flip(flat, np.array([0, 1]), np.array([1, 32]))


def test_a_network_of_numbers(rng):
    x = rng.normal(size=(400, 3)).astype(np.float32)
    run = snarc.fit("3-20-1", (x, x[:, :1] * x[:, 1:2]), epochs=30, learning_rate=0.01, out=False, progress=False)
    found = damage(run, kinds=("units", "bits"), draws=2)
    assert str(found.arrays["label"]) == "R²"
    assert found.numbers["units_0.7"].mean < found.numbers["score"]
    assert np.isfinite(found.arrays["bit_score"]).all()
    assert found.plot().axes


def test_refusals(run):
    with pytest.raises(RecipeError, match="kind 'unit'"):
        damage(run, kinds=("unit",))
    with pytest.raises(RecipeError, match="tuple"):
        damage(run, kinds="units")
    with pytest.raises(RecipeError, match="draws=0"):
        damage(run, draws=0)
    with pytest.raises(ModelError, match="plain function"):
        damage(snarc.subject(lambda x: x, input_shape=(3,), classes=3), (np.zeros((4, 3)), np.zeros(4, int)))
    with pytest.raises(DataError, match="no better than chance"):
        damage(run, (run.dataset.test.inputs, (run.dataset.test.targets + 1) % 10))
    with pytest.raises(RecipeError, match="units among kinds"):
        damage(run, kinds=("bits",), retrain=1)
