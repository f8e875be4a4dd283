"""Small batches regularise: the same digits, passed over equally often, in batches of 16 to 5,000."""

import numpy as np

import snarc
from snarc import draw
from snarc.experiments import Claim, Figure, Note, Table, experiment, fit
from snarc.experiments.frame import axes
from snarc.reading import Estimate

LECTURE = "Course on neural networks C, on the size of batches; N. S. Keskar et al., ICLR 2017"
# Of three or four rates tried for each batch size, the one with the lowest validation loss (16: that of 0.05 is equal).
RATES = {16: 0.1, 64: 0.1, 256: 0.5, 1_024: 0.5, 5_000: 0.5}
SMALL, LARGE = draw.PALETTE[0], draw.PALETTE[1]


@experiment(
    "small-batches",
    rows=("O3",),
    question="Does a network that learns from small batches generalise better than one that learns from large ones?",
    source=LECTURE,
    seconds=(2, 15, 97),
    replicas=(1, 1, 5),
    needs=("mnist",),
)
def small_batches(budget):
    """784-100-10 on 5,000 digits of MNIST by plain descent, 20 passes whatever the batch size.

    The lecture states the effect without numbers; the setting is ours.  Equal passes give large batches few steps, so
    the largest also gets as many passes as it needs to know all training digits by heart.
    """
    count = budget(500, 5_000, 5_000)
    mnist = snarc.load("mnist", train=count, validation=0, test=budget(500, None, None))
    sizes = budget((16, 5_000), (16, 256, 5_000), tuple(RATES))
    settings = {"optimizer": "sgd", "replicas": budget.replicas}
    epochs = budget(2, 20, 20)
    equal = {
        size: fit(
            "784-100-10", mnist, learning_rate=RATES[size], batch_size=min(size, count), epochs=epochs, **settings
        )
        for size in sizes
    }
    long = budget(5, 400, 400)
    longer = fit("784-100-10", mnist, learning_rate=RATES[5_000], batch_size=count, epochs=long, **settings)
    small, large = equal[16], equal[5_000]

    yield Claim(
        "test error of batches of 5,000 minus that of 16, after equal passes",
        measured=gap(large, small),
        at_least=0.5,
        passing=(4, 5),
        unit="points",
    )
    yield Claim(
        "training error of batches of 5,000 after as many passes as it takes",
        measured=100 * longer.train.error,
        at_most=0.1,
        unit="%",
        note=f"{long} passes, which are {long} steps.",
    )
    yield Claim(
        "test error of batches of 5,000 minus that of 16, both knowing the training digits by heart",
        measured=gap(longer, small),
        at_least=0.5,
        unit="points",
        note="Ours: only this is regularisation; the first claim is also that few steps were made.",
    )
    yield Figure(
        errors(equal, longer, epochs, long),
        "Test and training error against batch size after equal passes; far right the largest batch with more passes.",
        name="batch-size",
    )
    yield Figure(
        course(small, longer), "Training loss over the steps made, in small and in large batches.", name="learning"
    )
    rows = [
        [f"{size:,}", RATES[size], epochs, run.history["steps"][0, -1], 100 * run.train.error, 100 * run.test.error]
        for size, run in equal.items()
    ]
    rows.append(
        ["5,000", RATES[5_000], long, longer.history["steps"][0, -1], 100 * longer.train.error, 100 * longer.test.error]
    )
    yield Table(
        ["batch", "learning rate", "passes", "steps", "training error (%)", "test error (%)"],
        rows,
        "Means and standard errors over the replicas. Each rate is the best of three or four on other digits.",
    )
    yield Note(
        "A small batch's gradient is the true one plus noise that falls with the root of its size. The noise drives "
        "the weights out of narrow minima, in which training digits are known and new ones are not."
    )


def gap(a, b):
    return Estimate.over([100 * (x - y) for x, y in zip(a.test.error.values, b.test.error.values)])


def errors(equal, longer, epochs, long):
    figure, ax = draw.new(width=6.8, height=4.0)
    sizes = np.array(list(equal))
    for name, colour, marker in (("test", LARGE, "o"), ("train", SMALL, "s")):
        values = 100 * np.array([run.evaluate(name).error.values for run in equal.values()])
        label = {"test": "test", "train": "training"}[name]
        ax.plot(
            sizes, values.mean(axis=1), marker + "-", color=colour, label=f"{label}, {epochs} passes", linewidth=2.2
        )
        ax.plot(sizes, values, ".", color=colour, alpha=0.4)
        more = 100 * np.array(longer.evaluate(name).error.values)
        ax.plot([9_000] * len(more), more, ".", color=colour, alpha=0.4)
        ax.plot(9_000, more.mean(), marker, color=colour, markersize=10, markerfacecolor="none", markeredgewidth=2)
    ax.axvline(6_700, color=draw.MUTED, linewidth=0.8)
    ax.set_xscale("log")
    ax.set_xticks([*sizes, 9_000], [f"{s:,}" for s in sizes] + [f"5,000\n{long} passes"])
    ax.minorticks_off()
    ax.set(xlabel="batch size", ylabel="error (%)", title="Equal passes over 5,000 digits")
    ax.legend(loc="upper left")
    return figure


def course(small, longer):
    figure, ax = draw.new(width=6.8, height=3.8)
    for run, colour, label in ((small, SMALL, "batches of 16"), (longer, LARGE, "batches of 5,000")):
        steps = run.history["steps"][0]
        axes.replicas(ax, steps, np.maximum(run.history["loss"], 1e-6), color=colour, label=label)
    axes.one_two_five(ax.xaxis)
    ax.set_yscale("log")
    ax.set(xlabel="steps", ylabel="training loss", title="Both learn the digits by heart")
    ax.legend(loc="lower left")
    return figure
