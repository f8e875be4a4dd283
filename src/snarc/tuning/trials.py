"""One training as a trial: the recipe that ``fit`` would use, the training, and what came of it."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import jax
import numpy as np
from flax import nnx

from snarc import keys
from snarc.data import Dataset, Split
from snarc.errors import DivergedError, RecipeError
from snarc.models.network import suits
from snarc.training.fitting import as_dataset, fit, recipe_for
from snarc.training.history import History
from snarc.training.interrupt import Stop
from snarc.training.job import Job
from snarc.training.loop import put
from snarc.training.optimizers import rates
from snarc.training.recipe import Recipe
from snarc.training.replicas import Replicas
from snarc.training.run import Run
from snarc.training.step import COUNT, LOSS

# Fields that are data to the compiled program: recipes that differ in nothing else can be trained in one program.
FREE = ("learning_rate", "schedule", "warmup", "schedule_points", "schedule_time")


@dataclass(frozen=True)
class Outcome:
    """What came of a trial.

    Attributes
    ----------
    numbers: ``loss``, and ``accuracy`` or ``rmse``, on the split that judges; an infinite loss if it diverged.
    status: ``finished``, ``diverged`` or ``interrupted``.
    run: the record of the training; none where it diverged, or was trained together with others.
    """

    numbers: Mapping[str, float]
    status: str
    seconds: float
    run: Run | None = field(default=None, repr=False)

    @property
    def loss(self) -> float:
        return self.numbers.get("loss", math.inf)


def prepare(model: Any, data: Any, recipe: Recipe | None, fields: Mapping[str, Any]) -> tuple[Any, Dataset, Recipe]:
    """The model, the data set and the recipe that :func:`snarc.fit` would make of the same arguments."""
    dataset = as_dataset(data)
    if isinstance(model, str) and model == "auto":
        model = suits(dataset.inputs)
    return model, dataset, recipe_for(model, recipe, dict(fields), len(dataset.train))


def fresh(model: Any) -> Any:
    """The model, or a copy of it if it is a network already, so that the given one is left as it is."""
    return nnx.clone(model) if isinstance(model, nnx.Module) else model


def judge_of(dataset: Dataset) -> str:
    """The split that trials are compared on: validation where there is one, else the training split; never test."""
    return "validation" if len(dataset.validation) else "train"


def train(model: Any, dataset: Dataset, recipe: Recipe, split: str) -> Outcome:
    """Train once, in memory and in silence, and judge by a split; a training that diverges is an outcome too."""
    began = time.perf_counter()
    try:
        run = fit(fresh(model), dataset, recipe=recipe, out=False, progress=False)
    except DivergedError:
        return Outcome({"loss": math.inf}, "diverged", time.perf_counter() - began)
    if run.status == "interrupted":
        return Outcome({}, "interrupted", time.perf_counter() - began, run)
    return Outcome(numbers_of(run, split), "finished", time.perf_counter() - began, run)


def numbers_of(run: Run, split: str) -> dict[str, float]:
    """Loss, and accuracy or RMSE, of a run on a split; means over its replicas."""
    found = run.evaluate(split).numbers
    return {name: found[name].mean for name in ("loss", "accuracy", "rmse") if name in found}


def alike(recipes: Sequence[Recipe]) -> bool:
    """Whether these can be trained in one program: one network each, differing in the learning rate's course only."""
    first = recipes[0]
    if first.replicas > 1 or first.early_stopping is not None or first.keep == "best" or first.optimizer == "lbfgs":
        return False
    free = {name: getattr(first, name) for name in FREE if hasattr(first, name)}
    return all(one.model_copy(update=free) == first for one in recipes)


def faster_together() -> bool:
    """Whether one program for many small networks is worth it: on a CPU it is not, as measured; see docs/tuning.md."""
    return jax.default_backend() != "cpu"


def train_together(
    model: Any, dataset: Dataset, recipes: Sequence[Recipe], split: str, stop: Stop | None = None
) -> list[Outcome]:
    """Train recipes that are :func:`alike` as the replicas of one program, each with its own learning rates.

    The results equal those of :func:`train` to rounding.
    """
    if not alike(recipes) or not isinstance(dataset.train, Split):
        raise RecipeError(
            "recipes that differ in more than the learning rate, or data in a stream",
            wanted="candidates that share one compiled program",
            way_out="Train them in turn: vectorised=False.",
        )
    began, count = time.perf_counter(), len(recipes)
    # Replicas would differ by their seeds; candidates share one, so that only the rate tells them apart.
    job = Job(fresh(model), recipes[0].with_(replicas=1), dataset, 1)
    driver = job.replicas.driver
    driver.vectorised = True  # type: ignore[attr-defined]
    group = Replicas(driver, job.replicas.program, [job.replicas[0]] * count, vectorised=True)
    steps, epochs = math.ceil(len(dataset.train) / recipes[0].batch_size), recipes[0].epochs
    table = np.stack([rates(recipe, steps * epochs) for recipe in recipes])
    bad = np.zeros(count, bool)
    for epoch in range(epochs):
        if stop:
            return [Outcome({}, "interrupted", time.perf_counter() - began)] * count
        order = keys.generator(recipes[0].seed, "shuffle", epoch).permutation(len(dataset.train)).astype(np.int32)
        group.begin([order] * count)
        trace = np.zeros((count, steps, COUNT + 1), np.float32)
        now = np.ascontiguousarray(table[:, epoch * steps : (epoch + 1) * steps])
        trace = group.advance(now, 0, steps, trace, [True] * count)
        bad |= ~np.isfinite(trace[:, :, LOSS]).all(axis=1)
        if bad.all():
            break
    seconds = (time.perf_counter() - began) / count
    found = []
    for k, recipe in enumerate(recipes):
        if bad[k]:
            found.append(Outcome({"loss": math.inf}, "diverged", seconds))
            continue
        network = put(job.networks[0], group[k])
        about = {"dataset": {"name": dataset.name}}
        run = Run(
            None, recipe, (network,), History([[]]), "finished", dataset.task, dataset.inputs, about, dataset
        )  # fmt: skip
        numbers = numbers_of(run, split)
        finite = math.isfinite(numbers["loss"])
        found.append(Outcome(numbers if finite else {"loss": math.inf}, "finished" if finite else "diverged", seconds))
    return found


def train_all(
    model: Any,
    dataset: Dataset,
    recipes: Sequence[Recipe],
    split: str,
    *,
    vectorised: bool | str = "auto",
    stop: Stop | None = None,
) -> list[Outcome]:
    """Train candidates that share all but the learning rate: together where that is possible and faster.

    Once somebody asked to stop, the last of those that come back may be interrupted, and the rest are missing.
    """
    wanted = faster_together() if vectorised == "auto" else bool(vectorised)
    if wanted and len(recipes) > 1 and alike(recipes) and isinstance(dataset.train, Split):
        return train_together(model, dataset, recipes, split, stop)
    found: list[Outcome] = []
    for recipe in recipes:
        if stop:
            break
        found.append(train(model, dataset, recipe, split))
        if found[-1].status == "interrupted" or (found[-1].run is not None and found[-1].run.signal is not None):
            break
    return found
