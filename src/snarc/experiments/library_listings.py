"""The networks that four libraries show first, written and trained here."""

import time

import numpy as np

import snarc
from snarc import draw, keys
from snarc.experiments import Claim, Figure, Note, Table, experiment, fit
from snarc.experiments.frame import axes

MNIST = {"standardise": False, "batch_size": 128}
# Library, what its listing builds and how it trains it, in its own words; then the same for `fit`.
LISTINGS = {
    "Keras, Sequential": (
        ("Sequential:", "  Dense(64, tanh)", "  Dropout(0.5)", "  Dense(64, tanh)", "  Dropout(0.5)",
         "  Dense(10, softmax)", "SGD(lr=0.1, decay=1e-6,", "    momentum=0.9, nesterov)"),
        "20-64:tanh-64:tanh-10",
        {"model_options": {"dropout": 0.5}, "optimizer": "nesterov", "learning_rate": 0.1, "momentum": 0.9,
         "schedule": "power", "schedule_time": 1e5, "batch_size": 100, "epochs": 20, "standardise": False},
    ),
    "Keras, functional": (
        ("x = Input(784)", "h = Dense(64, relu)(x)", "h = Dense(64, relu)(h)", "y = Dense(10, softmax)(h)", "rmsprop"),
        "784-64-64-10",
        {"optimizer": "rmsprop", "learning_rate": 1e-3, **MNIST},
    ),
    "TensorFlow": (
        ("h1 = relu(x W1 + b1)  # 256", "h2 = relu(h1 W2 + b2) # 256", "y = h2 W3 + b3", "Adam(0.001)"),
        "784-256-256-10",
        {"optimizer": "adam", "learning_rate": 1e-3, **MNIST},
    ),
    "PyTorch": (
        ("fc1 = Linear(784, 500)", "relu = ReLU()", "fc2 = Linear(500, 10)", "y = fc2(relu(fc1(x)))", "Adam(lr=0.001)"),
        "784-500-10",
        {"optimizer": "adam", "learning_rate": 1e-3, "standardise": False, "batch_size": 100},
    ),
    "Keras, lecture": (
        ("Dense(30, relu)", "Dense(10, softmax)", "SGD(lr=1.0)", "batch_size=100"),
        "784-30-10",
        {"optimizer": "sgd", "learning_rate": 1.0, "standardise": False, "batch_size": 100},
    ),
}  # fmt: skip
COLORS = dict(zip(LISTINGS, draw.PALETTE))
JUDGED = ("Keras, functional", "TensorFlow", "PyTorch")


@experiment(
    "library-listings",
    rows=("M10",),
    question="What becomes of the first listings of Keras, TensorFlow and PyTorch in this library?",
    source="Guides of Keras, TensorFlow and PyTorch, as shown in three lecture courses",
    seconds=(6, 35, 50),
    replicas=(1, 1, 2),
    needs=("mnist",),
)
def library_listings(budget):
    """Each listing becomes one call of fit; those that take 784 numbers get MNIST, the first gets random numbers.

    The first listing of Keras trains on random inputs with random labels, to show that it runs: there is nothing in
    them to be learnt but by heart. The last one is that of a lecture, at its rate of 1.0.
    """
    mnist = snarc.load("mnist", train=budget(1_000, None, None), test=budget(500, None, None))
    runs, seconds = {}, {}
    tried = budget(list(LISTINGS)[:2], list(LISTINGS), list(LISTINGS))
    for name in tried:
        _, layout, given = LISTINGS[name]
        data = noise() if layout.startswith("20-") else mnist
        began = time.perf_counter()
        runs[name] = fit(layout, data, **{"epochs": budget(1, 6, 8), "replicas": budget.replicas, **given})
        seconds[name] = (time.perf_counter() - began) / budget.replicas
    judged = [name for name in JUDGED if name in tried]
    for name in judged:
        yield Claim(f"{name}: test accuracy", measured=100 * runs[name].test.accuracy, at_least=97, unit="%")
    yield Claim(
        "longest time to train one of these, a network",
        measured=max(seconds[name] for name in judged),
        at_most=60,
        unit="s",
        digits=1,
        note="With compilation, on the machine below, whatever else it was doing.",
    )
    yield Claim(
        "Keras's random labels: test accuracy",
        published=10,
        measured=100 * runs["Keras, Sequential"].test.accuracy,
        within=4,
        unit="%",
        note="2,000 test examples: one standard error of guessing is 0.7 points.",
    )
    yield Figure(
        listings(), "Left what each library's listing says, right the call that does the same here.", name="code"
    )
    yield Figure(
        curves(runs),
        "Training (solid) and validation error (dashed). On random labels nothing carries over to other examples.",
        name="learning",
    )
    yield Table(
        ["listing", "network", "test accuracy (%)", "weights", "seconds a network"],
        [
            [
                name,
                LISTINGS[name][1],
                100 * run.test.accuracy,
                snarc.models.summary(run.networks[0].body).parameters,
                seconds[name],
            ]
            for name, run in runs.items()
        ],
        "The seconds hold compilation.",
    )
    yield Note(
        "Keras divides the rate by 1 + decay × steps: with ten steps an epoch, 1e-6 a step is the schedule power "
        "with a time of 100,000 epochs. The settings are those of the listings where they name them; passes, and "
        "batches of 128 for Keras and TensorFlow, are ours. Weights start as our library starts them."
    )


def noise():
    """Random inputs and labels, as in the listing: 1,000 to learn from, 2,000 to test."""
    from snarc.data import from_arrays

    rng = keys.generator(0, "library-listings")
    x, y = rng.random((3_200, 20), dtype=np.float32), rng.integers(0, 10, 3_200)
    return from_arrays(x, y, classes=10, validation=200, test=2_000, name="random numbers")


def call(layout, given):
    """The call of fit as it is made, a line a part."""
    lines = [f'fit("{layout}", data,']
    line = "   "
    for part in (f"{name}={value!r}," for name, value in given.items()):
        if len(line) + len(part) > 46:
            lines.append(line)
            line = "   "
        line += " " + part
    return [*lines, line.rstrip(",") + ")"]


def listings():
    blocks = [(name, left, call(layout, given)) for name, (left, layout, given) in LISTINGS.items()]
    heights = [max(len(left), len(right)) + 2.2 for _, left, right in blocks]
    total = sum(heights)
    figure, ax = draw.new(width=8.4, height=0.185 * total)
    draw.bare(ax).set(xlim=(0, 1), ylim=(total, 0))
    top = 0.0
    for (name, left, right), height in zip(blocks, heights):
        ax.text(0, top + 0.6, name, fontsize=10, fontweight="bold", color=draw.INK, va="center")
        ax.plot([0, 1], [top + 1.15] * 2, color=draw.GRID, linewidth=0.8)
        for x, lines in ((0.0, left), (0.42, right)):
            for k, line in enumerate(lines):
                ax.text(x, top + 1.75 + k, line, family="DejaVu Sans Mono", fontsize=8.5, color=draw.INK, va="center")
        top += height
    return figure


def curves(runs):
    figure, both = draw.new(1, 2, width=9.0, height=3.8)
    for name, run in runs.items():
        ax = both[0] if name == "Keras, Sequential" else both[1]
        for kind, style in (("accuracy", "-"), ("validation_accuracy", "--")):
            error = 100 * (1 - run.history[kind])
            label = name if style == "-" else "_"
            axes.replicas(ax, range(1, error.shape[1] + 1), error, color=COLORS[name], label=label, linestyle=style)
        axes.epochs(ax)
    both[0].set(ylabel="error (%)", title="random labels", ylim=(70, 100))
    both[1].set(title="MNIST")
    axes.one_two_five(both[1].yaxis)
    both[0].legend(loc="lower left")
    both[1].legend(loc="lower left")
    return figure
