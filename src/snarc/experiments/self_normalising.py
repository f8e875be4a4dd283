"""SELU: two constants that make mean 0 and variance 1 a fixed point, and a network that stays there."""

import numpy as np

from snarc import draw, keys
from snarc.experiments import Claim, Figure, Note, Table, experiment
from snarc.experiments.frame import axes
from snarc.reading import Estimate

from . import _random_layers as layers

SELU = "G. Klambauer, T. Unterthiner, A. Mayr, S. Hochreiter, NeurIPS 2017"
PAIRS = (
    ("selu", "lecun-normal", draw.PALETTE[0], "SELU, LeCun"),
    ("selu", "he-normal", draw.PALETTE[1], "SELU, He"),
    ("elu", "he-normal", draw.PALETTE[2], "ELU, He"),
    ("leaky-relu", "he-normal", draw.PALETTE[4], "leaky ReLU, He"),
    ("tanh", "glorot-normal", draw.PALETTE[3], "tanh, Glorot"),
)


@experiment(
    "self-normalising",
    rows=("I6",),
    question="Can the activation alone keep the variance of a deep network at one?",
    source=SELU,
    seconds=(3, 10, 30),
    replicas=(1, 2, 5),
)
def self_normalising(budget):
    """The fixed point by integration, then 50 random layers of 512 units for activations with their initial weights."""
    scale, alpha = constants()
    yield Claim("scale λ", published=1.0507, measured=scale, within=5e-5, digits=6)
    yield Claim("α", published=1.6733, measured=alpha, within=5e-5, digits=6)
    mean, variance = moments()
    yield Claim("mean of SELU of a standard normal number: distance from 0", measured=abs(mean), at_most=1e-9)
    yield Claim("its variance: distance from 1", measured=abs(variance - 1), at_most=1e-9)

    width, depth = budget(64, 512, 512), budget(8, 50, 50)
    chosen = budget(PAIRS[:2], PAIRS, PAIRS)
    squares = {
        label: np.array(
            [layers.mean_squares(name, weights, width=width, depth=depth, seed=k) for k in range(budget.replicas)]
        )
        for name, weights, _, label in chosen
    }
    yield Claim(
        f"mean square after {depth} layers, SELU with LeCun's weights",
        published=1,
        measured=last(squares["SELU, LeCun"]),
        within=0.1,
    )
    yield Claim(
        f"mean square after {depth} layers, SELU with He's weights",
        published="explodes",
        measured=last(squares["SELU, He"]),
        at_least=100,
    )
    yield Figure(
        picture(squares, chosen, depth),
        "Mean square of the activities in random layers. Thin: each network.",
        name="depth",
    )
    starts = (0.25, 0.5, 1.0, 2.0, 4.0)
    yield Figure(
        attraction(starts, budget),
        "Inputs of another variance: SELU with LeCun's weights brings them back to one. ReLU with He's weights, "
        "dashed, keeps whatever it got.",
        name="attraction",
    )
    yield Table(
        ["activation and weights", f"mean square after {depth} layers", "after 10"],
        [[label, last(s), last(s[:, : min(10, depth) + 1])] for label, s in squares.items()],
        "Standard normal inputs have 1.",
    )
    yield Note(
        "Twice LeCun's variance is what rectified units need, who lose one half of it. SELU loses nothing, and so "
        "He's weights make each layer louder than the last until the slope below zero no longer helps."
    )


def last(squares):
    """What is found after the last layer, over the networks."""
    return Estimate.over(squares[:, -1].tolist())


def constants():
    """λ and α from the two equations of the fixed point: mean 0 and mean square 1 of a standard normal input."""
    from scipy.optimize import brentq
    from scipy.special import ndtr

    first = 1 / np.sqrt(2 * np.pi), np.exp(0.5) * ndtr(-1.0) - 0.5
    second = 0.5, np.exp(2.0) * ndtr(-2.0) - 2 * np.exp(0.5) * ndtr(-1.0) + 0.5
    alpha = brentq(lambda a: first[0] + a * first[1], 0.1, 10, xtol=1e-15)
    return float((second[0] + alpha**2 * second[1]) ** -0.5), float(alpha)


def moments():
    """Mean and variance of the library's SELU of a standard normal number by Gauss quadrature in double precision."""
    import jax
    import jax.numpy as jnp

    from snarc.layers import activation

    nodes, shares = np.polynomial.legendre.leggauss(200)
    x = np.concatenate([6.5 * (nodes - 1), 6.5 * (nodes + 1)])  # [-13, 0] and [0, 13]: the corner is an end of both
    density = np.tile(6.5 * shares, 2) * np.exp(-0.5 * x**2) / np.sqrt(2 * np.pi)
    with jax.enable_x64(True):
        y = np.asarray(activation("selu")(jnp.asarray(x)))
    mean = float(density @ y)
    return mean, float(density @ y**2) - mean**2


def picture(squares, chosen, depth):
    figure, ax = draw.new(width=6.8, height=4.0)
    for _, _, colour, label in chosen:
        axes.replicas(ax, np.arange(depth + 1), squares[label], color=colour, label=label)
    ax.set(yscale="log", xlabel="layer", ylabel="mean square of activities", title=f"{depth} random layers")
    ax.legend(loc="center left", bbox_to_anchor=(1.0, 0.5))
    return figure


def attraction(starts, budget):
    width, depth = budget(64, 512, 512), budget(5, 15, 15)
    figure, ax = draw.new(width=6.8, height=3.8)
    for name, weights, colour, style in (
        ("selu", "lecun-normal", draw.PALETTE[0], "-"),
        ("relu", "he-normal", draw.PALETTE[7], (0, (3, 2))),
    ):
        for k, start in enumerate(starts):
            found = variances(name, weights, width, depth, np.sqrt(start))
            label = {"selu": "SELU, LeCun's weights", "relu": "ReLU, He's weights"}[name] if k == 0 else None
            ax.plot(found, color=colour, linestyle=style, label=label)
    ax.set(xlabel="layer", ylabel="mean square of activities", title="Inputs of variance 1/4 to 4", yscale="log")
    ax.set_ylim(0.2, 14)
    draw.plain_log(ax.yaxis)
    ax.legend(loc="upper right")
    return figure


def variances(name, weights, width, depth, size):
    from snarc.layers import activation

    x = (size * keys.generator(0, "attraction").standard_normal((256, width))).astype(np.float32)
    found = [float(np.mean(np.square(x, dtype=np.float64)))]
    for w in layers.weights(weights, [width] * (depth + 1), 0):
        x = np.asarray(activation(name)(x @ w))
        found.append(float(np.mean(np.square(x, dtype=np.float64))))
    return found
