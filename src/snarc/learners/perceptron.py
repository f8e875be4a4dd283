"""Rosenblatt's perceptron, with its pocket and averaged variants."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.utils import check_random_state

from snarc.formal.threshold import Certificate, Separation, separate

from ._checks import choice, count, labels_in, numbers_in, positive, two_classes, with_ones
from .margin import Margin, widest_margin
from .neuron import Neuron

_BLOCK = 512  # examples judged together while looking for the next mistake


class Perceptron(Neuron):
    """A neuron that learns from its mistakes alone: w <- w + eta t x where t (w . x) <= 0.

    Parameters
    ----------
    variant: ``"plain"``; ``"pocket"`` keeps the weights with the fewest training errors among those that survived the
        longest (Gallant 1990), for problems that are not separable; ``"averaged"`` returns the mean of the weights over
        all examples seen (Freund and Schapire 1999).
    order: ``"cyclic"``, or ``"random"`` for a new permutation each epoch.
    learning_rate: eta; starting from zero it scales the weights and changes no decision.
    bias: learn a bias, as the weight of a constant input 1.
    epochs: most passes over the data; learning stops earlier when an epoch has no mistake, or when the weights of an
        earlier epoch come back (``"cyclic"`` only), which proves that they will never settle.
    record: what ``path_`` holds: the weights after each ``"epoch"``, after each ``"mistake"``, or ``"none"``.
    random_state: seed of the random order.

    Attributes
    ----------
    coef_, intercept_: weights ``(1, features)`` and bias ``(1,)``.
    classes_: the two classes; the second is t = +1.
    path_: ``(records + 1, 1 + features)``, bias first, from the zero start on.
    mistakes_: corrections made in all.
    mistakes_per_epoch_: ``(epochs_,)``.
    epochs_: passes made.
    converged_: whether the last epoch had no mistake.
    cycle_: ``(first epoch, period)`` if the weights came back, else None.

    Raises
    ------
    DataError: data that scikit-learn's checks refuse, or not two classes.
    RecipeError: a parameter out of range.

    Source: F. Rosenblatt, Psychological Review 65 (1958) 386; A. Novikoff, Symp. Math. Theory Automata 12 (1962) 615.

    >>> X, y = [[-1, -1], [-1, 1], [1, -1], [1, 1]], [-1, -1, -1, 1]
    >>> neuron = Perceptron().fit(X, y)
    >>> neuron.predict(X).tolist(), neuron.converged_, neuron.mistakes_ <= neuron.margin(X, y).mistake_bound
    ([-1, -1, -1, 1], True, True)
    """

    def __init__(
        self,
        variant: str = "plain",
        *,
        order: str = "cyclic",
        learning_rate: float = 1.0,
        bias: bool = True,
        epochs: int = 1000,
        record: str = "epoch",
        random_state: Any = None,
    ) -> None:
        self.variant = variant
        self.order = order
        self.learning_rate = learning_rate
        self.bias = bias
        self.epochs = epochs
        self.record = record
        self.random_state = random_state

    def fit(self, X: Any, y: Any) -> Perceptron:
        """Learn from zero weights until an epoch has no mistake; ``X (N, features)``, ``y (N,)`` of two classes."""
        X, y = numbers_in(self, X, y)
        self.classes_, t = two_classes(self, y)
        self._begin(X.shape[1])
        rng = check_random_state(self.random_state)
        x, most = with_ones(X, self.bias), count("epochs", self.epochs)
        seen = {self._weights.tobytes(): 0}
        for epoch in range(1, most + 1):
            self._epoch(x, t, rng)
            if self.mistakes_per_epoch_[-1] == 0:
                break
            if self.order == "cyclic" and self.variant == "plain":
                first = seen.setdefault(self._weights.tobytes(), epoch)
                if first < epoch:
                    self.cycle_ = (first, epoch - first)
                    break
        self._finish()
        return self

    def partial_fit(self, X: Any, y: Any, classes: Any = None) -> Perceptron:
        """One more epoch over these examples; ``classes`` names both classes at the first call."""
        first = not hasattr(self, "classes_")
        X, y = numbers_in(self, X, y, reset=first)
        if first:
            self.classes_, _ = two_classes(self, np.asarray(y if classes is None else classes))
            self._begin(X.shape[1])
        two_classes(self, np.concatenate([self.classes_, labels_in(y)]))
        self._epoch(
            with_ones(X, self.bias), np.where(y == self.classes_[1], 1.0, -1.0), check_random_state(self.random_state)
        )
        self._finish()
        return self

    def margin(self, X: Any, y: Any) -> Margin:
        """The widest margin gamma of these examples and the mistake bound (R / gamma)^2, or why there is none.

        R is the norm of the longest input, the constant 1 of the bias included.
        """
        X, y = numbers_in(self, X, y, reset=not hasattr(self, "n_features_in_"))
        return widest_margin(X, two_classes(self, y)[1], bias=self.bias)

    def certificate(self, X: Any, y: Any) -> Separation | Certificate:
        """The exact answer to whether a neuron (with a bias) separates the classes, proved in fractions either way.

        A problem that is not separable gets its certificate: shares of the examples of either class whose means are one
        and the same point.  See :func:`snarc.formal.threshold.separate`.
        """
        X, y = numbers_in(self, X, y, reset=not hasattr(self, "n_features_in_"))
        _, t = two_classes(self, y)
        return separate(X[t > 0], X[t < 0])

    cycle_: tuple[int, int] | None

    def _begin(self, features: int) -> None:
        choice("variant", self.variant, ("plain", "pocket", "averaged"))
        choice("order", self.order, ("cyclic", "random"))
        choice("record", self.record, ("epoch", "mistake", "none"))
        positive("learning_rate", self.learning_rate)
        self._weights = np.zeros(features + 1)
        self._path = [self._weights.copy()]
        self._sum, self._seen = np.zeros(features + 1), 0
        self._run, self._pocket, self._pocket_run, self._pocket_errors = 0, self._weights.copy(), 0, np.inf
        self.mistakes_, self.mistakes_per_epoch_, self.cycle_ = 0, np.zeros(0, int), None

    def _epoch(self, x: np.ndarray, t: np.ndarray, rng: np.random.RandomState) -> None:
        if self.order == "random":
            order = rng.permutation(len(x))
            x, t = x[order], t[order]
        signed, mistakes, k = x * t[:, None], 0, 0
        while k < len(signed):
            ahead = signed[k : k + _BLOCK] @ self._weights <= 0
            fine = int(np.argmax(ahead)) if ahead.any() else len(ahead)
            self._sum += fine * self._weights
            self._seen += fine
            self._run += fine
            k += fine
            if fine == len(ahead):
                continue
            self._into_pocket(signed)
            self._weights = self._weights + self.learning_rate * signed[k]
            self._sum += self._weights
            self._seen += 1
            self._run = 0
            mistakes += 1
            k += 1
            if self.record == "mistake":
                self._path.append(self._weights.copy())
        self._into_pocket(signed)
        self.mistakes_ += mistakes
        self.mistakes_per_epoch_ = np.append(self.mistakes_per_epoch_, mistakes)
        if self.record == "epoch":
            self._path.append(self._weights.copy())

    def _into_pocket(self, signed: np.ndarray) -> None:
        # Counting errors costs a pass, so only weights that survived longer than those in the pocket are tried.
        if self.variant != "pocket" or self._run <= self._pocket_run:
            return
        errors = int(np.count_nonzero(signed @ self._weights <= 0))
        if errors < self._pocket_errors:
            self._pocket, self._pocket_run, self._pocket_errors = self._weights.copy(), self._run, errors

    def _finish(self) -> None:
        self.epochs_ = len(self.mistakes_per_epoch_)
        self.converged_ = bool(self.mistakes_per_epoch_[-1] == 0)
        self.path_ = np.array(self._path)
        weights = self._weights
        if self.variant == "averaged" and self._seen:
            weights = self._sum / self._seen
        elif self.variant == "pocket" and np.isfinite(self._pocket_errors):
            weights = self._pocket
        self._keep(weights)
