"""A neuron is a hyperplane: it tells zeros from ones, and provably not odd digits from even ones."""

from typing import Any

import numpy as np

from snarc import draw, formal, keys
from snarc.experiments import Claim, Figure, Table, experiment


@experiment(
    "neuron-hyperplane",
    rows=("F4",),
    question="Which sets of binary images can one neuron tell apart?",
    source="M. Minsky, S. Papert, Perceptrons (1969), chapter 12; Farkas's lemma (1902)",
    seconds=(2, 2, 2),
)
def neuron_hyperplane(budget):
    """Real 8 x 8 digits (scikit-learn's), black where a pixel is at least 8 of 16; answers verified in fractions."""
    from sklearn.datasets import load_digits

    images, labels = load_digits(return_X_y=True)
    binary = (images >= 8).astype(int)
    zeros, ones = binary[labels == 0], binary[labels == 1]
    apart: Any = formal.separate(zeros, ones)
    yield Claim(
        "zeros and ones are separable, checked exactly",
        measured=apart.separable and apart.verify(zeros, ones),
        exact=True,
    )
    odd, even = binary[labels % 2 == 1], binary[labels % 2 == 0]
    proof: Any = formal.separate(odd, even)
    yield Claim(
        "odd and even digits are not, the certificate checked exactly",
        measured=not proof.separable and proof.verify(odd, even),
        exact=True,
        note=f"A point is a mean of {len(proof.positive)} odd and of {len(proof.negative)} even digits.",
    )
    yield Claim("largest error of a signed distance", measured=worst_distance(), at_most=1e-12)
    neuron = apart.neuron()
    yield Figure(
        picture(zeros, ones, neuron),
        "Left: a cut through the 64 dimensions, along the neuron's weight vector and the main direction across it. The "
        "green line is the neuron's hyperplane, the red one the hyperplane of the pixels' mean difference moved to the "
        "origin, which is wrong. Right: the weights on their pixels.",
        name="cut",
    )
    used = sum(w != 0 for w in neuron.weights)
    yield Table(["problem", "separable", "proof"], [
        ["0 and 1", "yes", f"{used} weights that are not 0, bias {neuron.bias}"],
        ["odd and even", "no", f"common point of {len(proof.positive)} + {len(proof.negative)} images"],
    ])  # fmt: skip


def worst_distance():
    rng, worst = keys.generator(0, "distances"), 0.0
    for _ in range(200):
        w, x = rng.normal(size=(2, 5))
        neuron = formal.Neuron(tuple(w), bias=float(rng.normal()))
        foot = x - neuron.signed_distance(x) * w / np.linalg.norm(w)
        worst = max(worst, abs(neuron.local_field(foot)) / np.linalg.norm(w))
    return worst


def picture(zeros, ones, neuron):
    w = np.array([float(v) for v in neuron.weights])
    unit, points = w / np.linalg.norm(w), np.vstack([zeros, ones]).astype(float)
    across = points - np.outer(points @ unit, unit)
    second = np.linalg.svd(across - across.mean(0), full_matrices=False)[2][0]
    wrong = zeros.mean(0) - ones.mean(0)
    figure, (ax, board) = draw.new(1, 2, width=10, height=4.8, width_ratios=(1.5, 1))
    jitter = keys.generator(1, "jitter").normal(0, 0.035, len(points))
    with draw.style():
        for label, rows, mark, colour in (
            ("zeros", slice(0, len(zeros)), "o", 0),
            ("ones", slice(len(zeros), None), "s", 4),
        ):
            ax.scatter(
                points[rows] @ unit + jitter[rows], points[rows] @ second, s=22, marker=mark, alpha=0.75,
                color=draw.PALETTE[colour], label=label, edgecolor=draw.PAPER, linewidth=0.4,
            )  # fmt: skip
        ax.axvline(
            -float(neuron.bias) / np.linalg.norm(w), color=draw.PALETTE[2], linewidth=2.5, label="the neuron: right"
        )
        a, b = wrong @ unit, wrong @ second
        low, high = ax.get_ylim()
        y = np.array([low, high])
        ax.plot(-(b * y) / a, y, color=draw.PALETTE[1], linewidth=2.5, label="another neuron: wrong")
        ax.set_ylim(low, high)
        ax.set_xlim((points @ unit).min() - 0.4, (points @ unit).max() + 0.4)
        ax.set(xlabel="along the weights (pixels)", ylabel="main direction across them (pixels)")
        ax.legend(loc="upper center", bbox_to_anchor=(0.5, 1.16), ncols=4, fontsize=8, columnspacing=1.0)
        image = draw.bare(board).imshow(w.reshape(8, 8), cmap=draw.DIVERGING, vmin=-3, vmax=3)
        figure.colorbar(image, ax=board, label="weight", shrink=0.8)
        board.set_title("positive for 0, negative for 1")
    return figure
