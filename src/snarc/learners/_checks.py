"""What the learners take in: scikit-learn's checks, told in one line."""

from __future__ import annotations

import math
import numbers
from typing import Any

import numpy as np
from sklearn.utils.multiclass import check_classification_targets, type_of_target
from sklearn.utils.validation import validate_data

from snarc.errors import DataError, RecipeError

_NO_TARGETS: Any = object()


def numbers_in(learner: Any, X: Any, y: Any = _NO_TARGETS, *, reset: bool = True, **options: Any) -> Any:
    """Inputs ``(N, features)`` as float64, and targets where given, checked by scikit-learn's own function.

    Raises
    ------
    DataError: not finite, of the wrong shape, empty, or of unequal lengths.
    """
    options.setdefault("dtype", np.float64)
    try:
        if y is _NO_TARGETS:
            return validate_data(learner, X, reset=reset, **options)
        return validate_data(learner, X, y, reset=reset, **options)
    except DataError:
        raise
    except ValueError as error:
        text = " ".join(str(error).split())
        way_out = "Mend the data, or give them as numpy.asarray(...)."
        raise DataError(
            text, wanted="finite numbers (rows, features), and a target for each row", way_out=way_out
        ) from None


def two_classes(learner: Any, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The two classes in sorted order and the targets -1 (first) and +1 (second) as float64.

    Raises
    ------
    DataError: there are not two classes.
    """
    classes = labels_in(y)
    name = type(learner).__name__
    if len(classes) > 2:
        raise DataError(
            f"Only binary classification is supported. The type of the target is {type_of_target(y)}",
            wanted=f"two classes, as one neuron tells them apart; y has {len(classes)}",
            way_out=f"Wrap it: sklearn.multiclass.OneVsRestClassifier({name}()).",
        )
    if len(classes) < 2:
        raise DataError(
            f"y holds one class only, {classes[0]!r}", wanted="two classes", way_out="Give examples of both."
        )
    return classes, np.where(y == classes[1], 1.0, -1.0)


def labels_in(y: np.ndarray) -> np.ndarray:
    """The sorted distinct labels of ``y``.

    Raises
    ------
    DataError: ``y`` holds quantities.
    """
    try:
        check_classification_targets(y)
    except ValueError as error:
        raise DataError(str(error), wanted="labels of classes", way_out="For quantities use Adaline.") from None
    return np.unique(y)


def choice(name: str, value: Any, among: tuple[str, ...]) -> str:
    """``value`` if it is one of these words, else a RecipeError."""
    if value not in among:
        raise RecipeError(
            f"{name}={value!r}", wanted=f"one of {', '.join(among)}", way_out=f"Take {name}={among[0]!r}."
        )
    return value


def positive(name: str, value: Any, *, zero: bool = False) -> float:
    """``value`` if it is a positive finite number (or zero, where allowed), else a RecipeError."""
    fine = isinstance(value, numbers.Real) and not isinstance(value, bool) and math.isfinite(value)
    if not fine or value < 0 or (value == 0 and not zero):
        least = "a number of at least 0" if zero else "a positive number"
        raise RecipeError(f"{name}={value!r}", wanted=least, way_out=f"Leave {name} at its default.")
    return float(value)


def count(name: str, value: Any) -> int:
    """``value`` if it is a whole number of at least 1, else a RecipeError."""
    if not isinstance(value, numbers.Integral) or isinstance(value, bool) or value < 1:
        raise RecipeError(
            f"{name}={value!r}", wanted="a whole number of at least 1", way_out=f"Leave {name} at its default."
        )
    return int(value)


def with_ones(X: np.ndarray, bias: bool = True) -> np.ndarray:
    """Inputs ``(N, 1 + features)`` with a first column of ones for the bias (zeros without a bias)."""
    return np.column_stack([np.full(len(X), 1.0 if bias else 0.0), X])
