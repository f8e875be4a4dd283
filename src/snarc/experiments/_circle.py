"""The circle of Storm et al.: points of a square, half of whose area is the unit disc."""

import numpy as np

from snarc import keys

HALF = float(np.sqrt(np.pi / 2))  # half the width of the square


def points(name, count):
    """Points ``(count, 2)`` over the square and their targets ``(count, 1)``, 1 inside the circle and -1 outside."""
    x = keys.generator(0, "circle", name).uniform(-HALF, HALF, (count, 2)).astype(np.float32)
    return x, np.where((x**2).sum(axis=1) < 1, 1, -1).astype(np.float32)[:, None]


def circle(train, test):
    """The data set, with so many points to learn from and to test on; inputs are not standardised."""
    from snarc.data import from_arrays

    x, y = points("train", train)
    x_test, y_test = points("test", test)
    return from_arrays(x, y, x_test=x_test, y_test=y_test, validation=0, task="regression", name="circle")


def errors(run):
    """Test error of each replica, a fraction: the sign of the output against the side of the circle."""
    found = run.evaluate("test")
    return [float(np.mean((z > 0) != (found.targets > 0))) for z in found.logits]
