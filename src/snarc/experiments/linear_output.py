"""A linear output layer in place of a logistic one: the same network, the same points."""

from itertools import pairwise

import numpy as np

import snarc
from snarc import draw
from snarc.experiments import Claim, Figure, Note, Table, experiment, fit
from snarc.experiments._plane import over, panels
from snarc.experiments.frame import axes
from snarc.reading import Estimate

HOMEWORK = "F. Marquardt, Machine Learning for Physicists, homework on the output layer"
LINEAR, LOGISTIC = draw.PALETTE[0], draw.PALETTE[1]


@experiment(
    "linear-output",
    rows=("M7",),
    question="What changes when the output unit of a network that learns a function is linear instead of logistic?",
    source=HOMEWORK,
    seconds=(3, 14, 35),
    replicas=(1, 3, 8),
)
def linear_output(budget):
    """2-100-1 learns exp(-5 r²)·|x + y|; its last unit computes f(z) = z, or f(z) = 1/(1 + exp(-z)).

    For a linear unit the error that goes back is y - F itself; for a logistic one it is multiplied by f'(z), which is
    at most 1/4. The function lies between 0 and 1, so both could represent it.
    """
    yield Claim(
        "gradient of the network with a linear output against central differences, largest relative error",
        measured=gradient_check(),
        at_most=1e-6,
        note="All weights of a 2-20-30-1 network of tanh units, in double precision.",
    )
    crease = snarc.load("crease", count=budget(20_000, 100_000, 100_000), validation=5_000, test=10_000)
    plain = {"optimizer": "sgd", "learning_rate": 0.05, "batch_size": 1000, "standardise": False}
    plain |= {"epochs": budget(3, 60, 100), "replicas": budget.replicas}
    weights = {"initializer": "uniform(0.1)"}
    linear = fit("2-100-1", crease, model_options=weights, **plain)
    logistic = fit("2-100-1", crease, model_options={**weights, "output": "logistic"}, **plain)
    ratio = [a / b for a, b in zip(linear.test.loss.values, logistic.test.loss.values)]
    yield Claim(
        "final cost with a linear output, as a share of that with a logistic one",
        measured=Estimate.over(ratio),
        at_most=1,
        note="Same points, same order, same first weights, same learning rate.",
    )
    yield Figure(
        curves(linear, logistic), "Cost on points not learnt from, during learning with either output.", name="learning"
    )
    faster = {**plain, "learning_rate": 0.5}
    best = fit("2-100-1", crease, model_options={**weights, "output": "logistic"}, **faster)
    yield Figure(
        panels(
            [("logistic output", over(logistic.subject().logits)), ("linear output", over(linear.subject().logits))],
            2, width=6.8, low=0, bar="output",
        ),
        "What the first network of each kind makes of the function in the same number of steps.",
        name="before-and-after",
    )  # fmt: skip
    yield Table(
        ["output unit", "learning rate", "cost ·1000", "R²"],
        [
            ["linear", 0.05, 1000 * linear.test.loss, linear.test.r2],
            ["logistic", 0.05, 1000 * logistic.test.loss, logistic.test.r2],
            ["logistic", 0.5, 1000 * best.test.loss, best.test.r2],
        ],
        "After the last step, on test points. The cost is the mean squared error.",
    )
    yield Note(
        "The logistic unit starts at 1/2, far above the function's mean, and its slope makes every step shorter. A "
        "larger rate makes up for part of it: the comparison at one rate is the homework's, not a law on output units."
    )


def gradient_check():
    """Largest relative error of the gradient of a 2-20-30-1 network with a linear output, in float64."""
    import jax
    import jax.numpy as jnp

    generator = np.random.default_rng(0)
    with jax.enable_x64(True):
        sizes = (2, 20, 30, 1)
        weights = [generator.normal(size=(a, b)) / np.sqrt(a) for a, b in pairwise(sizes)]
        biases = [generator.normal(size=b) for b in sizes[1:]]
        network = snarc.models.build("2-20:tanh-30:tanh-1", inputs=(2,), outputs=1)
        for layer, kernel, bias in zip(network.layers, weights, biases):
            layer.kernel.set_value(jnp.asarray(kernel))
            layer.bias.set_value(jnp.asarray(bias))
        x, y = generator.normal(size=(50, 2)), generator.normal(size=50)
        return _largest(network, x, y)


def _largest(network, x, y, step=1e-5):
    import jax
    import jax.numpy as jnp
    from flax import nnx

    graph, state = nnx.split(network)
    leaves, tree = jax.tree.flatten(state)
    sizes = [leaf.size for leaf in leaves]

    def cost(flat):
        pieces = jnp.split(flat, np.cumsum(sizes)[:-1])
        given = [piece.reshape(leaf.shape) for piece, leaf in zip(pieces, leaves)]
        outputs = nnx.merge(graph, jax.tree.unflatten(tree, given))(jnp.asarray(x))
        return jnp.mean((outputs[:, 0] - y) ** 2)

    flat = jnp.concatenate([jnp.ravel(leaf) for leaf in leaves])
    wanted = jax.jit(jax.grad(cost))(flat)
    moves = step * jnp.eye(len(flat))
    found = jax.jit(jax.vmap(lambda move: (cost(flat + move) - cost(flat - move)) / (2 * step)))(moves)
    return float(jnp.max(jnp.abs(found - wanted)) / jnp.max(jnp.abs(wanted)))


def curves(linear, logistic):
    figure, ax = draw.new(width=6.8, height=3.8)
    per_epoch = len(linear.dataset.train) // 1000
    for run, color, label in ((linear, LINEAR, "linear output"), (logistic, LOGISTIC, "logistic output")):
        cost = run.history["validation_loss"]
        axes.replicas(ax, per_epoch * np.arange(1, cost.shape[1] + 1), cost, color=color, label=label)
    ax.set(xlabel="steps of a thousand points", ylabel="cost (mean squared error)", xscale="log", yscale="log")
    draw.plain_log(ax.xaxis)
    ax.legend(loc="lower left")
    return figure
