"""What every single neuron with a threshold shares: its sign, its classes, its weights with the bias first."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.validation import check_is_fitted

from ._checks import numbers_in


class Neuron(ClassifierMixin, BaseEstimator):
    """One neuron that says the second class where ``intercept_ + coef_ @ x`` is positive.

    The parts of :class:`Perceptron`, :class:`Hebb` and :class:`LogisticRegression` that do not learn.
    """

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_class = False
        return tags

    def decision_function(self, X: Any) -> np.ndarray:
        """The local field ``intercept_ + coef_ @ x`` of each row, ``(N,)``; positive for ``classes_[1]``."""
        check_is_fitted(self)
        X = numbers_in(self, X, reset=False)
        return X @ self.coef_[0] + self.intercept_[0]

    def predict(self, X: Any) -> np.ndarray:
        """The class of each row, ``(N,)``."""
        field = self.decision_function(X)
        return self.classes_[(field > 0).astype(int)]

    def _keep(self, weights: np.ndarray) -> None:
        self.intercept_, self.coef_ = weights[:1].copy(), weights[None, 1:].copy()
