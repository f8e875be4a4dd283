"""A derivative is a sum over paths: every way from an input to an output, lit by what it carries."""

import itertools

import numpy as np

from snarc import draw, keys, reference
from snarc.experiments import Claim, Figure, Note, Table, experiment

LAYOUT = (3, 4, 3, 2)


@experiment(
    "sum-over-paths",
    rows=("M3",),
    question="Is what backpropagation finds the sum over all paths through the network?",
    source="F. Marquardt, Machine Learning for Physicists, lecture on backpropagation",
    seconds=(1, 1, 2),
    replicas=(3, 20, 100),
)
def sum_over_paths(budget):
    """Networks 3-4-3-2 with tanh, float64: paths listed one by one, each the product of what it passes.

    A path passes edges, each a factor w, and units, each a factor f′(z). dy/dx is the sum over the paths from x to y;
    dy/dw is y_i f′(z_j) times the sum over the paths from the head j of the weight's edge on, where y_i is the
    activity at its tail.
    """
    nets = [random_network(k) for k in range(budget.replicas)]
    by_inputs, by_weights = zip(*(deviations(net, x) for net, x in nets))
    yield Claim(
        "paths from an input to an output of 3-4-3-2",
        measured=len(list(paths(LAYOUT))), published=3 * 4 * 3 * 2, exact=True, source="3 · 4 · 3 · 2",
    )  # fmt: skip
    yield Claim(
        "largest relative deviation of dy/dx by paths from backpropagation", measured=max(by_inputs), at_most=1e-12
    )
    yield Claim(
        "largest relative deviation of dy/dw by paths, all weights and biases", measured=max(by_weights), at_most=1e-12
    )
    net, x = nets[0]
    yield Figure(
        lit(net, x),
        "All 72 paths of one network: colour for the sign and width for the size of what a path adds to dy/dx.",
        name="paths",
    )
    yield Figure(
        bars(net, x),
        "The twelve paths from the first input to the first output, largest first, and their sum as it grows.",
        name="sum",
    )
    yield Table(
        ["network", "edges: visits backwards", "paths"],
        [
            ["-".join(map(str, units)), *map(float, cost(units))]
            for units in (LAYOUT, (10,) * 4, (100,) * 5, (100,) * 11)
        ],
        "What backpropagation saves: it adds up all paths that meet in a unit before it goes on.",
    )
    yield Note(
        "Each step of backpropagation multiplies by the matrix M_jk = w_jk f′(z_k), and a product of matrices is a sum "
        "over all chains of indices: the sum over histories of quantum mechanics, with w f′ in the place of the "
        "amplitude."
    )


def random_network(k):
    rng = keys.generator(k, "sum-over-paths")
    net = reference.network("-".join(map(str, LAYOUT)), "tanh", "tanh", seed=k)
    for layer in net:
        layer.biases += 0.5 * rng.normal(size=layer.biases.shape)
    return net, rng.normal(size=(1, LAYOUT[0]))


def paths(units):
    """Every way through layers of so many units, as the unit taken in each."""
    return itertools.product(*map(range, units))


def carried(net, zs, path, first=0):
    """The product along a path that starts in layer ``first``: w f'(z) for every edge and the unit it leads to."""
    amount = 1.0
    for layer, z, (j, k) in zip(net[first:], zs[first:], itertools.pairwise(path)):
        amount *= layer.weights[j, k] * reference.ACTIVATIONS[layer.activation][1](z[0, k])
    return amount


def by_paths(net, x):
    """dy/dx (inputs, outputs), and of each layer dy/dw (inputs, units, outputs) and dy/db (units, outputs)."""
    zs, ys = reference.forward(net, x)
    slope = np.zeros((LAYOUT[0], LAYOUT[-1]))
    for path in paths(LAYOUT):
        slope[path[0], path[-1]] += carried(net, zs, path)
    gradients = []
    for n, layer in enumerate(net):
        onward = np.zeros((LAYOUT[n + 1], LAYOUT[-1]))
        for path in paths(LAYOUT[n + 1 :]):
            onward[path[0], path[-1]] += carried(net, zs, path, n + 1)
        db = reference.ACTIVATIONS[layer.activation][1](zs[n][0])[:, None] * onward
        gradients.append((ys[n][0][:, None, None] * db, db))
    return slope, gradients


def by_backpropagation(net, x):
    """The same, one pass backward for each output."""
    zs, ys = reference.forward(net, x)
    found = [reference.backward(net, zs, ys, one[None]) for one in np.eye(LAYOUT[-1])]
    slope = np.stack([by_x[0] for _, by_x in found], axis=-1)
    gradients = [tuple(np.stack(parts, axis=-1) for parts in zip(*layer)) for layer in zip(*(g for g, _ in found))]
    return slope, gradients


def deviations(net, x):
    (slope, gradients), (wanted, wanted_gradients) = by_paths(net, x), by_backpropagation(net, x)
    pairs = [(a, b) for one, other in zip(gradients, wanted_gradients) for a, b in zip(one, other)]
    return relative(slope, wanted), max(relative(a, b) for a, b in pairs)


def relative(found, wanted):
    return float(np.abs(found - wanted).max() / np.abs(wanted).max())


def cost(units):
    return sum(a * b for a, b in itertools.pairwise(units)), np.prod(np.array(units, float))


def lit(net, x):
    zs, ys = reference.forward(net, x)
    each = {path: carried(net, zs, path) for path in paths(LAYOUT)}
    largest = max(map(abs, each.values()))
    places = [np.linspace(0.5, -0.5, n) * (n - 1) for n in LAYOUT]
    figure, ax = draw.new(width=7.6, height=4.4)
    with draw.style():
        for path, amount in sorted(each.items(), key=lambda item: abs(item[1])):
            share = abs(amount) / largest
            colour = draw.PALETTE[1] if amount > 0 else draw.PALETTE[0]
            heights = [places[n][k] for n, k in enumerate(path)]
            ax.plot(range(4), heights, color=colour, linewidth=0.4 + 7 * share, alpha=0.15 + 0.75 * share)
        for n, (place, y) in enumerate(zip(places, ys)):
            ax.scatter(np.full(len(place), n), place, s=520, color=draw.PAPER, edgecolor=draw.INK, zorder=4)
            for height, value in zip(place, y[0]):
                ax.text(n, height, f"{round(value, 1) + 0.0:.1f}", ha="center", va="center", fontsize=9, zorder=5)
        ax.plot([], [], color=draw.PALETTE[1], linewidth=4, label="raises the output")
        ax.plot([], [], color=draw.PALETTE[0], linewidth=4, label="lowers it")
        draw.bare(ax).set(xlim=(-0.25, 3.25), ylim=(-1.9, 2.1), title="Paths lit by what they carry")
        for n, label in enumerate(("inputs", "hidden", "hidden", "outputs")):
            ax.text(n, -1.85, label, ha="center", color=draw.MUTED)
        ax.legend(loc="upper right", ncols=2)
    return figure


def bars(net, x):
    zs, _ = reference.forward(net, x)
    each = {path: carried(net, zs, path) for path in paths(LAYOUT) if path[0] == path[-1] == 0}
    ranked = sorted(each.items(), key=lambda item: -abs(item[1]))
    total = by_backpropagation(net, x)[0][0, 0]
    figure, ax = draw.new(width=7.6, height=3.8)
    with draw.style():
        amounts = np.array([amount for _, amount in ranked])
        colours = [draw.PALETTE[1] if amount > 0 else draw.PALETTE[0] for amount in amounts]
        ax.bar(range(12), amounts, color=colours, label=None)
        ax.plot(range(12), np.cumsum(amounts), "o-", color=draw.INK, markersize=4, linewidth=1.2, label="sum so far")
        ax.axhline(total, color=draw.PALETTE[2], linestyle="--", label="dy₁/dx₁ by backpropagation")
        ax.axhline(0, color=draw.MUTED, linewidth=0.8)
        ax.set_xticks(range(12), ["".join(str(k + 1) for k in path) for path, _ in ranked])
        ax.set(xlabel="path: the unit taken in each layer", ylabel="what it adds to dy₁/dx₁")
        ax.set_title("Twelve paths make one derivative")
        ax.legend(loc="best")
    return figure
