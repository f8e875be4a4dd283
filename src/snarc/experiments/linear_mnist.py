"""What one layer reads of MNIST: least squares, softmax regression, and the ten images they look for."""

import numpy as np

import snarc
from snarc import draw, learners
from snarc.experiments import Claim, Figure, Note, experiment, fit


@experiment(
    "linear-mnist",
    rows=("S10",),
    question="How many handwritten digits does a network without hidden units misread?",
    source="LeCun, Bottou, Bengio, Haffner, Proc. IEEE 86 (1998) 2278",
    seconds=(10, 30, 40),
    replicas=(1, 1, 3),
    needs=("mnist",),
)
def linear_mnist(budget):
    """784 pixels, ten weighted sums; once as the least squares solution, once with softmax and cross-entropy."""
    mnist = snarc.load("mnist", validation=0, train=budget(2_000, 60_000, 60_000))
    pixels, test = (flat(split) for split in (mnist.train, mnist.test))
    squares = learners.AdalineClassifier("closed").fit(pixels, mnist.train.targets)
    error = 100 * (1 - squares.score(test, mnist.test.targets))
    yield Claim(
        "test error of least squares on 60,000 digits",
        published=13.97,
        measured=error,
        within=0.1,
        unit="%",
        source="our own first computation; the paper has 12.0 % for a linear classifier",
        note="The normal equations; pixels that are always blank get no weight.",
    )
    run = fit(
        "linear", mnist, optimizer="adam", learning_rate=1e-3, schedule="cosine", batch_size=200, standardise=False,
        epochs=budget(2, 12, 25), replicas=budget.replicas,
    )  # fmt: skip
    yield Claim(
        "test error of softmax regression",
        published=12.0,
        measured=100 * run.test.error,
        at_most=7.9,
        unit="%",
        note="Published: linear classifier, no preprocessing, trained on squared error. The loss makes the difference.",
    )
    kernel = next(v for k, v in run.subject().parameters().items() if k.endswith("kernel"))
    yield Figure(
        images(squares.adaline_.coef_, kernel.T, pixels),
        "The ten weight images: ink on red speaks for the digit, ink on blue against it. Above, least squares; below, "
        "softmax regression. Pixels that hardly ever hold ink are left grey.",
        name="weights",
    )
    yield Figure(
        confusion(squares.predict(test), run.test.logits[0].argmax(1), mnist.test.targets),
        "Misread test digits by class: what is red in both is what a line cannot do.",
        name="errors",
    )
    yield Note(
        "Both have the same 7,850 weights. Least squares punishes answers that are too right as much as wrong ones; "
        "cross-entropy does not."
    )


def flat(split):
    return split.inputs.reshape(len(split), -1).astype(np.float64) / 255


def images(least_squares, softmax, pixels):
    seen = (pixels > 0).mean(0) > 0.05
    figure, axes = draw.new(2, 10, width=11, height=2.9)
    with draw.style():
        for row, weights, name in ((0, least_squares, "least squares"), (1, softmax, "softmax")):
            shown = np.where(seen, weights, np.nan)
            reach = np.nanquantile(np.abs(shown), 0.98)
            for digit, ax in enumerate(axes[row]):
                draw.bare(ax).set_facecolor(draw.GRID)
                ax.imshow(shown[digit].reshape(28, 28), cmap=draw.DIVERGING, vmin=-reach, vmax=reach)
                if row == 0:
                    ax.set_title(str(digit), loc="center")
            axes[row, 0].set_ylabel(name)
    return figure


def confusion(first, second, truth):
    figure, axes = draw.new(1, 2, width=9.4, height=4.4)
    with draw.style():
        tables = []
        for answer in (first, second):
            table = np.zeros((10, 10))
            np.add.at(table, (truth, answer), 1)
            table = 100 * table / table.sum(1, keepdims=True)
            np.fill_diagonal(table, np.nan)
            tables.append(table)
        top = np.nanmax(tables)
        for ax, table, name in zip(axes, tables, ("least squares", "softmax regression")):
            shown = ax.imshow(table, cmap="magma_r", vmin=0, vmax=top)
            ax.set(title=name, xlabel="answer", xticks=range(10), yticks=range(10))
            ax.grid(False)
        axes[0].set_ylabel("digit")
        figure.colorbar(shown, ax=axes, label="share of the digit (%)")
    return figure
