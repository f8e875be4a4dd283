"""A sum of steps approximates any function of one variable; twice the steps, half the error."""

import numpy as np

from snarc import draw, formal
from snarc.experiments import Claim, Figure, experiment

STEPS = np.array([8, 16, 32, 64, 128, 256])


@experiment(
    "staircase",
    rows=("F11",),
    question="How does the error of a staircase of neurons fall with their number?",
    source="F. Marquardt, Machine Learning for Physicists (lectures), part one",
    seconds=(1, 1, 1),
)
def staircase(budget):
    """sin(6x) on [0, 1] from logistic steps and from hard ones, with the bound that interval arithmetic proves."""
    for method, words in (("staircase", "logistic"), ("steps", "hard")):
        found = [formal.fit("sin(6*x)", int(m), method=method) for m in STEPS]
        errors = np.array([f.error for f in found])
        slope = float(np.polyfit(np.log(STEPS), np.log(errors), 1)[0])
        yield Claim(
            f"slope of the largest error with the number of {words} steps", measured=slope, published=-1, within=0.1
        )
        yield Claim(
            f"{words} steps: no error is above its proved bound",
            measured=all(f.bound is not None and f.error <= f.bound for f in found),
        )
    yield Figure(
        picture(), "More steps, smaller errors; the last panel shows the rate with its proved bound.", name="steps"
    )


def picture():
    figure, axes = draw.new(1, 4, width=13, height=3.4)
    x = np.linspace(0, 1, 2000)
    with draw.style():
        for ax, m in zip(axes, (6, 12, 48)):
            one = formal.fit("sin(6*x)", m, method="staircase")
            ax.plot(x, np.sin(6 * x), color=draw.MUTED, linewidth=4, alpha=0.4)
            ax.plot(x, one(x), color=draw.PALETTE[0], linewidth=1.4)
            ax.set(xlabel="x", ylabel="sin 6x", title=f"{m} levels, {one.units} neurons")
        for method, colour, mark in (("staircase", 0, "o"), ("steps", 1, "s")):
            found = [formal.fit("sin(6*x)", int(m), method=method) for m in STEPS]
            name = "logistic" if method == "staircase" else "hard"
            axes[3].loglog(
                STEPS, [f.error for f in found], f"{mark}-", color=draw.PALETTE[colour], markersize=4, label=name
            )
            axes[3].loglog(STEPS, [f.bound for f in found], ":", color=draw.PALETTE[colour], label=f"{name}, proved")
        axes[3].set(xlabel="steps", ylabel="largest error", title="twice the steps, half the error")
        axes[3].legend(fontsize=7.5)
    return figure
