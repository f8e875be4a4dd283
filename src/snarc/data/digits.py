"""Handwritten digits of 8 x 8 pixels, bundled with scikit-learn."""

from __future__ import annotations

import hashlib
import importlib.util
import os
from pathlib import Path
from typing import Any

import numpy as np

from snarc.registry import dataset

from ._files import read_all
from ._split import three_ways
from .dataset import Dataset, Split, Task

_SHA256 = "09f66e6debdee2cd2b5ae59e0d6abbb73fc2b0e0185d2e1957e9ebb51e23aa22"
_LICENCE = "CC BY 4.0 (E. Alpaydin, C. Kaynak, UCI repository 1998); bundled with scikit-learn"
TEN = tuple("0123456789")


@dataset("digits", examples=(1797, 0), inputs=(8, 8, 1), classes=10, source="bundled with scikit-learn")
def digits(
    *, validation: Any = None, test: Any = None, seed: int = 0, root: str | os.PathLike[str] | None = None
) -> Dataset:
    """1,797 handwritten digits of 8 x 8 pixels, bundled with scikit-learn; needs no network.

    Inputs are float32 ``(N, 8, 8, 1)`` in [0, 1] (17 grey levels).  By default 60 % train, 20 % validate and 20 %
    test.  Source: E. Alpaydin and C. Kaynak, "Cascading classifiers", Kybernetika 34 (1998) 369.
    """
    table, record = _table()
    inputs = (table[:, :64] / 16).astype(np.float32).reshape(-1, 8, 8, 1)
    whole = Split(inputs, table[:, 64].astype(np.int32))
    n = len(whole)
    return three_ways(
        "digits",
        Task("classification", TEN),
        whole,
        None,
        validation=round(0.2 * n) if validation is None else validation,
        test=round(0.2 * n) if test is None else test,
        seed=seed,
        source={"files": [record], "range": [0, 1]},
    )


def _table() -> tuple[np.ndarray, dict[str, Any]]:
    # Importing scikit-learn costs a second; its file is a plain table, so it is read directly where it is found.
    spec = importlib.util.find_spec("sklearn")
    path = Path(spec.origin).parent / "datasets" / "data" / "digits.csv.gz" if spec and spec.origin else None
    if path is not None and path.is_file() and hashlib.sha256(path.read_bytes()).hexdigest() == _SHA256:
        text = read_all(path, "scikit-learn's digits", 1 << 20).decode("ascii")
        table = np.array([line.split(",") for line in text.split()], dtype=np.float64)
        return table, {"file": "digits.csv.gz", "path": str(path), "sha256": _SHA256, "licence": _LICENCE}
    from sklearn.datasets import load_digits

    bunch = load_digits()
    return np.column_stack([bunch.data, bunch.target]), {"file": "sklearn.datasets.load_digits", "licence": _LICENCE}
