"""Whether a network notices inputs that are of another kind than those it learnt from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from snarc import draw, keys
from snarc.data import Split
from snarc.errors import DataError, RecipeError, nearest
from snarc.reading import Estimate, Reading
from snarc.registry import instrument
from snarc.subjects import Predictions, predictions, subject

from ._entropy import auroc
from ._other_data import first, listed, other_data, resized
from ._scores import FAMILIARITY as SCORES
from ._scores import disagreement, fpr95

__all__ = ["auroc", "fpr95", "unfamiliar"]


@instrument("unfamiliar", asks="Does it notice inputs of another kind than it learnt from?")
def unfamiliar(
    of: Any,
    data: Any = "test",
    *,
    others: tuple[str, ...] | str | Mapping[str, Any] = ("noise",),
    scores: tuple[str, ...] | str = (),
    count: int = 2000,
    seed: int = 0,
) -> Reading:
    """How well scores of familiarity tell examples of the network's own kind from others.

    Parameters
    ----------
    of, data: whatever :func:`snarc.subjects.predictions` takes, with the examples themselves.
    others: inputs of other kinds by name: arrays ``(N, *inputs)``, or names, in a tuple or a text with commas:
        ``noise`` (uniform over the range of the inputs) and data sets, as ``usps``, ``letters`` (notMNIST) and
        ``fashion-mnist``, whose test images are brought to the size of the network's.
    scores: of ``maximum-probability``, ``entropy``, ``energy`` (Liu et al. 2020), ``mahalanobis`` (Lee et al. 2018,
        on what the last layer of the first replica gets, from the training split of a run) and ``disagreement`` of
        replicas (mutual information); by default all that the network allows.
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
    others, scores = listed(others), listed(scores)
    seen = predictions(of, data)
    seen.need("classes", "unfamiliar")
    if seen.split is None:
        raise DataError("unfamiliar of logits alone", wanted="the inputs too", way_out="Give a run or a subject.")
    own = predictions(of, first(seen.split, count))
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
    """Squared distance to the nearest class mean of what the last layer gets, in units of the shared covariance."""

    def __init__(self, run: Any) -> None:
        self.subject = run.subject()
        train = run.dataset.train
        some = first(train, 5000)
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
        for start in range(0, len(x), 500):
            last = list(self.subject.received(x[start : start + 500]).values())[-1]
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
        rng = keys.generator(seed, "unfamiliar")
        return rng.uniform(*bounds, (count, *mine.shape[1:])).astype(np.float32)
    return resized(np.asarray(first(other_data(name).test, count).inputs), mine.shape[1:])


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
    seen = subject(lambda x: np.asarray(x) @ np.array([[1.0, -1.0]]), input_shape=(1,), classes=2)
    near = np.linspace(-1, 1, 101, dtype=np.float32)[:, None]
    pair = (near, (near[:, 0] < 0).astype(np.int32))
    found = unfamiliar(seen, pair, others={"far": 100 + near}, scores=("maximum-probability",))
    assert float(found.numbers["far_maximum-probability_auroc"]) < 0.01
    assert float(found.numbers["far_sure"]) == 1
