"""Examples put together again, to be parted anew."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from snarc.data import Dataset, Split, from_arrays
from snarc.errors import DataError
from snarc.training.fitting import as_dataset


def whole(data: Any, *, test_too: bool) -> tuple[Dataset, Split]:
    """The data set, and its training and validation examples together; a pair ``(x, y)`` as a whole.

    Parameters
    ----------
    test_too: the test split as well.

    Raises
    ------
    DataError: the examples are in a stream.
    """
    if isinstance(data, tuple) and len(data) == 2:
        dataset = from_arrays(*data, validation=0, test=0)
    else:
        dataset = as_dataset(data)
    names = ("train", "validation", "test") if test_too else ("train", "validation")
    return dataset, together([dataset.split(name) for name in names if len(dataset.split(name))])


def together(splits: Sequence[Any]) -> Split:
    """Splits one after another.

    Raises
    ------
    DataError: one of them is a stream.
    """
    for split in splits:
        if not isinstance(split, Split):
            raise DataError(
                "data that are streamed from disk",
                wanted="data in memory, which can be parted anew",
                way_out="Load them with stream=False, or fewer of them.",
            )
    if len(splits) == 1:
        return splits[0]
    joined: dict[str, Any] = {}
    for entry in dataclasses.fields(Split):
        parts = [getattr(split, entry.name) for split in splits]
        # A part without weights has those of equal examples.
        missing = [part is None for part in parts]
        if all(missing):
            continue
        parts = [np.ones(len(split), np.float32) if part is None else part for part, split in zip(parts, splits)]
        joined[entry.name] = np.concatenate(parts)
    return Split(**joined)


def parted(dataset: Dataset, train: Split, validation: Split, test: Split, what: str) -> Dataset:
    """The same task with other splits; ``what`` says in its source how they came about."""
    source = {name: value for name, value in dataset.source.items() if name not in ("load", "split")}
    return dataclasses.replace(
        dataset, train=train, validation=validation, test=test, source={**source, "split": {"how": what}}
    )


def loads_again(data: Any, dataset: Dataset) -> dict[str, Any] | None:
    """The arguments of ``snarc.load`` that give this data set, or none if it was made of arrays."""
    if isinstance(data, str | Path):
        return {"what": str(data)}
    how = dataset.source.get("load")
    return dict(how) if how is not None else None
