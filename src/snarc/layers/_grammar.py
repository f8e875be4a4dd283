"""What augmentation is asked for: texts such as ``rotate:15``, checked before work starts."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from snarc.errors import RecipeError, nearest


class Part(NamedTuple):
    """One way to change an example, and how strongly."""

    name: str
    values: tuple[float, ...] = ()


class Rule(NamedTuple):
    """How a part is written, the lowest and the highest of each of its values, and where it applies.

    A highest value of ``"side"`` is one less than the shorter side of the images.
    """

    form: str
    low: tuple[float, ...] = (0.0,)
    high: tuple[float | str, ...] = (math.inf,)
    whole: bool = False
    images_only: bool = True


RULES = {
    "shift": Rule("shift:PIXELS", high=("side",)),
    "rotate": Rule("rotate:DEGREES", high=(180.0,)),
    "scale": Rule("scale:FRACTION", high=(0.95,)),
    "shear": Rule("shear:DEGREES", high=(80.0,)),
    "flip": Rule("flip", low=(), high=()),
    "crop": Rule("crop:PIXELS", high=("side",), whole=True),
    "elastic": Rule("elastic:SIGMA:ALPHA", low=(0.1, 0.0), high=(1000.0, 10000.0)),
    "colour": Rule("colour:STRENGTH", high=(1.0,)),
    "occlude": Rule("occlude:PIXELS", high=("side",), whole=True),
    "noise": Rule("noise:STD", images_only=False),
    "drop": Rule("drop:PROBABILITY", high=(0.99,), images_only=False),
}
SAME = {"color": "colour", "rotation": "rotate", "translate": "shift", "mirror": "flip", "cutout": "occlude"}


def parse(specs: Sequence[str], inputs: tuple[int, ...] | None = None) -> tuple[Part, ...]:
    """The parts that the texts of a recipe's ``augment`` ask for.

    Parameters
    ----------
    specs: texts of the forms shift:PIXELS, rotate:DEGREES, scale:FRACTION, shear:DEGREES, flip, crop:PIXELS,
        elastic:SIGMA:ALPHA, colour:STRENGTH, occlude:PIXELS, noise:STD and drop:PROBABILITY, each at most once.
    inputs: shape of one example, where it is known: then parts for images are refused for anything else.

    Raises
    ------
    RecipeError: a part is unknown, stands twice, does not suit the inputs, or has an impossible value.

    >>> parse(("shift:1", "elastic:4:34"), (28, 28, 1))
    (Part(name='shift', values=(1.0,)), Part(name='elastic', values=(4.0, 34.0)))
    """
    if isinstance(specs, str) or not all(isinstance(spec, str) for spec in specs):
        raise RecipeError(f"augment={specs!r}", wanted="a list of texts", way_out='Write augment=("shift:1", "flip").')
    parts = [_part(spec, inputs) for spec in specs]
    names = [part.name for part in parts]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise RecipeError(f"augment has {twice!r} twice", wanted="each part once", way_out="Drop one of them.")
    return tuple(parts)


def _part(spec: str, inputs: tuple[int, ...] | None) -> Part:
    name, *texts = spec.strip().split(":")
    rule = RULES.get(name)
    if rule is None:
        way_out = f"It is called {SAME[name]!r} here." if name in SAME else nearest(name, RULES)
        raise RecipeError(
            f"augment has no part called {name!r}", wanted=", ".join(r.form for r in RULES.values()), way_out=way_out
        )
    images = inputs is None or len(inputs) == 3
    if rule.images_only and not images:
        raise RecipeError(
            f"augment {spec!r} for inputs of shape {inputs}",
            wanted="images (height, width, channels)",
            way_out="For tables there are noise:STD and drop:PROBABILITY.",
        )
    if len(texts) != len(rule.low):
        raise RecipeError(f"augment {spec!r}", wanted=rule.form, way_out=f"Write for example {_example(name)!r}.")
    return Part(name, tuple(_value(spec, name, k, text, inputs) for k, text in enumerate(texts)))


def _value(spec: str, name: str, k: int, text: str, inputs: tuple[int, ...] | None) -> float:
    rule = RULES[name]
    side = min(inputs[:2]) - 1 if inputs is not None and len(inputs) == 3 else math.inf
    high = side if rule.high[k] == "side" else float(rule.high[k])
    try:
        value = float(text) if text.strip() and "_" not in text else math.nan
    except ValueError:
        value = math.nan
    if not rule.low[k] <= value <= high or math.isinf(value) or (rule.whole and value != int(value)):
        what = rule.form.split(":")[k + 1]
        kind = "a whole number" if rule.whole else "a number"
        upto = f" to {high:g}" if math.isfinite(high) else ""
        raise RecipeError(
            f"augment {spec!r}: {what} is {text!r}",
            wanted=f"{kind} from {rule.low[k]:g}{upto}",
            way_out=f"Write for example {_example(name)!r}.",
        )
    return value


def _example(name: str) -> str:
    return {
        "shift": "shift:1", "rotate": "rotate:15", "scale": "scale:0.1", "shear": "shear:10", "flip": "flip",
        "crop": "crop:4", "elastic": "elastic:4:34", "colour": "colour:0.3", "occlude": "occlude:8",
        "noise": "noise:0.1", "drop": "drop:0.2",
    }[name]  # fmt: skip
