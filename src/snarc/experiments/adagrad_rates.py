"""AdaGrad: a learning rate for every weight, longer where the gradients were small or rare."""

from typing import Any

import numpy as np

from snarc import draw, keys
from snarc.experiments import Claim, Figure, Note, Table, experiment
from snarc.experiments import _update_rules as rules
from snarc.experiments.frame import axes
from snarc.reading import Estimate

SHARES = 0.5 ** np.arange(1, 9)  # how often each input is 1
NOISE = 0.5
RATES = 10.0 ** np.arange(-3, 0.6, 0.5)
HAND = {3.0: 3 / (3 + 1e-8), 4.0: 4 / (5 + 1e-8), 12.0: 12 / (13 + 1e-8)}  # 3, 4, 5 and 5, 12, 13 are right triangles


@experiment(
    "adagrad",
    rows=("O11",),
    question="Why should every weight have a learning rate of its own, and what does AdaGrad make of it?",
    source="J. Duchi, E. Hazan, Y. Singer, JMLR 12 (2011) 2121",
    seconds=(2, 5, 3),
    replicas=(1, 5, 10),
)
def adagrad(budget):
    """r ← r + g², w ← w − ε g / (δ + √r), each weight by itself; δ = 1e-8.

    Then eight inputs, 1 in a half to a 256th of the examples, whose sum is to be learnt one example at a time, with
    noise of 0.5. Plain descent and AdaGrad each have the best of eight rates, found on other examples.
    """
    steps = rules.ours("adagrad", lambda w, g: g @ w, np.zeros(1), 3, 0.01, stream=np.array(list(HAND))[:, None])
    yield Claim(
        "steps for gradients 3, 4, 12: largest difference from 3/3, 4/5, 12/13 of the rate, with δ",
        measured=float(np.abs(np.diff(steps[:, 0]) + 0.01 * np.array(list(HAND.values()))).max()),
        at_most=1e-12,
        source="by hand: √(3² + 4²) = 5, √(5² + 12²) = 13",
    )
    yield Claim(
        "first three steps on Beale's function: largest difference from the rule in NumPy",
        measured=rules.off_by_hand("adagrad", 0.01),
        at_most=1e-12,
    )
    yield Claim(
        "100 steps: largest difference from Optax's AdaGrad, float32",
        measured=rules.off_optax("adagrad", 0.01),
        at_most=1e-6,
        note="Optax adds δ² under the root instead of δ to it.",
    )
    length, seeds = budget(400, 40_000, 40_000), budget.replicas
    found: dict[str, Any] = {name: learn(name, length, seeds) for name in ("sgd", "adagrad")}
    rate = found["adagrad"]["rates"][:, -1]
    slopes = np.polyfit(np.log2(SHARES), np.log2(rate.T), 1)[0]
    yield Claim(
        "slope of log rate against log frequency of the input",
        published=-0.5,
        measured=Estimate.over(slopes),
        within=0.05,
        digits=3,
        note="Σ g² grows as the frequency, and the rate falls as its root. The bound is ours.",
    )
    yield Claim(
        "error left by plain descent, over that by AdaGrad, each at its best rate",
        measured=Estimate.over(found["sgd"]["excess"] / found["adagrad"]["excess"]),
        at_least=1.5,
        note="Mean squared error beyond the noise, after the last example. The bound is ours.",
    )
    yield Figure(
        picture(found, length),
        "Left: the rate of each weight. Right: how wrong each weight is in the end. One rate for all is too long for "
        "the frequent inputs, whose weights follow the noise, or too short for the rare ones.",
        name="rates",
    )
    yield Table(
        ["learner", "best rate of eight", "error beyond the noise"],
        [
            [label, found[name]["rate"], Estimate.over(found[name]["excess"])]
            for name, label in (("sgd", "plain descent"), ("adagrad", "AdaGrad"))
        ],
        "Means and standard errors over the replicas, which have examples of their own.",
    )
    yield Note(
        "The sum never forgets: rates only fall. That suits rare inputs and a bowl, and harms where the gradients "
        "were once large and later are not, which RMSProp mends (O12)."
    )


def examples(seeds, length, purpose):
    """Inputs and target ``(seeds, length, 9)``; the target is their sum and noise."""
    found = []
    for seed in range(seeds):
        rng = keys.generator(seed, "adagrad", purpose)
        x = rng.random((length, len(SHARES))) < SHARES
        found.append(np.column_stack([x, x.sum(axis=1) + NOISE * rng.normal(size=length)]))
    return np.array(found, np.float32)


def squared(w, example):
    return 0.5 * (w @ example[:-1] - example[-1]) ** 2


def learn(name, length, seeds):
    """The best rate on some examples; errors, rates and weights with it on others."""
    start = np.zeros(len(SHARES), np.float32)
    tried = rules.ours(name, squared, start, length, RATES[:, None], stream=examples(seeds, length, "tune"))
    mean = excess(tried[-1]).mean(axis=1)
    rate = RATES[np.nanargmin(np.where(np.isfinite(mean), mean, np.nan))]
    stream = examples(seeds, length, "judge")
    path = rules.ours(name, squared, start, length, rate, stream=stream)  # (length + 1, seeds, 8)
    x, d = stream[..., :-1].swapaxes(0, 1), stream[..., -1].T
    gradients = (np.sum(path[:-1] * x, axis=-1) - d)[..., None] * x
    total = np.cumsum(gradients.astype(np.float64) ** 2, axis=0).swapaxes(0, 1)
    rates = np.where(total > 0, rate / (1e-8 + np.sqrt(total)), np.nan)  # no rate to speak of before the first gradient
    return {"rate": float(rate), "excess": excess(path[-1]), "rates": rates, "wrong": np.abs(path[-1] - 1)}


def excess(weights):
    """The mean squared error beyond the noise, of weights ``(..., 8)`` that should all be 1: by hand."""
    e = weights.astype(np.float64) - 1
    return (SHARES * (1 - SHARES) * e**2).sum(axis=-1) + (SHARES * e).sum(axis=-1) ** 2


def picture(found, length):
    import matplotlib as mpl

    figure, (left, right) = draw.new(1, 2, width=10, height=4.2)
    colors = mpl.colormaps[draw.SEQUENTIAL](np.linspace(0.05, 0.85, len(SHARES)))
    with draw.style():
        for k, color in enumerate(colors):
            left.plot(np.arange(1, length + 1), found["adagrad"]["rates"][0, :, k], color=color, linewidth=1.4)
            left.annotate(
                f"1/{round(1 / SHARES[k])}", (length, found["adagrad"]["rates"][0, -1, k]), (4, 0),
                textcoords="offset points", fontsize=8, va="center",
            )  # fmt: skip
        left.set(
            xscale="log", xlabel="examples", ylabel="learning rate of the weight ε/(δ + √r)",
            title="AdaGrad, inputs by how often they are 1", xlim=(1, length * 2.2),
        )  # fmt: skip
        for name, label, color in (("sgd", "plain descent", draw.PALETTE[1]), ("adagrad", "AdaGrad", draw.PALETTE[0])):
            wrong = found[name]["wrong"]
            right.plot(1 / SHARES, np.sqrt((wrong**2).mean(axis=0)), "o-", color=color, label=label)
        right.set(
            xscale="log", xlabel="one example in ... has the input", ylabel="error of its weight (r.m.s.)",
            title="in the end, both at their best rate",
        )  # fmt: skip
        right.set_xticks(1 / SHARES, [f"{1 / s:.0f}" for s in SHARES], minor=False)
        right.xaxis.set_minor_locator(mpl.ticker.NullLocator())
        right.legend(loc="upper left")
        for ax in (left, right):
            axes.one_two_five(ax.yaxis)
        draw.plain_log(left.xaxis)
    return figure
