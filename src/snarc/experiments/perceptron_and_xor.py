"""A perceptron learns AND; XOR it cannot learn, and four fractions prove it."""

from typing import Any

import numpy as np

from snarc import draw, learners
from snarc.experiments import Claim, Figure, Note, Table, experiment

BITS = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
SIGNS = 2 * BITS - 1
AND, XOR = np.array([-1, -1, -1, 1]), np.array([-1, 1, 1, -1])


@experiment(
    "perceptron-and-xor",
    rows=("S3",),
    question="Which of AND and XOR can one neuron learn, and how can one be sure that it cannot?",
    source="M. Minsky, S. Papert, Perceptrons (1969)",
    seconds=(1, 2, 2),
)
def perceptron_and_xor(budget):
    """Rosenblatt's rule with rate 1 on the two truth tables, in order, from zero weights; AND of 0 and 1, XOR of ±1."""
    yes = learners.Perceptron(record="mistake").fit(BITS, AND)
    no = learners.Perceptron(record="mistake").fit(SIGNS, XOR)
    epochs = learners.Perceptron().fit(SIGNS, XOR)
    certificate: Any = learners.Perceptron().certificate(SIGNS, XOR)
    yield Claim("epochs until AND is right", published=20, measured=yes.epochs_, at_most=20)
    yield Claim("all four rows of AND are right", measured=bool((yes.predict(BITS) == AND).all()), exact=True)
    yield Claim(
        "the certificate that XOR is not separable is right, in fractions",
        measured=bool(not certificate.separable and certificate.verify(SIGNS[XOR > 0], SIGNS[XOR < 0])),
        exact=True,
        note="Farkas's lemma: shares of either class, each of sum 1, whose mean is one and the same point.",
    )
    first, period = epochs.cycle_ or (0, 0)
    yield Claim(
        "on XOR the weights come back, so that the rule never ends",
        measured=bool(period > 0 and (epochs.path_[first] == epochs.path_[first + period]).all()),
        exact=True,
        note=f"From epoch {first} on with a period of {period} epoch{'s' * (period > 1)}.",
    )
    yield Figure(
        frames(yes, no, cycle_start(no)),
        "Above, AND: the line on its way to the last correction, after which every row is right. Below, XOR: one whole "
        "cycle, which ends in the zero weights from which it began. Ringed rows are wrong.",
        name="boundaries",
    )
    rows = []
    for share, index, side in (
        *((s, np.flatnonzero(XOR > 0)[k], "+1") for k, s in certificate.positive.items()),
        *((s, np.flatnonzero(XOR < 0)[k], "−1") for k, s in certificate.negative.items()),
    ):
        rows.append([f"({SIGNS[index][0]:.0f}, {SIGNS[index][1]:.0f})", side, str(share)])
    point = ", ".join(map(str, certificate.common_point(SIGNS[XOR > 0])))
    yield Table(["row", "XOR", "share"], rows, f"The certificate: the means of both classes are the point ({point}).")
    yield Note(
        "A neuron that is positive on both rows of one class is positive at their mean, and negative at the mean of "
        "the other class if it is negative there; but the two means are one point."
    )


def cycle_start(neuron):
    """The first record of the path of corrections that comes back later."""
    seen: dict[tuple[float, ...], int] = {}
    for k, w in enumerate(map(tuple, neuron.path_.tolist())):
        if w in seen:
            return seen[w], k
        seen[w] = k
    return 0, len(neuron.path_) - 1


def frames(yes, no, cycle):
    # Of AND's corrections those are shown whose line passes between the points; of XOR's cycle all.
    corners = np.column_stack([np.ones(4), BITS])
    among = [k for k, w in enumerate(yes.path_) if (corners @ w).min() < 0 < (corners @ w).max()]
    above = [among[k] for k in np.linspace(0, len(among) - 1, 4).round().astype(int)]
    below = range(cycle[0] + 1, cycle[0] + 5)
    figure, axes = draw.new(2, 4, width=10.5, height=5.6)
    with draw.style():
        for row, x, neuron, steps, t, name in ((0, BITS, yes, above, AND, "AND"), (1, SIGNS, no, below, XOR, "XOR")):
            for ax, step in zip(axes[row], steps):
                w = neuron.path_[step]
                low, high = x.min(), x.max()
                edge = 0.4 * (high - low)
                ax.set(xlim=(low - edge, high + edge), ylim=(low - edge, high + edge), aspect="equal")
                ax.set(xticks=[low, high], yticks=[low, high], title=f"{name}, correction {step}")
                boundary(ax, w)
                wrong = t * (w[0] + x @ w[1:]) <= 0
                for label, color, mark in ((1, draw.PALETTE[0], "s"), (-1, draw.PALETTE[2], "o")):
                    ax.scatter(*x[t == label].T, s=110, marker=mark, color=color, edgecolor=draw.PAPER, zorder=3)
                ax.scatter(*x[wrong].T, s=300, facecolor="none", edgecolor=draw.INK, linewidth=1.5, zorder=4)
                ax.xaxis.set_major_formatter(lambda v, _: f"{v:.0f}")
                ax.yaxis.set_major_formatter(lambda v, _: f"{v:.0f}")
        for ax in axes[1]:
            ax.set_xlabel("$x_1$")
        for ax in axes[:, 0]:
            ax.set_ylabel("$x_2$")
    return figure


def boundary(ax: Any, w: Any) -> None:
    """The line w0 + w . x = 0 with the side where the neuron fires shaded; the whole plane where there is no line."""
    across, up = ax.get_xlim(), ax.get_ylim()
    a, b = np.meshgrid(np.linspace(across[0], across[1], 3), np.linspace(up[0], up[1], 3))
    field = w[0] + w[1] * a + w[2] * b
    if field.max() > 0:
        ax.contourf(a, b, field, levels=[0, field.max() + 1], colors=[draw.PALETTE[0]], alpha=0.12)
    if w[1:].any():
        ax.contour(a, b, field, levels=[0], colors=[draw.PALETTE[1]], linewidths=2.5)
