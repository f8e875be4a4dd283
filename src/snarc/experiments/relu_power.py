"""One hidden layer of ReLU neurons interpolates any function, and recognises any open set of the line."""

from fractions import Fraction

import numpy as np

from snarc import draw, formal
from snarc.experiments import Claim, Figure, experiment

PIECES = np.array([4, 8, 16, 32, 64, 128])
SET = [(Fraction(1, 10), Fraction(3, 10)), (Fraction(1, 2), Fraction(3, 5)), (Fraction(3, 4), Fraction(1))]


@experiment(
    "relu-power",
    rows=("F15",),
    question="What can one hidden layer of ReLU neurons do on an interval?",
    source="D. Yarotsky, Neural Networks 94 (2017) 103, for interpolation; T. Brázdil, PV021 (lectures)",
    seconds=(1, 1, 1),
)
def relu_power(budget):
    """x² on [0, 1] with equal pieces; a union of open intervals through the distance to its complement."""
    found = [formal.fit("x^2", int(m)) for m in PIECES]
    errors = np.array([f.error for f in found])
    yield Claim(
        "largest error at a knot",
        measured=max(float(np.abs(f(f.knots) - f.knots**2).max()) for f in found),
        at_most=1e-12,
    )
    ratio = errors * 4 * PIECES**2
    yield Claim(
        "largest error of x², over h²/4", measured=float(ratio[np.abs(ratio - 1).argmax()]), published=1, within=0.01
    )
    slope = float(np.polyfit(np.log(1 / PIECES), np.log(errors), 1)[0])
    yield Claim(
        "slope of the error with the piece length, doubly logarithmic", measured=slope, published=2, within=0.02
    )
    yield Claim(
        "no error is above its proved bound", measured=all(f.bound is not None and f.error <= f.bound for f in found)
    )
    net = formal.open_set(SET)
    points = [Fraction(k, 240) for k in range(-24, 265)]
    yield Claim(
        f"rational points whose membership in an open set is right, of {len(points)}",
        measured=sum((formal.compute(net, (x,))[0] > 0) == any(a < x < b for a, b in SET) for x in points),
        published=len(points),
        exact=True,
    )
    yield Figure(
        picture(net, errors),
        "Kinks where pieces meet; the set as the place where the network is positive; the rate.",
        name="kinks",
    )


def picture(net, errors):
    figure, axes = draw.new(1, 3, width=12, height=3.7)
    x = np.linspace(0, 1, 1000)
    with draw.style():
        few = formal.fit("x^2", 4)
        axes[0].plot(x, x**2, color=draw.MUTED, linewidth=4, alpha=0.4, label="x²")
        axes[0].plot(x, few(x), label="4 ReLU neurons")
        axes[0].plot(few.knots, few(few.knots), "o", color=draw.PALETTE[1], label="kinks")
        axes[0].set(xlabel="x", ylabel="y")
        axes[0].legend()
        axes[1].plot(x, formal.evaluate(net, x[:, None])[:, 0])
        for a, b in SET:
            axes[1].axvspan(float(a), float(b), color=draw.PALETTE[4], alpha=0.3, linewidth=0)
        axes[1].set(xlabel="x", ylabel="output", title="an open set: positive exactly there")
        axes[2].loglog(1 / PIECES, errors, "o", label="measured")
        axes[2].loglog(1 / PIECES, 1 / PIECES**2 / 4, "--", color=draw.MUTED, label="h²/4")
        axes[2].set(xlabel="length of a piece h", ylabel="largest error")
        axes[2].legend()
    return figure
