"""What a run's folder holds, and how it is opened again.

::

    recipe.json        everything that decided the learning
    dataset.json       name, task, source and checksum of the data
    start.json         the networks it began with, if it did not begin at random weights
    environment.json   machine, versions, devices, command
    status.json        running, finished, interrupted or diverged
    metrics.jsonl      a line for each epoch and replica
    health.jsonl       a line for each look at the layers of the first replica
    pictures/          of a run on a picture: what the network made of it after some epochs
    checkpoints/       to resume from
    weights/K/         the trained network of replica K: safetensors and a JSON description
    results.json       what evaluate found
    figures/, report.html
"""

from __future__ import annotations

import platform
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from flax import nnx

from snarc.data import Dataset, Task
from snarc.errors import RunError

from .files import read_json, read_lines, write_json, write_lines
from .frames import read as read_frames
from .health import Health, Look
from .history import History, Row
from .names import from_arrays, shapes, to_arrays
from .recipe import Recipe
from .run import FORMAT, Run
from .store import expect
from .weights import load_weights, save_weights


def describe(dataset: Dataset, load: Mapping[str, Any] | None) -> dict[str, Any]:
    """What a run remembers of its data."""
    return {
        "name": dataset.name,
        "task": asdict(dataset.task),
        "inputs": list(dataset.inputs),
        "dtype": str(np.dtype(dataset.train.inputs.dtype)),
        "range": dataset.range,
        "columns": list(dataset.columns),
        "sizes": {name: len(dataset.split(name)) for name in ("train", "validation", "test")},
        "source": dict(dataset.source),
        "load": dict(load) if load is not None else None,
        "checksum": dataset.checksum(),
    }


def start(
    path: Path,
    recipe: Recipe,
    dataset: Mapping[str, Any],
    environment: Mapping[str, Any],
    began: Mapping[str, Any] | None = None,
) -> None:
    """Write what is known before training; ``began``: the networks that it starts from."""
    if began is not None:
        write_json(path / "start.json", began)
    write_json(path / "recipe.json", {"format": FORMAT, **recipe.model_dump()})
    write_json(path / "dataset.json", dataset)
    write_json(path / "environment.json", environment)
    write_json(path / "status.json", {"status": "running"})


def finish(path: Path, run: Run) -> None:
    """Write the trained networks and how it ended."""
    for k, network in enumerate(run.networks):
        folder = path / "weights" / str(k)
        folder.mkdir(parents=True, exist_ok=True)
        config = {
            "model": run.recipe.model,
            "options": run.recipe.model_options,
            "inputs": list(run.inputs),
            "outputs": run.task.outputs(run.inputs),
            "task": asdict(run.task),
            "seed": run.recipe.seed + k,
            "versions": dict(run.about["environment"]["packages"]),
        }
        save_weights(folder, to_arrays(nnx.state(network)), config)
    write_json(path / "status.json", {"status": run.status, "ended": list(run.about["ended"])})


def rows_by_replica(lines: list[Row], replicas: int) -> list[list[Row]]:
    """Lines of metrics.jsonl, sorted into replicas."""
    rows: list[list[Row]] = [[] for _ in range(replicas)]
    for line in lines:
        rows[line["replica"]].append(line)
    return rows


def rewrite_metrics(path: Path, rows: list[list[Row]]) -> None:
    """Bring metrics.jsonl back to what a checkpoint knows."""
    flat = sorted((row for replica in rows for row in replica), key=lambda row: (row["epoch"], row["replica"]))
    write_lines(path / "metrics.jsonl", flat)


def rewrite_looks(path: Path, looks: list[Look]) -> None:
    """Bring health.jsonl back to what a checkpoint knows."""
    if looks or (path / "health.jsonl").exists():
        write_lines(path / "health.jsonl", looks)


def read_health(path: Path) -> Health:
    """What was seen of the layers while a run learnt; without looks if there were none."""
    lines = read_lines(path / "health.jsonl") if (path / "health.jsonl").is_file() else []
    return Health(tuple(lines))


def read_recipe(path: Path) -> Recipe:
    """The recipe of a run's folder.

    Raises
    ------
    RunError: the folder is no run, or of a newer format.
    """
    if not (path / "recipe.json").is_file():
        raise RunError(
            f"{path} is no run" if path.exists() else f"{path} does not exist",
            wanted="a folder with a recipe.json, as `snarc train` makes it",
            way_out="`snarc runs` lists the runs there are.",
        )
    fields = read_json(path / "recipe.json")
    found = fields.pop("format", None)
    if found != FORMAT:
        raise RunError(
            f"{path} is a run of format {found}",
            wanted=f"format {FORMAT}",
            way_out="Open it with the version of snarc that environment.json names.",
        )
    return Recipe(**fields)


def task_of(about: Mapping[str, Any]) -> Task:
    """The task written in dataset.json."""
    task = about["task"]
    return Task(task["kind"], tuple(task["classes"]), tuple(task["targets"]))


def open(path: str | Path, *, data: Any = None, model: Any = None) -> Run:
    """Open a run's folder.

    Parameters
    ----------
    data: the data set, for runs whose data cannot be read again by name.
    model: the factory of the network, for runs whose network is not one of the registry's.

    Raises
    ------
    RunError: the folder is no run, or its training has not finished (resume it first).
    """
    from .build import make_network
    from .fitting import as_dataset

    path = Path(path).resolve()
    recipe = read_recipe(path)
    about = read_json(path / "dataset.json")
    status = read_json(path / "status.json")
    if not (path / "weights").is_dir():
        raise RunError(
            f"{path} holds a training that is not finished ({status['status']})",
            wanted="a run with weights",
            way_out=f"Finish it: snarc resume {path}",
        )
    task, inputs = task_of(about), tuple(about["inputs"])
    networks = []
    for k in range(recipe.replicas):
        arrays, _ = load_weights(path / "weights" / str(k))
        network = make_network(model or recipe.model, recipe, inputs, task.outputs(inputs), k)
        state = nnx.state(network)
        expect(arrays, shapes(state))
        nnx.update(network, from_arrays(state, arrays))
        network.eval()
        networks.append(network)
    details = {"dataset": about, "environment": read_json(path / "environment.json"), "ended": status.get("ended", [])}
    history = History(rows_by_replica(read_lines(path / "metrics.jsonl"), recipe.replicas))
    dataset = as_dataset(data) if data is not None else None
    if (path / "start.json").is_file():
        details["start"] = read_json(path / "start.json")
    health = read_health(path)
    return Run(
        path, recipe, tuple(networks), history, status["status"], task, inputs, details, dataset, health=health,
        frames=read_frames(path / "pictures"),
    )  # fmt: skip


def platform_of(environment: Mapping[str, Any]) -> dict[str, Any]:
    """What bit-identity depends on: machine type, versions, device kind and count."""
    kept = ("machine", "processor", "cores", "backend", "devices", "packages", "python")
    return {name: environment.get(name) for name in kept} | {"system": platform.system()}
