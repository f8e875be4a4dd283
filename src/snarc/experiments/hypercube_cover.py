"""A three-layer network covers any set with cubes; how does the error fall?"""

import numpy as np

from snarc import draw, formal
from snarc.experiments import Claim, Figure, experiment
from snarc.experiments.frame.axes import one_two_five
from snarc.formal.pictures import picture_region


@experiment(
    "hypercube-cover",
    rows=("F9",),
    question="How fast does a cover by squares approach a disc?",
    source="C. Bishop, Neural Networks for Pattern Recognition (1995), section 4.2",
    seconds=(2, 2, 5),
)
def hypercube_cover(budget):
    """Half-planes, a neuron for each square whose centre lies in the disc, and their OR."""
    k = np.array(budget((4, 8, 16), (4, 8, 16, 32, 64, 128), (4, 8, 16, 32, 64, 128)))
    covers = [formal.cover("x^2 + y^2 <= 0.8", int(n)) for n in k]
    errors = [c.error(budget(250_000, 2_000_000, 8_000_000)) for c in covers]
    slope = float(np.polyfit(np.log(k), np.log(errors), 1)[0])
    yield Claim(
        "slope of the error with the squares a side, doubly logarithmic", measured=slope, published=-1, within=0.15
    )
    yield Claim(
        "network and cover agree on all random points",
        measured=all(c.agreement(500) == 1 for c in covers),
        exact=True,
    )
    yield Figure(
        picture(covers, k, errors, slope), "Two covers of the disc, and the area on which they are wrong.", name="cover"
    )


def picture(covers, k, errors, slope):
    figure, axes = draw.new(1, 3, width=12, height=3.9)
    for ax, which in zip(axes, (1, min(3, len(covers) - 1))):
        picture_region(ax, covers[which], bar=False)
        ax.set_title(f"{k[which]} squares a side: {covers[which].network.computed:,} neurons", fontsize=10)
    with draw.style():
        axes[2].loglog(k, 100 * np.array(errors), "o-")
        axes[2].loglog(k, 100 * errors[0] * k[0] / k, "--", color=draw.MUTED, label="slope −1")
        one_two_five(axes[2].xaxis)
        one_two_five(axes[2].yaxis)
        axes[2].set(xlabel="squares a side", ylabel="wrong area (%)", title=f"slope {slope:.2f}".replace("-", "−"))
        axes[2].legend()
    return figure
