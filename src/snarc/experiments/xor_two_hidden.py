"""Two hidden neurons compute XOR: three networks of the lectures, exact, step by step."""

from itertools import product

import numpy as np

from snarc import draw, formal
from snarc.experiments import Claim, Erratum, Figure, experiment
from snarc.formal import Neuron, network

LINES = network(("x1", "x2"), {
    "P1": Neuron({"x1": 2, "x2": 2}, bias=-1), "P2": Neuron({"x1": -2, "x2": -2}, bias=3),
    "y": Neuron({"P1": 1, "P2": 1}, bias=-2),
}, ("y",))  # fmt: skip
SIGNS = network(("x1", "x2"), {
    "V1": Neuron({"x1": 1, "x2": 1}, 1, "sign"), "V2": Neuron({"x1": 1, "x2": 1}, -1, "sign"),
    "O": Neuron({"V1": 1, "V2": -1}, -1, "sign"),
}, ("O",))  # fmt: skip
GATES = network(("p", "q"), {
    "or": Neuron({"p": 1, "q": 1}, -1), "and": Neuron({"p": 1, "q": 1}, -2), "y": Neuron({"or": 1, "and": -1}, -1),
}, ("y",))  # fmt: skip
BITS = list(product((0, 1), repeat=2))


@experiment(
    "xor-two-hidden",
    rows=("F6",),
    question="How do two hidden neurons compute what one neuron cannot?",
    source="D. Rumelhart, G. Hinton, R. Williams, Nature 323 (1986) 533",
    seconds=(1, 1, 1),
)
def xor_two_hidden(budget):
    """Three sets of weights, run in integers on all inputs."""
    wanted = [0, 1, 1, 0]
    for text, net, inputs, values in (
        ("P1 and P2 are the half-planes −1+2x₁+2x₂ and 3−2x₁−2x₂", LINES, BITS, wanted),
        ("states ±1, O = sgn(V₁−V₂−1)", SIGNS, list(product((-1, 1), repeat=2)), [2 * v - 1 for v in wanted]),
        ("(p or q) and not (p and q)", GATES, BITS, wanted),
    ):
        measured = sum(formal.compute(net, x)[0] == v for x, v in zip(inputs, values))
        yield Claim(f"{text}: rows that are right, of 4", measured=measured, published=4, exact=True)
    states = [formal.run(LINES, x, rule="layers").states for x in BITS]
    yield Claim(
        "the states of all twelve steps are those of the computation by hand",
        measured=all(trace == by_hand(x) for x, trace in zip(BITS, states)),
        exact=True,
    )
    yield Figure(plane(), "The two lines that the hidden neurons draw; XOR is 1 between them.", name="plane")
    yield Figure(
        steps(states), "The network at work: a row an input, a column a step; neurons that fire are lit.", name="steps"
    )
    yield Erratum(
        "O = sgn(V₁ − V₂ − 1) with states 0 and 1",
        "the states must be ±1; with 0 and 1 the local field can be 0, where sgn is undecided",
    )


def by_hand(x):
    p1, p2 = int(-1 + 2 * x[0] + 2 * x[1] >= 0), int(3 - 2 * x[0] - 2 * x[1] >= 0)
    return ((*x, 0, 0, 0), (*x, p1, p2, 0), (*x, p1, p2, int(p1 + p2 >= 2)))


def plane():
    figure, ax = draw.new(width=5.4, height=4.8)
    x = np.linspace(-0.5, 1.5, 201)
    with draw.style():
        between = (-1 + 2 * x[None] + 2 * x[:, None] >= 0) & (3 - 2 * x[None] - 2 * x[:, None] >= 0)
        ax.contourf(x, x, between, levels=[0.5, 1.5], colors=[draw.PALETTE[4]], alpha=0.3)
        ax.plot(x, 0.5 - x, color=draw.PALETTE[0], linewidth=2.4, label="P1: −1 + 2x₁ + 2x₂ = 0")
        ax.plot(x, 1.5 - x, color=draw.PALETTE[1], linewidth=2.4, label="P2: 3 − 2x₁ − 2x₂ = 0")
        for point in BITS:
            ax.plot(
                *point,
                "o",
                markersize=15,
                markerfacecolor=draw.PALETTE[4] if sum(point) == 1 else draw.PAPER,
                markeredgecolor=draw.INK,
            )
        ax.set(xlim=(-0.5, 1.5), ylim=(-0.5, 1.5), aspect="equal", xlabel="$x_1$", ylabel="$x_2$")
        ax.legend(loc="upper center", bbox_to_anchor=(0.5, 1.12), ncols=2, fontsize=8)
    return figure


def steps(states):
    figure, axes = draw.new(4, 3, width=10, height=7.4)
    for row, x, trace in zip(axes, BITS, states):
        for k, (ax, state) in enumerate(zip(row, trace)):
            formal.draw_network(LINES, state, ax=ax, title=f"input {x[0]}{x[1]}, step {k}")
    return figure
