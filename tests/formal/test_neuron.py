"""One neuron: activations against a complex step, geometry against NumPy, gates against their tables."""

from fractions import Fraction
from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from snarc.errors import FormalError
from snarc.formal import (
    ACTIVATIONS,
    Neuron,
    activation,
    complex_step,
    conjunction,
    disjunction,
    exact,
    negation,
    softmax,
    softmax_jacobian,
    steep,
)

rationals = st.fractions(min_value=-50, max_value=50, max_denominator=60)
GRID = np.setdiff1d(np.linspace(-6, 6, 241), [0.0, 1.0])  # kinks and jumps have no derivative


@pytest.mark.parametrize("g", [*ACTIVATIONS.values(), steep(0.5), steep(5.0)], ids=lambda g: g.name)
def test_derivatives_equal_the_complex_step(g):
    expected = complex_step(g.function, GRID)
    found = g.derivative(GRID)
    assert found.shape == GRID.shape
    assert np.abs(found - expected).max() <= 1e-10 * np.abs(expected).max() or g.name in ("step", "sign")
    smooth = expected != 0
    assert (np.abs(found - expected)[smooth] <= 1e-10 * np.abs(expected[smooth])).all()
    assert (found[~smooth] == 0).all()


def test_softmax_jacobian_equals_the_complex_step():
    x = np.array([0.3, -1.2, 2.0, 0.1])
    for j in range(4):
        moved = x.astype(complex)
        moved[j] += 1e-30j
        np.testing.assert_allclose(softmax_jacobian(x)[:, j], softmax(moved).imag / 1e-30, rtol=1e-10)


@pytest.mark.parametrize("name", ["logistic", "softplus", "elu", "selu", "tanh", "scaled-tanh"])
def test_activations_neither_overflow_nor_lose_the_tails(name):
    g = activation(name)
    values = np.concatenate([g(np.array([-1e4, 1e4])), g.derivative(np.array([-1e4, 1e4]))])
    assert np.isfinite(values).all()


def test_logistic_keeps_relative_precision_far_to_the_left():
    np.testing.assert_allclose(activation("logistic")(np.array(-50.0)), np.exp(-50.0), rtol=1e-14)


@given(rationals)
def test_exact_activations_equal_the_floating_ones(x):
    for g in ACTIVATIONS.values():
        if g.exact is not None:
            assert float(g.exact(x)) == pytest.approx(float(g(float(x))), abs=1e-12)


def test_unknown_activations_are_refused_with_the_nearest_name():
    with pytest.raises(FormalError, match="Did you mean 'relu'"):
        Neuron((1,), activation="rellu")
    with pytest.raises(FormalError, match="distance"):
        Neuron((1,), potential="distanse")


@pytest.mark.parametrize("n", range(1, 7))
def test_gates(n):
    for x in product((0, 1), repeat=n):
        assert conjunction(n)(x) == min(x)
        assert disjunction(n)(x) == max(x)
    assert [negation()((v,)) for v in (0, 1)] == [1, 0]


def test_sigmoid_and_is_within_a_thousandth_at_weight_20():
    w = 20
    neuron = Neuron((w, w), bias=-1.5 * w, activation="logistic")
    for x in product((0, 1), repeat=2):
        assert abs(neuron(x) - min(x)) <= 1e-3
    # and it is not so at a small weight, so that the bound says something
    assert abs(Neuron((5, 5), bias=-7.5, activation="logistic")((1, 1)) - 1) > 1e-3


def test_and_over_plus_minus_one_and_its_boundary():
    neuron = Neuron((1, 1), bias=-1, activation="sign")
    assert [neuron(x) for x in product((-1, 1), repeat=2)] == [-1, -1, -1, 1]
    skew = Neuron((2, Fraction(1, 2)), bias=-3)
    for x1 in (-1.0, 0.5, 4.0):
        assert skew.local_field((x1, skew.boundary(x1))) == pytest.approx(0, abs=1e-12)
    with pytest.raises(FormalError, match="w2 not 0"):
        Neuron((1, 0)).boundary(0)


@given(st.lists(st.floats(-5, 5), min_size=3, max_size=3), st.lists(st.floats(-5, 5), min_size=3, max_size=3))
def test_signed_distance_is_that_to_the_nearest_point_of_the_plane(w, x):
    w, x = np.array(w), np.array(x)
    if np.linalg.norm(w) < 1e-3:
        return
    neuron = Neuron(tuple(w), bias=0.7)
    distance = neuron.signed_distance(x)
    foot = x - distance * w / np.linalg.norm(w)
    assert abs(neuron.local_field(foot)) / np.linalg.norm(w) <= 1e-12 * max(
        1, np.abs(x).max() + 0.7 / np.linalg.norm(w)
    )


def test_distance_neurons_fire_in_a_closed_ball_exactly():
    ball = Neuron((3, 4), bias=5, potential="distance")
    assert ball((0, 0)) == 1  # on the sphere: sqrt(9 + 16) = 5
    assert ball((0, Fraction(-1, 10**9))) == 0
    assert ball((3, 4)) == 1
    assert ball.signed_distance((3, 4)) == 5
    assert ball.signed_distance((3, -4)) == pytest.approx(-3)
    assert Neuron((0, 0), bias=-1, potential="distance")((0, 0)) == 0


def test_distance_neurons_with_smooth_activations():
    assert Neuron((0.0,), bias=1.0, potential="distance", activation="logistic")((1.0,)) == pytest.approx(0.5)


def test_zero_weights_have_no_hyperplane():
    with pytest.raises(FormalError, match="all 0"):
        Neuron((0, 0)).signed_distance((1, 1))
    with pytest.raises(FormalError, match="3 inputs"):
        Neuron((1, 1))((1, 2, 3))


@pytest.mark.parametrize("bad", ["x", "1/0", float("nan"), float("inf"), None, "1e999999999", "1e-999999999", [1]])
def test_numbers_that_are_none(bad):
    with pytest.raises(FormalError, match="finite rational"):
        exact(bad)


def test_exact_numbers():
    assert exact(np.float64(0.5)) == Fraction(1, 2)
    assert isinstance(exact(Fraction(4, 2)), int)
    assert exact("1/3") + exact("2/3") == 1
