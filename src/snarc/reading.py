"""What an instrument returns: numbers with their uncertainty, arrays, and a picture."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class Estimate:
    """A number with its spread over replicas.

    >>> print(Estimate.over([0.98, 0.99, 0.97]))
    0.9800 ± 0.0058
    """

    mean: float
    standard_error: float | None = None
    values: tuple[float, ...] = ()
    unit: str = ""

    @classmethod
    def over(cls, values: Sequence[float] | np.ndarray, unit: str = "") -> Estimate:
        """Mean and standard error of the mean (n - 1 in the variance; none for a single value)."""
        values = tuple(float(v) for v in values)
        mean = math.fsum(values) / len(values)
        error = None
        if len(values) > 1:
            error = math.sqrt(math.fsum((v - mean) ** 2 for v in values) / (len(values) - 1) / len(values))
        return cls(mean, error, values, unit)

    def __float__(self) -> float:
        return self.mean

    def __rmul__(self, factor: float) -> Estimate:
        error = None if self.standard_error is None else abs(factor) * self.standard_error
        return Estimate(factor * self.mean, error, tuple(factor * v for v in self.values), self.unit)

    def __str__(self) -> str:
        text = f"{self.mean:.4f}" + ("" if self.standard_error is None else f" ± {self.standard_error:.4f}")
        return text + (f" {self.unit}" if self.unit else "")

    def to_json(self) -> dict[str, Any]:
        """A JSON object with ``mean``, ``standard_error``, ``values`` and ``unit``."""
        return {
            "mean": self.mean,
            "standard_error": self.standard_error,
            "values": list(self.values),
            "unit": self.unit,
        }


@dataclass(frozen=True)
class Reading:
    """What an instrument saw.

    Attributes
    ----------
    name: the instrument.
    numbers: named results; an :class:`Estimate` where there is a spread.
    arrays: what the picture is drawn from, by name; it can be exported as CSV.
    draw: a function from this reading to a Matplotlib figure, if there is one to draw.
    note: one plain sentence that says what was found.
    """

    name: str
    numbers: Mapping[str, float | int | Estimate] = field(default_factory=dict)
    arrays: Mapping[str, np.ndarray] = field(default_factory=dict)
    draw: Callable[..., Figure] | None = None
    note: str = ""

    def plot(self, **options: Any) -> Figure:
        """The picture of this reading."""
        if self.draw is None:
            raise ValueError(f"a reading of {self.name!r} has no picture")
        return self.draw(self, **options)

    def to_json(self) -> dict[str, Any]:
        """Name, note and numbers as plain JSON values (arrays are left out)."""
        numbers = {k: v.to_json() if isinstance(v, Estimate) else v for k, v in self.numbers.items()}
        return {"name": self.name, "note": self.note, "numbers": numbers}


def wilson(successes: float, trials: int, z: float = 1.959963984540054) -> tuple[float, float]:
    """Wilson's score interval for a proportion (Wilson 1927), 95 % by default.

    >>> low, high = wilson(98, 100)
    >>> round(low, 4), round(high, 4)
    (0.93, 0.9945)
    """
    if trials <= 0:
        return (0.0, 1.0)
    p, n = successes / trials, trials
    centre = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    return (max(0.0, centre - half), min(1.0, centre + half))
