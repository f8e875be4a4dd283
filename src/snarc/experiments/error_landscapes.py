"""Three places where descent goes wrong: a plateau, a cliff, and the wrong side of a mountain."""

import numpy as np

from snarc import draw, keys
from snarc.experiments import Claim, Figure, Note, Table, experiment
from snarc.reading import Estimate

RATE, CLIP = 0.1, 1.0
HEIGHT, WIDTH, EDGE, SHARP, LEAN, REACH = 8.0, 0.1, 1.0, 4000.0, 0.35, 6.0
SOURCE = (
    "T. Brázdil, Neural networks (PV021), after I. Goodfellow, Y. Bengio, A. Courville, Deep Learning (2016), ch. 8.2; "
    "R. Pascanu, T. Mikolov, Y. Bengio, ICML 2013"
)


@experiment(
    "error-landscapes",
    rows=("O4",),
    question="What do flat regions, cliffs and mountains do to descent, and what helps?",
    source=SOURCE,
    seconds=(1, 2, 1),
)
def error_landscapes(budget):
    """Toy surfaces of two weights, or one; plain descent at ε = 0.1 against clipped and normalised gradients.

    Cliff: the plateau leans by 0.35 towards an edge 8 high and 0.1 wide, at whose foot lies the bowl. 100 starts
    each, at random on the plateau.
    """
    starts = 100
    plain, clipped = cliff_runs(starts)
    yield Claim(
        "cliff, plain descent: starts that are thrown out",
        measured=int(np.sum(thrown(plain))),
        at_least=90,
        note="Of 100. Thrown out: farther than 6 from the minimum, outside of the picture, at some step.",
    )
    yield Claim(
        "cliff, gradient clipped to norm 1: starts that cross it and reach the minimum",
        measured=int(np.sum(arrived(clipped) & ~thrown(clipped))),
        at_least=100,
        note="Of 100.",
    )
    flat = flat_runs(starts, budget(300, 1000, 1000))
    yield Claim(
        "flat region, plain descent: starts that reach the minimum",
        measured=int(np.sum(flat["plain"])),
        at_most=10,
        note="Of 100, at distances of 4 to 7 from a hole of width 1. The bound was set here.",
    )
    yield Claim(
        "flat region, steps of the same length whatever the slope",
        measured=int(np.sum(flat["normalised"])),
        at_least=100,
        note="Of 100: w ← w − 0.05 ∇E/‖∇E‖. Even there the slope's direction is right.",
    )
    crest, ends = mountain_runs(starts)
    yield Claim(
        "mountain: starts whose side of the crest decides where they end",
        measured=int(np.sum((ends["plain"] > crest) == (ends["start"] > crest))),
        at_least=100,
        note="Of 100. The deeper valley is on the left; the crest is computed, not looked up.",
    )
    left, right = (float(np.mean(ends["plain"][side] < crest)) for side in (ends["left"], ends["whole"]))
    yield Claim(
        "mountain, initialised on the left: starts that find the deeper valley",
        measured=100 * left,
        at_least=100,
        unit="%",
        note=f"Initialised anywhere: {100 * right:.0f} %. Nothing that descent sees on the right tells of the left.",
    )
    noisy = float(np.mean(ends["noisy"] < crest))
    yield Claim(
        "mountain, initialised anywhere, with noise that fades: starts that find the deeper valley",
        measured=Estimate.over((ends["noisy"] < crest).astype(float)),
        at_least=right + 0.1,
        note=f"{100 * noisy:.0f} % against {100 * right:.0f} % without noise; the bound of a tenth more was set here.",
    )
    yield Figure(
        picture(plain, clipped, crest, ends),
        "Left: a hole in a plain, where plain steps (red) stand still and steps of equal length (blue) arrive. Middle: "
        "a cliff; one plain step at its edge leads out of the picture, clipped ones go down. Right: the dots are "
        "starts, coloured by where they end.",
        name="landscapes",
    )
    yield Table(
        ["surface", "plain descent", "what helps", "with it"],
        [
            [
                "flat region",
                f"{np.sum(flat['plain'])} of 100",
                "steps of equal length",
                f"{np.sum(flat['normalised'])} of 100",
            ],
            [
                "cliff",
                f"{np.sum(arrived(plain) & ~thrown(plain))} of 100",
                "clipping",
                f"{np.sum(arrived(clipped))} of 100",
            ],
            ["mountain", f"{100 * right:.0f} %", "starting on the left", f"{100 * left:.0f} %"],
        ],
        "Starts that reach the (deepest) minimum without being thrown out.",
    )
    yield Note(
        "The surfaces are toys, made so that each shows one thing. Clipping keeps the direction of the gradient and "
        "bounds its length; it is clip_norm in a recipe. Against the third nothing that is local helps for certain."
    )


# Cliff


def cliff(w):
    """A plateau that leans towards a wall of slope 80 and width 0.1, below it a bowl; and the gradient. ``(2, N)``."""
    u, v = w
    top, foot = SHARP * (u - EDGE - WIDTH), SHARP * (u - EDGE)
    # Two soft corners make the wall: a ramp from 0 to its height.
    ramp = (np.logaddexp(0, foot) - np.logaddexp(0, top)) / (SHARP * WIDTH)
    steep = (logistic(foot) - logistic(top)) / WIDTH
    value = HEIGHT * ramp + np.where(u < EDGE, 0.5 * u**2, 0.5 + LEAN * (u - EDGE)) + 0.25 * v**2
    return value, np.stack([HEIGHT * steep + np.where(u < EDGE, u, LEAN), 0.5 * v])


def logistic(x):
    return 1 / (1 + np.exp(-np.clip(x, -500, 500)))


def cliff_runs(starts, steps=400):
    """Paths ``(steps + 1, 2, starts)`` of plain and of clipped descent from the same starts."""
    rng = keys.generator(0, "error-landscapes", "cliff")
    begin = np.stack([rng.uniform(1.8, 4.0, starts), rng.uniform(-2, 2, starts)])
    found = []
    for most in (np.inf, CLIP):
        w, path = begin, [begin]
        for _ in range(steps):
            _, slope = cliff(w)
            length = np.linalg.norm(slope, axis=0)
            w = w - RATE * slope * np.minimum(1, most / np.maximum(length, 1e-300))
            path.append(w)
        found.append(np.array(path))
    return found


def thrown(path):
    return (np.abs(path).max(axis=1) > REACH).any(axis=0)


def arrived(path):
    return np.linalg.norm(path[-1], axis=0) < 0.05


# Flat region


def hole(w):
    value = -np.exp(-np.sum(w**2, axis=0) / 2)
    return value, -w * value


def flat_paths(starts, steps):
    rng = keys.generator(0, "error-landscapes", "flat")
    angle, far = rng.uniform(0, 2 * np.pi, starts), rng.uniform(4, 7, starts)
    begin = far * np.stack([np.cos(angle), np.sin(angle)])
    found = {}
    for name in ("plain", "normalised"):
        w, path = begin, [begin]
        for _ in range(steps):
            _, slope = hole(w)
            length = np.maximum(np.linalg.norm(slope, axis=0), 1e-300)
            w = w - (0.05 * slope / length if name == "normalised" else RATE * slope)
            path.append(w)
        found[name] = np.array(path)
    return found


def flat_runs(starts, steps):
    # Steps of length 0.05 end by circling within that distance.
    return {name: np.linalg.norm(path[-1], axis=0) < 0.1 for name, path in flat_paths(starts, steps).items()}


# Mountain


def mountain(w):
    """A deep valley at about -2, a shallow one at about 2.5, and a mountain between them."""
    value = (
        0.06 * (w + 0.2) ** 2
        + 1.6 * np.exp(-((w - 0.6) ** 2))
        - 1.2 * np.exp(-((w + 1.8) ** 2))
        - 0.3 * np.exp(-((w - 2.4) ** 2))
    )
    slope = (
        0.12 * (w + 0.2) - 3.2 * (w - 0.6) * np.exp(-((w - 0.6) ** 2)) + 2.4 * (w + 1.8) * np.exp(-((w + 1.8) ** 2))
        + 0.6 * (w - 2.4) * np.exp(-((w - 2.4) ** 2))
    )  # fmt: skip
    return value, slope


def mountain_runs(starts):
    grid = np.linspace(-1, 2, 200_001)
    crest = float(grid[np.argmax(mountain(grid)[0])])
    rng = keys.generator(0, "error-landscapes", "mountain")
    begin = rng.uniform(-4, 5, starts)
    plain, noisy = begin.copy(), begin.copy()
    for k in range(2000):
        plain = plain - RATE * mountain(plain)[1]
        fade = max(0.0, 1 - k / 1500)
        noisy = noisy - RATE * mountain(noisy)[1] + np.sqrt(2 * RATE * 0.9 * fade) * rng.normal(size=starts)
    return crest, {
        "start": begin, "plain": plain, "noisy": noisy, "left": begin < crest, "whole": np.ones(starts, bool),
    }  # fmt: skip


def picture(plain, clipped, crest, ends):
    figure, (a, b, c) = draw.new(1, 3, width=10.4, height=3.5)
    red, blue = draw.PALETTE[1], draw.PALETTE[0]
    grid = np.linspace(-7.5, 7.5, 161)
    a.contourf(grid, grid, hole(np.stack(np.meshgrid(grid, grid)))[0], 14, cmap="Greys_r")
    paths = flat_paths(100, 300)
    for k in range(14):
        a.plot(*paths["normalised"][:, :, k].T, color=blue, linewidth=1.1)
        a.plot(*paths["plain"][0, :, k], "o", color=red, markersize=4)
    a.set_title("flat region")
    a.set(xlabel="$w_1$", ylabel="$w_2$", xlim=(-7.5, 7.5), ylim=(-7.5, 7.5), aspect="equal")
    x, y = np.linspace(-2.5, 4.5, 281), np.linspace(-3, 3, 121)
    b.contourf(x, y, cliff(np.stack(np.meshgrid(x, y)))[0], 18, cmap="Greys_r")
    for k in range(7):
        b.plot(*clipped[:, :, k].T, color=blue, linewidth=1.3)
        out = int(np.argmax(np.abs(plain[:, :, k]).max(axis=1) > REACH))
        b.plot(*plain[: out + 1, :, k].T, color=red, linewidth=1.1)
        b.plot(*plain[0, :, k], "o", color=draw.INK, markersize=3.5)
    b.plot([], [], color=red, label="plain")
    b.plot([], [], color=blue, label="clipped")
    b.legend(loc="lower right", labelcolor="#1b1f24")
    b.set_title("cliff")
    b.set(xlabel="$w_1$", ylabel="$w_2$", xlim=(-2.5, 4.5), ylim=(-3, 3))
    line = np.linspace(-4.2, 5.2, 500)
    c.plot(line, mountain(line)[0], color=draw.INK, linewidth=1.6)
    deep = ends["plain"] < crest
    for where, color, label in ((deep, blue, "ends in the deeper valley"), (~deep, red, "ends in the other")):
        c.plot(ends["start"][where], mountain(ends["start"][where])[0], "o", color=color, markersize=4, label=label)
    c.axvline(crest, color=draw.MUTED, linewidth=0.9, linestyle=":")
    c.set_title("mountain")
    c.set(xlabel="$w$", ylabel="error", ylim=(-1.3, 4.6))
    c.legend(loc="upper left")
    for ax in (a, b):
        ax.grid(False)
    return figure
