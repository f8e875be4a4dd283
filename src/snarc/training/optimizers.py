"""From gradients to directions; the learning rate is given at each step, so that changing it recompiles nothing."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import optax

from .recipe import Recipe


class Optimizer(NamedTuple):
    """What of a recipe decides the direction of a step; hashable, so that equal ones share a compiled program."""

    name: str
    momentum: float
    weight_decay: float
    clip_norm: float | None

    @classmethod
    def of(cls, recipe: Recipe) -> Optimizer:
        return cls(recipe.optimizer, recipe.momentum, recipe.weight_decay, recipe.clip_norm)


def direction(of: Optimizer) -> optax.GradientTransformation:
    """The Optax transformation whose output, times minus the learning rate, is the step.

    Weight decay is decoupled (Loshchilov and Hutter 2019): the step shrinks
    each weight by rate x decay, whatever the optimiser.
    """
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
            parts.append(optax.scale_by_adam(b1=of.momentum))
        case "rmsprop":
            parts.append(optax.scale_by_rms())
        case "adagrad":
            # Optax adds eps under the root: 1e-16 there is the 1e-8 that Duchi et al. add to the root itself.
            parts.append(optax.scale_by_rss(initial_accumulator_value=0.0, eps=1e-16))
        case "adadelta":
            parts.append(optax.scale_by_adadelta())
    if of.weight_decay:
        parts.append(optax.add_decayed_weights(of.weight_decay))
    return optax.chain(*parts)


def rates(recipe: Recipe, steps: int) -> np.ndarray:
    """The learning rate of every step of a run, ``(steps,)`` float32.

    ``warmup`` rises linearly from 0 over its fraction of the run; then the
    schedule runs from ``learning_rate``: ``cosine`` and ``linear`` to 0,
    ``exponential`` by a factor of 100, ``power`` as 1 / (1 + 10 t), ``1cycle``
    (Smith 2018) up from a tenth over the first 30 %, down to a ten-thousandth.
    """
    t = np.arange(steps, dtype=np.float64) / max(steps, 1)
    t = np.clip((t - recipe.warmup) / (1 - recipe.warmup), 0, 1)
    match recipe.schedule:
        case "constant":
            factor = np.ones(steps)
        case "cosine":
            factor = 0.5 * (1 + np.cos(np.pi * t))
        case "linear":
            factor = 1 - t
        case "exponential":
            factor = 0.01**t
        case "power":
            factor = 1 / (1 + 10 * t)
        case "1cycle":
            rise = 0.1 + 0.9 * 0.5 * (1 - np.cos(np.pi * np.minimum(t / 0.3, 1)))
            fall = 1e-4 + (1 - 1e-4) * 0.5 * (1 + np.cos(np.pi * np.clip((t - 0.3) / 0.7, 0, 1)))
            factor = np.where(t < 0.3, rise, fall)
    if recipe.warmup:
        factor = factor * np.minimum(1, (np.arange(steps) + 1) / max(1, round(recipe.warmup * steps)))
    return (recipe.learning_rate * factor).astype(np.float32)
