"""First a steep hill, then a gentle bowl: AdaGrad remembers the hill for ever, RMSProp forgets it."""

import numpy as np

from snarc import draw, keys
from snarc.experiments import Claim, Figure, Note, Table, experiment
from snarc.experiments import _update_rules as rules
from snarc.experiments.frame import axes
from snarc.reading import Estimate

RATES = 10.0 ** np.arange(-3, -0.4, 0.25)  # the longest first step is 0.32, a tenth of the way down the hill
STEPS = 300
SLOPE, FOOT, ROUND = 100.0, -3.0, 5.0
LEARNERS = {
    "adagrad": ("AdaGrad", draw.PALETTE[1]),
    "rmsprop": ("RMSProp", draw.PALETTE[0]),
    "rmsprop-momentum": ("RMSProp with momentum", draw.PALETTE[2]),
}


@experiment(
    "rmsprop-hill",
    rows=("O12",),
    question="Why does RMSProp forget old gradients, when AdaGrad adds up all of them?",
    source="T. Tieleman, G. Hinton, COURSERA lecture 6.5 (2012); the argument: T. Brázdil, Neural networks (PV021)",
    seconds=(2, 4, 2),
    replicas=(4, 40, 200),
)
def rmsprop_hill(budget):
    """r ← ρ r + (1 − ρ) g², w ← w − ε g / (δ + √r), with ρ = 0.9; with momentum, that step is added to 0.9 of the last.

    One weight starts on the flank of a hill, with a slope of 100, below which lies the bowl w²/2. Each replica is
    another start; each optimiser has the best of eleven rates from 0.001 to 0.32, found on other starts, by the mean of
    E after 300 steps.
    """
    for name in ("rmsprop", "rmsprop-momentum"):
        label = LEARNERS[name][0]
        yield Claim(
            f"{label}, first three steps on Beale's function: largest difference from the rule in NumPy",
            measured=rules.off_by_hand(name, 0.001),
            at_most=1e-12,
        )
        yield Claim(
            f"{label}, 100 steps: largest difference from Optax's, float32",
            measured=rules.off_optax(name, 0.001),
            at_most=1e-6,
        )
    starts, others = (starting(budget.replicas, purpose) for purpose in ("judge", "tune"))
    found = {name: learn(name, starts, others) for name in LEARNERS}
    worst = found["adagrad"]["end"]
    for name in ("rmsprop", "rmsprop-momentum"):
        better = np.mean(found[name]["end"] < worst)
        yield Claim(
            f"starts from which {LEARNERS[name][0]} ends lower than AdaGrad",
            published="faster in a bowl after a hill",
            measured=100 * float(better),
            at_least=95,
            unit="%",
            note=f"Of {len(starts)} starts. The bound is ours.",
        )
    yield Claim(
        "the hill's share of AdaGrad's sum of squared gradients, at the end",
        measured=Estimate.over(100 * found["adagrad"]["share"]),
        at_least=99,
        unit="%",
        note="This is why its rate stays what the hill made of it.",
    )
    yield Figure(
        picture(found, starts),
        "The landscape (its height drawn as the root), the way of twenty starts (thick: their mean), and the medians "
        "of height and of the rate ε/(δ + √r) that multiplies the gradient: AdaGrad's stays what the hill made of it.",
        name="hill-then-bowl",
    )
    yield Table(
        ["optimiser", "best rate of eleven", "E after 300 steps, median", "steps until E < 0.01, median"],
        [
            [label, found[name]["rate"], float(np.median(found[name]["end"])), soon(found[name]["heights"])]
            for name, (label, _) in LEARNERS.items()
        ],
        "Over the starts.",
    )
    yield Note(
        "A step of AdaGrad or RMSProp is about as long as the rate, however steep the hill. What differs is the bowl: "
        "there AdaGrad still divides by the gradients of the hill, while RMSProp, once they are forgotten, goes on in "
        "steps as long as its rate until it is near the minimum."
    )
    yield Note(
        "Rates above 0.32 were left out on purpose: AdaGrad's first step is as long as its rate, so that it leaps over "
        "the whole hill and never sees it. With rates up to 10 it then reaches the minimum from every start."
    )


def landscape(w):
    """A bowl, and left of it a hill; ``w`` is ``(1,)``."""
    import jax
    import jax.numpy as jnp

    return jnp.sum(0.5 * w**2 + SLOPE / ROUND * jax.nn.softplus(-ROUND * (w - FOOT)))


def height(w):
    """The same in NumPy; its minimum is at 0.00003, where the hill ends in the bowl."""
    return 0.5 * w**2 + SLOPE / ROUND * np.logaddexp(0, -ROUND * (w - FOOT))


def slope(w):
    return w - SLOPE / (1 + np.exp(ROUND * (w - FOOT)))


def starting(count, purpose):
    return keys.generator(0, "rmsprop-hill", purpose).uniform(-7.0, -5.0, size=(count, 1))


def learn(name, starts, others):
    """The best rate for some starts; heights above the minimum and rates of the weight with it, for others."""
    lowest = height(np.linspace(-0.01, 0.01, 200_001)).min()
    tried = rules.ours(name, landscape, others, STEPS, RATES[:, None])[-1, ..., 0]
    rate = float(RATES[np.argmin(height(tried).mean(axis=1))])
    path = rules.ours(name, landscape, starts, STEPS, rate)[..., 0].T  # (starts, steps + 1)
    gradients = slope(path[:, :-1]) ** 2
    if name == "adagrad":
        r = np.cumsum(gradients, axis=1)
    else:
        r = np.empty_like(gradients)
        now = np.zeros(len(starts))
        for t in range(STEPS):
            now = r[:, t] = 0.9 * now + 0.1 * gradients[:, t]
    on_hill = np.where(path[:, :-1] < FOOT / 2, gradients, 0).sum(axis=1) / gradients.sum(axis=1)
    heights = np.maximum(height(path) - lowest, 1e-15)
    return {
        "rate": rate, "path": path, "heights": heights, "end": heights[:, -1], "share": on_hill,
        "rates": rate / (1e-8 + np.sqrt(r)),
    }  # fmt: skip


def soon(heights):
    """Median over the starts of the first step below 0.01."""
    below = heights < 0.01
    first = np.where(below.any(axis=1), below.argmax(axis=1), np.inf)
    found = float(np.median(first))
    return int(found) if np.isfinite(found) else f"not in {STEPS}"


def picture(found, starts):
    figure, ((land, way), (high, rates)) = draw.new(2, 2, width=10, height=6.6)
    w = np.linspace(-7.4, 3.4, 600)
    with draw.style():
        land.plot(w, height(w), color=draw.INK)
        land.axvspan(starts.min(), starts.max(), color=draw.PALETTE[4], alpha=0.25, linewidth=0)
        land.text(starts.mean(), 60, "starts", ha="center", color=draw.INK)
        for name, (label, color) in LEARNERS.items():
            one = found[name]
            axes.replicas(way, np.arange(STEPS + 1), one["path"][:20], color=color, label=label)
            high.plot(np.median(one["heights"], axis=0), color=color, label=label)
            rates.plot(np.arange(1, STEPS + 1), np.median(one["rates"], axis=0), color=color, label=label)
        land.set(xlabel="weight w", ylabel="E(w)", title="a hill with a slope of 100, then the bowl w²/2")
        land.set_yscale("function", functions=(lambda e: np.sqrt(np.maximum(e, 0)), np.square))
        land.set_yticks([0, 5, 20, 50, 100, 200, 400])
        way.set(xlabel="step", ylabel="weight w", title="the way down, each at its best rate")
        way.legend(loc="lower right")
        high.set(xlabel="step", ylabel="E above the minimum", title="height, median", yscale="log", ylim=(1e-6, 1e3))
        rates.set(xlabel="step", ylabel="ε/(δ + √r)", title="rate of the weight, median", yscale="log")
        for ax in (high, rates):
            draw.plain_log(ax.yaxis)
    return figure
