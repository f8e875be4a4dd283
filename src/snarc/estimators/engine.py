"""Between scikit-learn's arrays and the training engine: data sets, going on from earlier weights, outputs."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import jax
import numpy as np
from flax import nnx

from snarc import keys
from snarc.data import Dataset, Split, Task
from snarc.data._split import hold_out as two_ways
from snarc.data._split import how_many
from snarc.errors import DataError, ModelError
from snarc.models.network import suits
from snarc.training import Recipe, Run
from snarc.training import folder as folders
from snarc.training.build import make_network
from snarc.training.environment import start_cache
from snarc.training.evaluate import function, rows_for
from snarc.training.fitting import LEARNING, recipe_for
from snarc.training.job import Job
from snarc.training.names import from_arrays
from snarc.training.replicas import Replicas
from snarc.training.step import State, parts

# So many steps at least, where no number of epochs is given: enough for a small table.
FEWEST_STEPS = 300
# A model's own rate is for small batches and many steps.  Of 1, 5 and 10 times that rate, 300 steps over all rows did
# best on five small tables with 5, counting all of them: with 1 they were not enough, with 10 one table was overfitted.
FULL_BATCH_RATE = 5
_ROWS = 256


class Before(NamedTuple):
    """Where a training goes on from: a run, and what its optimiser remembered, if that is to be kept."""

    run: Run
    memory: Sequence[Any] | None


def model_for(model: Any, inputs: tuple[int, ...], outputs: int) -> Any:
    """The model as :func:`snarc.fit` takes it: ``*`` in a layout becomes the number of inputs or outputs.

    >>> model_for("*-30-*", (4,), 3)
    '4-30-3'

    Raises
    ------
    ModelError: not a name, a layout or a factory.
    """
    if isinstance(model, nnx.Module) or not (isinstance(model, str) or callable(model)):
        raise ModelError(
            f"model of type {type(model).__name__}",
            wanted="a name, a layout such as '*-100-*', or a factory f(inputs=, outputs=, rngs=)",
            way_out="Pass the class or a function, so that every fit can build a new network.",
        )
    if not isinstance(model, str):
        return model
    if model == "auto":
        return suits(inputs)
    if model.startswith("*-"):
        model = f"{math.prod(inputs)}{model[1:]}"
    for ending in ("-*", "-*:"):
        place = model.rfind(ending)
        if place >= 0 and (ending == "-*:" or place == len(model) - 2):
            model = f"{model[: place + 1]}{outputs}{model[place + 2 :]}"
    return model


def hold_out(split: Split, task: Task, fraction: float, seed: int) -> tuple[Split, Split]:
    """The training part and the validation part; classes in their proportions."""
    count = how_many(fraction, len(split), "validation_fraction")
    labels = split.targets if task.kind == "classification" else None
    kept, out = two_ways(labels, len(split), count, keys.generator(seed, "split", "estimator", "validation"))
    return split.take(kept), split.take(out)


def merged(split: Split, model: Any, recipe: Recipe, task: Task) -> tuple[Split, Recipe]:
    """The same full batch in one form: equal examples are one with their weights added, in sorted order.

    The gradient of a full batch is the same, and because the form does not depend on whether an example was given
    twice or with weight 2, neither does a single bit of the result.  Examples of weight 0 fill it up to a power of
    two, so that tables of similar length share one compiled program.  Networks that keep statistics of their batches,
    and batches that are augmented, would notice; they are left as they are.
    """
    inputs = split.inputs.shape[1:]
    if recipe.augment or recipe.adversarial or _sees_the_batch(model, recipe, inputs, task.outputs(inputs)):
        return split, recipe
    weights = np.ones(len(split)) if split.weights is None else np.asarray(split.weights, np.float64)
    flat = np.hstack([split.inputs.reshape(len(split), -1), split.targets.reshape(len(split), -1).astype(np.float32)])
    _, first, place = np.unique(flat, axis=0, return_index=True, return_inverse=True)
    total = np.bincount(place.reshape(-1), weights)
    size = 2 ** math.ceil(math.log2(max(len(first), 2)))
    filled = np.zeros(size)
    filled[: len(first)] = total
    chosen = np.resize(first, size)
    return Split(split.inputs[chosen], split.targets[chosen], filled), recipe.with_(batch_size=size)


def _sees_the_batch(model: Any, recipe: Recipe, inputs: tuple[int, ...], outputs: int) -> bool:
    shapes = nnx.eval_shape(lambda: make_network(model, recipe, inputs, outputs, 0))
    return bool(jax.tree.leaves(nnx.state(shapes, nnx.BatchStat)))


def mean_and_scale(y: np.ndarray, weights: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard deviation of each column of targets ``(N, k)``; what is constant has scale 1.

    Summed over the distinct values in order, so that a row given twice counts exactly as one of weight 2.
    """
    weights = np.ones(len(y)) if weights is None else weights
    found = []
    for column in y.T:
        values, place = np.unique(column, return_inverse=True)
        share = np.bincount(place.reshape(-1), weights) / weights.sum()
        mean = float(values @ share)
        found.append((mean, float(np.sqrt(((values - mean) ** 2) @ share)) or 1.0))
    mean, scale = np.array(found).T
    return mean, scale


def check_width(came: int, wanted: int) -> None:
    """Refuse to go on with another number of targets."""
    if came != wanted:
        raise DataError(
            f"y has {came} targets a row", wanted=f"{wanted}, as before", way_out="Fit anew with warm_start=False."
        )


def dataset_of(train: Split, held: Split | None, task: Task, columns: Sequence[str]) -> Dataset:
    """The data set of an estimator, without a test split."""
    empty = train.take(slice(0, 0))
    source = {"note": "given to an estimator"}
    return Dataset("arrays", task, train, empty if held is None else held, empty, source, tuple(map(str, columns)))


def recipe_of(model: Any, fields: Mapping[str, Any], examples: int) -> Recipe:
    """The recipe that suits model and data, overruled by the fields."""
    found = recipe_for(model, None, dict(fields), examples, FEWEST_STEPS)
    if found.batch_size == examples and not LEARNING & fields.keys():
        found = found.with_(learning_rate=FULL_BATCH_RATE * found.learning_rate)
    return found


def learn(
    model: Any, dataset: Dataset, recipe: Recipe, before: Before | None, *, progress: bool
) -> tuple[Run, list[Any]]:
    """Train; the run, which holds no data, and what the optimiser of each replica remembers at the end."""
    start_cache()
    job = Job(model, recipe, dataset, 1)
    if before is not None:
        _go_on(job, before)
    about = folders.describe(dataset, None)
    run = job.learn(None, about, math.inf, progress, resume=False, strict=False)
    memory = [job.replicas[k].memory for k in range(job.replicas.count)]
    return dataclasses.replace(run, _dataset=None), memory


def _go_on(job: Job, before: Before) -> None:
    """Give the replicas of a job the weights, statistics and input stage of an earlier run."""
    if len(before.run.networks) != job.replicas.count:
        raise ModelError(
            f"{job.replicas.count} replicas going on from {len(before.run.networks)}",
            wanted="as many as before",
            way_out="Use warm_start=False to begin anew.",
        )
    states = []
    for k, network in enumerate(before.run.networks):
        network.train()
        _, weights, rest = parts(network)
        fresh = job.replicas[k]
        if [a.shape for a in jax.tree.leaves(weights)] != [a.shape for a in jax.tree.leaves(fresh.weights)]:
            raise ModelError(
                "a network of another shape than the fitted one",
                wanted="the same model and sizes",
                way_out="Use warm_start=False to begin anew.",
            )
        memory = fresh.memory
        if before.memory is not None:
            kept = before.memory[k]
            memory = from_arrays(memory, kept) if isinstance(kept, dict) else kept
        states.append(State(weights, rest, memory))
    old = job.replicas
    job.replicas = Replicas(old.driver, old.program, states, vectorised=old.vectorised)


def outputs(run: Run, x: np.ndarray) -> np.ndarray:
    """Outputs of each replica ``(replicas, N, outputs)`` float64.

    Every block has the same number of rows, so that the answer for a row does not depend on its company.
    """
    rows = min(rows_for(x.shape[1:]), _ROWS)
    found = []
    for network in run.networks:
        of = function(network, run.recipe.precision)
        blocks = []
        for first in range(0, len(x), rows):
            block = x[first : first + rows]
            full = np.resize(block, (rows, *block.shape[1:])) if len(block) < rows else block
            blocks.append(np.asarray(of(full), np.float64)[: len(block)].reshape(len(block), -1))
        found.append(np.concatenate(blocks))
    return np.stack(found)
