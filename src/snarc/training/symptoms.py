"""What a look can tell to be wrong with a training, in plain language, and what to try.

Thresholds come from the literature where it has them and from measurements of
sound and of broken networks (docs/health.md says which).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

KINDS = {
    "saturating": "flat on both sides, as tanh",
    "rectifying": "flat on one side, as ReLU",
    "linear": "flat nowhere",
    "flat": "flat everywhere, as a step",
    "unknown": "not seen",
}
FLAT = 0.06

# Gradient over weights, norm by norm, of a layer: the least of them as a part of the largest.
VANISHING = 1e-4
# The largest of them (by the size of the error, for numbers), and the outputs of a hidden layer for inputs of size 1.
EXPLODING = 1e3
LOUD = 1e3
# Shares of a layer.
DEAD_UNITS = 0.5
SATURATED_UNITS = 0.7
# One update over weights, norm by norm, median over layers: once, or twice, or together with a loss that has risen.
HASTY, HASTY_TWICE, HASTY_RISING = 1.0, 0.15, 0.01
RISEN = 1.5
# After so many steps at a rate that has reached its peak such updates ought to have lowered the loss by this much.
SLOW, SLOW_STEPS, SLOW_LOSS = 3e-4, 30, 0.9
# An update of this size is what networks that learn well are seen to make.
GOOD = 1e-3


@dataclass(frozen=True)
class Symptom:
    """Something wrong with a training.

    Attributes
    ----------
    name: ``vanishing gradient``, ``exploding gradient``, ``loud activations``, ``dead units``, ``saturated units``,
        ``no derivative``, ``learning rate too high`` or ``learning rate too low``.
    step: of the look at which it first showed, counted from 1.
    what: what was seen, in a sentence.
    try_: what to try, in a sentence.
    layers: where.
    """

    name: str
    step: int
    what: str
    try_: str
    layers: tuple[str, ...] = ()

    @property
    def line(self) -> str:
        """One line for a terminal."""
        return f"{self.name} (step {self.step}): {self.what} {self.try_}"


def kind_of(largest: float, low: float, high: float) -> str:
    """What kind the activation is whose derivative is ``largest`` at most, and these parts of it at -8 and at 8."""
    if not math.isfinite(largest + low + high):
        return "unknown"
    if largest == 0:
        return "flat"
    if low == 0 and high == 0 and largest > 0:
        return "saturating"
    if low < FLAT and high < FLAT:
        return "saturating"
    return "rectifying" if min(low, high) < FLAT else "linear"


Look = Mapping[str, Any]


def judge(looks: Sequence[Look]) -> tuple[Symptom, ...]:
    """Everything that is wrong with a training according to its looks, each from the look at which it first showed."""
    found: dict[str, Symptom] = {}
    for k in range(len(looks)):
        for rule in (_no_derivative, _dead, _saturated, _exploding, _vanishing, _hasty, _slow):
            symptom = rule(looks[: k + 1], found)
            if symptom is not None:
                found.setdefault(symptom.name, symptom)
    return tuple(found.values())


def _column(look: Look, name: str) -> np.ndarray:
    values = [row.get(name) for row in look["layers"].values()]
    return np.array([math.nan if value is None else value for value in values], float)


def _worst(look: Look, name: str, kind: str) -> tuple[str, float]:
    """The layer with an activation of this kind, and its share, where the share is largest."""
    shares = {path: row[name] for path, row in look["layers"].items() if row["kind"] == kind and row[name] is not None}
    return max(shares.items(), key=lambda item: item[1], default=("", 0.0))


def _no_derivative(looks: Sequence[Look], _: Any) -> Symptom | None:
    look = looks[-1]
    where = tuple(path for path, row in look["layers"].items() if row["kind"] == "flat")
    if not where:
        return None
    return Symptom(
        "no derivative", look["step"],
        f"The activation behind {short(where[0])} has derivative 0 everywhere, so no gradient passes it.",
        "Try tanh, logistic or ReLU in place of a step.", where,
    )  # fmt: skip


def _dead(looks: Sequence[Look], _: Any) -> Symptom | None:
    look = looks[-1]
    path, share = _worst(look, "dead", "rectifying")
    if share < DEAD_UNITS:
        return None
    where = tuple(
        name for name, row in look["layers"].items() if row["kind"] == "rectifying" and row["dead"] >= DEAD_UNITS
    )
    return Symptom(
        "dead units", look["step"],
        f"{_percent(share)} of the units of {short(path)} pass on nothing on any of {look['examples']} examples, and "
        "can no longer learn.",
        f"Try a learning rate of {_rate(look['peak_rate'] / 10)}, He's initial weights with biases of 0, or "
        "leaky-relu.", where,
    )  # fmt: skip


def _saturated(looks: Sequence[Look], _: Any) -> Symptom | None:
    look = looks[-1]
    path, share = _worst(look, "saturated", "saturating")
    if share < SATURATED_UNITS:
        return None
    where = tuple(
        name
        for name, row in look["layers"].items()
        if row["kind"] == "saturating" and row["saturated"] >= SATURATED_UNITS
    )
    early = look["step"] <= SLOW_STEPS
    return Symptom(
        "saturated units", look["step"],
        f"{_percent(share)} of the activations of {short(path)} lie where their curve is flat (derivative under "
        f"{_percent(FLAT)} of its largest), which lets little gradient through.",
        "Try " + ("smaller initial weights (Glorot's), " if early else "")
        + f"a learning rate of {_rate(look['peak_rate'] / 10)}, standardised inputs, or ReLU.", where,
    )  # fmt: skip


def _exploding(looks: Sequence[Look], _: Any) -> Symptom | None:
    look = looks[-1]
    paths, gradient = list(look["layers"]), _relative(look) / look["scale"]
    size = np.hypot(_column(look, "output_mean"), np.sqrt(_column(look, "output_variance")))
    size[np.flatnonzero(np.isfinite(size))[-1:]] = np.nan  # the last layer's are answers, of any size
    what = ""
    if look["loss"] is None:
        what = f"The loss on {look['examples']} examples is not finite."
        where: tuple[str, ...] = ()
    elif np.nanmax(size, initial=0.0) > LOUD:
        where = tuple(paths[k] for k in np.flatnonzero(size > LOUD))
        what = f"The outputs of {short(where[0])} have grown to {np.nanmax(size):.1g}, for inputs of about 1."
    elif np.nanmax(gradient, initial=0.0) > EXPLODING:
        where = tuple(paths[k] for k in np.flatnonzero(gradient > EXPLODING))
        what = f"The gradient of {short(where[0])} is {np.nanmax(gradient):.1g} times as large as its weights."
    if not what:
        return None
    return Symptom(
        "exploding", look["step"], what,
        "Try smaller initial weights (He's or Glorot's), clip_norm=1, normalisation between layers, or a learning "
        f"rate of {_rate(look['peak_rate'] / 10)}.", where,
    )  # fmt: skip


def _vanishing(looks: Sequence[Look], found: Mapping[str, Symptom]) -> Symptom | None:
    look = looks[-1]
    if {"dead units", "no derivative", "exploding"} & found.keys():
        return None  # which explains it
    relative, seen = _relative(look), np.isfinite(_column(look, "output_variance"))
    relative = np.where(seen, relative, np.nan) if seen.any() else relative
    if not np.nanmax(relative, initial=0.0) > 0:
        return None
    part = np.nanmin(relative) / np.nanmax(relative)
    if part >= VANISHING:
        return None
    paths = list(look["layers"])
    where = tuple(paths[k] for k in np.flatnonzero(relative < VANISHING * np.nanmax(relative)))
    least, most = paths[int(np.nanargmin(relative))], paths[int(np.nanargmax(relative))]
    return Symptom(
        "vanishing gradient", look["step"],
        f"Relative to its weights the gradient of {short(least)} is {_tiny(part)} of that of {short(most)}: "
        f"{len(where)} of {len(paths)} layers hardly learn.",
        "Try ReLU with He's initial weights, fewer layers, normalisation between layers, or connections that skip "
        "layers.", where,
    )  # fmt: skip


def _hasty(looks: Sequence[Look], _: Any) -> Symptom | None:
    look, ratios = looks[-1], [_update(one) for one in looks]
    if look["optimizer"] == "lbfgs":
        return None  # which finds its own rate
    large = math.isfinite(ratios[-1]) and ratios[-1] > HASTY_TWICE
    risen = look["loss"] is not None and looks[0]["loss"] is not None and look["loss"] > RISEN * looks[0]["loss"]
    if large and (ratios[-1] > HASTY or sum(ratio > HASTY_TWICE for ratio in ratios) > 1):
        what = f"One step changes the weights by {_percent(ratios[-1])} of their size (median over layers)."
    elif risen and max((r for r in ratios if math.isfinite(r)), default=0.0) > HASTY_RISING:
        what = f"The loss on {look['examples']} examples has risen from {looks[0]['loss']:.3g} to {look['loss']:.3g}."
    else:
        return None
    rate = look["peak_rate"]
    return Symptom(
        "learning rate too high",
        look["step"],
        what,
        f"Try a learning rate of {_rate(rate / 10)} or {_rate(rate / 100)}.",
    )


def _slow(looks: Sequence[Look], found: Mapping[str, Symptom]) -> Symptom | None:
    look, first = looks[-1], looks[0]
    if found or look["optimizer"] == "lbfgs" or look["step"] < SLOW_STEPS:
        return None  # something else holds it up
    if look["loss"] is None or first["loss"] is None or not look["learning_rate"]:
        return None
    ratio = _update(look) * look["peak_rate"] / look["learning_rate"]
    if not ratio < SLOW or min(one["loss"] for one in looks) < SLOW_LOSS * first["loss"]:
        return None
    if look["loss"] < look["chance"] / 2:
        return None  # a network that was good from the start, as one that is tuned further
    factor = 10.0 ** min(3, max(1, round(math.log10(GOOD / max(ratio, 1e-12)))))
    return Symptom(
        "learning rate too low", look["step"],
        f"One step changes the weights by {_percent(ratio)} of their size (median over layers), and after "
        f"{look['step']} steps the loss on {look['examples']} examples has gone from {first['loss']:.3g} to "
        f"{look['loss']:.3g}.",
        f"Try a learning rate of {_rate(look['peak_rate'] * factor)}.",
    )  # fmt: skip


def _relative(look: Look) -> np.ndarray:
    weights = _column(look, "weight_norm")
    return _column(look, "gradient_norm") / np.where(weights > 0, weights, np.nan)


def _update(look: Look) -> float:
    ratios = _column(look, "update_ratio")
    return float(np.nanmedian(ratios)) if np.isfinite(ratios).any() else math.nan


def short(path: str) -> str:
    """A layer's path as people say it: what all paths begin with is left out."""
    return path.removeprefix("body.")


def _percent(share: float) -> str:
    return f"{100 * share:.2g} %" if share < 0.995 else f"{100 * share:,.0f} %"


def _tiny(part: float) -> str:
    return f"{part:.0e}" if part > 1e-20 else "less than 1e-20"


def _rate(value: float) -> str:
    return f"{value:.1g}"
