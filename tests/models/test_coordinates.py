"""Networks of coordinates: their sine, their first weights, and what they are for."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import snarc
from snarc.errors import ModelError
from snarc.models import build
from snarc.models.coordinates import sine


def test_the_sine_is_numpys_for_any_number_of_turns(rng):
    turns = np.concatenate([np.linspace(-2, 2, 4001), rng.normal(size=2000) * 100]).astype(np.float32)
    exact = np.sin(2 * np.pi * (turns.astype(np.float64) % 1))
    np.testing.assert_allclose(sine(jnp.asarray(turns)), exact, atol=3e-7)


def test_its_derivatives_are_those_of_a_sine(rng):
    turns = jnp.asarray(rng.uniform(-3, 3, 200), jnp.float32)
    angle, turn = 2 * np.pi * np.asarray(turns, np.float64), 2 * np.pi
    # A quarter turn is added first, which rounds the number of turns to 2.4e-7.
    first = jax.vmap(jax.grad(sine))(turns)
    np.testing.assert_allclose(first, turn * np.cos(angle), atol=turn * (turn * 2.4e-7 + 3e-7))
    second = jax.vmap(jax.grad(jax.grad(sine)))(turns)
    np.testing.assert_allclose(second, -(turn**2) * np.sin(angle), atol=turn**2 * (2 * turn * 2.4e-7 + 3e-7))


def test_fourier_features_are_their_formula(rng):
    network = build("fourier-features", inputs=(2,), outputs=1, options={"features": 5, "hidden": "7", "scale": 1.5})
    x = rng.normal(size=(4, 2)).astype(np.float32)
    turns = 2 * np.pi * x.astype(np.float64) @ np.asarray(network.frequencies[...], np.float64)
    h = np.hstack([np.sin(turns), np.cos(turns)])
    one, two = [(np.asarray(layer.kernel[...]), np.asarray(layer.bias[...])) for layer in network.layers]
    wanted = np.maximum(h @ one[0] + one[1], 0) @ two[0] + two[1]
    np.testing.assert_allclose(network(x), wanted, atol=2e-5)


def test_frequencies_have_the_scale_and_are_not_learnt():
    data = snarc.load("waves", count=500, test=0)
    options = {"features": 400, "scale": 2.0, "hidden": "8"}
    run = snarc.fit("fourier-features", data, model_options=options, epochs=1, out=False, progress=False)
    frequencies = np.asarray(run.networks[0].body.frequencies[...])
    assert frequencies.std() == pytest.approx(2, rel=0.1)
    fresh = build("fourier-features", inputs=(2,), outputs=1, options=options)
    assert np.array_equal(frequencies, fresh.frequencies[...])
    assert not [path for path in run.subject().parameters() if "frequencies" in path]


def test_siren_is_its_formula_and_starts_as_its_authors_say(rng):
    network = build("siren", inputs=(2,), outputs=3, options={"hidden": "200-300", "omega": 20})
    first, second, last = (np.asarray(layer.kernel[...]) for layer in network.layers)
    assert 0.45 < np.abs(first).max() <= 0.5
    assert 0.99 * np.sqrt(6 / 200) / 20 < np.abs(second).max() <= np.sqrt(6 / 200) / 20
    x = h = rng.uniform(-1, 1, (5, 2))
    for layer in network.layers[:-1]:
        h = np.sin(20 * (h @ np.asarray(layer.kernel[...]) + np.asarray(layer.bias[...])))
    wanted = h @ last + np.asarray(network.layers[-1].bias[...])
    np.testing.assert_allclose(network(jnp.asarray(x, jnp.float32)), wanted, atol=1e-4)


def test_siren_keeps_the_spread_of_its_units(rng):
    """Sitzmann et al., theorem 1: sums of standard deviation about 1 and sines with variance 1/2, layer after layer."""
    network = build("siren", inputs=(2,), outputs=1, options={"hidden": "256-256-256-256"})
    h = jnp.asarray(rng.uniform(-1, 1, (4000, 2)), jnp.float32)
    for k, layer in enumerate(network.layers[:-1]):
        h = sine(network.turns * layer(h))
        if k:
            assert float(h.var()) == pytest.approx(0.5, abs=0.08)


@pytest.mark.parametrize(
    ("name", "inputs", "options"),
    [
        ("fourier-features", (2,), {"features": 0}),
        ("fourier-features", (2,), {"scale": -1}),
        ("fourier-features", (2,), {"scale": True}),
        ("siren", (2,), {"omega": 0}),
        ("siren", (2,), {"hidden": "10-x"}),
        ("siren", (2,), {"hidden": "10-0"}),
    ],
)
def test_impossible_options_are_refused(name, inputs, options):
    with pytest.raises(ModelError):
        build(name, inputs=inputs, outputs=1, options=options)


def test_fine_waves_are_learnt_where_a_plain_network_fails():
    """Six waves across the square, a thousand steps: the spectral bias that both papers are about."""
    from snarc.data.functions import from_function

    waves = from_function(lambda p: np.sin(12 * np.pi * p[:, 0]) * np.sin(12 * np.pi * p[:, 1]), grid=32, test=0)
    fields = {
        "epochs": 60,
        "batch_size": 64,
        "optimizer": "adam",
        "schedule": "1cycle",
        "out": False,
        "progress": False,
    }
    fine = snarc.fit("fourier-features", waves, model_options={"hidden": "64"}, learning_rate=5e-3, **fields)
    plain = snarc.fit("2-64-64-1", waves, learning_rate=5e-3, **fields)
    assert fine.train.r2.mean > 0.95
    assert plain.train.r2.mean < 0.5
