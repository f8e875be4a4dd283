"""Functions approximated by networks of stated size, with a proved bound and the measured error."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, TypeGuard

import numpy as np

from snarc.errors import FormalError, LimitError

from .activity import evaluate
from .calculus import derivative, ranges
from .expression import Expression, parse_expression
from .network import NEURON_LIMIT, Network, from_edges, neurons_allowed
from .neuron import exact

Function = str | Expression | Callable[[np.ndarray], np.ndarray]
METHODS = ("relu", "staircase", "steps")


@dataclass(frozen=True, eq=False)
class Approximation:
    """A network that approximates a function of one variable.

    Attributes
    ----------
    network: one input, one hidden layer, one linear output.
    function: what was approximated, from ``(n,)`` to ``(n,)``.
    domain: the interval.
    method: "relu", "staircase" or "steps".
    units: number of hidden neurons.
    bound: proved upper bound of the sup error, or None where the function's derivatives are not known.
    error: measured sup error, over 64 points a piece.
    knots: where the pieces meet, or the stairs are.
    """

    network: Network
    function: Callable[[np.ndarray], np.ndarray]
    domain: tuple[float, float]
    method: str
    units: int
    bound: float | None
    error: float
    knots: np.ndarray

    def __call__(self, x: np.ndarray) -> np.ndarray:
        """The network's output for points ``(n,)``."""
        return evaluate(self.network, np.asarray(x, float).reshape(-1, 1))[:, 0]


def approximate(
    f: Function,
    epsilon: float,
    *,
    domain: tuple[float, float] = (0.0, 1.0),
    method: str = "relu",
    limit: int | None = None,
) -> Approximation:
    """A one-hidden-layer network within ``epsilon`` of a function everywhere on an interval.

    Parameters
    ----------
    f: text such as ``"sin(6*x)"``, whose error is bounded by interval arithmetic on its derivatives; or a Python
        function of an array, for which only the measured error can be compared with ``epsilon``.
    epsilon: largest error allowed.
    method: ``relu``, linear interpolation; ``staircase``, a sum of logistic steps; ``steps``, of hard steps.
    limit: most hidden neurons.

    >>> found = approximate("sin(6*x)", 0.01)
    >>> found.units, found.error <= found.bound <= 0.01
    (22, True)

    Raises
    ------
    FormalError: an expression that does not parse or is not finite on the interval; epsilon or interval not positive.
    LimitError: more neurons than allowed would be needed.
    """
    if not 0 < epsilon < np.inf:
        raise FormalError(f"epsilon {epsilon}", wanted="a positive number", way_out="Use 0.01.")
    _known(method)
    low, high = _interval(domain)
    allowed = NEURON_LIMIT if limit is None else limit

    def enough(n: int) -> bool:
        if _bounded(f):
            return _bound(_tree(f), np.linspace(low, high, n + 1), method) <= epsilon
        return fit(f, n, domain=domain, method=method, limit=limit).error <= epsilon

    adapted = _adapted(_tree(f), (low, high), epsilon, allowed) if _bounded(f) and method == "relu" else None
    n, small = 1, 0
    while not enough(n):
        small, n = n, 2 * n
        if adapted is not None and n > 2 * len(adapted):
            return fit(f, adapted, domain=domain, limit=limit)
        if n == 4096 and _bounded(f) and not np.isfinite(_bound(_tree(f), np.linspace(low, high, n + 1), method)):
            raise FormalError(
                f"{f} has no finite bound on [{low:g}, {high:g}]", wanted="a finite one", way_out="Move the interval."
            )
        if n > 2 * allowed:
            raise LimitError(
                f"an error of {epsilon:g} would need more than {allowed:,} hidden neurons",
                wanted=f"at most {allowed:,}",
                way_out="Allow a larger error, or more neurons with limit=.",
            )
    while n - small > 1:
        middle = (small + n) // 2
        small, n = (small, middle) if enough(middle) else (middle, n)
    if adapted is not None and len(adapted) - 1 < n:
        return fit(f, adapted, domain=domain, limit=limit)
    return fit(f, n, domain=domain, method=method, limit=limit)


def fit(
    f: Function,
    pieces: int | np.ndarray,
    *,
    domain: tuple[float, float] = (0.0, 1.0),
    method: str = "relu",
    steepness: float = 10.0,
    limit: int | None = None,
) -> Approximation:
    """The approximation with a given number of equal pieces, or (``relu``) given knots.

    Parameters
    ----------
    pieces: linear pieces (hidden neurons) of ``relu``, or stairs of the staircases; or the knots themselves.
    steepness: of the logistic stairs, per stair; larger is nearer to hard steps.

    Raises
    ------
    FormalError: the function is not finite at a knot, or the expression does not parse.
    LimitError: more neurons than allowed.
    """
    _known(method)
    given = None if isinstance(pieces, int) else np.asarray(pieces, float)
    count = pieces if isinstance(pieces, int) else len(pieces) - 1
    if count < 1:
        raise FormalError(f"{count} pieces", wanted="one at least", way_out="Use 10.")
    neurons_allowed(count + 2, limit, f"an approximation by {count} pieces")
    low, high = _interval(domain)
    function = _function(f)
    knots = np.linspace(low, high, count + 1) if given is None else given
    # Stairs have the value of f at the middle of each piece, so that they jump where pieces meet.
    values = function(knots if method == "relu" else (knots[1:] + knots[:-1]) / 2)
    if not np.isfinite(values).all():
        at = knots[int(np.flatnonzero(~np.isfinite(values))[0])]
        raise FormalError(
            f"the function is not finite at x = {at:g}",
            wanted="a finite one",
            way_out="Move the interval.",
        )
    if method == "relu":
        net = relu_network(knots, values)
    else:
        net = _staircase(knots, values, None if method == "steps" else steepness * count / (high - low))
    dense = (knots[:-1, None] + np.diff(knots)[:, None] * (np.arange(64) + 0.5) / 64).ravel()
    points = np.concatenate([knots, dense])
    error = float(np.abs(evaluate(net, points[:, None])[:, 0] - function(points)).max())
    bound = _bound(_tree(f), knots, method, steepness) if isinstance(f, str | Expression) else None
    return Approximation(net, function, (low, high), method, net.size - 2, bound, error, knots)


def relu_network(knots: Any, values: Any, *, rational: bool = False) -> Network:
    """The network of ReLU neurons that interpolates linearly between points and is constant left of the first.

    y = f_0 + sum_k (slope_k - slope_{k-1}) relu(x - x_k): one hidden neuron a piece.

    Parameters
    ----------
    knots, values: ``(n + 1,)`` each, knots increasing.
    rational: exact fractions.

    >>> from snarc.formal import compute
    >>> net = relu_network([0, 1, 3], [0, "1/2", 0], rational=True)
    >>> [str(compute(net, (x,))[0]) for x in (1, 2, 3)]
    ['1/2', '1/4', '0']

    Raises
    ------
    FormalError: knots that do not increase, or not as many values.
    """
    x = [exact(v) for v in knots] if rational else np.asarray(knots, float).tolist()
    y = [exact(v) for v in values] if rational else np.asarray(values, float).tolist()
    if len(x) != len(y) or len(x) < 2 or any(b <= a for a, b in itertools.pairwise(x)):
        raise FormalError("knots", wanted="increasing, two at least, each with a value", way_out="Sort them.")
    one: Any = Fraction(1) if rational else 1.0
    slopes = [one * (b - a) / (d - c) for a, b, c, d in zip(y, y[1:], x, x[1:])]
    changes = [slopes[0], *(b - a for a, b in itertools.pairwise(slopes))]
    return _one_hidden([1] * len(changes), [-v for v in x[:-1]], changes, y[0], "relu", rational)


def open_set(intervals: Any) -> Network:
    """A ReLU network on the line that is positive exactly on a union of open intervals, and 0 elsewhere.

    Its value is the distance to the complement.

    Parameters
    ----------
    intervals: ``(low, high)`` pairs, disjoint.

    Raises
    ------
    FormalError: intervals that are empty or overlap.
    """
    pairs = sorted((exact(a), exact(b)) for a, b in intervals)
    if not pairs or any(a >= b for a, b in pairs) or any(p[1] > q[0] for p, q in itertools.pairwise(pairs)):
        raise FormalError(f"intervals {intervals}", wanted="disjoint, low < high", way_out="Unite those that overlap.")
    tents: dict[Any, Any] = {}
    for a, b in pairs:
        for at, change in ((a, 1), (Fraction(a + b) / 2, -2), (b, 1)):
            tents[at] = tents.get(at, 0) + change
    # Where two intervals touch the changes add up to 2, which bends the tent of one into that of the next.
    return _one_hidden([1] * len(tents), [-v for v in tents], list(tents.values()), 0, "relu", True)


def _one_hidden(inner: Any, biases: Any, outer: Any, offset: Any, activation: str, rational: bool = False) -> Network:
    n = len(outer)
    hidden = np.arange(1, n + 1)
    return from_edges(
        n + 2,
        np.concatenate([np.zeros(n, int), hidden]),
        np.concatenate([hidden, np.full(n, n + 1)]),
        [*inner, *outer],
        [0, *biases, offset],
        ["identity", *[activation] * n, "identity"],
        inputs=(0,),
        outputs=(n + 1,),
        rational=rational,
    )


def _staircase(knots: np.ndarray, values: np.ndarray, steepness: float | None) -> Network:
    jumps, rises = knots[1:-1], np.diff(values)
    factor = 1.0 if steepness is None else steepness
    kind = "step" if steepness is None else "logistic"
    return _one_hidden(
        np.full(len(jumps), factor).tolist(), (-factor * jumps).tolist(), rises.tolist(), float(values[0]), kind
    )


def _known(method: str) -> None:
    if method not in METHODS:
        raise FormalError(f"method {method!r}", wanted=", ".join(METHODS), way_out="Use 'relu'.")


def _bounded(f: Function) -> TypeGuard[str | Expression]:
    return isinstance(f, str | Expression)


def _adapted(f: Expression, domain: tuple[float, float], epsilon: float, allowed: int) -> np.ndarray | None:
    """Knots where pieces are halved only where their bound is too large; none if that needs too many."""
    knots = np.linspace(*domain, 2)
    while len(knots) <= allowed:
        wide = _bounds(f, knots, "relu") > epsilon * (1 - 1e-9)
        if not wide.any():
            return knots
        middles = (knots[1:] + knots[:-1])[wide] / 2
        if (middles <= knots[:-1][wide]).any():
            return None
        knots = np.sort(np.concatenate([knots, middles]))
    return None


def _bound(f: Expression, knots: np.ndarray, method: str, steepness: float = 10.0) -> float:
    # The network itself is computed in float64: an allowance for its sums, far below any bound of interest.
    return float(_bounds(f, knots, method, steepness).max()) * (1 + 1e-12) + 1e-14 * len(knots)


def _bounds(f: Expression, knots: np.ndarray, method: str, steepness: float = 10.0) -> np.ndarray:
    """A proved bound of the sup error in each piece.

    Linear interpolation: in each piece of length h the least of max|f''| h^2/8, (max f' - min f') h/4 and the
    range of f.  With m <= f' <= M and p' = s between them, f - p is at most (M - s) u from the left end and
    (s - m) v from the right one, where u + v = h, and the smaller of the two is at most (M - m) h/4.
    Stairs: the range of f on half a piece around the middle, through max|f'| h/2 where it is smaller; a logistic
    stair adds its tails, |rise| logistic(-steepness distance).
    """
    cells = {"x": (knots[:-1], knots[1:])}
    h = np.diff(knots)
    with np.errstate(invalid="ignore"):
        low, high = ranges(f, cells)
        best = high - low
        first = _derivative_range(f, cells, 1)
        if method == "relu":
            second = _derivative_range(f, cells, 2)
            if first is not None:
                best = np.fmin(best, (first[1] - first[0]) * h / 4)
            if second is not None:
                best = np.fmin(best, np.maximum(np.abs(second[0]), np.abs(second[1])) * h**2 / 8)
            return best
        if first is not None:
            best = np.fmin(best, np.maximum(np.abs(first[0]), np.abs(first[1])) * h / 2)
    if method == "staircase" and len(knots) > 2:
        # Between two middles the rise is at most the two halves' bounds together.
        rises = best[1:] + best[:-1]
        far = np.exp(-steepness / 2) / (1 - np.exp(-steepness))
        best = best + rises.max() * (0.5 + 2 * far)
    return best


def _derivative_range(f: Expression, cells: dict[str, Any], order: int) -> tuple[np.ndarray, np.ndarray] | None:
    try:
        for _ in range(order):
            f = derivative(f, "x")
    except FormalError:
        return None
    return ranges(f, cells)


def _tree(f: str | Expression) -> Expression:
    tree = parse_expression(f, ("x",)) if isinstance(f, str) else f
    if tree.predicate:
        raise FormalError(f"{tree} is true or false", wanted="a number", way_out="Use region for sets.")
    return tree


def _function(f: Function) -> Callable[[np.ndarray], np.ndarray]:
    if isinstance(f, str | Expression):
        tree = _tree(f)
        return lambda x: np.broadcast_to(tree(x=x), np.shape(x)).astype(float)
    return lambda x: np.asarray(f(x), float)


def _interval(domain: tuple[float, float]) -> tuple[float, float]:
    low, high = float(domain[0]), float(domain[1])
    if not (np.isfinite([low, high]).all() and low < high):
        raise FormalError(f"interval [{low:g}, {high:g}]", wanted="two finite ends, in order", way_out="Swap them.")
    return low, high
