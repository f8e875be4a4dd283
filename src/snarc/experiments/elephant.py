"""Von Neumann's elephant: drawn by four parameters, its trunk moved by the fifth; and by a network."""

import numpy as np

import snarc
from snarc import draw
from snarc.experiments import Claim, Erratum, Figure, Note, Table, experiment, fit
from snarc.reading import Estimate

P = (50 - 30j, 18 + 8j, 12 - 10j, -14 - 60j, 40 + 20j)
MAYER = "J. Mayer, K. Khairy, J. Howard, Drawing an elephant with four complex parameters, Am. J. Phys. 78 (2010) 648"


@experiment(
    "elephant",
    rows=("R3",),
    question="How many parameters does an elephant need, and how many weights?",
    source=MAYER,
    seconds=(4, 25, 95),
    replicas=(1, 3, 6),
)
def elephant(budget):
    """x(t) = Σ Aˣ cos kt + Bˣ sin kt, y(t) likewise, k = 1 ... 5, with Mayer's numbers.

    Networks 2-H-2 with tanh units get (cos t, sin t) and give (x, y), whole points of the contour, by L-BFGS on the
    squared error; the outline is 200 points.
    """
    t = np.linspace(0, 2 * np.pi, 1000)
    yield Claim(
        "largest distance of the curve of the five numbers from the published formula",
        measured=float(np.abs(curve(t) - by_hand(t)).max()),
        at_most=1e-12,
        note="Once from the complex parameters by the rule of the paper, once with the ten terms written out.",
    )
    yield Erratum(
        "with four parameters I can fit an elephant",
        "with four complex ones, that is, eight real numbers (a fifth places the eye and moves the trunk), and the "
        "choice which of the twenty coefficients shall be zero",
        source="E. Fermi recalled by F. Dyson, Nature 427 (2004) 297, quoting von Neumann",
    )
    drawn = np.count_nonzero([part for p in P[:4] for part in (p.real, p.imag)])
    yield Claim("real numbers that draw the outline", published=8, measured=int(drawn), exact=True)
    widths = budget((2, 4), (2, 3, 4, 6, 8), (2, 3, 4, 5, 6, 8, 10))
    points = np.linspace(0, 2 * np.pi, 200, endpoint=False)
    target = curve(points)
    found = {h: learn(h, points, target, budget) for h in widths}
    errors = {h: Estimate.over([run["error"] for run in runs]) for h, runs in found.items()}
    weights = {h: 5 * h + 2 for h in widths}
    enough = next((weights[h] for h in widths if errors[h].mean <= 2), None)
    yield Claim(
        "weights of the smallest network whose outline is within 2 % of the elephant's size",
        measured=enough if enough is not None else float("nan"),
        at_most=52,
        note="Root mean square distance by the root mean square radius, mean over replicas. The bound was set here.",
    )
    yield Claim(
        "the more hidden units, the nearer",
        measured=bool(errors[widths[0]].mean > errors[widths[-1]].mean),
        note=f"{widths[-1]} units against {widths[0]}.",
    )
    yield Figure(
        animals(t, found, weights, errors),
        "The outline by the formula, with the trunk at five places, and what networks of growing size make of it "
        "(grey: the true one).",
        name="elephants",
    )
    yield Table(
        ["hidden units", "weights", "distance (% of the size)"],
        [[h, weights[h], errors[h]] for h in widths],
        "Means and standard errors over first weights.",
    )
    yield Note(
        "How the trunk moves is ours: its part of the outline swings by 40 times a sine that grows towards the tip. A "
        "network needs several times as many numbers as Fourier's series, for its units are no sines; but nobody told "
        "it which terms to keep."
    )


def curve(t, phase=0.0):
    """Points ``(len(t), 2)`` of the outline, as plotted in the paper: (y, -x) of the series."""
    x, y = np.zeros(6, complex), np.zeros(6, complex)
    # Real parts of parameters are sines of x and cosines of higher order; imaginary parts are those of y.
    x[1], x[2], x[3], x[5] = 1j * P[0].real, 1j * P[1].real, P[2].real, P[3].real
    y[1], y[2], y[3] = P[3].imag + 1j * P[0].imag, 1j * P[1].imag, 1j * P[2].imag
    k = np.arange(6)
    wave = np.exp(-1j * np.outer(t, k))  # Re((A + iB) e^{-ikt}) = A cos kt + B sin kt
    points = np.stack([(wave @ y).real, -(wave @ x).real], axis=1)
    return points + trunk(t, points, phase)


def by_hand(t):
    x = 50 * np.sin(t) + 18 * np.sin(2 * t) + 12 * np.cos(3 * t) - 14 * np.cos(5 * t)
    y = -60 * np.cos(t) - 30 * np.sin(t) + 8 * np.sin(2 * t) - 10 * np.sin(3 * t)
    return np.stack([y, -x], axis=1)


def trunk(t, points, phase):
    """How far the trunk, the part of the outline right of the eye and below it, is moved."""
    reach = np.clip((points[:, 0] - 45) / 40, 0, 1)
    swing = P[4].real * np.sin(phase) * reach**2
    return np.stack([np.zeros_like(t), swing], axis=1)


def learn(hidden, t, target, budget):
    x = np.stack([np.cos(t), np.sin(t)], axis=1).astype(np.float32)
    y = (target / 50).astype(np.float32)
    whole = snarc.data.from_arrays(x, y, validation=0, test=0)
    runs = []
    for seed in range(budget.replicas):
        run = fit(
            f"2-{hidden}:tanh-2", whole, optimizer="lbfgs", batch_size=len(x), epochs=budget(30, 400, 1500), seed=seed,
            standardise=False,
        )  # fmt: skip
        out = 50 * np.asarray(run.logits(x)[0], float)
        size = np.sqrt(np.mean(np.sum((target - target.mean(axis=0)) ** 2, axis=1)))
        error = 100 * np.sqrt(np.mean(np.sum((out - target) ** 2, axis=1))) / size
        runs.append({"outline": out, "error": float(error)})
    return runs


def animals(t, found, weights, errors):
    shown = sorted(found)[:: max(1, (len(found) - 1) // 2)][:3] if len(found) > 3 else sorted(found)
    figure, axes = draw.new(1, len(shown) + 1, width=9.4, height=2.9)
    eye = np.array([P[4].imag, P[4].imag])
    for ax in axes:
        draw.bare(ax).set_aspect("equal")
        ax.set(xlim=(-85, 105), ylim=(-105, 100))
    for k, phase in enumerate(np.linspace(-0.9, 0.9, 5)):
        outline = curve(t, phase)
        middle = k == 2
        axes[0].plot(*outline.T, color=draw.PALETTE[0], linewidth=2.0 if middle else 0.9, alpha=1 if middle else 0.45)
    axes[0].plot(*eye, "o", color=draw.INK, markersize=4)
    axes[0].set_title("5 complex numbers", loc="center", fontsize=10, fontweight="normal")
    for ax, h in zip(axes[1:], shown):
        best = min(found[h], key=lambda run: run["error"])
        ax.plot(*curve(t).T, color=draw.GRID, linewidth=3.5)
        closed = np.vstack([best["outline"], best["outline"][:1]])
        ax.plot(*closed.T, color=draw.PALETTE[1], linewidth=1.6)
        ax.plot(*eye, "o", color=draw.INK, markersize=4)
        ax.set_title(f"2-{h}-2: {weights[h]} weights", loc="center", fontsize=10, fontweight="normal")
        ax.set_xlabel(f"off by {best['error']:.2g} %")
    return figure
