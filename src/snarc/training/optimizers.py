"""From gradients to directions; the learning rate is given at each step, so that changing it recompiles nothing."""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

from .recipe import Recipe


class Optimizer(NamedTuple):
    """What of a recipe decides the direction of a step; hashable, so that equal ones share a compiled program."""

    name: str
    momentum: float = 0.9
    weight_decay: float = 0.0
    clip_norm: float | None = None
    l2: float = 0.0
    l1: float = 0.0
    rho: float | None = None
    epsilon: float | None = None

    @classmethod
    def of(cls, recipe: Recipe) -> Optimizer:
        others = {name: getattr(recipe, name) for name in cls._fields if name != "name"}
        return cls(recipe.optimizer, **others)

    def penalty(self, weights: Any) -> jax.Array | float:
        """What ``l2`` and ``l1`` add to the loss: l2/2 |w|^2 + l1 |w|_1 over all kernels, not over biases."""
        total: jax.Array | float = 0.0
        for leaf in jax.tree.leaves(weights):
            if leaf.ndim < KERNEL:
                continue
            if self.l2:
                total = total + 0.5 * self.l2 * jnp.sum(jnp.square(leaf))
            if self.l1:
                # The value of |w|, with the derivative 0 at 0, where that of jnp.abs is 1 and would drive weights away.
                total = total + self.l1 * jnp.sum(leaf * jax.lax.stop_gradient(jnp.sign(leaf)))
        return total


# Arrays of fewer dimensions are biases, scales and shifts; shrinking them towards 0 regularises nothing.
KERNEL = 2


def direction(of: Optimizer) -> optax.GradientTransformationExtraArgs:
    """The Optax transformation whose output, times minus the learning rate, is the step.

    Weight decay is decoupled (Loshchilov and Hutter 2019): the step shrinks
    each kernel by rate x decay, whatever the optimiser.  ``lbfgs`` finds the
    length of its step itself, by a line search; its output is the step.
    """
    rho, epsilon = of.rho or 0.9, of.epsilon or 1e-8
    parts: list[optax.GradientTransformation] = []
    if of.clip_norm is not None:
        parts.append(optax.clip_by_global_norm(of.clip_norm))
    match of.name:
        case "sgd":
            parts.append(optax.identity())
        case "momentum":
            parts.append(optax.trace(of.momentum))
        case "nesterov":
            parts.append(optax.trace(of.momentum, nesterov=True))
        case "adam" | "adamw":
            parts.append(optax.scale_by_adam(b1=of.momentum, b2=of.rho or 0.999, eps=epsilon))
        case "rmsprop" | "rmsprop-momentum":
            parts.append(optax.scale_by_rms(decay=rho, eps=epsilon, eps_in_sqrt=False))
            if of.name == "rmsprop-momentum":
                parts.append(optax.trace(of.momentum))
        case "adagrad":
            parts.append(_scale_by_sum_of_squares(epsilon))
        case "adadelta":
            parts.append(optax.scale_by_adadelta(rho=rho, eps=of.epsilon or 1e-6))
        case "lbfgs":
            parts.append(optax.lbfgs())
    if of.weight_decay:
        parts.append(optax.add_decayed_weights(of.weight_decay, mask=kernels))
    return optax.with_extra_args_support(optax.chain(*parts))


def _scale_by_sum_of_squares(epsilon: float) -> optax.GradientTransformation:
    """AdaGrad's g / (epsilon + root of the sum of all g^2 so far) (Duchi, Hazan, Singer, JMLR 12 (2011) 2121).

    Optax's own adds epsilon under the root, which is not the same in the twelfth digit, or for a large epsilon.
    """

    def update(gradient: Any, sums: Any, weights: Any = None) -> tuple[Any, Any]:
        sums = jax.tree.map(lambda s, g: s + jnp.square(g), sums, gradient)
        return jax.tree.map(lambda g, s: g / (epsilon + jnp.sqrt(s)), gradient, sums), sums

    return optax.GradientTransformation(lambda weights: jax.tree.map(jnp.zeros_like, weights), update)


def kernels(weights: Any) -> Any:
    """Which arrays of a tree are kernels, that is, neither biases nor scales and shifts."""
    return jax.tree.map(lambda leaf: leaf.ndim >= KERNEL, weights)


def rates(recipe: Recipe, steps: int) -> np.ndarray:
    """The learning rate of every step of a run, ``(steps,)`` float32.

    ``warmup`` rises linearly from 0 over its fraction of the run; then the
    schedule runs from ``learning_rate``.  With t the steps since then and s
    the ``schedule_time``: ``power`` is 1 / (1 + t/s), a tenth of the run for
    s by default; ``exponential`` 0.1^(t/s), half the run by default;
    ``cosine`` and ``linear`` end at 0; ``piecewise`` is constant between its
    points; ``1cycle`` (Smith 2018) goes up from a tenth over the first 30 %,
    then down to a ten-thousandth.
    """
    whole = np.arange(steps, dtype=np.float64) / max(steps, 1)
    t = np.clip((whole - recipe.warmup) / (1 - recipe.warmup), 0, 1)
    time = None if recipe.schedule_time is None else recipe.schedule_time / recipe.epochs / (1 - recipe.warmup)
    match recipe.schedule:
        case "constant":
            factor = np.ones(steps)
        case "cosine":
            factor = 0.5 * (1 + np.cos(np.pi * t))
        case "linear":
            factor = 1 - t
        case "exponential":
            factor = 0.1 ** (t / (time or 0.5))
        case "power":
            factor = 1 / (1 + t / (time or 0.1))
        case "piecewise":
            epoch = np.arange(steps) * (recipe.epochs / max(steps, 1))
            factor = np.ones(steps)
            for first, value in recipe.schedule_points:
                factor[epoch >= first - 1e-9] = value
        case "1cycle":
            rise = 0.1 + 0.9 * 0.5 * (1 - np.cos(np.pi * np.minimum(t / 0.3, 1)))
            fall = 1e-4 + (1 - 1e-4) * 0.5 * (1 + np.cos(np.pi * np.clip((t - 0.3) / 0.7, 0, 1)))
            factor = np.where(t < 0.3, rise, fall)
    if recipe.warmup:
        factor = factor * np.minimum(1, (np.arange(steps) + 1) / max(1, round(recipe.warmup * steps)))
    return (recipe.learning_rate * factor).astype(np.float32)
