"""Some examples of a split, and how well outputs answer them: for instruments that ask a network many times."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import jax.numpy as jnp
import numpy as np

from snarc.data import Split, Task, check_inputs, check_targets
from snarc.errors import DataError

from .losses import Loss, plain

NAMES = {"accuracy": "accuracy (%)", "psnr": "PSNR (dB)", "r2": "R²"}


@dataclass(frozen=True)
class Sample:
    """Examples with their targets.

    Attributes
    ----------
    x, y: inputs ``(N, ...)`` as they are stored, and targets.
    loss: of each example; that of the run's recipe, else cross-entropy or squared error.
    score: ``accuracy`` for classes, ``psnr`` in dB for a picture, else ``r2``; more is better.
    """

    x: np.ndarray
    y: np.ndarray
    task: Task
    loss: Loss
    score: str

    def __len__(self) -> int:
        return len(self.y)

    @property
    def label(self) -> str:
        """The score with its unit, for an axis."""
        return NAMES[self.score]

    @property
    def factor(self) -> float:
        """What the score is multiplied by for display: accuracies are shown in percent."""
        return 100.0 if self.score == "accuracy" else 1.0

    def losses(self, outputs: np.ndarray) -> np.ndarray:
        """Mean loss of outputs ``(..., N, outputs)``, for each ``...``."""
        flat = np.asarray(outputs, np.float32).reshape(-1, len(self), outputs.shape[-1])
        found = [float(np.mean(np.asarray(self.loss(jnp.asarray(o), jnp.asarray(self.y)), np.float64))) for o in flat]
        return np.array(found).reshape(outputs.shape[:-2])

    def right(self, outputs: np.ndarray) -> np.ndarray:
        """Whether outputs ``(..., N, classes)`` name the class, ``(..., N)``; outputs that are no numbers never do."""
        lost = np.isnan(outputs).any(axis=-1)
        return (np.where(np.isnan(outputs), 0, outputs).argmax(axis=-1) == self.y) & ~lost

    def scores(self, outputs: np.ndarray) -> np.ndarray:
        """The score of outputs ``(..., N, outputs)``, for each ``...``."""
        if self.score == "accuracy":
            return self.right(outputs).mean(axis=-1)
        found = outputs.reshape(*outputs.shape[:-1], -1).astype(np.float64)
        wanted = np.asarray(self.y, np.float64).reshape(len(self), -1)
        if self.score == "psnr":
            mean = np.mean((np.clip(found, 0, 1) - wanted) ** 2, axis=(-2, -1))
            return -10 * np.log10(np.maximum(mean, 1e-30))
        rest = np.sum((found - wanted) ** 2, axis=(-2, -1))
        return 1 - rest / max(float(np.sum((wanted - wanted.mean(axis=0)) ** 2)), 1e-30)


def sample(of: Any, task: Task, data: Any = "test", count: int = 1000) -> Sample:
    """Examples at even distances from a split, so that a split in the order of its classes is as good as any.

    Parameters
    ----------
    of: a run, or whatever knows no data of its own.
    data: the name of a split of a run, a ``Split`` or a pair ``(x, y)``.  A run without test examples, as that of a
        picture that is learnt whole, gives those it learnt from for ``test``.
    count: how many at most.

    Raises
    ------
    DataError: no examples, a network that knows none, or a pair that does not fit the network or itself.
    """
    dataset = getattr(of, "dataset", None) if isinstance(data, str) else None
    if isinstance(data, str):
        if dataset is None:
            raise DataError(
                f"the split {data!r} of a network that knows no data",
                wanted="a Split or a pair (x, y)",
                way_out="Write dataset.test.",
            )
        name, data = data, dataset.split(data)
        if len(data) == 0 and name == "test":
            data = dataset.train
    if isinstance(count, bool) or not isinstance(count, int) or count < 1:
        raise DataError(f"count={count!r}", wanted="at least 1", way_out="Leave it out.")
    if not hasattr(data, "gather"):
        shape, about = getattr(of, "inputs", None), getattr(of, "about", {}).get("dataset", {})
        x = check_inputs(data[0], shape=shape if isinstance(shape, tuple) else None, dtype=about.get("dtype"))
        y = np.asarray(data[1])
        if task.kind != "sequence":  # whose targets are labels for each step
            y, _ = check_targets(data[1], n=len(x), task=task.kind, classes=task.classes or None)
        data = Split(x, y)
    if not len(data):
        raise DataError("a split without examples", wanted="examples", way_out="Use another split.")
    some = data.gather(_even(len(data), count))
    x, y = np.asarray(some.inputs), np.asarray(some.targets)
    classes = task.kind in ("classification", "sequence")
    recipe = getattr(of, "recipe", None)
    loss = Loss("cross-entropy", True) if classes else Loss("squared-error", False)
    if recipe is not None:
        loss = plain(recipe, task)
    is_picture = dataset is not None and "picture" in dataset.source
    score = "accuracy" if classes else "psnr" if is_picture else "r2"
    return Sample(x, y.astype(np.int32) if classes else y.astype(np.float32), task, loss, score)


def _even(length: int, count: int) -> np.ndarray:
    return np.linspace(0, length - 1, min(count, length)).round().astype(int)
