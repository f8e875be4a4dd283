"""Fewest implicants of a Boolean function (Quine 1952, McCluskey 1956)."""

from __future__ import annotations

import numpy as np

from .logic import rows

EXACT_VARIABLES = 12  # the prime implicants are found among 3**n cubes
EXACT_PRIMES = 4_000


def prime_implicants(table: np.ndarray, free: np.ndarray | None = None) -> np.ndarray:
    """All prime implicants of a truth table of at most 12 variables.

    Parameters
    ----------
    table: ``(2**n,)`` bool.
    free: ``(2**n,)`` bool, rows whose value does not matter.

    Returns ``(primes, n)`` int8 with 0, 1, or 2 where the variable does not occur.

    >>> prime_implicants(np.array([0, 1, 1, 1], bool)).tolist()
    [[1, 2], [2, 1]]
    """
    n = int(table.size).bit_length() - 1
    allowed = table if free is None else table | free
    # cube[t1, ..., tn] says whether the cube with these literals lies in the function: a cube without
    # variable i does iff both its halves do.
    cube = allowed.reshape((2,) * n)
    for axis in range(n):
        both = np.logical_and.reduce(cube, axis=axis, keepdims=True)
        cube = np.concatenate([cube, both], axis=axis)
    prime = cube.copy()
    for axis in range(n):
        wider = np.take(cube, [2], axis=axis)
        halves: list[slice] = [slice(None)] * n
        halves[axis] = slice(0, 2)
        prime[tuple(halves)] &= ~wider
    return np.argwhere(prime).astype(np.int8) if n else np.zeros((int(table[0]), 0), np.int8)


def covers(implicants: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Whether each implicant ``(k, n)`` holds on each point ``(p, n)``: ``(k, p)`` bool."""
    out = np.ones((len(implicants), len(points)), bool)
    for column in range(points.shape[1]):
        literal = implicants[:, column, None]
        out &= (literal == 2) | (literal == points[None, :, column])
    return out


def minimise(table: np.ndarray, free: np.ndarray | None = None) -> tuple[np.ndarray, bool]:
    """Few implicants whose disjunction is the function, and whether fewer are proved impossible.

    Up to 12 variables: a smallest set of prime implicants, by an integer programme where there are not too
    many of them, else greedily.  Above: each uncovered row is widened literal by literal, which gives prime
    implicants, but not the fewest.

    Returns ``(implicants (k, n) int8, minimal)``.
    """
    n = int(table.size).bit_length() - 1
    ones = table if free is None else table & ~free
    points = rows(n)[ones]
    if not len(points):
        return np.zeros((0, n), np.int8), True
    if n > EXACT_VARIABLES:
        return _widen(table if free is None else table | free, points), False
    primes = prime_implicants(table, free)
    cover = covers(primes, points)
    chosen = _fewest(cover)
    return (primes[chosen[0]], True) if chosen[1] else (primes[_greedy(cover)], False)


def _greedy(cover: np.ndarray) -> np.ndarray:
    left, chosen = np.ones(cover.shape[1], bool), []
    while left.any():
        best = int(cover[:, left].sum(1).argmax())
        chosen.append(best)
        left &= ~cover[best]
    # A later choice can make an earlier one superfluous.
    for k in list(chosen):
        others = [j for j in chosen if j != k]
        if others and cover[others].any(0).all():
            chosen = others
    return np.array(sorted(chosen))


def _fewest(cover: np.ndarray) -> tuple[np.ndarray, bool]:
    essential = np.zeros(len(cover), bool)
    essential[cover[:, cover.sum(0) == 1].any(1)] = True
    left = ~cover[essential].any(0)
    if not left.any():
        return np.flatnonzero(essential), True
    candidates = np.flatnonzero(cover[:, left].any(1))
    if len(candidates) > EXACT_PRIMES:
        return np.zeros(0, int), False
    from scipy.optimize import Bounds, LinearConstraint, milp

    result = milp(
        np.ones(len(candidates)),
        constraints=LinearConstraint(cover[np.ix_(candidates, np.flatnonzero(left))].T.astype(float), lb=1),
        bounds=Bounds(0, 1),
        integrality=np.ones(len(candidates)),
        options={"time_limit": 5.0, "mip_rel_gap": 0.0},
    )
    if result.status != 0 or result.x is None:
        return np.zeros(0, int), False
    chosen = candidates[result.x > 0.5]
    if not cover[chosen][:, left].any(0).all():
        return np.zeros(0, int), False
    return np.sort(np.concatenate([np.flatnonzero(essential), chosen])), True


def _widen(allowed: np.ndarray, points: np.ndarray) -> np.ndarray:
    n = points.shape[1]
    cube = allowed.reshape((2,) * n)
    left = {tuple(p) for p in points.tolist()}
    found = []
    for point in points.tolist():
        if tuple(point) not in left:
            continue
        place: list[int | slice] = list(point)
        for k in range(n):
            wider = [*place[:k], slice(None), *place[k + 1 :]]
            if cube[tuple(wider)].all():
                place = wider
        implicant = [2 if isinstance(v, slice) else v for v in place]
        found.append(implicant)
        axes = [(0, 1) if v == 2 else (v,) for v in implicant]
        left.difference_update(zip(*(g.ravel().tolist() for g in np.meshgrid(*axes, indexing="ij"))))
    return np.array(found, np.int8)


def text(implicant: np.ndarray, names: tuple[str, ...]) -> str:
    """The implicant as a formula.

    >>> text(np.array([1, 2, 0]), ("a", "b", "c"))
    'a and not c'
    """
    literals = [name if v == 1 else f"not {name}" for v, name in zip(implicant.tolist(), names) if v != 2]
    return " and ".join(literals) or "1"
