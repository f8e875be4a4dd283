"""Hebb's rule, once and corrected."""

from __future__ import annotations

from typing import Any

import numpy as np

from ._checks import choice, count, numbers_in, positive, two_classes, with_ones
from .neuron import Neuron


class Hebb(Neuron):
    """A neuron whose weights grow where input and target agree: dw = eta t x, or dw = eta (t - O) x.

    Parameters
    ----------
    rule: ``"one-shot"``, each example stored once (Hebb 1949); or ``"corrected"``, where the neuron's own output
        O = sgn(w . x) is taken off the target, over and over until every example is right: almost the same rule, and
        it finds a solution whenever there is one.
    learning_rate: eta.
    bias: learn a bias, as the weight of a constant input 1.
    epochs: most passes of the corrected rule.

    Attributes
    ----------
    coef_, intercept_: weights ``(1, features)`` and bias ``(1,)``.
    classes_: the two classes; the second is t = +1.
    path_: weights after each example that was stored or corrected, ``(changes + 1, 1 + features)``, bias first.
    epochs_: passes made.
    converged_: whether every training example is right at the end.

    Raises
    ------
    DataError: data that scikit-learn's checks refuse, or not two classes.
    RecipeError: a parameter out of range.

    Source: D. Hebb, The Organization of Behavior (1949).

    >>> X, y = [[1, 1, -1], [1, -1, 1], [-1, 1, 1]], [1, 1, -1]
    >>> Hebb().fit(X, y).coef_.tolist()
    [[3.0, -1.0, -1.0]]
    >>> Hebb("corrected").fit(X, y).predict(X).tolist()
    [1, 1, -1]
    """

    def __init__(
        self, rule: str = "one-shot", *, learning_rate: float = 1.0, bias: bool = False, epochs: int = 1000
    ) -> None:
        self.rule = rule
        self.learning_rate = learning_rate
        self.bias = bias
        self.epochs = epochs

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.poor_score = True  # the one-shot rule stores; it does not separate
        return tags

    def fit(self, X: Any, y: Any) -> Hebb:
        """Store or correct the examples ``X (N, features)``, ``y (N,)`` of two classes, from zero weights."""
        X, y = numbers_in(self, X, y)
        choice("rule", self.rule, ("one-shot", "corrected"))
        eta, most = positive("learning_rate", self.learning_rate), count("epochs", self.epochs)
        self.classes_, t = two_classes(self, y)
        x = with_ones(X, self.bias)
        if self.rule == "one-shot":
            self.path_ = np.vstack([np.zeros(x.shape[1]), np.cumsum(eta * t[:, None] * x, axis=0)])
            self.epochs_ = 1
        else:
            self.path_, self.epochs_ = _correct(x, t, eta, most)
        self._keep(self.path_[-1])
        self.converged_ = bool(np.all(np.where(x @ self.path_[-1] > 0, 1, -1) == t))
        return self


def _correct(x: np.ndarray, t: np.ndarray, eta: float, most: int) -> tuple[np.ndarray, int]:
    weights = np.zeros(x.shape[1])
    path, epoch, yes = [weights], 0, t > 0
    while epoch < most:
        epoch += 1
        before, k = len(path), 0
        while True:
            # Up to the next wrong output nothing changes, so all examples ahead are judged at once.
            wrong = (x[k:] @ weights > 0) != yes[k:]
            if not wrong.any():
                break
            k += int(np.argmax(wrong))
            weights = weights + 2 * eta * t[k] * x[k]  # t - O is 2 t where they differ
            path.append(weights)
            k += 1
        if len(path) == before:
            break
    return np.array(path), epoch
