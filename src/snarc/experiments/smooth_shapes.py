"""Homework: smoothed squares and other convex shapes from logistic neurons."""

import numpy as np

from snarc import draw, formal
from snarc.experiments import Claim, Figure, experiment
from snarc.formal.pictures import picture_region

SHAPES = {
    "square": formal.polygon([(-0.8, -0.8), (0.8, -0.8), (0.8, 0.8), (-0.8, 0.8)]),
    "pentagon": formal.regular_polygon(5),
    "24 corners": formal.regular_polygon(24),
}
STEEPNESS = {"square": 60, "pentagon": 60, "24 corners": 120}


@experiment(
    "smooth-shapes",
    rows=("F10",),
    question="Can logistic neurons draw a square, a pentagon, a polygon of 24 corners?",
    source="F. Marquardt, Machine Learning for Physicists (lectures), homework of part one",
    seconds=(2, 2, 4),
)
def smooth_shapes(budget):
    """One hidden neuron a side and one output neuron that takes their AND; the overlap is intersection over union."""
    samples = budget(40_000, 250_000, 1_000_000)
    for name, shape in SHAPES.items():
        region = formal.convex(shape)
        yield Claim(f"{name}: overlap of hard neurons", measured=region.overlap(samples), at_least=0.99)
        soft = formal.smooth(region, STEEPNESS[name])
        yield Claim(
            f"{name}: overlap of logistic neurons", measured=soft.overlap(samples), at_least=0.99,
            note=f"Steepness {STEEPNESS[name]} per unit of length, {soft.network.computed} neurons.",
        )  # fmt: skip
    yield Figure(
        picture(), "Above at a low steepness, which rounds the corners; below at the one measured.", name="shapes"
    )


def picture():
    figure, axes = draw.new(2, 3, width=10.5, height=7)
    for row, factor in zip(axes, (0.15, 1)):
        for ax, (name, shape) in zip(row, SHAPES.items()):
            steepness = factor * STEEPNESS[name]
            picture_region(
                ax, formal.smooth(formal.convex(shape), steepness, 20 if factor == 1 else 12), side=200, bar=False
            )
            with draw.style():
                ax.set_title(f"{name}, steepness {steepness:.0f}")
            ax.set_xticks(np.arange(-1, 2))
            ax.set_yticks(np.arange(-1, 2))
    return figure
