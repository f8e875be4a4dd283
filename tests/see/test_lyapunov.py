"""Lyapunov exponents against the singular values of Jacobians written out in NumPy."""

from __future__ import annotations

from itertools import pairwise

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

import snarc
from snarc.errors import DataError, ModelError, RecipeError
from snarc.models.network import build
from snarc.see import lyapunov
from snarc.see._stretching import stages


def tanh_network(layout, inputs, classes, **options):
    body = build(layout, inputs=inputs, outputs=classes, seed=1, options={"activation": "tanh", **options})
    return body, snarc.subject(body, input_shape=inputs, classes=classes)


def jacobian(body, x, depth):
    """The product of D_l W_l in float64, ``(units, inputs)``."""
    found, x = np.eye(x.size), x.astype(np.float64).ravel()
    for layer in list(body.layers)[:depth]:
        w, b = (np.asarray(p[...], np.float64) for p in (layer.kernel, layer.bias))
        x = np.tanh(x @ w + b)
        found = (1 - x**2)[:, None] * (w.T @ found)
    return found


# Two inputs: a closed form; few inputs: tangents; few outputs: cotangents; many of both: power iteration.
@pytest.mark.parametrize("layout", ["2-20-30-2", "5-20-30-2", "200-100-12-2", "100-90-80-2"])
def test_exponents_are_those_of_the_jacobian(layout):
    n = int(layout.split("-")[0])
    body, seen = tanh_network(layout, (n,), 2)
    x = np.random.default_rng(0).normal(size=(7, n)).astype(np.float32)
    found = lyapunov(seen, x)
    assert found.numbers["layers"] == 2
    for one, exponent, direction in zip(x, found.arrays["exponent"], found.arrays["direction"]):
        _, values, vectors = np.linalg.svd(jacobian(body, one, 2))
        assert exponent == pytest.approx(np.log(values[0]) / 2, abs=2e-3)
        if values[0] > 1.3 * values[1]:
            assert abs(direction @ vectors[0]) > 0.99


# As many inputs as units, more and fewer than the narrowest layer, and more of both than a Jacobian is formed for.
@pytest.mark.parametrize("layout", ["2-8-8-8-2", "40-6-5-9-2", "90-80-70-75-2"])
def test_the_spectrum_is_that_of_the_singular_values(layout):
    n = int(layout.split("-")[0])
    body, seen = tanh_network(layout, (n,), 2)
    x = np.random.default_rng(0).normal(size=(4, n)).astype(np.float32)
    found = lyapunov(seen, x, layer=3, spectrum=True).arrays
    count = min(map(int, layout.split("-")[:4]))
    assert found["spectrum"].shape == (4, count)
    for one, exponents in zip(x, found["spectrum"]):
        values = np.linalg.svd(jacobian(body, one, 3))[1][:count]
        np.testing.assert_allclose(exponents, np.log(values) / 3, atol=2e-3)
    np.testing.assert_allclose(found["spectrum"][:, 0], found["exponent"], atol=2e-3)


def test_small_exponents_do_not_drown_in_the_large_ones():
    """Four maps that stretch by 30, 1 and 1/30 along turned axes: a million to one over and under, in float32."""
    rng = np.random.default_rng(3)
    frames = [np.linalg.qr(rng.normal(size=(3, 3)))[0] for _ in range(5)]
    matrices = [jnp.asarray(b @ np.diag([30, 1, 1 / 30]) @ a.T, jnp.float32) for a, b in pairwise(frames)]

    class Chain(nnx.Module):
        def stages(self):
            return [(lambda x, m=m: x @ m.T) for m in matrices]

        def __call__(self, x):
            for one in self.stages():
                x = one(x)
            return x

    seen = snarc.subject(Chain(), input_shape=(3,), classes=3)
    found = lyapunov(seen, np.zeros((1, 3), np.float32), layer=4, spectrum=True).arrays["spectrum"][0]
    np.testing.assert_allclose(found, [np.log(30), 0, -np.log(30)], atol=1e-3)


def test_a_network_that_learns_on_has_other_exponents():
    """A module that returns its own layers, the same each time: nothing of its former weights is kept."""

    class Own(nnx.Module):
        def __init__(self):
            self.first = nnx.Linear(2, 2, rngs=nnx.Rngs(0))
            self.last = nnx.Linear(2, 2, rngs=nnx.Rngs(1))

        def stages(self):
            return [self.first, self.last]

        def __call__(self, x):
            return self.last(self.first(x))

    net, at = Own(), np.zeros((1, 2), np.float32)
    for size in (2.0, 5.0):
        net.first.kernel[...] = size * jnp.eye(2)
        found = lyapunov(snarc.subject(net, input_shape=(2,), classes=2), at).arrays["exponent"][0]
        assert found == pytest.approx(np.log(size), abs=1e-5)


def test_the_chain_of_stages_is_the_network():
    for options in ({}, {"normalise": "layer"}, {"normalise": "batch"}):
        _, seen = tanh_network("4-8-6-3", (4,), 3, **options)
        x = y = np.random.default_rng(0).normal(size=(5, 4)).astype(np.float32)
        for one in stages(seen):
            y = one(y)
        np.testing.assert_allclose(y, seen.logits(x), atol=1e-6)


def test_a_run_with_its_input_stage():
    rng = np.random.default_rng(0)
    x = (5 + 3 * rng.uniform(-1, 1, (800, 2))).astype(np.float32)
    y = (((x - 5) ** 2).sum(1) < 4).astype(int)
    run = snarc.fit("2-10:tanh-10:tanh-2", (x, y), epochs=60, learning_rate=0.02, out=False, progress=False)
    found = lyapunov(run, points=60)
    assert found.arrays["x"][0] == pytest.approx(run.dataset.train.inputs[:, 0].min())
    # The derivative is by the inputs as given, before they are standardised: half the stretching for twice the scale.
    h = 1e-2
    maps = stages(run.subject())

    def hidden(v):
        for one in maps[:2]:
            v = one(v)
        return np.asarray(v)

    at = np.array([[5.0, 6.5]], np.float32)
    differences = np.stack([(hidden(at + d) - hidden(at - d))[0] / (2 * h) for d in (h * np.eye(2, dtype=np.float32))])
    wanted = np.log(np.linalg.svd(differences)[1][0]) / 2
    assert lyapunov(run, at).arrays["exponent"][0] == pytest.approx(wanted, abs=0.02)
    assert found.numbers["contrast"] > 0.5
    assert found.numbers["ridge_distance"] < 0.1
    assert found.plot() is not None


def test_a_run_is_asked_at_its_own_examples(digits):
    run = snarc.fit("64-8:tanh-6:tanh-10", digits, epochs=1, out=False, progress=False)
    named = lyapunov(run, "test").arrays["exponent"]
    assert len(named) == len(digits.test)
    np.testing.assert_array_equal(named, lyapunov(run, run.dataset.test).arrays["exponent"])
    given = (run.dataset.test.inputs, run.dataset.test.targets)
    np.testing.assert_array_equal(named, lyapunov(run, given).arrays["exponent"])
    # Five rows are another program, equal to rounding.
    np.testing.assert_allclose(named[:5], lyapunov(run, given[0][:5]).arrays["exponent"], rtol=1e-6)
    np.testing.assert_allclose(lyapunov(run, count=5).arrays["exponent"], named[:5], rtol=1e-6)


def test_pieces_of_a_few_points_are_as_good_as_all_at_once(monkeypatch):
    from snarc.see import _stretching

    _, seen = tanh_network("30-12-9-2", (30,), 2)
    x = np.random.default_rng(0).normal(size=(150, 30)).astype(np.float32)
    whole = lyapunov(seen, x).arrays
    monkeypatch.setattr(_stretching, "_NUMBERS", 30 * 9 * 64)
    parts = lyapunov(seen, x).arrays
    np.testing.assert_allclose(parts["exponent"], whole["exponent"], atol=1e-5)
    np.testing.assert_allclose(np.abs((parts["direction"] * whole["direction"]).sum(axis=1)), 1, atol=1e-4)


class Funnel(nnx.Module):
    """Stretches along the first input only, most where that is 0.3: the ridge and the boundary are that line."""

    def stages(self):
        return [lambda x: jnp.stack([jnp.tanh(3 * (x[:, 0] - 0.3)), 0.01 * x[:, 1]], axis=1), lambda x: x[:, :1]]

    def __call__(self, x):
        for one in self.stages():
            x = one(x)
        return x


@pytest.mark.parametrize("across", ["stretching", "curvature"])
def test_a_ridge_that_is_known(across):
    found = lyapunov(snarc.subject(Funnel(), input_shape=(2,), classes=1), layer=1, points=81, across=across, above=0.5)
    np.testing.assert_allclose(found.arrays["ridge"][:, 0], 0.3, atol=1e-3)
    np.testing.assert_allclose(found.arrays["boundary"][..., 0], 0.3, atol=1e-3)
    # The derivative there is 3, and at other places 3 / cosh^2.
    assert found.numbers["largest"] == pytest.approx(np.log(3), abs=1e-3)
    assert found.numbers["ridge_distance"] < 1e-3
    assert found.numbers["ridges_near"] == 1
    assert found.numbers["covered"] > 0.95


@pytest.mark.parametrize("layer", [None, 2, 5])
def test_a_convolutional_network_is_looked_at_through_its_layers(layer):
    """The derivative of what the next layer of weights gets, by reverse mode of JAX and NumPy's SVD."""
    body = build("lenet5", inputs=(16, 16, 1), outputs=3, seed=0)
    seen = snarc.subject(body, input_shape=(16, 16, 1), classes=3)
    x = np.random.default_rng(0).uniform(size=(3, 16, 16, 1)).astype(np.float32)
    found = lyapunov(seen, x, layer=layer)
    depth, paths = layer or 4, list(seen.received(x))
    assert found.numbers["layers"] == depth == (layer or len(paths) - 1)

    def there(v):
        return seen.logits(v[None]).ravel() if depth == 5 else seen.received(v[None])[paths[depth]].ravel()

    for one, exponent, direction in zip(x, found.arrays["exponent"], found.arrays["direction"]):
        jacobian = np.asarray(jax.jacrev(there)(one)).reshape(-1, 256)
        largest = np.linalg.svd(jacobian, compute_uv=False)[0]
        # Forty steps of power iteration stay a little below.
        assert exponent == pytest.approx(np.log(largest) / depth, abs=0.02)
        assert np.linalg.norm(jacobian @ direction) == pytest.approx(largest, rel=0.05)


@pytest.mark.parametrize("outputs", [2, 5])
def test_a_function_with_gradients_is_one_layer(outputs):
    w = np.random.default_rng(0).normal(size=(2, outputs)).astype(np.float32)
    seen = snarc.subject(lambda v: jnp.asarray(v) @ w, input_shape=(2,), classes=outputs)
    found = lyapunov(seen, points=10, spectrum=True)
    _, values, vectors = np.linalg.svd(w.T)
    assert found.numbers["layers"] == 1
    np.testing.assert_allclose(found.arrays["exponent"], np.log(values[0]), atol=1e-5)
    np.testing.assert_allclose(found.arrays["spectrum"], np.log(values)[None] * np.ones((100, 1)), atol=1e-4)
    np.testing.assert_allclose(np.abs(found.arrays["direction"] @ vectors[0]), 1, atol=1e-5)


def test_mistakes_are_refused():
    _, seen = tanh_network("2-4-2", (2,), 2)
    with pytest.raises(RecipeError, match="1 to 2"):
        lyapunov(seen, layer=3)
    _, wide = tanh_network("3-4-2", (3,), 2)
    with pytest.raises(DataError, match="no run and knows no data"):
        lyapunov(wide)
    with pytest.raises(RecipeError, match="curvature"):
        lyapunov(seen, across="curvatures")
    with pytest.raises(RecipeError, match="count=0"):
        lyapunov(seen, count=0)
    with pytest.raises(RecipeError, match="points=1"):
        lyapunov(seen, points=1)
    for box in ((1, -1, 0, 1), (-1, 1)):
        with pytest.raises(RecipeError, match="left < right"):
            lyapunov(seen, box=box)
    with pytest.raises(RecipeError, match="below 1"):
        lyapunov(seen, above=1.0)
    with pytest.raises(DataError, match="inputs of shape"):
        lyapunov(wide, np.zeros((2, 2)))
    plain = snarc.subject(nnx.Linear(2, 2, rngs=nnx.Rngs(0)), input_shape=(2,), classes=2)
    with pytest.raises(ModelError, match="layers one by one"):
        stages(plain)
    with pytest.raises(RecipeError, match="1 to 1"):
        lyapunov(plain, layer=2)
