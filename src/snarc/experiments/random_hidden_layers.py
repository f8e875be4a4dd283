"""Hidden layers that are random and never learn, beside hidden layers that do: how wide must they be?"""

from typing import Any, NamedTuple

import numpy as np

from snarc import draw, keys
from snarc.experiments import Claim, Figure, Note, Table, experiment, fit
from snarc.experiments.frame import axes
from snarc.experiments.frame.spread import difference
from snarc.reading import Estimate

from ._circle import circle, errors

SPREAD = 0.5  # standard deviation of the random biases
RANDOM, TRAINED, EXACT = draw.PALETTE[1], draw.PALETTE[0], draw.PALETTE[2]


class Start(NamedTuple):
    """Where each replica's learning begins."""

    networks: tuple[Any, ...]
    name: str
    path: None = None


@experiment(
    "random-hidden-layers",
    rows=("L9",),
    question="How wide must hidden layers be to serve as well random as trained?",
    source="Storm, Linander, Bec, Gustavsson, Mehlig, PRL 132 (2024) 057301, Fig. 3a",
    seconds=(4, 30, 60),
    replicas=(1, 2, 4),
)
def random_hidden_layers(budget):
    """The circle in the square, two hidden layers of N tanh units; each pair of networks begins with equal weights.

    Weights normal with variance one over the inputs of the unit, biases with standard deviation 0.5. In one network of
    a pair everything learns, in the other only the output; both with Adam, squared error and targets ±1.
    """
    widths = budget((8,), (10, 30, 100, 400), (10, 25, 50, 100, 200, 400))
    data = circle(budget(300, 9_000, 18_000), budget(500, 10_000, 20_000))
    plain = {"standardise": False, "loss": "squared-error", "optimizer": "adam", "batch_size": 100}
    plain |= {"schedule": "cosine", "replicas": budget.replicas}
    found: dict[str, dict[int, Estimate]] = {name: {} for name in ("random", "trained", "exact")}
    for n in widths:
        starts = [hidden(n, seed) for seed in range(budget.replicas)]
        start = Start(tuple(starts), f"random layers of {n}")
        epochs = budget(1, 15, 20)
        frozen = fit(
            layout(n), data, start=start, freeze=("layers.0", "layers.1"), learning_rate=0.02, epochs=epochs, **plain
        )
        whole = fit(layout(n), data, start=start, learning_rate=2e-3 if n > 100 else 5e-3, epochs=epochs, **plain)
        found["random"][n] = 100 * Estimate.over(errors(frozen))
        found["trained"][n] = 100 * Estimate.over(errors(whole))
        found["exact"][n] = 100 * Estimate.over([least_squares(one, data) for one in starts])

    first, last = widths[0], widths[-1]
    gap = difference(found["random"][last], found["trained"][last])
    yield Claim(
        f"error that random layers have more than trained ones, {last} units",
        measured=gap,
        at_most=0.5,
        unit="points",
    )
    yield Claim(
        f"the same with the output of the random layers by least squares, {last} units",
        measured=difference(found["exact"][last], found["trained"][last]),
        at_most=0.5,
        unit="points",
        note="The output layer alone is a linear problem, which need not be left to descent.",
    )
    yield Claim(
        f"error that random layers have more than trained ones, {first} units",
        published="more",
        measured=difference(found["random"][first], found["trained"][first]),
        at_least=1,
        unit="points",
        note="That it be at least 1 was set here, after trials.",
    )
    falls = [a - b for a, b in zip(means(found["random"], widths), means(found["random"], widths[1:]))]
    yield Claim(
        "widths at which the error of random layers rises again by more than 0.3 points",
        published="falls with N",
        measured=sum(fall < -0.3 for fall in falls),
        at_most=0,
    )
    yield Figure(
        curves(found, widths), "Test error against the width: mean over the replicas, and each of them.", name="width"
    )
    yield Table(
        ["units a layer", "random (%)", "random, least squares (%)", "trained (%)"],
        [[n, found["random"][n], found["exact"][n], found["trained"][n]] for n in widths],
        "Test error.",
    )
    odd = oddness(budget(50, 400, 400), data)
    yield Claim(
        "test error of random layers without biases, however the output is chosen (least squares)",
        measured=100 * odd,
        at_least=20,
        unit="%",
        note="Set here, after trials. Without biases random tanh layers are odd functions of the input.",
    )
    left = difference(found["random"][last], found["exact"][last]).mean
    yield Note(
        f"With {last} units the output that descent learns errs {left:.2g} "
        "points more often than the best one on the same random layers, found by least squares: the features of random "
        "layers are nearly dependent, and Adam (rate 0.02, 15 to 20 passes) is far from the end. So the first claim "
        "depends on how long the output learns, the second does not."
    )
    yield Note(
        "The random layers need biases, which the source does not dwell on: with none every hidden unit is an odd "
        "function of the input, and so is any sum of them, while the circle is even. What the trained network learns "
        "with few units, a good set of features, the wide random one has by chance among many: a random embedding."
    )


def layout(n):
    return f"2-{n}:tanh-{n}:tanh-1"


def hidden(n, seed, spread=SPREAD):
    """A network whose hidden weights and biases are random, and whose output is as any network begins."""
    from snarc.models.network import build

    body: Any = build(layout(n), inputs=(2,), outputs=1, seed=seed, options={"initializer": "lecun-normal"})
    for k, layer in enumerate(list(body.layers)[:2]):
        rng = keys.generator(seed, "random hidden layers", n, k)
        layer.kernel[...] = rng.normal(size=layer.kernel.shape).astype(np.float32) / np.sqrt(layer.kernel.shape[0])
        layer.bias[...] = spread * rng.normal(size=n).astype(np.float32)
    return body


def features(body, x):
    """The activities of the second hidden layer, and a constant."""
    for layer in list(body.layers)[:2]:
        x = np.tanh(x @ np.asarray(layer.kernel[...]) + np.asarray(layer.bias[...]))
    return np.column_stack([x, np.ones(len(x))]).astype(np.float64)


def least_squares(body, data):
    """Test error, a fraction, of the output weights with the least squared error on the training points."""
    h, y = features(body, data.train.inputs), data.train.targets[:, 0]
    # A trace of ridge: some directions of the features are lost in float32.
    weights = np.linalg.solve(h.T @ h + 1e-6 * len(h) * np.eye(h.shape[1]), h.T @ y)
    return float(np.mean((features(body, data.test.inputs) @ weights > 0) != (data.test.targets[:, 0] > 0)))


def oddness(n, data):
    return least_squares(hidden(n, 0, spread=0.0), data)


def means(found, widths):
    return [found[n].mean for n in widths]


def curves(found, widths):
    figure, ax = draw.new(width=7.2, height=4.0)
    styles = (
        ("random", RANDOM, "-", "hidden layers random"), ("exact", EXACT, ":", "the same, output by least squares"),
        ("trained", TRAINED, "-", "all layers trained"),
    )  # fmt: skip
    for name, colour, line, label in styles:
        values = np.array([found[name][n].values for n in widths]).T
        axes.replicas(
            ax, widths, values, color=colour, label=label, linestyle=line, marker="o" if line == "-" else None
        )
    ax.set(xlabel="units in each hidden layer", ylabel="test error (%)")
    axes.one_two_five(ax.xaxis)
    axes.one_two_five(ax.yaxis)
    ax.legend(loc="upper right")
    return figure
