"""Every Boolean function as a network of threshold neurons: the theorem's, a minimised one, gates, and the XOR tree."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from snarc.errors import FormalError, LimitError

from . import implicants as quine
from .activity import evaluate
from .logic import Logic, parse_logic, rows, too_many, truth_table, variables
from .network import Network, network, neurons_allowed
from .neuron import Neuron

Method = Literal["theorem", "minimised", "parity", "gates"]
MOST_MINIMISED = 16  # some 15 seconds; each further variable takes three times as long
METHODS = ("theorem", "minimised", "parity", "gates")


@dataclass(frozen=True, eq=False)
class Synthesis:
    """A network made for a Boolean function.

    Attributes
    ----------
    network: exact, of step neurons.
    method: how it was made.
    names: the variables, in the order of the inputs.
    table: ``(2**n,)`` bool, or None where the function was given by an expression of too many variables.
    hidden: number of hidden neurons; outputs are not counted.
    terms: what each hidden neuron of a two-layer network detects, as text.
    minimal: whether fewer implicants were proved impossible (minimised networks).
    negated: whether the terms describe where the function is 0.
    """

    network: Network
    method: str
    names: tuple[str, ...]
    table: np.ndarray | None
    hidden: int
    terms: tuple[str, ...] = ()
    minimal: bool = False
    negated: bool = False

    def check(self) -> bool:
        """Whether the network equals the table on every row.

        Raises
        ------
        LimitError: there is no table, since it would be too long.
        """
        if self.table is None:
            too_many(len(self.names))
            raise AssertionError("a synthesis of few variables has a table")
        return bool((evaluate(self.network, rows(len(self.names)))[:, 0] == self.table).all())


def boolean(
    what: str | Logic | Sequence[Any] | np.ndarray | Mapping[Any, Any] | Callable[..., Any],
    *,
    method: Method = "theorem",
    names: Sequence[str] | None = None,
    otherwise: bool | None = None,
    limit: int | None = None,
) -> Synthesis:
    """A network of threshold neurons that computes a Boolean function.

    Parameters
    ----------
    what: an expression (``"x1 xor (x2 and not x3)"``), a truth table (``"0110"``, a list of 2**n values with x1
        changing slowest, or rows ``{(0, 1): 1, ...}`` or ``[((0, 1), 1), ...]``), or a Python function of n arguments.
    method: ``theorem``, a hidden neuron for each row where the function is 1, and one that takes their OR;
        ``minimised``, a hidden neuron for each of the fewest implicants of the function or of its negation;
        ``parity``, the tree of XORs, for parities and their negations; ``gates``, a neuron for each operator
        of an expression, for any number of variables.
    names: of the variables; else those of the expression or of the function's arguments, or x1, x2, ...
    otherwise: the value of rows that are not given.
    limit: most neurons allowed, 100,000 unless given.

    >>> xor = boolean("x1 xor x2")
    >>> xor.network, xor.hidden, xor.terms
    (Network(5 neurons, 6 edges, 2 inputs, 1 outputs, exact), 2, ('not x1 and x2', 'x1 and not x2'))

    Raises
    ------
    FormalError: the expression does not parse (the place is named), a table of a wrong length, with rows that
        contradict each other or are missing, or a method that does not fit.
    LimitError: more than 20 variables where a table is needed, 16 for ``minimised``; more neurons than allowed.
    """
    if method not in METHODS:
        raise FormalError(f"method {method!r}", wanted=", ".join(METHODS), way_out="Use 'theorem'.")
    if method == "gates":
        return _gates(what, names, limit)
    table, given = _table(what, names, otherwise)
    if method == "parity":
        return _parity_of(table, given)
    if method == "minimised":
        return _minimised(table, given, limit)
    neurons_allowed(len(given) + int(table.sum()) + 1, limit, "the network of the theorem")
    ones = rows(len(given))[table].astype(np.int8)
    return _two_layers(ones, given, table, "theorem")


def _two_layers(
    implicants: np.ndarray, names: tuple[str, ...], table: np.ndarray, method: str, negated: bool = False, **more: Any
) -> Synthesis:
    """A hidden neuron an implicant (fires iff all its literals hold), then their OR or, negated, their NOR."""
    neurons: dict[str, Neuron] = {}
    labels = [_fresh(f"h{k + 1}", names) for k in range(len(implicants))]
    for label, implicant in zip(labels, implicants.tolist()):
        literals = {name: 2 * v - 1 for name, v in zip(names, implicant) if v != 2}
        neurons[label] = Neuron(literals, bias=-sum(w > 0 for w in literals.values()))
    sign = -1 if negated else 1
    output = _fresh("y", (*names, *labels))
    neurons[output] = Neuron(dict.fromkeys(labels, sign), bias=0 if negated else -1)
    terms = tuple(quine.text(implicant, names) for implicant in implicants)
    return Synthesis(
        network(names, neurons, (output,)), method, names, table, len(implicants), terms, negated=negated, **more
    )


def _minimised(table: np.ndarray, names: tuple[str, ...], limit: int | None) -> Synthesis:
    if len(names) > MOST_MINIMISED:
        raise LimitError(
            f"minimising a function of {len(names)} variables",
            wanted=f"at most {MOST_MINIMISED}",
            way_out='Use method="theorem", or "gates" for an expression.',
        )
    positive, exact_positive = quine.minimise(table)
    negative, exact_negative = quine.minimise(~table)
    negated = len(negative) < len(positive)
    chosen = negative if negated else positive
    neurons_allowed(len(names) + len(chosen) + 1, limit, "the minimised network")
    return _two_layers(chosen, names, table, "minimised", negated, minimal=exact_positive and exact_negative)


def parity(n: int, *, negated: bool = False, names: Sequence[str] | None = None, limit: int | None = None) -> Synthesis:
    """The tree of XORs: 1 iff an odd number of the ``n`` inputs is 1, with 3(n - 1) neurons and depth 2 ceil(log2 n).

    >>> tree = parity(5)
    >>> tree.network.computed, tree.network.depth
    (12, 6)

    Raises
    ------
    FormalError: fewer than two inputs, or names that do not fit.
    LimitError: more neurons than allowed.
    """
    if n < 2:
        raise FormalError(f"parity of {n} inputs", wanted="two at least", way_out="The parity of one is itself.")
    neurons_allowed(4 * n - 3, limit, f"the parity of {n} inputs")
    given = _names(n, names)
    neurons: dict[str, Neuron] = {}
    level, count = list(given), 0
    while len(level) > 1:
        above = []
        for a, b in zip(level[0::2], level[1::2]):
            count += 1
            last = len(level) == 2
            h1, h2 = (_fresh(f"{kind}{count}", given) for kind in ("or", "nand"))
            out = _fresh("y" if last else f"xor{count}", given)
            neurons |= _xor(a, b, h1, h2, out, negated and last)
            above.append(out)
        level = above + level[len(level) - len(level) % 2 :]
    table = None
    if n <= 20:
        table = (rows(n).sum(1) % 2 == 1) ^ negated
    return Synthesis(network(given, neurons, (level[0],)), "parity", given, table, 3 * (n - 1) - 1)


def _xor(a: str, b: str, h1: str, h2: str, out: str, negated: bool = False) -> dict[str, Neuron]:
    final = Neuron({h1: -1, h2: -1}, bias=1) if negated else Neuron({h1: 1, h2: 1}, bias=-2)
    return {h1: Neuron({a: 2, b: 2}, bias=-1), h2: Neuron({a: -2, b: -2}, bias=3), out: final}


def _parity_of(table: np.ndarray, names: tuple[str, ...]) -> Synthesis:
    odd = rows(len(names)).sum(1) % 2 == 1
    for negated in (False, True):
        if len(names) > 1 and (table == (odd ^ negated)).all():
            return parity(len(names), negated=negated, names=names)
    row = int(np.flatnonzero(table != (odd ^ table[0]))[0]) if (table != (odd ^ table[0])).any() else 0
    raise FormalError(
        f"a function that is no parity of its {len(names)} variables (row {row} differs)",
        wanted="x1 xor x2 xor ... or its negation",
        way_out='Use method="theorem", "minimised" or "gates".',
    )


def _gates(what: Any, names: Sequence[str] | None, limit: int | None) -> Synthesis:
    expression = parse_logic(what) if isinstance(what, str) and not _is_bits(what) else what
    if not isinstance(expression, Logic):
        raise FormalError(
            "method 'gates' without an expression", wanted="an expression", way_out='Use method="theorem" for a table.'
        )
    given = variables(expression) if names is None else tuple(names)
    _declared(expression, given)
    neurons: dict[str, Neuron] = {}

    def build(node: Logic) -> str:
        if node.op == "variable":
            return str(node.value)
        parts = [build(p) for p in node.parts]
        label = _fresh(f"{node.op}{len(neurons) + 1}", given)
        neurons_allowed(len(given) + len(neurons) + 3, limit, "the network of gates")
        count = {p: parts.count(p) for p in parts}
        if node.op == "constant":
            neurons[label] = Neuron({}, bias=0 if node.value else -1)
        elif node.op in ("xor", "iff"):
            for k, part in enumerate(parts[1:]):
                last = k == len(parts) - 2
                out = label if last else f"{label}_{k}"
                if parts[0] == part:
                    # x xor x is 0 whatever x is; a neuron has one edge from a source.
                    neurons[out] = Neuron({}, bias=0 if (node.op == "iff" and last) else -1)
                else:
                    neurons.update(_xor(parts[0], part, f"{out}a", f"{out}b", out, node.op == "iff" and last))
                parts[0] = out
        elif node.op in ("and", "nand"):
            sign = -1 if node.op == "nand" else 1
            bias = len(parts) - 1 if sign < 0 else -len(parts)
            neurons[label] = Neuron({p: sign * c for p, c in count.items()}, bias=bias)
        elif node.op in ("or", "nor"):
            sign = -1 if node.op == "nor" else 1
            neurons[label] = Neuron({p: sign * c for p, c in count.items()}, bias=0 if sign < 0 else -1)
        elif node.op == "not":
            neurons[label] = Neuron({parts[0]: -1}, bias=0)
        elif parts[0] == parts[1]:
            neurons[label] = Neuron({}, bias=0)
        else:
            neurons[label] = Neuron({parts[0]: -1, parts[1]: 1}, bias=0)
        return label

    output = build(expression)
    if output in given:
        output_label = _fresh("y", given)
        neurons[output_label] = Neuron({output: 1}, bias=-1)
        output = output_label
    table = truth_table(expression, given) if len(given) <= 16 else None
    return Synthesis(network(given, neurons, (output,)), "gates", given, table, len(neurons) - 1)


def _table(what: Any, names: Sequence[str] | None, otherwise: bool | None) -> tuple[np.ndarray, tuple[str, ...]]:
    if isinstance(what, str) and not _is_bits(what):
        what = parse_logic(what)
    if isinstance(what, Logic):
        given = variables(what) if names is None else tuple(names)
        _declared(what, given)
        return truth_table(what, given), given
    if callable(what):
        return _from_predicate(what, names)
    if isinstance(what, Mapping):
        return _from_rows(what.items(), names, otherwise)
    values = list(what)
    if values and isinstance(values[0], Sequence | np.ndarray) and not isinstance(values[0], str):
        return _from_rows(values, names, otherwise)
    n = len(values).bit_length() - 1
    if len(values) != 2 ** max(n, 0):
        raise FormalError(
            f"a truth table of {len(values)} values",
            wanted="a power of two of them",
            way_out="Give the rows as {(0, 1): 1, ...} with otherwise=0 if some are missing.",
        )
    too_many(n)
    return np.array([_bit(v, f"row {k}") for k, v in enumerate(values)], bool), _names(n, names)


def _from_predicate(predicate: Callable[..., Any], names: Sequence[str] | None) -> tuple[np.ndarray, tuple[str, ...]]:
    if names is None:
        parameters = list(inspect.signature(predicate).parameters.values())
        if any(p.kind in (p.VAR_POSITIONAL, p.KEYWORD_ONLY, p.VAR_KEYWORD) for p in parameters):
            raise FormalError(
                "a predicate with *arguments", wanted="one argument a variable", way_out='Pass names=("x1", "x2", ...).'
            )
        names = tuple(p.name for p in parameters)
    inputs = rows(len(names)).tolist()
    return np.array([bool(predicate(*row)) for row in inputs], bool), tuple(names)


def _from_rows(
    given: Iterable[Any], names: Sequence[str] | None, otherwise: bool | None
) -> tuple[np.ndarray, tuple[str, ...]]:
    seen: dict[tuple[int, ...], bool] = {}
    for k, pair in enumerate(given):
        if len(pair) != 2:
            raise FormalError(f"row {k} is {pair!r}", wanted="(inputs, value)", way_out="Write ((0, 1), 1).")
        inputs = tuple(int(_bit(v, f"row {k}")) for v in pair[0])
        value = _bit(pair[1], f"row {k}")
        if seen and len(inputs) != len(next(iter(seen))):
            raise FormalError(
                f"row {k} has {len(inputs)} inputs", wanted=f"{len(next(iter(seen)))}", way_out="Mend the row."
            )
        if seen.get(inputs, value) != value:
            raise FormalError(
                f"an inconsistent table: inputs {inputs} are given both 0 and 1 (row {k})",
                wanted="one value a row",
                way_out="Drop one of the two.",
            )
        seen[inputs] = value
    if not seen:
        raise FormalError("a table without rows", wanted="one row at least", way_out="Give the rows.")
    n = len(next(iter(seen)))
    too_many(n)
    if len(seen) < 2**n and otherwise is None:
        missing = next(tuple(r) for r in rows(n).tolist() if tuple(r) not in seen)
        raise FormalError(
            f"a table of {len(seen)} rows that lacks {missing}",
            wanted=f"all {2**n} rows",
            way_out="Say otherwise=0 or otherwise=1 for the rest.",
        )
    return np.array([seen.get(tuple(r), bool(otherwise)) for r in rows(n).tolist()], bool), _names(n, names)


def _bit(value: Any, where: str) -> bool:
    if isinstance(value, str) and value in ("0", "1"):
        return value == "1"
    if isinstance(value, bool | int | float | np.generic) and value in (0, 1):
        return bool(value)
    raise FormalError(f"{where} holds {value!r}", wanted="0 or 1", way_out="Mend the table.")


def _is_bits(text: str) -> bool:
    return len(text.strip()) > 1 and set(text.strip()) <= {"0", "1"}


def _names(n: int, names: Sequence[str] | None) -> tuple[str, ...]:
    given = tuple(f"x{k + 1}" for k in range(n)) if names is None else tuple(names)
    if len(given) != n or len(set(given)) < n:
        raise FormalError(f"names {given}", wanted=f"{n} different names", way_out="Give one a variable.")
    return given


def _declared(expression: Logic, given: tuple[str, ...]) -> None:
    missing = [v for v in variables(expression) if v not in given]
    if missing:
        raise FormalError(f"variable {missing[0]!r}", wanted=f"one of {', '.join(given)}", way_out="Add it to names.")


def _fresh(label: str, taken: Sequence[str]) -> str:
    while label in taken:
        label += "'"
    return label
