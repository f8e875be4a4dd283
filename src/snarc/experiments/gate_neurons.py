"""AND, OR and NOT are single neurons, and logistic ones come as near to them as one likes."""

from itertools import product

import numpy as np

from snarc import draw, formal
from snarc.experiments import Claim, Figure, experiment

GATES = {
    "AND": formal.Neuron((1, 1), bias="-3/2"),
    "OR": formal.Neuron((1, 1), bias="-1/2"),
    "NAND": formal.Neuron((-1, -1), bias="3/2"),
}
TABLES = {"AND": [0, 0, 0, 1], "OR": [0, 1, 1, 1], "NAND": [1, 1, 1, 0]}


@experiment(
    "gate-neurons",
    rows=("F5",),
    question="Which logic gates are single neurons?",
    source="W. McCulloch, W. Pitts, Bull. Math. Biophys. 5 (1943) 115",
    seconds=(1, 1, 1),
)
def gate_neurons(budget):
    """Truth tables in integers; then a logistic AND of growing weights w and bias -3w/2."""
    for name, neuron in GATES.items():
        yield Claim(
            f"{name}: rows that are right, of 4",
            measured=sum(neuron(x) == y for x, y in zip(product((0, 1), repeat=2), TABLES[name])),
            published=4,
            exact=True,
        )
    inverter = formal.negation()
    yield Claim(
        "NOT, with w0 = 0 and w = -1, is right", measured=[inverter((v,)) for v in (0, 1)] == [1, 0], exact=True
    )
    signs = formal.Neuron((1, 1), bias=-1, activation="sign")
    yield Claim(
        "AND over the values ±1 is right",
        measured=[signs(x) for x in product((-1, 1), repeat=2)] == [-1, -1, -1, 1],
        exact=True,
    )
    yield Claim("largest error of the logistic AND at w = 20", measured=error(20), at_most=1e-3)
    yield Figure(
        picture(),
        "The line where each neuron's local field is 0, and how the logistic AND tends to a gate.",
        name="lines",
    )


def error(w):
    neuron = formal.Neuron((w, w), bias=-1.5 * w, activation="logistic")
    return max(abs(neuron(x) - min(x)) for x in product((0, 1), repeat=2))


def picture():
    figure, axes = draw.new(1, 4, width=12, height=3.3)
    x = np.linspace(-0.4, 1.4, 181)
    with draw.style():
        for ax, (name, neuron) in zip(axes, GATES.items()):
            w1, w2 = neuron.values
            field = w1 * x[None, :] + w2 * x[:, None] + float(formal.exact(neuron.bias))
            ax.contourf(x, x, field >= 0, levels=[0.5, 1.5], colors=[draw.PALETTE[4]], alpha=0.25)
            ax.plot(x, [neuron.boundary(v) for v in x], color=draw.PALETTE[1], linewidth=2.4)
            for point in product((0, 1), repeat=2):
                ax.plot(
                    *point,
                    "o",
                    markersize=13,
                    markerfacecolor=draw.PALETTE[4] if neuron(point) else draw.PAPER,
                    markeredgecolor=draw.INK,
                )
            ax.set(xlim=(-0.4, 1.4), ylim=(-0.4, 1.4), aspect="equal", xlabel="$x_1$", ylabel="$x_2$", title=name)
            ax.set_xticks([0, 1])
            ax.set_yticks([0, 1])
        weights = np.arange(1, 31)
        axes[3].semilogy(weights, [error(w) for w in weights.tolist()], "o-", markersize=3)
        axes[3].axhline(1e-3, color=draw.PALETTE[1], linestyle="--", linewidth=1.2)
        axes[3].set(xlabel="weight w", ylabel="largest error", title="logistic AND")
    return figure
