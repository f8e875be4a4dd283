"""Numbers as people read them; nothing is computed here but their digits."""

from __future__ import annotations

import math
from typing import Any

from snarc.reading import Estimate

Number = float | int | Estimate
# Keeps a number and its unit on one line.
NBSP = "\u00a0"


def percent(value: Number, examples: int | None = None, *, sign: str = f"{NBSP}%") -> str:
    """A fraction as a percentage, with the digits that so many examples can tell apart.

    >>> percent(0.98756, 10_000).split(), percent(Estimate.over([0.9, 0.92]), 500).split()
    (['98.76', '%'], ['91.0', '±', '1.0', '%'])
    """
    digits = 1 if examples is not None and examples < 1000 else 2
    return plus_minus(value, digits, 100.0) + sign


def plus_minus(value: Number, digits: int, scale: float = 1.0) -> str:
    """A number with its standard error, if it has one."""
    mean, error = (value.mean, value.standard_error) if isinstance(value, Estimate) else (float(value), None)
    if not math.isfinite(mean):
        return "—"
    text = _fixed(mean * scale, digits)
    return text if error is None else f"{text} ± {error * scale:.{digits}f}"


def significant(value: Number, digits: int = 4) -> str:
    """A number of any size with so many digits, and its standard error with as many decimals.

    >>> significant(0.0123456), significant(1234.5), significant(Estimate.over([1.0, 1.1]))
    ('0.01235', '1,234', '1.050 ± 0.050')
    """
    mean = float(value)
    if not math.isfinite(mean):
        return "—"
    size = 0 if mean == 0 else math.floor(math.log10(abs(mean)))
    if not -4 <= size <= 9:
        error = value.standard_error if isinstance(value, Estimate) else None
        return f"{mean:.{digits - 1}e}" + ("" if error is None else f" ± {error:.1e}")
    return plus_minus(value, max(0, digits - 1 - size))


def share(value: float) -> str:
    """Precision or recall; a dash where there is none."""
    return "—" if not math.isfinite(value) else f"{value:.3f}"


def confidence(value: float) -> str:
    """A probability as a percentage that is never rounded to certainty.

    >>> confidence(0.99999).split(), confidence(0.5).split()
    (['>', '99.99', '%'], ['50.0', '%'])
    """
    if value >= 0.99995:
        return f"> 99.99{NBSP}%"
    return f"{100 * value:.{2 if value >= 0.995 else 1}f}{NBSP}%"


def whole(value: Number) -> str:
    """A count with its thousands set apart; a mean of counts with one decimal."""
    mean = float(value)
    if isinstance(value, Estimate) and (value.standard_error or not mean.is_integer()):
        return plus_minus(value, 1)
    return f"{mean:,.0f}"


def duration(seconds: float) -> str:
    """A time as people say it.

    >>> duration(0.42), duration(75), duration(7260)
    ('0.4 s', '1 min 15 s', '2 h 1 min')
    """
    if seconds < 60:
        return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min"


def shape(sizes: Any) -> str:
    """A shape as 28 × 28 × 1."""
    return f"{NBSP}×{NBSP}".join(map(str, sizes)) or "a number"


def plural(count: int, one: str, many: str = "") -> str:
    """A count with its noun.

    >>> plural(1, "replica"), plural(3, "replica")
    ('1 replica', '3 replicas')
    """
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def value(thing: Any) -> str:
    """A recipe field, or another plain value, as text."""
    if thing is None:
        return "none"
    if isinstance(thing, bool):
        return "yes" if thing else "no"
    if isinstance(thing, float):
        return f"{thing:g}"
    if isinstance(thing, dict):
        return ", ".join(f"{k} = {value(v)}" for k, v in thing.items()) or "none"
    if isinstance(thing, list | tuple):
        return ", ".join(map(value, thing)) or "none"
    return str(thing)


def _fixed(number: float, digits: int) -> str:
    text = f"{number:,.{digits}f}"
    return text.removeprefix("-") if float(text.replace(",", "")) == 0 else text.replace("-", "−")
