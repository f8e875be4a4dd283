"""A run as plain values and arrays, for whoever copies or stores a fitted estimator; and back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from flax import nnx

from snarc.data import Task
from snarc.training import History, Recipe, Run
from snarc.training.build import make_network
from snarc.training.names import from_arrays, shapes, to_arrays
from snarc.training.store import expect

FORMAT = 1


def pack(run: Run) -> dict[str, Any]:
    """The run without functions and network objects: settings, history, and arrays by name."""
    return {
        "format": FORMAT,
        "recipe": run.recipe.model_dump(),
        "networks": [to_arrays(nnx.state(network)) for network in run.networks],
        "history": run.history.rows,
        "status": run.status,
        "task": asdict(run.task),
        "inputs": list(run.inputs),
        "about": dict(run.about),
    }


def task_of(packed: Mapping[str, Any]) -> Task:
    """The task of a packed run."""
    task = packed["task"]
    return Task(task["kind"], tuple(task["classes"]), tuple(task["targets"]))


def unpack(packed: Mapping[str, Any], model: Any) -> Run:
    """The run again; its networks are built by name or factory and get the packed weights.

    Raises
    ------
    CheckpointError: the model no longer has weights of these names and shapes.
    """
    recipe, task, inputs = Recipe(**packed["recipe"]), task_of(packed), tuple(packed["inputs"])
    networks = []
    for k, arrays in enumerate(packed["networks"]):
        network = make_network(model, recipe, inputs, task.outputs(inputs), k)
        state = nnx.state(network)
        expect(arrays, shapes(state))
        nnx.update(network, from_arrays(state, arrays))
        network.eval()
        networks.append(network)
    history = History(packed["history"])
    return Run(None, recipe, tuple(networks), history, packed["status"], task, inputs, packed["about"])
