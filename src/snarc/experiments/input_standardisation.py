"""Inputs of mean 0 and variance 1: what they do to the condition number, and to the steps of descent."""

import numpy as np

import snarc
from snarc import draw, keys, learners
from snarc.experiments import Claim, Figure, Note, Table, experiment

SHARE = 0.25  # of the largest learning rate at which descent does not diverge, 2/λ
CLOSE = 1e-6  # how near to the minimum, as a share of the distance at the start


@experiment(
    "input-standardisation",
    rows=("I2",),
    question="By how much does giving inputs mean 0 and variance 1 shorten gradient descent?",
    source="Y. LeCun, L. Bottou, G. Orr, K.-R. Müller, Efficient BackProp (1998); T. Brázdil, Neural networks, lecture",
    seconds=(2, 3, 5),
)
def input_standardisation(budget):
    """A linear neuron with a bias, E(w) = ½ Σ(w·x − d)², all steps over the whole table from weights of 0.

    Raw and standardised inputs each get the same share, a quarter, of their own largest learning rate.
    """
    oaks = snarc.load("oaks").train
    x, d = oaks.inputs.astype(float), oaks.targets[:, 0].astype(float)
    raw, scaled = descent(x, d), descent(standard(x), d)
    yield Claim(
        "condition number of the Hessian, age in years",
        published=16_042,
        measured=raw.condition,
        within=1,
        digits=0,
        source="eigenvalues of the 2 × 2 matrix Σ(1, x)(1, x)ᵀ",
    )
    yield Claim(
        "condition number, standardised",
        published=1.0,
        measured=scaled.condition,
        within=1e-9,
        digits=6,
        source="with one input of mean 0 and variance 1 the Hessian is N times the identity",
    )
    yield Claim(
        "steps to a millionth of the first distance, raw over standardised, divided by the ratio of condition numbers",
        published=1.0,
        measured=raw.steps / scaled.steps / (raw.condition / scaled.condition),
        between=(0.5, 2),
        note=f"{raw.steps:,} steps against {scaled.steps:,}, each at a quarter of its largest rate, 2/λ.",
        source="from each step's factor 1 − ε λ",
    )
    if budget.judged:
        walked = np.linalg.norm(walk(raw, raw.steps))
        yield Claim(
            "the raw steps walked one by one end where the formula says, relative difference",
            measured=abs(walked / raw.distance(raw.steps) - 1),
            at_most=1e-6,
        )
    tables = budget(5, 50, 200)
    worst = [versus(k) for k in range(tables)]
    relative = [gain / ratio for gain, ratio in worst]
    yield Claim(
        f"the same quotient over {tables} tables with six columns of any mean and scale, smallest",
        measured=min(relative),
        at_least=0.5,
    )
    yield Claim(f"the same over {tables} tables, largest", measured=max(relative), at_most=2)
    yield Figure(
        contours(raw, scaled),
        "Contours of E around its minimum, and the first 30 steps from weights of 0. Left, age in years: the steps "
        "sink to the floor of a valley 127 times as long as it is wide, and then hardly move. Right, age "
        "standardised: the same share of the largest rate leads straight to the bottom of a round bowl.",
        name="contours",
    )
    yield Figure(
        both(raw, scaled, worst),
        "Left, distance to the minimum on the oaks: a valley of condition number κ costs about κ times as many steps. "
        "Right, tables with six columns: how many times fewer steps standardising takes, against how many times "
        "smaller it makes κ. Grey: equal; band: within a factor of two.",
        name="steps",
    )
    best = [run.steps_at(2 / (run.values[0] + run.values[-1])) for run in (raw, scaled)]
    yield Table(
        ["learning rate", "steps, raw", "steps, standardised", "ratio"],
        [
            ["a quarter of 2/λ", f"{raw.steps:,}", f"{scaled.steps:,}", raw.steps / scaled.steps],
            ["1/λ, half of it", *(f"{r.steps_at(1 / r.values[-1]):,}" for r in (raw, scaled)), "–"],
            ["the best, 2/(λ + λ')", *(f"{steps:,}" for steps in best), best[0] / best[1]],
        ],
        "Steps on the oaks until the distance is a millionth; λ is the largest eigenvalue, λ' the smallest.",
    )
    yield Note(
        "Why a quarter: with a condition number of 1 and a rate of 1/λ a single step ends in the minimum, and no ratio "
        "of steps is left to be compared. The rule 'steps are proportional to the condition number' is for rates that "
        "leave both problems several steps. At 1/λ or at the best rate standardising wins by more than the ratio."
    )
    yield Note(
        "The price: mean and scale belong to the network from then on and must be stored with it and applied to every "
        "new input, and they cost one pass over the training data. Standardising does not make the columns independent "
        "of each other: what condition number correlated columns leave (right figure) it cannot remove."
    )


class descent:
    """The bowl of a linear neuron in the directions of its eigenvectors, and how many steps it takes."""

    def __init__(self, x, d):
        bowl = learners.Bowl.of(x, d)
        self.values, self.directions = np.linalg.eigh(bowl.hessian)
        self.bowl, self.minimum = bowl, bowl.minimum()[0]
        self.start = self.directions.T @ -self.minimum
        self.condition = float(self.values[-1] / self.values[0])
        self.rate = SHARE * bowl.largest_learning_rate()
        self.steps = self.steps_at(self.rate)

    def distance(self, step, rate=None):
        """|w − minimum| after so many steps from weights of 0: each eigenvector shrinks by 1 − ε λ a step."""
        factors = np.abs(1 - (self.rate if rate is None else rate) * self.values)
        return np.linalg.norm(self.start * factors ** np.asarray(step)[..., None], axis=-1)

    def steps_at(self, rate):
        low, high = 0, 1
        wanted = CLOSE * self.distance(0)
        while self.distance(high, rate) > wanted:
            low, high = high, 2 * high
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (low, middle) if self.distance(middle, rate) <= wanted else (middle, high)
        return high


def walk(of, steps):
    """The distance vector after so many steps of plain descent in weight space, no eigenvectors used."""
    hessian, w = of.bowl.hessian, -of.minimum
    move = np.eye(len(w)) - of.rate * hessian
    for _ in range(steps):
        w = move @ w
    return w


def standard(x):
    return (x - x.mean(axis=0)) / x.std(axis=0)


def versus(k):
    """On a random table: how many times fewer steps, and how many times smaller a condition number."""
    rng = keys.generator(k, "input-standardisation")
    x = rng.normal(size=(200, 6)) + 0.5 * rng.normal(size=(200, 1))
    x = x * 10 ** rng.uniform(-1, 1, 6) + 10 ** rng.uniform(-1, 1.5, 6)
    d = standard(x) @ rng.normal(size=6) + rng.normal(size=200)
    raw, scaled = descent(x, d), descent(standard(x), d)
    return raw.steps / scaled.steps, raw.condition / scaled.condition


def contours(raw, scaled):
    figure, axes = draw.new(1, 2, width=9, height=4.2)
    for ax, run, title in zip(axes, (raw, scaled), ("age in years", "age standardised")):
        path = (
            run.minimum + (run.directions @ (run.start[:, None] * (1 - run.rate * run.values[:, None]) ** range(31))).T
        )
        reach = 1.25 * np.abs(path - run.minimum).max(axis=0)
        reach = np.full(2, reach.max()) if run.condition < 2 else reach
        grid = np.stack(np.meshgrid(*(np.linspace(-r, r, 160) for r in reach)), -1)
        height = 0.5 * np.einsum("...i,ij,...j", grid, run.bowl.hessian, grid)
        levels = height.max() * np.linspace(0, 1, 12)[1:] ** 2
        ax.contour(
            *(np.linspace(m - r, m + r, 160) for m, r in zip(run.minimum, reach)), height, levels=levels,
            cmap=draw.SEQUENTIAL, linewidths=0.8,
        )  # fmt: skip
        ax.plot(*path.T, "-o", color=draw.PALETTE[1], markersize=3.5, linewidth=1.2, label="30 steps from 0")
        ax.plot(*run.minimum, "*", color=draw.PALETTE[0], markersize=13, zorder=4, linestyle="none", label="minimum")
        ax.set(title=f"{title}, κ = {run.condition:,.0f}", xlabel="bias (inches)")
        ax.legend(loc="upper right", frameon=True, facecolor=draw.PAPER, edgecolor=draw.GRID)
    axes[1].set_aspect("equal")
    axes[0].set_ylabel("slope (inches/year)")
    axes[1].set_ylabel("slope (inches/standard deviation)")
    return figure


def both(raw, scaled, worst):
    figure, (left, right) = draw.new(1, 2, width=9, height=3.9)
    for run, color, label in ((raw, draw.PALETTE[1], "age in years"), (scaled, draw.PALETTE[0], "standardised")):
        steps = np.unique(np.geomspace(1, run.steps, 200).astype(int))
        left.plot(steps, run.distance(steps) / run.distance(0), color=color, label=label)
    left.axhline(CLOSE, color=draw.MUTED, linewidth=1, linestyle=":")
    left.set(xscale="log", yscale="log", xlabel="step", ylabel="distance / first distance")
    left.legend(loc="center", bbox_to_anchor=(0.56, 0.42))
    gain, ratio = np.array(worst).T
    span = np.array([min(ratio) / 2, 2 * max(ratio)])
    right.fill_between(span, span / 2, span * 2, color=draw.MUTED, alpha=0.15, linewidth=0)
    right.plot(span, span, color=draw.MUTED, linewidth=1)
    right.plot(ratio, gain, "o", color=draw.PALETTE[2], markersize=4, alpha=0.7)
    right.set(xscale="log", yscale="log", xlabel="condition numbers, raw / standardised", xlim=span)
    right.set_ylabel("steps, raw / standardised")
    return figure
