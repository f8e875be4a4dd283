"""A network as a scikit-learn regressor."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from sklearn.base import RegressorMixin

from snarc.data import Split, Task

from . import engine
from .base import Base


class SnarcRegressor(RegressorMixin, Base):
    """Any network of snarc as a scikit-learn regressor, of one target or several.

    Parameters
    ----------
    model, model_options, input_shape, optimizer, learning_rate, momentum, schedule, weight_decay, l1, l2, batch_size,
    epochs, early_stopping, standardise, replicas, random_state, warm_start, verbose, recipe: as for
        :class:`SnarcClassifier`; the predictions of replicas are averaged.
    loss: as in :class:`snarc.Recipe`; squared error by default.
    validation_fraction: share or count held out for early stopping.
    standardise_targets: learn targets of mean 0 and variance 1, and undo that in ``predict``.  The loss is then in
        units of their variance; ``partial_fit`` takes mean and variance of its first rows.

    Attributes
    ----------
    target_mean_, target_scale_: what was undone, ``(targets,)``.
    run_: the :class:`snarc.Run`, without the data; it tells standardised targets.
    recipe_, loss_curve_, n_iter_, n_features_in_, feature_names_in_: as for :class:`SnarcClassifier`.

    >>> x = np.linspace(-3, 3, 100).reshape(-1, 1)
    >>> bool(SnarcRegressor(random_state=0).fit(x, np.sin(x[:, 0])).score(x, np.sin(x[:, 0])) > 0.9)
    True
    """

    def __init__(
        self,
        model: Any = "auto",
        *,
        model_options: Mapping[str, Any] | None = None,
        input_shape: tuple[int, ...] | None = None,
        loss: str = "auto",
        optimizer: str | None = None,
        learning_rate: float | None = None,
        momentum: float | None = None,
        schedule: str | None = None,
        weight_decay: float | None = None,
        l1: float | None = None,
        l2: float | None = None,
        batch_size: int | None = None,
        epochs: int | None = None,
        early_stopping: bool | int = False,
        validation_fraction: float = 0.1,
        standardise: bool = True,
        standardise_targets: bool = True,
        replicas: int = 1,
        random_state: Any = None,
        warm_start: bool = False,
        verbose: bool = False,
        recipe: Mapping[str, Any] | None = None,
    ) -> None:
        self.model, self.model_options, self.input_shape = model, model_options, input_shape
        self.loss, self.optimizer, self.learning_rate, self.momentum = loss, optimizer, learning_rate, momentum
        self.schedule, self.weight_decay, self.l1, self.l2 = schedule, weight_decay, l1, l2
        self.batch_size, self.epochs = batch_size, epochs
        self.early_stopping, self.validation_fraction = early_stopping, validation_fraction
        self.standardise, self.standardise_targets, self.replicas = standardise, standardise_targets, replicas
        self.random_state, self.warm_start, self.verbose, self.recipe = random_state, warm_start, verbose, recipe

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> SnarcRegressor:
        """Train on rows ``X`` ``(N, features)`` with numbers ``y`` ``(N,)`` or ``(N, targets)``.

        Parameters
        ----------
        sample_weight: of each row ``(N,)``, at least 0.

        Raises
        ------
        DataError: values that are not finite numbers (a ValueError).
        RecipeError, ModelError: a parameter that cannot be.
        DivergedError: the loss stopped being finite.
        """
        return self._fit(X, y, sample_weight, goes_on=self._goes_on(), one_pass=False)

    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None) -> SnarcRegressor:
        """Pass once over some rows, going on from the weights that are there, at a constant learning rate."""
        return self._fit(X, y, sample_weight, goes_on=hasattr(self, "run_"), one_pass=True)

    def _fit(self, X: Any, y: Any, sample_weight: Any, *, goes_on: bool, one_pass: bool) -> SnarcRegressor:
        x, y = self._checked(X, y, reset=not goes_on, multi_output=True, y_numeric=True)
        weights = self._weights(sample_weight, x)
        table = np.asarray(y, np.float64).reshape(len(x), -1)
        if not goes_on:
            self._flat, self.n_outputs_ = y.ndim == 1, table.shape[1]
            self.target_mean_, self.target_scale_ = np.zeros(self.n_outputs_), np.ones(self.n_outputs_)
            if self.standardise_targets:
                self.target_mean_, self.target_scale_ = engine.mean_and_scale(table, weights)
        engine.check_width(table.shape[1], self.n_outputs_)
        targets = ((table - self.target_mean_) / self.target_scale_).astype(np.float32)
        names = ("y",) if self.n_outputs_ == 1 else tuple(f"y{k}" for k in range(self.n_outputs_))
        task = Task("regression", targets=names)
        self._learn(Split(x, targets, weights), task, goes_on=goes_on, one_pass=one_pass)
        return self

    def predict(self, X: Any) -> np.ndarray:
        """The number, or numbers, of each row: ``(N,)`` or ``(N, targets)``, as y was."""
        found = self._outputs(X).mean(axis=0) * self.target_scale_ + self.target_mean_
        return found[:, 0] if self._flat else found

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags
