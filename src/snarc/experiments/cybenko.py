"""Sums of ridges approximate continuous functions and decide sets, as Cybenko proved."""

import numpy as np

from snarc import draw, formal
from snarc.experiments import Claim, Figure, experiment
from snarc.experiments.frame.axes import one_two_five

WAVES = "sin(2*pi*x)*cos(2*pi*y)"
DISC = "x^2 + y^2 <= 0.64"
BOX = ((-1, -1), (1, 1))


@experiment(
    "cybenko",
    rows=("F14",),
    question="How fast do sums of logistic ridges approach a function, and a set?",
    source="G. Cybenko, Math. Control Signals Systems 2 (1989) 303",
    seconds=(3, 10, 17),
)
def cybenko(budget):
    """Random ridges, weights by least squares: the largest error of a function, the misclassified measure of a disc."""
    numbers = budget((32, 64), (32, 64, 125, 250, 500), (32, 64, 125, 250, 500, 1000))
    functions = [formal.ridges(WAVES, n, steepness=4) for n in numbers]
    discs = [formal.ridges(DISC, n, box=BOX, steepness=10) for n in numbers]
    wrong = [misclassified(d) for d in discs]
    n = numbers[-1]
    yield Claim(f"largest error of {n} ridges on sin 2πx cos 2πy", measured=functions[-1].sup, at_most=1e-2)
    yield Claim(f"misclassified part of the box, {n} ridges on a disc", measured=100 * wrong[-1], at_most=1.0, unit="%")
    yield Figure(
        picture(numbers, functions, discs, wrong),
        "Smooth functions are reached to many digits; the border of a set, where the sum has to jump, only slowly.",
        name="ridges",
    )


def misclassified(found):
    points = formal.geometry.grid(found.box, 250_000)
    return float(np.mean((found(points) >= 0.5) != (found.function(points) > 0.5)))


def picture(numbers, functions, discs, wrong):
    figure, axes = draw.new(1, 3, width=12, height=3.9)
    side = 150
    with draw.style():
        for ax, found, title in ((axes[0], functions[-1], "sin 2πx cos 2πy"), (axes[1], discs[-1], "a disc")):
            values = found(formal.geometry.grid(found.box, side * side)).reshape(side, side).T
            (x0, y0), (x1, y1) = found.box
            image = ax.imshow(values, origin="lower", extent=(x0, x1, y0, y1), cmap="cividis")
            if found is discs[-1]:
                ax.contour(values, levels=[0.5], colors=[draw.PALETTE[1]], extent=(x0, x1, y0, y1))
            ax.grid(False)
            ax.set(xlabel="x", ylabel="y", title=f"{title}, {numbers[-1]} ridges")
            figure.colorbar(image, ax=ax, shrink=0.8)
        axes[2].loglog(numbers, [f.sup for f in functions], "o-", label="function: largest error")
        axes[2].loglog(numbers, wrong, "s-", label="disc: misclassified part")
        axes[2].axhline(1e-2, color=draw.MUTED, linestyle="--", linewidth=1.2)
        axes[2].set(xlabel="hidden neurons", ylabel="error")
        one_two_five(axes[2].xaxis)
        axes[2].legend()
    return figure
