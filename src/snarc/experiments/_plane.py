"""What experiments on functions and pictures share: a function over the square, and panels of it."""

import numpy as np

from snarc import draw


def square(points=80, reach=0.5):
    """The middles of a grid over the square, ``(points * points, 2)``; y upwards in pictures of it."""
    line = np.linspace(-reach, reach, points, dtype=np.float32)
    x, y = np.meshgrid(line, line)
    return np.stack([x, y], axis=-1).reshape(-1, 2)


def panels(shown, columns, *, width=8.4, low=None, high=None, bar="", height=None):
    """Functions over the square ``(title, (n, n))`` side by side, in one scale."""
    rows = -(-len(shown) // columns)
    height = rows * (0.3 + 0.86 * width / columns) if height is None else height
    figure, axes = draw.new(rows, columns, width=width, height=height, squeeze=False)
    low = min(np.min(values) for _, values in shown) if low is None else low
    high = max(np.max(values) for _, values in shown) if high is None else high
    for ax in axes.flat:
        draw.bare(ax)
    for ax, (title, values) in zip(axes.flat, shown):
        image = ax.imshow(values, origin="lower", cmap=draw.SEQUENTIAL, vmin=low, vmax=high)
        ax.set_title(title, loc="center", fontsize=10, fontweight="normal")
    figure.colorbar(image, ax=list(axes.flat), label=bar, shrink=0.9, pad=0.02)
    return figure


def over(network, points=80):
    """The outputs of a network of two variables over the square."""
    return np.asarray(network(square(points))).reshape(points, points)
