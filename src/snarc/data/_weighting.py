"""Weights of examples."""

from __future__ import annotations

from typing import Any

import numpy as np

from snarc.errors import DataError


def check_weights(weights: Any, n: int, what: str = "weights") -> np.ndarray | None:
    """Example weights as float64 ``(N,)``, or none.

    Raises
    ------
    DataError: not one finite number of at least 0 for each example, or all of them 0.
    """
    if weights is None:
        return None
    array = np.asarray(weights)
    if array.dtype.kind not in "fiub":
        raise DataError(f"{what} of type {array.dtype}", wanted="numbers", way_out=f"Give {what} as floats.")
    if array.shape != (n,):
        raise DataError(f"{what} has the shape {array.shape}", wanted=f"({n},)", way_out="Give one for each example.")
    array = array.astype(np.float64)
    bad = ~(np.isfinite(array) & (array >= 0))
    if bad.any():
        row = int(np.argmax(bad))
        raise DataError(f"{what}: row {row} is {array[row]:g}", wanted="at least 0, finite", way_out="Mend that row.")
    if not array.any():
        raise DataError(f"{what} are all 0", wanted="one above 0", way_out="Leave them out for equal ones.")
    return array
