"""ADALINE, the adaptive linear neuron: least squares by gradient descent, and in closed form beside it."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from snarc.errors import DivergedError, RecipeError

from ._checks import choice, count, labels_in, numbers_in, positive, with_ones


@dataclass(frozen=True)
class Bowl:
    """The squared error of linear neurons, E(w) = 1/2 sum_i |w . x_i - d_i|^2 + l2/2 |w|^2 (the bias is not penalised).

    Attributes
    ----------
    x: inputs ``(N, 1 + features)``, first the constant 1.
    d: targets ``(N, outputs)``.
    hessian: second derivatives for each output, X'X + l2, ``(1 + features, 1 + features)``.
    l2: the penalty.
    free: which weights may change, ``(1 + features,)``; all but a bias that is not wanted.
    """

    x: np.ndarray
    d: np.ndarray
    hessian: np.ndarray
    l2: float
    free: np.ndarray

    @classmethod
    def of(cls, X: Any, y: Any, *, l2: float = 0.0, bias: bool = True) -> Bowl:
        """The bowl of inputs ``(N, features)`` and targets ``(N,)`` or ``(N, outputs)``."""
        x = with_ones(np.asarray(X, float), bias)
        d = np.asarray(y, float).reshape(len(x), -1)
        penalty = np.full(x.shape[1], l2)
        penalty[0] = 0.0
        free = np.ones(x.shape[1], bool)
        free[0] = bias
        return cls(x, d, x.T @ x + np.diag(penalty), l2, free)

    def error(self, w: np.ndarray) -> float:
        """E at the weights ``(outputs, 1 + features)``."""
        return float(0.5 * np.sum((self.x @ w.T - self.d) ** 2) + 0.5 * self.l2 * np.sum(w[:, 1:] ** 2))

    def gradient(self, w: np.ndarray) -> np.ndarray:
        """dE/dw at ``w``, ``(outputs, 1 + features)``."""
        slope = (self.x @ w.T - self.d).T @ self.x
        slope[:, 1:] += self.l2 * w[:, 1:]
        return slope

    def largest_learning_rate(self) -> float:
        """2 / lambda_max of the Hessian: the batch rule converges below it and diverges above it."""
        top = float(np.linalg.eigvalsh(self.hessian)[-1])
        return 2 / top if top > 0 else np.inf

    def minimum(self) -> np.ndarray:
        """The weights at the bottom, ``(outputs, 1 + features)``; of all bottoms the one with the smallest weights.

        The inputs are centred first, which keeps digits that X'X alone would lose.
        """
        free = bool(self.free[0])
        x, d = self.x[:, 1:], self.d
        middle = x.mean(0) if free else np.zeros(x.shape[1])
        level = d.mean(0) if free else np.zeros(d.shape[1])
        x = x - middle
        values, vectors = np.linalg.eigh(x.T @ x + self.l2 * np.eye(x.shape[1]))
        kept = values > values[-1] * len(values) * np.finfo(float).eps
        inverse = np.where(kept, 1 / np.where(kept, values, 1), 0)
        w = ((x.T @ (d - level)).T @ vectors * inverse) @ vectors.T
        return np.column_stack([level - w @ middle, w])


def batch_path(bowl: Bowl, start: np.ndarray, learning_rate: float, epochs: int, tolerance: float = 0.0) -> np.ndarray:
    """The weights of gradient descent w <- w - eps dE/dw, ``(steps + 1, outputs, 1 + features)``.

    It ends after ``epochs`` steps, or when no weight changes by more than ``tolerance`` times the largest.

    Raises
    ------
    DivergedError: a weight is no longer finite.
    """
    w, path = start, [start]
    # The gradient is H w - X'd: with the Hessian at hand a step does not depend on the number of examples.
    goal = (bowl.x.T @ bowl.d).T
    with np.errstate(over="ignore", invalid="ignore"):
        for step in range(1, epochs + 1):
            change = learning_rate * (w @ bowl.hessian - goal) * bowl.free
            w = w - change
            if not np.isfinite(w).all():
                raise _diverged(step, learning_rate, bowl.largest_learning_rate())
            path.append(w)
            if np.abs(change).max() <= tolerance * np.abs(w).max():
                break
    return np.array(path)


def online_path(
    bowl: Bowl, start: np.ndarray, learning_rate: float, epochs: int, rng: np.random.RandomState | None = None
) -> np.ndarray:
    """The weights of the online rule w <- w - eps (w . x_k - d_k) x_k, one example a step.

    ``(epochs * N + 1, outputs, 1 + features)``.  In step t (from 0) the example is k = (t mod N) + 1, or, with ``rng``,
    the next of a new permutation each epoch.

    Raises
    ------
    DivergedError: a weight is no longer finite.
    """
    n = len(bowl.x)
    path = np.empty((epochs * n + 1, *start.shape))
    path[0] = w = start
    decay = np.zeros(start.shape[1])
    decay[1:] = bowl.l2 / n
    with np.errstate(over="ignore", invalid="ignore"):
        for epoch in range(epochs):
            order = range(n) if rng is None else rng.permutation(n)
            for t, k in enumerate(order, start=epoch * n + 1):
                x = bowl.x[k]
                w = w - learning_rate * (np.outer(w @ x - bowl.d[k], x) + decay * w)
                path[t] = w
            if not np.isfinite(w).all():
                raise _diverged((epoch + 1) * n, learning_rate, bowl.largest_learning_rate())
    return path


class Adaline(RegressorMixin, BaseEstimator):
    """A linear neuron y = w . x that minimises E(w) = 1/2 sum (w . x - d)^2.

    Parameters
    ----------
    rule: ``"batch"``, gradient descent; ``"online"``, one example at a time, k = (t mod p) + 1; ``"closed"``, the
        normal equations.
    learning_rate: eps; by default half the largest stable one of the batch rule (1 / lambda_max), and for the online
        rule 1 / max |x|^2.
    epochs: most passes over the data.
    tolerance: the batch rule stops when no weight changes by more than this times the largest.
    standardise: give every input mean 0 and standard deviation 1 first; ``path_``, ``optimum_`` and ``hessian_`` are
        then those of the standardised inputs, ``coef_`` and ``intercept_`` those of the given ones.
    l2: adds l2/2 |w|^2 to E (without the bias).
    bias: learn a bias.
    order: of the online rule, ``"cyclic"`` or ``"random"``.
    start: weights to start from, bias first, ``(1 + features,)`` or ``(outputs, 1 + features)``; zero by default.
    random_state: seed of the random order.

    Attributes
    ----------
    coef_, intercept_: ``(features,)`` and a number, or for targets of two dimensions ``(outputs, features)`` and
        ``(outputs,)``.
    path_: weights, bias first: after each epoch (batch), after each example (online), ``(steps + 1, 1 + features)``, or
        ``(steps + 1, outputs, 1 + features)``; start and optimum for the closed form.
    optimum_: the weights of the closed form, whatever the rule, in the shape of a row of ``path_``.
    hessian_: ``(1 + features, 1 + features)``.
    largest_learning_rate_: 2 / lambda_max(hessian_), above which the batch rule diverges.
    learning_rate_: the one used.
    epochs_: passes made.
    mean_, scale_: of the inputs where they were standardised, else 0 and 1.

    Raises
    ------
    DataError: data that scikit-learn's checks refuse.
    RecipeError: a parameter out of range.
    DivergedError: a weight is no longer finite.

    Source: B. Widrow, M. Hoff, IRE WESCON Convention Record 4 (1960) 96.

    >>> ages, widths = [[1.0], [2.0], [3.0]], [2.0, 4.0, 6.0]
    >>> line = Adaline("closed").fit(ages, widths)
    >>> line.coef_.round(9).tolist(), round(line.largest_learning_rate_, 4)
    ([2.0], 0.1202)
    """

    def __init__(
        self,
        rule: str = "batch",
        *,
        learning_rate: float | None = None,
        epochs: int = 1000,
        tolerance: float = 1e-12,
        standardise: bool = False,
        l2: float = 0.0,
        bias: bool = True,
        order: str = "cyclic",
        start: Any = None,
        random_state: Any = None,
    ) -> None:
        self.rule = rule
        self.learning_rate = learning_rate
        self.epochs = epochs
        self.tolerance = tolerance
        self.standardise = standardise
        self.l2 = l2
        self.bias = bias
        self.order = order
        self.start = start
        self.random_state = random_state

    path_: np.ndarray
    optimum_: np.ndarray

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags

    def fit(self, X: Any, y: Any) -> Adaline:
        """Learn ``y (N,)`` or ``(N, outputs)`` from ``X (N, features)``."""
        X, y = numbers_in(self, X, y, multi_output=True, y_numeric=True)
        self._single = y.ndim == 1
        choice("rule", self.rule, ("batch", "online", "closed"))
        self._scale(X)
        bowl = Bowl.of((X - self.mean_) / self.scale_, y, l2=positive("l2", self.l2, zero=True), bias=bool(self.bias))
        self._learn(bowl, self._start(bowl), count("epochs", self.epochs))
        return self

    def partial_fit(self, X: Any, y: Any) -> Adaline:
        """One more epoch by the rule, from the weights that are there; the first call is a fit of one epoch."""
        if not hasattr(self, "_weights"):
            whole, self.epochs = self.epochs, 1
            try:
                return self.fit(X, y)
            finally:
                self.epochs = whole
        X, y = numbers_in(self, X, y, reset=False, multi_output=True, y_numeric=True)
        bowl = Bowl.of((X - self.mean_) / self.scale_, y, l2=positive("l2", self.l2, zero=True), bias=bool(self.bias))
        before, epochs = self.path_, self.epochs_
        self._learn(bowl, self._weights, 1)
        self.path_ = np.concatenate([before, self.path_[1:]])
        self.epochs_ += epochs
        return self

    def predict(self, X: Any) -> np.ndarray:
        """w . x for each row, ``(N,)`` or ``(N, outputs)``."""
        check_is_fitted(self)
        return numbers_in(self, X, reset=False) @ self.coef_.T + self.intercept_

    def _scale(self, X: np.ndarray) -> None:
        self.mean_, self.scale_ = np.zeros(X.shape[1]), np.ones(X.shape[1])
        if self.standardise:
            spread = X.std(0)
            self.mean_, self.scale_ = X.mean(0), np.where(spread > 0, spread, 1.0)

    def _start(self, bowl: Bowl) -> np.ndarray:
        shape = (bowl.d.shape[1], bowl.x.shape[1])
        if self.start is None:
            return np.zeros(shape)
        start = np.asarray(self.start, float)
        if start.shape not in (shape, shape[1:]) or not np.isfinite(start).all():
            came = f"start has the shape {start.shape}"
            raise RecipeError(came, wanted=f"finite weights {shape}, bias first", way_out="Leave start out for zeros.")
        return np.broadcast_to(start, shape) * bowl.free

    def _learn(self, bowl: Bowl, start: np.ndarray, epochs: int) -> None:
        self.hessian_, self.largest_learning_rate_ = bowl.hessian, bowl.largest_learning_rate()
        optimum = bowl.minimum()
        if self.learning_rate is None:
            longest = float((bowl.x**2).sum(1).max())
            limit = self.largest_learning_rate_ / 2 if self.rule != "online" else 1 / longest if longest else 1.0
            self.learning_rate_ = limit if np.isfinite(limit) else 1.0
        else:
            self.learning_rate_ = positive("learning_rate", self.learning_rate)
        if self.rule == "closed":
            path = np.array([start, optimum])
        elif self.rule == "batch":
            if self.learning_rate_ > self.largest_learning_rate_:
                text = f"learning rate {self.learning_rate_:g} diverges: it is above 2 / lambda_max"
                warnings.warn(f"{text} = {self.largest_learning_rate_:g}", ConvergenceWarning, stacklevel=3)
            path = batch_path(
                bowl, start, self.learning_rate_, epochs, positive("tolerance", self.tolerance, zero=True)
            )
        else:
            random = choice("order", self.order, ("cyclic", "random")) == "random"
            path = online_path(
                bowl, start, self.learning_rate_, epochs, check_random_state(self.random_state) if random else None
            )
        self.epochs_ = 1 if self.rule == "closed" else (len(path) - 1) // (1 if self.rule == "batch" else len(bowl.x))
        self._weights = path[-1]
        coef = path[-1][:, 1:] / self.scale_
        intercept = path[-1][:, 0] - coef @ self.mean_
        self.path_, self.optimum_ = (path[:, 0], optimum[0]) if self._single else (path, optimum)
        self.coef_, self.intercept_ = (coef[0], intercept[0]) if self._single else (coef, intercept)


class AdalineClassifier(ClassifierMixin, BaseEstimator):
    """ADALINE as Widrow and Hoff used it: a linear neuron for each class, with the targets +1 and -1; the largest wins.

    Two classes need one neuron.  Parameters are those of :class:`Adaline`, whose fitted self is ``adaline_``.

    Attributes
    ----------
    classes_: the classes in sorted order.
    adaline_: the linear neurons, with ``path_``, ``optimum_``, ``hessian_`` and ``largest_learning_rate_``.
    path_: that of ``adaline_``.

    >>> AdalineClassifier("closed").fit([[0], [1], [2], [3]], ["a", "a", "b", "b"]).predict([[1.4], [1.6]]).tolist()
    ['a', 'b']
    """

    def __init__(
        self,
        rule: str = "batch",
        *,
        learning_rate: float | None = None,
        epochs: int = 1000,
        tolerance: float = 1e-12,
        standardise: bool = False,
        l2: float = 0.0,
        bias: bool = True,
        order: str = "cyclic",
        random_state: Any = None,
    ) -> None:
        self.rule = rule
        self.learning_rate = learning_rate
        self.epochs = epochs
        self.tolerance = tolerance
        self.standardise = standardise
        self.l2 = l2
        self.bias = bias
        self.order = order
        self.random_state = random_state

    def fit(self, X: Any, y: Any) -> AdalineClassifier:
        """Learn the labels ``y (N,)`` from ``X (N, features)``."""
        X, y = numbers_in(self, X, y)
        self.classes_ = labels_in(y)
        self.adaline_ = Adaline(**self.get_params()).fit(X, _targets(y, self.classes_))
        self.path_ = self.adaline_.path_
        return self

    def decision_function(self, X: Any) -> np.ndarray:
        """w . x: ``(N,)`` for two classes (positive for the second), else ``(N, classes)``."""
        check_is_fitted(self)
        return self.adaline_.predict(numbers_in(self, X, reset=False))

    def predict(self, X: Any) -> np.ndarray:
        """The class of each row, ``(N,)``."""
        field = self.decision_function(X)
        if len(self.classes_) <= 2:
            return self.classes_[(field > 0).astype(int) if len(self.classes_) == 2 else np.zeros(len(field), int)]
        return self.classes_[field.argmax(1)]


def _targets(y: np.ndarray, classes: np.ndarray) -> np.ndarray:
    if len(classes) <= 2:
        return np.where(y == classes[-1], 1.0, -1.0)
    return np.where(y[:, None] == classes, 1.0, -1.0)


def _diverged(step: int, rate: float, limit: float) -> DivergedError:
    return DivergedError(
        f"a weight is not finite after step {step}, with learning rate {rate:g}",
        wanted=f"a learning rate below {limit:g} (2 / lambda_max of the Hessian)",
        way_out="Take a smaller learning_rate, or standardise=True.",
    )
