"""Derivatives of expressions by rule, and their ranges over intervals: what the proved error bounds rest on."""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from snarc.errors import FormalError

from .activations import logistic
from .expression import Expression, number

ZERO, ONE = number(Fraction(0)), number(Fraction(1))
Range = tuple[np.ndarray, np.ndarray]


def derivative(f: Expression, name: str) -> Expression:
    """The derivative with respect to a variable; of ``abs``, ``relu``, ``min`` and ``max`` almost everywhere.

    >>> from snarc.formal.expression import parse_expression
    >>> float(derivative(parse_expression("sin(6*x)"), "x")(x=0))
    6.0

    Raises
    ------
    FormalError: a predicate has no derivative, nor has ``sign``.
    """
    if f.op == "number":
        return ZERO
    if f.op == "variable":
        return ONE if f.value == name else ZERO
    if f.predicate or f.op == "sign":
        raise FormalError(
            f"the derivative of {f}", wanted="a function without jumps", way_out="Give a bound by hand with lipschitz=."
        )
    a = f.parts[0]
    da = derivative(a, name)
    if len(f.parts) == 1:
        return _times(_outer(f, a), da)
    b = f.parts[1]
    db = derivative(b, name)
    if f.op == "+":
        return _plus(da, db)
    if f.op == "-":
        return _plus(da, _times(number(Fraction(-1)), db))
    if f.op == "*":
        return _plus(_times(da, b), _times(a, db))
    if f.op == "/":
        slope = _plus(_times(da, b), _times(number(Fraction(-1)), _times(a, db)))
        return slope if slope == ZERO else Expression("/", (slope, _power(b, 2)))
    if f.op == "^":
        if b.op == "number":
            return _times(_times(b, _power(a, b.value - 1)), da)
        grows = _plus(_times(db, Expression("log", (a,))), _times(b, Expression("/", (da, a))))
        return _times(f, grows)
    # min(a, b) = a where a < b; relu(s) with derivative step(s) = (1 + sign(s)) / 2 does the choosing.
    larger = _step(Expression("-", (a, b)))
    first, second = (larger, _one_minus(larger)) if f.op == "max" else (_one_minus(larger), larger)
    return _plus(_times(first, da), _times(second, db))


def _outer(f: Expression, a: Expression) -> Expression:
    op = f.op
    if op == "neg":
        return number(Fraction(-1))
    if op == "sin":
        return Expression("cos", (a,))
    if op == "cos":
        return Expression("neg", (Expression("sin", (a,)),))
    if op == "tan":
        return _plus(ONE, _power(f, 2))
    if op == "exp":
        return f
    if op == "log":
        return Expression("/", (ONE, a))
    if op == "sqrt":
        return Expression("/", (number(Fraction(1, 2)), f))
    if op == "abs":
        return Expression("sign", (a,))
    if op == "relu":
        return _step(a)
    if op == "tanh":
        return _one_minus(_power(f, 2))
    assert op == "logistic"
    return _times(f, Expression("logistic", (Expression("neg", (a,)),)))


def _step(a: Expression) -> Expression:
    return _times(number(Fraction(1, 2)), _plus(ONE, Expression("sign", (a,))))


def _one_minus(a: Expression) -> Expression:
    return Expression("-", (ONE, a))


def _plus(a: Expression, b: Expression) -> Expression:
    return b if a == ZERO else a if b == ZERO else Expression("+", (a, b))


def _times(a: Expression, b: Expression) -> Expression:
    if ZERO in (a, b):
        return ZERO
    return b if a == ONE else a if b == ONE else Expression("*", (a, b))


def _power(a: Expression, n: Fraction | float | int) -> Expression:
    return ONE if n == 0 else a if n == 1 else Expression("^", (a, number(Fraction(n) if isinstance(n, int) else n)))


def ranges(f: Expression, boxes: dict[str, Range]) -> Range:
    """Enclosures of the values of ``f`` over intervals, one a cell.

    Parameters
    ----------
    boxes: for each variable the lower and upper ends, ``(cells,)`` each.

    Returns lower and upper bounds ``(cells,)``, rounded outward after every operation and infinite where the
    function is not defined on a whole cell (Moore 1966).

    >>> from snarc.formal.expression import parse_expression
    >>> low, high = ranges(parse_expression("x^2"), {"x": (np.array([-1.0]), np.array([2.0]))})
    >>> bool(low[0] <= 0 and 4 <= high[0] < 4.001)
    True
    """
    with np.errstate(all="ignore"):
        low, high = _range(f, boxes)
    shape = np.broadcast_shapes(*(np.shape(v) for ends in boxes.values() for v in ends), ())
    low, high = (np.broadcast_to(v, shape).astype(float) for v in (low, high))
    unknown = np.isnan(low) | np.isnan(high)
    return np.where(unknown, -np.inf, low), np.where(unknown, np.inf, high)


def _range(f: Expression, boxes: dict[str, Range]) -> Range:
    if f.op == "number":
        value = float(f.value)
        return _outward(np.asarray(value), np.asarray(value)) if value != f.value else (np.asarray(value),) * 2
    if f.op == "variable":
        return boxes[f.value]
    parts = [_range(p, boxes) for p in f.parts]
    low, high = parts[0]
    if f.op == "neg":
        return -high, -low
    if len(parts) == 1:
        return _outward(*_function(f.op, low, high))
    low2, high2 = parts[1]
    if f.op == "+":
        return _outward(low + low2, high + high2)
    if f.op == "-":
        return _outward(low - high2, high - low2)
    if f.op == "*":
        if f.parts[0] == f.parts[1]:
            return _outward(*_integer_power(low, high, 2))
        return _outward(*_hull(low * low2, low * high2, high * low2, high * high2))
    if f.op == "/":
        holds_zero = (low2 <= 0) & (high2 >= 0)
        lower, upper = _hull(low / low2, low / high2, high / low2, high / high2)
        return _outward(np.where(holds_zero, -np.inf, lower), np.where(holds_zero, np.inf, upper))
    if f.op == "min":
        return np.minimum(low, low2), np.minimum(high, high2)
    if f.op == "max":
        return np.maximum(low, low2), np.maximum(high, high2)
    exponent = f.parts[1]
    if exponent.op == "neg" and exponent.parts[0].op == "number":
        exponent = number(-exponent.parts[0].value)
    if exponent.op == "number" and exponent.value == int(exponent.value):
        return _outward(*_integer_power(low, high, int(exponent.value)))
    corners = _hull(low**low2, low**high2, high**low2, high**high2)
    undefined = low < 0 if exponent.op == "number" and exponent.value > 0 else low <= 0
    return _outward(np.where(undefined, np.nan, corners[0]), np.where(undefined, np.nan, corners[1]))


def _integer_power(low: np.ndarray, high: np.ndarray, n: int) -> Range:
    if n < 0:
        inner_low, inner_high = _integer_power(low, high, -n)
        holds_zero = (low <= 0) & (high >= 0)
        return np.where(holds_zero, -np.inf, 1 / inner_high), np.where(holds_zero, np.inf, 1 / inner_low)
    a, b = low**n, high**n
    if n % 2:
        return a, b
    return np.where((low <= 0) & (high >= 0), 0.0, np.minimum(a, b)), np.maximum(a, b)


def _function(op: str, low: np.ndarray, high: np.ndarray) -> Range:
    if op in ("sin", "cos"):
        # sin has its maxima at pi/2 + 2 pi k; cos is sin moved by pi/2.
        shift = 0.5 if op == "sin" else 0.0
        wave = np.sin if op == "sin" else np.cos
        a, b = wave(low), wave(high)
        slack = 1e-9
        lo, hi = low / np.pi, high / np.pi
        top = np.floor((hi - shift) / 2 + slack) >= np.ceil((lo - shift) / 2 - slack)
        bottom = np.floor((hi - shift - 1) / 2 + slack) >= np.ceil((lo - shift - 1) / 2 - slack)
        far = np.maximum(np.abs(low), np.abs(high)) > 1e6
        return (
            np.where(bottom | far, -1.0, np.minimum(a, b)),
            np.where(top | far, 1.0, np.maximum(a, b)),
        )
    if op == "tan":
        pole = np.floor(high / np.pi + 0.5 + 1e-9) != np.floor(low / np.pi + 0.5 - 1e-9)
        return np.where(pole, -np.inf, np.tan(low)), np.where(pole, np.inf, np.tan(high))
    if op == "exp":
        return np.exp(low), np.exp(high)
    if op == "log":
        return np.where(low < 0, np.nan, np.log(low)), np.log(high)
    if op == "sqrt":
        return np.where(low < 0, np.nan, np.sqrt(low)), np.sqrt(high)
    if op == "abs":
        return np.where((low <= 0) & (high >= 0), 0.0, np.minimum(abs(low), abs(high))), np.maximum(abs(low), abs(high))
    if op == "sign":
        return np.sign(low), np.sign(high)
    if op == "relu":
        return np.maximum(low, 0), np.maximum(high, 0)
    if op == "tanh":
        return np.tanh(low), np.tanh(high)
    assert op == "logistic"
    return logistic(low), logistic(high)


def _hull(*values: np.ndarray) -> Range:
    stacked = np.stack(np.broadcast_arrays(*values))
    # 0 * inf: an unbounded factor times one that is 0 contributes 0 at that corner.
    stacked = np.where(np.isnan(stacked), 0.0, stacked)
    return stacked.min(0), stacked.max(0)


def _outward(low: np.ndarray, high: np.ndarray, steps: int = 4) -> Range:
    # Four units in the last place cover the rounding of NumPy's elementary functions and powers.
    for _ in range(steps):
        low, high = np.nextafter(low, -np.inf), np.nextafter(high, np.inf)
    return low, high
