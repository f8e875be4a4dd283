"""What experiments do with the spread over replicas."""

from __future__ import annotations

from snarc.reading import Estimate


def difference(a: Estimate, b: Estimate) -> Estimate:
    """The difference of two numbers replica by replica, which have their seeds in common.

    >>> print(difference(Estimate.over([3.0, 5.0]), Estimate.over([2.0, 4.0])))
    1.0000 ± 0.0000
    """
    return Estimate.over([x - y for x, y in zip(a.values, b.values, strict=True)])
