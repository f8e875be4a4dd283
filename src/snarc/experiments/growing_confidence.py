"""A network that has learnt all of its examples goes on growing surer, and only surer."""

from typing import Any

import numpy as np

import snarc
from snarc import draw
from snarc.experiments import Claim, Figure, Note, experiment, fit
from snarc.experiments._probabilities import probabilities
from snarc.experiments.frame import axes
from snarc.reading import Estimate


@experiment(
    "growing-confidence",
    rows=("Q4",),
    question="What does a network still learn once it makes no mistake on its training examples?",
    source="Soudry, Hoffer, Nacson, Gunasekar, Srebro, JMLR 19 (2018) 70; Guo et al., ICML 2017",
    seconds=(1, 26, 36),
    replicas=(1, 2, 4),
    needs=("mnist",),
)
def growing_confidence(budget):
    """784-100-10 on 1,000 digits of MNIST, plain descent in batches of 100 at a constant rate of 0.1.

    It is looked at after 1, 2, 4, 8, ... passes. The cross-entropy of a right answer is never zero, so that weights and
    logits keep growing.
    """
    mnist = snarc.load("mnist", train=1_000, validation=0, test=budget(1_000, None, None))
    plain = {"optimizer": "sgd", "learning_rate": 0.1, "batch_size": 100, "replicas": budget.replicas}
    looks = 2 ** np.arange(budget(smoke=6, quick=11, full=12))
    run, rows = None, []
    for before, after in zip((0, *looks), looks):
        # Descent without momentum has no memory: stretches one after another are one long training.
        start: dict[str, Any] = {} if run is None else {"start": run}
        run = fit("784-100-10", mnist, epochs=int(after - before), **plain, **start)
        train, test = run.evaluate("train"), run.evaluate("test")
        rows.append((train.error, test.error, train.loss, test.loss, largest(train), largest(test), confidence(test)))
    names = ("train_error", "test_error", "train_nll", "test_nll", "train_logit", "test_logit", "confidence")
    found = {name: np.array([e.values for e in column]).T for name, column in zip(names, zip(*rows))}

    learnt = np.append((found["train_error"] == 0).all(axis=0), True)
    late = slice(int(learnt.argmax()), None)
    yield Claim(
        "training digits misread at the end",
        published=0,
        measured=round(float(found["train_error"][:, -1].sum()) * 1_000),
        at_most=0,
        note="Over all replicas.",
    )
    yield Claim(
        "R² of the mean largest logit against the logarithm of the passes",
        measured=Estimate.over([squared_correlation(np.log(looks[late]), z[late]) for z in found["train_logit"]]),
        at_least=0.95,
        digits=3,
        note="From the first look at which no training digit is misread.",
    )
    best = found["test_nll"].argmin(axis=1)
    each = np.arange(len(best))
    yield Claim(
        "test loss at the end over its least value",
        measured=Estimate.over(found["test_nll"][:, -1] / found["test_nll"][each, best]),
        at_least=1.1,
        note="Mean negative log-likelihood. The bound was set here.",
    )
    yield Claim(
        "test error at the end minus that where the test loss was least",
        measured=Estimate.over(100 * (found["test_error"][:, -1] - found["test_error"][each, best])),
        between=(-2, 0.5),
        unit="points",
        note="It does not rise with the loss, and falls a little if anything. The bound was set here.",
    )
    yield Claim(
        "training loss at the end",
        measured=Estimate.over(found["train_nll"][:, -1]),
        between=(1e-12, 1e-2),
        unit="nats",
        note="Small, and never zero.",
    )
    yield Figure(
        pictures(looks, found, late),
        "Left: loss and error of test digits. Right: the largest output, mean over digits, against the logarithm of "
        "the passes; dotted: a straight line from where all training digits are read rightly.",
        name="growth",
    )
    yield Note(
        "The slope of the loss of a right answer is its missing probability, which falls as e to the minus its margin. "
        "Descent therefore adds less and less to the margin, about in inverse proportion to the passes made: it grows "
        "as their logarithm. Wrong answers to new digits get surer just so, which the loss sees and the error does not."
    )


def largest(seen):
    return Estimate.over(seen.logits.max(axis=-1).mean(axis=-1))


def confidence(seen):
    return Estimate.over(probabilities(seen.logits).max(axis=-1).mean(axis=-1))


def squared_correlation(x, y):
    return float(np.corrcoef(x, y)[0, 1] ** 2) if len(x) > 2 else float("nan")


def pictures(looks, found, late):
    figure, (left, right) = draw.new(1, 2, width=8.6, height=3.8)
    axes.replicas(left, looks, found["test_nll"], color=draw.PALETTE[1], label="test loss (nats)")
    axes.replicas(left, looks, found["test_error"], color=draw.PALETTE[0], label="test error (share)")
    axes.replicas(left, looks, found["train_error"], color=draw.PALETTE[7], label="training error (share)")
    left.set(xlabel="passes over the training digits", ylim=(0, 1.05 * min(1.0, found["test_nll"].max())))
    for name, color, label in (("train_logit", draw.PALETTE[7], "training"), ("test_logit", draw.PALETTE[0], "test")):
        axes.replicas(right, looks, found[name], color=color, label=f"{label} digits", marker="o", markersize=4)
    x, y = np.log(looks[late]), found["train_logit"].mean(axis=0)[late]
    if len(x) > 2:
        a, b = np.polyfit(x, y, 1)
        right.plot(looks[late], a * x + b, ":", color=draw.INK, linewidth=1.6, label="straight line", zorder=5)
    right.set(xlabel="passes over the training digits", ylabel="mean largest output")
    right.set_ylim(0, None)
    for ax, where in ((left, "upper right"), (right, "upper left")):
        ax.set_xscale("log")
        draw.plain_log(ax.xaxis)
        ax.legend(loc=where)
    return figure
