"""The exact parts of the experiments on how sure networks are, and that their checks can fail."""

import numpy as np
import pytest
from scipy.special import log_softmax

from snarc.experiments import best_temperature, digits_of_other_hands, growing_confidence, weather_forecaster
from snarc.reading import Estimate
from snarc.trust.calibration import brier_parts
from snarc.trust.scaling import temperature


def test_the_weather_keeps_its_word_and_the_bolder_does_not():
    said, rain = weather_forecaster.weather(0, 200_000)
    assert set(np.unique(said)) == set(weather_forecaster.STEPS)
    for step in weather_forecaster.STEPS:
        assert rain[said == step].mean() == pytest.approx(step, abs=0.03)
    bold = weather_forecaster.bolder(weather_forecaster.STEPS)
    odds = lambda p: p / (1 - p)  # noqa: E731
    np.testing.assert_allclose(odds(bold), odds(weather_forecaster.STEPS) ** 2)
    assert len(np.unique(bold)) == 19  # the same parts of the days
    honest, too_sure = brier_parts(said, rain), brier_parts(weather_forecaster.bolder(said), rain)
    assert too_sure.reliability > 50 * honest.reliability
    assert too_sure.resolution == pytest.approx(honest.resolution, abs=1e-12)


def test_the_interval_holds_the_honest_and_not_the_bold():
    said, rain = weather_forecaster.weather(1, 20_000)
    low, frequency, high, count = weather_forecaster.diagram(said, rain)
    assert count.sum() == 20_000
    assert ((low <= frequency) & (frequency <= high)).mean() > 0.7
    bold = weather_forecaster.bolder(weather_forecaster.STEPS)
    assert ((low <= bold) & (bold <= high)).mean() < 0.3


def test_the_grid_knows_nothing_of_newton():
    rng = np.random.default_rng(0)
    z = rng.normal(size=(2000, 4)) * 3
    p = np.exp(log_softmax(z / 1.8, axis=1))
    labels = (p.cumsum(axis=1) < rng.random((2000, 1))).sum(axis=1).clip(0, 3)
    found = temperature(z, labels)
    assert best_temperature.best_of_grid(z, labels) == pytest.approx(found, abs=1e-3)
    assert abs(best_temperature.slope(z, labels, 1 / found)) < 1e-10
    assert abs(best_temperature.slope(z, labels, 1 / (found + 0.01))) > 1e-5
    by_hand = -log_softmax(z, axis=1)[np.arange(2000), labels].mean()
    assert best_temperature.nll(z, labels) == pytest.approx(by_hand, abs=1e-12)


def test_straight_lines_and_others():
    x = np.arange(1.0, 9)
    assert growing_confidence.squared_correlation(x, 3 - 2 * x) == pytest.approx(1)
    assert growing_confidence.squared_correlation(np.log(x), np.exp(x)) < 0.6
    assert np.isnan(growing_confidence.squared_correlation(x[:2], x[:2]))


def test_three_ways_to_the_size_of_mnist():
    images = np.zeros((2, 16, 16, 1), np.float32)
    images[:, 2:14, 1:3] = 1  # a stroke at the left edge
    ways = digits_of_other_hands.in_three_ways(images)
    assert {name: made.shape for name, made in ways.items()} == dict.fromkeys(ways, (2, 28, 28, 1))
    framed, centred = ways[digits_of_other_hands.FRAMED][0, ..., 0], ways[digits_of_other_hands.CENTRED][0, ..., 0]
    assert not framed[:4].any()
    assert not framed[:, :4].any()
    columns = np.arange(28)
    assert framed.sum(axis=0) @ columns / framed.sum() < 9
    assert centred.sum(axis=0) @ columns / centred.sum() == pytest.approx(14, abs=0.5)
    assert (centred.any(axis=1)).sum() == 20


def test_an_estimate_goes_through_a_function_value_by_value():
    found = digits_of_other_hands.over(lambda v: 100 * (1 - v), Estimate.over([0.9, 0.8]))
    assert found.values == pytest.approx((10, 20))
