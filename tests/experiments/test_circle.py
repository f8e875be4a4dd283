"""What the experiments on the circle rest on."""

from __future__ import annotations

import numpy as np
import pytest

from snarc.experiments import _circle
from snarc.experiments import random_hidden_layers as random


def test_half_of_the_square_is_in_the_circle():
    x, y = _circle.points("train", 40_000)
    assert np.abs(x).max() <= _circle.HALF
    assert np.pi / (2 * _circle.HALF) ** 2 == pytest.approx(0.5)
    assert (y > 0).mean() == pytest.approx(0.5, abs=0.01)  # four standard errors
    assert ((np.hypot(*x.T) < 1) == (y[:, 0] > 0)).all()


def test_random_layers_without_biases_are_odd():
    x, _ = _circle.points("test", 200)
    without, biased = (random.hidden(20, 0, spread=spread) for spread in (0.0, 0.5))
    a, b = (random.features(without, sign * x)[:, :-1] for sign in (1, -1))
    np.testing.assert_allclose(a, -b, atol=1e-6)
    c, d = (random.features(biased, sign * x)[:, :-1] for sign in (1, -1))
    assert np.abs(c + d).max() > 0.1


def test_features_are_the_networks_own():
    body = random.hidden(7, 3)
    x, _ = _circle.points("test", 30)
    last = body.layers[2]
    wanted = random.features(body, x)[:, :-1] @ np.asarray(last.kernel[...]) + np.asarray(last.bias[...])
    np.testing.assert_allclose(body(x), wanted, atol=1e-5)


def test_least_squares_is_numpys():
    data = _circle.circle(800, 300)
    body = random.hidden(12, 1)
    h, y = random.features(body, data.train.inputs), data.train.targets[:, 0]
    weights = np.linalg.lstsq(h, y, rcond=None)[0]
    said = random.features(body, data.test.inputs) @ weights > 0
    wanted = np.mean(said != (data.test.targets[:, 0] > 0))
    assert random.least_squares(body, data) == pytest.approx(wanted, abs=0.01)
