"""Train a network on data: the public door to the engine."""

from __future__ import annotations

import contextlib
import dataclasses
import math
import os
import re
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import jax
import numpy as np
from flax import nnx

from snarc.data import Dataset, Split, Stream, from_arrays, load, moments
from snarc.errors import DataError, DivergedError, LimitError, ModelError, RecipeError
from snarc.layers.standardise import Standardise
from snarc.models.network import Network, build, resolve, suits
from snarc.registry import models

from . import folder as folders
from . import hosts
from .drive import Driver, Resident, Streamed, mesh
from .environment import environment, start_cache
from .files import append_line, read_json
from .history import History
from .interrupt import graceful
from .loop import Loop, put
from .losses import choose
from .optimizers import Optimizer
from .place import make_out
from .progress import Silent
from .progress import choose as choose_progress
from .recipe import Recipe
from .replicas import Replicas, vectorise
from .run import Run
from .step import State, begin
from .store import Store


def fit(
    model: str | nnx.Module | Callable[..., nnx.Module],
    data: Dataset | str | tuple[Any, Any],
    *,
    out: str | Path | bool | None = None,
    recipe: Recipe | None = None,
    devices: int = 1,
    checkpoint_seconds: float = 30.0,
    progress: bool | str = "auto",
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
    devices: how many devices share each batch; of several processes (:mod:`snarc.training.hosts`) all do.
    checkpoint_seconds: time between checkpoints; one is also written at the end and on Ctrl-C.
    progress: show it; ``"auto"`` draws a bar on a terminal and prints lines elsewhere.

    Returns
    -------
    The run; interrupted by Ctrl-C it is returned as far as it came, with status ``interrupted``.

    Raises
    ------
    SnarcError: anything about the model, data or recipe that cannot work, before training starts.
    DivergedError: the loss stopped being finite; the folder keeps the last finite weights.

    >>> run = fit("linear", "digits", epochs=2, out=False, progress=False)
    >>> bool(run.test.accuracy.mean > 0.8)
    True
    """
    start_cache()
    how = {"what": data} if isinstance(data, str | Path) else None
    dataset = as_dataset(data)
    if isinstance(model, str) and model == "auto":
        model = suits(dataset.inputs)
    recipe = _recipe(model, recipe, fields, len(dataset.train))
    job = _Job(model, recipe, dataset, devices)
    about = folders.describe(dataset, dataset.source.get("load", how))
    if out is False or not hosts.leads():
        return job.learn(None, about, checkpoint_seconds, progress, resume=False, strict=False)
    path = make_out(None if out is True else out, f"{dataset.name}-{recipe.model}")
    store = Store(path)
    with store.lock():
        folders.start(path, recipe, about, environment())
        return job.learn(store, about, checkpoint_seconds, progress, resume=False, strict=False)


def resume(
    path: str | Path,
    *,
    data: Any = None,
    model: Any = None,
    devices: int = 1,
    checkpoint_seconds: float = 30.0,
    progress: bool | str = "auto",
    strict: bool = False,
) -> Run:
    """Go on from a run's newest checkpoint; the result is, bit for bit, that of a run without the stop.

    Parameters
    ----------
    data, model: needed if the run was made from arrays, or from a network that is not in the registry.
    strict: refuse to fall back to an older checkpoint when the newest is damaged.

    Raises
    ------
    RunError: the folder is no run, or its training has finished.
    CheckpointError: no checkpoint can be read back whole.
    """
    from snarc.errors import RunError

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
        job = _Job(model if model is not None else recipe.model, recipe, dataset, devices)
        return job.learn(store, about, checkpoint_seconds, progress, resume=bool(store.steps()), strict=strict)


def as_dataset(data: Any) -> Dataset:
    """A data set from whatever ``fit`` takes."""
    if isinstance(data, Dataset):
        return data
    if isinstance(data, str | Path):
        return load(str(data))
    if isinstance(data, tuple) and len(data) == 2:
        return from_arrays(*data)
    raise DataError(
        f"data of type {type(data).__name__}",
        wanted="a Dataset, a name, a path, or a pair (x, y)",
        way_out="Write snarc.load('mnist'), or pass (x, y).",
    )


def as_dataset_again(about: Mapping[str, Any]) -> Dataset:
    """The data set that dataset.json describes, read again."""
    from snarc.errors import RunError

    if about["load"] is None:
        raise RunError(
            f"the run was trained on {about['name']!r}, which was given as arrays",
            wanted="the arrays again",
            way_out="Pass data=(x, y) to snarc.training.resume.",
        )
    return load(**about["load"])


def make_network(
    model: Any, recipe: Recipe, inputs: tuple[int, ...], outputs: int, replica: int, moment: Any = None
) -> Network:
    """The network of a replica: the input stage around a body built with the replica's seed."""
    from snarc import keys

    seed = recipe.seed + replica
    if isinstance(model, nnx.Module):
        body = model
    elif isinstance(model, str):
        body = build(model, inputs=inputs, outputs=outputs, seed=seed, options=recipe.model_options)
    else:
        body = model(inputs=inputs, outputs=outputs, rngs=keys.rngs(seed), **recipe.model_options)
        if not isinstance(body, nnx.Module):
            raise ModelError(
                f"the model factory returned {type(body).__name__}",
                wanted="an nnx.Module",
                way_out="Return the module itself.",
            )
    mean, scale = moment if moment is not None else (None, None)
    return Network(Standardise(inputs[-1] if inputs else 1, mean, scale), body)


class _Job:
    """A training, checked and built, ready to run."""

    def __init__(self, model: Any, recipe: Recipe, dataset: Dataset, devices: int) -> None:
        self.recipe, self.dataset, self.model = recipe, dataset, model
        _check(model, recipe, dataset, devices)
        moment = moments(dataset.train) if recipe.standardise else None
        self.networks = [
            make_network(model, recipe, dataset.inputs, dataset.outputs, k, moment) for k in range(recipe.replicas)
        ]
        _check_outputs(self.networks[0], dataset)
        loss = choose(recipe.loss, dataset.task)
        classes = dataset.task.kind in ("classification", "sequence")
        states: list[State] = []
        for network in self.networks:
            program, state = begin(
                network, loss, Optimizer.of(recipe), classification=classes, precision=recipe.precision
            )
            states.append(state)
        over = mesh(jax.device_count() if hosts.several() else devices)
        driver: Driver
        if isinstance(dataset.train, Stream):
            driver, many = Streamed(dataset.train, recipe.batch_size, over=over), False
        else:
            many = vectorise(recipe.replica_mode, recipe.replicas, Resident)
            driver = Resident(
                dataset.train.inputs, dataset.train.targets, recipe.batch_size, vectorised=many, over=over
            )
        self.replicas = Replicas(driver, program, states, vectorised=many)

    def learn(
        self,
        store: Store | None,
        about: Mapping[str, Any],
        checkpoint_seconds: float,
        progress: bool | str,
        *,
        resume: bool,
        strict: bool,
    ) -> Run:
        path = store.folder if store is not None and hosts.leads() else None
        spot = environment()
        details = {"versions": spot["packages"], "devices": spot["devices"], "path": str(path) if path else ""}

        def note(rows: list[Any]) -> None:
            if path is not None:
                for row in rows:
                    append_line(path / "metrics.jsonl", row)

        with graceful() as stop:
            loop = Loop(
                self.recipe, self.dataset, self.replicas, self.networks[0], store=store, about=details,
                progress=choose_progress(progress) if progress and hosts.leads() else Silent(),
                checkpoint_seconds=checkpoint_seconds, on_epoch=note,
            )  # fmt: skip
            if resume:
                loop.load(strict=strict)
            if path is not None:
                folders.rewrite_metrics(path, loop.position.rows)
            try:
                status = loop.run(stop)
            except DivergedError:
                self._record(loop, "diverged", path, about, spot)
                raise
            run = self._record(loop, status, path, about, spot)
        return dataclasses.replace(run, signal=stop.signal)

    def _record(
        self, loop: Loop, status: str, path: Path | None, about: Mapping[str, Any], spot: Mapping[str, Any]
    ) -> Run:
        for network, state in zip(self.networks, loop.results()):
            put(network, state)
            network.eval()
        details = {"dataset": about, "environment": spot, "ended": loop.position.ended}
        task, inputs = self.dataset.task, self.dataset.inputs
        run = Run(
            path,
            self.recipe,
            tuple(self.networks),
            History(loop.position.rows),
            status,
            task,
            inputs,
            details,
            self.dataset,
        )
        if path is not None:
            folders.finish(path, run)
        return run


# Without epochs of the user's own, small data sets are passed over until a network can have learnt them.
FEWEST_STEPS = 1500
# Fields that make sense together only: one of them given, and a model's suggestion for the others is left aside.
_LEARNING = {"optimizer", "learning_rate", "schedule", "warmup", "momentum"}


def _recipe(model: Any, recipe: Recipe | None, fields: dict[str, Any], examples: int) -> Recipe:
    """The recipe: what suits the model and the size of the data, overruled by ``recipe`` or by single fields."""
    if not isinstance(model, str):
        fields = {**fields, "model": f"custom:{getattr(model, '__name__', type(model).__name__)}"}
        suggested: dict[str, Any] = {}
    else:
        name, _ = resolve(model, fields.get("model_options") or (recipe.model_options if recipe else {}))
        suggested = dict(models.get(name).about.get("recipe", {}))
        fields = {**fields, "model": model}
    if recipe is not None:
        return recipe.with_(**fields)
    if _LEARNING & fields.keys():
        suggested = {name: value for name, value in suggested.items() if name not in _LEARNING}
    found = Recipe(**{"batch_size": min(100, max(1, examples // 10)), **suggested, **fields})
    if "epochs" not in fields:
        steps = math.ceil(max(examples, 1) / found.batch_size)
        found = found.with_(epochs=max(found.epochs, math.ceil(FEWEST_STEPS / steps)))
    return found


def _check(model: Any, recipe: Recipe, dataset: Dataset, devices: int) -> None:
    """Everything that can be known to be wrong before anything is built."""
    count = len(dataset.train)
    if recipe.batch_size > count:
        raise RecipeError(
            f"a batch of {recipe.batch_size} from {count} training examples",
            wanted=f"a batch size of at most {count}",
            way_out=f"Use batch_size={min(count, 32)}.",
        )
    if recipe.early_stopping is not None and not len(dataset.validation):
        raise RecipeError(
            "early stopping without a validation split",
            wanted="validation examples to judge by",
            way_out="Load the data with validation=0.1.",
        )
    if recipe.keep == "best" and not len(dataset.validation):
        raise RecipeError(
            "keep='best' without a validation split",
            wanted="validation examples to judge by",
            way_out="Use keep='last'.",
        )
    have = jax.device_count()
    if not 1 <= devices <= have:
        raise RecipeError(
            f"{devices} devices", wanted=f"1 to {have}, as many as JAX sees here", way_out=f"Use devices={have}."
        )
    if isinstance(model, nnx.Module) and recipe.replicas > 1:
        raise ModelError(
            f"one module for {recipe.replicas} replicas",
            wanted="a name or a factory f(inputs=, outputs=, rngs=), which can be built with several seeds",
            way_out="Pass the class or a function instead of the built module.",
        )
    if dataset.task.kind not in ("classification", "regression", "reconstruction", "sequence"):
        raise DataError(f"a task of {dataset.task.kind}", wanted="a known kind", way_out="Use 'classification'.")
    _check_memory(model, recipe, dataset)


def _check_memory(model: Any, recipe: Recipe, dataset: Dataset) -> None:
    """Refuse what cannot fit: weights, optimiser memory and gradients of all replicas, estimated from shapes."""
    if isinstance(model, nnx.Module):
        return
    shapes = nnx.eval_shape(lambda: make_network(model, recipe, dataset.inputs, dataset.outputs, 0))
    weights = sum(math.prod(leaf.shape) for leaf in jax.tree.leaves(nnx.state(shapes, nnx.Param)))
    needed = 4 * weights * 6 * recipe.replicas
    free = _free_memory()
    if needed > free:
        raise LimitError(
            f"{recipe.replicas} replica(s) of {weights:,} weights, about {needed / 2**30:.1f} GiB while training",
            wanted=f"at most the {free / 2**30:.1f} GiB that are free",
            way_out="Use fewer replicas or narrower layers.",
        )


def _free_memory() -> int:
    try:
        text = Path("/proc/meminfo").read_text()
        found = re.search(r"MemAvailable:\s+(\d+) kB", text)
        if found:
            return int(found[1]) * 1024
    except OSError:
        pass
    if hasattr(os, "sysconf") and "SC_PHYS_PAGES" in os.sysconf_names:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return 2**34


def _check_outputs(network: Network, dataset: Dataset) -> None:
    """Compute the shape of the logits without computing them."""
    dtype = dataset.train.inputs.dtype if isinstance(dataset.train, Split) else np.uint8
    example = jax.ShapeDtypeStruct((2, *dataset.inputs), dtype)
    network.eval()
    try:
        found = nnx.eval_shape(lambda net, x: net(x), network, example).shape
    except (TypeError, ValueError) as error:
        raise ModelError(
            f"the network cannot take inputs of shape {dataset.inputs}: {str(error).splitlines()[0]}",
            wanted="a network for these inputs",
            way_out="Choose another model, or resize the data.",
        ) from error
    wanted = (2, dataset.outputs)
    if math.prod(found) != math.prod(wanted) or found[0] != 2:
        raise ModelError(
            f"the network returns {found} for two examples",
            wanted=f"{wanted}: a row of {dataset.outputs} outputs for each",
            way_out="Give it that many outputs.",
        )


__all__ = ["as_dataset", "fit", "make_network", "resume"]
