"""Oaks in Wisconsin: age and trunk diameter of twelve trees."""

from __future__ import annotations

from typing import Any

import numpy as np

from snarc.registry import dataset

from ._split import three_ways
from .dataset import Dataset, Split, Task

_AGES = (97, 93, 88, 81, 75, 57, 52, 45, 28, 15, 12, 11)  # years
_DIAMETERS = (12.5, 12.5, 8.0, 9.5, 16.5, 11.0, 10.5, 9.0, 6.0, 1.5, 1.0, 1.0)  # inches at breast height


@dataset("oaks", examples=(12, 0), inputs=(1,), outputs=1, source="teaching table, twelve pairs in this file")
def oaks(*, validation: Any = None, test: Any = None, seed: int = 0) -> Dataset:
    """Age in years and diameter at breast height (DBH) in inches of twelve oaks in Wisconsin.

    Inputs are float32 ``(12, 1)``, targets float32 ``(12, 1)``.  Nothing is held out unless asked for:
    the whole table is the training split, in its order.  Its least squares line is
    DBH = 1.285354 + 0.127792 age, with E = 1/2 sum (error)^2 = 42.6814 and R2 = 0.6893.
    """
    whole = Split(np.array(_AGES, np.float32)[:, None], np.array(_DIAMETERS, np.float32)[:, None])
    source = {
        "note": "a table used in teaching regression, 'Oaks in Wisconsin'; the survey behind it is not known to us",
        "units": {"age": "years", "DBH": "inches"},
    }
    task = Task("regression", targets=("DBH",))
    return three_ways(
        "oaks",
        task,
        whole,
        None,
        validation=validation or 0,
        test=test or 0,
        seed=seed,
        source=source,
        columns=("age",),
    )
