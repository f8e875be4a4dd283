"""A network as a scikit-learn classifier."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from sklearn.base import ClassifierMixin
from sklearn.utils.class_weight import compute_sample_weight
from sklearn.utils.metaestimators import available_if
from sklearn.utils.multiclass import check_classification_targets

from snarc.data import Split, Task
from snarc.errors import DataError, RecipeError

from .base import Base

_SOFTMAX = ("auto", "cross-entropy", "cross-entropy-bits")
_LOGISTIC = ("binary-cross-entropy", "logistic")


def _tells_probabilities(estimator: SnarcClassifier) -> bool:
    return estimator.loss in _SOFTMAX + _LOGISTIC


class SnarcClassifier(ClassifierMixin, Base):
    """Any network of snarc as a scikit-learn classifier.

    Parameters
    ----------
    model: a name that ``snarc list models`` prints; ``"auto"`` (LeNet-5 for images, else a multilayer perceptron); a
        layout such as ``"*-300-100-*"``, in which ``*`` stands for the number of features and of classes; or a factory
        ``f(inputs=..., outputs=..., rngs=...)`` that returns an nnx module.
    model_options: options of the model, as ``{"hidden": "50", "dropout": 0.5}``.
    input_shape: shape of one example where a row of X is an image, as ``(28, 28, 1)``.
    loss: as in :class:`snarc.Recipe`; hinges and ``squared-error`` give no ``predict_proba``.
    optimizer, learning_rate, momentum, schedule: how it learns; None: what suits the model (and five times its rate
        where each step sees all rows).  If one is given, the others are those of :class:`snarc.Recipe`.
    weight_decay, l1, l2, label_smoothing: regularisers.
    batch_size: examples a step; None: 200, or all of fewer (all of them for ``lbfgs``).
    epochs: passes over the data; None: what suits the model, and at least 300 steps.
    early_stopping: hold out ``validation_fraction`` and stop after so many epochs (True: 10) without a smaller loss on
        it; the best weights come back.
    validation_fraction: share or count held out, classes in their proportions.
    standardise: give every feature mean 0 and variance 1 before the first layer.
    replicas: networks with seeds ``random_state``, ``random_state + 1``, ... whose probabilities are averaged.
    class_weight: ``"balanced"``, or a weight for each label.
    random_state: seed of weights, shuffles and dropout; None draws one.
    warm_start: ``fit`` goes on from the weights that are there.
    verbose: show progress.
    recipe: any other field of :class:`snarc.Recipe`, as ``{"clip_norm": 1.0}``.

    Attributes
    ----------
    classes_: labels, sorted.
    run_: the :class:`snarc.Run`, without the data, for instruments.
    recipe_: everything that decided the learning.
    loss_curve_, n_iter_: mean training loss of each epoch, and how many there were.
    n_features_in_, feature_names_in_: as everywhere in scikit-learn.

    >>> from sklearn.datasets import load_iris
    >>> x, y = load_iris(return_X_y=True)
    >>> bool(SnarcClassifier("*-20-*", random_state=0).fit(x, y).score(x, y) > 0.9)
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
        label_smoothing: float | None = None,
        batch_size: int | None = None,
        epochs: int | None = None,
        early_stopping: bool | int = False,
        validation_fraction: float = 0.1,
        standardise: bool = True,
        replicas: int = 1,
        class_weight: Any = None,
        random_state: Any = None,
        warm_start: bool = False,
        verbose: bool = False,
        recipe: Mapping[str, Any] | None = None,
    ) -> None:
        self.model, self.model_options, self.input_shape = model, model_options, input_shape
        self.loss, self.optimizer, self.learning_rate, self.momentum = loss, optimizer, learning_rate, momentum
        self.schedule, self.weight_decay, self.l1, self.l2 = schedule, weight_decay, l1, l2
        self.label_smoothing, self.batch_size, self.epochs = label_smoothing, batch_size, epochs
        self.early_stopping, self.validation_fraction = early_stopping, validation_fraction
        self.standardise, self.replicas, self.class_weight = standardise, replicas, class_weight
        self.random_state, self.warm_start, self.verbose, self.recipe = random_state, warm_start, verbose, recipe

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> SnarcClassifier:
        """Train on rows ``X`` ``(N, features)`` with labels ``y`` ``(N,)`` of any kind.

        Parameters
        ----------
        sample_weight: of each row ``(N,)``, at least 0.

        Raises
        ------
        DataError: fewer than two classes, or values that are not numbers (a ValueError).
        RecipeError, ModelError: a parameter that cannot be.
        DivergedError: the loss stopped being finite.
        """
        goes_on = self._goes_on()
        x, y = self._checked(X, y, reset=not goes_on)
        check_classification_targets(y)
        classes = np.unique(y)
        if goes_on:
            self._known(y, "y holds", "the classes it was fitted with, for warm_start")
        else:
            self.classes_ = _several(classes)
        self._learn(self._split(x, y, sample_weight, self.class_weight), self._task(), goes_on=goes_on)
        return self

    def partial_fit(self, X: Any, y: Any, classes: Any = None, sample_weight: Any = None) -> SnarcClassifier:
        """Pass once over some rows, going on from the weights that are there, at a constant learning rate.

        Parameters
        ----------
        classes: all labels that will ever come; needed in the first call.

        Raises
        ------
        DataError: ``classes`` is missing in the first call, or a label is none of them.
        """
        goes_on = hasattr(self, "run_")
        x, y = self._checked(X, y, reset=not goes_on)
        check_classification_targets(y)
        if isinstance(self.class_weight, str):
            raise RecipeError(
                f"class_weight={self.class_weight!r} in partial_fit",
                wanted="a weight for each label, as later rows are not known yet",
                way_out="Pass sample_weight, or class_weight={label: weight}.",
            )
        if not goes_on and classes is None:
            raise DataError(
                "the first partial_fit without classes",
                wanted="classes=, all labels that will ever come",
                way_out="Write partial_fit(X, y, classes=np.unique(all_y)).",
            )
        if not goes_on:
            self.classes_ = _several(np.unique(classes))
        elif classes is not None and not np.array_equal(np.unique(classes), self.classes_):
            raise DataError(
                f"classes {list(classes)[:20]}",
                wanted=f"those of the first call, {self.classes_.tolist()[:20]}",
                way_out="Leave classes out after the first call.",
            )
        self._known(y, "y holds", "one of the classes of the first call")
        split = self._split(x, y, sample_weight, self.class_weight)
        self._learn(split, self._task(), goes_on=goes_on, one_pass=True)
        return self

    def _task(self) -> Task:
        return Task("classification", tuple(str(label) for label in self.classes_.tolist()))

    def _split(self, x: np.ndarray, y: np.ndarray, sample_weight: Any, class_weight: Any) -> Split:
        weights = self._weights(sample_weight, x)
        if class_weight is not None:
            own = compute_sample_weight(class_weight, y)
            weights = own if weights is None else weights * own
            self._weights(weights, x)
        return Split(x, np.searchsorted(self.classes_, y).astype(np.int32), weights)

    def _known(self, y: np.ndarray, what: str, wanted: str) -> None:
        new = np.setdiff1d(y, self.classes_)
        if len(new):
            raise DataError(
                f"{what} {new[0]!r}, which is not in classes_",
                wanted=wanted,
                way_out="Drop those rows, or fit anew with all classes.",
            )

    def decision_function(self, X: Any) -> np.ndarray:
        """Outputs before any softmax, averaged over replicas: ``(N, classes)``, or ``(N,)`` for two classes."""
        found = self._outputs(X).mean(axis=0)
        return found[:, 1] - found[:, 0] if found.shape[1] == 2 else found

    @available_if(_tells_probabilities)
    def predict_proba(self, X: Any) -> np.ndarray:
        """The probability of each class, averaged over replicas, ``(N, classes)``."""
        outputs = self._outputs(X)
        if self.loss in _LOGISTIC:
            found = np.exp(-np.logaddexp(0, -outputs))
        else:
            found = np.exp(outputs - outputs.max(axis=-1, keepdims=True))
        return (found / found.sum(axis=-1, keepdims=True)).mean(axis=0)

    @available_if(_tells_probabilities)
    def predict_log_proba(self, X: Any) -> np.ndarray:
        """The logarithm of :meth:`predict_proba`."""
        with np.errstate(divide="ignore"):
            return np.log(self.predict_proba(X))

    def predict(self, X: Any) -> np.ndarray:
        """The most probable label of each row, ``(N,)``."""
        found = self.predict_proba(X) if _tells_probabilities(self) else self._outputs(X).mean(axis=0)
        return self.classes_[found.argmax(axis=1)]


def _several(classes: np.ndarray | Sequence[Any]) -> np.ndarray:
    classes = np.asarray(classes)
    if len(classes) < 2:
        raise DataError(
            f"y holds one class only, {classes[:1].tolist()}",
            wanted="at least two classes",
            way_out="Add examples of another class.",
        )
    return classes
