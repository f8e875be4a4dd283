"""Shapes as networks: exact membership, the rate of the cover, and the smoothed shapes of the homework."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from snarc import keys
from snarc.errors import FormalError, LimitError
from snarc.formal import convex, cover, evaluate, half_space, polygon, regular_polygon, smooth, union


def test_half_space_is_one_neuron_and_its_own_and():
    region = convex(half_space((3, 4), -5))
    x = keys.generator(0, "x").uniform(-3, 3, (500, 2))
    np.testing.assert_array_equal(evaluate(region.network, x)[:, 0] == 1, x @ [0.6, 0.8] - 1 >= 0)


@given(st.integers(3, 12), st.floats(0.3, 1.2), st.floats(-0.2, 0.2))
@settings(max_examples=25, deadline=None)
def test_polygons_equal_the_winding_of_matplotlib(m, radius, shift):
    from matplotlib.path import Path

    shape = regular_polygon(m, radius, (shift, -shift))
    angles = np.pi / 2 + 2 * np.pi * np.arange(m) / m
    corners = radius * np.stack([np.cos(angles), np.sin(angles)], 1) + [shift, -shift]
    x = keys.generator(m, "polygon").uniform(-1.5, 1.5, (300, 2))
    expected = Path(corners).contains_points(x)
    clear = np.abs(x @ shape.normals.T + shape.offsets).min(1) > 1e-9
    found = evaluate(convex(shape).network, x)[:, 0]
    np.testing.assert_array_equal(found[clear], expected[clear])
    np.testing.assert_array_equal(polygon(corners[::-1])(x)[clear], expected[clear])


def test_unions_have_an_or_layer_and_count():
    left, right = regular_polygon(5, 0.5, (-0.6, 0)), regular_polygon(3, 0.5, (0.6, 0))
    region = union([left, right])
    assert region.network.computed == 5 + 3 + 2 + 1
    assert region.network.depth == 3
    x = keys.generator(0, "union").uniform(-1.5, 1.5, (2000, 2))
    np.testing.assert_array_equal(evaluate(region.network, x)[:, 0] == 1, left(x) | right(x))
    assert region.agreement() == 1


def test_a_cover_has_three_layers_and_equals_its_cubes():
    disc = cover("x^2 + y^2 <= 0.8", 16)
    assert disc.network.depth == 3
    assert disc.network.computed == disc.parts + 2 * 17 + 1
    assert disc.agreement(5000) == 1
    corners = np.array([[-1.0, -1.0], [1.0, 1.0], [0.0, 0.0], [0.125, 0.125], [5, 0]])  # grid lines and outside
    np.testing.assert_array_equal(evaluate(disc.network, corners)[:, 0] == 1, disc.covered(corners))


def test_the_error_of_the_cover_of_a_disc_falls_like_1_over_k():
    k = np.array([4, 8, 16, 32, 64, 128])
    errors = [cover("x^2 + y^2 <= 0.8", int(n)).error() for n in k]
    slope = np.polyfit(np.log(k), np.log(errors), 1)[0]
    assert abs(slope + 1) <= 0.15


def test_covers_in_one_and_three_dimensions():
    line = cover("x1 > 0.25", 8, ([0.0], [1.0]))
    assert line.error() == 0
    ball = cover("x^2 + y^2 + z^2 < 1", 16, ([-1.0] * 3, [1.0] * 3))
    assert ball.agreement(500) == 1
    assert ball.error() < 0.08
    # the volume of the ball, by its cubes
    assert ball.parts / 16**3 * 8 == pytest.approx(4 / 3 * np.pi, rel=0.02)


def test_an_empty_cover_never_fires():
    empty = cover(lambda x: np.zeros(len(x), bool), 4)
    assert empty.parts == 0
    assert not evaluate(empty.network, np.random.default_rng(0).uniform(-1, 1, (50, 2))).any()


@pytest.mark.parametrize(("corners", "steepness"), [(4, 60), (5, 60), (24, 120)])
def test_smoothed_polygons_overlap_by_99_percent(corners, steepness):
    assert smooth(convex(regular_polygon(corners)), steepness).overlap() >= 0.99


def test_smoothing_tends_to_the_steps():
    region = cover("abs(x) + abs(y) < 0.7", 12)
    overlaps = [smooth(region, s).overlap(20_000) for s in (20, 100, 500)]
    assert overlaps == sorted(overlaps)
    assert overlaps[-1] == pytest.approx(region.overlap(20_000), abs=0.01)


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: half_space((0, 0), 1), "without direction"),
        (lambda: half_space((np.nan, 0), 1), "without direction"),
        (lambda: polygon([(0, 0), (1, 0)]), "shape"),
        (lambda: polygon([(0, 0), (1, 0), (0.2, 0.2), (0, 1)]), "not convex"),
        (lambda: cover("x + y", 8), "is a number"),
        (lambda: cover("x + q < 1", 8), "character 5"),
        (lambda: cover("x < 1", 0), "resolution 0"),
        (lambda: cover("x < 1", 8, ((1, 1), (0, 0))), "lower < upper"),
        (lambda: cover("x < 1", 8, ((0, 0), (np.inf, 1))), "lower < upper"),
        (lambda: cover(lambda x: x, 8), "returns shape"),
        (lambda: smooth(convex(regular_polygon(3)), 0), "steepness 0"),
        (lambda: union([half_space((1,), 0), half_space((1, 0), 0)]), "dimensions"),
    ],
)
def test_bad_shapes(build, message):
    with pytest.raises(FormalError, match=message):
        build()


def test_a_resolution_that_needs_too_many_neurons_is_refused_before_work():
    with pytest.raises(LimitError, match=r"a cover with 160,000 cubes would need about 160,805 neurons.*limit=160805"):
        cover("x < 2", 400)
    assert cover("x < 2", 400, limit=200_000).parts == 160_000
    with pytest.raises(LimitError, match="resolution of 2000 or less"):
        cover("x < 2", 10**9)
