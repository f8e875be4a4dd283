"""The hand-written backpropagation against the engine, scikit-learn, central differences and itself."""

import ast
import io
import itertools
import tokenize
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx
from sklearn.neural_network import MLPClassifier, MLPRegressor

import snarc
from snarc import reference
from snarc.errors import DataError, ModelError
from snarc.experiments import _differences
from snarc.layers.activations import ACTIVATIONS
from snarc.layers.standardise import Standardise
from snarc.models.network import Network, build
from snarc.training import losses, step
from snarc.training.optimizers import Optimizer
from snarc.training.recipe import Recipe

# The engine's, but those that do not slope and softmax, which is no function of one number.
SMOOTH = sorted(set(ACTIVATIONS) - {"sign", "step", "softmax"})
LOSSES = {"squared_error": losses.squared_error, "cross_entropy": losses.cross_entropy}


def problem(loss, rng, examples=7):
    """Inputs, targets as the engine takes them, and targets as the reference takes them."""
    x = rng.normal(size=(examples, 4))
    if loss == "squared_error":
        d = rng.normal(size=(examples, 3))
        return x, d, d
    labels = rng.integers(0, 3, examples)
    return x, labels, np.eye(3)[labels]


def test_it_is_under_a_hundred_lines_of_code():
    text = Path(reference.__file__).read_text(encoding="utf-8")
    prose = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Module | ast.FunctionDef | ast.ClassDef) and ast.get_docstring(node):
            prose.update(range(node.body[0].lineno, node.body[0].end_lineno + 1))
    skipped = (tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER)
    code = set()
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type not in skipped:
            code.update(range(token.start[0], token.end[0] + 1))
    assert len(code - prose) < 100


def test_it_is_a_room_of_its_own():
    assert snarc.reference is reference
    assert set(reference.ACTIVATIONS) == set(SMOOTH)


@pytest.mark.parametrize("name", SMOOTH)
def test_activations_and_slopes_are_those_of_jax(name):
    z = np.concatenate([np.linspace(-8, 8, 401), [-700.0, -40.0, 40.0, 700.0]])
    if name == "saturated-linear":
        z = np.setdiff1d(z, [0.0, 1.0])  # at its kinks JAX takes the mean of both slopes
    f, slope = reference.ACTIVATIONS[name]
    with jax.enable_x64(True):
        wanted = np.asarray(ACTIVATIONS[name](jnp.asarray(z)))
        wanted_slope = np.asarray(jax.vmap(jax.grad(ACTIVATIONS[name]))(jnp.asarray(z)))
    np.testing.assert_allclose(f(z), wanted, rtol=1e-12, atol=1e-14)
    np.testing.assert_allclose(slope(z), wanted_slope, rtol=1e-12, atol=1e-14)
    single = z.astype(np.float32)
    assert f(single).dtype == slope(single).dtype == np.float32


@pytest.mark.parametrize("loss", LOSSES)
def test_losses_and_slopes_are_those_of_jax(loss, rng):
    _, targets, d = problem(loss, rng)
    y = 5 * rng.normal(size=(7, 3))
    with jax.enable_x64(True):
        wanted, slope = jax.value_and_grad(lambda y: LOSSES[loss](y, jnp.asarray(targets)).mean())(jnp.asarray(y))
    found = getattr(reference, loss)(y, d)
    np.testing.assert_allclose(found[0], wanted, rtol=1e-13)
    np.testing.assert_allclose(found[1], slope, rtol=1e-12, atol=1e-16)


def test_cross_entropy_is_exact_for_huge_logits():
    error, slope = reference.cross_entropy(np.array([[1e4, -1e4]]), np.array([[0.0, 1.0]]))
    assert error == 2e4
    assert slope.tolist() == [[1.0, -1.0]]


@pytest.mark.parametrize(("activation", "loss"), list(zip(SMOOTH, itertools.cycle(LOSSES))))
def test_a_step_of_the_engine_is_a_step_by_hand(activation, loss, rng):
    """The training step that every run uses, in float64, with a batch that is padded."""
    x, targets, d = problem(loss, rng)
    with jax.enable_x64(True):
        body = build("4-6-5-3", inputs=(4,), outputs=3, options={"activation": activation})
        of = Optimizer.of(Recipe(optimizer="sgd"))
        program, state = step.begin(
            Network(Standardise(4), body), LOSSES[loss], of, classification=loss == "cross_entropy", precision="float32"
        )
        state = jax.tree.map(lambda w: jnp.asarray(w, jnp.float64) if w.dtype == jnp.float32 else w, state)
        noise = [rng.normal(size=w.shape) for w in jax.tree.leaves(state.weights)]  # biases other than 0
        leaves, structure = jax.tree.flatten(state.weights)
        state = state._replace(weights=jax.tree.unflatten(structure, [w + 0.3 * n for w, n in zip(leaves, noise)]))
        net = by_hand(state.weights, activation)
        padded = [np.concatenate([a, a[:2]]) for a in (x, targets)]
        mask = np.array([1.0] * 7 + [0.0] * 2)
        new, sums = step.step(program, state, *map(jnp.asarray, padded), jnp.asarray(mask), jnp.float64(0.3))
        after = by_hand(new.weights, activation)
    error = reference.step(net, x, d, getattr(reference, loss), rate=0.3)
    assert float(sums[step.LOSS]) / 7 == pytest.approx(error, rel=1e-6)  # the sums are float32
    for layer, wanted in zip(net, after):
        assert wanted.weights.dtype == np.float64
        np.testing.assert_allclose(layer.weights, wanted.weights, rtol=1e-12, atol=1e-13)
        np.testing.assert_allclose(layer.biases, wanted.biases, rtol=1e-12, atol=1e-13)


def by_hand(weights, activation):
    found = weights["body"]["layers"]
    names = [activation, activation, "identity"]
    arrays = [[np.array(found[k][n][...]) for n in ("kernel", "bias")] for k in range(3)]
    return [reference.Layer(w, b, name) for (w, b), name in zip(arrays, names)]


@pytest.mark.parametrize("activation", SMOOTH)
def test_the_gradient_of_the_engine_is_the_gradient_by_hand(activation, rng):
    """Also with an activation at the outputs, and the slope by the inputs."""
    x, targets, d = problem("squared_error", rng)
    with jax.enable_x64(True):
        body = build("4-6-5-3", inputs=(4,), outputs=3, options={"activation": activation, "output": activation})
        graph, weights = nnx.split(body)
        weights = jax.tree.map(lambda w: jnp.asarray(w, jnp.float64), weights)

        def error(weights, x):
            return losses.squared_error(nnx.merge(graph, weights)(x), jnp.asarray(targets)).mean()

        wanted, by_inputs = jax.grad(error, (0, 1))(weights, jnp.asarray(x))
        net = by_hand({"body": weights}, activation)
        wanted = by_hand({"body": wanted}, activation)
    net[-1].activation = activation
    zs, ys = reference.forward(net, x)
    gradients, slope = reference.backward(net, zs, ys, reference.squared_error(ys[-1], d)[1])
    np.testing.assert_allclose(slope, by_inputs, rtol=1e-11, atol=1e-14)
    for (dw, db), layer in zip(gradients, wanted):
        np.testing.assert_allclose(dw, layer.weights, rtol=1e-11, atol=1e-14)
        np.testing.assert_allclose(db, layer.biases, rtol=1e-11, atol=1e-14)


@pytest.mark.parametrize("activation", ["tanh", "relu", "logistic"])
def test_a_step_of_scikit_learn_is_a_step_by_hand(activation, rng):
    x = rng.normal(size=(20, 4))
    options = {"hidden_layer_sizes": (6, 5), "activation": activation, "solver": "sgd", "alpha": 0, "momentum": 0}
    options |= {"learning_rate_init": 0.3, "batch_size": 20, "shuffle": False, "random_state": 0}
    labels = np.arange(20) % 3
    names = [activation, activation, "identity"]
    for estimator, targets, d, loss, rate in (
        (MLPClassifier(**options), labels, np.eye(3)[labels], reference.cross_entropy, 0.3),
        (MLPRegressor(**options), x[:, :3] ** 2, x[:, :3] ** 2, reference.squared_error, 0.3 * 3 / 2),
    ):  # scikit-learn descends half the sum over the outputs of the squares, not their mean
        first = {"classes": range(3)} if loss is reference.cross_entropy else {}
        estimator.partial_fit(x, targets, **first)
        net = [
            reference.Layer(w.copy(), b.copy(), n) for w, b, n in zip(estimator.coefs_, estimator.intercepts_, names)
        ]
        estimator.partial_fit(x, targets)
        reference.step(net, x, d, loss, rate)
        for layer, w, b in zip(net, estimator.coefs_, estimator.intercepts_):
            np.testing.assert_allclose(layer.weights, w, rtol=1e-10, atol=1e-12)
            np.testing.assert_allclose(layer.biases, b, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("activation", SMOOTH)
def test_the_gradient_is_that_of_central_differences(activation, loss, rng):
    x, _, d = problem(loss, rng)
    net = reference.network("4-5-4-3", activation, seed=3)
    for layer in net:
        layer.biases += 0.5 * rng.normal(size=layer.biases.shape)
    found = _differences.gradient(net, x, d, getattr(reference, loss))
    wanted = _differences.central(net, x, d, getattr(reference, loss))
    for one, other in zip(found, wanted):
        np.testing.assert_allclose(one, other, rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize("activation", SMOOTH)
def test_the_graph_is_the_same_network(activation, rng):
    net = reference.network("4-6-5-3", activation, output="tanh")
    for layer in net:
        layer.biases += 0.5 * rng.normal(size=layer.biases.shape)
    units = reference.graph(net)
    x, _, d = problem("squared_error", rng, examples=1)
    zs, ys = reference.forward(net, x)
    slope = reference.squared_error(ys[-1], d)[1]
    gradients, by_inputs = reference.backward(net, zs, ys, slope)
    unit_zs, unit_ys = reference.graph_forward(units, x[0])
    np.testing.assert_allclose(unit_zs, np.concatenate([z[0] for z in zs]), rtol=1e-13)
    np.testing.assert_allclose(unit_ys, np.concatenate([y[0] for y in ys]), rtol=1e-13)
    found, dys = reference.graph_backward(units, unit_zs, unit_ys, slope[0])
    np.testing.assert_allclose(dys, by_inputs[0], rtol=1e-12)
    flat = [(dw[:, k], db[k]) for dw, db in gradients for k in range(len(db))]
    assert len(found) == len(flat)
    for (dws, dz), (column, bias) in zip(found, flat):
        np.testing.assert_allclose(dws, column, rtol=1e-12)
        np.testing.assert_allclose(dz, bias, rtol=1e-12)


def test_the_graph_need_not_be_layered(rng):
    """An edge that skips a layer, and a second edge between two units; against the derivative by hand."""
    units = [
        reference.Unit([(0, 0.7)], 0.1, "tanh"),
        reference.Unit([(0, -0.4), (1, 0.9), (1, 0.5)], -0.2, "logistic"),
    ]
    zs, ys = reference.graph_forward(units, np.array([0.3]))
    h = np.tanh(0.7 * 0.3 + 0.1)
    y = 1 / (1 + np.exp(0.4 * 0.3 - 1.4 * h + 0.2))
    assert ys[1:] == pytest.approx([h, y], rel=1e-14)
    gradients, by_input = reference.graph_backward(units, zs, ys, np.array([1.0]))
    dz = y * (1 - y)
    dh = 1.4 * dz * (1 - h**2)
    assert gradients[1][0] == pytest.approx([0.3 * dz, h * dz, h * dz], rel=1e-13)
    assert gradients[0] == (pytest.approx([0.3 * dh]), pytest.approx(dh))
    assert by_input == pytest.approx([-0.4 * dz + 0.7 * dh], rel=1e-13)


def test_the_cost_is_counted(rng):
    net = reference.network("4-6-5-3")
    units = reference.graph(net)
    edges = 4 * 6 + 6 * 5 + 5 * 3
    x, _, d = problem("squared_error", rng)
    zs, ys = reference.forward(net, x)
    assert sum(layer.multiplications for layer in net) == 7 * edges
    reference.backward(net, zs, ys, d)
    assert sum(layer.multiplications for layer in net) == 3 * 7 * edges
    reference.graph_backward(units, *reference.graph_forward(units, x[0]), d[0])
    assert sum(unit.visits for unit in units) == 2 * edges


def test_networks_side_by_side_learn_as_each_alone(rng):
    alone = [reference.network("4-5-3", seed=seed) for seed in range(4)]
    layers = [
        reference.Layer(np.stack([n.weights for n in one]), np.stack([n.biases for n in one]), one[0].activation)
        for one in zip(*alone)
    ]
    x, _, d = problem("cross_entropy", rng)
    for _ in range(3):
        errors = reference.step(layers, x, d, reference.cross_entropy, rate=0.2)
        wanted = [reference.step(net, x, d, reference.cross_entropy, rate=0.2) for net in alone]
        np.testing.assert_allclose(errors, wanted, rtol=1e-12)
    for k, net in enumerate(alone):
        for layer, one in zip(layers, net):
            np.testing.assert_allclose(layer.weights[k], one.weights, rtol=1e-12)
            np.testing.assert_allclose(layer.biases[k], one.biases, rtol=1e-12)
    assert sum(layer.multiplications for layer in layers) == 4 * sum(layer.multiplications for layer in alone[0])


def test_single_precision_stays_single(rng):
    net = reference.network("4-5-3", "relu")
    for layer in net:
        layer.weights, layer.biases = layer.weights.astype(np.float32), layer.biases.astype(np.float32)
    x, _, d = problem("cross_entropy", rng)
    error = reference.step(net, x.astype(np.float32), d.astype(np.float32), reference.cross_entropy, rate=0.1)
    assert error.dtype == net[0].weights.dtype == np.float32


@pytest.mark.parametrize("layout", ["", "4", "4-0-3", "4--3", "4-x-3", "-4-3", "4-3-", "4-3.5-1", "4- 3"])
def test_a_layout_that_is_none_is_refused(layout):
    with pytest.raises(ModelError, match="784-30-10"):
        reference.network(layout)


def test_an_unknown_activation_is_refused():
    with pytest.raises(ModelError, match="leaky-relu"):
        reference.network("4-3-2", activation="leaky-rel")
    with pytest.raises(ModelError, match="wanted"):
        reference.network("4-3-2", output="step")


@pytest.mark.parametrize("x", [np.zeros(4), np.zeros((7, 3)), 1.0])
def test_examples_of_another_shape_are_refused(x):
    with pytest.raises(DataError, match=r"\(N, inputs\)"):
        reference.forward(reference.network("4-3"), x)
