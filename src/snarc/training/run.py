"""The Run: the record of a training, in one folder that can be moved."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from snarc.data import Dataset, Task
from snarc.errors import DataError, RunError
from snarc.reading import Estimate, wilson

from .health import Health
from .history import History
from .recipe import Recipe

if TYPE_CHECKING:
    from snarc.subjects import Subject

FORMAT = 1


@dataclass(frozen=True)
class Evaluation:
    """How a run does on a split: every number with its spread over replicas.

    Attributes
    ----------
    numbers: ``loss``, and ``accuracy`` and ``error`` for classes, ``rmse`` and ``r2`` for numbers.
    examples: size of the split.
    logits: ``(replicas, N, outputs)``.
    targets: ``(N, ...)``.
    """

    split: str
    numbers: Mapping[str, Estimate]
    examples: int
    logits: np.ndarray
    targets: np.ndarray

    def __getattr__(self, name: str) -> Estimate:
        numbers = self.__dict__.get("numbers", {})
        if name in numbers:
            return numbers[name]
        raise AttributeError(f"this evaluation has {', '.join(numbers)}; not {name!r}")

    @property
    def interval(self) -> tuple[float, float]:
        """Wilson's 95 % interval of the accuracy for the size of the split (the mean over replicas)."""
        return wilson(self.numbers["accuracy"].mean * self.examples, self.examples)

    def to_json(self) -> dict[str, Any]:
        """Plain values, without the logits."""
        found: dict[str, Any] = {name: value.to_json() for name, value in self.numbers.items()}
        found["examples"] = self.examples
        if "accuracy" in self.numbers:
            found["wilson_95"] = list(self.interval)
        return found


@dataclass(frozen=True)
class Run:
    """The record of a training.

    Attributes
    ----------
    path: its folder, or none if it is only in memory.
    recipe: what decided the learning.
    networks: the trained network of each replica, in evaluation mode.
    history: what happened, epoch by epoch.
    status: ``finished``, ``interrupted``, ``diverged`` or ``running``.
    about: the data set (name, task, input shape, source, checksum), the environment, how replicas ended, and the
        networks it started from, if it did.
    signal: the number of the signal that asked its training to stop, if one did.
    health: what was seen of the layers of the first replica while it learnt; without looks if that was off.
    frames: of a picture, what the first replica made of it after some epochs: uint8 ``(H, W, C)`` by epoch.
    """

    path: Path | None
    recipe: Recipe
    networks: tuple[Any, ...]
    history: History
    status: str
    task: Task
    inputs: tuple[int, ...]
    about: Mapping[str, Any]
    _dataset: Dataset | None = field(default=None, repr=False)
    signal: int | None = None
    health: Health = field(default=Health(()), repr=False)
    frames: Mapping[int, np.ndarray] = field(default_factory=dict, repr=False)

    @functools.cached_property
    def dataset(self) -> Dataset:
        """The data set it was trained on, read again from where it came from if need be.

        Raises
        ------
        RunError: it cannot be read again, or is not what it was.
        """
        if self._dataset is not None:
            return self._dataset
        from snarc.data import load

        how = self.about["dataset"].get("load")
        if how is None:
            raise RunError(
                f"the run was trained on {self.about['dataset']['name']!r}, which was given as arrays",
                wanted="data that can be read again",
                way_out="Open it with snarc.open(path, data=...), or pass (x, y) to evaluate.",
            )
        found = load(**how)
        if found.checksum() != self.about["dataset"]["checksum"]:
            raise RunError(
                f"the data of {found.name!r} are not those that the run was trained on (another checksum)",
                wanted="the same files",
                way_out="Put them back, or pass data=... to open on purpose.",
            )
        return found

    def evaluate(self, split: str | tuple[Any, Any] = "test") -> Evaluation:
        """Loss and accuracy (or RMSE and R2) on a split, or on a pair ``(x, y)``.

        Raises
        ------
        DataError: the split is empty.
        """
        if isinstance(split, str) and split in self._evaluations:
            return self._evaluations[split]
        found = self._evaluate(split)
        if isinstance(split, str):
            self._evaluations[split] = found
        return found

    @functools.cached_property
    def _evaluations(self) -> dict[str, Evaluation]:
        return {}

    def _evaluate(self, which: str | tuple[Any, Any]) -> Evaluation:
        from snarc.data import Split, check_targets

        from .evaluate import outputs, score
        from .losses import plain

        if isinstance(which, str):
            name, split = which, self.dataset.split(which)
        else:
            inputs = self._inputs(which[0])
            classes = self.task.classes or None
            targets, _ = check_targets(which[1], n=len(inputs), task=self.task.kind, classes=classes)
            name, split = "given", Split(inputs, targets)
        if len(split) == 0:
            raise DataError(
                f"the {name} split is empty", wanted="at least one example", way_out="Load the data with such a split."
            )
        logits = np.stack([outputs(self._function(k), split) for k in range(len(self.networks))])
        loss = plain(self.recipe, self.task)
        scores = [score(one, split.targets, loss, self.task) for one in logits]
        kept = [n for n in scores[0] if n not in ("examples", "correct")]
        numbers = {n: Estimate.over([s[n] for s in scores]) for n in kept}
        return Evaluation(name, numbers, len(split), logits, split.targets)

    @property
    def train(self) -> Evaluation:
        """On the training split."""
        return self.evaluate("train")

    @property
    def validation(self) -> Evaluation:
        """On the validation split."""
        return self.evaluate("validation")

    @property
    def test(self) -> Evaluation:
        """On the test split."""
        return self.evaluate("test")

    def logits(self, x: Any) -> np.ndarray:
        """Logits of each replica for inputs ``(N, ...)``; ``(replicas, N, outputs)``."""
        from snarc.data import Split

        from .evaluate import outputs

        x = self._inputs(x)
        split = Split(x, np.zeros(len(x), np.int32))
        return np.stack([outputs(self._function(k), split) for k in range(len(self.networks))])

    def probabilities(self, x: Any) -> np.ndarray:
        """Class probabilities averaged over replicas, ``(N, classes)``."""
        logits = self.logits(x).astype(np.float64)
        e = np.exp(logits - logits.max(axis=-1, keepdims=True))
        return (e / e.sum(axis=-1, keepdims=True)).mean(axis=0)

    def predict(self, x: Any) -> np.ndarray:
        """Class names ``(N,)``, or numbers ``(N, outputs)``; replicas vote with their probabilities (numbers: mean)."""
        if self.task.kind == "classification":
            return np.array(self.task.classes)[self.probabilities(x).argmax(axis=-1)]
        return self.logits(x).mean(axis=0)

    def subject(self, replica: int = 0) -> Subject:
        """The frozen view of one replica that instruments get."""
        from snarc.subjects import of_module

        about = self.about["dataset"]
        # Folders of earlier versions do not tell the range.
        bounds = about.get("range", (0.0, 1.0) if about.get("dtype") == "uint8" else None)
        bounds = None if bounds is None else (float(bounds[0]), float(bounds[1]))
        return of_module(self.networks[replica], self.inputs, self.task, self.name, self.recipe.precision, range=bounds)

    @property
    def name(self) -> str:
        """Model and data set, for titles."""
        return f"{self.recipe.model} on {self.about['dataset']['name']}"

    def report(self, path: str | Path | None = None) -> Path:
        """Write the report, one self-contained HTML file, into the run's folder or to ``path``."""
        import importlib

        # The page is drawn by a room above this one; it is asked for by name, so that training needs no renderer.
        written: Path = importlib.import_module("snarc.render.report").write(self, path)
        return written

    def _inputs(self, x: Any) -> np.ndarray:
        from snarc.data import check_inputs

        return check_inputs(x, shape=self.inputs, dtype=self.about["dataset"]["dtype"])

    def _function(self, k: int) -> Callable[..., Any]:
        from .evaluate import function

        return function(self.networks[k], self.recipe.precision)
