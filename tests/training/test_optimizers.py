"""Directions and penalties by hand, against Optax's own optimisers and against SciPy's."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
import scipy.optimize
from flax import nnx

import snarc
from snarc.errors import RecipeError
from snarc.layers.standardise import Standardise
from snarc.models.network import Network
from snarc.training.losses import Loss
from snarc.training.optimizers import Optimizer, direction
from snarc.training.recipe import Recipe
from snarc.training.step import LOSS, begin, step

SQUARED = Loss("squared-error", classes=False)
KERNEL, BIAS = np.array([[1.0, -2.0], [0.5, 0.0]]), np.array([3.0, -1.0])
GRADIENT = {"kernel": np.array([[0.3, -0.4], [0.0, 1.2]]), "bias": np.array([0.5, -2.0])}


def directions(gradients, **fields):
    """The directions for gradients one after another, in float64, at fixed weights."""
    weights = {"kernel": jnp.asarray(KERNEL), "bias": jnp.asarray(BIAS)}
    how = direction(Optimizer.of(Recipe(**fields)))
    memory, found = how.init(weights), []
    for gradient in gradients:
        change, memory = how.update(jax.tree.map(jnp.asarray, gradient), memory, weights)
        found.append(jax.tree.map(np.asarray, change))
    return found


def scalars(values, **fields):
    with jax.enable_x64(True):
        found = directions([{"kernel": np.full((2, 2), g), "bias": np.zeros(2)} for g in values], **fields)
    return [float(one["kernel"][0, 0]) for one in found]


# Squares that add up to squares, so that roots are plain numbers.
BY_HAND = [
    ({"optimizer": "sgd"}, [3, 4], [3, 4]),
    ({"optimizer": "momentum", "momentum": 0.5}, [3, 4, 0], [3, 5.5, 2.75]),
    ({"optimizer": "nesterov", "momentum": 0.5}, [3, 4, 0], [3 + 1.5, 4 + 0.5 * 5.5, 0.5 * 2.75]),
    ({"optimizer": "adagrad"}, [3, 4, 12], [3 / (3 + 1e-8), 4 / (5 + 1e-8), 12 / (13 + 1e-8)]),
    ({"optimizer": "adagrad", "epsilon": 2.0}, [3, 4, 12], [3 / 5, 4 / 7, 12 / 15]),
    ({"optimizer": "rmsprop", "rho": 0.75, "epsilon": 1.0}, [4, 2], [4 / (2 + 1), 2 / (2 + 1)]),
    (
        {"optimizer": "rmsprop-momentum", "rho": 0.75, "epsilon": 1.0, "momentum": 0.5},
        [4, 2],
        [4 / 3, 2 / 3 + 0.5 * 4 / 3],
    ),
    ({"optimizer": "rmsprop"}, [1], [1 / (np.sqrt(0.1) + 1e-8)]),
    ({"optimizer": "adam"}, [5, 5], [5 / (5 + 1e-8)] * 2),  # bias corrected: a constant gradient is its own mean
    (
        {"optimizer": "adam", "momentum": 0.5, "rho": 0.75, "epsilon": 1.0},
        [2, 0],
        [2 / 3, (0.5 * 1 / 0.75) / (np.sqrt(0.75 * 1 / 0.4375) + 1)],
    ),
    ({"optimizer": "adadelta"}, [2], [np.sqrt(1e-6) / np.sqrt(0.1 * 4 + 1e-6) * 2]),
]


@pytest.mark.parametrize(("fields", "gradients", "wanted"), BY_HAND)
def test_directions_by_hand(fields, gradients, wanted):
    np.testing.assert_allclose(scalars(gradients, **fields), wanted, rtol=1e-12)


PEERS = {
    "sgd": optax.sgd(1.0),
    "momentum": optax.sgd(1.0, momentum=0.9),
    "nesterov": optax.sgd(1.0, momentum=0.9, nesterov=True),
    "adam": optax.adam(1.0),
    "adamw": optax.adamw(1.0, weight_decay=0.01, mask=lambda w: {"kernel": True, "bias": False}),
    "rmsprop": optax.rmsprop(1.0, eps_in_sqrt=False),
    "rmsprop-momentum": optax.rmsprop(1.0, eps_in_sqrt=False, momentum=0.9),
    "adagrad": optax.adagrad(1.0, initial_accumulator_value=0.0, eps=1e-16),
    "adadelta": optax.adadelta(1.0),
}


@pytest.mark.parametrize("name", PEERS)
def test_a_hundred_steps_as_optax_packages_them(name, rng):
    gradients = [{"kernel": rng.normal(size=(2, 2)), "bias": rng.normal(size=2)} for _ in range(100)]
    with jax.enable_x64(True):
        found = directions(gradients, optimizer=name, weight_decay=0.01 if name == "adamw" else 0.0)
        weights = {"kernel": jnp.asarray(KERNEL), "bias": jnp.asarray(BIAS)}
        memory = PEERS[name].init(weights)
        for gradient, ours in zip(gradients, found):
            wanted, memory = PEERS[name].update(jax.tree.map(jnp.asarray, gradient), memory, weights)
            for part in weights:
                np.testing.assert_allclose(ours[part], -wanted[part], rtol=1e-7, atol=1e-14)


def test_every_optimizer_of_a_recipe_is_held_against_a_peer():
    names = set(Recipe.model_fields["optimizer"].annotation.__args__)
    assert names == set(PEERS) | {"lbfgs"}


def test_clipping_shortens_long_gradients_only():
    length = np.sqrt(sum((g**2).sum() for g in GRADIENT.values()))
    with jax.enable_x64(True):
        (short,) = directions([GRADIENT], optimizer="sgd", clip_norm=0.5)
        (same,) = directions([GRADIENT], optimizer="sgd", clip_norm=2 * float(length))
    for part, gradient in GRADIENT.items():
        np.testing.assert_allclose(short[part], gradient * 0.5 / length, rtol=1e-12)
        np.testing.assert_allclose(same[part], gradient, rtol=1e-12)


# Penalties and decay, in one exact step of the engine.


class Line(nnx.Module):
    """One kernel and one bias, of given values."""

    def __init__(self, kernel=KERNEL, bias=BIAS):
        self.kernel, self.bias = nnx.Param(jnp.asarray(kernel)), nnx.Param(jnp.asarray(bias))

    def __call__(self, x):
        return x @ self.kernel[...] + self.bias[...]


def one_step(rate=0.1, steps=1, **fields):
    """Kernel and bias after steps on one example whose loss has the gradient GRADIENT at the first."""
    with jax.enable_x64(True):
        network = Network(Standardise(1), Line())
        program, state = begin(
            network, SQUARED, Optimizer.of(Recipe(**fields)), classification=False, precision="float32"
        )
        # x = (1, 2), loss mean (z - t)^2 over both outputs: its gradient by z is z - t.
        x = np.array([[1.0, 2.0]])
        t = x @ KERNEL + BIAS - np.array([[0.5, -2.0]])
        for _ in range(steps):
            state, sums = step(program, state, jnp.asarray(x), jnp.asarray(t), jnp.ones(1), jnp.asarray(rate))
        leaves = jax.tree.leaves(state.weights)
        (kernel,) = [np.asarray(leaf) for leaf in leaves if leaf.shape == (2, 2)]
        (bias,) = [np.asarray(leaf) for leaf in leaves if leaf.shape == (2,)]
        return kernel, bias, float(sums[LOSS])


BY_X = np.outer([1.0, 2.0], [0.5, -2.0])  # gradient by the kernel
BY_B = np.array([0.5, -2.0])


def test_l2_adds_lambda_w_to_the_gradient_of_kernels_only():
    kernel, bias, _ = one_step(optimizer="sgd", l2=0.3)
    np.testing.assert_allclose(kernel, KERNEL - 0.1 * (BY_X + 0.3 * KERNEL), rtol=1e-12)
    np.testing.assert_allclose(bias, BIAS - 0.1 * BY_B, rtol=1e-12)


def test_l1_adds_the_sign_of_kernels_only():
    kernel, bias, _ = one_step(optimizer="sgd", l1=0.3)
    np.testing.assert_allclose(kernel, KERNEL - 0.1 * (BY_X + 0.3 * np.sign(KERNEL)), rtol=1e-12)
    np.testing.assert_allclose(bias, BIAS - 0.1 * BY_B, rtol=1e-12)


def test_the_loss_that_is_told_has_no_penalty():
    assert one_step(optimizer="sgd", l1=5.0, l2=5.0)[2] == pytest.approx(one_step(optimizer="sgd")[2], rel=1e-6)


def test_weight_decay_shrinks_kernels_by_rate_times_decay_beside_any_optimizer():
    for name in ("sgd", "momentum", "adam", "rmsprop", "adagrad"):
        kernel, bias, _ = one_step(optimizer=name, weight_decay=0.3)
        without, bias_without, _ = one_step(optimizer=name)
        np.testing.assert_allclose(kernel, without - 0.1 * 0.3 * KERNEL, rtol=1e-10, err_msg=name)
        np.testing.assert_array_equal(bias, bias_without)


def test_weight_decay_equals_l2_for_plain_descent_and_for_no_adaptive_optimizer():
    decay, l2 = (one_step(optimizer="sgd", steps=20, **{name: 0.3})[0] for name in ("weight_decay", "l2"))
    np.testing.assert_allclose(decay, l2, rtol=1e-12)
    # L2 inside Adam: the penalty's gradient is divided by the root of its own square, so decay no longer grows
    # with the weight. The first step is a sign, whatever lambda is.
    decay, l2 = (one_step(optimizer="adam", **{name: 0.3})[0] for name in ("weight_decay", "l2"))
    signs = np.sign(BY_X + 0.3 * KERNEL)
    np.testing.assert_allclose(l2, KERNEL - 0.1 * signs, rtol=1e-6)
    np.testing.assert_allclose(decay, KERNEL - 0.1 * (np.sign(BY_X) + 0.3 * KERNEL), rtol=1e-6)
    assert np.abs(decay - l2).max() > 0.01


# L-BFGS.


def test_lbfgs_finds_the_least_squares_solution(rng):
    x = rng.normal(size=(60, 3)) * [1, 5, 0.2]
    y = x @ [1.0, -2.0, 3.0] + 0.5 + 0.1 * rng.normal(size=60)
    run = snarc.fit(
        "linear", snarc.data.from_arrays(x, y, validation=0, test=20), optimizer="lbfgs", epochs=30, l2=0.0,
        out=False, progress=False,
    )  # fmt: skip
    train = run.dataset.train
    a = np.column_stack([train.inputs.astype(np.float64), np.ones(len(train))])
    wanted = a @ np.linalg.lstsq(a, train.targets[:, 0], rcond=None)[0]
    np.testing.assert_allclose(run.train.logits[0][:, 0], wanted, atol=2e-5)


def test_lbfgs_on_a_small_network_does_as_well_as_scipy(rng):
    x = np.linspace(-1, 1, 40)[:, None].astype(np.float32)
    y = np.sin(3 * x).astype(np.float32)
    network = Network(Standardise(1), snarc.models.network.build("1-6:tanh-1", inputs=(1,), outputs=1, seed=0))
    optimizer = Optimizer.of(Recipe(optimizer="lbfgs", l2=1e-3))
    with jax.enable_x64(True):
        program, state = begin(network, SQUARED, optimizer, classification=False, precision="float32")
        state = jax.tree.map(lambda a: a.astype(jnp.float64) if a.dtype == jnp.float32 else a, state)
        start, tree = jax.flatten_util.ravel_pytree(state.weights)

        def risk(flat):
            weights = tree(flat)
            net = nnx.merge(program.graph, weights, state.rest)
            return jnp.mean(jnp.square(net(jnp.asarray(x)) - y)) + optimizer.penalty(weights)

        both = jax.jit(jax.value_and_grad(risk))

        def scipy_from(w):
            return scipy.optimize.minimize(
                lambda w: tuple(np.asarray(v, np.float64) for v in both(w)), w, jac=True, method="L-BFGS-B",
                options={"maxiter": 2000, "maxfun": 5000, "gtol": 1e-9, "ftol": 1e-15},
            ).fun  # fmt: skip

        advance = jax.jit(step, static_argnums=0)
        for _ in range(400):
            state, _ = advance(program, state, x, y, np.ones(40), np.float64(1))
        end = jax.flatten_util.ravel_pytree(state.weights)[0]
        first, ours, peer, further = float(risk(start)), float(risk(end)), scipy_from(start), scipy_from(end)
    assert first > 10 * peer
    assert ours == pytest.approx(peer, rel=0.1)  # there are several minima, not far from each other
    assert ours == pytest.approx(further, rel=1e-3)  # and in its own SciPy finds nothing to improve


# Sample weights.


def test_an_example_of_weight_two_is_that_example_twice(rng):
    x, y = rng.normal(size=(30, 2)).astype(np.float32), rng.normal(size=(30, 1)).astype(np.float32)
    weight = np.where(np.arange(30) % 3 == 0, 2.0, 1.0)
    common = {"optimizer": "sgd", "learning_rate": 0.05, "epochs": 5, "out": False, "progress": False}
    common |= {"standardise": False}
    twice = np.repeat(np.arange(30), weight.astype(int))
    data, doubled = (regression(x, y), regression(x[twice], y[twice]))
    one = snarc.fit("linear", data, batch_size=30, sample_weight=weight, **common)
    two = snarc.fit("linear", doubled, batch_size=40, **common)
    np.testing.assert_allclose(one.logits(x), two.logits(x), rtol=1e-5, atol=1e-6)


def regression(x, y):
    every = snarc.data.Split(x, y)
    return snarc.data.Dataset("d", snarc.data.Task("regression", targets=("t",)), every, every, every)


# Refused before training.


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"optimizer": "adagard"}, "Did you mean 'adagrad'"),
        ({"optimiser": "adam"}, "Did you mean 'optimizer'"),
        ({"optimizer": "sgd", "rho": 0.9}, "rho"),
        ({"optimizer": "adagrad", "rho": 0.9}, "rho"),
        ({"optimizer": "momentum", "epsilon": 1e-8}, "epsilon"),
        ({"rho": 1.0}, "rho"),
        ({"epsilon": 0.0}, "epsilon"),
        ({"momentum": 1.0}, "momentum"),
        ({"learning_rate": 0.0}, "learning_rate"),
        ({"learning_rate": float("nan")}, "learning_rate"),
        ({"learning_rate": "0.1"}, "learning_rate"),
        ({"l2": -1.0}, "l2"),
        ({"l1": float("inf")}, "l1"),
        ({"weight_decay": -0.1}, "weight_decay"),
        ({"clip_norm": 0.0}, "clip_norm"),
        ({"epochs": -1}, "epochs"),
        ({"epochs": True}, "epochs"),
        ({"batch_size": 0}, "batch_size"),
        ({"seed": -1}, "seed"),
        ({"seed": 2**64}, "seed"),
        ({"loss": "hinges"}, "Did you mean 'hinge'"),
        ({"loss": "hinge", "label_smoothing": 0.1}, "no probabilities"),
        ({"label_smoothing": 1.0}, "label_smoothing"),
        ({"class_weight": {"a": -1.0}}, "class_weight"),
        ({"class_weight": {"a": "1"}}, "class_weight"),
        ({"class_weight": "balance"}, "balanced"),
        ({"class_targets": (0.0, 1.0)}, "squared-error"),
        ({"loss": "squared-error", "class_targets": (0.0,)}, "class_targets"),
        *(
            ({"optimizer": "lbfgs", **other}, next(iter(other)))
            for other in (
                {"augment": ("shift:1",)}, {"clip_norm": 1.0}, {"weight_decay": 0.1}, {"warmup": 0.1},
                {"schedule": "cosine"}, {"precision": "bfloat16"},
            )
        ),
    ],
)  # fmt: skip
def test_recipes_that_cannot_be(fields, says):
    with pytest.raises(RecipeError, match=says) as caught:
        Recipe(**fields)
    assert "\n" not in str(caught.value).strip()
    assert "Annotated" not in str(caught.value)
    assert "constrained" not in str(caught.value)


@pytest.mark.parametrize(
    ("model", "fields", "says"),
    [
        ({"hidden": 5, "output": "softmax"}, {}, "logits"),
        ({"hidden": 5, "output": "softmax"}, {"loss": "hinge"}, "logits"),
        ({"hidden": 5, "dropout": 1.0}, {}, "dropout"),
        ({"hidden": 5, "dropout": 0.5}, {"optimizer": "lbfgs"}, "dropout"),
        ({"hidden": 5}, {"optimizer": "lbfgs", "batch_size": 10}, "whole training split"),
        ({"hidden": 5}, {"class_weight": {"tow": 2.0}}, "Did you mean 'two'"),
        ({"hidden": 5}, {"sample_weight": -np.ones(24)}, "row 0"),
        ({"hidden": 5}, {"sample_weight": np.zeros(24)}, "all 0"),
        ({"hidden": 5}, {"sample_weight": np.full(24, np.nan)}, "row 0"),
        ({"hidden": 5}, {"sample_weight": np.ones(23)}, "one for each"),
        ({"hidden": 5}, {"sample_weight": ["a"] * 24}, "floats"),
    ],
)
def test_trainings_that_cannot_be(model, fields, says, rng):
    data = (rng.normal(size=(24, 2)), ["one", "two", "three"] * 8)
    with pytest.raises(snarc.errors.SnarcError, match=says):
        snarc.fit("mlp", data, model_options=model, out=False, progress=False, **fields)


def test_batch_norm_of_single_examples_is_refused(rng):
    class Normed(nnx.Module):
        def __init__(self, *, inputs, outputs, rngs):
            self.norm = nnx.BatchNorm(inputs[0], rngs=rngs)
            self.output = nnx.Linear(inputs[0], outputs, rngs=rngs)

        def __call__(self, x):
            return self.output(self.norm(x))

    data = (rng.normal(size=(24, 2)), ["one", "two"] * 12)
    with pytest.raises(RecipeError, match="at least 2"):
        snarc.fit(Normed, data, batch_size=1, out=False, progress=False)


def test_class_weights_are_for_classes(rng):
    with pytest.raises(RecipeError, match="sample weights"):
        snarc.fit(
            "linear", (rng.normal(size=(24, 2)), rng.normal(size=24)), class_weight="balanced", out=False,
            progress=False,
        )  # fmt: skip
