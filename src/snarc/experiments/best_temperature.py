"""One number put right by validation examples: the temperature, found by Newton's method and by trying all."""

from typing import Any

import numpy as np

import snarc
from snarc import draw
from snarc.experiments import Claim, Figure, Note, Table, experiment, fit
from snarc.experiments.frame.spread import difference
from snarc.reading import Estimate

TRAIN, KNOWN, JUDGED = draw.PALETTE[7], draw.PALETTE[1], draw.PALETTE[0]


@experiment(
    "best-temperature",
    rows=("Q5",),
    question="Is the temperature that Newton's method finds the best of all, and is there only one best?",
    source="Guo, Pleiss, Sun, Weinberger, ICML 2017; the softmax with temperature p(X, T)",
    seconds=(3, 15, 45),
    replicas=(1, 2, 5),
    needs=("mnist",),
)
def best_temperature(budget):
    """784-300-10 on 5,000 digits of MNIST until it knows them by heart; 5,000 others choose the temperature.

    The loss of softmax(z/T) is compared over grids of temperatures, the last of which are a ten-thousandth apart.
    """
    from snarc.trust.scaling import scaling, temperature

    mnist = snarc.load(
        "mnist", train=budget(500, 5_000, 5_000), validation=budget(500, 5_000, 5_000), test=budget(500, None, None)
    )
    run = fit("784-300-10", mnist, epochs=budget(smoke=5, quick=30, full=30), replicas=budget.replicas)
    known, labels = run.evaluate("validation").logits.astype(np.float64), mnist.validation.targets
    found = np.array([temperature(z, labels) for z in known])
    grid = np.array([best_of_grid(z, labels) for z in known])
    inverse = np.linspace(0.02, 2.5, budget(40, 100, 100))
    bends = [np.diff([nll(b * z, labels) for b in inverse], 2).min() for z in known]
    scaled: Any = scaling(run).numbers

    yield Claim(
        "largest |Newton's temperature − best of the grid|",
        measured=float(np.abs(found - grid).max()),
        at_most=1e-3,
        note="The best of a grid of steps of 0.02 from 0.2 to 6, then of 0.001 and of 0.0001 around the best so far.",
    )
    yield Claim(
        "largest slope of the loss at Newton's temperature",
        measured=float(max(abs(slope(z, labels, 1 / t)) for z, t in zip(known, found))),
        at_most=1e-10,
        unit="nats",
        note="By 1/T: the mean over examples of E[z] − z of the right class.",
    )
    yield Claim(
        "the loss is convex in 1/T",
        measured=bool(min(bends) > 0),
        exact=True,
        note=f"Every second difference over {len(inverse)} values from 0.02 to 2.5 is positive. The second derivative "
        "is the mean variance of the logits under softmax(z/T).",
    )
    yield Claim(
        "test loss saved by the temperature of the validation digits",
        measured=difference(scaled["nll_before"], scaled["nll_after"]),
        at_least=0,
        unit="nats",
    )
    yield Claim(
        "test answers that it changes",
        published=0,
        measured=round(sum(scaled["changed"].values) * len(mnist.test)),
        exact=True,
    )
    yield Figure(
        curves(run, known, found),
        "Loss of the digits it learnt from, of those that choose the temperature and of those that judge, for the "
        "first network: against T, and against 1/T, where it is convex. Dots: where Newton's method ends.",
        name="loss",
    )
    yield Table(
        ["", "T = 1", "best T"],
        [
            ["temperature", 1, Estimate.over(found)],
            ["test loss (nats)", scaled["nll_before"], scaled["nll_after"]],
            ["expected calibration error (points)", 100 * scaled["ece_before"], 100 * scaled["ece_after"]],
            ["test error (%)", *(error(scaled[f"accuracy_{when}"]) for when in ("before", "after"))],
        ],
        "Means and standard errors over the replicas.",
    )
    yield Note(
        "The digits it learnt from want a temperature near 0: by them it is never sure enough. That is why others have "
        "to choose it."
    )


def error(accuracy):
    return Estimate.over([100 * (1 - value) for value in accuracy.values])


def nll(z, labels):
    top = z.max(axis=1)
    return float((top + np.log(np.exp(z - top[:, None]).sum(axis=1)) - z[np.arange(len(z)), labels]).mean())


def slope(z, labels, inverse):
    """The derivative of the loss by the inverse temperature."""
    p = np.exp(inverse * (z - z.max(axis=1, keepdims=True)))
    p /= p.sum(axis=1, keepdims=True)
    return ((p * z).sum(axis=1) - z[np.arange(len(z)), labels]).mean()


def best_of_grid(z, labels):
    """The best temperature of a coarse grid that knows nothing, then of a fine one around its best."""
    coarse = np.arange(0.2, 6, 0.02)
    first = coarse[np.argmin([nll(z / t, labels) for t in coarse])]
    middle = first + np.arange(-30, 31) * 1e-3
    second = middle[np.argmin([nll(z / t, labels) for t in middle])]
    fine = second + np.arange(-15, 16) * 1e-4
    return fine[np.argmin([nll(z / t, labels) for t in fine])]


def curves(run, known, found):
    figure, (left, right) = draw.new(1, 2, width=8.6, height=3.8, sharey=True)
    ts = np.geomspace(0.25, 6, 60)
    sets = (
        ("learnt from", run.evaluate("train").logits[0], run.dataset.train.targets, TRAIN),
        ("choose the temperature", known[0], run.dataset.validation.targets, KNOWN),
        ("judge", run.test.logits[0], run.dataset.test.targets, JUDGED),
    )
    best = nll(known[0] / found[0], run.dataset.validation.targets)
    for name, z, labels, color in sets:
        values = [nll(z.astype(np.float64) / t, labels) for t in ts]
        for ax, x in ((left, ts), (right, 1 / ts)):
            ax.plot(x, values, color=color, label=name)
    for ax, x in ((left, found[0]), (right, 1 / found[0])):
        ax.plot([x], [best], "o", color=KNOWN, markersize=8, markeredgecolor=draw.PAPER, zorder=5)
        ax.axvline(1, color=draw.MUTED, linestyle=(0, (4, 3)), linewidth=1)
    left.annotate(
        f"T = {found[0]:.2f}",
        (found[0], best),
        xytext=(0, 14),
        textcoords="offset points",
        fontsize=9,
        ha="center",
        color=draw.INK,
    )
    left.set(xlabel="temperature T (dashed: 1)", ylabel="loss (nats)", xlim=(0, 6))
    left.set_ylim(0, 2.6 * best)
    right.set(xlabel="1 / T", xlim=(0, 4))
    right.legend(loc="lower right", bbox_to_anchor=(1.0, 0.05))
    return figure
