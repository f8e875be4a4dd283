"""Random deep networks make complicated functions, and a batch of inputs is one matrix."""

import time

import numpy as np

from snarc import draw, formal
from snarc.experiments import Claim, Figure, experiment

Y = np.array([0.2, 0.4, -0.1])


@experiment(
    "random-deep-network",
    rows=("F16",),
    question="What functions do random deep networks compute, and what does a batch save?",
    source="F. Marquardt, Machine Learning for Physicists (lectures), part one",
    seconds=(1, 2, 2),
)
def random_deep_network(budget):
    """The lecture's 3-2 layer by hand; a 2-30-30-30-1 network on 400 x 400 points, at once and one by one."""
    ((kernel, bias, _),) = layer = formal.random_layers((3, 2))
    by_hand = [1 / (1 + np.exp(-(sum(kernel[i, j] * Y[i] for i in range(3)) + bias[j]))) for j in range(2)]
    yield Claim(
        "difference of the 3-2 layer from the sums written out",
        measured=float(np.abs(formal.forward(layer, Y[None])[0] - by_hand).max()),
        at_most=1e-12,
    )
    layers = formal.random_layers((2, 30, 30, 30, 1), scale=6)
    side = 400
    points = formal.geometry.grid((np.full(2, -1.0), np.full(2, 1.0)), side * side)
    _, batch = best_time(lambda: formal.forward(layers, points), 5)
    some = points[:: side * side // budget(200, 2000, 8000)]
    looped, loop = best_time(lambda: np.concatenate([formal.forward(layers, p[None]) for p in some]), 2)
    yield Claim(
        "difference of batch and loop",
        measured=float(np.abs(looped - formal.forward(layers, some)).max()),
        at_most=1e-12,
    )
    ratio = (loop / len(some)) / (batch / len(points))
    yield Claim("time of the loop over that of the batch, per point", measured=ratio, at_least=20)
    yield Figure(
        draw_depths(side),
        "Tanh networks with weights and biases uniform in (−1.6, 1.6): the deeper, the more folds.",
        name="depths",
    )


def best_time(function, repeats):
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        value = function()
        times.append(time.perf_counter() - start)
    return value, min(times)


def draw_depths(side):
    figure, axes = draw.new(1, 4, width=12, height=3.4)
    points = formal.geometry.grid((np.full(2, -1.0), np.full(2, 1.0)), side * side)
    for ax, depth in zip(axes, (1, 2, 4, 8)):
        values = formal.forward(
            formal.random_layers((2, *[30] * depth, 1), activation="tanh", scale=1.6, seed=4), points
        )
        low, high = np.percentile(values, (1, 99))
        draw.bare(ax).imshow(values.reshape(side, side), cmap=draw.DIVERGING, vmin=low, vmax=high)
        with draw.style():
            ax.set_title(f"{depth} hidden layer{'s' * (depth > 1)} of 30")
    return figure
