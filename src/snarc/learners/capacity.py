"""How many examples one neuron can hold: Cover's count of the linearly separable labellings."""

from __future__ import annotations

from fractions import Fraction
from math import comb

from snarc.errors import FormalError


def cover_count(points: int, dimensions: int) -> int:
    """How many of the 2^p labellings of p points in general position a hyperplane through the origin can make.

    2 sum_{k < N} C(p - 1, k); a neuron with a bias and N inputs has N + 1 dimensions.  Source: T. Cover, IEEE Trans.
    Electronic Computers 14 (1965) 326, eq. 5.

    Raises
    ------
    FormalError: a number is below 1.

    >>> cover_count(4, 3), 2**4
    (14, 16)
    """
    if points < 1 or dimensions < 1:
        came = f"{points} points in {dimensions} dimensions"
        raise FormalError(came, wanted="at least one of each", way_out="Give positive whole numbers.")
    return 2 * sum(comb(points - 1, k) for k in range(min(dimensions, points)))


def cover_probability(points: int, dimensions: int) -> Fraction:
    """The share of separable labellings, exactly; 1/2 at two points for each dimension.

    >>> cover_probability(40, 20)
    Fraction(1, 2)
    """
    return Fraction(cover_count(points, dimensions), 2**points)
