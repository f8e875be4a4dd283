"""Ridges of a field on a grid, to a fraction of its spacing."""

from __future__ import annotations

from typing import Literal

import numpy as np

Across = Literal["stretching", "curvature"]


def ridges(
    x: np.ndarray,
    y: np.ndarray,
    field: np.ndarray,
    direction: np.ndarray | None = None,
    *,
    above: float = 0.8,
    blur: float = 1.0,
) -> np.ndarray:
    """Points ``(n, 2)`` of the ridges of a field ``(len(y), len(x))``.

    A point is on a ridge where the field is largest along the direction across it: the first derivative in that
    direction is zero and the second is negative, for the field smoothed by a Gaussian; in each cell of the grid the
    zero of the first is found from both.

    Parameters
    ----------
    direction: across the ridge, unit vectors ``(len(y), len(x), 2)``, as those of largest stretching; by default the
        eigenvector of the Hessian with the most negative eigenvalue.
    above: the fraction of the grid whose field is smaller than on a ridge that counts.
    blur: standard deviation of the Gaussian in spacings of the grid.

    Source: Steger, IEEE Trans. Pattern Anal. Mach. Intell. 20 (1998) 113.
    """
    from scipy.ndimage import gaussian_filter

    steps = np.array([x[1] - x[0], y[1] - y[0]])
    # Differences of the smoothed field are exact where it is quadratic; the derivatives of a sampled Gaussian are not.
    smooth = gaussian_filter(np.asarray(field, np.float64), blur, mode="nearest", truncate=3.0)
    by_y, by_x = np.gradient(smooth, steps[1], steps[0])
    mixed = np.gradient(by_x, steps[1], axis=0)
    twice_x, twice_y = np.zeros_like(smooth), np.zeros_like(smooth)
    twice_x[:, 1:-1] = np.diff(smooth, 2, axis=1) / steps[0] ** 2
    twice_y[1:-1] = np.diff(smooth, 2, axis=0) / steps[1] ** 2
    slope = np.stack([by_x, by_y], axis=-1)
    hessian = np.stack([np.stack([twice_x, mixed], -1), np.stack([mixed, twice_y], -1)], axis=-2)
    if direction is None:
        direction = np.linalg.eigh(hessian)[1][..., 0]
    across = np.einsum("yxi,yxij,yxj->yx", direction, hessian, direction)
    along = np.einsum("yxi,yxi->yx", slope, direction)
    with np.errstate(divide="ignore", invalid="ignore"):
        offset = (-along / across)[..., None] * direction
    inside = (np.abs(offset) <= 0.5 * steps + 1e-12).all(axis=-1)
    # A valley that is straight has a curvature of rounding along itself.
    found = (across < -1e-6 * np.abs(hessian).max()) & inside & (field > np.quantile(field, above))
    # Near the border the Gaussian sees a field that was made up.
    rim = int(np.ceil(3 * blur)) + 1
    found[:rim] = found[-rim:] = found[:, :rim] = found[:, -rim:] = False
    grid = np.stack(np.meshgrid(x, y), axis=-1)
    return np.asarray((grid + offset)[found])
