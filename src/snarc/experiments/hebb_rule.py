"""Hebb's rule stores an example by adding it; one small correction makes it converge."""

import numpy as np

from snarc import draw, keys, learners
from snarc.experiments import Claim, Figure, Note, experiment

N = 20


@experiment(
    "hebb-rule",
    rows=("S2",),
    question="How many random patterns can Hebb's rule store in one neuron, and what does the correction change?",
    source="D. Hebb, The Organization of Behavior (1949); B. Mehlig, Machine learning with neural networks",
    seconds=(1, 20, 45),
)
def hebb_rule(budget):
    """Patterns of ±1 with random targets ±1 for a neuron with 20 inputs; Δw = ηtx once, against Δw = η(t − O)x
    repeated.
    """
    draws = budget(smoke=20, quick=400, full=1000)
    trials = [problem(seed, N) for seed in range(draws)]
    once = [learners.Hebb().fit(x, t).converged_ for x, t in trials]
    again = [learners.Hebb("corrected", epochs=100_000).fit(x, t).converged_ for x, t in trials]
    possible = [learners.widest_margin(x, t, bias=False).separable for x, t in trials]
    yield Claim(
        "20 patterns stored by the one-shot rule",
        published=5.0,
        measured=100 * float(np.mean(once)),
        at_most=5,
        unit="%",
    )
    yield Claim(
        "20 patterns learnt by the corrected rule",
        published=100.0,
        measured=100 * float(np.mean(again)),
        at_least=100,
        unit="%",
        note=f"Of {draws} problems {draws - sum(possible)} had no solution (two patterns equal or opposite).",
    )
    yield Claim(
        "problems with a solution that the corrected rule does not find",
        published=0,
        measured=int(np.sum(np.array(possible) & ~np.array(again))),
        exact=True,
    )
    few, many = [2, 4, 6, 8, 10, 14, 20, 26, 32, 36, 40, 44, 50, 60], list(range(2, 61, 2))
    patterns = np.array(budget([4, 20, 40], few, many))
    epochs = budget(100, 300, 400)
    rates = [curve(p, budget(10, 60, 80), epochs) for p in patterns]
    yield Figure(
        against_load(patterns / N, np.array(rates), epochs),
        "Share of random problems of which every pattern comes back right. The one-shot rule fails as soon as patterns "
        "disturb each other; the corrected one follows Cover's count of what any neuron can do.",
        name="success",
    )
    yield Note(
        "The two rules differ by one term, the neuron's own output O. With it, learning stops where the answer is "
        "right already; Rosenblatt's theorem then guarantees an end whenever there is a solution."
    )


def problem(seed, p):
    """Random patterns ``(p, N)`` and targets, with both targets among them."""
    rng = keys.generator(seed, "hebb", p)
    t = rng.choice([-1, 1], size=p)
    t[: min(p, 2)] = (1, -1)[: min(p, 2)]
    return rng.choice([-1.0, 1.0], size=(p, N)), t


def curve(p, draws, epochs):
    """Success of both rules in per cent."""
    trials = [problem(10_000 + seed, p) for seed in range(draws)]
    once = np.mean([learners.Hebb().fit(x, t).converged_ for x, t in trials])
    again = np.mean([learners.Hebb("corrected", epochs=epochs).fit(x, t).converged_ for x, t in trials])
    return 100 * once, 100 * again


def against_load(load, rates, epochs):
    figure, ax = draw.new(width=7, height=4.4)
    with draw.style():
        fine = np.arange(1, round(load.max() * N) + 1)
        theory = [100 * float(learners.cover_probability(int(p), N)) for p in fine]
        ax.plot(fine / N, theory, color=draw.MUTED, linewidth=1.4, label="any neuron (Cover 1965)")
        ax.plot(
            load, rates[:, 1], "o-", color=draw.PALETTE[0], markersize=5, label=f"corrected, {epochs:,} epochs at most"
        )
        ax.plot(load, rates[:, 0], "s-", color=draw.PALETTE[1], markersize=5, label="one-shot")
        ax.set(xlabel="patterns per input, p/N", ylabel="problems solved (%)", ylim=(-3, 104), xlim=(0, load.max()))
        ax.legend(loc="center right", bbox_to_anchor=(1, 0.72))
    return figure
