"""How unsure several networks, or draws of one, are together: what is noise and what is ignorance."""

from __future__ import annotations

from typing import Any

import numpy as np

from snarc import draw, keys
from snarc.errors import DataError
from snarc.reading import Estimate, Reading
from snarc.registry import instrument

from ._entropy import Parts, auroc, entropy, parts, risks
from ._laplace import Hessian, probit, sampled
from ._members import Asked, Method, asked, check_draws, choose, dropout_draws, need_split, posterior

_CURVE = 200


@instrument("uncertainty", asks="How unsure is it, and is that noise in the data or ignorance of the network?")
def uncertainty(
    of: Any,
    data: Any = "test",
    *,
    method: Method = "auto",
    draws: int = 30,
    train: Any = "train",
    hessian: Hessian = "auto",
    prior: float | None = None,
    seed: int = 0,
) -> Reading:
    """The entropy of several answers to the same question, split into noise and ignorance.

    Parameters
    ----------
    of, data: whatever :func:`snarc.subjects.predictions` takes, or a committee of :mod:`snarc.tuning` with a split.
    method: where the several answers come from: ``ensemble``, the replicas or members; ``dropout``, masks drawn with
        dropout kept on; ``laplace``, weights of the last layer drawn from their normal approximation. ``auto`` is the
        first of these that there is.
    draws: of masks or weights.
    train: for ``laplace``, the examples that the network learnt from.
    hessian: of ``laplace``: ``full``, ``kronecker``, or ``auto``, full up to 1,200 weights.
    prior: of ``laplace``: precision of the prior of the weights; by default the one of largest marginal likelihood.
    seed: of the draws.

    Returns
    -------
    Numbers of all answers together: ``accuracy``, ``nll`` and mean entropies ``total`` = ``noise`` + ``ignorance`` in
    nats; ``brier``; ``auroc``, the probability that a wrong answer has a larger total entropy than a right one, and
    ``auroc_ignorance``; ``error_80``, the error among the surest 80 %; ``area`` under risk against coverage.
    ``alone_accuracy``, ``alone_nll``, ``alone_auroc``, ``alone_area``: of one network in evaluation mode. For
    ``laplace`` also ``probit_nll`` (MacKay's approximation instead of draws), ``prior`` and ``evidence``. Over replicas
    where each network has its own draws. Arrays of the first: ``total``, ``noise``, ``ignorance``, ``alone`` and
    ``right`` ``(N,)``; ``coverage``, ``risk``, ``alone_risk``.

    Raises
    ------
    RecipeError: the network does not offer the method.
    ModelError: for ``laplace``, it does not end with a dense layer.
    DataError: the answers are not classes, or there are no examples.

    Source: Lakshminarayanan, Pritzel, Blundell, NeurIPS 2017; Gal, Ghahramani, ICML 2016; Daxberger et al., NeurIPS
    2021; the split of entropy: Depeweg et al., ICML 2018.
    """
    who = asked(of, data)
    who.seen.need("classes", "uncertainty")
    if who.seen.logits.ndim != 3:
        raise DataError("uncertainty of sequences", wanted="one answer an example", way_out="Flatten the sequences.")
    check_draws(draws)
    chosen = choose(method, who, "uncertainty")
    labels = who.seen.targets
    rows: list[dict[str, float]] = []
    first: tuple[Parts, np.ndarray] | None = None
    for k in range(1 if chosen == "ensemble" else who.seen.replicas):
        answers, extra = _answers(chosen, who, k, draws, train, hessian, prior, seed)
        split = parts(answers)
        right = answers.mean(axis=0).argmax(axis=1) == labels
        rows.append(_numbers(answers.mean(axis=0), labels, split) | extra)
        first = first or (split, right)
    assert first is not None
    numbers: dict[str, Any] = {}
    for name in rows[0]:
        values = [row[name] for row in rows]
        numbers[name] = values[0] if chosen == "ensemble" else Estimate.over(values)
    alone_p = who.seen.probabilities
    alone = [_numbers(p, labels, Parts(entropy(p), entropy(p), np.zeros(len(p)))) for p in alone_p]
    for name in ("accuracy", "nll", "auroc", "area"):
        numbers[f"alone_{name}"] = Estimate.over([one[name] for one in alone])
    numbers["draws"] = who.seen.replicas if chosen == "ensemble" else draws
    unsure = entropy(alone_p[0])
    at = np.unique(np.linspace(1, len(labels), min(_CURVE, len(labels))).astype(int))
    alone_right = who.seen.predicted[0] == labels
    arrays = {
        "method": np.array([chosen]),
        **{name: getattr(first[0], name) for name in Parts._fields}, "alone": unsure, "right": first[1],
        "coverage": at / len(labels), "risk": risks(first[0].total, ~first[1])[at - 1],
        "alone_risk": risks(unsure, ~alone_right)[at - 1],
    }  # fmt: skip
    return Reading("uncertainty", numbers, arrays, _draw, _note(chosen, numbers))


def _answers(
    method: str, who: Asked, k: int, draws: int, train: Any, hessian: Hessian, prior: float | None, seed: int
) -> tuple[np.ndarray, dict[str, float]]:
    """Probabilities ``(draws, N, classes)``, and numbers of the method's own."""
    if method == "ensemble":
        return who.seen.probabilities, {}
    need_split(who.seen, method)
    if method == "dropout":
        logits = dropout_draws(who.networks[k], who.seen.split, draws, seed=seed + k, precision=who.precision)
        return _softmax(logits.astype(np.float64)), {}
    last, law = posterior(who, k, train, hessian=hessian, prior=prior)
    rng = keys.generator(seed, "laplace", k)
    pieces, by_probit = [], []
    for features, logits, _ in last(who.seen.split):
        covariance = law.covariance(features)
        pieces.append(_softmax(sampled(logits, covariance, draws, rng)))
        by_probit.append(probit(logits, covariance))
    labels, p = who.seen.targets, np.concatenate(by_probit)
    extra = {"probit_nll": _nll(p, labels), "prior": law.prior, "evidence": law.evidence}
    return np.concatenate(pieces, axis=1), extra


def _softmax(logits: np.ndarray) -> np.ndarray:
    e = np.exp(logits - logits.max(axis=-1, keepdims=True))
    found: np.ndarray = e / e.sum(axis=-1, keepdims=True)
    return found


def _nll(p: np.ndarray, labels: np.ndarray) -> float:
    return float(-np.log(np.maximum(p[np.arange(len(p)), labels], 1e-300)).mean())


def _numbers(p: np.ndarray, labels: np.ndarray, split: Parts) -> dict[str, float]:
    wrong = p.argmax(axis=1) != labels
    curve = risks(split.total, wrong)
    wanted = np.eye(p.shape[1])[labels]
    return {
        "accuracy": float(1 - wrong.mean()), "nll": _nll(p, labels),
        "brier": float(((p - wanted) ** 2).sum(axis=1).mean()),
        "total": float(split.total.mean()), "noise": float(split.noise.mean()),
        "ignorance": float(split.ignorance.mean()),
        "auroc": auroc(split.total[wrong], split.total[~wrong]),
        "auroc_ignorance": auroc(split.ignorance[wrong], split.ignorance[~wrong]),
        "error_80": float(curve[max(0, round(0.8 * len(curve)) - 1)]), "area": float(curve.mean()),
    }  # fmt: skip


def _note(method: str, numbers: dict[str, Any]) -> str:
    total, ignorance = float(numbers["total"]), float(numbers["ignorance"])
    share = 100 * ignorance / total if total > 0 else 0.0
    who = {"ensemble": "networks", "dropout": "masks of dropout", "laplace": "draws of the last layer's weights"}[
        method
    ]
    found = float(numbers["auroc"])
    told = "" if np.isnan(found) else (
        f" A wrong answer has a larger entropy than a right one with probability {found:.3f} "
        f"({float(numbers['alone_auroc']):.3f} for one network)."
    )  # fmt: skip
    return (
        f"{numbers['draws']} {who} together: {100 * (1 - float(numbers['accuracy'])):.2f} % wrong, one network "
        f"{100 * (1 - float(numbers['alone_accuracy'])):.2f} %; of {total:.3g} nats of entropy {share:.0f} % are "
        f"ignorance.{told}"
    )


def _draw(reading: Reading) -> Any:
    """Left: entropies of right and of wrong answers, split in two; right: risk against coverage."""
    arrays = reading.arrays
    figure, (left, right) = draw.new(1, 2, width=8.4, height=3.6)
    kinds = {"right answers": arrays["right"], "wrong answers": ~arrays["right"]}
    bars = [(name, chosen) for name, chosen in kinds.items() if chosen.any()]
    edges, top = np.linspace(0, max(float(arrays["total"].max()), 1e-3), 21), 1.0
    for (name, chosen), colour in zip(bars, (draw.PALETTE[0], draw.PALETTE[1])):
        weights = np.full(int(chosen.sum()), 100 / chosen.sum())
        shown = left.hist(
            arrays["total"][chosen], edges, weights=weights, color=colour, histtype="step", linewidth=2, label=name
        )
        top = max(top, float(shown[0].max()))
        left.axvline(
            float(arrays["ignorance"][chosen].mean()), color=colour, linewidth=1.2, linestyle=(0, (4, 3)),
            label="their mean ignorance",
        )  # fmt: skip
    left.set(
        xlabel="total entropy (nats)", ylabel="answers of the kind (%)", xlim=(0, 1.02 * edges[-1]), ylim=(0, 1.5 * top)
    )
    draw.legend(left, loc="upper right")
    for name, colour, label in (("alone_risk", draw.MUTED, "one network"), ("risk", draw.PALETTE[0], "together")):
        right.plot(100 * arrays["coverage"], 100 * arrays[name], color=colour, label=label)
    right.set(xlabel="answered, the surest first (%)", ylabel="wrong among them (%)", xlim=(0, 100))
    right.set_ylim(0, None)
    draw.legend(right, loc="upper left")
    return figure


@uncertainty.known_case
def equal_and_contrary_networks() -> None:
    """Members that say the same are ignorant of nothing; two that are sure of different classes of one bit."""
    logits = np.random.default_rng(0).normal(size=(1, 50, 4))
    labels = np.zeros(50, int)
    same = uncertainty(np.repeat(logits, 3, axis=0), labels)
    assert np.abs(same.arrays["ignorance"]).max() < 1e-12
    assert np.abs(same.arrays["total"] - same.arrays["alone"]).max() < 1e-12
    sure = np.array([[[100.0, 0.0]], [[0.0, 100.0]]])
    contrary = uncertainty(sure, np.array([0]))
    assert abs(float(contrary.numbers["ignorance"]) - np.log(2)) < 1e-9
    assert float(contrary.numbers["noise"]) < 1e-9


@uncertainty.known_case
def entropies_add_up() -> None:
    """Total entropy is noise plus ignorance, neither is negative, and no entropy exceeds log(classes)."""
    logits = 3 * np.random.default_rng(1).normal(size=(5, 200, 6))
    found = uncertainty(logits, np.arange(200) % 6).arrays
    assert np.allclose(found["total"], found["noise"] + found["ignorance"], rtol=0, atol=1e-12)
    assert found["ignorance"].min() >= -1e-12
    assert found["noise"].min() >= 0
    assert found["total"].max() <= np.log(6) + 1e-12


@uncertainty.known_case
def a_jury_of_independent_members() -> None:
    """Jensen's inequality: the mean of probabilities never has a larger NLL or Brier score than the members' mean."""
    rng = np.random.default_rng(2)
    labels = rng.integers(0, 3, 400)
    logits = np.eye(3)[labels] + rng.normal(size=(5, 400, 3))
    found = uncertainty(logits, labels).numbers
    assert float(found["nll"]) <= float(found["alone_nll"])
    alone = [float(uncertainty(logits[[k, k]], labels).numbers["brier"]) for k in range(5)]
    assert float(found["brier"]) <= np.mean(alone)
