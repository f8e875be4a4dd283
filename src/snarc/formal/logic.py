"""Boolean expressions: parsed safely, evaluated on whole truth tables."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from snarc.errors import LimitError

from .parsing import Reader

# From the loosest to the tightest; `implies` groups to the right, the others to the left.
_LEVELS: tuple[dict[str, str], ...] = (
    {"iff": "iff", "<->": "iff", "<=>": "iff", "==": "iff"},
    {"implies": "implies", "->": "implies", "=>": "implies"},
    {"or": "or", "|": "or", "||": "or", "nor": "nor"},
    {"xor": "xor", "^": "xor", "!=": "xor"},
    {"and": "and", "&": "and", "&&": "and", "nand": "nand"},
)
_NOT = ("not", "!", "~")
_WORDS = {"not", "true", "false", *(w for level in _LEVELS for w in level if w.isalpha())}
_MARKS = ("(", ")", "!", "~", *(w for level in _LEVELS for w in level if not w.isalpha()))
MOST_VARIABLES = 20
DEEPEST_TREE = 200  # what walks the tree is recursive


@dataclass(frozen=True)
class Logic:
    """A Boolean expression: an operator on parts, a variable or a constant.

    Attributes
    ----------
    op: "and", "or", "xor", "nand", "nor", "implies", "iff", "not", "variable" or "constant".
    parts: the operands.
    value: the name of a variable, or the constant.
    depth: number of operators above one another.
    """

    op: str
    parts: tuple[Logic, ...] = ()
    value: str | bool = ""
    depth: int = field(default=0, repr=False)

    def __str__(self) -> str:
        if self.op == "variable":
            return str(self.value)
        if self.op == "constant":
            return "1" if self.value else "0"
        if self.op == "not":
            return f"not {self.parts[0]}"
        return "(" + f" {self.op} ".join(map(str, self.parts)) + ")"


def parse_logic(text: str) -> Logic:
    """The expression that the text means.

    Operators from tight to loose: ``not ! ~``; ``and &``, ``nand``; ``xor ^``; ``or |``, ``nor``;
    ``implies ->``; ``iff <->``.  Constants are 0, 1, true and false; any other word is a variable.

    >>> str(parse_logic("x1 xor (x2 and not x3)"))
    '(x1 xor (x2 and not x3))'

    Raises
    ------
    FormalError: the text is no expression; the message names the character.
    """
    reader = Reader(text, _MARKS)
    expression = _binary(reader, 0)
    if reader.token.kind != "end":
        raise reader.error("an operator (and, or, xor, implies, iff) or the end")
    return expression


def _binary(reader: Reader, level: int) -> Logic:
    if level == len(_LEVELS):
        return _unary(reader)
    left = _binary(reader, level + 1)
    while reader.token.kind in ("name", "mark") and reader.token.text.lower() in _LEVELS[level]:
        op = _LEVELS[level][reader.take().text.lower()]
        if op == "implies":
            reader.deeper()
            right = _binary(reader, level)
            reader.shallower()
        else:
            right = _binary(reader, level + 1)
        joins = op in ("and", "or", "xor") and left.op == op
        left = _joined(reader, op, (*left.parts, right) if joins else (left, right))
    return left


def _joined(reader: Reader, op: str, parts: tuple[Logic, ...]) -> Logic:
    depth = 1 + max(p.depth for p in parts)
    if depth > DEEPEST_TREE:
        raise reader.error(f"at most {DEEPEST_TREE} operators above one another", "Group them: a iff (b iff c).")
    return Logic(op, parts, depth=depth)


def _unary(reader: Reader) -> Logic:
    token = reader.token
    word = token.text.lower()
    if token.kind != "end" and word in _NOT:
        reader.take()
        reader.deeper()
        inner = _unary(reader)
        reader.shallower()
        return _joined(reader, "not", (inner,))
    if token.text == "(":
        reader.take()
        reader.deeper()
        inner = _binary(reader, 0)
        reader.shallower()
        reader.expect(")", "')'")
        # A bracketed sum is one operand: (a and b) and c keeps its two gates.
        return inner
    if token.kind == "name" and word in ("true", "false"):
        reader.take()
        return Logic("constant", value=word == "true")
    if token.kind == "number" and token.text in ("0", "1"):
        reader.take()
        return Logic("constant", value=token.text == "1")
    if token.kind == "name" and word not in _WORDS:
        reader.take()
        return Logic("variable", value=token.text)
    raise reader.error("a variable, 0, 1, 'not' or '('")


def variables(expression: Logic) -> tuple[str, ...]:
    """The variables in natural order (x2 before x10)."""
    found: set[str] = set()
    stack = [expression]
    while stack:
        node = stack.pop()
        if node.op == "variable":
            found.add(str(node.value))
        stack.extend(node.parts)
    return tuple(sorted(found, key=_natural))


def _natural(name: str) -> tuple[Any, ...]:
    head = name.rstrip("0123456789")
    digits = name[len(head) :]
    return (head, int(digits) if digits else -1, name)


def rows(n: int) -> np.ndarray:
    """All inputs of ``n`` variables as ``(2**n, n)`` uint8; row r holds the binary digits of r, x1 first.

    Raises
    ------
    LimitError: more than 20 variables.
    """
    too_many(n)
    return ((np.arange(2**n)[:, None] >> np.arange(n)[::-1]) & 1).astype(np.uint8)


def too_many(n: int) -> None:
    """Refuse a truth table of more than 20 variables, before it is made."""
    if n > MOST_VARIABLES:
        raise LimitError(
            f"a truth table of {n} variables would have 2^{n} rows",
            wanted=f"at most {MOST_VARIABLES} variables",
            way_out='Use method="gates", a neuron for each operator, or parity(n); neither needs a table.',
        )


def truth_table(expression: Logic, names: Sequence[str]) -> np.ndarray:
    """Values of the expression on all rows, ``(2**n,)`` bool, in the order of :func:`rows`.

    >>> truth_table(parse_logic("a and not b"), ("a", "b")).astype(int).tolist()
    [0, 0, 1, 0]
    """
    columns = rows(len(names)).astype(bool).T
    return evaluate_logic(expression, dict(zip(names, columns)), 2 ** len(names))


def evaluate_logic(expression: Logic, values: dict[str, np.ndarray], length: int) -> np.ndarray:
    """Values of the expression where each variable is a bool array ``(length,)``."""
    if expression.op == "variable":
        return values[str(expression.value)]
    if expression.op == "constant":
        return np.full(length, bool(expression.value))
    parts = [evaluate_logic(part, values, length) for part in expression.parts]
    if expression.op == "not":
        return ~parts[0]
    if expression.op in ("and", "nand"):
        out = np.logical_and.reduce(parts)
    elif expression.op in ("or", "nor"):
        out = np.logical_or.reduce(parts)
    elif expression.op in ("xor", "iff"):
        out = np.logical_xor.reduce(parts)
    else:
        out = ~parts[0] | parts[1]
    return ~out if expression.op in ("nand", "nor", "iff") else out
