"""Oaks in Wisconsin: ADALINE walks down a narrow valley, and how long its steps may be."""

import warnings
from typing import Any

import numpy as np

import snarc
from snarc import draw, learners
from snarc.experiments import Claim, Figure, Note, experiment

STEP, TOO_LONG = 4.2e-5, 4.3e-5


@experiment(
    "adaline-oaks",
    rows=("S5",),
    question="How large may ADALINE's learning rate be on twelve oaks, and what does standardising change?",
    source="B. Widrow, M. Hoff, IRE WESCON Convention Record 4 (1960) 96; T. Brázdil, Neural networks, lecture",
    seconds=(2, 5, 5),
)
def adaline_oaks(budget):
    """Age and diameter at breast height of twelve oaks; E(w) = ½ Σ(w·x − d)², all steps over the whole table."""
    oaks = snarc.load("oaks").train
    x, d = oaks.inputs.astype(float), oaks.targets[:, 0].astype(float)
    best = learners.Adaline("closed").fit(x, d)
    bowl = learners.Bowl.of(x, d)
    epochs = budget(500, 150_000, 150_000)
    below = learners.Adaline(learning_rate=STEP, epochs=epochs).fit(x, d)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        above = learners.Adaline(learning_rate=TOO_LONG, epochs=500).fit(x, d)
    scaled = learners.Adaline(learning_rate=1 / 12, epochs=1, standardise=True).fit(x, d)

    for text, published, measured, digits in (
        ("bias of the line", 1.285354, best.intercept_, 6),
        ("slope of the line", 0.127792, best.coef_[0], 6),
        ("E at the bottom", 42.6814, bowl.error(best.optimum_[None]), 4),
        ("R²", 0.6893, best.score(x, d), 4),
    ):
        yield Claim(text, published=published, measured=float(measured), within=float(f"1e-{digits}"), digits=digits)
    limit = best.largest_learning_rate_
    yield Claim("largest learning rate, 2/λ of the Hessian", published=4.2329e-5, measured=limit, within=1e-9)
    yield Claim(
        f"distance from the bottom at a rate of 4.2e-5, {epochs:,} steps",
        measured=float(np.linalg.norm(below.path_[-1] - below.optimum_)),
        at_most=1e-6,
    )
    yield Claim(
        "growth of the distance in each step at a rate of 4.3e-5",
        published=round(float(2 * TOO_LONG / limit - 1), 6),
        measured=float(np.divide(*np.linalg.norm(above.path_[[-1, -2]] - above.optimum_, axis=1))),
        within=1e-6,
        source="|1 − ελ| with the largest eigenvalue λ",
        digits=6,
    )
    yield Claim(
        "the Hessian of the standardised problem is 12 times the identity",
        measured=bool(np.allclose(scaled.hessian_, 12 * np.eye(2), rtol=0, atol=1e-12)),
        exact=True,
    )
    yield Claim(
        "one step of 1/12 then ends in the minimum",
        measured=bool(np.allclose(scaled.path_[1], scaled.optimum_, rtol=1e-13, atol=0)),
        exact=True,
    )
    yield Figure(
        line(best, x, d), "The least squares line through twelve oaks; orange, what it leaves unexplained.", name="oaks"
    )
    yield Figure(
        bowls(below, scaled),
        "Contours of E over bias and slope. Left, ages in years: the steps leap across a narrow valley, settle on its "
        "floor, and creep along it for tens of thousands of steps (numbers). Right, ages standardised: the bowl is "
        "round, and one step of 1/12 ends at the bottom.",
        name="bowls",
    )
    yield Figure(
        errors(bowl, below, above, bowl.error(best.optimum_[None])),
        "How far E is above its minimum, just below and just above the largest learning rate.",
        name="steps",
    )
    yield Note(
        f"At 4.2e-5 the slow direction shrinks by 1 − {STEP * np.linalg.eigvalsh(best.hessian_)[0]:.1e} a step: "
        "some ten thousand steps for each factor of three. That is the price of inputs that are not centred."
    )


def line(best, x, d):
    labels = ("age (years)", "diameter at breast height (inches)")
    return learners.picture(best, x, d, labels=labels, title="Oaks in Wisconsin")


def bowls(below, scaled):
    figure, axes = draw.new(1, 2, width=10, height=4.6)
    with draw.style():
        ax, best = axes[0], below.optimum_
        contours(ax, below, (-0.9, 3.1), (-0.09, 0.33))
        ax.plot(*below.path_[:61].T, "-", color=draw.PALETTE[1], linewidth=0.9, label="steps 0 to 60")
        late = [n for n in (1_000, 3_000, 10_000, 20_000, 40_000) if n < len(below.path_)]
        ax.plot(*below.path_[300:].T, color=draw.PALETTE[4], linewidth=1.6, label="steps 300 to the end")
        ax.plot(*below.path_[late].T, "o", color=draw.PALETTE[4], markersize=5)
        for n, rise in zip(late[:3], (9, -16, 9)):
            place = {"textcoords": "offset points", "ha": "center", "fontsize": 9, "color": draw.INK}
            ax.annotate(f"{n:,}", below.path_[n], (0, rise), **place)
        ax.plot(*best, "*", color=draw.PALETTE[0], markersize=14, zorder=4, label="minimum", linestyle="none")
        ax.set(title="ages in years, rate 4.2e-5", xlabel="bias $w_0$ (inches)", ylabel="slope $w_1$ (inches/year)")
        ax, best = axes[1], scaled.optimum_
        contours(ax, scaled, (-2.0, 13.0), (-3.0, 11.0))
        ax.plot(*scaled.path_.T, "-o", color=draw.PALETTE[1], markersize=4, label="one step")
        ax.plot(*best, "*", color=draw.PALETTE[0], markersize=14, zorder=4, label="minimum", linestyle="none")
        ax.set(title="ages standardised, rate 1/12", xlabel="bias $w_0$ (inches)", xticks=range(-2, 14, 2))
        ax.set(ylabel="slope $w_1$ (inches/standard deviation)", aspect="equal")
        for ax in axes:
            ax.legend(loc="upper right", frameon=True, facecolor=draw.PAPER, edgecolor=draw.GRID, framealpha=1)
    return figure


def contours(ax: Any, fit: Any, across: Any, up: Any) -> None:
    """Contours of the squared error, spaced evenly in its root."""
    a, b = np.linspace(across[0], across[1], 120), np.linspace(up[0], up[1], 120)
    offset = np.stack(np.meshgrid(a, b), -1) - fit.optimum_
    height = 0.5 * np.einsum("...i,ij,...j", offset, fit.hessian_, offset)
    ax.contour(a, b, height, levels=height.max() * np.linspace(0, 1, 14)[1:] ** 2, cmap=draw.SEQUENTIAL, linewidths=0.9)
    ax.set(xlim=across, ylim=up)


def errors(bowl, below, above, least):
    figure, ax = draw.new(width=7, height=4)
    with draw.style():
        for fit, color, label in ((below, draw.PALETTE[0], "4.2e-5"), (above, draw.PALETTE[1], "4.3e-5")):
            values = [bowl.error(w[None]) - least for w in fit.path_[:401]]
            ax.plot(np.arange(len(values)), values, color=color, label=f"learning rate {label}")
        ax.set(xlabel="step", ylabel="E above its minimum (inches²)", yscale="log", xlim=(0, 400))
        ax.legend(loc="upper left")
    return figure
