"""A training, checked and built, ready to run."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jax

from snarc.data import Dataset, Stream, moments
from snarc.errors import DivergedError

from . import folder as folders
from . import hosts
from .build import make_network
from .checks import check, check_network, check_outputs
from .drive import Driver, Resident, Streamed, mesh
from .environment import environment
from .evaluate import function
from .files import append_line
from .frames import Frames
from .health import Health, Look
from .history import History
from .interrupt import graceful
from .loop import Loop, put
from .losses import criterion
from .optimizers import Optimizer
from .progress import Silent
from .progress import choose as choose_progress
from .recipe import Recipe
from .replicas import Replicas, vectorise
from .run import Run
from .step import State, begin
from .store import Store
from .transfer import Start, below


class Job:
    """A training, checked and built, ready to run."""

    def __init__(self, model: Any, recipe: Recipe, dataset: Dataset, devices: int, start: Start | None = None) -> None:
        self.recipe, self.dataset, self.model = recipe, dataset, model
        self.start = start.describe() if start is not None else None
        check(model, recipe, dataset, devices)
        moment = moments(dataset.train) if recipe.standardise else None
        self.networks = [
            make_network(model, recipe, dataset.inputs, dataset.outputs, k, moment, learning=True, within=dataset.range)
            for k in range(recipe.replicas)
        ]
        check_outputs(self.networks[0], dataset)
        loss = criterion(recipe, dataset.task, dataset.train.targets)
        check_network(self.networks[0], recipe, loss.name, len(dataset.train))
        frozen = below(self.networks[0], recipe.freeze, "freeze", must_learn=True)
        if start is not None:
            start.put(self.networks)
        classes = dataset.task.kind in ("classification", "sequence")
        states: list[State] = []
        for network in self.networks:
            program, state = begin(
                network,
                loss,
                Optimizer.of(recipe),
                classification=classes,
                precision=recipe.precision,
                frozen=frozen,
            )
            states.append(state)
        over = mesh(jax.device_count() if hosts.several() else devices)
        driver: Driver
        if isinstance(dataset.train, Stream):
            driver, many = Streamed(dataset.train, recipe.batch_size, over=over), False
        else:
            many = vectorise(recipe.replica_mode, recipe.replicas, Resident)
            driver = Resident(
                dataset.train.inputs,
                dataset.train.targets,
                recipe.batch_size,
                weights=dataset.train.mean_one(),
                vectorised=many,
                over=over,
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
        health: bool = False,
    ) -> Run:
        """Train, write what there is to write, and return the run; with ``resume`` from the newest checkpoint."""
        path = store.folder if store is not None and hosts.leads() else None
        spot = environment()
        details = {"versions": spot["packages"], "devices": spot["devices"], "path": str(path) if path else ""}

        def note(rows: list[Any]) -> None:
            if path is not None:
                for row in rows:
                    append_line(path / "metrics.jsonl", row)
            if frames is not None and rows[0]["replica"] == 0:
                network = put(self.networks[0], loop.replicas[0])
                frames.take(rows[0]["epoch"], function(network, self.recipe.precision))

        frames = Frames.of(self.dataset, self.recipe.epochs, path) if hosts.leads() else None

        def note_look(look: Look) -> None:
            if path is not None:
                append_line(path / "health.jsonl", look)

        with graceful() as stop:
            loop = Loop(
                self.recipe, self.dataset, self.replicas, self.networks[0], store=store, about=details,
                progress=choose_progress(progress) if progress and hosts.leads() else Silent(),
                checkpoint_seconds=checkpoint_seconds, on_epoch=note, on_look=note_look if health else None,
            )  # fmt: skip
            if resume:
                loop.load(strict=strict)
            elif self.start is not None:
                loop.save()  # what it starts from is nowhere else in the folder
            if path is not None:
                folders.rewrite_metrics(path, loop.position.rows)
                folders.rewrite_looks(path, loop.position.looks)
            try:
                status = loop.run(stop)
            except DivergedError:
                self._record(loop, "diverged", path, about, spot)
                raise
            run = self._record(loop, status, path, about, spot)
        return dataclasses.replace(run, signal=stop.signal, frames={} if frames is None else frames.found)

    def _record(
        self, loop: Loop, status: str, path: Path | None, about: Mapping[str, Any], spot: Mapping[str, Any]
    ) -> Run:
        for network, state in zip(self.networks, loop.results()):
            put(network, state)
            # It has learnt: what is kept, saved and shown is the network alone.
            network.augment = network.adversary = None
            network.eval()
        details = {"dataset": about, "environment": spot, "ended": loop.position.ended}
        if self.start is not None:
            details["start"] = self.start
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
            health=Health(tuple(loop.position.looks)),
        )
        if path is not None:
            folders.finish(path, run)
        return run
