"""Dropout: many masked networks that share their weights, and the one network that stands for all of them."""

from itertools import pairwise, product

import numpy as np

import snarc
from snarc import draw, keys
from snarc.experiments import Claim, Figure, Note, experiment, fit
from snarc.experiments.frame import axes
from snarc.reading import Estimate

INPUTS, HIDDEN, OUTPUTS = 4, 6, 3
PLAIN, DROPPED = draw.PALETTE[1], draw.PALETTE[0]


@experiment(
    "dropout-masks",
    rows=("R7",),
    question="Why does a network with halved weights stand for all the networks that dropout trained?",
    source="G. Hinton et al., arXiv:1207.0580 (2012)",
    seconds=(4, 40, 120),
    replicas=(1, 1, 4),
    needs=("mnist",),
)
def dropout_masks(budget):
    """Each hidden unit is left out with probability 1/2 in every step; all are there in the end, at half strength.

    First a linear network, where that is the mean over the masks; then 784-800-10 on 5,000 digits with and without.
    """
    x, first, second = weights()
    hidden = x @ first
    masks = np.array(list(product((0, 1), repeat=HIDDEN)))
    every = np.mean([(hidden * mask) @ second for mask in masks], axis=0)
    halved = hidden @ second / 2
    yield Claim(
        f"linear network: largest difference between the mean over all {len(masks)} masks and halved weights",
        measured=float(np.abs(every - halved).max()),
        at_most=1e-12,
    )
    drawn = by_layer(hidden, budget(1_000, 200_000, 200_000)) @ second
    yield Claim(
        "the same with masks drawn by our dropout layer: relative difference of the mean",
        measured=float(np.linalg.norm(drawn - 2 * halved) / np.linalg.norm(2 * halved)),
        at_most=1e-2,
        note="The layer doubles what it keeps while training, so that nothing need be halved afterwards.",
    )
    rectified = np.mean([np.maximum((hidden * mask) @ second, 0) for mask in masks], axis=0)
    bent = float(np.linalg.norm(rectified - np.maximum(halved, 0)) / np.linalg.norm(rectified))
    yield Claim(
        "with a rectified layer behind: relative difference",
        measured=bent,
        at_least=0.05,
        note="There halving is an approximation: the mean does not pass through a kink.",
    )
    yield Figure(
        masked_networks(),
        "Five of the 64 masked networks, which share their weights, and the one that stands for all.",
        name="masked-networks",
    )

    mnist = snarc.load("mnist", train=budget(500, 5_000, 5_000), test=budget(500, None, None))
    common = {"batch_size": 100, "standardise": False, "optimizer": "adam", "learning_rate": 2e-3, "schedule": "cosine"}
    common |= {"epochs": budget(2, 60, 60), "replicas": budget.replicas}
    plain = fit("784-800-10", mnist, **common)
    dropped = fit("784-800-10", mnist, model_options={"dropout": 0.5}, **common)
    yield Claim(
        "784-800-10 on 5,000 digits: test error saved by dropout",
        measured=Estimate.over([100 * (a - b) for a, b in zip(plain.test.error.values, dropped.test.error.values)]),
        at_least=0.3,
        unit="points",
        note=f"{100 * plain.test.error.mean:.2f} % without, {100 * dropped.test.error.mean:.2f} % with.",
    )
    yield Figure(
        curves(plain, dropped), "The same network, digits and steps, without and with dropout of 1/2.", name="learning"
    )
    yield Note(
        "Hinton and others used larger networks, all 60,000 digits, a bound on the length of each unit's weights and "
        "dropout of 1/5 on the pixels besides. Here only the hidden units are dropped. "
        "With Adam at a steady rate of 0.001, tried before, dropout saved 0.3 points, less surely (0.26 of standard "
        "error over two networks); a rate that falls to nothing serves both networks better."
    )


def weights():
    rng = keys.generator(0, "dropout-masks")
    return rng.normal(size=(5, INPUTS)), rng.normal(size=(INPUTS, HIDDEN)), rng.normal(size=(HIDDEN, OUTPUTS))


def by_layer(hidden, draws):
    """The mean of what :class:`snarc.layers.Dropout` makes of the hidden values over many draws."""
    import jax
    import jax.numpy as jnp
    from flax import nnx

    from snarc.layers import Dropout

    layer = Dropout(0.5, rngs=nnx.Rngs(dropout=keys.key(0, "dropout-masks")))
    layer.train()
    shown = jnp.broadcast_to(jnp.asarray(hidden, jnp.float32), (draws, *hidden.shape))
    kept = jax.jit(lambda key: layer(shown, rngs=key))
    return np.asarray(kept(keys.key(1, "dropout-masks")), np.float64).mean(axis=0)


def masked_networks():
    figure, panels = draw.new(2, 3, width=8.4, height=4.6)
    rng = keys.generator(3, "dropout-masks", "figure")
    picked = [rng.permutation([0, 0, 0, 1, 1, 1]) for _ in range(2)] + list(rng.integers(0, 2, (3, HIDDEN)))
    for k, (ax, mask) in enumerate(zip(panels.flat, [*picked, np.ones(HIDDEN, int)])):
        whole = k == len(picked)
        network(draw.bare(ax), mask, "all units, weights halved" if whole else f"mask {''.join(map(str, mask))}", whole)
    return figure


def network(ax, mask, title, whole):
    layers = [(0, INPUTS), (1, HIDDEN), (2, OUTPUTS)]
    y = {x: np.linspace(-1, 1, n) * (0.7 if n < HIDDEN else 1) for x, n in layers}
    for (left, n), (right, m) in pairwise(layers):
        for i, j in product(range(n), range(m)):
            alive = mask[j] if right == 1 else mask[i]
            if alive:
                ax.plot([left, right], [y[left][i], y[right][j]], color=draw.MUTED, linewidth=0.5 if whole else 1.0)
    for x, n in layers:
        for i in range(n):
            alive = x != 1 or mask[i]
            ax.plot(
                x, y[x][i], "o", markersize=11, markeredgecolor=draw.INK if alive else draw.GRID,
                markerfacecolor=(DROPPED if x == 1 else draw.PAPER) if alive else draw.PAPER,
            )  # fmt: skip
    ax.set_title(title, fontsize=10)
    ax.set(xlim=(-0.25, 2.25), ylim=(-1.25, 1.25))


def curves(plain, dropped):
    figure, ax = draw.new(width=6.8, height=4.0)
    for run, color, what in ((plain, PLAIN, "without"), (dropped, DROPPED, "with")):
        error = 100 * (1 - run.history["validation_accuracy"])
        axes.replicas(ax, range(1, error.shape[1] + 1), error, color=color, label=f"{what} dropout")
    ax.set(ylabel="validation error (%)", title="784-800-10 on 5,000 digits")
    axes.epochs(ax)
    axes.one_two_five(ax.yaxis)
    ax.legend(loc="upper right")
    return figure
