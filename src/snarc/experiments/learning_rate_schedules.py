"""Courses of the learning rate, and how to find one to begin with: by doubling it until it gets worse."""

from typing import Any

import numpy as np

import snarc
from snarc import draw
from snarc.experiments import Claim, Figure, Note, Table, experiment, fit
from snarc.experiments.frame import axes
from snarc.reading import Estimate

LECTURE = "Course on neural networks C, learning-rate schedules and the search from .001 to .1"
TIME = 2  # epochs, the s of the formulas
POINTS = [(4, 0.3), (8, 0.1), (10, 0.03)]
SCHEDULES: dict[str, dict[str, Any]] = {
    "constant": {},
    "power": {"schedule_time": float(TIME)},
    "exponential": {"schedule_time": 6.0},
    "piecewise": {"schedule_points": POINTS},
    "1cycle": {},
}


@experiment(
    "learning-rate-schedules",
    rows=("O9",),
    question="How should the learning rate change while a network learns, and with which should it begin?",
    source=LECTURE,
    seconds=(3, 12, 35),
    replicas=(1, 2, 5),
    needs=("mnist",),
)
def learning_rate_schedules(budget):
    """Power ε₀/(1 + t/s), exponential ε₀ 0.1^(t/s), piecewise constant, 1cycle and constant, on 5,000 digits of MNIST.

    784-100-10 by descent with momentum 0.9.  The search trains at .001, .002, .004, ... for three epochs each and stops
    at the first rate that is worse, judged on validation digits; the grid is finer and goes on.
    """
    from snarc.tuning import doubling_search

    yield from formulas()

    mnist = snarc.load(
        "mnist", train=budget(500, 5_000, 5_000), validation=budget(200, 2_000, 2_000), test=budget(500, None, None)
    )
    common: dict[str, Any] = {"optimizer": "momentum", "batch_size": 50}
    grid = 1e-3 * 2.0 ** np.arange(0, budget(3, 9, 9), budget(1, 0.5, 0.5))
    short = {**common, "epochs": budget(1, 3, 3)}
    found, curves, best = [], [], []
    for seed in range(budget.replicas):
        search = doubling_search("784-100-10", mnist, most=budget(3, 12, 12), seed=seed, **short)
        losses = [loss_at(rate, mnist, seed, short) for rate in grid]
        found.append(search)
        curves.append(losses)
        best.append(grid[int(np.argmin(losses))])
    mean = np.mean(curves, axis=0)
    optimum = grid[int(np.argmin(mean))]
    picked = [one.numbers["suggestion"] for one in found]
    ratios = [max(rate / optimum, optimum / rate) for rate in picked]
    yield Claim(
        "factor between the rate that the search picks and the best of the grid",
        measured=Estimate.over(ratios),
        at_most=2,
        passing=(1, 1),
        note=f"Each of the searches, not their mean. The grid, in steps of the root of 2, is best at {optimum:.3g}.",
    )
    yield Claim(
        "validation loss at the rate picked, above that of the best of the grid",
        measured=Estimate.over([100 * (s.numbers["loss"] / min(c) - 1) for s, c in zip(found, curves)]),
        at_most=15,
        unit="%",
        note="Ours: what the search costs. The bound was set here.",
    )
    yield Figure(doubling(found, grid, curves, optimum), "Loss after three epochs at each rate.", name="search")

    runs = {
        name: fit(
            "784-100-10", mnist, schedule=name, learning_rate=float(optimum), epochs=budget(2, 12, 12),
            replicas=budget.replicas, **common, **more,
        )
        for name, more in SCHEDULES.items()
    }  # fmt: skip
    yield Figure(
        five_courses(runs), "The five courses, all from the same rate, and the losses under each.", name="schedules"
    )
    yield Table(
        ["schedule", "training loss at the end", "test error (%)"],
        [[n, Estimate.over(run.history["loss"][:, -1].tolist()), 100 * run.test.error] for n, run in runs.items()],
        f"From ε₀ = {optimum:.3g}; power with s = {TIME} epochs, exponential with s = 6, "
        "piecewise " + ", ".join(f"× {f:g} from epoch {e}" for e, f in POINTS) + ".",
    )
    yield Note(
        "The slope of the loss against the rate is gentle below the optimum and a cliff above it, so that coming from "
        "below, doubling, and stopping at the first that is worse cannot miss by much."
    )
    yield Note(
        "All courses begin at, or rise to, the rate that is best when it stays constant for three epochs. From there "
        "those that fall early stop learning too soon; a fall pays when the rate before it is too large to end at."
    )


def formulas():
    """The schedules at the times at which the formulas have round values."""
    from snarc.training.optimizers import rates
    from snarc.training.recipe import Recipe

    steps, epochs = 1_200, 12  # a hundred steps an epoch

    def factor(name, epoch, **more):
        return float(rates(Recipe(schedule=name, learning_rate=1.0, epochs=epochs, **more), steps)[100 * epoch])

    wanted = [
        ("power", TIME, 1 / 2), ("power", 2 * TIME, 1 / 3), ("power", 3 * TIME, 1 / 4),
        ("exponential", TIME, 0.1), ("exponential", 2 * TIME, 0.01),
    ]  # fmt: skip
    off = max(abs(factor(name, at, schedule_time=float(TIME)) / value - 1) for name, at, value in wanted)
    yield Claim(
        "schedules against their formulas: 1/2 at s, 1/3 at 2s, 1/4 at 3s; 0.1 at s, 0.01 at 2s",
        measured=off,
        at_most=2e-7,
        note="Largest relative deviation; rates are kept with 24 binary digits.",
    )
    steps_right = all(
        factor("piecewise", epoch, schedule_points=POINTS) == np.float32(value)
        for epoch, value in [(0, 1), (3, 1), (4, 0.3), (7, 0.3), (8, 0.1), (9, 0.1), (10, 0.03), (11, 0.03)]
    )
    yield Claim("piecewise: each value from its epoch on, and not before", measured=bool(steps_right), exact=True)


def loss_at(rate, mnist, seed, settings):
    """Validation loss after training; infinite if it diverged."""
    from snarc.errors import DivergedError

    try:
        return fit("784-100-10", mnist, learning_rate=float(rate), seed=seed, **settings).validation.loss.mean
    except DivergedError:
        return np.inf


def doubling(found, grid, curves, optimum):
    figure, ax = draw.new(width=6.8, height=4.0)
    table = np.where(np.isfinite(curves), curves, np.nan)
    axes.replicas(ax, grid, table, color=draw.MUTED, label="grid")
    for k, search in enumerate(found):
        rates, losses = search.arrays["rates"], search.arrays["losses"]
        ax.plot(
            rates,
            losses,
            "o",
            color=draw.PALETTE[0],
            markersize=5,
            alpha=0.6,
            label="doubling search" if not k else None,
        )
        at = search.numbers["suggestion"]
        label = "what it picks" if not k else None
        ax.plot(at, search.numbers["loss"], "o", color=draw.PALETTE[1], markersize=11, markerfacecolor="none",
                markeredgewidth=2, label=label)  # fmt: skip
    ax.axvspan(optimum / 2, optimum * 2, color=draw.PALETTE[2], alpha=0.12, label="within 2x of the grid's best")
    axes.one_two_five(ax.yaxis)
    ax.set_xscale("log")
    draw.plain_log(ax.xaxis)
    ax.set(xlabel="learning rate", ylabel="validation loss after three epochs", title="Doubling until it gets worse")
    ax.legend(loc="upper center")
    return figure


def five_courses(runs):
    from snarc.training.optimizers import rates

    figure, (left, right) = draw.new(1, 2, width=9.0, height=3.8)
    for k, (name, run) in enumerate(runs.items()):
        colour = draw.PALETTE[k]
        course = rates(run.recipe, 1_200)
        left.plot(np.arange(1_200) * run.recipe.epochs / 1_200, course, color=colour, label=name)
        loss = run.history["loss"]
        right.plot(range(1, loss.shape[1] + 1), loss.mean(axis=0), color=colour, linewidth=2, label=name)
    left.set_yscale("log")
    left.set_ylim(bottom=run.recipe.learning_rate / 150)
    left.set(xlabel="epoch", ylabel="learning rate", title="Five courses")
    axes.one_two_five(right.yaxis)
    axes.epochs(right)
    right.set(ylabel="training loss", title="and the losses")
    left.legend(loc="lower left")
    return figure
