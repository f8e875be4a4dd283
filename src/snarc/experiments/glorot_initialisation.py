"""Glorot's weights: a compromise between signals that go forwards and gradients that come back."""

import itertools

import numpy as np

from snarc import draw, keys
from snarc.experiments import Claim, Figure, Note, Table, experiment
from snarc.reading import Estimate

from . import _random_layers as layers

GLOROT = "X. Glorot, Y. Bengio, AISTATS 2010"
LOOKS = {
    "lecun-normal": (draw.PALETTE[1], "LeCun, 1/m"),
    "glorot-normal": (draw.PALETTE[0], "Glorot, 2/(m+n)"),
    "old": (draw.PALETTE[7], "U(±1/√m), as was usual"),
}


@experiment(
    "glorot-initialisation",
    rows=("I4",),
    question="Which initial weights keep both the signals and the gradients of a deep network at their size?",
    source=GLOROT,
    seconds=(2, 6, 15),
    replicas=(1, 5, 10),
)
def glorot_initialisation(budget):
    """Linear layers from m to n units; a signal of variance 1 at the inputs, a gradient of variance 1 at the outputs.

    A layer multiplies the variance of what goes forwards by m v and of what comes back by n v, where v is the variance
    of a weight. Only for m = n can both be 1.
    """
    even = [budget(64, 500, 500)] * budget(5, 11, 11)
    narrowing = [round(budget(80, 1000, 1000) * 0.8**k) for k in range(budget(3, 6, 6))]
    flows = {
        (name, shape): [flow(name, widths, seed) for seed in range(budget.replicas)]
        for name in ("glorot-normal", "glorot-uniform", "lecun-normal", "old")
        for shape, widths in (("even", even), ("narrowing", narrowing))
        if name != "glorot-uniform" or shape == "even"
    }
    for kind in ("normal", "uniform"):
        forward, backward = gains(flows[f"glorot-{kind}", "even"])
        yield Claim(
            f"forward times backward gain of a layer, {kind} weights, the layer where it is furthest from 1",
            published=1.0, measured=furthest(forward * backward), within=0.05, digits=3,
        )  # fmt: skip
        yield Claim(
            f"forward gain of a layer, {kind} weights, furthest from 1",
            published=1.0, measured=furthest(forward), within=0.05, digits=3,
        )  # fmt: skip
        yield Claim(
            f"backward gain of a layer, {kind} weights, furthest from 1",
            published=1.0, measured=furthest(backward), within=0.05, digits=3,
        )  # fmt: skip
    forward, backward = gains(flows["glorot-normal", "narrowing"])
    yield Claim(
        "forward times backward gain where each layer has 0.8 times the units of the one before, furthest from 1",
        published=1.0,
        measured=furthest(forward * backward),
        within=0.05,
        digits=3,
        note=f"By the formula 4mn/(m+n)² = {4 * 0.8 / 1.8**2:.4f}: the two errors nearly cancel.",
    )
    ends = {name: (total(flows[name, "narrowing"], 0), total(flows[name, "narrowing"], 1)) for name in LOOKS}
    glorot = {end: abs(np.log(value.mean)) for end, value in zip("fb", ends["glorot-normal"])}
    lecun = {end: abs(np.log(value.mean)) for end, value in zip("fb", ends["lecun-normal"])}
    yield Claim(
        "the narrowing network's worse direction, in powers of e: Glorot's over LeCun's",
        measured=max(glorot.values()) / max(lecun.values()),
        at_most=0.75,
        note="LeCun's weights keep the signals and pay with the gradients; Glorot's share the loss. One half by the "
        "formula.",
    )
    yield Figure(
        picture(flows, even, narrowing),
        "Variance of the signals (solid, from left to right) and of the gradients (dashed, from right to left) at each "
        "layer, mean of the networks. At equal widths (left) Glorot's weights are LeCun's.",
        name="flows",
    )
    yield Table(
        ["weights", "signals at the outputs", "gradients at the inputs", "product"],
        [
            [label, *ends[name], Estimate.over([f * b for f, b in zip(ends[name][0].values, ends[name][1].values)])]
            for name, (_, label) in LOOKS.items()
        ],
        f"Variance after {len(narrowing) - 1} layers, each with 0.8 times the units of the one before; 1 at the start.",
    )
    yield Note(
        "The layers are linear: that is the assumption of the derivation, and holds for tanh near 0. Rectified units "
        "halve the variance, which is He's correction."
    )


def flow(name, widths, seed, rows=200):
    """Variance of signals before each layer and after the last, and of gradients there: two rows ``(depth + 1,)``."""
    if name == "old":
        sizes = enumerate(itertools.pairwise(widths))
        matrices = [layers.weights(f"uniform({1 / np.sqrt(m):.9f})", (m, n), 1000 * seed + k)[0] for k, (m, n) in sizes]
    else:
        matrices = layers.weights(name, widths, seed)
    rng = keys.generator(seed, "signals")
    signal = [rng.standard_normal((rows, widths[0]), np.float32)]
    gradient = [rng.standard_normal((rows, widths[-1]), np.float32)]
    for w in matrices:
        signal.append(signal[-1] @ w)
    for w in reversed(matrices):
        gradient.append(gradient[-1] @ w.T)
    return np.array([[np.mean(np.square(x, dtype=np.float64)) for x in s] for s in (signal, gradient[::-1])])


def gains(flows):
    """What each layer multiplies forwards and backwards: two arrays ``(replicas, depth)``."""
    both = np.array(flows)
    return both[:, 0, 1:] / both[:, 0, :-1], both[:, 1, :-1] / both[:, 1, 1:]


def furthest(values):
    """The layer whose mean over the replicas is furthest from 1."""
    return Estimate.over(values[:, abs(values.mean(axis=0) - 1).argmax()].tolist())


def total(flows, way):
    return Estimate.over([one[way, -1 if way == 0 else 0] for one in flows])


def picture(flows, even, narrowing):
    figure, panels = draw.new(1, 2, width=9.6, height=3.8, sharey=True)
    for ax, shape, widths in ((panels[0], "even", even), (panels[1], "narrowing", narrowing)):
        for name, (colour, label) in LOOKS.items():
            both = np.array(flows[name, shape])
            at = np.arange(both.shape[2])
            for way, style in ((0, "-"), (1, (0, (3, 2)))):
                ax.plot(at, both[:, way].T, color=colour, linewidth=0.6, alpha=0.25, linestyle=style)
                mean = np.exp(np.log(both[:, way]).mean(axis=0))
                thick = 3 if name == "lecun-normal" else 1.8
                ax.plot(at, mean, color=colour, linestyle=style, linewidth=thick, label=label if way == 0 else None)
        ax.set(yscale="log", xlabel="layer", title=f"{widths[0]} to {widths[-1]} units")
        ax.xaxis.get_major_locator().set_params(integer=True)
    panels[0].set_ylabel("variance")
    panels[0].plot([], [], color=draw.INK, linewidth=1.6, label="signals, forwards")
    panels[0].plot([], [], color=draw.INK, linewidth=1.6, linestyle=(0, (3, 2)), label="gradients, backwards")
    panels[0].legend(loc="lower center", fontsize=8)
    return figure
