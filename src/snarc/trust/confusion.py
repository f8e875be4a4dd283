"""Which classes are taken for which."""

from __future__ import annotations

from typing import Any

import numpy as np

from snarc import draw
from snarc.reading import Estimate, Reading
from snarc.registry import instrument
from snarc.subjects import predictions


@instrument("confusion", asks="Which classes are taken for which?")
def confusion(of: Any, data: Any = "test", *, classes: tuple[str, ...] = ()) -> Reading:
    """The confusion matrix, and precision, recall and F1 of each class from its counts.

    Parameters
    ----------
    of, data, classes: whatever :func:`snarc.subjects.predictions` takes.

    Returns
    -------
    Numbers: ``accuracy`` and ``macro_f1`` over replicas, ``wrong`` (examples, over replicas), ``examples``,
    ``most_frequent`` (accuracy of always naming the most frequent class).  Arrays: ``class`` names, ``matrix``
    ``(classes, classes)`` counts with the true class in the row and the predicted one in the column, summed over
    replicas; ``precision``, ``recall``, ``f1`` ``(classes,)`` from those counts (NaN for a class that is never
    predicted, or never occurs) and ``support``, examples of the class.

    Raises
    ------
    DataError: the task has no classes, or there are no examples.

    >>> found = confusion(np.array([[2.0, 0.0], [2.0, 0.0], [0.0, 1.0]]), np.array([0, 1, 1]))
    >>> found.arrays["matrix"].tolist(), found.arrays["recall"].tolist()
    ([[1, 0], [1, 1]], [1.0, 0.5])
    """
    seen = predictions(of, data, classes=classes)
    seen.need("classes", "confusion")
    names, targets = seen.task.classes, seen.targets.reshape(-1)
    each = np.stack([_count(targets, one.reshape(-1), len(names)) for one in seen.predicted])
    matrix = each.sum(axis=0)
    precision, recall, f1 = _rates(matrix)
    support = each[0].sum(axis=1)
    total = len(targets)
    right = [int(np.trace(one)) for one in each]
    numbers: dict[str, float | int | Estimate] = {
        "accuracy": Estimate.over([r / total for r in right]),
        "wrong": Estimate.over([total - r for r in right]),
        # A class that does not occur in the split has no F1, and is left out.
        "macro_f1": Estimate.over([float(np.nanmean(_rates(one)[2])) for one in each]),
        "examples": total,
        "most_frequent": float(support.max() / total),
    }
    arrays = {
        "class": np.array(names), "matrix": matrix, "precision": precision, "recall": recall, "f1": f1,
        "support": support,
    }  # fmt: skip
    return Reading("confusion", numbers, arrays, _draw, _note(matrix, names, seen.replicas))


def _count(targets: np.ndarray, predicted: np.ndarray, classes: int) -> np.ndarray:
    return np.bincount(targets * classes + predicted, minlength=classes**2).reshape(classes, classes)


def _rates(matrix: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    hits, named, real = np.diag(matrix), matrix.sum(axis=0), matrix.sum(axis=1)
    return _ratio(hits, named), _ratio(hits, real), _ratio(2 * hits, named + real)


def _ratio(top: np.ndarray, bottom: np.ndarray) -> np.ndarray:
    return np.divide(top, bottom, out=np.full(len(top), np.nan), where=bottom > 0)


def _note(matrix: np.ndarray, names: tuple[str, ...], replicas: int) -> str:
    wrong = matrix - np.diag(np.diag(matrix))
    most = int(wrong.max(initial=0))
    if most == 0:
        return "No class is taken for another."
    true, named = np.unravel_index(int(wrong.argmax()), wrong.shape)
    over = f" in {replicas} replicas together" if replicas > 1 else ""
    times = "once" if most == 1 else f"{most} times"
    return f"Most often, {names[true]} is taken for {names[named]}: {times}{over}."


def _draw(reading: Reading, ax: Any = None) -> Any:
    """Right ones in blue, mistakes in orange; the stronger, the larger the share of the true class (square root)."""
    from matplotlib.colors import to_rgb

    matrix, names = reading.arrays["matrix"], [draw.shorten(str(n), 14) for n in reading.arrays["class"]]
    count = len(names)
    if ax is None:
        size = 5.0 if count <= 12 else 6.4
        figure, ax = draw.new(width=size, height=0.94 * size)
    else:
        figure = ax.figure
    share = np.sqrt(matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1))
    diagonal = np.eye(count, dtype=bool)
    rgb = np.where(diagonal[..., None], to_rgb(draw.PALETTE[0]), to_rgb(draw.PALETTE[1]))
    largest = share[~diagonal].max(initial=0.0) or 1.0
    # Alpha instead of a colour map, so that the picture lies on light and on dark paper.
    alpha = np.where(diagonal, 0.5 * share, 0.62 * share / largest)
    ax.imshow(np.dstack([rgb, alpha]), interpolation="none")
    if count <= 20:
        size = 9 if count <= 10 else 7
        for (row, column), value in np.ndenumerate(matrix):
            if value:
                weight = "bold" if row == column else "normal"
                ax.text(column, row, f"{value}", ha="center", va="center", fontsize=size, color=draw.INK, weight=weight)
    ax.set_xticks(np.arange(-0.5, count), minor=True)
    ax.set_yticks(np.arange(-0.5, count), minor=True)
    ax.grid(False, which="major")
    if count <= 40:
        ax.grid(True, which="minor", color=draw.PAPER, linewidth=1.2 if count <= 20 else 0.4)
        long = max(map(len, names)) > 3
        small = 9 if count <= 20 else 6
        ax.set_xticks(range(count), names, rotation=90 if long else 0, fontsize=small)
        ax.set_yticks(range(count), names, fontsize=small)
    ax.tick_params(which="both", length=0)
    for spine in ax.spines.values():
        spine.set_visible(False)
    ax.set_xlabel("predicted")
    ax.set_ylabel("true")
    return figure


@confusion.known_case
def every_three_is_read_as_eight() -> None:
    targets = np.array([3] * 4 + [8] * 6)
    logits = np.eye(10)[np.full(10, 8)]
    found = confusion(logits, targets)
    assert found.arrays["matrix"][3, 8] == 4
    assert found.arrays["recall"][8] == 1.0
    assert found.arrays["precision"][8] == 0.6
    assert found.arrays["recall"][3] == 0.0
    assert np.isnan(found.arrays["precision"][3])
    assert "3 is taken for 8: 4 times" in found.note
