"""Bringing a network of one's own: what is checked before any instrument looks at it."""

import json
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

import snarc
from snarc.errors import DataError, ModelError
from snarc.models.inside import edited

W = np.random.default_rng(0).normal(size=(4, 3)).astype(np.float32)


def test_a_function_of_jax_has_gradients():
    seen = snarc.subject(lambda x: jnp.asarray(x) @ W, input_shape=(4,), classes=3)
    assert seen.differentiable
    np.testing.assert_allclose(seen.jacobian(jnp.ones((2, 4))), np.broadcast_to(W.T, (2, 3, 4)), rtol=1e-6)


def test_layers_are_seen_however_they_are_called():
    """By position, by name, and with nothing at all, as a parameter that is asked for its value."""

    class Shift(nnx.Module):
        def __init__(self):
            self.value = nnx.Param(jnp.ones(4))

        def __call__(self):
            return self.value[...]

    class Net(nnx.Module):
        def __init__(self):
            self.shift = Shift()
            self.first = nnx.Linear(4, 5, rngs=nnx.Rngs(0))
            self.last = nnx.Linear(5, 3, rngs=nnx.Rngs(1))

        def __call__(self, x):
            return self.last(jnp.tanh(self.first(inputs=x + self.shift())))

    seen = snarc.subject(Net(), input_shape=(4,), classes=3)
    x = np.random.default_rng(1).normal(size=(2, 4)).astype(np.float32)
    found = seen.received(x)
    assert list(found) == ["first", "last"]
    np.testing.assert_allclose(found["first"], x + 1, rtol=1e-6)
    silent = seen.edited({"first": lambda a: 0 * a}, inputs=True).logits(x)
    np.testing.assert_allclose(silent[0], silent[1], rtol=1e-6)


def test_a_function_of_numpy_can_only_be_called():
    seen = snarc.subject(lambda x: np.asarray(x).astype(np.float64) @ W, input_shape=(4,), classes=3, name="mine")
    assert not seen.differentiable
    np.testing.assert_allclose(seen.probabilities(np.ones((1, 4), np.float32)).sum(), 1, rtol=1e-6)
    with pytest.raises(ModelError, match=r"a Jacobian needs gradients, and mine"):
        seen.jacobian(np.ones((1, 4), np.float32))
    with pytest.raises(ModelError, match="plain function"):
        seen.activations(np.ones((1, 4), np.float32))


def test_probabilities_become_logits():
    def probabilities(x):
        e = np.exp(np.asarray(x) @ W)
        return e / e.sum(-1, keepdims=True)

    seen = snarc.subject(probabilities, input_shape=(4,), classes=3, outputs="probabilities")
    x = np.random.default_rng(1).normal(size=(5, 4)).astype(np.float32)
    np.testing.assert_allclose(seen.probabilities(x), probabilities(x), rtol=1e-5)


@pytest.mark.parametrize(
    ("function", "classes", "says"),
    [
        (lambda x: np.asarray(x) @ W, 4, r"returns \(2, 3\) for two examples.*\(2, 4\)"),
        (lambda x: (np.asarray(x) @ W)[0], 3, r"returns \(3,\)"),
        (lambda x: np.asarray(x) @ W.T, 3, "cannot be called with inputs of shape"),
    ],
)
def test_what_does_not_fit_is_refused_at_once(function, classes, says):
    with pytest.raises(ModelError, match=says):
        snarc.subject(function, input_shape=(4,), classes=classes)


def test_inputs_are_held_to_their_range():
    seen = snarc.subject(lambda x: jnp.asarray(x) @ W, input_shape=(4,), classes=3, range=(0, 1))
    np.testing.assert_allclose(seen.example(np.full((1, 4), 255, np.uint8)), 1)
    with pytest.raises(DataError, match="from 0 to 255"):
        seen.example(np.full((1, 4), 255.0) * [0, 1, 1, 1])
    with pytest.raises(DataError, match="inputs of shape"):
        seen.example(np.zeros((1, 5)))


@pytest.mark.parametrize("kind", [np.uint8, np.float32])
def test_a_run_knows_the_range_of_its_inputs(digits, tmp_path, kind):
    """Pixels enter as 0 to 1, the bundled digits are said to lie there, and other numbers have no bound."""
    x = (255 * digits.train.inputs).astype(kind)
    run = snarc.fit("linear", (x, digits.train.targets), epochs=1, out=tmp_path / "own", progress=False)
    stored = run.dataset.test.inputs
    assert run.subject().range == run.dataset.range == ((0.0, 1.0) if kind is np.uint8 else None)
    assert snarc.open(tmp_path / "own", data=run.dataset).subject().range == run.dataset.range
    np.testing.assert_allclose(
        run.subject().logits(stored[:9]), run.subject().logits(run.subject().example(stored[:9])), atol=1e-5
    )
    bundled = snarc.fit("linear", "digits", epochs=1, out=tmp_path / "digits", progress=False)
    assert bundled.subject().range == snarc.open(tmp_path / "digits").subject().range == (0.0, 1.0)


def test_a_folder_that_does_not_tell_the_range_has_that_of_pixels(digits, tmp_path):
    x = (255 * digits.train.inputs).astype(np.uint8)
    run = snarc.fit("linear", (x, digits.train.targets), epochs=1, out=tmp_path / "run", progress=False)
    about = json.loads((run.path / "dataset.json").read_text())
    about.pop("range")
    (run.path / "dataset.json").write_text(json.dumps(about))
    assert snarc.open(run.path).subject().range == (0.0, 1.0)


def test_the_jacobian_of_a_run_equals_differences(digits):
    run = snarc.fit("64-8:tanh-10", "digits", epochs=1, out=False, progress=False)
    seen = run.subject()
    x = np.asarray(seen.example(run.dataset.test.inputs[:2]))
    found = np.asarray(seen.jacobian(x)).reshape(2, 10, -1)
    h = 1e-2
    for k in (0, 21, 63):
        step = np.zeros(64, np.float32)
        step[k] = h
        step = step.reshape(x.shape[1:])
        wanted = (np.asarray(seen.logits(x + step)) - np.asarray(seen.logits(x - step))) / (2 * h)
        np.testing.assert_allclose(found[:, :, k], wanted, atol=2e-3)


def test_a_layer_can_be_given_other_outputs(digits):
    run = snarc.fit("64-8:tanh-10", "digits", epochs=1, out=False, progress=False)
    seen = run.subject()
    x = seen.example(run.dataset.test.inputs[:5])
    first, last = "body.layers.0", "body.layers.1"
    hidden, kernel = seen.received(x)[last], seen.parameters()[last + ".kernel"]
    assert list(seen.received(x)) == [first, last]
    np.testing.assert_allclose(hidden, np.tanh(seen.activations(x)[first]), atol=1e-6)
    kept = np.arange(8) != 3
    wanted = np.asarray(seen.logits(x)) - np.outer(hidden[:, 3], kernel[3])

    @partial(jax.jit, static_argnums=(0, 1))
    def after(path, inputs, x, kept):
        return seen.edited({path: lambda a: a * kept}, inputs=inputs).logits(x)

    for path, inputs in ((first, False), (last, True)):
        np.testing.assert_allclose(after(path, inputs, x, kept), wanted, atol=1e-5)
        np.testing.assert_allclose(after(path, inputs, x, np.ones(8)), seen.logits(x), atol=1e-6)
    slope = jax.grad(lambda d: seen.edited({last: lambda a: a + d}, inputs=True).logits(x)[0, 2])(jnp.zeros(8))
    np.testing.assert_allclose(slope, kernel[:, 2], atol=1e-6)
    with pytest.raises(ModelError, match=r"no layer 'body.layers.9'.*body.layers.0"):
        seen.edited({"body.layers.9": lambda a: a})


def test_what_trains_an_edited_network_leaves_the_other_as_it_is(digits):
    run = snarc.fit("64-8-10", "digits", epochs=1, out=False, progress=False)
    before = run.logits(digits.test.inputs[:5])
    copy = edited(run.networks[0].body, {"layers.0": lambda a: 2 * a})
    copy.layers[1].kernel[...] = jnp.zeros((8, 10))
    np.testing.assert_array_equal(run.logits(digits.test.inputs[:5]), before)
    snarc.fit(edited(run.networks[0].body, {}), "digits", epochs=1, out=False, progress=False)
    np.testing.assert_array_equal(run.logits(digits.test.inputs[:5]), before)
