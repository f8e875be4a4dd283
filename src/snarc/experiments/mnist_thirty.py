"""Thirty hidden units on MNIST: what they learn, what they misread, and what a tenfold smaller rate changes."""

import numpy as np

import snarc
from snarc import draw
from snarc.experiments import Claim, Figure, Note, Table, experiment, fit
from snarc.experiments.frame import axes
from snarc.experiments.frame.spread import difference
from snarc.reading import Estimate

from ._mistakes import gallery

NOTEBOOK = "F. Marquardt, Machine Learning for Physicists, lecture notebook on MNIST"
FAST, SLOW = draw.PALETTE[1], draw.PALETTE[0]


@experiment(
    "mnist-thirty-units",
    rows=("M11",),
    question="What does a network with thirty hidden units learn of MNIST, and which digits does it misread?",
    source=NOTEBOOK,
    seconds=(5, 15, 45),
    replicas=(1, 1, 5),
    needs=("mnist",),
)
def mnist_thirty(budget):
    """784-30-10 with rectified hidden units and softmax, plain descent in batches of 100.

    45,000 digits to learn from, 5,000 to watch, 10,000 to test; pixels from 0 to 1, as in the lecture.
    """
    mnist = snarc.load(
        "mnist", train=budget(2_000, 45_000, 45_000), validation=budget(500, 5_000, 5_000), test=budget(500, None, None)
    )
    plain = {"optimizer": "sgd", "batch_size": 100, "standardise": False}
    plain |= {"epochs": budget(smoke=2, quick=30, full=30), "replicas": budget.replicas}
    fast = fit("784-30-10", mnist, learning_rate=1.0, **plain)
    slow = fit("784-30-10", mnist, learning_rate=0.1, **plain)

    yield Claim(
        "weights and biases",
        published=784 * 30 + 30 + 30 * 10 + 10,
        measured=snarc.models.summary(fast.networks[0].body).parameters,
        exact=True,
        source="by hand: 784·30 + 30 + 30·10 + 10",
    )
    yield Claim(
        "test error at a learning rate of 1.0",
        published=6.76,
        measured=100 * fast.test.error,
        between=(4.3, 8),
        unit="%",
    )
    yield Claim(
        "validation error minus training error",
        published=2.0,
        measured=100 * difference(fast.validation.error, fast.train.error),
        at_least=0,
        unit="points",
        note="At the end, at a rate of 1.0: the network has learnt peculiarities of its training digits.",
    )
    yield Claim(
        "test error saved by a rate of 0.1",
        measured=100 * difference(fast.test.error, slow.test.error),
        at_least=0,
        unit="points",
        note="Same network, data and order of the digits.",
    )
    yield Figure(
        gallery(fast, rows=4, columns=10, height=4.3),
        "The mistakes of the first network that it is surest of, with its answer and, in brackets, the truth.",
        name="mistakes",
    )
    yield Figure(
        curves(fast, slow),
        "Error during learning at both rates. Thick: mean over the replicas; thin: each of them.",
        name="learning",
    )
    yield Figure(
        hidden(fast, slow),
        "What each hidden unit weighs, red against blue. Units that no training digit excites, and which can learn no "
        "more, are crossed out.",
        name="hidden-units",
    )
    splits = ("train", "validation", "test")
    yield Table(
        ["learning rate", "training error (%)", "validation error (%)", "test error (%)", "silent units of 30"],
        [
            ["1.0, published", 5.8, 7.8, 6.76, "–"],
            ["1.0", *(100 * fast.evaluate(split).error for split in splits), silent(fast)],
            ["0.1", *(100 * slow.evaluate(split).error for split in splits), silent(slow)],
        ],
        "Means and standard errors over the replicas, after the last epoch.",
    )
    yield Note(
        "At a rate of 1.0 the first steps throw some rectified units so far that no digit excites them again: they get "
        "no gradient and stay silent, and the network makes do with the rest. How many are lost depends on the start, "
        "hence the wide spread between replicas. At 0.1 none is lost."
    )


def weights(network):
    first = network.body.layers[0]
    return np.asarray(first.kernel[...]), np.asarray(first.bias[...])


def silent(run):
    """How many hidden units no training digit excites."""
    x = run.dataset.train.inputs.reshape(len(run.dataset.train), -1).astype(np.float32) / 255
    return Estimate.over([np.sum((x @ kernel + bias).max(axis=0) <= 0) for kernel, bias in map(weights, run.networks)])


def curves(fast, slow):
    figure, both = draw.new(1, 2, width=8.4, height=3.7, sharey=True)
    for ax, run, color, rate in ((both[0], fast, FAST, "1.0"), (both[1], slow, SLOW, "0.1")):
        for name, style, label in (("accuracy", "-", "training"), ("validation_accuracy", "--", "validation")):
            error = 100 * (1 - run.history[name])
            axes.replicas(ax, range(1, error.shape[1] + 1), error, color=color, label=label, linestyle=style)
        axes.epochs(ax)
        axes.one_two_five(ax.yaxis)
        ax.set_title(f"learning rate {rate}")
        ax.legend(loc="upper right")
    both[0].set_ylabel("error (%)")
    return figure


def hidden(fast, slow, columns=10):
    figure, both = draw.new(1, 2, width=8.4, height=1.7)
    x = fast.dataset.train.inputs.reshape(len(fast.dataset.train), -1).astype(np.float32) / 255
    for ax, run, rate in ((both[0], fast, "1.0"), (both[1], slow, "0.1")):
        kernel, bias = weights(run.networks[0])
        reach = np.quantile(abs(kernel), 0.995)
        sheet = draw.tiles(kernel.T.reshape(-1, 28, 28), columns)
        draw.bare(ax).imshow(sheet, cmap=draw.DIVERGING, vmin=-reach, vmax=reach)
        ax.set_title(f"learning rate {rate}", fontsize=10)
        for k in np.flatnonzero((x @ kernel + bias).max(axis=0) <= 0):
            top, left = 29 * (k // columns), 29 * (k % columns)
            ax.plot([left, left + 27], [top, top + 27], color=draw.INK, linewidth=1.2)
            ax.plot([left, left + 27], [top + 27, top], color=draw.INK, linewidth=1.2)
    return figure
