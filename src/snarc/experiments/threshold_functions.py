"""How many Boolean functions can a single McCulloch-Pitts neuron compute?"""

import numpy as np

from snarc import draw, formal
from snarc.experiments import Claim, Figure, experiment

COUNTS = {2: 14, 3: 104, 4: 1882}


@experiment(
    "threshold-functions",
    rows=("F2",),
    question="How many of the Boolean functions of n inputs can one neuron compute?",
    source="W. McCulloch, W. Pitts, Bull. Math. Biophys. 5 (1943) 115; S. Muroga, Threshold Logic (1971)",
    seconds=(1, 1, 1),
)
def threshold_functions(budget):
    """Every function gets integer weights, checked on every row, or four rows a + b = c + d that forbid them."""
    for n, published in COUNTS.items():
        weights, proofs = formal.enumerate_threshold(n)
        yield Claim(f"threshold functions of {n} inputs", measured=len(weights), published=published, exact=True)
        yield Claim(
            f"functions of {n} inputs with a proof, of 2^{2**n}",
            measured=len(weights) + len(proofs),
            published=2**2**n,
            exact=True,
            note="Weights for those that are, two pairs of rows with the same sum for those that are not.",
        )
    yield Figure(
        wall(),
        "All functions of two and three inputs as truth tables, a square each; in a square a dark cell is a row "
        "where the function is 1. Those that one neuron computes are lit in amber.",
        name="wall",
    )


def wall():
    figure, axes = draw.new(1, 2, width=10, height=5.6, width_ratios=(1, 2.2))
    with draw.style():
        for ax, n, columns in zip(axes, (2, 3), (4, 16)):
            weights, _ = formal.enumerate_threshold(n)
            high = 2 ** (n // 2)
            wide = 2**n // high
            count = 2**2**n
            sheet = np.ones((count // columns * (high + 1) + 1, columns * (wide + 1) + 1, 3))
            for f in range(count):
                y, x = f // columns * (high + 1) + 1, f % columns * (wide + 1) + 1
                bits = np.array([(f >> r) & 1 for r in range(2**n)]).reshape(high, wide)
                dark, light = (
                    ((0.90, 0.62, 0.0), (1.0, 0.92, 0.72)) if f in weights else ((0.55, 0.58, 0.63), (0.9, 0.91, 0.93))
                )
                sheet[y : y + high, x : x + wide] = np.where(bits[..., None] == 1, dark, light)
            draw.bare(ax).imshow(sheet)
            ax.set_title(f"{n} inputs: {len(weights)} of {count}")
    return figure
