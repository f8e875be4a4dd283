"""A logistic neuron speaks in log-odds, and finds the weights that made the data."""

import numpy as np

from snarc import draw, keys, learners
from snarc.experiments import Claim, Figure, Note, experiment
from snarc.reading import Estimate

TRUE = np.array([-0.5, 1.2, -0.8, 0.4])


@experiment(
    "logistic-odds",
    rows=("S7",),
    question="What do the weights of a logistic neuron mean, and are the true ones found?",
    source="D. Cox, J. R. Statist. Soc. B 20 (1958) 215",
    seconds=(1, 3, 5),
)
def logistic_odds(budget):
    """y = 1/(1 + exp(−w·x)); 1,000 examples drawn with known weights, many times over."""
    from snarc.learners.probability import log_odds, logistic

    x = np.linspace(-8, 8, 200_001)
    yield Claim(
        "largest error of log-odds(logistic(x)) = x, |x| up to 8",
        measured=float(np.abs(log_odds(logistic(x)) - x).max()),
        at_most=1e-12,
        note="Further out a double cannot hold it: near 1, rounding y by 1e-16 moves its log-odds by exp(x)·1e-16; "
        "up to 9, which was tried first, the error is 1.3e-12.",
    )
    sets = budget(smoke=10, quick=200, full=1000)
    fits = [trial(seed) for seed in range(sets)]
    z = np.array([(fit.path_[-1] - TRUE) / fit.standard_errors_ for fit in fits])
    yield Claim(
        "true weight within 3 standard errors, first set",
        measured=bool((np.abs(z[0]) <= 3).all()),
        note="All four weights; " + ", ".join(f"{v:+.2f}" for v in z[0]) + " standard errors off.",
    )
    yield Claim(
        "weights within 3 standard errors, all sets",
        published=99.73,
        measured=Estimate.over(100 * (np.abs(z) <= 3).mean(1)),
        at_least=99,
        unit="%",
        source="normal distribution",
    )
    yield Claim(
        "spread of the weights in units of their standard error",
        published=1.0,
        measured=float(z.std()),
        within=0.1,
        digits=3,
        source="Fisher information",
    )
    yield Figure(
        curves(),
        "Left, from log-odds to a probability: the logistic function. Right, what one unit more of an input does: it "
        "multiplies the odds by exp(w), a straight line on this scale.",
        name="odds",
    )
    yield Figure(
        spread(z),
        f"How far the four weights of {sets:,} fits lie from the true ones, in standard errors; line: normal curve.",
        name="errors",
    )
    yield Note(
        "A weight w means: one unit more of this input multiplies the odds p/(1 − p) by exp(w), wherever one is."
    )


def trial(seed, n=1000):
    """A fit to n examples drawn with the true weights."""
    rng = keys.generator(seed, "logistic-odds")
    x = rng.normal(size=(n, 3))
    p = 1 / (1 + np.exp(-(TRUE[0] + x @ TRUE[1:])))
    return learners.LogisticRegression().fit(x, rng.random(n) < p)


def curves():
    from snarc.learners.probability import log_odds, logistic, odds

    figure, axes = draw.new(1, 2, width=9.6, height=4.2)
    with draw.style():
        x = np.linspace(-6, 6, 400)
        ax = axes[0]
        ax.plot(x, logistic(x), color=draw.PALETTE[0])
        for p in (0.1, 0.5, 0.9):
            at = float(log_odds(p))
            ax.plot([at, at, -6], [0, p, p], color=draw.MUTED, linewidth=0.9, linestyle=":")
            ax.plot(at, p, "o", color=draw.PALETTE[1])
            side = {"xytext": (10, -4), "textcoords": "offset points", "fontsize": 9}
            ax.annotate(f"p = {p}, odds {float(odds(p)):.2g}", (at, p), **side)
        ax.set(
            xlim=(-6, 6), ylim=(0, 1.02), xlabel="log-odds ξ = w·x (nats)", ylabel="probability y = 1/(1 + e$^{-ξ}$)"
        )
        ax = axes[1]
        x = np.linspace(-2, 2, 200)
        for w, color in ((0.5, draw.PALETTE[2]), (1.0, draw.PALETTE[0]), (2.0, draw.PALETTE[1])):
            ax.plot(x, odds(logistic(w * x)), color=color, label=f"w = {w:g}: odds × {np.exp(w):.2f} a unit")
        ax.set(yscale="log", xlabel="input x", ylabel="odds p/(1 − p)", xlim=(-2, 2), xticks=range(-2, 3))
        ax.yaxis.set_major_formatter(lambda v, _: f"{v:g}")
        ax.legend(loc="upper left")
    return figure


def spread(z):
    figure, ax = draw.new(width=6.6, height=4)
    with draw.style():
        edges = np.linspace(-4, 4, 33)
        ax.hist(z.ravel().clip(-4, 4), edges, density=True, color=draw.PALETTE[5], edgecolor=draw.PAPER, label="fits")
        x = np.linspace(-4, 4, 300)
        ax.plot(x, np.exp(-(x**2) / 2) / np.sqrt(2 * np.pi), color=draw.PALETTE[1], label="normal curve")
        ax.set(xlabel="(fitted − true weight) / standard error", ylabel="density", xlim=(-4, 4))
        ax.legend(loc="upper right")
    return figure
