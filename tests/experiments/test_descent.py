"""The exact parts of the experiments on backpropagation and descent, and that their checks can fail."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import snarc
from snarc import reference
from snarc.experiments import (
    _differences,
    backprop_check,
    backprop_cost,
    descent_batches,
    gradient_noise,
    momentum_bowl,
    network_by_hand,
    sum_over_paths,
    xor_surface,
)


def test_central_differences_leave_the_network_as_it_was_and_are_exact_for_squares(rng):
    net, x, d = reference.network("3-2", seed=1), rng.normal(size=(5, 3)), rng.normal(size=(5, 2))
    before = [array.copy() for array in _differences.arrays(net)]
    found = _differences.central(net, x, d, reference.squared_error, h=0.5)  # exact for a parabola, whatever the step
    off = x @ net[0].weights + net[0].biases - d
    np.testing.assert_allclose(found[0], 2 * x.T @ off / 10, rtol=1e-12)
    np.testing.assert_allclose(found[1], 2 * off.sum(axis=0) / 10, rtol=1e-12)
    for array, kept in zip(_differences.arrays(net), before):
        np.testing.assert_array_equal(array, kept)


def test_the_check_finds_one_wrong_weight_and_a_forgotten_slope():
    net, x, d, loss = backprop_check.random_network("tanh", 3)
    slopes = _differences.gradient(net, x, d, loss)
    wanted = _differences.central(net, x, d, loss)
    assert backprop_check.deviation(slopes, wanted) < 1e-8
    slopes[0][0, 0] += 1e-3 * max(np.abs(one).max() for one in wanted)
    assert backprop_check.deviation(slopes, wanted) == pytest.approx(1e-3, rel=1e-4)
    assert backprop_check.deviation(backprop_check.with_a_slip(net, x, d, loss), wanted) > 1e-3


def test_examples_at_a_kink_are_seen():
    net = [reference.Layer(np.eye(2), np.zeros(2), "saturated-linear")]
    x = np.array([[0.5, 0.5], [0.5, 1e-4], [0.9999, 0.5], [-3.0, 2.0]])
    assert backprop_check.smooth(net, x).tolist() == [True, False, False, True]


def test_the_cost_is_the_same_for_all_networks_and_a_dearer_one_would_show(monkeypatch):
    assert backprop_cost.counted(3) == {"forward": 1, "backward": 2, "graph": 2}
    backward = reference.backward

    def twice(*what):
        backward(*what)
        return backward(*what)

    monkeypatch.setattr(reference, "backward", twice)
    assert backprop_cost.counted(3)["backward"] == 4


def test_paths_are_all_there_and_their_sum_is_the_jacobian_of_jax():
    assert len(set(sum_over_paths.paths((3, 4, 3, 2)))) == 72
    net, x = sum_over_paths.random_network(5)

    def outputs(x):
        for layer in net:
            x = jnp.tanh(x @ layer.weights + layer.biases)
        return x

    with jax.enable_x64(True):
        wanted = np.asarray(jax.jacrev(outputs)(jnp.asarray(x[0]))).T
    np.testing.assert_allclose(sum_over_paths.by_paths(net, x)[0], wanted, rtol=1e-12)
    assert max(sum_over_paths.deviations(net, x)) < 1e-13


def test_the_hessian_of_xor_is_that_of_jax(rng):
    w = rng.normal(size=(2, 9))

    def error(w):
        hidden = jnp.tanh(xor_surface.X @ w[:4].reshape(2, 2) + w[4:6])
        return jnp.mean((jnp.tanh(hidden @ w[6:8, None] + w[8]) - xor_surface.D) ** 2)

    with jax.enable_x64(True):
        values, slopes = jax.vmap(jax.value_and_grad(error))(jnp.asarray(w))
        curvature = jax.vmap(jax.hessian(error))(jnp.asarray(w))
    np.testing.assert_allclose(xor_surface.gradient(w)[0], values, rtol=1e-13)
    np.testing.assert_allclose(xor_surface.gradient(w)[1], slopes, rtol=1e-11, atol=1e-14)
    np.testing.assert_allclose(xor_surface.hessian(w), curvature, rtol=1e-7, atol=1e-9)
    np.testing.assert_array_equal(xor_surface.pack(xor_surface.unpack(w)), w)


def test_a_start_has_learnt_only_with_all_four_signs():
    solves = np.array([[2.0, 2.0, 2.0, 2.0, 2.0, -2.0, 2.0, -2.0, -2.0]])  # OR and AND, and OR without AND
    assert xor_surface.right(xor_surface.unpack(solves)).tolist() == [True]
    assert xor_surface.right(xor_surface.unpack(-solves)).tolist() == [False]


def test_the_spread_of_gradients_is_that_of_single_examples(rng):
    net, x = reference.network("6-4-10", seed=2), rng.normal(size=(50, 6))
    d = np.eye(10)[rng.integers(0, 10, 50)]
    each = np.array(
        [
            np.concatenate([a.ravel() for a in _differences.gradient(net, x[[k]], d[[k]], reference.cross_entropy)])
            for k in range(50)
        ]
    )
    wanted = np.sqrt(np.sum(each.var(axis=0)))
    assert gradient_noise.spread(net, x, d) == pytest.approx(wanted, rel=1e-12)
    measured, _ = gradient_noise.deviations(net, x, d, [1, 16], [4000, 4000], rng)
    assert measured == pytest.approx([wanted, wanted / 4], rel=0.05)


def test_the_engine_walks_the_bowl_as_the_closed_form():
    """Along each axis the pair (w, dw) is multiplied by one matrix a step."""
    start = np.array([[1.0, -0.5]])
    path = momentum_bowl.walk(start, momentum_bowl.RATE, "momentum", momentum_bowl.MOMENTUM, 40)
    for axis, curvature in enumerate((momentum_bowl.LOW, momentum_bowl.HIGH)):
        pull, alpha = momentum_bowl.RATE * curvature, momentum_bowl.MOMENTUM
        matrix = np.array([[1 - pull, alpha], [-pull, alpha]])
        wanted = [(np.linalg.matrix_power(matrix, t) @ [start[0, axis], 0])[0] for t in range(41)]
        np.testing.assert_allclose(path[:, 0, axis], wanted, rtol=1e-9, atol=1e-14)
    plain = momentum_bowl.walk(start, momentum_bowl.DESCENT, "sgd", 0.0, 40)
    shrink = 1 - momentum_bowl.DESCENT * np.array([momentum_bowl.LOW, momentum_bowl.HIGH])
    np.testing.assert_allclose(plain[:, 0], start * shrink ** np.arange(41)[:, None], rtol=1e-11)


def test_steps_are_counted_to_the_last_time_above():
    path = np.array([1.0, 1e-7, 1e-3, 1e-5, 1e-7, 1e-8])[:, None, None]
    assert momentum_bowl.steps_to(path).tolist() == [4]
    with pytest.raises(ValueError, match="too short"):
        momentum_bowl.steps_to(path[:3])


def test_the_order_of_an_epoch_is_read_off_the_weights():
    first, second = descent_batches.orders(seed=7, epochs=2)
    for epoch, order in enumerate((first, second)):
        np.testing.assert_array_equal(
            order, snarc.keys.generator(7, "shuffle", epoch).permutation(descent_batches.EXAMPLES)
        )


def test_orders_that_are_not_even_are_found(monkeypatch):
    assert descent_batches.evenness(1200) > 0.001

    class Lazy:
        def __init__(self, epoch):
            self.rng = np.random.default_rng(epoch)

        def permutation(self, n):  # one swap of neighbours is not a shuffle
            order = np.arange(n)
            k = self.rng.integers(0, n - 1)
            order[[k, k + 1]] = order[[k + 1, k]]
            return order

    monkeypatch.setattr(descent_batches.keys, "generator", lambda seed, *names: Lazy(names[-1]))
    assert descent_batches.evenness(1200) < 1e-6


def test_the_network_by_hand_learns_digits(digits):
    log, accuracy = network_by_hand.learn(digits, epochs=8, seed=0)
    assert accuracy > 0.9
    assert [row[0] for row in log] == list(range(1, 9))
    assert all(a[1] < b[1] for a, b in itertools.pairwise(log))
    assert log[-1][2] < log[0][2] / 3
