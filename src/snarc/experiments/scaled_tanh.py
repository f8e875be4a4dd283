"""LeCun's sigmoid, 1.7159 tanh(2x/3): where it is nearly linear, where it saturates, and why these two numbers."""

import numpy as np

from snarc import draw
from snarc.experiments import Claim, Erratum, Figure, Note, Table, experiment

LECUN = "Y. LeCun, L. Bottou, G. B. Orr, K.-R. Müller, Efficient BackProp (1998), section 4.4"


@experiment(
    "scaled-tanh",
    rows=("I1",),
    question="What is special about the sigmoid 1.7159 tanh(2x/3)?",
    source=LECUN,
    seconds=(2, 2, 2),
)
def scaled_tanh(budget):
    """The library's function and its first two derivatives, in double precision."""
    f, slope, bend = derivatives()
    yield Claim("f(1)", published=0.9999973, measured=f(1.0), within=5e-8, source="by hand", digits=7)
    yield Claim("f'(0)", published=1.1439333, measured=slope(0.0), within=5e-8, source="by hand", digits=7)
    yield Claim("f(4)", published=1.6994, measured=f(4.0), within=5e-5, source="by hand", digits=4)
    yield Claim("limit on the right", published=1.7159, measured=f(100.0), within=1e-6, digits=4)
    yield Claim("limit on the left", published=-1.7159, measured=f(-100.0), within=1e-6, digits=4)
    x = np.linspace(-1, 1, 2001)
    yield Claim(
        "largest distance from the line y = x on [-1, 1]",
        published="linear",
        measured=float(abs(f(x) - x).max()),
        at_most=0.06,
        note="The bound is ours, set after a look: linear to six hundredths.",
    )
    yield Claim(
        "share of its limit that it has reached at 4", measured=100 * f(4.0) / 1.7159, at_least=99, unit="%",
        published="saturated",
    )  # fmt: skip
    fine = np.linspace(0, 4, 400_001)
    yield Claim(
        "where it bends most",
        published=1.0,
        measured=float(fine[abs(bend(fine)).argmax()]),
        within=0.02,
        note="So that targets of ±1 lie before the saturation, where the slope still tells something.",
    )
    yield Figure(
        picture(f, slope, bend),
        "The function and its first two derivatives. Shaded: beyond ±4, where it saturates; marked: ±1, where the "
        "usual targets are and where it bends most.",
        name="derivatives",
    )
    spread = {s: gauss(lambda z, s=s: f(s * z) ** 2) ** 0.5 for s in (0.5, 1.0, 2.0)}
    yield Table(
        ["spread of normal inputs", "spread of the outputs", "tanh, for comparison"],
        [[s, out, gauss(lambda z, s=s: np.tanh(s * z) ** 2) ** 0.5] for s, out in spread.items()],
        "Standard deviations. A layer of tanh shrinks what it gets by more than a third; this one keeps most of it.",
    )
    yield Erratum(
        "tanh(x) = (1 − e^−x) / (1 + e^−x)",
        "That is tanh(x/2). tanh(x) = (1 − e^−2x) / (1 + e^−2x).",
        "lecture slides on sigmoids",
    )
    yield Note(
        "The two numbers make f(±1) = ±1 while the bend is at its largest there, so that the targets ±1 are reached "
        "with finite weights, and a unit whose sums have mean 0 and spread 1 gives outputs of spread 0.87."
    )


def derivatives():
    """The function and its derivatives from float64 to float64, through the library's own."""
    import jax
    import jax.numpy as jnp

    from snarc.layers import activation, derivative

    first = derivative("scaled-tanh")

    def second(x):
        return jax.jvp(first, (x,), (jnp.ones_like(x),))[1]

    def wide(function):
        def of(x):
            with jax.enable_x64(True):
                found = np.asarray(function(jnp.asarray(x, jnp.float64)))
            return float(found) if found.ndim == 0 else found

        return of

    return wide(activation("scaled-tanh")), wide(first), wide(second)


def gauss(function):
    """The mean of a function of a standard normal number, by Gauss and Hermite's 64 points."""
    nodes, shares = np.polynomial.hermite_e.hermegauss(64)
    return float(np.sum(shares * function(nodes)) / np.sqrt(2 * np.pi))


def picture(f, slope, bend):
    x = np.linspace(-6, 6, 601)
    figure, panels = draw.new(1, 3, width=9.6, height=3.2)
    for ax, (function, title) in zip(panels, ((f, "f(x)"), (slope, "f'(x)"), (bend, "f''(x)"))):
        for left, right in ((-6, -4), (4, 6)):
            ax.axvspan(left, right, color=draw.GRID, alpha=0.55, linewidth=0)
        ax.plot(x, function(x), color=draw.PALETTE[0])
        ax.plot([-1, 1], [function(-1.0), function(1.0)], "o", color=draw.PALETTE[1], markersize=6)
        ax.set(title=title, xlabel="x", xlim=(-6, 6))
    panels[0].plot([-2, 2], [-2, 2], color=draw.MUTED, linewidth=1, linestyle=(0, (4, 3)), label="y = x")
    panels[0].set_ylim(-2.1, 2.1)
    panels[0].legend(loc="upper left")
    return figure
