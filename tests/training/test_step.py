"""One step of learning against hand calculation, finite differences and masking."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from snarc import keys
from snarc.layers.standardise import Standardise
from snarc.models.network import Network, build
from snarc.training import losses
from snarc.training import step as steps
from snarc.training.optimizers import Optimizer, direction, rates
from snarc.training.recipe import Recipe
from snarc.training.step import CORRECT, COUNT, LOSS, begin

step = jax.jit(steps.step, static_argnums=0)


def start(layout="4-5-3", optimizer="sgd", seed=0, **options):
    inputs, outputs = (4,), 3
    network = Network(Standardise(4), build(layout, inputs=inputs, outputs=outputs, seed=seed, options=options))
    of = Optimizer.of(Recipe(optimizer=optimizer))
    return begin(network, losses.cross_entropy, of, classification=True, precision="float32")


def batch(rng, n=6):
    return rng.normal(size=(n, 4)).astype(np.float32), rng.integers(0, 3, n).astype(np.int32)


def numpy_backpropagation(weights, x, y):
    """Mean cross-entropy of 4-5-3 with ReLU and its gradient, written out; float64."""
    (w1, b1), (w2, b2) = weights
    z1 = x @ w1 + b1
    a1 = np.maximum(z1, 0)
    z2 = a1 @ w2 + b2
    e = np.exp(z2 - z2.max(axis=1, keepdims=True))
    p = e / e.sum(axis=1, keepdims=True)
    loss = -np.log(p[np.arange(len(y)), y]).mean()
    d2 = (p - np.eye(3)[y]) / len(y)
    d1 = (d2 @ w2.T) * (z1 > 0)
    return loss, [(x.T @ d1, d1.sum(axis=0)), (a1.T @ d2, d2.sum(axis=0))]


def layers(weights):
    body = weights["body"]["layers"]
    return [tuple(np.asarray(body[k][n][...], np.float64) for n in ("kernel", "bias")) for k in (0, 1)]


def test_one_sgd_step_is_the_hand_calculation(rng):
    program, state = start()
    x, y = batch(rng)
    new, sums = step(program, state, x, y, np.ones(6, np.float32), jnp.float32(0.1))
    loss, gradient = numpy_backpropagation(layers(state.weights), x.astype(np.float64), y)
    assert float(sums[LOSS]) == pytest.approx(6 * loss, rel=1e-6)
    assert float(sums[COUNT]) == 6
    for (w, b), (dw, db), (w_new, b_new) in zip(layers(state.weights), gradient, layers(new.weights)):
        np.testing.assert_allclose(w_new, w - 0.1 * dw, rtol=1e-5, atol=1e-7)
        np.testing.assert_allclose(b_new, b - 0.1 * db, rtol=1e-5, atol=1e-7)


def test_masked_rows_count_for_nothing(rng):
    program, state = start()
    x, y = batch(rng)
    short, short_sums = step(program, state, x[:4], y[:4], np.ones(4, np.float32), jnp.float32(0.1))
    x[4:] = 1e3  # whatever stands in the padding
    padded, sums = step(program, state, x, y, np.array([1, 1, 1, 1, 0, 0], np.float32), jnp.float32(0.1))
    np.testing.assert_allclose(sums, short_sums, rtol=1e-6)
    for a, b in zip(jax.tree.leaves(padded.weights), jax.tree.leaves(short.weights)):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-7)


def test_correct_answers_are_counted(rng):
    program, state = start()
    x, y = batch(rng, 50)
    _, sums = step(program, state, x, y, np.ones(50, np.float32), jnp.float32(0.1))
    (w1, b1), (w2, b2) = layers(state.weights)
    answers = (np.maximum(x @ w1 + b1, 0) @ w2 + b2).argmax(axis=1)
    assert float(sums[CORRECT]) == np.sum(answers == y)


@pytest.mark.parametrize("activation", ["relu", "tanh", "logistic", "selu", "gelu", "softplus", "elu", "scaled-tanh"])
def test_gradient_equals_central_differences_in_float64(rng, activation):
    with jax.enable_x64(True):
        body = build("4-5-4-3", inputs=(4,), outputs=3, options={"activation": activation})
        graph, weights = nnx.split(body)
        weights = jax.tree.map(lambda w: jnp.asarray(w, jnp.float64), weights)
        x, y = jnp.asarray(rng.normal(size=(7, 4))), jnp.asarray(rng.integers(0, 3, 7))

        def loss(weights):
            return losses.cross_entropy(nnx.merge(graph, weights)(x), y).mean()

        gradient = jax.tree.leaves(jax.grad(loss)(weights))
        leaves, structure = jax.tree.flatten(weights)
        eps = 1e-5
        for k, leaf in enumerate(leaves):
            for index in np.ndindex(leaf.shape):
                up, down = list(leaves), list(leaves)
                up[k], down[k] = leaf.at[index].add(eps), leaf.at[index].add(-eps)
                slope = (loss(jax.tree.unflatten(structure, up)) - loss(jax.tree.unflatten(structure, down))) / (
                    2 * eps
                )
                assert float(gradient[k][index]) == pytest.approx(float(slope), rel=1e-6, abs=1e-9)


@pytest.mark.parametrize("dtype", [jnp.float32, jnp.bfloat16])
def test_losses_are_exact_for_huge_logits(dtype):
    logits = jnp.array([[1e4, -1e4]], dtype)
    value, gradient = jax.value_and_grad(lambda z: losses.cross_entropy(z, jnp.array([1])).sum())(logits)
    assert float(value) == pytest.approx(2 * float(logits[0, 0]))
    np.testing.assert_array_equal(np.asarray(gradient, np.float32), [[1, -1]])


def test_squared_error_to_classes_has_targets_of_plus_and_minus_one():
    found = losses.Loss("squared-error", classes=True)(jnp.array([[1.0, -1.0, 0.0]]), jnp.array([0]))
    assert float(found[0]) == pytest.approx(1 / 3)
    off = losses.Loss("squared-error", classes=True, values=(0.0, 2.0))(jnp.array([[1.0, -1.0, 0.0]]), jnp.array([0]))
    assert float(off[0]) == pytest.approx(2 / 3)


def test_weight_decay_is_decoupled(rng):
    of = Optimizer("adam", 0.9, 0.01, None)
    weights = {"w": jnp.ones((3, 2)), "b": jnp.ones(2)}
    update, _ = direction(of).update(jax.tree.map(jnp.zeros_like, weights), direction(of).init(weights), weights)
    np.testing.assert_allclose(update["w"], 0.01, rtol=1e-6)
    np.testing.assert_array_equal(update["b"], 0)


def test_clipping_bounds_the_global_norm():
    of = Optimizer("sgd", 0.0, 0.0, 1.0)
    gradient = {"a": jnp.full(4, 3.0), "b": jnp.full(4, 4.0)}
    update, _ = direction(of).update(gradient, direction(of).init(gradient), gradient)
    norm = np.sqrt(sum(float(jnp.sum(v**2)) for v in update.values()))
    assert norm == pytest.approx(1.0, rel=1e-6)


def test_schedules_at_their_named_points():
    def at(schedule, **more):
        return rates(Recipe(schedule=schedule, learning_rate=1.0, **more), 1000)

    assert at("constant") == pytest.approx(np.ones(1000))
    np.testing.assert_allclose(at("cosine")[[0, 500]], [1, 0.5], atol=1e-6)
    np.testing.assert_allclose(at("linear")[[0, 500]], [1, 0.5], atol=1e-6)
    np.testing.assert_allclose(at("exponential")[[0, 500]], [1, 0.1], rtol=1e-5)
    np.testing.assert_allclose(at("power")[[0, 100, 200]], [1, 1 / 2, 1 / 3], rtol=1e-5)
    one = at("1cycle")
    assert one[0] == pytest.approx(0.1, rel=1e-5)
    assert one.max() == pytest.approx(1)
    assert one.argmax() == 300
    assert one[-1] < 1e-3
    np.testing.assert_allclose(at("constant", warmup=0.1)[[0, 49, 99, 100]], [0.01, 0.5, 1, 1], rtol=1e-5)


def test_keys_depend_on_names_alone():
    few, many = keys.rngs(0), keys.rngs(0)
    keys.named(many, "extra").params()
    a, b = keys.named(few, "conv1").params(), keys.named(many, "conv1").params()
    assert jax.random.key_data(a).tolist() == jax.random.key_data(b).tolist()
    other = keys.named(few, "conv2").params()
    assert jax.random.key_data(a).tolist() != jax.random.key_data(other).tolist()


def test_shapes_are_checked_in_the_tests():
    """The import hook of conftest's options is at work: arrays that do not fit are refused by their annotation."""
    import jaxtyping

    with pytest.raises(jaxtyping.TypeCheckError):
        losses.cross_entropy(jnp.zeros((3, 2)), jnp.zeros(4, int))
