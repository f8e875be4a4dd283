"""Homework: can a single hidden layer draw a square?"""

from snarc import draw, formal
from snarc.experiments import Claim, Figure, Note, experiment

SQUARE = "max(abs(x), abs(y)) < 0.5"
BOX = ((-1, -1), (1, 1))


@experiment(
    "single-layer-square",
    rows=("F13",),
    question="Can one hidden layer draw a square, and how well with 500 neurons?",
    source="F. Marquardt, Machine Learning for Physicists (lectures), bonus homework of part one",
    seconds=(4, 12, 17),
)
def single_layer_square(budget):
    """Ridges chosen greedily under the symmetries of the square, weights by least squares; beside random ridges."""
    numbers = budget((64, 128), (64, 128, 248, 496), (64, 128, 248, 496))
    options = {"candidates": budget(600, 2000, 4000), "side": budget(40, 60, 80)}
    greedy = [formal.greedy_ridges(SQUARE, n, **options) for n in numbers]
    chance = [formal.ridges(SQUARE, n, box=BOX, steepness=20) for n in numbers]
    best = greedy[-1]
    yield Claim(
        f"error of {best.hidden[0]} ridges, relative to the square (L2)",
        measured=100 * best.relative,
        at_most=5.0,
        unit="%",
        note="Measured on a grid that was not fitted to.",
    )
    yield Claim(
        "greedy ridges are better than random ones at every number",
        measured=all(a.rmse < b.rmse for a, b in zip(greedy, chance)),
    )
    yield Figure(
        formal.draw_patchwork(best),
        "The square, the sum of ridges, and what is left: mostly at the corners and edges.",
        name="square",
    )
    yield Figure(
        rates(numbers, greedy, chance),
        "The error falls slowly: a ridge goes on beyond the square and others have to undo it.",
        name="rate",
    )
    yield Note("Yes, but slowly. With two hidden layers five neurons suffice: four half-planes and their AND.")


def rates(numbers, greedy, chance):
    figure, ax = draw.new(width=6.4, height=4.2)
    with draw.style():
        for found, label, mark in ((chance, "random directions", "s"), (greedy, "chosen one after another", "o")):
            ax.loglog(numbers, [100 * f.relative for f in found], f"{mark}-", label=label)
        ax.axhline(5, color=draw.MUTED, linestyle="--", linewidth=1.2)
        ax.set(xlabel="hidden neurons", ylabel="error relative to the square (%)")
        ax.set_xticks(numbers, [str(n) for n in numbers])
        ax.set_yticks([5, 10, 20, 40], ["5", "10", "20", "40"])
        ax.minorticks_off()
        ax.legend()
    return figure
