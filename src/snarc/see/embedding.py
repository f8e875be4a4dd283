"""Inputs, or what the network makes of them, as points of a plane."""

from __future__ import annotations

from typing import Any

import numpy as np

from snarc import draw, keys
from snarc.data import Split
from snarc.errors import DataError, RecipeError, nearest
from snarc.reading import Reading
from snarc.registry import instrument
from snarc.subjects import Predictions, Subject, predictions, subject

from ._codes import codes, stretching, thumbnails
from ._projections import METHODS, neighbours_know, pca, trustworthiness

COLOURS = ("label", "error", "confidence", "lyapunov")
_TITLES = {"tsne": "t-SNE", "umap": "UMAP"}
_MARKERS = "o^sDv"


@instrument("embedding", asks="Which examples does the network take to be alike?")
def embedding(
    of: Any,
    data: Any = "test",
    *,
    layer: str = "",
    inputs: bool = False,
    method: str = "pca",
    colour: str = "label",
    count: int = 1000,
    neighbours: int = 10,
    perplexity: float = 30.0,
    seed: int = 0,
) -> Reading:
    """The codes of examples in a plane, and how much of them the plane keeps.

    Parameters
    ----------
    of: a run (its first replica) or a subject.
    data: for a run the name of a split, a ``Split`` or a pair ``(x, y)``; for a subject one of the latter.
    layer: path of the layer whose outputs are the codes; ``inputs`` for the inputs (standardised where the network
        does that first), ``outputs`` for the logits.  By default the codes are what the last layer that learns gets.
    inputs: take what that layer gets, not what it returns.
    method: ``pca``, exact principal components; ``tsne`` (needs openTSNE) or ``umap`` (needs umap-learn), both after
        the first 50 principal components.
    colour: ``label``; ``error``, right or wrong (for numbers the size of the error); ``confidence``, the probability
        of the predicted class; ``lyapunov``, how fast a small difference of inputs grows on its way to the last layer.
    count: examples, drawn from ``data`` if it has more.
    neighbours: nearest points that are asked, for trustworthiness and for the class.
    perplexity: of t-SNE, about the number of neighbours of a point; for UMAP that number.
    seed: of the draw of examples, of t-SNE and of UMAP.

    Returns
    -------
    Numbers: ``examples``; ``dimensions`` of a code; ``explained``, the share of the variance along the first two
    principal components, whatever the method; ``directions_90``, the components that hold 90 % of it;
    ``trustworthiness``; and ``knn_plane``, ``knn_full``, the share of examples whose class most of their neighbours
    have, in the plane and before it (for numbers R² of the neighbours' mean), with ``most_frequent`` to compare.
    Arrays: ``xy`` ``(N, 2)``; ``label``, ``predicted`` and ``index`` ``(N,)``; ``colour`` ``(N,)``, text or numbers,
    and ``colour_name``; ``detail`` ``(N,)``; ``thumbnail`` ``(N, h, w[, 3])`` bytes of images; ``variance``, shares of
    the first 20 components; ``axes``, what the two directions are; ``class``, the names in their order.

    Raises
    ------
    RecipeError: a method or colour that is not known, or a count that is too small.
    ModelError: no such layer, or a network whose layers cannot be seen.
    DataError: too few examples, or codes that are not finite.
    MissingExtraError: openTSNE or umap-learn is not installed.

    Source: Pearson 1901; van der Maaten and Hinton, JMLR 9 (2008) 2579; McInnes, Healy, Melville 2018.
    """
    _check(method, colour, count, neighbours)
    seen, judged, index = _examples(of, data, count, seed)
    points = codes(seen, judged.split, layer, inputs)
    _, _, variance = pca(points)
    plane = METHODS[method](points, neighbours if method == "pca" else perplexity, seed)
    classes = judged.task.kind == "classification"
    targets = judged.targets if classes else judged.targets.reshape(len(judged), -1).astype(np.float64)
    numbers: dict[str, Any] = {
        "examples": len(points), "dimensions": points.shape[1], "explained": float(variance[:2].sum()),
        "directions_90": int(np.searchsorted(np.cumsum(variance), 0.9 - 1e-12) + 1) if variance.any() else 0,
        "trustworthiness": trustworthiness(points, plane, neighbours),
        "knn_plane": neighbours_know(plane, targets, neighbours),
        "knn_full": neighbours_know(points, targets, neighbours),
    }  # fmt: skip
    if classes:
        numbers["most_frequent"] = float(np.bincount(targets).max() / len(targets))
    arrays = {"xy": plane, **_about(judged), "index": index, "variance": variance[:20], "axes": _axes(method, variance)}
    arrays |= {"colour": _coloured(seen, judged, colour), "colour_name": np.array([_colour_name(colour, classes)])}
    pictures = thumbnails(np.asarray(judged.split.inputs))
    if pictures is not None:
        arrays["thumbnail"] = pictures
    return Reading("embedding", numbers, arrays, _draw, _said(numbers, neighbours, classes))


def _check(method: str, colour: str, count: int, neighbours: int) -> None:
    for name, value, known in (("method", method, tuple(METHODS)), ("colour", colour, COLOURS)):
        if value not in known:
            raise RecipeError(
                f"{name} {value!r}", wanted="one of " + ", ".join(known), way_out=nearest(str(value), known)
            )
    if count < 3 or neighbours < 1:
        raise RecipeError(
            f"count={count} and neighbours={neighbours}", wanted="3 examples and 1 neighbour at least",
            way_out="Use count=1000 and neighbours=10.",
        )  # fmt: skip


def _examples(of: Any, data: Any, count: int, seed: int) -> tuple[Subject, Predictions, np.ndarray]:
    seen = subject(of)
    if isinstance(data, str):
        split = of.dataset.split(data) if hasattr(of, "evaluate") else predictions(seen, data).split
    else:
        split = data if hasattr(data, "gather") else Split(np.asarray(data[0]), np.asarray(data[1]))
    if len(split) < 3:
        raise DataError(f"an embedding of {len(split)} examples", wanted="3 at least", way_out="Use another split.")
    if len(split) > count:
        chosen = np.sort(keys.generator(seed, "embedding").choice(len(split), count, replace=False))
    else:
        chosen = np.arange(len(split))
    judged = predictions(seen, split.gather(chosen))
    if judged.task.kind == "sequence" or (judged.task.kind == "classification" and judged.targets.ndim != 1):
        raise DataError(
            "an embedding of sequences", wanted="one label for each example", way_out="Give the codes of its steps."
        )
    return seen, judged, chosen


def _about(judged: Predictions) -> dict[str, np.ndarray]:
    if judged.task.kind == "classification":
        names = np.array(judged.task.classes)
        said, sure = judged.predicted[0], judged.confidence[0]
        detail = [
            ("right" if a == b else f"taken for {names[a]}")
            + (", over 99.99 % sure" if c > 0.9999 else f", {100 * c:.4g} % sure")
            for a, b, c in zip(said, judged.targets, sure)
        ]
        return {"label": names[judged.targets], "predicted": names[said], "class": names, "detail": np.array(detail)}
    rows = (judged.targets, judged.logits[0])
    wanted, found = (np.reshape(a, (len(judged), -1))[:, 0].astype(np.float64) for a in rows)
    detail = [f"the network says {value:.4g}" for value in found]
    return {"label": wanted, "predicted": found, "detail": np.array(detail)}


def _coloured(seen: Subject, judged: Predictions, colour: str) -> np.ndarray:
    if judged.task.kind == "classification":
        if colour == "label":
            return np.array(judged.task.classes)[judged.targets]
        if colour == "error":
            return np.where(judged.predicted[0] == judged.targets, "right", "wrong")
        if colour == "confidence":
            return judged.confidence[0]
    elif colour == "label":
        return _about(judged)["label"]
    elif colour == "error":
        apart = judged.logits[0].reshape(judged.targets.shape) - judged.targets
        return np.linalg.norm(apart.reshape(len(judged), -1), axis=1)
    elif colour == "confidence":
        raise DataError(
            "the confidence of a network that says numbers", wanted="classes", way_out="Use colour='error'."
        )
    return stretching(seen, np.asarray(judged.split.inputs))


def _axes(method: str, variance: np.ndarray) -> np.ndarray:
    if method != "pca":
        return np.array([f"{_TITLES[method]} {k}" for k in (1, 2)])
    shares = 100 * np.append(variance, [0, 0])
    return np.array(
        [f"{name} component ({shares[k]:.0f} % of the variance)" for k, name in enumerate(("first", "second"))]
    )


def _colour_name(colour: str, classes: bool) -> str:
    known = {"label": "class" if classes else "wanted", "error": "answer" if classes else "error"}
    return (known | {"lyapunov": "exponent (1 / layer)"}).get(colour, colour)


def _said(numbers: dict[str, Any], neighbours: int, classes: bool) -> str:
    text = (
        f"The first two of {numbers['dimensions']:,} dimensions hold {100 * numbers['explained']:.0f} % of the "
        f"variance; the plane's trustworthiness is {numbers['trustworthiness']:.3f} (1 at best, about 0.5 by chance). "
    )
    if classes:
        return text + (
            f"In the plane the {neighbours} nearest neighbours tell the class of "
            f"{100 * numbers['knn_plane']:.1f} % of the examples, in all dimensions of "
            f"{100 * numbers['knn_full']:.1f} %."
        )
    return text + (
        f"In the plane the mean of {neighbours} neighbours has an R² of {numbers['knn_plane']:.2f}, in all dimensions "
        f"{numbers['knn_full']:.2f}."
    )


def _draw(reading: Reading) -> Any:
    found = reading.arrays
    pictured, graded = "thumbnail" in found, found["colour"].dtype.kind == "f"
    height = (3.9 if graded else 4.4) if pictured else 4.8
    figure, axes = draw.new(1, 1 + pictured, width=8.4 if pictured else 5.6, height=height, squeeze=False)
    left, xy = axes[0, 0], found["xy"]
    if graded:
        dots = left.scatter(*xy.T, c=found["colour"], cmap=draw.SEQUENTIAL, s=11, linewidths=0)
        bar = figure.colorbar(dots, ax=left, fraction=0.046, pad=0.02)
        bar.outline.set_visible(False)
        bar.set_label(str(found["colour_name"][0]), color=draw.INK)
    else:
        present = set(found["colour"].tolist())
        known = [str(k) for k in found["class"]] if "class" in found else []
        names = [k for k in known if k in present] or sorted(present)
        for k, name in enumerate(names):
            marker = _MARKERS[k // len(draw.PALETTE) % len(_MARKERS)]
            here = found["colour"] == name
            left.scatter(
                *xy[here].T, s=13, color=draw.PALETTE[k % len(draw.PALETTE)], marker=marker, linewidths=0,
                label=draw.shorten(name, 16),
            )  # fmt: skip
        if len(names) <= 20:
            longest = max(map(len, names))
            columns = max(2, min(len(names), 60 // (3 + min(longest, 16)))) if pictured else 5
            figure.legend(
                loc="outside lower center", ncols=columns, fontsize=9, labelcolor=draw.INK, handletextpad=0.2,
                columnspacing=1.2, markerscale=1.6,
            )  # fmt: skip
    if pictured:
        _mosaic(axes[0, 1], xy, found["thumbnail"])
    centre, half = (xy.max(axis=0) + xy.min(axis=0)) / 2, 0.54 * float(np.ptp(xy, axis=0).max()) or 1.0
    for ax in axes[0]:
        ax.set(xlim=(centre[0] - half, centre[0] + half), ylim=(centre[1] - half, centre[1] + half), aspect="equal")
        ax.set(xlabel=found["axes"][0], ylabel=found["axes"][1])
        if not str(found["axes"][0]).startswith("first"):
            ax.set(xticks=[], yticks=[])  # neither the directions nor the scale of these maps mean anything
    if pictured:
        axes[0, 1].set_ylabel("")
    return figure


def _mosaic(ax: Any, xy: np.ndarray, pictures: np.ndarray) -> None:
    """Thumbnails at the places of their examples, as many as stand there without touching."""
    centre, span = (xy.max(axis=0) + xy.min(axis=0)) / 2, float(np.ptp(xy, axis=0).max()) or 1.0
    side = span / 20
    ax.scatter(*xy.T, s=3, color=draw.MUTED, linewidths=0, alpha=0.5)
    shown: list[np.ndarray] = []
    # From the middle outwards, so that the picture does not depend on the order of the examples.
    for k in np.argsort(np.abs(xy - centre).max(axis=1), kind="stable"):
        at = xy[k]
        if all(np.abs(at - other).max() >= side * 1.06 for other in shown):
            shown.append(at)
            picture = pictures[k]
            height, width = picture.shape[:2]
            half = side / 2 * np.array([width, height]) / max(height, width)
            extent = (at[0] - half[0], at[0] + half[0], at[1] - half[1], at[1] + half[1])
            ax.imshow(picture, cmap="gray", vmin=0, vmax=255, extent=extent, zorder=3, interpolation="none")


@embedding.known_case
def points_of_a_plane() -> None:
    """Points of a plane in 30 dimensions come back up to a rotation: the same distances, all of the variance."""
    rng = np.random.default_rng(0)
    plane = rng.normal(size=(120, 2)) * (3, 1)
    axes, _ = np.linalg.qr(rng.normal(size=(30, 2)))
    x = (plane @ axes.T + 5).astype(np.float32)
    seen = subject(lambda v: np.asarray(v)[:, :3], input_shape=(30,), classes=3)
    found = embedding(seen, (x, np.zeros(120, np.int32)), layer="inputs")
    before, after = (np.linalg.norm(a[:, None] - a[None], axis=-1) for a in (plane, found.arrays["xy"]))
    assert np.allclose(before, after, atol=1e-4)
    assert abs(float(found.numbers["explained"]) - 1) < 1e-6
    assert float(found.numbers["trustworthiness"]) > 1 - 1e-9


@embedding.known_case
def points_of_a_line() -> None:
    """Points of a line keep their order and spacing along the first component, and have no second."""
    along = np.linspace(-1, 1, 41) ** 3
    x = (along[:, None] * np.arange(1.0, 6.0)).astype(np.float32)
    seen = subject(lambda v: np.asarray(v)[:, :2], input_shape=(5,), classes=2)
    found = embedding(seen, (x, (along > 0).astype(np.int32)), layer="inputs", neighbours=1)
    first, second = found.arrays["xy"].T
    assert np.allclose(first, along * np.sqrt(55), atol=1e-5)
    assert np.allclose(second, 0, atol=1e-5)
    assert found.numbers["directions_90"] == 1
