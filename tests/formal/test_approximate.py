"""Functions as networks: the bounds hold, the rates are those of the theory."""

from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from snarc.errors import FormalError, LimitError
from snarc.formal import (
    approximate,
    boxes,
    compute,
    fit,
    forward,
    greedy_ridges,
    open_set,
    random_layers,
    relu_network,
    ridges,
)

M = np.array([8, 16, 32, 64, 128])


def slope(errors):
    return np.polyfit(np.log(M), np.log(errors), 1)[0]


@pytest.mark.parametrize("method", ["relu", "staircase", "steps"])
@pytest.mark.parametrize("text", ["sin(6*x)", "x^2", "exp(x)*cos(5*x)", "abs(x - 0.3)", "tanh(20*(x-0.5))"])
def test_the_proved_bound_holds_and_the_wish_is_met(text, method):
    found = approximate(text, 0.05, method=method)
    x = np.linspace(0, 1, 20_001)
    measured = np.abs(found(x) - found.function(x)).max()
    assert measured <= found.bound <= 0.05
    assert found.error <= found.bound
    assert found.network.computed == found.units + 1


@given(st.integers(1, 40), st.sampled_from(["sin(6*x)", "sqrt(x)", "x^3 - x", "max(x, 1 - x)", "logistic(30*x-15)"]))
@settings(max_examples=30, deadline=None)
def test_bounds_hold_for_any_number_of_pieces(pieces, text):
    for method in ("relu", "staircase", "steps"):
        found = fit(text, pieces, method=method)
        assert found.error <= found.bound


def test_square_has_the_error_of_the_theorem():
    errors = [fit("x^2", int(m)).error for m in M]
    np.testing.assert_allclose(errors, 1 / (4 * M**2.0), rtol=0.01)
    assert slope(errors) == pytest.approx(-2, abs=0.02)
    np.testing.assert_allclose([fit("x^2", int(m)).bound for m in M], 1 / (4 * M**2.0), rtol=1e-6)
    found = fit("x^2", 100)
    assert np.abs(found(found.knots) - found.knots**2).max() <= 1e-12


@pytest.mark.parametrize("method", ["staircase", "steps"])
def test_staircases_converge_like_1_over_m(method):
    assert slope([fit("sin(6*x)", int(m), method=method).error for m in M]) == pytest.approx(-1, abs=0.1)


def test_pieces_crowd_where_they_are_needed():
    found = approximate("sqrt(x)", 0.01)
    assert found.units < 40
    assert found.knots[1] < 1e-3
    assert approximate("abs(x-1/3)", 1e-4).units < 30


def test_knots_are_exact_in_fractions():
    knots, values = [0, Fraction(1, 3), Fraction(1, 2), 2], [1, 0, Fraction(5, 7), -2]
    net = relu_network(knots, values, rational=True)
    assert [compute(net, (x,))[0] for x in knots] == values
    assert compute(net, (Fraction(1, 6),))[0] == Fraction(1, 2)
    assert compute(net, (-3,))[0] == 1


@given(st.lists(st.fractions(0, 10, max_denominator=12), min_size=2, max_size=8, unique=True))
def test_the_network_of_an_open_set_is_positive_exactly_there(ends):
    ends = sorted(ends)[: len(ends) // 2 * 2]
    pairs = list(zip(ends[::2], ends[1::2]))
    net = open_set(pairs)
    places = [*ends, *((a + b) / 2 for a, b in pairwise(ends)), Fraction(-1), Fraction(11)]
    for x in places:
        value = compute(net, (x,))[0]
        distance = max((min(x - a, b - x) for a, b in pairs if a < x < b), default=Fraction(0))
        assert value == distance


def test_python_functions_have_a_measured_error_and_no_bound():
    found = approximate(np.cos, 1e-3)
    assert found.bound is None
    assert found.error <= 1e-3


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: approximate("sin(6*x", 0.1), FormalError, "character 8"),
        (lambda: approximate("x + y", 0.1), FormalError, "character 5"),
        (lambda: approximate("x < 1", 0.1), FormalError, "true or false"),
        (lambda: approximate("1/x", 0.1), FormalError, "no finite bound"),
        (lambda: approximate("x", 0.0), FormalError, "epsilon"),
        (lambda: approximate("x", float("nan")), FormalError, "epsilon"),
        (lambda: approximate("x", 0.1, domain=(1, 0)), FormalError, "interval"),
        (lambda: approximate("x", 0.1, method="spline"), FormalError, "method"),
        (lambda: approximate("sin(6*x)", 1e-9, method="steps"), LimitError, "more than 100,000 hidden neurons"),
        (lambda: fit("log(x)", 4), FormalError, "not finite at x = 0"),
        (lambda: fit("x", 10**7), LimitError, "limit="),
        (lambda: fit("x", 0), FormalError, "0 pieces"),
        (lambda: relu_network([0, 0], [1, 1]), FormalError, "increasing"),
        (lambda: open_set([(0, 2), (1, 3)]), FormalError, "disjoint"),
        (lambda: boxes("log(x-0.5)", 4), FormalError, "not finite"),
        (lambda: boxes("x", 10**4), LimitError, "limit="),
        (lambda: ridges("x", 10**6), LimitError, "boxes"),
        (lambda: greedy_ridges("x", 80), FormalError, "symmetries"),
    ],
)
def test_bad_requests(call, error, message):
    with pytest.raises(error, match=message):
        call()


BUMP = "exp(-((x-0.5)^2 + (y-0.5)^2)/0.08)"


def test_boxes_of_two_hidden_layers():
    hard = boxes(BUMP, 20)
    assert hard.hidden == (42, 400)
    assert hard.network.depth == 3
    # a piecewise constant function is at best h / sqrt(12) times the root mean square slope away
    x = np.linspace(0, 1, 400)
    grid = np.stack(np.meshgrid(x, x), -1).reshape(-1, 2) - 0.5
    size = np.exp(-(grid**2).sum(1) / 0.08) * 2 / 0.08 * np.linalg.norm(grid, axis=1)
    assert hard.rmse == pytest.approx(np.sqrt(np.mean(size**2)) * 0.05 / np.sqrt(12), rel=0.02)
    assert boxes(BUMP, 20, steepness=2).rmse <= 0.02


def test_ridges_of_one_hidden_layer():
    found = ridges("sin(2*pi*x)*cos(2*pi*y)", 400, steepness=4)
    assert found.hidden == (400,)
    assert found.network.depth == 2
    assert found.sup <= 1e-2


def test_greedy_ridges_explain_a_square_better_than_random_ones():
    square = "max(abs(x), abs(y)) < 0.5"
    greedy = greedy_ridges(square, 248, side=50, candidates=1000)
    chance = ridges(square, 248, box=((-1, -1), (1, 1)), steepness=20)
    assert greedy.hidden == (248,)
    assert greedy.relative < 0.16 < chance.relative


def test_batch_equals_loop_through_a_random_deep_network():
    layers = random_layers((2, 30, 30, 30, 1), scale=5)
    x = np.random.default_rng(0).uniform(-1, 1, (200, 2))
    loop = np.stack([forward(layers, row[None])[0] for row in x])
    np.testing.assert_allclose(forward(layers, x), loop, rtol=0, atol=1e-12)


def test_the_small_network_of_the_lecture_by_hand():
    ((w, b, _),) = random_layers((3, 2))
    y = np.array([0.2, 0.4, -0.1])
    by_hand = [1 / (1 + np.exp(-(sum(w[i, j] * y[i] for i in range(3)) + b[j]))) for j in range(2)]
    np.testing.assert_allclose(forward(random_layers((3, 2)), y[None])[0], by_hand, atol=1e-14)
    assert np.abs(w).max() < 1
