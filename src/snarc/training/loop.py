"""The one loop: epochs, validation, early stopping, checkpoints, divergence and Ctrl-C."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from snarc import keys
from snarc.data import Dataset
from snarc.errors import DivergedError

from . import hosts
from .diagnose import diverged
from .drive import empty_trace
from .evaluate import function, outputs, score
from .health import Look, Monitor
from .history import History, Row, finite, summed
from .interrupt import Stop
from .losses import plain
from .names import from_arrays, shapes, to_arrays
from .optimizers import rates
from .progress import Progress, epoch_line
from .recipe import Recipe
from .replicas import Replicas
from .step import COUNT, LOSS, State
from .store import Store, expect

# Long enough that starting a compiled loop costs nothing, short enough that Ctrl-C and the bar feel immediate.
CHUNK_SECONDS = 0.25


@dataclass
class Position:
    """Where a training stands; goes into every checkpoint."""

    epoch: int = 0
    step: int = 0
    seconds: float = 0.0
    rows: list[list[Row]] = field(default_factory=list)
    best: list[Row | None] = field(default_factory=list)
    ended: list[str] = field(default_factory=list)
    looks: list[Look] = field(default_factory=list)


class Loop:
    """A training under way.

    Parameters
    ----------
    replicas: the states that learn.
    networks: a network of the right shape for each replica, into which weights are put back.
    on_epoch: called with the rows of each finished epoch, one for each active replica.
    on_look: called with each look at the layers of the first replica; none takes no looks.
    """

    def __init__(
        self,
        recipe: Recipe,
        dataset: Dataset,
        replicas: Replicas,
        network: Any,
        *,
        store: Store | None,
        about: dict[str, Any],
        progress: Progress,
        checkpoint_seconds: float,
        on_epoch: Callable[[list[Row]], None],
        on_look: Callable[[Look], None] | None = None,
    ) -> None:
        self.recipe, self.dataset, self.replicas, self.network = recipe, dataset, replicas, network
        self.store, self.about, self.progress = store, about, progress
        self.checkpoint_seconds, self.on_epoch = checkpoint_seconds, on_epoch
        count = recipe.replicas
        self.position = Position(rows=[[] for _ in range(count)], best=[None] * count, ended=[""] * count)
        self.best_states: list[State | None] = [None] * count
        self.steps = math.ceil(len(dataset.train) / recipe.batch_size)
        self.rates = rates(recipe, self.steps * recipe.epochs)
        self.classification = dataset.task.kind in ("classification", "sequence")
        self.trace = self._empty()
        self.monitor: Monitor | None = None
        if on_look is not None:
            self.monitor = Monitor(
                replicas.program, dataset, self.rates, self.steps, recipe.batch_size,
                looks=self.position.looks, place=replicas.driver.place, apart=replicas.driver.over is None,
                tell=progress.warn, note=on_look,
            )  # fmt: skip
        self._looking = False
        self._chunk, self._saved = 1, time.monotonic()

    def run(self, stop: Stop) -> str:
        """Learn until the end, or until somebody asks to stop; returns ``finished`` or ``interrupted``."""
        self.progress.begin(self.steps * self.recipe.epochs, self.position.epoch * self.steps + self.position.step)
        try:
            while self.position.epoch < self.recipe.epochs and not all(self.position.ended):
                if not self._epoch(stop):
                    self.save()
                    return "interrupted"
            self._finish_looks()
            self.save()
            return "finished"
        finally:
            self._finish_looks()
            self.progress.end()

    def results(self) -> list[State]:
        """The weights that come back: of the best epoch on validation where the recipe keeps them, else the last."""
        found = []
        for k in range(self.replicas.count):
            best = self.best_states[k]
            found.append(best if self.recipe.keeps_best and best is not None else self.replicas[k])
        return found

    @property
    def history(self) -> History:
        return History(self.position.rows)

    # One epoch

    def _epoch(self, stop: Stop) -> bool:
        """Run the epoch from where it stands; false if it was interrupted."""
        position = self.position
        began = time.monotonic() - (position.seconds if position.step else 0)
        self.replicas.begin([self._order(k) for k in range(self.replicas.count)])
        self._epoch_start = self.replicas.snapshot()
        rates_now = self.rates[position.epoch * self.steps : (position.epoch + 1) * self.steps]
        while position.step < self.steps:
            (chunk,) = hosts.agree(self._chunk)
            self._advance(rates_now, self._until(chunk))
            position.seconds = time.monotonic() - began
            if hosts.any_of(bool(stop)):
                return False
            if position.step < self.steps and self._due():
                self.save()
            if all(position.ended):
                return True
        self._close_epoch(began)
        if self._due():
            self.save()
        return not hosts.any_of(bool(stop))

    def _order(self, k: int) -> np.ndarray:
        generator = keys.generator(self.recipe.seed + k, "shuffle", self.position.epoch)
        return generator.permutation(len(self.dataset.train)).astype(np.int32)

    def _until(self, chunk: int) -> int:
        """The step up to which to go on at once: so far, to the end of the epoch, or to the next look."""
        until = min(self.steps, self.position.step + chunk)
        self._looking = False
        if self.monitor is None or self.position.ended[0]:
            return until
        first = self.position.epoch * self.steps
        self._looking = self.monitor.wanted(first + self.position.step)
        if self._looking:
            return self.position.step + 1
        mark = self.monitor.next(first + self.position.step + 1)
        return until if mark is None else min(until, mark - first)

    def _advance(self, rates_now: np.ndarray, until: int) -> None:
        position, start = self.position, self.position.step
        active = [not ended for ended in position.ended]
        before = self.replicas.snapshot()
        first = self.replicas[0] if self._looking else None
        tick = time.monotonic()
        self.trace = self.replicas.advance(rates_now, start, until, self.trace, active)
        if self.monitor is not None and first is not None:
            self.monitor.look(position.epoch * self.steps + start, first, self.replicas[0], time.monotonic() - tick)
        else:  # a single step says little of the pace
            self._pace(until - start, time.monotonic() - tick)
        for k in range(self.replicas.count):
            bad = ~np.isfinite(self.trace[k, start:until, LOSS])
            if active[k] and bad.any():
                self._diverge(k, before, start + int(np.argmax(bad)), start, rates_now)
        position.step = until
        self._tell()

    def _pace(self, steps: int, seconds: float) -> None:
        # The first chunk holds compilation; growing by at most four keeps one fast chunk from making a slow one.
        wanted = steps * CHUNK_SECONDS / max(seconds, 1e-6)
        self._chunk = int(np.clip(wanted, 1, 4 * max(self._chunk, 4)))

    def _tell(self) -> None:
        position = self.position
        done = self.trace[:, : position.step].sum(axis=1)
        live = [k for k, ended in enumerate(position.ended) if not ended]
        if live:
            loss = float(np.mean([done[k, LOSS] / max(done[k, COUNT], 1) for k in live]))
            text = f"epoch {position.epoch + 1}/{self.recipe.epochs}, loss {loss:.4f}"
            self.progress.step(position.epoch * self.steps + position.step, text)

    def _close_epoch(self, began: float) -> None:
        position, rows = self.position, []
        for k in range(self.replicas.count):
            if position.ended[k]:
                continue
            state = self.replicas[k]
            row: Row = {
                "replica": k,
                "epoch": position.epoch + 1,
                "steps": (position.epoch + 1) * self.steps,
                **summed(self.trace[k], classification=self.classification),
            }
            if len(self.dataset.validation):
                row |= self._validate(state)
            row["learning_rate"] = float(self.rates[(position.epoch + 1) * self.steps - 1])
            row = finite(row)
            position.rows[k].append(row)
            rows.append(row)
            self._judge(k, row, state)
        seconds = time.monotonic() - began
        for row in rows:
            row["seconds"] = seconds
        position.epoch, position.step, position.seconds = position.epoch + 1, 0, 0.0
        self.trace = self._empty()
        if rows:
            self.on_epoch(rows)
            self.progress.say(epoch_line(self.history.mean_row(), self.recipe.epochs, len(rows)))

    def _validate(self, state: State) -> Row:
        split = self.dataset.validation
        network = put(self.network, state)
        found = outputs(function(network, self.recipe.precision), split)
        numbers = score(found, split.targets, plain(self.recipe, self.dataset.task), self.dataset.task)
        kept = ("loss", "accuracy") if self.classification else ("loss", "rmse", "r2")
        return {f"validation_{n}": numbers[n] for n in kept}

    def _judge(self, k: int, row: Row, state: State) -> None:
        """Remember the best epoch; end a replica that no longer improves."""
        loss = row.get("validation_loss", row["loss"])
        best = self.position.best[k]
        if loss is None:
            self._end_diverged(
                k,
                f"the validation loss is not finite after epoch {row['epoch']}",
                row["learning_rate"],
                self._epoch_start,
            )
            return
        if self.recipe.watch == "error":
            loss = 1 - float(row.get("validation_accuracy", row["accuracy"]) or 0)
        if best is None or loss < best["loss"]:
            self.position.best[k] = {"epoch": row["epoch"], "loss": loss}
            self.best_states[k] = state if self.recipe.keeps_best else None
        patience = self.recipe.early_stopping
        best = self.position.best[k]
        if patience is not None and best is not None and row["epoch"] - best["epoch"] >= patience:
            self.position.ended[k] = (
                f"stopped early: no better validation {self.recipe.watch} since epoch {best['epoch']}"
            )

    # Divergence

    def _diverge(self, k: int, before: Any, bad: int, start: int, rates_now: np.ndarray) -> None:
        """Take replica ``k`` back to the step before the bad one and end it; the others go on."""
        self.replicas.put_back(before, k)
        only = [j == k for j in range(self.replicas.count)]
        if not self.replicas.vectorised:
            # The same program over the same steps leads to the same weights; it stops one short this time.
            self.replicas.advance(rates_now, start, bad, self.trace, only)
        step = self.position.epoch * self.steps + bad
        what = f"the loss is {self.trace[k, bad, LOSS]} at step {step} (epoch {self.position.epoch + 1})"
        self._end_diverged(k, what + diverged(self, k, bad), float(rates_now[bad]), None)

    def _end_diverged(self, k: int, what: str, rate: float, back_to: Any) -> None:
        """End replica ``k``, after taking it back to where it was sound; an error once no replica is left."""
        if back_to is not None:
            self.replicas.put_back(back_to, k)
        self.position.ended[k] = f"diverged: {what}"
        if all(ended.startswith("diverged") for ended in self.position.ended):
            self.save()
            kept = f"The last finite weights are kept in {self.about['path']}." if self.about.get("path") else ""
            raise DivergedError(
                f"{what}, learning rate {rate:g}",
                wanted="a finite loss",
                way_out=f"Try a learning rate of {rate / 10:g}, or clip_norm=1. {kept}".strip(),
            )

    # Checkpoints

    def _due(self) -> bool:
        return self.store is not None and time.monotonic() - self._saved >= self.checkpoint_seconds

    def save(self) -> None:
        """Write a checkpoint, if there is a folder to write it to; of several processes the first does."""
        if self.store is None or not hosts.leads():
            return
        position = self.position
        arrays: dict[str, np.ndarray] = {"trace": self.trace}
        for k in range(self.replicas.count):
            arrays |= to_arrays(self.replicas[k], f"{k}.")
            best = self.best_states[k]
            if best is not None:
                arrays |= to_arrays((best.weights, best.rest), f"{k}.best.")
        state = {**vars(position), "about": self.about}
        self.store.save(position.epoch * self.steps + position.step, arrays, state)
        self._saved = time.monotonic()

    def load(self, *, strict: bool = False) -> None:
        """Continue from the newest checkpoint that is whole."""
        assert self.store is not None
        found = self.store.latest(strict=strict)
        # A checkpoint of a version before the last has not every field; such a field begins empty.
        state = {name: found.state[name] for name in vars(self.position) if name in found.state}
        self.position = Position(**state)
        if self.monitor is not None:
            self.monitor.go_on(self.position.looks)
        template = self.replicas[0]
        wanted = {"trace": (self.trace.shape, "float32")}
        for k in range(self.replicas.count):
            wanted |= shapes(template, f"{k}.")
            if any(name.startswith(f"{k}.best.") for name in found.arrays):
                wanted |= shapes((template.weights, template.rest), f"{k}.best.")
        expect(found.arrays, wanted)
        self.trace = found.arrays["trace"]
        states = []
        for k in range(self.replicas.count):
            states.append(from_arrays(template, found.arrays, f"{k}."))
            if f"{k}.best." in {name[: len(f"{k}.best.")] for name in found.arrays}:
                weights, rest = from_arrays((template.weights, template.rest), found.arrays, f"{k}.best.")
                self.best_states[k] = State(weights, rest, None)
        self.replicas = Replicas(
            self.replicas.driver, self.replicas.program, states, vectorised=self.replicas.vectorised
        )

    def _finish_looks(self) -> None:
        if self.monitor is not None:
            self.monitor.finish()

    def _empty(self) -> np.ndarray:
        return np.stack([empty_trace(self.steps)] * self.recipe.replicas)


def put(network: Any, state: State) -> Any:
    """The network with the weights and statistics of a state in it."""
    from flax import nnx

    nnx.update(network, state.weights, state.rest)
    return network
