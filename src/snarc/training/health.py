"""The health of a training: what a few looks at its layers recorded, and what is wrong if something is.

A look measures gradients, activations and updates of every layer on a fixed
batch of training examples (:mod:`snarc.training.probe`); it never changes the
training.  Looks are taken around single steps that the schedule names, often
at first and then at ends of epochs.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from snarc import keys
from snarc.data import Dataset

from . import hosts
from .symptoms import KINDS, Symptom, judge, kind_of

# Examples of the probe batch, and numbers in it at most.
EXAMPLES, ELEMENTS = 128, 500_000
# A look costs several steps on its examples (benchmarks/health.py); between two looks lie so many of them.
APART = 120
# And however long the run, no more looks than about this many, which is what a curve needs.
MOST = 48
# Of the time spent learning; small networks take steps so short that starting a look would count.
SHARE = 0.04
# But so many seconds of a run nobody misses, and a short run has its curves too.
FREE = 0.03
# Steps of looks at the very beginning, where most that can go wrong does.
EARLY = (0, 8, 32)
# Looks wait while the program that takes them is compiled; each holds two copies of the weights, of so many bytes all.
WAITING = 2**28

Look = dict[str, Any]
RATIO = "update_ratio"
MEASURED = (
    "gradient_norm", "weight_norm", RATIO, "output_mean", "output_variance", "activation_mean", "activation_variance",
    "saturated", "dead",
)  # fmt: skip


@dataclass(frozen=True)
class Health:
    """What was seen of a training's layers, look by look.

    Attributes
    ----------
    looks: one for each time, with ``step`` (of the run, counted from 1), ``epoch`` (as a fraction), ``learning_rate``,
        ``peak_rate`` of the whole run, ``optimizer``, ``examples``, ``loss`` on them before the step, ``chance`` (the
        loss of a constant answer: entropy of the classes, or variance), ``scale`` (of errors: 1 for classes), and
        ``layers``: by path the numbers of :data:`MEASURED` and the ``kind`` of the activation behind the layer.
    """

    looks: tuple[Look, ...]

    @property
    def layers(self) -> tuple[str, ...]:
        """Paths of the layers in the order in which they compute."""
        return tuple(self.looks[0]["layers"]) if self.looks else ()

    def __getitem__(self, name: str) -> np.ndarray:
        """``(looks,)`` of ``step``, ``epoch``, ``loss``, ``learning_rate``; ``(looks, layers)`` of :data:`MEASURED`."""
        if name in MEASURED:
            rows = [[_number(look["layers"][path].get(name)) for path in self.layers] for look in self.looks]
            return np.array(rows, float).reshape(len(self.looks), len(self.layers))
        if name not in ("step", "epoch", "loss", "learning_rate"):
            raise KeyError(f"health has step, epoch, loss, learning_rate, {', '.join(MEASURED)}; not {name!r}")
        return np.array([_number(look[name]) for look in self.looks])

    @cached_property
    def symptoms(self) -> tuple[Symptom, ...]:
        """What is wrong, in the order in which it showed; empty when nothing is."""
        return judge(self.looks)


def _number(value: Any) -> float:
    return math.nan if value is None else float(value)


def marks(steps: int, epochs: int, batch_size: int, examples: int) -> list[int]:
    """The steps around which to look, counted from 0 over the whole run.

    Parameters
    ----------
    steps: of an epoch.
    examples: of the probe batch.

    >>> marks(steps=15, epochs=10, batch_size=100, examples=128)
    [0, 8, 32, 149]
    """
    total = steps * epochs
    apart = max(math.ceil(APART * (1 + examples / batch_size)), math.ceil(total / MOST))
    if steps <= apart:
        every = math.ceil(apart / steps)
        ends = [epoch * steps - 1 for epoch in range(every, epochs + 1, every)]
    else:
        pieces = steps // apart
        ends = [epoch * steps + (k * steps) // pieces - 1 for epoch in range(epochs) for k in range(1, pieces + 1)]
    early = [step for step in EARLY if step < total]
    return sorted({*early, *(end for end in ends if end > EARLY[-1]), total - 1})


class Monitor:
    """Takes the looks of one training.

    Parameters
    ----------
    program: what of the training is compiled.
    rates: the learning rate of every step of the run.
    steps: of an epoch.
    looks: where looks are put.
    place: puts the probe batch where the training computes.
    tell: called with the line of a warning when it first appears.
    note: called with every look.
    apart: whether the program that looks may be compiled in a thread of its own while the training goes on.
    """

    def __init__(
        self,
        program: Any,
        dataset: Dataset,
        rates: np.ndarray,
        steps: int,
        batch_size: int,
        *,
        looks: list[Look],
        place: Callable[[Any], Any] = lambda tree: tree,
        apart: bool = True,
        tell: Callable[[str], None] = lambda line: None,
        note: Callable[[Look], None] = lambda look: None,
    ) -> None:
        # The probe's program is the same for every optimiser.
        self.program, self.optimizer = program._replace(optimizer=None), program.optimizer.name
        self.dataset = dataset
        self.rates, self.steps = rates, steps
        self.place, self.apart, self.tell, self.note = place, apart, tell, note
        size = max(1, math.prod(dataset.inputs))
        self.count = min(len(dataset.train), max(16, min(EXAMPLES, ELEMENTS // size)))
        self.marks = marks(steps, max(1, len(rates) // max(steps, 1)), batch_size, self.count)
        self.looks = looks
        self.broken = ""
        self._told: set[str] = set()
        self._waiting: list[tuple[int, Any, Any]] = []
        self._thread: threading.Thread | None = None
        self._first: Any = None
        self._room, self._spent, self._began = 2, 0.0, time.monotonic()
        self._batch: Any = None
        self._chance = math.nan

    def go_on(self, looks: list[Look]) -> None:
        """Continue from looks that were taken before."""
        self.looks = looks
        self._told = {symptom.name for symptom in judge(looks)}

    def next(self, step: int) -> int | None:
        """The next step, this one or a later one, around which to look."""
        if self.broken:
            return None
        return next((mark for mark in self.marks if mark >= step), None)

    def wanted(self, step: int) -> bool:
        """Whether to look around this step: it is a mark, and looks have not cost too much so far."""
        if self.next(step) != step:
            return False
        spare = self._spent <= max(FREE, SHARE * (time.monotonic() - self._began)) and self._room > len(self._waiting)
        (go,) = hosts.agree(int(spare or step in (0, self.marks[-1])))
        return bool(go)

    def look(self, step: int, before: Any, after: Any, seconds: float = 0.0) -> None:
        """Remember the states before and after a step, and measure them as soon as that can be done.

        ``seconds`` is what it took to do this step alone, which others would not have been cut for.
        """
        if self.looks or self._waiting:  # that of the first step is for compiling it
            self._spent += seconds
        if not self._waiting:
            size = sum(leaf.nbytes for leaf in jax.tree.leaves(before.weights))
            self._room = max(2, WAITING // max(1, 2 * size))
        self._waiting.append((step, before, after))
        if self._thread is None and self._first is None and self.apart:
            self._thread = threading.Thread(target=self._compile, args=(before, after), name="snarc-health")
            self._thread.start()
        if self._thread is None or not self._thread.is_alive():
            self.finish()

    def finish(self) -> None:
        """Measure what waits."""
        if self._thread is not None:
            self._thread.join()
            self._thread = None
        waiting, self._waiting = self._waiting, []
        for step, before, after in waiting:
            start = time.monotonic()
            found, self._first = self._first or self._measure(before, after), None
            if isinstance(found, Exception):
                self.broken = f"{type(found).__name__}: {found}".splitlines()[0]
                self.tell(f"the layers of this network cannot be looked at ({self.broken})")
                return
            self._spent += time.monotonic() - start
            self._record(step, found)

    def _compile(self, before: Any, after: Any) -> None:
        self._first = self._measure(before, after)

    def _measure(self, before: Any, after: Any) -> Any:
        from .probe import measure

        try:
            if self._batch is None:
                self._batch = self.place(self._examples())
            return measure(self.program, before.weights, before.rest, after.weights, *self._batch)
        except Exception as error:  # whatever a network of the user's does here, it must not end a training
            return error

    def _examples(self) -> tuple[Any, Any]:
        order = keys.generator(0, "health").permutation(len(self.dataset.train))[: self.count]
        x, y = next(iter(self.dataset.train.batches(np.sort(order), self.count, 0)))
        if self.program.classification:
            part = np.unique(y, return_counts=True)[1] / np.size(y)
            self._chance = float(-np.sum(part * np.log(part)))
        else:
            self._chance = float(np.var(np.asarray(y, float), axis=0).mean())
        return jnp.asarray(x), jnp.asarray(y)

    def _record(self, step: int, found: tuple[tuple[str, ...], float, np.ndarray]) -> None:
        from .probe import COLUMNS

        order, loss, values = found
        layers = {}
        for path, row in zip(order, values):
            numbers = dict(zip(COLUMNS, row))
            numbers[RATIO] = numbers["update_norm"] / numbers["weight_norm"] if numbers["weight_norm"] else math.nan
            kind = kind_of(numbers["derivative"], numbers["low"], numbers["high"])
            layers[path] = {name: _plain(numbers[name]) for name in MEASURED} | {"kind": kind}
        look: Look = {
            "step": step + 1,
            "epoch": (step + 1) / self.steps,
            "learning_rate": _plain(float(self.rates[step])),
            "peak_rate": _plain(float(self.rates.max())),
            "optimizer": self.optimizer,
            "examples": self.count,
            "loss": _plain(loss),
            "chance": _plain(self._chance),
            "scale": 1.0 if self.program.classification else max(math.sqrt(self._chance), 1e-30),
            "layers": layers,
        }
        self.looks.append(look)
        self.note(look)
        for symptom in judge(self.looks):
            if symptom.name not in self._told:
                self._told.add(symptom.name)
                self.tell(f"warning: {symptom.line}")


def _plain(value: float) -> float | None:
    # Six digits are more than a look is worth; they keep checkpoints small.
    return float(f"{value:.6g}") if math.isfinite(value) else None


def kinds(looks: Sequence[Look]) -> dict[str, str]:
    """The kind of activation behind each layer, in words."""
    return {path: KINDS[row["kind"]] for path, row in looks[0]["layers"].items()} if looks else {}
