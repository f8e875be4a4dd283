"""Fifty rectified layers forget their input, and thirty do not learn, unless the weights start as He says."""

import numpy as np

import snarc
from snarc import draw
from snarc.experiments import Claim, Figure, Note, Table, experiment, fit
from snarc.experiments.frame import axes
from snarc.reading import Estimate

from . import _random_layers as layers

HE = "K. He, X. Zhang, S. Ren, J. Sun, ICCV 2015"
LOOKS = {
    "lecun-normal": (draw.PALETTE[1], "LeCun, 1/n"),
    "glorot-normal": (draw.PALETTE[4], "Glorot, 2/(m+n)"),
    "he-normal": (draw.PALETTE[0], "He, 2/n"),
}


@experiment(
    "he-initialisation",
    rows=("I5",),
    question="Why do thirty rectified layers not learn from Glorot's weights, and learn from He's?",
    source=HE,
    seconds=(4, 15, 60),
    replicas=(1, 1, 5),
    needs=("mnist",),
)
def he_initialisation(budget):
    """50 random layers of 512 rectified units; then 29 hidden layers of 128 units, 1000 steps on digits.

    A rectified unit passes half of the mean square of its weighted sum, so weights of variance 1/n halve it at each
    layer, and weights of variance 2/n keep it.
    """
    width, depth = budget(64, 512, 512), budget(5, 50, 50)
    squares = {
        name: np.array(
            [layers.mean_squares("relu", name, width=width, depth=depth, seed=k) for k in range(budget.replicas)]
        )
        for name in ("lecun-normal", "he-normal")
    }
    ends = {name: Estimate.over(np.log10(found[:, -1]).tolist()) for name, found in squares.items()}
    yield Claim(
        f"mean square after {depth} layers, LeCun's weights, as a power of ten",
        published=float(depth * np.log10(0.5)),
        source="by hand: one half a layer",
        measured=ends["lecun-normal"],
        at_most=-12,
    )
    yield Claim(
        f"mean square after {depth} layers, He's weights, as a power of ten",
        published=0,
        source="by hand",
        measured=ends["he-normal"],
        between=(-1, 1),
    )
    mnist = snarc.load("mnist", train=budget(1_000, 10_000, 10_000), validation=0, test=budget(500, 2_000, 10_000))
    count = budget(4, 30, 30)
    hidden = "-".join(["128"] * (count - 1))
    runs = {
        name: fit(
            "mlp", mnist, optimizer="sgd", learning_rate=0.01, schedule="constant", batch_size=100,
            epochs=budget(2, 10, 10), replicas=budget.replicas, model_options={"hidden": hidden, "initializer": name},
        )
        for name in budget(("he-normal",), ("glorot-normal", "he-normal"), ("glorot-normal", "he-normal"))
    }  # fmt: skip
    if "glorot-normal" in runs:
        yield Claim(
            f"training loss of {count} layers after 1000 steps, Glorot's weights",
            published="does not learn",
            measured=runs["glorot-normal"].train.loss,
            between=(2.29, 2.31),
            note="Naming all ten digits with equal probability costs ln 10 = 2.3026.",
        )
    yield Claim(
        f"training loss of {count} layers after {budget(20, 1000, 1000)} steps, He's weights",
        published="learns",
        measured=runs["he-normal"].train.loss,
        at_most=0.6,
    )
    yield Figure(
        picture(squares, runs, depth),
        "Left: mean square of the activities in random layers; dotted: one half a layer. Right: the loss of a network "
        "of thirty layers while it learns 10,000 digits; dashed: guessing. Thin: each network.",
        name="depth",
    )
    yield Table(
        ["start", "training loss", "test error (%)"],
        [[LOOKS[name][1], run.train.loss, 100 * run.test.error] for name, run in runs.items()],
        "29 hidden layers of 128 rectified units, plain descent at a rate of 0.01 in batches of 100.",
    )
    yield Note(
        "He's figure is of a convolutional network on ImageNet; this one is dense and on digits, with the same thirty "
        "layers. Its rate was chosen after trials: at 0.03 Glorot's weights begin to learn near step 600."
    )


def picture(squares, runs, depth):
    figure, (left, right) = draw.new(1, 2, width=9.2, height=3.7)
    at = np.arange(depth + 1)
    left.plot(at, 0.5**at, color=draw.MUTED, linestyle=":", linewidth=1.4)
    for name, found in squares.items():
        colour, label = LOOKS[name]
        axes.replicas(left, at, found, color=colour, label=label)
    left.set(yscale="log", xlabel="layer", ylabel="mean square of activities", title=f"{depth} random layers")
    left.legend(loc="lower left")
    for name, run in runs.items():
        colour, label = LOOKS[name]
        loss = run.history["loss"]
        each = len(run.dataset.train) // 100
        axes.replicas(right, each * np.arange(1, loss.shape[1] + 1), loss, color=colour, label=label)
    right.axhline(np.log(10), color=draw.MUTED, linewidth=0.9, linestyle=(0, (4, 3)))
    right.set(xlabel="step", ylabel="training loss", title="A network that learns digits", ylim=(0, 2.6))
    right.legend(loc="lower left")
    return figure
