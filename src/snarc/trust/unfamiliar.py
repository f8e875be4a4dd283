"""Whether a network notices inputs that are of another kind than those it learnt from."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from scipy.special import logsumexp
from scipy.stats import rankdata

from snarc import draw, keys
from snarc.data import Split, load
from snarc.errors import DataError, RecipeError, nearest
from snarc.reading import Estimate, Reading
from snarc.registry import instrument
from snarc.subjects import Predictions, predictions, subject


def entropy(p: np.ndarray) -> np.ndarray:
    """Shannon entropy in nats of the last axis."""
    return -(p * np.log(np.maximum(p, 1e-300))).sum(axis=-1)


def disagreement(seen: Predictions) -> np.ndarray:
    """Entropy of the mean of the replicas' probabilities minus the mean of their entropies, ``(N,)``: ignorance."""
    return entropy(seen.probabilities.mean(axis=0)) - entropy(seen.probabilities).mean(axis=0)


# How familiar an example looks, ``(replicas, N)``; larger is more familiar.
SCORES: dict[str, Callable[[Predictions], np.ndarray]] = {
    "maximum-probability": lambda seen: seen.confidence,
    "entropy": lambda seen: -entropy(seen.probabilities),
    "energy": lambda seen: logsumexp(seen.logits.astype(np.float64), axis=-1),
}


def auroc(familiar: np.ndarray, other: np.ndarray) -> float:
    """Probability that a familiar example scores higher than another one, ties counted half (Mann and Whitney)."""
    ranks = rankdata(np.concatenate([familiar, other]))
    n, m = len(familiar), len(other)
    return float((ranks[:n].sum() - n * (n + 1) / 2) / (n * m))


def fpr95(familiar: np.ndarray, other: np.ndarray) -> float:
    """Share of the others that pass a threshold which lets 95 % of the familiar examples pass."""
    rank = int(np.floor(0.05 * len(familiar)))
    return float((other >= np.sort(familiar)[rank]).mean())


@instrument("unfamiliar", asks="Does it notice inputs of another kind than it learnt from?")
def unfamiliar(
    of: Any,
    data: Any = "test",
    *,
    others: tuple[str, ...] | Mapping[str, Any] = ("noise",),
    scores: tuple[str, ...] = (),
    count: int = 2000,
    seed: int = 0,
) -> Reading:
    """How well scores of familiarity tell examples of the network's own kind from others.

    Parameters
    ----------
    of, data: whatever :func:`snarc.subjects.predictions` takes, with the examples themselves.
    others: inputs of other kinds by name: arrays ``(N, *inputs)``, or names: ``noise`` (uniform over the range of the
        inputs) and data sets, whose test images are brought to the size of the network's.
    scores: of ``maximum-probability``, ``entropy``, ``energy`` (Liu et al. 2020), ``mahalanobis`` (Lee et al. 2018,
        on the last hidden layer, from the training split of a run) and ``disagreement`` of replicas (mutual
        information); by default all that the network allows.
    count: most examples of each kind.
    seed: of the noise.

    Returns
    -------
    Numbers for each kind and score: ``KIND_SCORE_auroc`` (0.5: told apart by chance), ``KIND_SCORE_fpr95`` (share of
    the others that pass where 95 % of its own examples do), over replicas; ``KIND_confidence``, the mean probability of
    the predicted class there, and ``KIND_sure``, the share above 0.9.  Arrays: ``confidence_own`` and
    ``confidence_KIND``, of the first replica.

    Raises
    ------
    DataError: the examples are not known, or others do not fit.
    RecipeError: a score is unknown, or cannot be had from this network.
    """
    seen = predictions(of, data)
    seen.need("classes", "unfamiliar")
    if seen.split is None:
        raise DataError("unfamiliar of logits alone", wanted="the inputs too", way_out="Give a run or a subject.")
    own = predictions(of, seen.split.gather(np.arange(min(count, len(seen)))))
    has_layers = hasattr(of, "dataset") and hasattr(of, "networks")
    possible = [*SCORES, *(["mahalanobis"] if has_layers else []), *(["disagreement"] if own.replicas > 1 else [])]
    for score in scores:
        if score not in possible:
            raise RecipeError(
                f"score {score!r} for {getattr(of, 'name', 'this network')}",
                wanted="one of " + ", ".join(possible),
                way_out=nearest(score, possible)
                if score not in ("mahalanobis", "disagreement")
                else "mahalanobis needs a run, disagreement several replicas.",
            )
    chosen = scores or tuple(possible)
    distance = _Mahalanobis(of) if "mahalanobis" in chosen else None
    kinds = {name: _inputs(of, own, others, name, count, seed) for name in others}
    numbers: dict[str, Any] = {}
    arrays: dict[str, np.ndarray] = {"confidence_own": own.confidence[0]}
    best: dict[str, tuple[float, str]] = {}
    for kind, x in kinds.items():
        other = predictions(of, Split(x, np.zeros(len(x), np.int32)))
        arrays[f"confidence_{kind}"] = other.confidence[0]
        numbers[f"{kind}_confidence"] = Estimate.over(other.confidence.mean(axis=1))
        numbers[f"{kind}_sure"] = Estimate.over((other.confidence > 0.9).mean(axis=1))
        for score in chosen:
            pairs = list(zip(_score(score, own, distance), _score(score, other, distance)))
            numbers[f"{kind}_{score}_auroc"] = Estimate.over([auroc(a, b) for a, b in pairs])
            numbers[f"{kind}_{score}_fpr95"] = Estimate.over([fpr95(a, b) for a, b in pairs])
            value = numbers[f"{kind}_{score}_auroc"].mean
            best[kind] = max(best.get(kind, (0.0, "")), (value, score))
    parts = [
        f"{kind}: {100 * numbers[f'{kind}_confidence'].mean:.0f} % sure on average, told apart best by {score} "
        f"(AUROC {value:.3f})"
        for kind, (value, score) in best.items()
    ]
    return Reading("unfamiliar", numbers, arrays, _draw, "; ".join(parts) + ".")


def _score(name: str, seen: Predictions, distance: _Mahalanobis | None) -> np.ndarray:
    if name == "mahalanobis":
        assert distance is not None
        return -distance(np.asarray(seen.split.inputs))[None]
    if name == "disagreement":
        return -disagreement(seen)[None]
    return SCORES[name](seen)


class _Mahalanobis:
    """Squared distance to the nearest class mean of the last hidden layer, in units of the shared covariance."""

    def __init__(self, run: Any) -> None:
        self.subject = run.subject()
        train = run.dataset.train
        some = train.gather(np.arange(min(5000, len(train))))
        features = self.features(np.asarray(some.inputs))
        labels = some.targets
        present = np.unique(labels)
        self.means = np.stack([features[labels == k].mean(axis=0) for k in present])
        apart = features - self.means[np.searchsorted(present, labels)]
        covariance = apart.T @ apart / len(apart)
        # Dead and repeated units leave directions without spread, in which no distance can be measured.
        values, vectors = np.linalg.eigh(covariance)
        kept = values > 1e-6 * values.max()
        self.whiten = vectors[:, kept] / np.sqrt(values[kept])

    def features(self, x: np.ndarray) -> np.ndarray:
        found = []
        for first in range(0, len(x), 500):
            layers = list(self.subject.activations(x[first : first + 500]).values())
            shaped = [a for a in layers if a.ndim >= 2]
            last = shaped[-2] if len(shaped) > 1 else shaped[-1]
            found.append(np.asarray(last, np.float64).reshape(len(last), -1))
        return np.concatenate(found)

    def __call__(self, x: np.ndarray) -> np.ndarray:
        white, means = self.features(x) @ self.whiten, self.means @ self.whiten
        squares = (white**2).sum(1)[:, None] - 2 * white @ means.T + (means**2).sum(1)
        return np.maximum(squares, 0).min(axis=1)


def _inputs(of: Any, own: Predictions, others: Any, name: str, count: int, seed: int) -> np.ndarray:
    mine = np.asarray(own.split.inputs)
    if isinstance(others, Mapping):
        x = np.asarray(others[name])[:count]
        if x.shape[1:] != mine.shape[1:]:
            raise DataError(
                f"others {name!r} of shape {x.shape[1:]}",
                wanted=f"{mine.shape[1:]}",
                way_out="Bring them to that shape.",
            )
        return x
    if name == "noise":
        bounds = (0.0, 1.0) if mine.dtype == np.uint8 else (float(mine.min()), float(mine.max()))
        return (
            keys.generator(seed, "unfamiliar").uniform(*bounds, (min(count, 2000), *mine.shape[1:])).astype(np.float32)
        )
    test = load(name).test
    some = test.gather(np.arange(min(count, len(test)))).inputs
    return resized(np.asarray(some), mine.shape[1:])


def resized(images: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Images brought to another size and number of channels, float32 in [0, 1], bilinear."""
    from PIL import Image

    if images.ndim != 4 or len(shape) != 3:
        raise DataError(
            f"examples of shape {images.shape[1:]} for inputs of shape {shape}",
            wanted="images for a network of images",
            way_out="Give arrays of the network's own shape.",
        )
    pixels = images if images.dtype == np.uint8 else np.round(255 * np.clip(images, 0, 1)).astype(np.uint8)
    found = np.empty((len(images), *shape), np.float32)
    mode = {1: "L", 3: "RGB"}[shape[2]]
    for k, one in enumerate(pixels):
        picture = Image.fromarray(one[..., 0] if one.shape[2] == 1 else one[..., :3]).convert(mode)
        picture = picture.resize((shape[1], shape[0]), Image.Resampling.BILINEAR)
        found[k] = np.asarray(picture, np.float32).reshape(shape) / 255
    return found


def _draw(reading: Reading) -> Any:
    figure, ax = draw.new(width=6.4, height=3.4)
    edges = np.linspace(0, 100, 26)
    for k, (name, values) in enumerate(sorted(reading.arrays.items(), key=lambda kv: kv[0] != "confidence_own")):
        label = "its own test examples" if name == "confidence_own" else name.removeprefix("confidence_")
        weights = np.full(len(values), 100 / len(values))
        ax.hist(100 * values, edges, weights=weights, histtype="step", linewidth=2, color=draw.PALETTE[k], label=label)
    ax.set(xlabel="confidence (%)", ylabel="examples (%)", xlim=(0, 100))
    draw.legend(ax, loc="upper left")
    return figure


@unfamiliar.known_case
def two_apart() -> None:
    """Scores that separate the two kinds have an AUROC of 1, equal ones of 1/2, reversed ones of 0."""
    low, high = np.array([0.1, 0.2, 0.3]), np.array([0.7, 0.8, 0.9])
    assert (auroc(high, low), auroc(high, high), auroc(low, high)) == (1.0, 0.5, 0.0)
    assert (fpr95(high, low), fpr95(low, high)) == (0.0, 1.0)


@unfamiliar.known_case
def disagreement_of_equal_and_of_contrary_networks() -> None:
    """Replicas that agree have no mutual information; two that are sure of different classes have log 2."""
    sure = np.array([[[100.0, 0.0]], [[0.0, 100.0]]])
    assert abs(disagreement(predictions(sure, np.array([0])))[0] - np.log(2)) < 1e-9
    assert abs(disagreement(predictions(sure[[0, 0]], np.array([0])))[0]) < 1e-12


@unfamiliar.known_case
def a_linear_network_is_sure_far_away() -> None:
    """A linear network grows surer along a ray, so that maximum probability takes far inputs for familiar ones."""
    seen = subject(lambda x: np.asarray(x) @ np.array([[1.0, -1.0]]), inputs=(1,), classes=2)
    near = np.linspace(-1, 1, 101, dtype=np.float32)[:, None]
    pair = (near, (near[:, 0] < 0).astype(np.int32))
    found = unfamiliar(seen, pair, others={"far": 100 + near}, scores=("maximum-probability",))
    assert float(found.numbers["far_maximum-probability_auroc"]) < 0.01
    assert float(found.numbers["far_sure"]) == 1
