"""A claim: what was published, what was measured here, and whether it holds."""

from __future__ import annotations

import math
from dataclasses import KW_ONLY, dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from snarc.reading import Estimate

Number = float | int | Fraction
Value = Number | bool | str | None


@dataclass(frozen=True)
class Claim:
    """One statement that can fail.

    Parameters
    ----------
    text: what is measured, in words; the unit goes into ``unit``.
    measured: a number, an :class:`snarc.Estimate` over replicas, an exact count or fraction, or whether it is true.
    published: the value in the source, or in words where the source gives no number.
    source: where it was published; by default the experiment's source.
    within: holds if measured is at most so far from published.
    at_least, at_most, between: holds in this range, ends included.
    exact: holds if measured equals published (or is true); an exact claim is judged at every budget.
    passing: ``(8, 10)``: instead of the mean, at least 8 in 10 of the replicas must hold.
    unit: of both numbers, as ``"%"``.
    digits: decimals to show; by default as many as the standard error warrants.
    note: one sentence to go with it, as what is ours and what is the source's.

    A truth value without a range is judged like an exact claim, though not at the smoke budget.

    >>> claim = Claim("test error", published=5.0, measured=Estimate.over([5.7, 5.9]), within=1.2, unit="%")
    >>> claim.holds, claim.measured_text, claim.wanted_text
    (True, '5.80 ± 0.10', '3.8 to 6.2')

    Raises
    ------
    ValueError: no rule, or more than one, says when it holds.
    """

    text: str
    _: KW_ONLY
    measured: Estimate | Number | bool
    published: Value = None
    source: str = ""
    within: Number | None = None
    at_least: Number | None = None
    at_most: Number | None = None
    between: tuple[Number, Number] | None = None
    exact: bool = False
    passing: tuple[int, int] | None = None
    unit: str = ""
    digits: int | None = None
    note: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "measured", _plain(self.measured))
        self._check()

    def _check(self) -> None:
        rules = [name for name in ("within", "at_least", "at_most", "between") if getattr(self, name) is not None]
        truth = isinstance(self.measured, bool)
        if truth and rules:
            raise ValueError(f"claim {self.text!r} is true or false; {rules[0]} does not apply")
        if not truth and len(rules) + self.exact != 1:
            raise ValueError(
                f"claim {self.text!r} needs one of within, at_least, at_most, between and exact; got {rules}"
            )
        if (self.within is not None or (self.exact and not truth)) and not _is_number(self.published):
            raise ValueError(f"claim {self.text!r} is compared with what was published, which is {self.published!r}")
        if self.exact and isinstance(self.measured, float | Estimate):
            raise ValueError(
                f"claim {self.text!r} is exact, but {self.measured!r} is rounded; use a count or a Fraction"
            )
        if self.passing is not None and not (isinstance(self.measured, Estimate) and self.measured.values):
            raise ValueError(f"claim {self.text!r} counts replicas, but was measured once; give an Estimate")

    @property
    def holds(self) -> bool:
        """Whether the measured value lies where it should (a value that is not a number never does)."""
        if isinstance(self.measured, bool):
            return self.measured
        if self.passing is not None and isinstance(self.measured, Estimate):
            values, (wanted, of) = self.measured.values, self.passing
            return sum(map(self._holds, values)) * of >= wanted * len(values)
        return self._holds(self.measured.mean if isinstance(self.measured, Estimate) else self.measured)

    def _holds(self, value: Number) -> bool:
        if self.exact:
            return value == self.published
        low, high = self.range
        if self.within is not None and math.isfinite(value):
            value = _decimal(value)
        return bool(low <= value <= high)

    @property
    def range(self) -> tuple[Number, Number]:
        """Smallest and largest value that hold, ends included; infinite where open."""
        if self.between is not None:
            return self.between
        if self.within is not None:
            assert _is_number(self.published)
            # Decimal fractions are compared as written: 5.0 + 1.2 is 6.2, not 6.199999...
            centre, half = _decimal(self.published), _decimal(self.within)
            return centre - half, centre + half
        low = -math.inf if self.at_least is None else self.at_least
        high = math.inf if self.at_most is None else self.at_most
        return low, high

    def judged(self, budget: str) -> bool:
        """Whether a run at this budget may say that it holds or not."""
        return self.exact or budget != "smoke"

    def verdict(self, budget: str) -> str:
        """``holds``, ``fails``, or ``not judged`` at the smoke budget."""
        if not self.judged(budget):
            return "not judged"
        return "holds" if self.holds else "fails"

    # In words and figures

    @property
    def measured_text(self) -> str:
        """The measured value with its standard error, rounded as that warrants."""
        return number(self.measured, self.digits)

    @property
    def published_text(self) -> str:
        """The published value, or a dash where there is none."""
        return "–" if self.published is None else number(self.published)

    @property
    def wanted_text(self) -> str:
        """Where the measured value has to lie."""
        if isinstance(self.measured, bool):
            return "true"
        if self.exact:
            return f"exactly {number(self.published)}"
        low, high = self.range
        if self.at_most is not None:
            text = f"at most {number(high)}"
        elif self.at_least is not None:
            text = f"at least {number(low)}"
        else:
            text = f"{number(low)} to {number(high)}"
        if self.passing is None:
            return text
        some, of = self.passing
        return f"{text}, in {'all' if some == of else f'{some} of {of}'} replicas"


def number(value: Value | Estimate, digits: int | None = None) -> str:
    """A value as a reader wants it: thousands separated; unless told, four significant digits, or two of the error.

    >>> number(64660), number(0.123456), number(Fraction(1, 3)), number(True), number(1.2e-7)
    ('64,660', '0.1235', '1/3', 'true', '1.2e-07')
    >>> number(Estimate.over([0.1, 0.1, 0.1]))
    '0.100 ± 0.000'
    """
    if isinstance(value, Estimate):
        mean, error = value.mean, value.standard_error
        if error is None or not math.isfinite(error):
            return number(mean, digits)
        # Equal values whose mean was rounded have an error of no meaning.
        error = 0.0 if error < 1e-9 * abs(mean) else error
        digits = _decimals(mean, error) if digits is None else digits
        return f"{number(mean, digits)} ± {number(error, digits)}"
    if value is None or isinstance(value, str):
        return value or "–"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, Fraction):
        if value.denominator == 1:
            return f"{value.numerator:,}"
        decimal = float(value)
        # A fraction that is a short decimal was written as one.
        return f"{decimal:g}" if Fraction(repr(decimal)) == value else f"{value.numerator:,}/{value.denominator:,}"
    if not math.isfinite(value):
        return str(value)
    if digits is not None:
        return f"{value:,.{digits}f}"
    return f"{value:,.0f}" if 10_000 <= abs(value) < 1e9 else f"{value:.4g}"


def _decimals(mean: float, error: float) -> int:
    """Decimals that show two significant digits of the error, or three of the mean when there is no error."""
    smallest = error if error > 0 else abs(mean) / 10 or 1.0
    # 0.1 may come as 0.09999999; it has no digit more for that.
    return int(np.clip(1 - math.floor(math.log10(smallest) + 1e-9), 0, 6))


def _plain(value: Any) -> Any:
    if isinstance(value, np.generic):
        value = value.item()
    if not isinstance(value, bool | int | float | Fraction | Estimate):
        raise TypeError(f"a claim measures a number, an Estimate or a truth value, not {type(value).__name__}")
    return value


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float | Fraction) and not isinstance(value, bool)


def _decimal(value: Any) -> Fraction:
    return Fraction(repr(value)) if isinstance(value, float) else Fraction(value)
