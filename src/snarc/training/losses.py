"""Losses per example, from logits, by name."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, Float, Int

from snarc.data import Task
from snarc.errors import DataError, RecipeError, nearest

from .recipe import SMOOTHED, Recipe


def cross_entropy(
    logits: Float[Array, " n classes"], labels: Int[Array, " n"], smoothing: float = 0.0
) -> Float[Array, " n"]:
    """Softmax cross-entropy in nats, ``(N, classes), (N,) -> (N,)``; exact for logits of any size.

    ``smoothing`` takes that share of the probability from the class and spreads it evenly over all classes
    (Szegedy et al., CVPR 2016).
    """
    logits = _precise(logits)
    found = optax.softmax_cross_entropy_with_integer_labels(logits, labels)
    if smoothing:
        everywhere = jax.nn.logsumexp(logits, axis=-1) - jnp.mean(logits, axis=-1)
        found = (1 - smoothing) * found + smoothing * everywhere
    return found


def cross_entropy_bits(
    logits: Float[Array, " n classes"], labels: Int[Array, " n"], smoothing: float = 0.0
) -> Float[Array, " n"]:
    """:func:`cross_entropy` in bits, that is, divided by log 2."""
    return cross_entropy(logits, labels, smoothing) / math.log(2)


def binary_cross_entropy(
    logits: Float[Array, " n *k"], targets: Float[Array, " n *t"], smoothing: float = 0.0
) -> Float[Array, " n"]:
    """Cross-entropy of logistic outputs in nats, averaged over outputs, ``(N, k), (N, k) -> (N,)``.

    ``targets`` are probabilities in [0, 1]; ``smoothing`` draws them towards 1/2 by that share.
    """
    targets = (1 - smoothing) * targets + smoothing / 2
    return _mean(optax.sigmoid_binary_cross_entropy, logits, targets)


def logistic(outputs: Float[Array, " n *k"], targets: Float[Array, " n *t"]) -> Float[Array, " n"]:
    """log(1 + exp(-t z)) in nats for targets t of -1 and 1, averaged over outputs."""
    return _mean(lambda z, t: jax.nn.softplus(-t * z), outputs, targets)


def hinge(outputs: Float[Array, " n *k"], targets: Float[Array, " n *t"]) -> Float[Array, " n"]:
    """max(0, 1 - t z) for targets t of -1 and 1, averaged over outputs (Cortes and Vapnik 1995)."""
    return _mean(lambda z, t: jax.nn.relu(1 - t * z), outputs, targets)


def squared_hinge(outputs: Float[Array, " n *k"], targets: Float[Array, " n *t"]) -> Float[Array, " n"]:
    """The square of the hinge of each output, averaged over outputs."""
    return _mean(lambda z, t: jnp.square(jax.nn.relu(1 - t * z)), outputs, targets)


def margin(logits: Float[Array, " n classes"], labels: Int[Array, " n"]) -> Float[Array, " n"]:
    """The hinge for classes: max(0, 1 - (logit of the class - largest other logit)), ``(N, k), (N,) -> (N,)``.

    Source: Crammer and Singer, JMLR 2 (2001) 265.
    """
    logits = _precise(logits)
    own = jax.nn.one_hot(labels, logits.shape[-1], dtype=bool)
    other = jnp.max(jnp.where(own, -jnp.inf, logits), axis=-1)
    return jax.nn.relu(1 - (jnp.sum(jnp.where(own, logits, 0), axis=-1) - other))


def squared_margin(logits: Float[Array, " n classes"], labels: Int[Array, " n"]) -> Float[Array, " n"]:
    """The square of :func:`margin`."""
    return jnp.square(margin(logits, labels))


def squared_error(outputs: Float[Array, " n *k"], targets: Float[Array, " n *t"]) -> Float[Array, " n"]:
    """Squared error averaged over outputs, ``(N, k), (N, k) -> (N,)``, so that its mean is the MSE."""
    return _mean(lambda z, t: jnp.square(z - t), outputs, targets)


def pinball(outputs: Float[Array, " n *k"], targets: Float[Array, " n *t"], quantile: float) -> Float[Array, " n"]:
    """max(q u, (q - 1) u) for u = t - z, averaged over outputs; its mean is least at the q-quantile of the targets.

    Source: Koenker and Bassett, Econometrica 46 (1978) 33.
    """
    return _mean(lambda z, t: jnp.maximum(quantile * (t - z), (quantile - 1) * (t - z)), outputs, targets)


def _precise(logits: jax.Array) -> jax.Array:
    # In half precision a sum of exponentials loses what the gradient needs.
    return logits.astype(jnp.promote_types(logits.dtype, jnp.float32))


def _mean(each: Callable[..., jax.Array], outputs: jax.Array, targets: jax.Array) -> jax.Array:
    outputs = _precise(outputs)
    return jnp.mean(each(outputs.reshape(targets.shape), targets).reshape(len(targets), -1), axis=1)


# For class labels: how they become targets of single outputs, or none where the loss takes labels itself.
_OF_LABELS: dict[str, Callable[..., jax.Array]] = {
    "cross-entropy": cross_entropy,
    "cross-entropy-bits": cross_entropy_bits,
    "hinge": margin,
    "squared-hinge": squared_margin,
}
_OF_NUMBERS: dict[str, Callable[..., jax.Array]] = {
    "squared-error": squared_error,
    "binary-cross-entropy": binary_cross_entropy,
    "logistic": logistic,
    "hinge": hinge,
    "squared-hinge": squared_hinge,
    "pinball": pinball,
}
# Off and on values that stand for "not this class" and "this class" where a loss compares each output with a number.
_VALUES = {"squared-error": (-1.0, 1.0), "binary-cross-entropy": (0.0, 1.0), "logistic": (-1.0, 1.0)}


@dataclass(frozen=True)
class Loss:
    """A loss with its settings; equal ones are interchangeable, so that they share a compiled program.

    Called with outputs ``(N, k)`` and targets it gives the loss of each example ``(N,)``: labels ``(N,)`` where
    ``classes`` is true, else numbers ``(N, k)``.

    Attributes
    ----------
    name: as in a recipe, never ``auto``.
    classes: whether targets are class labels.
    smoothing: label smoothing.
    values: the targets (other classes, the class) of single outputs, for losses that compare outputs with numbers.
    weights: of each class, or empty for equal ones.
    quantile: that pinball aims at.
    """

    name: str
    classes: bool
    smoothing: float = 0.0
    values: tuple[float, float] | None = None
    weights: tuple[float, ...] = ()
    quantile: float | None = None

    def __call__(self, outputs: jax.Array, targets: jax.Array) -> jax.Array:
        labels = targets
        settings = [value for value in (self.smoothing or None, self.quantile) if value is not None]
        if self.classes and self.name in _OF_LABELS:
            found = _OF_LABELS[self.name](outputs, targets, *settings)
        else:
            if self.classes:
                off, on = self.values or _VALUES[self.name]
                targets = off + (on - off) * jax.nn.one_hot(labels, outputs.shape[-1], dtype=jnp.float32)
            found = _OF_NUMBERS[self.name](outputs, targets, *settings)
        if self.weights:
            found = found * jnp.asarray(self.weights, found.dtype)[labels]
        return found


def plain(recipe: Recipe, task: Task) -> Loss:
    """The loss that validation and test report: that of the recipe without smoothing and without weights.

    Raises
    ------
    RecipeError: the loss does not fit the task.
    """
    classes = task.kind in ("classification", "sequence")
    name = recipe.loss
    if name == "auto":
        name = "cross-entropy" if classes else "squared-error"
    if not classes and name not in _OF_NUMBERS:
        raise RecipeError(
            f"loss {name!r} for a task of {task.kind}",
            wanted="squared-error or pinball for numbers, or binary-cross-entropy for numbers in [0, 1]",
            way_out="Leave loss at 'auto'.",
        )
    if name == "pinball":
        if classes:
            raise RecipeError(
                "loss 'pinball' for classes, which have no quantiles",
                wanted="a task whose targets are numbers",
                way_out="Leave loss at 'auto'.",
            )
        return Loss(name, classes, quantile=0.5 if recipe.quantile is None else recipe.quantile)
    return Loss(name, classes, values=recipe.class_targets if classes else None)


def criterion(recipe: Recipe, task: Task, targets: np.ndarray) -> Loss:
    """The loss that training minimises, with label smoothing and class weights.

    Parameters
    ----------
    targets: of the training split; ``balanced`` class weights count them, and losses check their range.

    Raises
    ------
    RecipeError: loss, smoothing or weights do not fit the task.
    DataError: targets outside the range of the loss.
    """
    loss = plain(recipe, task)
    if recipe.label_smoothing and loss.name not in SMOOTHED:
        raise RecipeError(
            f"label_smoothing {recipe.label_smoothing} with loss {loss.name!r}",
            wanted="a loss of probabilities: " + ", ".join(SMOOTHED),
            way_out="Drop label_smoothing, or choose loss='cross-entropy'.",
        )
    if not loss.classes:
        _check_range(loss.name, targets)
    weights = _class_weights(recipe, task, targets)
    return Loss(loss.name, loss.classes, recipe.label_smoothing, loss.values, weights, loss.quantile)


def _check_range(name: str, targets: np.ndarray) -> None:
    if name in ("squared-error", "pinball") or not len(targets):
        return
    if name == "binary-cross-entropy":
        good, wanted = bool(((targets >= 0) & (targets <= 1)).all()), "targets from 0 to 1"
    else:
        good, wanted = bool((np.abs(targets) == 1).all()), "targets of -1 and 1"
    if not good:
        raise DataError(
            f"loss {name!r} for targets from {targets.min():g} to {targets.max():g}",
            wanted=wanted,
            way_out="Use loss='squared-error', or change the targets.",
        )


def _class_weights(recipe: Recipe, task: Task, targets: np.ndarray) -> tuple[float, ...]:
    """Weights of the classes, scaled so that the mean weight of a training example is 1."""
    given = recipe.class_weight
    if given is None:
        return ()
    if task.kind not in ("classification", "sequence"):
        raise RecipeError(
            f"class_weight for a task of {task.kind}",
            wanted="classes",
            way_out="Drop class_weight; sample weights serve for numbers.",
        )
    counts = np.bincount(np.asarray(targets).ravel(), minlength=len(task.classes)).astype(np.float64)
    if given == "balanced":
        weights = np.divide(1.0, counts, out=np.zeros_like(counts), where=counts > 0)
    else:
        assert not isinstance(given, str)
        for name in given:
            if name not in task.classes:
                raise RecipeError(
                    f"class_weight names the class {name!r}",
                    wanted="one of " + ", ".join(map(repr, task.classes[:20])),
                    way_out=nearest(name, task.classes),
                )
        weights = np.array([given.get(name, 1.0) for name in task.classes])
    total = float(weights @ counts)
    if total <= 0:
        raise RecipeError(
            "every training example has weight 0", wanted="a positive weight", way_out="Change class_weight."
        )
    return tuple(float(w) for w in weights * counts.sum() / total)
