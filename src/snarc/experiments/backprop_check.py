"""Backpropagation against moving every weight by hand: twenty random networks with each activation."""

import numpy as np

from snarc import draw, keys, reference
from snarc.experiments import Claim, Figure, Note, Table, experiment
from snarc.experiments._differences import arrays, central, gradient

KINKS = {"relu": (0,), "leaky-relu": (0,), "saturated-linear": (0, 1), "elu": (0,), "selu": (0,)}
STEP, CLEAR = 1e-5, 1e-3


@experiment(
    "backpropagation-check",
    rows=("M1",),
    question="Is backpropagation right, in vectors and on the graph, for every activation?",
    source="D. Rumelhart, G. Hinton, R. Williams, Nature 323 (1986) 533",
    seconds=(1, 3, 3),
    replicas=(4, 20, 20),
)
def backprop_check(budget):
    """Networks of one to three hidden layers, squared error or softmax cross-entropy, one to five examples, float64.

    Each weight and bias is moved by ±0.00001, and the difference of the two errors is compared with its derivative.
    The deviation of a network is its largest over all weights, as a part of its largest derivative. Examples that
    bring a unit within 0.001 of a kink are drawn again, for there is no derivative at a kink; and so are networks
    without any slope, whose rectified units are all silent.
    """
    names = list(reference.ACTIVATIONS)
    deviations, forms, slips = (np.zeros((len(names), budget.replicas)) for _ in range(3))
    for row, name in enumerate(names):
        for k in range(budget.replicas):
            net, x, d, loss = random_network(name, k)
            slopes, wanted = gradient(net, x, d, loss), central(net, x, d, loss, STEP)
            deviations[row, k] = deviation(slopes, wanted)
            forms[row, k] = deviation(by_graph(net, x, d, loss), slopes)
            slips[row, k] = deviation(with_a_slip(net, x, d, loss), wanted)
    yield Claim(
        f"largest deviation from central differences, {deviations.size} networks",
        measured=float(deviations.max()),
        at_most=1e-7,
    )
    yield Claim("largest deviation of the graph form from the vector form", measured=float(forms.max()), at_most=1e-12)
    curved = [row for row, name in enumerate(names) if name in ("logistic", "tanh", "scaled-tanh", "gelu", "softplus")]
    yield Claim(
        "smallest deviation when f′ is taken at y instead of z, curved activations",
        measured=float(slips[curved].min()),
        at_least=1e-4,
        note="A slip that is often made, to show that the check finds it; the bound is ours.",
    )
    yield Figure(
        heat_map(names, deviations, forms),
        "Each cell is one network. Left: what remains is the rounding and the curvature of the differences, not of "
        "backpropagation. Right: the two forms add up the same products in another order.",
        name="deviations",
    )
    yield Figure(
        one_network(),
        "One network, weight by weight: biases are the last row of each block. A deviation is given as a part of the "
        "largest derivative.",
        name="weights",
    )
    yield Table(
        ["activation", "median deviation", "largest deviation", "graph against vectors"],
        [[name, float(np.median(a)), float(a.max()), float(b.max())] for name, a, b in zip(names, deviations, forms)],
        f"Over {budget.replicas} networks each.",
    )
    yield Note(
        "Two forms of one algorithm: in vectors, the errors of a layer are multiplied by the matrix w_jk f′(z_k) and "
        "handed to the layer below; on the graph, dE/dy_j is the sum of w_jk dE/dz_k over the edges that leave unit j, "
        "and every edge is visited once. `snarc.reference` holds both in under a hundred lines, and the tests hold "
        "the training step of the engine against it, in float64, to twelve digits."
    )


def random_network(activation, k):
    """Network number k of that activation, its examples, targets and loss."""
    rng = keys.generator(k, "backpropagation-check", activation)
    units = rng.integers(2, 7, size=rng.integers(3, 6))
    loss = (reference.squared_error, reference.cross_entropy)[k % 2]
    # Softmax is the activation of the outputs that cross-entropy asks for, and belongs to it.
    output = "identity" if loss is reference.cross_entropy else activation
    net = reference.network("-".join(map(str, units)), activation, output, seed=k)
    for layer in net:
        layer.biases += 0.5 * rng.normal(size=layer.biases.shape)
    examples = rng.integers(1, 6)
    x = rng.normal(size=(examples, units[0]))
    while not (clear := smooth(net, x)).all():
        x[~clear] = rng.normal(size=(np.sum(~clear), units[0]))
    d = rng.normal(size=(examples, units[-1]))
    if loss is reference.cross_entropy:
        d = np.eye(units[-1])[rng.integers(0, units[-1], examples)]
    if not any(part.any() for part in gradient(net, x, d, loss)):
        return random_network(activation, k + 1000)  # every path is cut by a flat unit: nothing to compare
    return net, x, d, loss


def smooth(net, x):
    """Which examples keep every unit away from its kinks."""
    far = [
        np.abs(z - kink).min(axis=1) > CLEAR
        for layer, z in zip(net, reference.forward(net, x)[0])
        for kink in KINKS.get(layer.activation, ())
    ]
    return np.all(far, axis=0) if far else np.ones(len(x), bool)


def by_graph(net, x, d, loss):
    """The gradient on the graph, example by example, as the arrays of :func:`gradient`."""
    units, slope = reference.graph(net), loss(reference.forward(net, x)[1][-1], d)[1]
    found = [np.zeros_like(array) for array in arrays(net)]
    for one, slopes in zip(x, slope):
        gradients = iter(reference.graph_backward(units, *reference.graph_forward(units, one), slopes)[0])
        for weights, biases in zip(found[::2], found[1::2]):
            for unit in range(len(biases)):
                dw, db = next(gradients)
                weights[:, unit] += dw
                biases[unit] += db
    return found


def with_a_slip(net, x, d, loss):
    """The gradient when f' is taken at the activations instead of the pre-activations."""
    _, ys = reference.forward(net, x)
    return [part for pair in reference.backward(net, ys[1:], ys, loss(ys[-1], d)[1])[0] for part in pair]


def deviation(found, wanted):
    largest = max(np.abs(one).max() for one in wanted)
    off = max(np.abs(one - other).max() for one, other in zip(found, wanted))
    return off / largest if largest else off


def heat_map(names, *panels):
    figure, both = draw.new(1, 2, width=9.2, height=4.2, sharey=True)
    for ax, values, title in zip(both, panels, ("from central differences", "of the graph from vectors")):
        # Equal to the last bit has no logarithm; it is shown as the rounding of one number.
        image = ax.imshow(np.log10(np.maximum(values, 1e-17)), cmap=draw.SEQUENTIAL, vmin=-17, vmax=-7, aspect="auto")
        ax.grid(False)
        ax.set(xlabel="network", title=f"deviation {title}", yticks=range(len(names)), yticklabels=names)
        ticks = [t for t in (1, 5, 10, 15, 20) if t <= values.shape[1]]
        ax.set_xticks([t - 1 for t in ticks], ticks)
    bar = figure.colorbar(image, ax=both, ticks=range(-17, -6, 2), pad=0.01)
    bar.ax.set_yticklabels([f"$10^{{{t}}}$" for t in range(-17, -6, 2)])
    bar.outline.set_visible(False)
    return figure


def one_network():
    rng = keys.generator(0, "backpropagation-check", "one")
    net = reference.network("6-8-5-3", "tanh", seed=1)
    x, d = rng.normal(size=(5, 6)), np.eye(3)[[0, 1, 2, 0, 1]]
    slopes = gradient(net, x, d, reference.cross_entropy)
    off = [a - b for a, b in zip(slopes, central(net, x, d, reference.cross_entropy, STEP))]
    largest = max(np.abs(one).max() for one in slopes)
    sheets = [[np.vstack([w, b]) for w, b in zip(one[::2], one[1::2])] for one in (slopes, off)]
    widths = [sheet.shape[1] for sheet in sheets[0]]
    figure, axes = draw.new(2, 3, width=8.4, height=5.4, gridspec_kw={"width_ratios": widths})
    reach = [largest, max(np.abs(one).max() for one in off) / largest]
    for row, (label, scale) in enumerate((("dE/dw", 1.0), ("deviation", largest))):
        for layer, (ax, sheet) in enumerate(zip(axes[row], sheets[row]), start=1):
            image = ax.imshow(sheet / scale, cmap=draw.DIVERGING, vmin=-reach[row], vmax=reach[row], aspect="auto")
            draw.bare(ax).set_title(f"layer {layer}" if row == 0 else "", loc="center")
            ax.axhline(len(sheet) - 1.5, color=draw.INK, linewidth=0.8)
        axes[row, 0].set_ylabel(label)
        bar = figure.colorbar(image, ax=axes[row], pad=0.01)
        bar.outline.set_visible(False)
        bar.ax.ticklabel_format(axis="y", style="sci", scilimits=(-2, 2))
    return figure
