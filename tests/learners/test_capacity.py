"""Cover's count against trying every labelling."""

import itertools
from fractions import Fraction

import numpy as np
import pytest

from snarc.errors import FormalError
from snarc.learners import cover_count, cover_probability, widest_margin


@pytest.mark.parametrize(("points", "dimensions"), [(3, 2), (5, 2), (6, 3), (7, 3), (5, 6)])
def test_every_labelling(points, dimensions):
    x = np.random.default_rng(points).normal(size=(points, dimensions))
    found = sum(widest_margin(x, t, bias=False).separable for t in itertools.product([-1, 1], repeat=points))
    assert found == cover_count(points, dimensions)


@pytest.mark.parametrize("dimensions", [1, 2, 20, 50, 333])
def test_half_of_all_labellings_at_twice_the_dimension(dimensions):
    assert cover_probability(2 * dimensions, dimensions) == Fraction(1, 2)
    assert cover_probability(dimensions, dimensions) == 1


def test_refusal():
    with pytest.raises(FormalError, match="at least one"):
        cover_count(0, 3)
