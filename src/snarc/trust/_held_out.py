"""Data to calibrate on: neither what the network learnt from nor what it is judged by."""

from __future__ import annotations

from typing import Any

from snarc.data import overlap
from snarc.errors import DataError
from snarc.subjects import Predictions, predictions

# A few equal examples are an accident (blank images, repeated rows); more mean that the splits are not apart.
ACCIDENT = 0.01


def calibration_of(of: Any, data: Any, calibration: Any, instrument: str) -> tuple[Predictions, Predictions]:
    """What a network says of calibration data, and of the data to judge it by.

    Parameters
    ----------
    of, data: as :func:`snarc.subjects.predictions` takes them.
    calibration: in the same forms; for predictions or logits another array of logits with its targets, as a pair.

    Raises
    ------
    DataError: there are no calibration examples, or they are those of training or of ``data``.
    """
    if isinstance(calibration, str) and not hasattr(of, "evaluate"):
        raise DataError(
            f"{instrument} without calibration data, for a network that is no run and knows no data",
            wanted="examples that it neither learnt from nor is judged by",
            way_out="Pass calibration=(x, y).",
        )
    if isinstance(calibration, Predictions):
        seen = calibration
    elif isinstance(calibration, tuple) and not hasattr(of, "evaluate") and not hasattr(of, "logits"):
        seen = predictions(*calibration)  # logits and their targets
    else:
        seen = predictions(of, calibration)
    judged = predictions(of, data)
    if len(seen) == 0:
        raise DataError(
            f"{instrument} without calibration examples",
            wanted="examples that the network neither learnt from nor is judged by",
            way_out="Load the data with validation=0.1, or pass calibration=(x, y).",
        )
    _apart(seen, judged, instrument, "judged by")
    if hasattr(of, "evaluate") and not isinstance(calibration, str):
        _apart(
            seen, Predictions(judged.logits, judged.targets, judged.task, of.dataset.train), instrument, "trained on"
        )
    elif calibration == "train":
        raise DataError(
            f"{instrument} calibrated on the training split, which the network knows by heart",
            wanted="other examples",
            way_out="Use calibration='validation'.",
        )
    return seen, judged


def shared_examples(of: Any, known: Predictions, judged: Predictions) -> dict[str, int]:
    """How many calibration examples also occur, bit for bit with their labels, among others: the proof that they are
    apart.

    Returns
    -------
    ``shared_with_data`` and, for a run, ``shared_with_training``; nothing of what cannot be known, as for logits alone.
    """
    found: dict[str, int] = {}
    if known.split is None:
        return found
    if judged.split is not None:
        found["shared_with_data"] = overlap(known.split, judged.split)
    if hasattr(of, "dataset"):
        found["shared_with_training"] = overlap(known.split, of.dataset.train)
    return found


def caveat(of: Any, calibration: Any) -> str:
    """A sentence where the validation split, before it calibrated, had a say in which weights a run kept."""
    chose = getattr(getattr(of, "recipe", None), "keeps_best", False)
    if not (isinstance(calibration, str) and calibration == "validation" and chose):
        return ""
    return " The same examples chose the epoch whose weights were kept, so that they are not quite like new ones."


def _apart(one: Predictions, other: Predictions, instrument: str, what: str) -> None:
    if one is other:
        common = len(one)
    elif one.split is None or other.split is None:
        return  # logits alone; what they are of is not known here
    else:
        common = overlap(one.split, other.split)
    if common > ACCIDENT * len(one):
        raise DataError(
            f"{common} of the {len(one)} calibration examples of {instrument} are among those it is {what}",
            wanted="calibration examples of their own",
            way_out="Use the validation split, or other examples.",
        )
