"""A data set in words and numbers, for the command line and reports."""

from __future__ import annotations

from typing import Any

import numpy as np

from .dataset import Dataset


def describe(dataset: Dataset) -> dict[str, Any]:
    """What a data set holds, as a JSON object; nothing is read from disk.

    >>> from snarc.data import load
    >>> about = describe(load("digits"))
    >>> about["sizes"], about["task"], about["inputs"]
    ({'train': 1079, 'validation': 359, 'test': 359}, 'classification', [8, 8, 1])
    """
    about: dict[str, Any] = {
        "name": dataset.name,
        "task": dataset.task.kind,
        "inputs": list(dataset.inputs),
        "outputs": dataset.outputs,
        "dtype": str(np.dtype(dataset.train.inputs.dtype)),
        "sizes": {part: len(dataset.split(part)) for part in ("train", "validation", "test")},
        "bytes": sum(dataset.split(part).inputs.nbytes for part in ("train", "validation", "test")),
        "streamed": not isinstance(dataset.train.inputs, np.ndarray),
        "columns": list(dataset.columns),
        "source": dict(dataset.source),
    }
    if dataset.task.kind == "classification":
        about["classes"] = list(dataset.task.classes)
        about["per_class"] = {
            part: np.bincount(dataset.split(part).targets, minlength=len(dataset.task.classes)).tolist()
            for part in about["sizes"]
        }
    elif dataset.task.targets:
        about["targets"] = list(dataset.task.targets)
    return about
