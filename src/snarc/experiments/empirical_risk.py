"""Four losses, their slopes, and the ridge: what is minimised in place of the number of mistakes."""

import numpy as np

from snarc import draw, keys, learners
from snarc.experiments import Claim, Figure, experiment

LOG2 = float(np.log(2))
BY_HAND = (  # loss, output, target, value, derivative by the output
    ("square", 3.0, 1.0, 4.0, 4.0),
    ("square", -0.5, 1.0, 2.25, -3.0),
    ("logistic", 0.0, 1.0, 1.0, -0.5 / LOG2),
    ("logistic", float(np.log(3)), -1.0, 2.0, 0.75 / LOG2),
    ("hinge", 0.25, 1.0, 0.75, -1.0),
    ("hinge", 2.0, 1.0, 0.0, 0.0),
    ("cross-entropy", 0.25, 1.0, float(np.log(4)), -4.0),
    ("cross-entropy", 0.25, 0.0, float(np.log(4 / 3)), 4 / 3),
)


@experiment(
    "empirical-risk",
    rows=("S13",),
    question="What do the usual losses charge for a mistake, and where does the ridge move the minimum?",
    source="ML for physicists, lecture 13",
    seconds=(1, 2, 3),
)
def empirical_risk(budget):
    """Square (y − z)², logistic log₂(1 + e^(−yz)), hinge max(0, 1 − yz), cross-entropy; and λ‖w‖² added."""
    from snarc.learners import losses

    off = max(
        max(abs(float(losses.loss(name)(y, z)) - value), abs(float(losses.slope(name)(y, z)) - slope))
        for name, y, z, value, slope in BY_HAND
    )
    yield Claim("largest error against values and slopes by hand", measured=off, at_most=1e-10)
    margins = np.linspace(-40, 40, 80_001)
    yield Claim(
        "the logistic loss is nowhere below the 0-1 loss",
        measured=bool((losses.logistic(margins, 1) >= losses.zero_one(margins, 1)).all()),
        exact=True,
        note="In bits; both are 1 at y = 0. In nats it would be below.",
    )
    x, z = problem()
    closed, descent, paths = ridge(x, z, 0.1, budget(2000, 5000, 5000))
    yield Claim(
        "largest difference of ridge weights, closed form and descent",
        measured=float(np.abs(closed - descent).max()),
        at_most=1e-6,
        note="Minimum of mean (w·x − z)² + 0.1‖w‖².",
    )
    yield Figure(
        curves(losses),
        "What each loss charges for an output y when the label is z, by the margin yz. All but the square stop "
        "charging for answers that are very right. The cross-entropy of a logistic output is the logistic loss in "
        "nats.",
        name="losses",
    )
    yield Figure(paths, "Ridge weights against λ: each shrinks towards zero, none gets there.", name="ridge")


def problem():
    rng = keys.generator(0, "empirical-risk")
    x = rng.normal(size=(60, 5)) @ np.diag([1, 0.8, 0.6, 0.5, 0.4])
    return x, x @ np.array([1.0, -0.7, 0.5, 0.0, 0.9]) + 0.3 * rng.normal(size=60)


def ridge(x, z, penalty, steps):
    """Weights by the normal equations and by descent of the risk, and a figure of them against the penalty."""
    from snarc.learners.losses import empirical_risk as risk

    def solve(l2):
        # ADALINE minimises half the sum of squares plus half its l2: N times the mean's penalty.
        return learners.Adaline("closed", l2=len(x) * l2, bias=False).fit(x, z).coef_

    w = np.zeros(x.shape[1])
    for _ in range(steps):
        w = w - 0.2 * risk("square", w, x, z, l2=penalty)[1]
    figure, ax = draw.new(width=7, height=4)
    with draw.style():
        grid = np.geomspace(1e-3, 1e2, 120)
        lines = np.array([solve(l2) for l2 in grid])
        for k, color in zip(range(lines.shape[1]), draw.PALETTE):
            ax.plot(grid, lines[:, k], color=color, label=f"$w_{k + 1}$")
        ax.plot(np.full(5, penalty), w, "o", color=draw.INK, markersize=5, label="descent", zorder=4)
        ax.set(xscale="log", xlabel="λ", ylabel="weight", xlim=(1e-3, 1e2))
        ax.xaxis.set_major_formatter(lambda v, _: f"{v:g}")
        ax.legend(loc="upper right", ncols=2)
    return solve(penalty), w, figure


def curves(losses):
    figure, ax = draw.new(width=7.4, height=4.6)
    with draw.style():
        m = np.linspace(-2.5, 3, 1101)
        ax.plot(m, losses.square(m, 1), color=draw.PALETTE[2], label="square (y − z)²")
        ax.plot(m, losses.logistic(m, 1), color=draw.PALETTE[0], label="logistic log₂(1 + e$^{-yz}$)")
        ax.plot(m, losses.logistic(m, 1) * LOG2, "--", color=draw.PALETTE[5], label="cross-entropy (nats)")
        ax.plot(m, losses.hinge(m, 1), color=draw.PALETTE[1], label="hinge max(0, 1 − yz)")
        ax.step([m[0], 0, m[-1]], [1, 0, 0], where="post", color=draw.INK, linewidth=1.4)
        ax.plot([], [], color=draw.INK, linewidth=1.4, label="0-1: a mistake")
        ax.set(xlabel="margin yz", ylabel="loss", ylim=(-0.05, 4.2), xlim=(m[0], m[-1]))
        ax.legend(loc="upper center", bbox_to_anchor=(0.58, 1.0))
    return figure
