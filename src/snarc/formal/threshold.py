"""What one threshold neuron can do: weights where they exist, an exact certificate where they do not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from snarc.errors import FormalError, LimitError

from .activations import Number
from .boolean import _table
from .logic import rows
from .neuron import Neuron, exact

MOST_CELLS = 50_000_000  # points x dimensions that the linear programme is given


@dataclass(frozen=True)
class Separation:
    """Weights and a bias with w.x + w0 >= 1 on the positive points and <= -1 on the others, checked in integers."""

    weights: tuple[Number, ...]
    bias: Number

    @property
    def separable(self) -> bool:
        return True

    def neuron(self) -> Neuron:
        """The step neuron that separates."""
        return Neuron(self.weights, bias=self.bias)

    def verify(self, positive: Sequence[Sequence[Any]], negative: Sequence[Sequence[Any]]) -> bool:
        """Whether the step neuron fires on all positive points and on no negative one, exactly."""
        neuron = self.neuron()
        return all(neuron(_exact_row(p)) == 1 for p in positive) and all(neuron(_exact_row(p)) == 0 for p in negative)


@dataclass(frozen=True)
class Certificate:
    """A proof that no neuron separates: one point that is a mean of positive and of negative points alike.

    Attributes
    ----------
    positive, negative: index of a point to its share; the shares of each side are positive and sum to 1.

    If w.x + w0 >= 0 on the positive points, it is so at their mean; if it is < 0 on the negative ones, it is so
    at theirs; but the two means are one point.  (Farkas 1902; Minsky and Papert 1969.)
    """

    positive: dict[int, Fraction]
    negative: dict[int, Fraction]

    @property
    def separable(self) -> bool:
        return False

    def common_point(self, positive: Sequence[Sequence[Any]]) -> tuple[Fraction, ...]:
        """The point that both hulls contain."""
        chosen = [(share, _exact_row(positive[k])) for k, share in self.positive.items()]
        return tuple(sum((s * Fraction(v) for s, v in zip([c[0] for c in chosen], column)), Fraction(0))
                     for column in zip(*[c[1] for c in chosen]))  # fmt: skip

    def verify(self, positive: Sequence[Sequence[Any]], negative: Sequence[Sequence[Any]]) -> bool:
        """Whether the shares are positive, sum to 1 on either side and give the same mean, exactly."""
        if not self.positive or not self.negative:
            return False
        sides = (self.positive, self.negative)
        if any(share <= 0 for side in sides for share in side.values()):
            return False
        if any(sum(side.values()) != 1 for side in sides):
            return False
        other = Certificate(self.negative, self.positive)
        return self.common_point(positive) == other.common_point(negative)


def separate(positive: Any, negative: Any) -> Separation | Certificate:
    """Decide whether a hyperplane separates two finite sets of rational points, with an exact proof either way.

    Parameters
    ----------
    positive, negative: ``(points, dimensions)`` of ints, floats (taken at their exact value) or fractions.

    A linear programme (HiGHS) finds the weights or the certificate in floating point; they are then made
    rational and verified without rounding, so that the answer does not rest on the solver.

    >>> separate([(1, 1)], [(0, 0), (0, 1), (1, 0)]).separable
    True
    >>> separate([(0, 1), (1, 0)], [(0, 0), (1, 1)]).positive
    {0: Fraction(1, 2), 1: Fraction(1, 2)}

    Raises
    ------
    FormalError: points of different dimensions or values that are not finite.
    LimitError: the programme would be too large; or the data are too ill-conditioned for a proof.
    """
    from scipy.optimize import linprog

    plus, minus = [_exact_row(p) for p in positive], [_exact_row(p) for p in negative]
    widths = {len(p) for p in (*plus, *minus)}
    if len(widths) > 1:
        raise FormalError(f"points of {sorted(widths)} dimensions", wanted="one dimension", way_out="Mend the points.")
    n = widths.pop() if widths else 0
    if not plus or not minus:
        return Separation((0,) * n, 1 if plus else -1)
    if (len(plus) + len(minus)) * n > MOST_CELLS:
        raise LimitError(
            f"{len(plus) + len(minus):,} points of {n:,} dimensions",
            wanted=f"at most {MOST_CELLS:,} numbers",
            way_out="Take a sample of the points.",
        )
    a, b = np.array(plus, float), np.array(minus, float)
    # Smallest sum of |w|, split into positive and negative parts, with margin 1: a vertex has simple weights.
    signs = np.concatenate([np.ones(len(a)), -np.ones(len(b))])
    points = np.hstack([np.vstack([a, b]), np.ones((len(a) + len(b), 1))]) * signs[:, None]
    result = linprog(
        np.concatenate([np.ones(2 * n), [0.0, 0.0]]),
        A_ub=-np.hstack([points[:, :n], -points[:, :n], points[:, n:], -points[:, n:]]),
        b_ub=-np.ones(len(points)),
        method="highs",
    )
    if result.status == 0:
        w = np.append(result.x[:n] - result.x[n : 2 * n], result.x[-2] - result.x[-1])
        found = _rational_separation(w, plus, minus)
        if found is not None:
            return found
    certificate = _certificate(points, len(a), plus, minus)
    if certificate is not None:
        return certificate
    raise LimitError(
        "neither weights nor a certificate could be made exact",
        wanted="points that floating point can tell apart",
        way_out="Scale the coordinates to a similar range.",
    )


def _rational_separation(w: np.ndarray, plus: list[Any], minus: list[Any]) -> Separation | None:
    for denominator in (1, 2, 6, 60, 2520, 10**5, 10**8, 10**12):
        # Twice the weights leaves the margin 1 on either side for rounding.
        for factor in (1, 2):
            rounded = [exact(Fraction(factor * v).limit_denominator(denominator)) for v in w.tolist()]
            found = Separation(tuple(rounded[:-1]), rounded[-1])
            if _margin(found, plus, minus):
                return found
    return None


def _margin(found: Separation, plus: list[Any], minus: list[Any]) -> bool:
    def field(x: Any) -> Number:
        return found.bias + sum(w * v for w, v in zip(found.weights, x) if w and v)

    return all(field(p) >= 1 for p in plus) and all(field(p) <= -1 for p in minus)


def _certificate(points: np.ndarray, count: int, plus: list[Any], minus: list[Any]) -> Certificate | None:
    from scipy.optimize import linprog

    # Shares y >= 0 with sum_k y_k s_k (x_k, 1) = 0 and the positive ones summing to 1; the simplex method ends
    # in a vertex, whose support has linearly independent columns, so that the exact shares are determined by it.
    balance = points.T
    total = np.concatenate([np.ones(count), np.zeros(len(points) - count)])[None]
    result = linprog(
        np.zeros(len(points)),
        A_eq=np.vstack([balance, total]),
        b_eq=np.append(np.zeros(len(balance)), 1.0),
        method="highs-ds",
    )
    if result.status != 0:
        return None
    for threshold in (1e-9, 1e-7, 1e-11, 0.0):
        support = np.flatnonzero(result.x > threshold).tolist()
        columns = [
            [*(Fraction(v) for v in plus[k]), Fraction(1), Fraction(1)]
            if k < count
            else [*(-Fraction(v) for v in minus[k - count]), Fraction(-1), Fraction(0)]
            for k in support
        ]
        shares = solve_exactly(columns, [Fraction(0)] * (len(balance)) + [Fraction(1)])
        if shares is None or min(shares, default=Fraction(-1)) < 0:
            continue
        used = [(k, s) for k, s in zip(support, shares) if s > 0]
        found = Certificate({k: s for k, s in used if k < count}, {k - count: s for k, s in used if k >= count})
        if found.verify(plus, minus):
            return found
    return None


def solve_exactly(columns: list[list[Fraction]], target: list[Fraction]) -> list[Fraction] | None:
    """The x with sum_k x_k columns[k] = target in fractions (free unknowns 0), or None if there is none."""
    table = [[*row, t] for row, t in zip(map(list, zip(*columns)), target)]
    pivots: list[int] = []
    row = 0
    for column in range(len(columns)):
        best = next((r for r in range(row, len(table)) if table[r][column]), None)
        if best is None:
            continue
        table[row], table[best] = table[best], table[row]
        head = table[row][column]
        table[row] = [v / head for v in table[row]]
        for r in range(len(table)):
            factor = table[r][column]
            if r != row and factor:
                table[r] = [v - factor * p if p else v for v, p in zip(table[r], table[row])]
        pivots.append(column)
        row += 1
    if any(line[-1] for line in table[row:]):
        return None
    out = [Fraction(0)] * len(columns)
    for r, column in enumerate(pivots):
        out[column] = table[r][-1]
    return out


def threshold_test(what: Any, *, names: Sequence[str] | None = None) -> Separation | Certificate:
    """Whether one step neuron computes the Boolean function, with its weights or a certificate that none does.

    ``what`` is an expression, a truth table or a predicate, as for :func:`snarc.formal.boolean`.  Indices in a
    certificate count the rows where the function is 1 (positive) and 0 (negative).

    >>> threshold_test("x1 and x2").neuron()((1, 1))
    1
    >>> threshold_test("x1 xor x2").separable
    False

    Raises
    ------
    FormalError, LimitError: as :func:`snarc.formal.boolean` and :func:`separate`.
    """
    table, _ = _table(what, names, None)
    points = rows(int(table.size).bit_length() - 1)
    return separate(points[table], points[~table])


def enumerate_threshold(n: int) -> tuple[dict[int, tuple[int, ...]], np.ndarray]:
    """Sort all Boolean functions of up to 4 variables into threshold functions and others, with proofs.

    Function number f has the value of bit r of f on row r of :func:`snarc.formal.logic.rows`.

    Returns ``(weights, summable)``: for each threshold function its integer weights and bias; for each other,
    one row of ``(functions, 5)`` int: f and rows a, b, c, d with f(a) = f(b) = 1, f(c) = f(d) = 0 and a + b = c + d
    as vectors, which no threshold function allows (2-summability, Chow 1961).

    >>> [len(enumerate_threshold(n)[0]) for n in (1, 2, 3, 4)]
    [4, 14, 104, 1882]

    Raises
    ------
    LimitError: more than 4 variables.
    """
    if not 0 < n <= 4:
        raise LimitError(f"{n} variables", wanted="1 to 4", way_out="Test single functions with threshold_test.")
    points = rows(n).astype(np.int64)
    powers = 1 << np.arange(len(points), dtype=np.int64)
    weights: dict[int, tuple[int, ...]] = {}
    span = np.arange(-3, 4)
    grid = np.stack(np.meshgrid(*[span] * n, indexing="ij"), -1).reshape(-1, n)
    # Small weights first, so that each function gets simple ones.
    grid = grid[np.argsort(np.abs(grid).sum(1), kind="stable")]
    fields = grid @ points.T
    for w, field in zip(grid.tolist(), fields):
        for bias in range(-3 * n, 3 * n + 2):
            weights.setdefault(int(powers[field + bias >= 0].sum()), (*w, bias))
    functions = np.array([f for f in range(1 << len(points)) if f not in weights], np.int64)
    proof = np.zeros((len(functions), 5), np.int64)
    for a, b, c, d in _balanced(points):
        yes, no = powers[a] | powers[b], powers[c] | powers[d]
        fits = (proof[:, 1:].sum(1) == 0) & (functions & yes == yes) & (functions & no == 0)
        proof[fits] = np.column_stack([functions[fits], np.tile([a, b, c, d], (int(fits.sum()), 1))])
    if (proof[:, 1:].sum(1) == 0).any():
        raise AssertionError("a function with neither weights nor a certificate")
    return weights, proof


def _balanced(points: np.ndarray) -> list[tuple[int, int, int, int]]:
    pairs: dict[tuple[int, ...], list[tuple[int, int]]] = {}
    for a in range(len(points)):
        for b in range(a, len(points)):
            pairs.setdefault(tuple((points[a] + points[b]).tolist()), []).append((a, b))
    return [(a, b, c, d) for same in pairs.values() for a, b in same for c, d in same if not {a, b} & {c, d}]


def _exact_row(point: Any) -> tuple[Number, ...]:
    return tuple(exact(v, "a coordinate") for v in (point.tolist() if isinstance(point, np.ndarray) else point))
