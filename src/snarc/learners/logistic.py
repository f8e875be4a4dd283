"""Logistic and softmax regression: the weights under which the labels are most likely."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from scipy.special import expit
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.validation import check_is_fitted

from snarc.errors import LimitError

from ._checks import choice, count, labels_in, numbers_in, positive, two_classes, with_ones
from .neuron import Neuron
from .probability import log_softmax, softmax

MOST_UNKNOWNS = 5000  # weights for which Newton's method may hold a Hessian


class LogisticRegression(Neuron):
    """A neuron with the output P(second class) = 1 / (1 + e^-(w . x)), fitted by maximum likelihood.

    It minimises E(w) = -log-likelihood + l2/2 |w|^2 in nats, summed over examples (the bias is not penalised).

    Parameters
    ----------
    solver: ``"newton"`` (iteratively reweighted least squares, with halved steps where a full one would rise) or
        ``"gradient"`` (batch gradient descent).
    learning_rate: of the gradient; by default 4 / lambda_max(X'X), for which E never rises.
    l2: penalty.
    bias: learn a bias.
    iterations: most steps.
    tolerance: learning stops when no component of the gradient exceeds this times the number of examples.

    Attributes
    ----------
    coef_, intercept_: weights ``(1, features)`` and bias ``(1,)``; a weight is a change of log-odds per unit of input.
    classes_: the two classes; the second is the one whose probability is modelled.
    path_: weights after each step, ``(iterations_ + 1, 1 + features)``, bias first.
    losses_: E along the path, in nats.
    standard_errors_: of the weights, from the curvature at the end (Fisher information), ``(1 + features,)``.
    iterations_, converged_: steps made, and whether the gradient vanished.

    Warns
    -----
    ConvergenceWarning: the steps ran out; or the classes are separable and l2 is 0, so that the likelihood has no
        maximum and the weights only stopped growing where the tolerance let them.

    Raises
    ------
    DataError: data that scikit-learn's checks refuse, or not two classes.
    RecipeError: a parameter out of range.

    Source: D. Cox, J. R. Statist. Soc. B 20 (1958) 215.

    >>> x, y = [[0]] * 4 + [[1]] * 4, [0, 0, 0, 1, 0, 1, 1, 1]
    >>> LogisticRegression().fit(x, y).coef_.round(6).tolist() == [[round(float(np.log(9)), 6)]]
    True
    """

    def __init__(
        self,
        solver: str = "newton",
        *,
        learning_rate: float | None = None,
        l2: float = 0.0,
        bias: bool = True,
        iterations: int = 1000,
        tolerance: float = 1e-9,
    ) -> None:
        self.solver = solver
        self.learning_rate = learning_rate
        self.l2 = l2
        self.bias = bias
        self.iterations = iterations
        self.tolerance = tolerance

    def fit(self, X: Any, y: Any) -> LogisticRegression:
        """Learn the labels ``y (N,)`` of two classes from ``X (N, features)``, from zero weights."""
        X, y = numbers_in(self, X, y)
        self.classes_, t = two_classes(self, y)
        x, penalty = with_ones(X, self.bias), _penalty(self.l2, X.shape[1])

        def loss(w: np.ndarray) -> float:
            return float(np.logaddexp(0, -t * (x @ w)).sum() + 0.5 * np.sum(penalty * w * w))

        def slope(w: np.ndarray) -> np.ndarray:
            return -(t * expit(-t * (x @ w))) @ x + penalty * w

        def curvature(w: np.ndarray) -> np.ndarray:
            p = expit(x @ w)
            return (x * (p * (1 - p))[:, None]).T @ x + np.diag(penalty)

        _descend(self, x, loss, slope, curvature, x.shape[1], bound=0.25)
        weights = self.path_[-1]
        if not self.l2 and (t * (x @ weights) > 0).all():
            warnings.warn(
                "the classes are separable: without l2 the likelihood has no maximum", ConvergenceWarning, stacklevel=2
            )
        self.standard_errors_ = np.sqrt(np.diag(np.linalg.pinv(curvature(weights), hermitian=True)).clip(0))
        self._keep(weights)
        return self

    def predict_proba(self, X: Any) -> np.ndarray:
        """Probabilities of both classes, ``(N, 2)``."""
        p = expit(self.decision_function(X))
        return np.column_stack([1 - p, p])

    def predict_log_proba(self, X: Any) -> np.ndarray:
        """Logarithms of the probabilities in nats, ``(N, 2)``, exact in the tails."""
        field = self.decision_function(X)
        return -np.logaddexp(0, np.column_stack([field, -field]))


class SoftmaxRegression(ClassifierMixin, BaseEstimator):
    """One linear neuron for each class and a softmax over them, fitted by maximum likelihood.

    It minimises E(w) = sum of cross-entropies + l2/2 |w|^2 in nats (biases are not penalised).  Parameters are those of
    :class:`LogisticRegression`, with the solver ``"auto"``: Newton up to 1000 weights, else gradient descent.

    Attributes
    ----------
    coef_, intercept_: weights ``(classes, features)`` and biases ``(classes,)``; they sum to zero over the classes,
        since only differences matter.
    classes_: the classes in sorted order.
    path_: ``(iterations_ + 1, classes, 1 + features)``, bias first.
    losses_, iterations_, converged_: as in :class:`LogisticRegression`.

    Raises
    ------
    DataError, RecipeError: as :class:`LogisticRegression`.
    LimitError: ``"newton"`` for more than 5000 weights.

    Source: D. Böhning, Ann. Inst. Statist. Math. 44 (1992) 197 (the bound behind the learning rate).

    >>> SoftmaxRegression(l2=0.1).fit([[0], [1], [2]], ["a", "b", "c"]).predict([[-1], [3]]).tolist()
    ['a', 'c']
    """

    def __init__(
        self,
        solver: str = "auto",
        *,
        learning_rate: float | None = None,
        l2: float = 0.0,
        bias: bool = True,
        iterations: int = 1000,
        tolerance: float = 1e-9,
    ) -> None:
        self.solver = solver
        self.learning_rate = learning_rate
        self.l2 = l2
        self.bias = bias
        self.iterations = iterations
        self.tolerance = tolerance

    def fit(self, X: Any, y: Any) -> SoftmaxRegression:
        """Learn the labels ``y (N,)`` from ``X (N, features)``, from zero weights."""
        X, y = numbers_in(self, X, y)
        self.classes_ = labels_in(y)
        k = len(self.classes_)
        x, d = with_ones(X, self.bias), (y[:, None] == self.classes_).astype(float)
        penalty = np.tile(_penalty(self.l2, X.shape[1]), (k, 1))

        def loss(w: np.ndarray) -> float:
            w = w.reshape(k, -1)
            return float(-(d * log_softmax(x @ w.T)).sum() + 0.5 * np.sum(penalty * w * w))

        def slope(w: np.ndarray) -> np.ndarray:
            w = w.reshape(k, -1)
            return ((softmax(x @ w.T) - d).T @ x + penalty * w).ravel()

        def curvature(w: np.ndarray) -> np.ndarray:
            p = softmax(x @ w.reshape(k, -1).T)
            width = x.shape[1]
            out = np.zeros((k, width, k, width))
            for a in range(k):
                for b in range(a, k):
                    block = (x * (p[:, a] * ((a == b) - p[:, b]))[:, None]).T @ x
                    out[a, :, b], out[b, :, a] = block, block.T
            return out.reshape(k * width, -1) + np.diag(penalty.ravel())

        _descend(self, x, loss, slope, curvature, k * x.shape[1], bound=0.5)
        self.path_ = self.path_.reshape(len(self.path_), k, -1)
        self.intercept_, self.coef_ = self.path_[-1][:, 0].copy(), self.path_[-1][:, 1:].copy()
        return self

    path_: np.ndarray

    def _logits(self, X: Any) -> np.ndarray:
        check_is_fitted(self)
        return numbers_in(self, X, reset=False) @ self.coef_.T + self.intercept_

    def decision_function(self, X: Any) -> np.ndarray:
        """Logits ``(N, classes)``; for two classes the log-odds of the second, ``(N,)``."""
        logits = self._logits(X)
        return logits[:, 1] - logits[:, 0] if logits.shape[1] == 2 else logits

    def predict_proba(self, X: Any) -> np.ndarray:
        """Probabilities ``(N, classes)``."""
        return softmax(self._logits(X))

    def predict_log_proba(self, X: Any) -> np.ndarray:
        """Logarithms of the probabilities in nats, ``(N, classes)``."""
        return log_softmax(self._logits(X))

    def predict(self, X: Any) -> np.ndarray:
        """The most probable class of each row, ``(N,)``."""
        best = self._logits(X).argmax(1)
        return self.classes_[best]


def _penalty(l2: Any, features: int) -> np.ndarray:
    return np.append(0.0, np.full(features, positive("l2", l2, zero=True)))


def _descend(learner: Any, x: np.ndarray, loss: Any, slope: Any, curvature: Any, unknowns: int, bound: float) -> None:
    """Minimise from zero and leave path_, losses_, iterations_ and converged_ with the learner.

    ``bound`` times X'X is at least the curvature everywhere, whatever the weights.
    """
    solver = choice("solver", learner.solver, ("newton", "gradient", "auto"))
    solver = solver if solver != "auto" else "newton" if unknowns <= 1000 else "gradient"
    if solver == "newton" and unknowns > MOST_UNKNOWNS:
        raise LimitError(
            f"Newton's method for {unknowns:,} weights",
            wanted=f"at most {MOST_UNKNOWNS:,}",
            way_out="Take solver='gradient'.",
        )
    rate = learner.learning_rate
    if rate is None:
        top = bound * np.linalg.eigvalsh(x.T @ x)[-1] + learner.l2
        rate = 1 / top if top > 0 else 1.0
    rate = positive("learning_rate", rate)
    most, tolerance = count("iterations", learner.iterations), positive("tolerance", learner.tolerance, zero=True)
    w = np.zeros(unknowns)
    path, losses, converged = [w], [loss(w)], False
    for _ in range(most + 1):
        gradient = slope(w)
        converged = bool(np.abs(gradient).max() <= tolerance * len(x))
        if converged or len(path) > most:
            break
        if solver == "gradient":
            new = w - rate * gradient
            value = loss(new)
        else:
            step, new, value = 1.0, w, np.inf
            # Adding a number to all logits changes nothing, so the Hessian may be singular: the shortest step is taken.
            direction = np.linalg.lstsq(curvature(w), gradient, rcond=1e-13)[0]
            while step > 1e-9:
                new = w - step * direction
                value = loss(new)
                if value < losses[-1]:
                    break
                step /= 2
            else:  # rounding leaves nothing to gain
                converged = bool(np.abs(gradient).max() <= 1e-6 * len(x))
                break
        w = new
        path.append(w)
        losses.append(value)
    if not converged:
        warnings.warn(f"no minimum found in {len(path) - 1} steps", ConvergenceWarning, stacklevel=3)
    learner.path_, learner.losses_ = np.array(path), np.array(losses)
    learner.iterations_, learner.converged_ = len(path) - 1, converged
