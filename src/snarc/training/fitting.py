"""Train a network on data: the public door to the engine."""

from __future__ import annotations

import contextlib
import dataclasses
import math
import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

from flax import nnx

from snarc.data import Dataset, Split, check_weights, from_arrays, load
from snarc.errors import DataError, RecipeError, RunError
from snarc.models.network import resolve, suits
from snarc.registry import models

from . import folder as folders
from . import hosts
from .environment import environment, start_cache
from .files import read_json
from .job import Job
from .place import make_out
from .recipe import Recipe
from .run import Run
from .store import Store
from .transfer import Start


def fit(
    model: str | nnx.Module | Callable[..., nnx.Module],
    data: Dataset | str | tuple[Any, Any],
    *,
    out: str | Path | bool | None = None,
    recipe: Recipe | None = None,
    sample_weight: Any = None,
    start: Any = None,
    fresh: Sequence[str] = (),
    devices: int = 1,
    checkpoint_seconds: float = 30.0,
    progress: bool | str = "auto",
    health: bool | str = "auto",
    **fields: Any,
) -> Run:
    """Train a network on data and return the record of it.

    Parameters
    ----------
    model: a name such as ``"lenet5"`` or ``"784-300-10"``, ``"auto"`` for one that suits the data, an nnx module, or a
        factory ``f(inputs=..., outputs=..., rngs=...)`` that returns one.
    data: a :class:`snarc.Dataset`, a name or path for :func:`snarc.load`, or a pair ``(x, y)`` of arrays.
    out: the run's folder; by default a fresh one under ``runs/``; ``False`` keeps the run in memory.
    recipe: everything that decides the learning; ``fields`` (``epochs=5``) change single fields of it.
    sample_weight: of each example of a pair ``(x, y)``, or of each training example of a data set in memory.
    start: begin with the weights, statistics and input stage of another network: a run (replica k starts from its
        replica k, or all from its only one), the folder of a run, or an nnx module.  Layers must have the same paths
        and shapes.
    fresh: layers, as ``("layers.1",)``, that begin at random weights all the same.
    devices: how many devices share each batch; of several processes (:mod:`snarc.training.hosts`) all do.
    checkpoint_seconds: time between checkpoints; one is also written at the end and on Ctrl-C.
    progress: show it; ``"auto"`` draws a bar on a terminal and prints lines elsewhere.
    health: look at gradients, activations and updates of every layer now and then, and warn when something is wrong
        (``run.health``); ``"auto"`` does so where it will be read, in a folder or on a display.  It changes no weight.

    Returns
    -------
    The run; interrupted by Ctrl-C it is returned as far as it came, with status ``interrupted``.

    Raises
    ------
    SnarcError: anything about the model, data or recipe that cannot work, before training starts.
    DivergedError: the loss stopped being finite; the folder keeps the last finite weights.

    >>> run = fit("linear", "digits", epochs=5, learning_rate=0.05, out=False, progress=False)
    >>> bool(run.test.accuracy.mean > 0.8)
    True
    """
    start_cache()
    how = {"what": data} if isinstance(data, str | Path) else None
    dataset = as_dataset(data, sample_weight)
    if isinstance(model, str) and model == "auto":
        model = dataset.source.get("suits", {}).get("model") or suits(dataset.inputs)
    recipe = recipe_for(model, recipe, fields, len(dataset.train), about=dataset.source.get("suits", {}))
    job = Job(model, recipe, dataset, devices, _start(start, fresh))
    about = folders.describe(dataset, dataset.source.get("load", how))
    looking = _looks(health, progress if out is False else True)  # in all of several processes alike
    if out is False or not hosts.leads():
        return job.learn(None, about, checkpoint_seconds, progress, resume=False, strict=False, health=looking)
    path = make_out(None if out is True else out, f"{dataset.name}-{recipe.model}")
    store = Store(path)
    with store.lock():
        folders.start(path, recipe, about, environment(), job.start)
        return job.learn(store, about, checkpoint_seconds, progress, resume=False, strict=False, health=looking)


def resume(
    path: str | Path,
    *,
    data: Any = None,
    model: Any = None,
    devices: int = 1,
    checkpoint_seconds: float = 30.0,
    progress: bool | str = "auto",
    strict: bool = False,
    health: bool | str = "auto",
) -> Run:
    """Go on from a run's newest checkpoint; the result is, bit for bit, that of a run without the stop.

    Parameters
    ----------
    data, model: needed if the run was made from arrays, or from a network that is not in the registry.
    strict: refuse to fall back to an older checkpoint when the newest is damaged.
    health: as for :func:`fit`.

    Raises
    ------
    RunError: the folder is no run, or its training has finished.
    CheckpointError: no checkpoint can be read back whole.
    """
    start_cache()
    path = Path(path).resolve()
    recipe = folders.read_recipe(path)
    about = read_json(path / "dataset.json")
    store = Store(path)
    with store.lock() if hosts.leads() else contextlib.nullcontext():
        status = read_json(path / "status.json")["status"]
        if status in ("finished", "diverged"):
            raise RunError(
                f"the training in {path} is over ({status})",
                wanted="a run that was interrupted",
                way_out="Train again with more epochs, or another seed.",
            )
        now, then = folders.platform_of(environment()), folders.platform_of(read_json(path / "environment.json"))
        for name in now:
            if now[name] != then[name]:
                warnings.warn(
                    f"{name} was {then[name]} and is {now[name]}: the result may differ in its last digits",
                    stacklevel=2,
                )
        dataset = as_dataset(data) if data is not None else as_dataset_again(about)
        if dataset.checksum() != about["checksum"]:
            raise RunError(
                "the data are not those that the run began with (another checksum)",
                wanted="the same data",
                way_out="Put the files back, or start a new run.",
            )
        job = Job(model if model is not None else recipe.model, recipe, dataset, devices)
        if (path / "start.json").is_file():
            job.start = read_json(path / "start.json")
            if not store.steps():
                raise RunError(
                    f"the training in {path} was to start from other weights, and was stopped before it kept them",
                    wanted="a checkpoint",
                    way_out="Train again with the same start.",
                )
        return job.learn(
            store, about, checkpoint_seconds, progress, resume=bool(store.steps()), strict=strict,
            health=_looks(health, True),
        )  # fmt: skip


def _looks(health: bool | str, read: bool | str) -> bool:
    """Whether to look at the layers; ``auto``: where somebody reads what is found."""
    if health not in (True, False, "auto"):
        raise RunError(f"health={health!r}", wanted="True, False or 'auto'", way_out="Leave it out.")
    return bool(read) if health == "auto" else bool(health)


def _start(start: Any, fresh: Sequence[str]) -> Start | None:
    if start is not None:
        return Start.of(start, fresh)
    if fresh:
        raise RecipeError(
            f"fresh={fresh!r} without start", wanted="a run to start from", way_out="Without one every layer is fresh."
        )
    return None


def as_dataset(data: Any, weights: Any = None) -> Dataset:
    """A data set from whatever ``fit`` takes."""
    if isinstance(data, tuple) and len(data) == 2:
        return from_arrays(*data, weights=weights)
    if isinstance(data, str | Path):
        data = load(str(data))
    if isinstance(data, Dataset):
        if weights is None:
            return data
        if not isinstance(data.train, Split):
            raise DataError(
                "sample_weight for streamed data", wanted="data in memory", way_out="Pass arrays, or use class_weight."
            )
        checked = check_weights(weights, len(data.train), "sample_weight")
        return dataclasses.replace(data, train=dataclasses.replace(data.train, weights=checked))
    raise DataError(
        f"data of type {type(data).__name__}",
        wanted="a Dataset, a name, a path, or a pair (x, y)",
        way_out="Write snarc.load('mnist'), or pass (x, y).",
    )


def as_dataset_again(about: Mapping[str, Any]) -> Dataset:
    """The data set that dataset.json describes, read again."""
    if about["load"] is None:
        raise RunError(
            f"the run was trained on {about['name']!r}, which was given as arrays",
            wanted="the arrays again",
            way_out="Pass data=(x, y) to snarc.training.resume.",
        )
    return load(**about["load"])


# Without epochs of the user's own, small data sets are passed over until a network can have learnt them.
FEWEST_STEPS = 1500
# Fields that make sense together only: one of them given, and a model's suggestion for the others is left aside.
LEARNING = {"optimizer", "learning_rate", "schedule", "warmup", "momentum"}


def recipe_for(
    model: Any,
    recipe: Recipe | None,
    fields: dict[str, Any],
    examples: int,
    fewest_steps: int = FEWEST_STEPS,
    about: Mapping[str, Any] = MappingProxyType({}),
) -> Recipe:
    """The recipe: what suits the model and the data, overruled by ``recipe`` or by single fields.

    ``about`` is what the data say of it: ``batch_size``, and ``examples`` to have seen by the end.
    """
    if not isinstance(model, str):
        fields = {**fields, "model": f"custom:{getattr(model, '__name__', type(model).__name__)}"}
        suggested: dict[str, Any] = {}
    else:
        name, _ = resolve(model, fields.get("model_options") or (recipe.model_options if recipe else {}))
        suggested = dict(models.get(name).about.get("recipe", {}))
        fields = {**fields, "model": model}
    if recipe is not None:
        return recipe.with_(**fields)
    if LEARNING & fields.keys():
        suggested = {name: value for name, value in suggested.items() if name not in LEARNING}
    if fields.get("optimizer") == "lbfgs":
        fields = {"batch_size": examples, **fields}
    batch_size = min(about.get("batch_size", 100), max(1, examples // 10))
    found = Recipe(**{"batch_size": batch_size, **suggested, **fields})
    if "epochs" not in fields and "examples" in about:
        found = found.with_(epochs=math.ceil(about["examples"] / max(examples, 1)))
    elif "epochs" not in fields:
        steps = math.ceil(max(examples, 1) / found.batch_size)
        found = found.with_(epochs=max(found.epochs, math.ceil(fewest_steps / steps)))
    return found
