"""Points of many dimensions brought into the plane, and how much of them is left there."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from snarc.errors import DataError, MissingExtraError

# t-SNE and UMAP look for neighbours; what these directions leave out is noise (van der Maaten and Hinton 2008).
_KEPT = 50


def pca(points: np.ndarray, components: int = 2) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Principal components by singular value decomposition of the centred points, in float64.

    Parameters
    ----------
    points: ``(N, D)``.
    components: how many are wanted; those that there are not are zero.

    Returns
    -------
    The points' coordinates ``(N, components)``; the orthonormal directions ``(components, D)``, each with its largest
    entry positive; and the share of the variance along every one of the min(N, D) directions, largest first.

    Source: Pearson 1901; Hotelling 1933.
    """
    centred = points.astype(np.float64) - points.mean(axis=0, dtype=np.float64)
    left, values, axes = np.linalg.svd(centred, full_matrices=False)
    count = min(components, len(values))
    largest = np.abs(axes[:count]).argmax(axis=1)
    signs = np.where(axes[np.arange(count), largest] < 0, -1.0, 1.0)
    coordinates, directions = np.zeros((len(points), components)), np.zeros((components, points.shape[1]))
    coordinates[:, :count] = left[:, :count] * values[:count] * signs
    directions[:count] = axes[:count] * signs[:, None]
    total = float((values**2).sum())
    return coordinates, directions, values**2 / total if total > 0 else np.zeros_like(values)


def tsne(points: np.ndarray, neighbours: float, seed: int) -> np.ndarray:
    """t-SNE of the first 50 principal components by openTSNE, ``(N, 2)``; ``neighbours`` is the perplexity."""
    found: Any = _extra("openTSNE", "tsne")
    perplexity = min(float(neighbours), (len(points) - 1) / 3)
    if perplexity < 1:
        raise DataError(f"t-SNE of {len(points)} examples", wanted="at least 4", way_out="Use method='pca'.")
    # A start that is not drawn and one thread: the same points give the same plane.
    fitted = found.TSNE(perplexity=perplexity, initialization="pca", random_state=seed % 2**32, n_jobs=1)
    return np.asarray(fitted.fit(_reduced(points)), np.float64)


def umap(points: np.ndarray, neighbours: float, seed: int) -> np.ndarray:
    """UMAP of the first 50 principal components by umap-learn, ``(N, 2)``."""
    found: Any = _extra("umap", "umap")
    if len(points) < 4:
        raise DataError(f"UMAP of {len(points)} examples", wanted="at least 4", way_out="Use method='pca'.")
    count = min(round(neighbours), len(points) - 1)
    fitted = found.UMAP(n_neighbors=count, random_state=seed % 2**32, n_jobs=1)
    return np.asarray(fitted.fit_transform(_reduced(points)), np.float64)


def _reduced(points: np.ndarray) -> np.ndarray:
    return pca(points, _KEPT)[0] if points.shape[1] > _KEPT else points.astype(np.float64)


_PACKAGES = {"openTSNE": "openTSNE", "umap": "umap-learn"}


def _extra(module: str, method: str) -> Any:
    import importlib

    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise MissingExtraError(
            f"method={method!r} without the package {_PACKAGES[module]}",
            wanted=f"the extra snarc[{method}]",
            way_out=f"Install it with: pip install 'snarc[{method}]', or use method='pca'.",
        ) from error


METHODS: dict[str, Callable[[np.ndarray, float, int], np.ndarray]] = {
    "pca": lambda points, neighbours, seed: pca(points)[0],
    "tsne": tsne,
    "umap": umap,
}


def trustworthiness(points: np.ndarray, plane: np.ndarray, neighbours: int) -> float:
    """How much the neighbours in the plane are neighbours before it: 1, all; about 1/2, as by chance.

    Source: Venna and Kaski 2001, as scikit-learn computes it; fewer neighbours where there are too few points.
    """
    from sklearn.manifold import trustworthiness as measured

    count = min(neighbours, (len(points) - 1) // 2)
    return float(measured(points, plane, n_neighbors=count)) if count > 0 else float("nan")


def neighbours_know(points: np.ndarray, targets: np.ndarray, neighbours: int) -> float:
    """How well each point is told by the nearest others: accuracy of their majority, or R² of their mean for numbers.

    A point is not its own neighbour (leave one out).
    """
    from sklearn.neighbors import NearestNeighbors

    count = min(neighbours, len(points) - 1)
    if count < 1:
        return float("nan")
    # Without points of its own the query leaves each point out of its neighbours.
    index = NearestNeighbors(n_neighbors=count).fit(points).kneighbors(return_distance=False)
    around = targets[index]
    if targets.dtype.kind in "iu":
        votes = np.stack([(around == k).sum(axis=1) for k in range(int(targets.max()) + 1)], axis=1)
        # Where classes have equally many, the nearest neighbour's among them decides.
        best = votes.max(axis=1, keepdims=True)
        leading = np.take_along_axis(votes, around, 1) == best
        said = around[np.arange(len(points)), leading.argmax(axis=1)]
        return float((said == targets).mean())
    apart = targets - around.mean(axis=1)
    spread = ((targets - targets.mean(axis=0)) ** 2).sum()
    return float(1 - (apart**2).sum() / spread) if spread > 0 else float("nan")
