"""The activation functions of the field, and their derivatives checked to ten digits."""

import numpy as np

from snarc import draw, formal
from snarc.experiments import Claim, Figure, experiment

X = np.setdiff1d(np.linspace(-6, 6, 601), [0.0, 1.0])


@experiment(
    "activation-gallery",
    rows=("F3",),
    question="What do the activation functions look like, and are their derivatives right?",
    source="W. Squire, G. Trapp, SIAM Review 40 (1998) 110, for the complex step",
    seconds=(1, 1, 1),
)
def activation_gallery(budget):
    """Thirteen scalar functions, the logistic one at three steepnesses, and softmax with its Jacobian."""
    gallery = [*formal.ACTIVATIONS.values(), formal.steep(0.5), formal.steep(5.0)]
    worst = max(deviation(g.derivative(X), formal.complex_step(g.function, X)) for g in gallery)
    yield Claim(
        f"largest relative deviation of {len(gallery)} derivatives from the complex step", measured=worst, at_most=1e-10
    )
    x = np.array([0.3, -1.2, 2.0, 0.1])
    jacobian = np.stack([formal.complex_step(softmax_along(x, j), np.array(0.0)) for j in range(len(x))], 1)
    yield Claim(
        "largest relative deviation of the Jacobian of softmax",
        measured=deviation(formal.softmax_jacobian(x), jacobian),
        at_most=1e-10,
    )
    yield Figure(
        picture(), "Each function (blue) with its derivative (orange); steps have none where they jump.", name="gallery"
    )


def softmax_along(x, j):
    return lambda z: formal.softmax(x + z * np.eye(len(x))[j])


def deviation(found, expected):
    smooth = expected != 0
    return float(
        np.max(
            np.abs(found - expected)[smooth] / np.abs(expected[smooth]), initial=np.abs(found[~smooth]).max(initial=0)
        )
    )


def picture():
    figure, axes = draw.new(4, 4, width=9.6, height=8.4, sharex=True)
    gallery = list(formal.ACTIVATIONS.values())
    with draw.style():
        for ax, g in zip(axes.flat, gallery):
            y = np.where(np.abs(X) < 0.011, np.nan, g.function(X)) if g.name in ("step", "sign") else g.function(X)
            ax.plot(X, y, color=draw.PALETTE[0], zorder=3)
            ax.plot(X, g.derivative(X), color=draw.PALETTE[1], linewidth=1.3)
            ax.set_title(g.name)
            ax.set_ylim(max(-2.2, np.nanmin(y) - 0.3), min(4, max(1.3, np.nanmax(y) + 0.3)))
        for steepness, colour in zip((0.5, 1.0, 5.0), draw.PALETTE[2:]):
            axes.flat[13].plot(X, formal.steep(steepness).function(X), color=colour, label=f"λ = {steepness:g}")
        axes.flat[13].set_title("logistic, steepness λ")
        axes.flat[13].legend(fontsize=7)
        fields = np.stack([X, np.zeros_like(X), np.full_like(X, 1.5)], 1)
        for share, label, colour in zip(formal.softmax(fields).T, ("x", "0", "1.5"), draw.PALETTE):
            axes.flat[14].plot(X, share, color=colour, label=label)
        axes.flat[14].set_title("softmax of x, 0 and 1.5")
        axes.flat[14].legend(fontsize=7)
        axes.flat[15].set_axis_off()  # sharing its axis, it must not take the ticks away
        axes.flat[15].plot([], [], color=draw.PALETTE[0], label="function")
        axes.flat[15].plot([], [], color=draw.PALETTE[1], label="derivative")
        axes.flat[15].legend(loc="center", fontsize=11)
        for ax in axes[3, :3]:
            ax.set_xlabel("local field")
    return figure
