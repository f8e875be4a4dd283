"""Can one neuron tell two classes apart?  The widest margin if it can, Farkas multipliers if it cannot."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.optimize import nnls

from snarc.errors import DataError

from ._checks import with_ones


@dataclass(frozen=True)
class Margin:
    """The answer to whether a hyperplane has all examples of one class on one side and all others on the other.

    Attributes
    ----------
    separable: whether there is one.
    weights: of the hyperplane with the widest margin, bias first, of norm 1; ``(1 + features,)``, NaN if there is none.
    gamma: its margin, the smallest t (w . x); 0 if there is none.
    radius: R, the norm of the longest input (with the constant 1 of the bias).
    multipliers: if there is none, the reason (Farkas 1902): numbers of at least 0 with sum 1, ``(N,)``, that make
        sum_i multiplier_i t_i x_i = 0, which no w with all t_i (w . x_i) > 0 allows; else the share of each example in
        the weights (those above 0 belong to the support vectors).
    residual: the norm of that sum divided by R; rounding only, when not separable.
    """

    separable: bool
    weights: np.ndarray
    gamma: float
    radius: float
    multipliers: np.ndarray
    residual: float

    @property
    def mistake_bound(self) -> float:
        """(R / gamma)^2, which a perceptron that starts at zero never exceeds (Novikoff 1962); else infinite."""
        return (self.radius / self.gamma) ** 2 if self.separable else math.inf


def widest_margin(x: Any, t: Any, *, bias: bool = True) -> Margin:
    """The widest margin between two classes, or the multipliers that prove that there is none.

    Parameters
    ----------
    x: inputs ``(N, features)``.
    t: targets -1 and +1, ``(N,)``.
    bias: let the hyperplane miss the origin; its bias then counts as a weight of a constant input 1.

    Raises
    ------
    DataError: the shapes do not fit, a value is not finite, or t holds something else.

    Least distance programming: minimise |w| under t_i (w . x_i) >= 1, whose dual is one non-negative least squares
    problem; its residual vanishes exactly when the constraints contradict each other.  Source: C. Lawson, R. Hanson,
    Solving Least Squares Problems (1974), ch. 23.

    >>> widest_margin([[0, 0], [0, 1], [1, 0], [1, 1]], [-1, 1, 1, -1]).separable
    False
    >>> widest_margin([[-1.0], [3.0]], [-1, 1], bias=False).gamma
    1.0
    """
    x, t = np.asarray(x, float), np.asarray(t, float)
    if x.ndim != 2 or t.shape != x.shape[:1] or not np.isfinite(x).all() or not np.isin(t, (-1, 1)).all() or not len(t):
        raise DataError(
            f"inputs of shape {x.shape} and targets of shape {t.shape}",
            wanted="finite inputs (N, features) and targets (N,) of -1 and +1",
            way_out="Write t = numpy.where(y == y.max(), 1, -1).",
        )
    signed = t[:, None] * with_ones(x, bias)
    radius = float(np.linalg.norm(signed, axis=1).max())
    rows = signed / (radius or 1.0)
    system = np.vstack([rows.T, np.ones(len(rows))])
    goal = np.zeros(len(system))
    goal[-1] = 1.0
    u, _ = nnls(system, goal, maxiter=30 * max(system.shape))
    rest = system @ u - goal
    weights = rest[:-1]
    length = float(np.linalg.norm(weights))
    reach = float((rows @ weights).min())
    multipliers = u / u.sum() if u.sum() > 0 else u
    # Both answers are checked in place: a separator must separate; a refusal must balance the examples.
    if length > 0 and reach > 0 and length > 1e-10:
        gamma = reach / length * radius
        shares = float(np.linalg.norm(multipliers @ rows))
        return Margin(True, weights / length, gamma, radius, multipliers, shares)
    residual = float(np.linalg.norm(multipliers @ rows))
    return Margin(False, np.full(len(weights), np.nan), 0.0, radius, multipliers, residual)
