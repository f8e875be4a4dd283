"""Learning rates at the steps where their formulas give plain numbers."""

import numpy as np
import pytest

from snarc.errors import RecipeError
from snarc.training.optimizers import rates
from snarc.training.recipe import Recipe

STEPS = 1_000  # ten epochs of a hundred steps


def factors(**fields):
    found = rates(Recipe(learning_rate=0.5, epochs=10, **fields), STEPS)
    assert found.dtype == np.float32
    assert found.shape == (STEPS,)
    return found / 0.5


@pytest.mark.parametrize(
    ("fields", "at"),
    [
        ({}, {0: 1, 999: 1}),
        ({"schedule": "linear"}, {0: 1, 250: 0.75, 500: 0.5, 900: 0.1}),
        ({"schedule": "cosine"}, {0: 1, 500: 0.5, 250: 0.5 + 0.25 * 2**0.5, 750: 0.5 - 0.25 * 2**0.5}),
        # eps0 / (1 + t/s): 1/2 at s, 1/3 at 2s
        ({"schedule": "power", "schedule_time": 2.0}, {0: 1, 200: 1 / 2, 400: 1 / 3, 800: 1 / 5}),
        ({"schedule": "power", "schedule_time": 20.0}, {500: 1 / 1.25}),
        ({"schedule": "power"}, {0: 1, 100: 1 / 2, 900: 1 / 10}),
        # eps0 x 0.1^(t/s): a tenth at s, a hundredth at 2s
        ({"schedule": "exponential", "schedule_time": 2.0}, {0: 1, 200: 0.1, 400: 0.01, 100: 0.1**0.5}),
        ({"schedule": "exponential"}, {0: 1, 500: 0.1, 250: 0.1**0.5}),
        (
            {"schedule": "piecewise", "schedule_points": ((5, 0.1), (7.5, 0.01))},
            {0: 1, 499: 1, 500: 0.1, 749: 0.1, 750: 0.01, 999: 0.01},
        ),
        ({"schedule": "piecewise", "schedule_points": ((0, 0.5), (9, 0))}, {0: 0.5, 899: 0.5, 900: 0}),
        # up from a tenth over 30 %, then down to a ten-thousandth, both along half a cosine
        ({"schedule": "1cycle"}, {0: 0.1, 150: 0.55, 300: 1, 650: 0.50005, 999: 1e-4}),
        # warm-up: its k-th step has k/n of the rate, and the schedule begins after it
        ({"warmup": 0.1}, {0: 0.01, 49: 0.5, 99: 1, 100: 1, 999: 1}),
        ({"warmup": 0.2, "schedule": "linear"}, {0: 1 / 200, 199: 1, 200: 1, 600: 0.5}),
        ({"warmup": 0.1, "schedule": "power", "schedule_time": 1.0}, {99: 1, 100: 1, 200: 1 / 2, 300: 1 / 3}),
        ({"warmup": 0.5, "schedule": "exponential", "schedule_time": 2.0}, {500: 1, 700: 0.1, 900: 0.01}),
    ],
)
def test_values(fields, at):
    found = factors(**fields)
    for step, wanted in at.items():
        assert found[step] == pytest.approx(wanted, rel=2e-6, abs=1e-5 if fields.get("schedule") == "1cycle" else 1e-12)


@pytest.mark.parametrize("schedule", ["cosine", "linear", "exponential", "power"])
def test_rates_fall(schedule):
    assert (np.diff(factors(schedule=schedule)) < 0).all()


def test_1cycle_rises_then_falls():
    found = factors(schedule="1cycle")
    assert found.argmax() == 300
    assert (np.diff(found[:301]) > 0).all()
    assert (np.diff(found[300:]) < 0).all()


@pytest.mark.parametrize("schedule", ["constant", "cosine", "linear", "exponential", "power", "1cycle"])
@pytest.mark.parametrize("steps", [1, 2, 3])
@pytest.mark.parametrize("warmup", [0.0, 0.9])
def test_short_runs_have_finite_rates(schedule, steps, warmup):
    found = rates(Recipe(schedule=schedule, warmup=warmup, epochs=1), steps)
    assert np.isfinite(found).all()
    assert (found >= 0).all()
    assert found[0] > 0


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"schedule": "piecewise"}, "pairs"),
        ({"schedule": "piecewise", "schedule_points": ()}, "pairs"),
        ({"schedule": "piecewise", "schedule_points": ((2, 0.1), (2, 0.01))}, "rising"),
        ({"schedule": "piecewise", "schedule_points": ((5, 0.1), (2, 0.01))}, "rising"),
        ({"schedule": "piecewise", "schedule_points": ((-1, 0.1),)}, "rising"),
        ({"schedule": "piecewise", "schedule_points": ((1, -0.1),)}, "schedule_points"),
        ({"schedule": "piecewise", "schedule_points": ((1, float("nan")),)}, "schedule_points"),
        ({"schedule": "piecewise", "schedule_points": ((1, 0.1, 3),)}, "schedule_points"),
        ({"schedule": "piecewise", "schedule_points": (1, 0.1)}, "schedule_points"),
        ({"schedule": "piecewise", "schedule_points": "1:0.1"}, "schedule_points"),
        ({"schedule_points": ((1, 0.1),)}, "piecewise"),
        ({"schedule_time": 1.0}, "power or exponential"),
        ({"schedule": "cosine", "schedule_time": 1.0}, "power or exponential"),
        ({"schedule": "power", "schedule_time": 0.0}, "schedule_time"),
        ({"schedule": "power", "schedule_time": -1.0}, "schedule_time"),
        ({"schedule": "cosin"}, "Did you mean 'cosine'"),
        ({"warmup": 1.0}, "warmup"),
        ({"warmup": -0.1}, "warmup"),
    ],
)
def test_refused(fields, says):
    with pytest.raises(RecipeError, match=says) as caught:
        Recipe(**fields)
    assert "\n" not in str(caught.value).strip()


def test_points_from_json_and_from_the_command_line():
    points = Recipe(schedule="piecewise", schedule_points=[[5, 0.1], [7, 1]]).schedule_points
    assert points == ((5.0, 0.1), (7.0, 1.0))
    text = Recipe.from_text({"schedule": "piecewise", "schedule_points": "[[5, 0.1], [7, 1]]"})
    assert Recipe(**text).schedule_points == points
