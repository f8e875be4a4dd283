"""Can one neuron tell two classes apart?  The widest margin if it can, Farkas's shares if it cannot."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from snarc.errors import DataError, LimitError

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
    shares: numbers of at least 0 with sum 1, ``(N,)``.  If there is a hyperplane, its weights are a multiple of
        sum_i share_i t_i x_i, and the examples with a share are the support vectors.  If there is none, that sum is 0,
        which is the reason (Farkas 1902): no w with all t_i (w . x_i) > 0 allows it.
    residual: the norm of that sum divided by R; gamma / R, or rounding only when not separable.
    """

    separable: bool
    weights: np.ndarray
    gamma: float
    radius: float
    shares: np.ndarray
    residual: float

    @property
    def mistake_bound(self) -> float:
        """(R / gamma)^2, which a perceptron that starts at zero never exceeds (Novikoff 1962); else infinite."""
        return (self.radius / self.gamma) ** 2 if self.separable else math.inf


def widest_margin(x: Any, t: Any, *, bias: bool = True) -> Margin:
    """The widest margin between two classes, or the shares that prove that there is none.

    Parameters
    ----------
    x: inputs ``(N, features)``.
    t: targets -1 and +1, ``(N,)``.
    bias: let the hyperplane miss the origin; its bias then counts as a weight of a constant input 1.

    Raises
    ------
    DataError: the shapes do not fit, a value is not finite, or t holds something else.
    LimitError: the margin is too thin, or the data too ill-conditioned, for floating point to decide.

    The weights are the point of the convex hull of all t_i x_i nearest to the origin, and gamma is its distance; the
    classes cannot be separated if that point is the origin itself.

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
    shares = _nearest_to_origin(rows)
    point = shares @ rows
    length, reach = float(np.linalg.norm(point)), float((rows @ point).min())
    # Both answers are checked in place: a separator must separate, and a refusal must balance the examples.
    if reach > 0:
        return Margin(True, point / length, reach / length * radius, radius, shares, length)
    if length < 1e-9:
        return Margin(False, np.full(len(point), np.nan), 0.0, radius, shares, length)
    raise LimitError(
        f"a margin of less than {length:.1g} times the longest input",
        wanted="examples that floating point can tell apart",
        way_out="Scale the features to a similar range, or ask snarc.formal.threshold.separate, which is exact.",
    )


def _nearest_to_origin(rows: np.ndarray) -> np.ndarray:
    """Shares (at least 0, of sum 1) of the point of the convex hull of ``rows`` that is nearest to the origin.

    An active-set method that ends after finitely many steps: P. Wolfe, Mathematical Programming 11 (1976) 128.
    """
    active = [int(np.argmin((rows**2).sum(1)))]
    shares = np.array([1.0])
    best = np.inf
    while True:
        point = shares @ rows[active]
        here = float(point @ point)
        fields = rows @ point
        nearer = int(np.argmin(fields))
        # The nearest point has every row on its far side; rounding shows in progress that has stopped.
        if fields[nearer] >= here * (1 - 1e-12) or here >= best or nearer in active:
            break
        best = here
        active.append(nearer)
        shares = np.append(shares, 0.0)
        while True:
            goal = _nearest_in_plane(rows[active])
            if goal.min() > 1e-14:
                shares = goal
                break
            leaving = goal <= 1e-14
            step = float((shares[leaving] / np.maximum(shares[leaving] - goal[leaving], 1e-300)).min())
            shares = shares + min(step, 1.0) * (goal - shares)
            stays = shares > 1e-14
            stays[int(np.argmax(shares))] = True
            active = [k for k, keep in zip(active, stays) if keep]
            shares = shares[stays] / shares[stays].sum()
    whole = np.zeros(len(rows))
    whole[active] = shares
    return whole


def _nearest_in_plane(rows: np.ndarray) -> np.ndarray:
    """Shares, of either sign, of the point nearest to the origin in the plane through ``rows``."""
    first, spans = rows[0], (rows[1:] - rows[0]).T
    others = np.linalg.lstsq(spans, -first, rcond=None)[0]
    return np.append(1 - others.sum(), others)
