"""The same training several times: other weights and orders, and other splits if asked."""

from __future__ import annotations

from typing import Any

import numpy as np

from snarc import keys
from snarc.data import Dataset, load
from snarc.data._split import check_seed, hold_out
from snarc.errors import DivergedError, RecipeError
from snarc.reading import Estimate, Reading
from snarc.training.fitting import as_dataset
from snarc.training.interrupt import graceful
from snarc.training.recipe import Recipe
from snarc.training.run import Run

from . import pictures
from .pooling import loads_again, parted, together, whole
from .progress import tally
from .trials import judge_of, prepare, train


def repeat(
    model: Any,
    data: Any,
    *,
    seeds: int = 5,
    split: bool = False,
    seed: int = 0,
    recipe: Recipe | None = None,
    progress: bool | str = False,
    **fields: Any,
) -> Reading:
    """Train several times with other seeds and say how much the result varies.

    Parameters
    ----------
    model, data, recipe, fields: as for :func:`snarc.fit`.
    seeds: how many times.
    split: part the data anew each time as well, so that the spread is also that of which examples were held out;
        else the splits stay and the spread is that of weights and shuffles alone.
    seed: the first.

    Returns
    -------
    A reading with ``accuracy`` (or ``rmse``, ``r2``) and ``loss`` on the test split, or on validation where there is
    none, as estimates with their values; and a picture.

    Raises
    ------
    RecipeError: fewer than two seeds.
    DivergedError: a training diverged.
    """
    if isinstance(seeds, bool) or not isinstance(seeds, int) or not 2 <= seeds <= 10_000:
        raise RecipeError(f"seeds={seeds!r}", wanted="a whole number from 2 to 10,000", way_out="Take seeds=5.")
    if fields.get("replicas") not in (None, 1):
        raise RecipeError("replicas and seeds", wanted="one of them", way_out="Drop replicas; seeds says how often.")
    seed = check_seed(seed)
    fields = {name: value for name, value in fields.items() if name != "replicas"}
    dataset = as_dataset(data)
    runs: list[Run] = []
    with tally("training", seeds, progress) as counted, graceful() as stop:
        for k in range(seeds):
            now = _again(data, dataset, seed + k) if split else dataset
            model, now, made = prepare(model, now, recipe, {**fields, "seed": seed + k, "replicas": 1})
            on = "test" if len(now.test) else judge_of(now)
            found = train(model, now, made, on)
            if found.status == "interrupted":
                break
            if found.run is None:
                raise DivergedError(
                    f"the training with seed {seed + k} diverged at a learning rate of {made.learning_rate:g}",
                    wanted="a finite loss with every seed",
                    way_out=f"Try a learning rate of {made.learning_rate / 10:g}.",
                )
            runs.append(found.run)
            counted.add(", ".join(f"{name} {value:.4g}" for name, value in found.numbers.items()))
            if stop or found.run.signal is not None:
                break
    if not runs:
        raise KeyboardInterrupt
    evaluations = [run.evaluate(on) for run in runs]
    names = [name for name in evaluations[0].numbers if name != "error"]
    numbers: dict[str, Any] = {n: Estimate.over([one.numbers[n].mean for one in evaluations]) for n in names}
    main = "accuracy" if "accuracy" in numbers else "rmse"
    what = "weights, shuffles and splits" if split else "weights and shuffles; the splits stay the same"
    stopped = "" if len(runs) == seeds else f"Stopped after {len(runs)} of {seeds} seeds. "
    seeds = len(runs)
    note = f"{stopped}{on} {main} {numbers[main]} over {seeds} seeds, which vary {what}."
    return Reading("repeat", {**numbers, "seeds": seeds}, {"seeds": seed + np.arange(seeds)}, pictures.fold_dots, note)


def _again(data: Any, dataset: Dataset, seed: int) -> Dataset:
    """The same data, parted with another seed: by their reader, or by hand into parts of the same sizes."""
    how = loads_again(data, dataset)
    if how is not None:
        return load(**{**how, "seed": seed})
    whole(dataset, test_too=True)  # refuses a stream
    names = ("train", "validation", "test")
    every = together([dataset.split(name) for name in names if len(dataset.split(name))])
    labels = every.targets if dataset.task.kind == "classification" else None
    rest = np.arange(len(every))
    found = {}
    for name in ("test", "validation"):
        kept, held = hold_out(
            None if labels is None else labels[rest], len(rest), len(dataset.split(name)),
            keys.generator(seed, "repeat", name),
        )  # fmt: skip
        rest, found[name] = rest[kept], rest[held]
    return parted(
        dataset, every.take(rest), every.take(found["validation"]), every.take(found["test"]), f"repeated, seed {seed}"
    )
