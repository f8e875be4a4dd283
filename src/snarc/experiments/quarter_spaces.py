"""Two hidden layers build a surface from boxes, each the AND of steps along x and y."""

import numpy as np

from snarc import formal
from snarc.experiments import Claim, Figure, experiment

BUMP = "exp(-((x-0.5)^2 + (y-0.5)^2)/0.08)"


@experiment(
    "quarter-spaces",
    rows=("F12",),
    question="How well do 400 boxes approximate a smooth bump?",
    source="F. Marquardt, Machine Learning for Physicists (lectures), part one",
    seconds=(2, 4, 4),
)
def quarter_spaces(budget):
    """A Gaussian bump of height 1 and width 0.2 on the unit square, 20 x 20 boxes, hard and logistic."""
    side = budget(8, 20, 20)
    hard, soft = formal.boxes(BUMP, side), formal.boxes(BUMP, side, steepness=2)
    floor = round(constant_floor(side), 5)
    yield Claim(
        f"root mean squared error of {side * side} hard boxes",
        measured=hard.rmse,
        published=floor,
        within=0.0005 if side == 20 else 0.005,
        source="h/√12 times the root mean squared slope",
        note="What no constants on these boxes can beat; 0.02 would take 26 boxes a side.",
    )
    yield Claim(f"root mean squared error of {side * side} logistic boxes", measured=soft.rmse, at_most=0.02)
    yield Figure(formal.draw_patchwork(hard), "Hard steps: constant on every box.", name="hard")
    yield Figure(
        formal.draw_patchwork(soft),
        "Logistic steps about as wide as a box: the boxes run into one another.",
        name="logistic",
    )


def constant_floor(side):
    """Root mean squared error of the best constants on small squares, to first order in their size."""
    x = np.linspace(0, 1, 800)
    grid = np.stack(np.meshgrid(x, x), -1).reshape(-1, 2) - 0.5
    slope = np.exp(-(grid**2).sum(1) / 0.08) * 25 * np.linalg.norm(grid, axis=1)
    return float(np.sqrt(np.mean(slope**2)) / side / np.sqrt(12))
