"""One example at a time: with a constant rate the weights end in a cycle as wide as the rate."""

import numpy as np

import snarc
from snarc import draw, learners
from snarc.experiments import Claim, Figure, Note, experiment


@experiment(
    "adaline-online",
    rows=("S6",),
    question="Where does ADALINE end when it learns one example at a time, with a constant rate?",
    source="B. Widrow, M. Hoff (1960); T. Brázdil, Neural networks, lecture: k = (t mod p) + 1",
    seconds=(4, 6, 7),
)
def adaline_online(budget):
    """The twelve oaks in their order, over and over, with standardised ages.

    The radius of the cycle is the distance of its farthest point from the minimum.
    """
    oaks = snarc.load("oaks").train
    x, d = oaks.inputs.astype(float), oaks.targets[:, 0].astype(float)
    rates = np.geomspace(1e-4, 1e-2, budget(3, 7, 13))
    radii, gaps = np.array([cycle(x, d, rate) for rate in rates]).T
    slope, level = np.polyfit(np.log(rates), np.log(radii), 1)
    yield Claim("slope of log radius against log rate", published=1.0, measured=float(slope), within=0.1, digits=4)
    yield Claim(
        "largest distance of the last epoch from the exact cycle, relative to its radius",
        measured=float(gaps.max()),
        at_most=1e-6,
        note="An epoch is an affine map of the weights; its fixed point, solved for, is where the cycle passes.",
    )
    yield Figure(
        spirals(x, d),
        "Weights after every example. Long steps reach a wide cycle soon, short ones a small cycle later; none ends "
        "in the minimum (star), and each cycle is the same twelve steps, scaled by the rate.",
        name="spirals",
    )
    yield Figure(
        radius(rates, radii, slope, level),
        "The radius of the cycle is proportional to the learning rate.",
        name="radius",
    )
    yield Note("To end in the minimum the rate has to go to zero, slowly enough: the first reason for schedules.")


def affine(x, d, rate):
    """The map of the weights by one epoch, w -> matrix w + shift, and the cycle's points from its fixed point."""
    z = np.column_stack([np.ones(len(x)), (x - x.mean(0)) / x.std(0)])
    matrix, shift = np.eye(2), np.zeros(2)
    for row, target in zip(z, d):
        one = np.eye(2) - rate * np.outer(row, row)
        matrix, shift = one @ matrix, one @ shift + rate * target * row
    w = np.linalg.solve(np.eye(2) - matrix, shift)
    points = []
    for row, target in zip(z, d):
        w = w - rate * (w @ row - target) * row
        points.append(w)
    return np.array(points)


def cycle(x, d, rate):
    """Radius of the cycle that the rule ends in, and how far its last epoch is from the exact one."""
    epochs = int(np.ceil(2.5 / rate))
    online = learners.Adaline("online", learning_rate=rate, standardise=True, epochs=epochs).fit(x, d)
    last = online.path_[-len(x) :]
    width = np.linalg.norm(last - online.optimum_, axis=1).max()
    return width, np.abs(last - affine(x, d, rate)).max() / width


def spirals(x, d):
    figure, axes = draw.new(1, 2, width=10, height=4.6)
    best = learners.Adaline("closed", standardise=True).fit(x, d).optimum_
    rates = dict(zip((0.2, 0.1, 0.05, 0.025), (draw.PALETTE[1], draw.PALETTE[4], draw.PALETTE[2], draw.PALETTE[0])))
    with draw.style():
        for rate, color in rates.items():
            fit = learners.Adaline("online", learning_rate=rate, standardise=True, epochs=round(4 / rate)).fit(x, d)
            axes[0].plot(*fit.path_.T, color=color, linewidth=1, label=f"rate {rate:g}")
            ring = affine(x, d, rate)
            axes[1].plot(*np.vstack([ring, ring[:1]]).T, "o-", color=color, markersize=4, linewidth=1.3)
        for ax in axes:
            ax.plot(*best, "*", color=draw.INK, markersize=14, zorder=5, label="minimum", linestyle="none")
            ax.set(xlabel="bias $w_0$ (inches)", ylabel="slope $w_1$ (inches/standard deviation)")
        axes[0].set_title("from zero weights")
        axes[1].set_title("the cycles, enlarged")
        axes[0].legend(loc="upper left")
    return figure


def radius(rates, radii, slope, level):
    figure, ax = draw.new(width=6.4, height=4)
    with draw.style():
        ax.plot(rates, np.exp(level) * rates**slope, color=draw.MUTED, linewidth=1.4, label=f"slope {slope:.3f}")
        ax.plot(rates, radii, "o", color=draw.PALETTE[0], label="measured")
        ax.set(xscale="log", yscale="log", xlabel="learning rate", ylabel="radius of the cycle (inches)")
        ax.legend(loc="upper left")
    return figure
