"""What a network brought from outside is asked before any instrument looks at it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from snarc.errors import DataError, ModelError, SnarcError

from ._common import first_line


def one_call(
    call: Callable[[Any], Any],
    name: str,
    inputs: tuple[int, ...],
    outputs: int,
    bounds: tuple[float, float] | None,
    hint: str = "",
) -> np.ndarray:
    """The outputs of one small batch of random inputs, ``(2, outputs)``.

    Raises
    ------
    ModelError: the network cannot be called so, or returns something else.
    """
    low, high = bounds or (0.0, 1.0)
    probe = np.random.default_rng(0).uniform(low, high, (2, *inputs)).astype(np.float32)
    also = f", or {hint}" if hint else ""
    try:
        rows = np.asarray(call(probe))
    except SnarcError:
        raise
    except Exception as error:
        raise ModelError(
            f"{name} cannot be called with inputs of shape {probe.shape}: {first_line(error)}",
            wanted="a function of a batch (N, *inputs)",
            way_out=f"Check input_shape={also}, or wrap the network in a function that takes such a batch.",
        ) from error
    if rows.shape != (2, outputs):
        raise ModelError(
            f"{name} returns {rows.shape} for two examples",
            wanted=f"(2, {outputs}): a row of logits for each",
            way_out=f"Check classes={also}, or wrap the network in a function that returns one row for each example.",
        )
    return rows


def is_what_it_says(name: str, rows: np.ndarray, outputs: str) -> None:
    """Rows between 0 and 1 that sum to 1 are probabilities, and nothing else is.

    Raises
    ------
    ModelError: they were said to be the other.
    """
    rows = rows.astype(np.float64)
    likely = bool((rows >= 0).all()) and np.allclose(rows.sum(axis=1), 1, atol=1e-3)
    if outputs == "logits" and likely and rows.shape[1] > 1:
        raise ModelError(
            f"{name} returns probabilities: its rows lie between 0 and 1 and sum to 1",
            wanted="logits, or outputs='probabilities'",
            way_out="Write snarc.subject(..., outputs='probabilities').",
        )
    if outputs == "probabilities" and not likely:
        raise ModelError(
            f"{name} returns {rows.min():.4g} to {rows.max():.4g} in rows that sum to {rows[0].sum():.4g}",
            wanted="probabilities: rows between 0 and 1 that sum to 1",
            way_out="Leave outputs out if these are logits.",
        )


def above_chance(name: str, said: np.ndarray, labels: np.ndarray) -> None:
    """Whether answers are better than the one most frequent label always, at a level of 1 %.

    Raises
    ------
    DataError: they are not.
    """
    from scipy.stats import binomtest

    right, constant = int((said == labels).sum()), float(np.bincount(labels).max() / len(labels))
    if constant == 1 or binomtest(right, len(labels), constant, alternative="greater").pvalue > 0.01:
        raise DataError(
            f"{name} gets {right} of {len(labels)} examples right, no better than chance: always the same answer gets "
            f"{100 * constant:.0f} %",
            wanted="examples of several classes, as the network was trained on",
            way_out="Check the scale of the inputs, the order of their channels and that of the classes.",
        )
