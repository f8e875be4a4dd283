"""What a search tries: spaces of values, in Python or as text."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from snarc.errors import RecipeError, nearest
from snarc.training.recipe import Recipe

_CALL = re.compile(r"\s*(\w+)\s*\((.*)\)\s*", re.DOTALL)
_NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?")
WAY_OUT = (
    "Write learning_rate=log(1e-4, 1e-1), momentum=uniform(.5, .99), epochs=int(5, 30) or optimizer=choice(sgd, adam)."
)


@dataclass(frozen=True)
class _Range:
    low: float
    high: float

    def __post_init__(self) -> None:
        for end in (self.low, self.high):
            if isinstance(end, bool) or not isinstance(end, int | float) or not math.isfinite(end):
                raise RecipeError(f"a space that ends at {end!r}", wanted="two finite numbers", way_out=WAY_OUT)
        if not self.low < self.high:
            what = "empty" if self.low == self.high else "reversed"
            raise RecipeError(
                f"the {what} space {self}", wanted="the smaller number first", way_out=f"Write {self.swapped()}."
            )

    def swapped(self) -> str:
        low, high = sorted((self.low, self.high))
        return f"{type(self).text}({low:g}, {high if high > low else 2 * low + 1:g})"  # type: ignore[attr-defined]

    def __str__(self) -> str:
        return f"{type(self).text}({self.low:g}, {self.high:g})"  # type: ignore[attr-defined]

    def labels(self) -> list[str]:
        """What a picture writes beside its axis, from the bottom up."""
        return [f"{self.low:g}", f"{self.high:g}"]


class Uniform(_Range):
    """Numbers between two ends, all equally likely."""

    text = "uniform"

    def draw(self, generator: np.random.Generator) -> float:
        """A value."""
        return float(generator.uniform(self.low, self.high))

    def place(self, value: float) -> float:
        """Where a value stands, from 0 to 1."""
        return (value - self.low) / (self.high - self.low)


class Log(_Range):
    """Positive numbers whose logarithm is uniform: each decade is equally likely."""

    text = "log"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.low <= 0:
            raise RecipeError(
                f"the space {self}, which has no logarithm",
                wanted="positive ends",
                way_out="Use uniform, or begin at 1e-6.",
            )

    def draw(self, generator: np.random.Generator) -> float:
        """A value."""
        found = math.exp(generator.uniform(math.log(self.low), math.log(self.high)))
        return min(max(found, self.low), self.high)

    def place(self, value: float) -> float:
        """Where a value stands, from 0 to 1."""
        return math.log(value / self.low) / math.log(self.high / self.low)


class Whole(_Range):
    """Whole numbers from one end to the other, both included."""

    text = "int"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.low != int(self.low) or self.high != int(self.high):
            raise RecipeError(f"the space {self}", wanted="whole numbers", way_out="Use uniform for others.")

    def draw(self, generator: np.random.Generator) -> int:
        """A value."""
        return int(generator.integers(int(self.low), int(self.high) + 1))

    def place(self, value: float) -> float:
        """Where a value stands, from 0 to 1."""
        return (value - self.low) / (self.high - self.low)


class Choice:
    """One of the values named, all equally likely."""

    text = "choice"

    def __init__(self, *values: Any) -> None:
        if not values:
            raise RecipeError("a choice of nothing", wanted="at least one value", way_out=WAY_OUT)
        if len({json.dumps(v) for v in values}) < len(values):
            raise RecipeError(f"a choice that names a value twice: {values}", wanted="each once", way_out="Drop one.")
        self.values = tuple(values)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Choice) and self.values == other.values

    def __hash__(self) -> int:
        return hash(str(self))

    def __str__(self) -> str:
        return f"choice({', '.join(v if isinstance(v, str) else json.dumps(v) for v in self.values)})"

    def __repr__(self) -> str:
        return str(self)

    def draw(self, generator: np.random.Generator) -> Any:
        """A value."""
        return self.values[int(generator.integers(len(self.values)))]

    def place(self, value: Any) -> float:
        """Where a value stands, from 0 to 1."""
        return self.values.index(value) / max(1, len(self.values) - 1)

    def labels(self) -> list[str]:
        """What a picture writes beside its axis, from the bottom up."""
        return [str(v) for v in self.values] if len(self.values) > 1 else [str(self.values[0]), ""]


Space = Uniform | Log | Whole | Choice
_KINDS: dict[str, Any] = {"uniform": Uniform, "log": Log, "int": Whole, "choice": Choice}


def parse(text: str) -> Space:
    """A space from text.

    >>> parse("log(1e-4, 1e-1)"), parse("choice(sgd, adam)"), parse("int(5, 30)")
    (Log(low=0.0001, high=0.1), choice(sgd, adam), Whole(low=5, high=30))

    Raises
    ------
    RecipeError: it is not one, or empty or reversed.
    """
    match = _CALL.fullmatch(text)
    if match is None:
        raise RecipeError(
            f"the space {text!r}", wanted="log(...), uniform(...), int(...) or choice(...)", way_out=WAY_OUT
        )
    kind, inside = match[1], match[2]
    if kind not in _KINDS:
        raise RecipeError(
            f"a space of the kind {kind!r}",
            wanted="log, uniform, int or choice",
            way_out=nearest(kind, _KINDS),
        )
    values = [_value(part) for part in inside.split(",")] if inside.strip() else []
    if kind == "choice":
        return Choice(*values)
    if len(values) != 2:
        raise RecipeError(f"{kind} with {len(values)} ends", wanted="two numbers", way_out=WAY_OUT)
    return _KINDS[kind](*values)


def check(spaces: Mapping[str, Space | str]) -> dict[str, Space]:
    """The spaces, parsed, each under the name of a recipe field or an option of the model (``model.NAME``).

    Raises
    ------
    RecipeError: there is none, a field is unknown, or one that a search cannot vary.
    """
    if not spaces:
        raise RecipeError("a search without a space", wanted="at least one field to vary", way_out=WAY_OUT)
    found: dict[str, Space] = {}
    for name, space in spaces.items():
        if name in ("seed", "replicas", "replica_mode", "keep", "model_options"):
            raise RecipeError(
                f"a search over {name}",
                wanted="a field that makes learning better or worse",
                way_out="Give repeat(...) more seeds to see the spread, or name an option as model.NAME.",
            )
        if not name.startswith("model."):
            Recipe.from_text({name: ""})  # raises, and offers the nearest name
        if isinstance(space, str):
            space = parse(space)
        if not isinstance(space, Uniform | Log | Whole | Choice):
            raise RecipeError(f"{name}: {space!r} is no space", wanted="Log, Uniform, Whole or Choice", way_out=WAY_OUT)
        found[name] = space
    return found


def fields(values: Mapping[str, Any]) -> dict[str, Any]:
    """Recipe fields from drawn values; ``model.NAME`` goes into the options of the model."""
    made = {name: value for name, value in values.items() if not name.startswith("model.")}
    options = {name.removeprefix("model."): v for name, v in values.items() if name.startswith("model.")}
    return {**made, **({"model_options": options} if options else {})}


def _value(text: str) -> Any:
    text = text.strip()
    try:
        return json.loads(text)
    except ValueError:
        if not text:
            raise RecipeError("a space with an empty value", wanted="a value between commas", way_out=WAY_OUT) from None
        return float(text) if _NUMBER.fullmatch(text) else text  # .5 and 1. are numbers here, if not in JSON
