"""Arithmetic expressions such as ``sin(6*x)`` and predicates such as ``x^2 + y^2 <= 1``, never run as code."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import numpy as np

from snarc.errors import FormalError, nearest

from .activations import logistic
from .parsing import Reader

FUNCTIONS: dict[str, int] = {
    "sin": 1, "cos": 1, "tan": 1, "exp": 1, "log": 1, "sqrt": 1, "abs": 1, "sign": 1,
    "tanh": 1, "logistic": 1, "relu": 1, "min": 2, "max": 2,
}  # fmt: skip
CONSTANTS = {"pi": math.pi, "e": math.e}
COMPARISONS = ("<=", ">=", "<", ">")
_MARKS = ("+", "-", "*", "/", "^", "**", "(", ")", ",", *COMPARISONS, "&", "|", "!")
_LOGIC = {"and": "and", "&": "and", "or": "or", "|": "or", "not": "not", "!": "not"}
DEEPEST_TREE = 150


@dataclass(frozen=True)
class Expression:
    """An operator on parts, a number or a variable; made by :func:`parse_expression`.

    Attributes
    ----------
    op: "+", "-", "*", "/", "^", "neg", a function's name, "<", "<=", ">", ">=", "and", "or", "not", "number"
        or "variable".
    parts: the operands.
    value: a number (exact where it was written as a decimal) or the variable's name.
    """

    op: str
    parts: tuple[Expression, ...] = ()
    value: Any = None
    depth: int = field(default=0, repr=False, compare=False)

    @property
    def predicate(self) -> bool:
        """Whether it is true or false rather than a number."""
        return self.op in (*COMPARISONS, "and", "or", "not")

    @property
    def names(self) -> tuple[str, ...]:
        """The variables in alphabetical order."""
        if self.op == "variable":
            return (str(self.value),)
        return tuple(sorted({name for part in self.parts for name in part.names}))

    def __call__(self, **values: Any) -> np.ndarray:
        """The value for arrays that broadcast together, in float64 (or bool for a predicate).

        >>> float(parse_expression("2*x^2 - 1")(x=3))
        17.0
        """
        with np.errstate(all="ignore"):
            return _value(self, {k: np.asarray(v, float) for k, v in values.items()})

    def __str__(self) -> str:
        if self.op in ("number", "variable"):
            return str(self.value)
        if self.op in FUNCTIONS:
            return f"{self.op}({', '.join(map(str, self.parts))})"
        if self.op in ("neg", "not"):
            return f"({'-' if self.op == 'neg' else 'not '}{self.parts[0]})"
        return f"({self.parts[0]} {self.op} {self.parts[1]})"


def number(value: Any) -> Expression:
    """A constant."""
    return Expression("number", (), value)


def parse_expression(text: str, variables: Sequence[str] = ("x", "y", "z")) -> Expression:
    """The expression that the text means.

    Numbers, ``+ - * / ^`` (or ``**``), the functions sin cos tan exp log sqrt abs sign tanh logistic relu min max,
    pi and e; comparisons joined by and, or, not give predicates.

    >>> str(parse_expression("sin(6*x)"))
    'sin((6 * x))'

    Raises
    ------
    FormalError: the text is no expression, or names an unknown function or variable; with the character.
    """
    reader = Reader(text, _MARKS)
    parsed = _or(reader, tuple(variables))
    if reader.token.kind != "end":
        raise reader.error("an operator or the end", "Write products with *, as in 6*x.")
    return parsed


def _make(reader: Reader, op: str, *parts: Expression) -> Expression:
    depth = 1 + max(p.depth for p in parts)
    if depth > DEEPEST_TREE:
        raise reader.error(f"at most {DEEPEST_TREE} operators above one another", "Group the terms with parentheses.")
    wants_truth = op in ("and", "or", "not")
    for part in parts:
        if part.predicate != wants_truth:
            raise reader.error(
                "comparisons before this" if wants_truth else "numbers, not comparisons, before this",
                "A predicate reads like x^2 + y^2 <= 1 and x > 0.",
            )
    return Expression(op, parts, depth=depth)


def _operator(reader: Reader, wanted: tuple[str, ...]) -> bool:
    return reader.token.kind != "end" and _LOGIC.get(reader.token.text, reader.token.text) in wanted


def _or(reader: Reader, names: tuple[str, ...]) -> Expression:
    left = _and(reader, names)
    while _operator(reader, ("or",)):
        reader.take()
        left = _make(reader, "or", left, _and(reader, names))
    return left


def _and(reader: Reader, names: tuple[str, ...]) -> Expression:
    left = _not(reader, names)
    while _operator(reader, ("and",)):
        reader.take()
        left = _make(reader, "and", left, _not(reader, names))
    return left


def _not(reader: Reader, names: tuple[str, ...]) -> Expression:
    if _operator(reader, ("not",)):
        reader.take()
        reader.deeper()
        inner = _make(reader, "not", _not(reader, names))
        reader.shallower()
        return inner
    left = _sum(reader, names)
    if not _operator(reader, COMPARISONS):
        return left
    chain, middle = [], left
    while _operator(reader, COMPARISONS):  # 0 < x < 1 means 0 < x and x < 1
        op = reader.take().text
        right = _sum(reader, names)
        chain.append(_make(reader, op, middle, right))
        middle = right
    out = chain[0]
    for link in chain[1:]:
        out = _make(reader, "and", out, link)
    return out


def _sum(reader: Reader, names: tuple[str, ...]) -> Expression:
    left = _product(reader, names)
    while _operator(reader, ("+", "-")):
        op = reader.take().text
        left = _make(reader, op, left, _product(reader, names))
    return left


def _product(reader: Reader, names: tuple[str, ...]) -> Expression:
    left = _signed(reader, names)
    while _operator(reader, ("*", "/")):
        op = reader.take().text
        left = _make(reader, op, left, _signed(reader, names))
    return left


def _signed(reader: Reader, names: tuple[str, ...]) -> Expression:
    if _operator(reader, ("-", "+")):
        negative = reader.take().text == "-"
        reader.deeper()
        inner = _signed(reader, names)
        reader.shallower()
        return _make(reader, "neg", inner) if negative else inner
    base = _atom(reader, names)
    if _operator(reader, ("^", "**")):
        reader.take()
        reader.deeper()
        power = _signed(reader, names)
        reader.shallower()
        return _make(reader, "^", base, power)
    return base


def _atom(reader: Reader, names: tuple[str, ...]) -> Expression:
    token = reader.token
    if token.kind == "number":
        # Looked at as a float first: the exact value of 1e-99999999 would fill the memory.
        rounded = float(token.text)
        if not 1e-300 < rounded < 1e300 and (rounded or "e" in token.text.lower()):
            raise reader.error("a number between 1e-300 and 1e300")
        reader.take()
        return number(Fraction(token.text))
    if token.text == "(" and token.kind == "mark":
        reader.take()
        reader.deeper()
        inner = _or(reader, names)
        reader.shallower()
        reader.expect(")", "')'")
        return inner
    if token.kind == "name" and token.text in FUNCTIONS:
        reader.take()
        reader.expect("(", f"'(' after {token.text}")
        reader.deeper()
        parts = [_sum(reader, names)]
        while _operator(reader, (",",)):
            reader.take()
            parts.append(_sum(reader, names))
        reader.shallower()
        if len(parts) != FUNCTIONS[token.text]:
            raise reader.error(f"{FUNCTIONS[token.text]} argument(s) of {token.text}, not {len(parts)}")
        reader.expect(")", "')'")
        return _make(reader, token.text, *parts)
    if token.kind == "name" and token.text in names:
        reader.take()
        return Expression("variable", (), token.text)
    if token.kind == "name" and token.text in CONSTANTS:
        reader.take()
        return number(CONSTANTS[token.text])
    if token.kind == "name":
        raise reader.error(
            "a known function, constant or variable", nearest(token.text, [*FUNCTIONS, *CONSTANTS, *names])
        )
    raise reader.error("a number, a variable, a function or '('")


_NUMPY: dict[str, Any] = {
    "+": np.add, "-": np.subtract, "*": np.multiply, "/": np.divide, "^": np.power, "neg": np.negative,
    "sin": np.sin, "cos": np.cos, "tan": np.tan, "exp": np.exp, "log": np.log, "sqrt": np.sqrt, "abs": np.abs,
    "sign": np.sign, "tanh": np.tanh, "logistic": logistic, "relu": lambda x: np.maximum(x, 0), "min": np.minimum,
    "max": np.maximum, "<": np.less, "<=": np.less_equal, ">": np.greater, ">=": np.greater_equal,
    "and": np.logical_and, "or": np.logical_or, "not": np.logical_not,
}  # fmt: skip


def _value(node: Expression, values: dict[str, np.ndarray]) -> np.ndarray:
    if node.op == "number":
        return np.asarray(float(node.value))
    if node.op == "variable":
        if node.value not in values:
            raise FormalError(f"no value for {node.value!r}", wanted="one a variable", way_out=f"Pass {node.value}=...")
        return values[node.value]
    return np.asarray(_NUMPY[node.op](*(_value(part, values) for part in node.parts)))
