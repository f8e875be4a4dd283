"""A perceptron makes at most (R / gamma)^2 mistakes, on any separable examples, in any order."""

import numpy as np

from snarc import draw, keys, learners
from snarc.experiments import Claim, Figure, experiment


@experiment(
    "perceptron-mistake-bound",
    rows=("S1",),
    question="How many mistakes does a perceptron make before it makes no more?",
    source="A. Novikoff, Symp. Math. Theory of Automata 12 (1962) 615",
    seconds=(2, 8, 8),
)
def perceptron_mistake_bound(budget):
    """Random examples of two classes that a hyperplane separates; R is the longest input, gamma the widest margin."""
    sets = budget(smoke=100, quick=1000, full=1000)
    mistakes, bounds, gammas = np.array([trial(seed) for seed in range(sets)]).T
    yield Claim(
        f"sets out of {sets:,} on which the mistakes stay within (R/γ)²",
        published=sets,
        measured=int(np.sum(mistakes <= bounds)),
        exact=True,
        note="The margin γ of each set is the widest there is, found by quadratic programming.",
    )
    orthogonal = orthogonal_set(9)
    yield Claim(
        "mistakes on nine orthogonal examples, where (R/γ)² = 9",
        published=9,
        measured=orthogonal.mistakes_,
        exact=True,
        note="The bound cannot be improved: here it is reached.",
    )
    yield Claim(
        "largest share of the bound that any random set used", measured=float((mistakes / bounds).max()), at_most=1.0
    )
    yield Figure(
        frames(),
        "Each frame is one correction. A ringed example is on the wrong side: a positive one is added to the weight "
        "vector (arrow), a negative one taken off, and the line turns with it.",
        name="rotating-line",
    )
    yield Figure(
        against_bound(mistakes, bounds, gammas / gammas.max()),
        f"Mistakes until the end on {sets:,} random sets, against Novikoff's bound. No point lies above the line.",
        name="mistakes-and-bound",
    )


def trial(seed):
    """Mistakes, bound and gamma / R of one random set, in cyclic or random order."""
    rng = keys.generator(seed, "mistake-bound")
    n, features = rng.integers(5, 80), rng.integers(1, 12)
    x, w = rng.normal(size=(n, features)), rng.normal(size=features + 1)
    field = w[0] + x @ w[1:]
    keep = np.abs(field) > 0.3 * rng.random() * np.linalg.norm(w)
    t = np.where(field > 0, 1, -1)
    x, t = x[keep], t[keep]
    if len(set(t.tolist())) < 2:
        x, t = np.vstack([w[1:], -w[1:]]), np.array([1, -1])
    neuron = learners.Perceptron(order=("cyclic", "random")[seed % 2], epochs=10**6, random_state=seed).fit(x, t)
    margin = neuron.margin(x, t)
    return neuron.mistakes_, margin.mistake_bound, margin.gamma / margin.radius


def orthogonal_set(p):
    return learners.Perceptron(bias=False).fit(np.eye(p), np.where(np.arange(p) % 2, -1, 1))


def frames():
    rng = keys.generator(12, "rotating-line")
    x = rng.uniform(-1, 1, size=(24, 2))
    x = x[np.abs(x @ [0.8, -0.6]) > 0.06]
    t = np.where(x @ [0.8, -0.6] > 0, 1, -1)
    neuron = learners.Perceptron(bias=False, record="mistake").fit(x, t)
    steps = np.unique(np.linspace(1, len(neuron.path_) - 1, 6).round().astype(int))
    figure, axes = draw.new(2, 3, width=9, height=6.4, sharex=True, sharey=True)
    with draw.style():
        for ax, step in zip(axes.flat, steps.tolist()):
            w = neuron.path_[step][1:]
            line(ax, w)
            wrong = t * (x @ w) <= 0
            for label, color, mark in ((1, draw.PALETTE[0], "s"), (-1, draw.PALETTE[2], "o")):
                ax.scatter(
                    *x[t == label].T, s=36, marker=mark, color=color, edgecolor=draw.PAPER, linewidth=0.7, zorder=3
                )
            ax.scatter(*x[wrong].T, s=130, facecolor="none", edgecolor=draw.INK, linewidth=1.4, zorder=4)
            ax.set_title(f"after {step} correction{'s' * (step > 1)}: {wrong.sum() or 'none'} wrong")
            ax.set(xlim=(-1.15, 1.15), ylim=(-1.15, 1.15), aspect="equal")
        for ax in axes[1]:
            ax.set_xlabel("$x_1$")
        for ax in axes[:, 0]:
            ax.set_ylabel("$x_2$")
    return figure


def line(ax, w):
    unit = w / np.linalg.norm(w)
    along = np.array([-unit[1], unit[0]])
    ends = np.outer([-3, 3], along)
    ax.fill(*np.vstack([ends, ends[::-1] + 6 * unit]).T, color=draw.PALETTE[0], alpha=0.08, linewidth=0)
    ax.plot(*ends.T, color=draw.PALETTE[1], linewidth=2.5)
    arrow = {"arrowstyle": "-|>", "color": draw.PALETTE[1], "linewidth": 2, "shrinkA": 0, "shrinkB": 0}
    ax.annotate("", 0.55 * unit, (0, 0), arrowprops=arrow, zorder=5)


def against_bound(mistakes, bounds, gammas):
    figure, ax = draw.new(width=6.6, height=4.8)
    with draw.style():
        top = 2 * bounds.max()
        ax.plot([1, top], [1, top], color=draw.PALETTE[1], label="mistakes = (R/γ)²")
        points = ax.scatter(
            bounds, np.maximum(mistakes, 0.8), s=14, c=np.log10(gammas), cmap=draw.SEQUENTIAL, linewidth=0
        )
        ax.set(xscale="log", yscale="log", xlim=(1, top), ylim=(0.7, 1000), xlabel="bound (R/γ)²", ylabel="mistakes")
        bar = figure.colorbar(points, ax=ax, label="margin γ/R, relative to the widest")
        bar.ax.yaxis.set_major_formatter(lambda v, _: f"{10**v:.2g}")
        ax.legend(loc="upper left")
    return figure
