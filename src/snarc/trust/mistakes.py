"""The mistakes that a network is most sure of."""

from __future__ import annotations

from typing import Any

import numpy as np

from snarc import draw
from snarc.reading import Estimate, Reading
from snarc.registry import instrument
from snarc.subjects import predictions


@instrument("mistakes", asks="Which mistakes is it most sure of?")
def mistakes(
    of: Any, data: Any = "test", *, count: int = 24, replica: int = 0, classes: tuple[str, ...] = ()
) -> Reading:
    """The wrongly classified examples of one replica, the most confident first.

    Parameters
    ----------
    of, data, classes: whatever :func:`snarc.subjects.predictions` takes.
    count: how many at most.
    replica: whose mistakes.

    Returns
    -------
    Numbers: ``wrong`` (examples, over replicas), ``shown``.  Arrays ``(shown,)``: ``index`` in the split, ``label`` and
    ``predicted`` names, ``confidence`` in the wrong class, ``confidence_in_label``; ``examples`` ``(shown, ...)`` where
    the inputs are known.

    Raises
    ------
    DataError: the task has no classes, or there are no examples.
    """
    seen = predictions(of, data, classes=classes)
    seen.need("classes", "mistakes")
    wrong = seen.predicted != seen.targets
    where = np.flatnonzero(wrong[replica])
    order = np.argsort(-seen.confidence[replica, where], kind="stable")
    chosen = where[order][:count]
    names = np.array(seen.task.classes)
    arrays = {
        "index": chosen,
        "label": names[seen.targets[chosen]],
        "predicted": names[seen.predicted[replica, chosen]],
        "confidence": seen.confidence[replica, chosen],
        "confidence_in_label": seen.probabilities[replica, chosen, seen.targets[chosen]],
    }
    examples = seen.examples(chosen) if len(chosen) else None
    if examples is not None:
        arrays["examples"] = examples
    numbers: dict[str, float | int | Estimate] = {"wrong": Estimate.over(wrong.sum(axis=1)), "shown": len(chosen)}
    whose = f" in replica {replica}" if seen.replicas > 1 else ""
    note = f"{len(where):,} of {len(seen):,} examples are wrong{whose}."
    pictured = examples is not None and examples.ndim == 4
    return Reading("mistakes", numbers, arrays, _draw if pictured else None, note)


def _draw(reading: Reading) -> Any:
    images = draw.pixels(reading.arrays["examples"])
    columns = max(1, min(6, len(images)))
    rows = max(1, -(-len(images) // columns))
    figure, axes = draw.new(rows, columns, width=1.1 * columns, height=1.42 * rows, squeeze=False)
    for k, ax in enumerate(axes.flat):
        draw.bare(ax)
        if k < len(images):
            ax.imshow(images[k], cmap="gray", vmin=0, vmax=255, interpolation="none")
            label, named = (draw.shorten(str(reading.arrays[n][k]), 11) for n in ("label", "predicted"))
            ax.set_title(f"{label} → {named}", fontsize=9, loc="center", color=draw.INK, pad=3)
            ax.set_xlabel(f"{100 * reading.arrays['confidence'][k]:.1f} %", fontsize=8, color=draw.MUTED, labelpad=2)
    return figure


@mistakes.known_case
def the_surest_mistake_comes_first() -> None:
    logits = np.array([[5.0, 0.0], [1.0, 0.0], [3.0, 0.0], [0.0, 9.0]])
    found = mistakes(logits, np.array([1, 1, 0, 1]))
    assert found.arrays["index"].tolist() == [0, 1]
    assert np.allclose(found.arrays["confidence"], 1 / (1 + np.exp([-5.0, -1.0])))
    assert np.allclose(found.arrays["confidence"] + found.arrays["confidence_in_label"], 1)
