"""Parting examples into training, validation and test: disjoint, stratified, shuffled with the seed."""

from __future__ import annotations

import operator
from collections.abc import Mapping
from typing import Any

import numpy as np

from snarc import keys
from snarc.errors import DataError, RecipeError

from .dataset import Dataset, Split, Task


def check_seed(seed: Any) -> int:
    """The seed as an int, refused outside 0 to 2**63 - 1."""
    try:
        whole = operator.index(seed)
    except TypeError:
        whole = -1
    if isinstance(seed, bool) or not 0 <= whole < 2**63:
        raise RecipeError(f"seed is {seed!r}", wanted="a whole number from 0 to 2**63 - 1", way_out="Take seed=0.")
    return whole


def how_many(part: Any, n: int, what: str) -> int:
    """A fraction or a count as a number of examples out of ``n``.

    >>> how_many(0.1, 1797, "validation"), how_many(500, 1797, "validation")
    (180, 500)
    """
    wanted = f"a fraction between 0 and 1, or a count from 0 to {n - 1} (there are {n:,} examples)"
    way_out = f"Give {what}=0.1, or {what}=0 for none."
    if isinstance(part, bool | np.bool_) or not isinstance(part, int | float | np.integer | np.floating):
        raise DataError(f"{what}={part!r}", wanted=wanted, way_out=way_out)
    if isinstance(part, float | np.floating) and not float(part).is_integer():
        if not 0 < part < 1:
            raise DataError(f"{what}={part!r}", wanted=wanted, way_out=way_out)
        return max(1, round(float(part) * n)) if n > 1 else 0
    count = int(part)
    if not 0 <= count < max(n, 1):
        raise DataError(f"{what}={part!r}", wanted=wanted, way_out=way_out)
    return count


def hold_out(labels: np.ndarray | None, n: int, count: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Positions of ``n`` examples in random order, parted into those kept and ``count`` held out.

    With labels, each class is held out in its proportion (largest remainders; the earlier class on a tie), and no
    class loses its last example while another can give one.
    """
    order = rng.permutation(n)
    if count == 0:
        return order, order[:0]
    if labels is None:
        return order[count:], order[:count]
    _, place, sizes = np.unique(labels, return_inverse=True, return_counts=True)
    share = count * sizes / n
    take = np.minimum(np.floor(share).astype(np.int64), np.maximum(sizes - 1, 0))
    for spare in (1, 0):  # first from classes that keep an example, only then from those that do not
        while take.sum() < count:
            room = np.flatnonzero(sizes - take > spare)
            if not len(room):
                break
            ranked = room[np.argsort(take[room] - share[room], kind="stable")]
            take[ranked[: count - take.sum()]] += 1
    # The rank of each example within its class, in the shuffled order, decides on which side it falls.
    shuffled = place[order]
    grouped = np.argsort(shuffled, kind="stable")
    starts = np.concatenate([[0], np.cumsum(sizes)[:-1]])
    rank = np.empty(n, np.int64)
    rank[grouped] = np.arange(n) - np.repeat(starts, sizes)
    out = rank < take[shuffled]
    # What is left of each side runs out of one class before another, so each side is shuffled once more.
    return rng.permutation(order[~out]), rng.permutation(order[out])


def three_ways(
    name: str,
    task: Task,
    data: Any,
    test_data: Any | None,
    *,
    validation: Any,
    test: Any,
    seed: int,
    source: Mapping[str, Any],
    columns: tuple[str, ...] = (),
    validation_data: Any | None = None,
) -> Dataset:
    """A Dataset of splits taken from ``data`` (a Split or a stream) and, where given, from test and validation data.

    The test split keeps the order of its file; training and validation are in shuffled order, or in the file's where
    nothing was to be held out.
    """
    seed = check_seed(seed)
    stratify = task.kind == "classification"

    def part(whole: Any, portion: Any, what: str) -> tuple[Any, Any]:
        count = how_many(portion, len(whole), what)
        rng = keys.generator(seed, "split", name, what)
        kept, out = hold_out(whole.targets if stratify else None, len(whole), count, rng)
        return (whole, whole.take(np.arange(0))) if count == 0 else (whole.take(kept), whole.take(out))

    if test_data is None:
        data, test_data = part(data, test, "test")
    elif test is not None:
        _, test_data = part(test_data, test, "test") if test != len(test_data) else (None, test_data)
    if validation_data is None:
        data, validation_data = part(data, validation, "validation")
    if len(data) == 0:
        way_out = "Hold out less."
        raise DataError(f"{name}: no example is left to train on", wanted="at least one", way_out=way_out)
    said = {
        "split": {
            "seed": seed,
            "stratified": stratify,
            "train": len(data),
            "validation": len(validation_data),
            "test": len(test_data),
        }
    }
    return Dataset(name, task, data, validation_data, test_data, {**source, **said}, columns)


def fewer(dataset: Dataset, train: Any, seed: int) -> Dataset:
    """The same data set with a stratified sample of its training split, as a count or a fraction."""
    whole = dataset.train
    count = len(whole) if train == len(whole) else how_many(train, len(whole), "train")
    if count == 0:
        raise DataError(f"train={train!r}", wanted="at least one example to train on", way_out="Give train=1000.")
    if count == len(whole):
        return dataset
    labels = whole.targets if dataset.task.kind == "classification" else None
    _, chosen = hold_out(labels, len(whole), count, keys.generator(check_seed(seed), "split", dataset.name, "train"))
    split = {**dataset.source.get("split", {}), "train": count}
    source = {**dataset.source, "split": split}
    return Dataset(
        dataset.name, dataset.task, whole.take(chosen), dataset.validation, dataset.test, source, dataset.columns
    )


__all__ = ["Split", "check_seed", "fewer", "hold_out", "how_many", "three_ways"]
