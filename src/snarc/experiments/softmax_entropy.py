"""Softmax, entropy and cross-entropy: three identities and a triangle."""

import numpy as np

from snarc import draw, keys
from snarc.experiments import Claim, Erratum, Figure, experiment


@experiment(
    "softmax-entropy",
    rows=("S9",),
    question="How uncertain is a prediction, in nats and in bits, and what is the gradient of its cross-entropy?",
    source="C. Shannon, Bell System Technical Journal 27 (1948) 379",
    seconds=(1, 2, 2),
)
def softmax_entropy(budget):
    """Identities checked on random logits and distributions; derivatives by complex steps."""
    from snarc.learners.probability import cross_entropy, entropy, softmax

    rng = keys.generator(0, "softmax-entropy")
    cases = budget(20, 1000, 1000)
    yield Claim(
        "largest error of dE/dξ = y − d", measured=max(gradient_error(rng, softmax) for _ in range(cases)), at_most=1e-8
    )
    gaps = []
    for _ in range(cases):
        p, q = rng.dirichlet(np.ones(5)), rng.dirichlet(np.ones(8))
        gaps.append(abs(float(entropy(np.outer(p, q).ravel()) - entropy(p) - entropy(q))))
    yield Claim("largest error of S(p and q) = S(p) + S(q)", measured=max(gaps), at_most=1e-12, unit="nats")
    logits = np.round(rng.normal(size=(cases, 10)) * 64) / 64
    yield Claim(
        "softmax of logits around 10,000 is that of the same logits around 0, bit for bit",
        measured=bool((softmax(logits + 1e4) == softmax(logits)).all()),
        exact=True,
        note="The logits are multiples of 1/64, which the shift itself does not round.",
    )
    yield Claim(
        "cross-entropy of a hopeless answer stays finite",
        published=20_000,
        measured=round(float(cross_entropy([1.0, 0.0], [-1e4, 1e4]))),
        exact=True,
        unit="nats",
        source="the difference of the logits",
    )
    fair = entropy(np.full(8, 1 / 8), "bits")
    yield Claim("entropy of a fair die with eight faces", published=3, measured=float(fair), within=1e-12, unit="bits")
    yield Figure(
        simplex(entropy),
        "Each point of the triangle is a probability over three classes: certain in the corners, undecided in the "
        "middle, where the entropy is log₂ 3 = 1.585 bits.",
        name="simplex",
    )
    yield Erratum(
        "softmax_i = exp(x) / Σ exp(x_j)", "softmax_i = exp(x_i) / Σ exp(x_j); the numerator has its index",
        "B. Jensen, Artificial neural networks, lecture",
    )  # fmt: skip


def gradient_error(rng, softmax):
    """Largest difference between y − d and the complex-step derivative of −Σ d ln y."""
    x, d = 5 * rng.normal(size=6), rng.dirichlet(np.ones(6))
    z = x - x.max() + 1e-20j * np.eye(6)
    by_step = -(d * (z - np.log(np.exp(z).sum(1, keepdims=True)))).sum(1).imag / 1e-20
    return float(np.abs(by_step - (softmax(x) - d)).max())


def simplex(entropy):
    from matplotlib.tri import Triangulation

    n = 120
    p = np.array([(a, b, n - a - b) for a in range(n + 1) for b in range(n + 1 - a)]) / n
    corners = np.array([[0, 0], [1, 0], [0.5, np.sqrt(0.75)]])
    where = p @ corners
    figure, ax = draw.new(width=6.6, height=5)
    with draw.style():
        mesh = Triangulation(*where.T)
        values = entropy(p, "bits")
        heat = ax.tripcolor(mesh, values, cmap=draw.SEQUENTIAL, shading="gouraud", rasterized=True, vmin=0)
        levels = [0.25, 0.5, 0.75, 1.0, 1.25, 1.5]
        ax.tricontour(mesh, values, levels=levels, colors=draw.PAPER, linewidths=0.8)
        figure.colorbar(heat, ax=ax, label="entropy (bits)", shrink=0.8, ticks=[0, *levels])
        draw.bare(ax)
        ax.set(aspect="equal", xlim=(-0.12, 1.12), ylim=(-0.12, 1.0))
        for name, place, shift, across in (("A", 0, -0.04, "right"), ("B", 1, -0.04, "left"), ("C", 2, 0.02, "center")):
            ax.text(
                *(corners[place] + [0, shift]),
                f"certainly {name}",
                ha=across if place == 2 else "center",
                va="top" if place < 2 else "bottom",
            )
    return figure
