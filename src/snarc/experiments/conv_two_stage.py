"""A network with two stages of convolution that does not learn at all, until the optimiser changes."""

from typing import Any

import numpy as np

import snarc
from snarc import draw
from snarc.experiments import Claim, Figure, Note, Table, experiment, fit
from snarc.experiments.frame import axes

LECTURE = "F. Marquardt, Machine Learning for Physicists, lecture on convolutional networks"
RATES = (0.01, 0.05, 0.1, 0.2, 0.5, 1.0)
MADE_OF = (("relu", "max"), ("tanh", "average"), ("logistic", "average"))
SGD, ADAM = draw.PALETTE[1], draw.PALETTE[0]


@experiment(
    "conv-two-stage",
    rows=("C10",),
    question="Why does a network with two stages of convolution not learn at all, and then learn well?",
    source=LECTURE,
    seconds=(8, 60, 300),
    replicas=(1, 1, 3),
    needs=("mnist",),
)
def conv_two_stage(budget):
    """Convolution with 8 maps of 5 x 5, mean over 2 x 2, the same again, and ten outputs.

    First by plain descent at a rate of 1.0, which served the network with one stage; then the same network by Adam.
    The lecture gives no sizes for this one; 8 maps a stage and rectified units are ours, maps that keep their size
    and pooling by the mean are those of its network with one stage, the start is that of the library it used.
    """
    mnist = snarc.load(
        "mnist", train=budget(1_000, 45_000, 45_000), validation=budget(500, 5_000, 5_000), test=budget(500, None, None)
    )
    common = {"batch_size": 100, "standardise": False, "replicas": budget.replicas}
    epochs = budget(smoke=2, quick=6, full=8)
    plain = fit(two_stages, mnist, epochs=epochs, optimizer="sgd", learning_rate=1.0, **common)
    adam = fit(two_stages, mnist, epochs=epochs, optimizer="adam", learning_rate=1e-3, **common)

    yield Claim(
        "test error, descent at a rate of 1.0",
        published=90,
        measured=100 * plain.test.error,
        between=(88, 91),
        passing=(1, 1),
        note="Each of the networks, not their mean.",
        unit="%",
    )
    yield Claim(
        "networks that give every test digit the same answer",
        measured=sum(len(set(one.argmax(axis=1))) == 1 for one in plain.test.logits),
        at_least=budget.replicas,
        note=f"Out of {budget.replicas}; so the error is that of naming one digit always.",
    )
    yield Claim(
        "hidden units of the second stage that any test digit excites, descent",
        measured=100 * max(excited(plain)),
        at_most=0,
        unit="%",
    )
    yield Claim("test error, same network by Adam", measured=100 * adam.test.error, at_most=2.5, unit="%")
    yield Figure(
        curves(plain, adam),
        "The same network, the same digits in the same order. Dashed: naming one digit always.",
        name="learning",
    )

    once = {**common, "epochs": 1, "optimizer": "sgd", "replicas": min(budget.replicas, budget(1, 1, 2))}
    tried = {rate: fit(two_stages, mnist, learning_rate=rate, **once) for rate in rates(budget)}
    yield Figure(
        cliff(tried, adam),
        "Plain descent learns too, one pass at each rate, as long as the rate stays below the cliff.",
        name="rates",
    )
    others = []
    for activation, pooling in budget(MADE_OF[:1], MADE_OF[-1:], MADE_OF):
        made_of = {"activation": activation, "pooling": pooling}
        run = fit(two_stages, mnist, learning_rate=1.0, model_options=made_of, **once)
        failed = sum(error > 0.85 for error in run.test.error.values)
        others.append([activation, pooling, 100 * run.test.error, f"{failed} of {len(run.networks)}"])
    yield Table(
        ["hidden units", "pooling", "test error (%)", "networks that learnt nothing"],
        others,
        "One pass by plain descent at a rate of 1.0: what else the network could have been made of.",
    )
    yield Note(
        "At a rate of 1.0 the steps push the weights and biases of the rectified units so far down that no digit "
        "excites any of them. Then no gradient comes through, the outputs are constants, and the network names the "
        "same digit for ever. Adam's steps are about as long as its rate, whatever the gradient, so nothing is thrown "
        "that far."
    )
    yield Note(
        "What we tried before: without padding, or started as He does, one or two networks in five escaped and learnt, "
        "so the failure is that of a rate near a cliff and not of two stages as such. Adam needed about six passes to "
        "come below 2.5 %; after four it was near 3 %. Padding, start and the eight passes of the full budget were "
        "chosen after these trials."
    )


def two_stages(*, inputs, outputs, rngs, activation="relu", pooling="average"):
    """Two stages of 8 maps, started as Keras starts them: Glorot's uniform weights, no bias."""
    from flax import nnx

    from snarc.models.convnet import ConvNet

    net: Any = ConvNet(
        inputs=inputs, outputs=outputs, rngs=rngs, maps="8-8", dense="", window=5, pool="2", padding="SAME",
        activation=activation, pooling=pooling, dropout=0,
    )  # fmt: skip
    glorot = nnx.initializers.glorot_uniform()
    for layer in (*net.convolutions, net.output):
        layer.kernel[...] = glorot(rngs.params(), layer.kernel.shape)
    return net


def rates(budget):
    return budget(smoke=RATES[-2:-1], quick=RATES[2::3], full=RATES)


def excited(run, count=1_000):
    """For each replica, the share of units before the second pooling that any of the first test digits excites."""
    images = run.dataset.test.inputs[:count]
    seen = [run.subject(k).activations(images)["body.convolutions.1"] for k in range(len(run.networks))]
    return [float(np.mean(np.asarray(one).max(axis=0) > 0)) for one in seen]


def curves(plain, adam):
    figure, ax = draw.new(width=6.8, height=4.0)
    for run, color, label in ((plain, SGD, "descent, rate 1.0"), (adam, ADAM, "Adam, rate 0.001")):
        error = 100 * (1 - run.history["validation_accuracy"])
        axes.replicas(ax, range(1, error.shape[1] + 1), error, color=color, label=label, marker="o", markersize=4)
    ax.axhline(90, color=draw.MUTED, linewidth=0.9, linestyle=(0, (4, 3)))
    ax.set(ylabel="validation error (%)", title="The same network, two optimisers")
    axes.epochs(ax)
    axes.one_two_five(ax.yaxis)
    ax.legend(loc="center right")
    return figure


def cliff(tried, adam):
    figure, ax = draw.new(width=6.8, height=4.0)
    at = np.array(list(tried))
    error = 100 * np.array([run.test.error.values for run in tried.values()])
    ax.plot(at, np.median(error, axis=1), color=SGD, linewidth=2.2, label="descent, median")
    for k, one in enumerate(error.T):
        ax.plot(at, one, "o", color=SGD, markersize=5, alpha=0.5, label="descent, each network" if k == 0 else None)
    first = 100 * (1 - adam.history["validation_accuracy"][:, 0].mean())
    ax.axhline(first, color=ADAM, linewidth=1.6, label="Adam after its first pass (validation)")
    ax.set(xlabel="learning rate of plain descent", ylabel="test error after one pass (%)", title="The cliff")
    axes.one_two_five(ax.xaxis)
    axes.one_two_five(ax.yaxis)
    ax.legend(loc="upper left")
    return figure
