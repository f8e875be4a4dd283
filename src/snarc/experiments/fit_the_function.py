"""Noisy examples of a function: does a network fit the function, or the noise, and what is its error made of?"""

import numpy as np

from snarc import draw, keys
from snarc.data import Dataset, Split, Task
from snarc.experiments import Claim, Figure, Note, Table, experiment, fit
from snarc.reading import Estimate

NOISE = 0.4
LEARNT, WATCHED = 20, 40
TASK = Task("regression", targets=("d",))
GRID = np.linspace(-1, 1, 401)
STOPPED, ON = draw.PALETTE[0], draw.PALETTE[1]


def g(x):
    return np.sin(np.pi * x)


@experiment(
    "fit-the-function",
    rows=("R12",),
    question="When is a network closer to the function g than to the noisy examples d = g(x) + Θ that it learns?",
    source="T. Brázdil, Neural networks, lecture; S. Geman, E. Bienenstock, R. Doursat, Neural Computation 4 (1992) 1",
    seconds=(4, 25, 210),
    replicas=(2, 8, 40),
)
def fit_the_function(budget):
    """g(x) = sin πx on [−1, 1] with normal noise Θ of standard deviation 0.4; 1-30-30-1 with tanh units.

    Each replica is another sample: 20 examples to learn from and 40 to watch. Adam in batches of 10, a rate of 0.01;
    stopped where the error on the watched examples is smallest, and, for comparison, after 600 passes.
    """
    epochs = budget(10, 600, 600)
    samples = [sample(k) for k in range(budget.replicas)]
    runs = {rule: [learn(k, data, epochs, rule) for k, data in enumerate(samples)] for rule in ("best", "last")}
    curves = {rule: np.array([outputs(run, GRID) for run in found]) for rule, found in runs.items()}
    errors = {rule: [errors_of(run) for run in found] for rule, found in runs.items()}
    splits = {rule: split(found) for rule, found in curves.items()}

    yield Claim(
        "stopped: squared error to d minus squared error to g, on the examples learnt",
        measured=Estimate.over([to_d - to_g for to_g, to_d in errors["best"]]),
        at_least=0,
        note="The network is closer to the function, which it never saw, than to what it was shown.",
    )
    yield Claim(
        "how much of that is gone after the last pass",
        measured=Estimate.over(
            [(d - g) - (later_d - later_g) for (g, d), (later_g, later_d) in zip(errors["best"], errors["last"])]
        ),
        at_least=0,
        note="Sample by sample: what is learnt after the stop is noise.",
    )
    for rule, text in (("best", "stopped"), ("last", "after the last pass")):
        fresh = new_error(curves[rule])
        total = NOISE**2 + sum(splits[rule])
        yield Claim(
            f"noise + bias² + variance over the error on new examples, {text}",
            published=1.0,
            measured=total / fresh,
            within=0.02,
            digits=4,
            note=f"{NOISE**2:.3f} + {splits[rule][0]:.4f} + {splits[rule][1]:.4f} against {fresh:.4f} on 40,100 new "
            "examples with noise of their own.",
            source="E(d − f)² = σ² + (Ef − g)² + E(f − Ef)²",
        )
    yield Claim(
        "variance after the last pass over variance when stopped",
        measured=splits["last"][1] / splits["best"][1],
        at_least=1,
        note="Learning on costs variance: every sample's noise is another.",
    )
    yield Figure(
        fits(curves, samples[0]),
        "Thin: the networks of all samples. Thick: their mean; its distance from g (black) is the bias, the spread of "
        "the thin ones the variance. Dots: the first sample.",
        name="fits",
    )
    yield Figure(
        by_length(samples, errors["last"], epochs, budget),
        "Squared errors on the examples learnt by how long was learnt, means over the samples: to the noisy values, "
        "which only falls, and to the function behind them, which falls and rises. Where they meet, the network "
        "begins to know the noise better than the function.",
        name="passes",
    )
    yield Table(
        ["", "bias²", "variance", "noise", "sum", "error to g on the examples", "error to d on the examples"],
        [
            [
                text, *splits[rule], NOISE**2, NOISE**2 + sum(splits[rule]),
                Estimate.over([e[0] for e in errors[rule]]), Estimate.over([e[1] for e in errors[rule]]),
            ]
            for rule, text in (("best", "stopped"), ("last", "last pass"))
        ],
        f"Squared, over {len(samples)} samples; bias and variance on 401 places between −1 and 1.",
    )  # fmt: skip
    yield Note(
        "Tried before: 40 examples and one hidden layer of 40 units, which after 600 passes were still closer to g "
        "than to d (0.034 against 0.143), so that nothing was left to be stopped. Fewer examples and a second hidden "
        "layer were chosen after that."
    )
    yield Note(
        "That the split sums up is an identity; what can fail is that the sums over finitely many networks and new "
        "examples come within 2 %, or that noise leaks from training into test. The bias includes what early stopping "
        "leaves unlearnt. Function, noise and network are ours: the lecture gives the equation d = g(x) + Θ alone."
    )


def sample(k):
    rng = keys.generator(k, "fit-the-function")
    x = rng.uniform(-1, 1, (LEARNT + WATCHED, 1))
    whole = Split(x.astype(np.float32), (g(x) + NOISE * rng.normal(size=x.shape)).astype(np.float32))
    none = whole.take(slice(0, 0))
    return Dataset("noisy", TASK, whole.take(slice(0, LEARNT)), whole.take(slice(LEARNT, None)), none)


def learn(k, data, epochs, keep="last"):
    return fit(
        "1-30:tanh-30:tanh-1", data, seed=k, optimizer="adam", learning_rate=0.01, schedule="constant", batch_size=10,
        epochs=epochs, keep=keep,
    )  # fmt: skip


def outputs(run, x):
    return run.logits(np.asarray(x, np.float32).reshape(-1, 1))[0, :, 0].astype(np.float64)


def errors_of(run):
    """Mean squared distance of the network from g and from d, on the examples it learnt."""
    train = run.dataset.train
    found = outputs(run, train.inputs)
    return np.mean((found - g(train.inputs[:, 0])) ** 2), np.mean((found - train.targets[:, 0]) ** 2)


def split(curves):
    """Squared bias and variance over the samples, means over the places."""
    return float(((curves.mean(axis=0) - g(GRID)) ** 2).mean()), float(curves.var(axis=0).mean())


def new_error(curves):
    """Mean squared error of all networks on 100 fresh noisy examples at every place."""
    noise = NOISE * keys.generator(0, "fit-the-function", "new").normal(size=(100, 1, len(GRID)))
    return float(np.mean((curves - (g(GRID) + noise)) ** 2))


def fits(curves, first):
    figure, both = draw.new(1, 2, width=9, height=3.8, sharey=True)
    for ax, found, color, title in zip(both, curves.values(), (STOPPED, ON), ("stopped", "after the last pass")):
        ax.plot(GRID, found.T, color=color, linewidth=0.6, alpha=0.35)
        ax.plot(first.train.inputs, first.train.targets, "o", color=draw.MUTED, markersize=3.5, linestyle="none")
        ax.plot(GRID, g(GRID), color=draw.INK, linewidth=1.6, label="g")
        ax.plot(GRID, found.mean(axis=0), color=color, linewidth=2.6, label="mean of the networks")
        ax.set(title=title, xlabel="x", ylim=(-2.1, 2.1))
        ax.legend(loc="upper left")
    both[0].set_ylabel("output")
    return figure


def by_length(samples, last, epochs, budget):
    lengths = budget((1, 3), (1, 3, 10, 30, 100, 200), (1, 3, 10, 30, 100, 200, 400))
    chosen = list(enumerate(samples))[: budget(1, 4, 12)]
    found = np.array([[*(errors_of(learn(k, data, n)) for n in lengths), last[k]] for k, data in chosen])
    lengths = [*lengths, epochs]
    figure, ax = draw.new(width=6.4, height=3.9)
    for column, color, label in ((0, draw.PALETTE[2], "to the function g"), (1, ON, "to the noisy values d")):
        ax.plot(lengths, found[..., column].T, color=color, linewidth=0.6, alpha=0.35)
        ax.plot(lengths, found[..., column].mean(axis=0), "-o", color=color, linewidth=2.2, markersize=4, label=label)
    ax.axhline(NOISE**2, color=draw.MUTED, linewidth=1, linestyle=":")
    ax.annotate(
        "noise", (lengths[-1], NOISE**2), (0, 4), textcoords="offset points", ha="right", fontsize=9, color=draw.INK
    )
    ax.set(xscale="log", yscale="log", xlabel="passes over the examples", ylabel="mean squared error")
    ax.set_xticks(lengths, [f"{n:,}" for n in lengths])
    ax.minorticks_off()
    draw.plain_log(ax.yaxis)
    ax.legend(loc="lower left")
    return figure
