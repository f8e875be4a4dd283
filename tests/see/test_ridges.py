"""Ridges and contours against curves that are known."""

from __future__ import annotations

import numpy as np
import pytest

from snarc.see._contours import areas, boundaries, distances, length, margins
from snarc.see._ridges import ridges

X, Y = np.linspace(-1.6, 1.6, 161), np.linspace(-1.5, 1.5, 141)
AT = np.stack(np.meshgrid(X, Y), axis=-1)
RADIUS = np.linalg.norm(AT, axis=-1)


@pytest.mark.parametrize("across", [None, "radial"])
def test_the_ridge_of_a_ring_is_a_circle(across):
    direction = None if across is None else AT / np.maximum(RADIUS, 1e-9)[..., None]
    # Symmetrical about r = 1 in log r / r up to second order, so that a little blur moves the ridge by 1e-3 at most.
    found = ridges(X, Y, np.exp(-((RADIUS - 1) ** 2) / 0.08), direction)
    assert len(found) > 200
    assert np.abs(np.linalg.norm(found, axis=1) - 1).max() < 2e-3
    angles = np.sort(np.arctan2(*found.T))
    assert np.diff(angles).max() < 0.08  # without gaps


def test_a_straight_ridge_lies_between_the_points_of_the_grid():
    found = ridges(X, Y, -(np.abs(AT @ [0.6, 0.8] - 0.337) ** 2), above=0.5)
    assert len(found) > 50
    np.testing.assert_allclose(found @ [0.6, 0.8], 0.337, atol=1e-3)


def test_valleys_saddles_and_slopes_are_no_ridges():
    assert len(ridges(X, Y, (AT @ [0.6, 0.8]) ** 2, above=0.0)) == 0
    assert len(ridges(X, Y, AT[..., 0] + 0.3 * AT[..., 1], np.broadcast_to([1.0, 0.0], AT.shape), above=0.0)) == 0
    # Along x the saddle x y has no curvature.
    assert len(ridges(X, Y, AT.prod(axis=-1), np.broadcast_to([1.0, 0.0], AT.shape), above=0.0)) == 0


def test_length_areas_and_distances_of_two_discs_with_a_hole():
    field = np.maximum(0.6 - np.abs(RADIUS - 0.7), -1)  # an annulus from 0.1 to 1.3
    margin = margins(field[..., None])
    lines = boundaries(X, Y, margin)
    assert length(lines) == pytest.approx(2 * np.pi * (0.1 + 1.3), rel=2e-3)
    inside = areas(X, Y, margin)[1] * 3.2 * 3.0
    assert inside == pytest.approx(np.pi * (1.3**2 - 0.1**2), rel=2e-3)
    np.testing.assert_allclose(distances(np.array([[0.0, 0], [0.5, 0], [0, 1.4]]), lines), [0.1, 0.4, 0.1], atol=3e-3)
    assert distances(np.zeros((2, 2)), lines[:0]).tolist() == [np.inf, np.inf]


def test_margins_are_leads_over_the_best_other():
    found = margins(np.array([[1.0, 5.0, 2.0], [3.0, 3.0, 0.0]]))
    np.testing.assert_array_equal(found, [[-4, 3, -3], [0, 0, -3]])
    np.testing.assert_array_equal(margins(np.array([[0.5]])), [[-0.5, 0.5]])
