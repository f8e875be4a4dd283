"""The zip code digits of the United States Postal Service, on which LeNet began."""

from __future__ import annotations

import os
from typing import Any

import numpy as np

from snarc.registry import dataset

from ._split import three_ways
from .canonical import content
from .dataset import Dataset, Split, Task
from .digits import TEN


@dataset("usps", examples=(7_291, 2_007), inputs=(16, 16, 1), classes=10, source="Hastie, Tibshirani and Friedman")
def usps(
    *, validation: Any = None, test: Any = None, seed: int = 0, root: str | os.PathLike[str] | None = None
) -> Dataset:
    """Digits from envelopes, 16 x 16 pixels: 7,291 to train on and 2,007, harder ones, to test with.

    Inputs are float32 ``(N, 16, 16, 1)`` in [0, 1], 0 the ground and 1 full ink (the file has -1 to 1).  By default
    729 of the 7,291 validate.  Source: LeCun et al., Neural Computation 1 (1989) 541; the files of Hastie,
    Tibshirani and Friedman, The Elements of Statistical Learning.
    """
    train, first = _split("usps/zip.train.gz", root)
    tests, second = _split("usps/zip.test.gz", root)
    return three_ways(
        "usps",
        Task("classification", TEN),
        train,
        tests,
        validation=729 if validation is None else validation,
        test=test,
        seed=seed,
        source={"files": [first, second], "range": [0, 1]},
    )


def _split(name: str, root: str | os.PathLike[str] | None) -> tuple[Split, dict[str, Any]]:
    text, about = content(name, root)
    table = np.array(text.split(), dtype=np.float32).reshape(-1, 257)
    inputs = (table[:, 1:].reshape(-1, 16, 16, 1) + 1) / 2
    return Split(inputs, table[:, 0].astype(np.int32)), about
