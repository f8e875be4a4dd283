"""Momentum in a narrow valley: fewer steps to the bottom, and no zig-zag."""

import numpy as np

from snarc import draw, keys
from snarc.experiments import Claim, Figure, Note, Table, experiment
from snarc.experiments.frame import axes
from snarc.reading import Estimate

LOW, HIGH = 1.0, 100.0  # the curvatures at the ends; kappa is their ratio
PRECISION = 1e-6
ROOT = (HIGH / LOW) ** 0.5
# The rates that shrink the slowest direction fastest: Polyak, Zh. Vychisl. Mat. Mat. Fiz. 4 (1964) 791.
DESCENT = 2 / (LOW + HIGH)
MOMENTUM, RATE = ((ROOT - 1) / (ROOT + 1)) ** 2, 4 / (LOW**0.5 + HIGH**0.5) ** 2
USUAL = 0.9
SMOOTH = (1 - USUAL**0.5) ** 2 / LOW  # the largest rate at which the way along the valley does not overshoot


@experiment(
    "momentum-bowl",
    rows=("O8",),
    question="How many steps does momentum save in a bowl a hundred times steeper one way than the other?",
    source="B. Polyak, USSR Computational Mathematics and Mathematical Physics 4 (1964) 1; J. Brazdil, PV021",
    seconds=(2, 3, 3),
    replicas=(3, 20, 100),
)
def momentum_bowl(budget):
    """E(w) = ½ Σ λ w² in two dimensions, λ = 1 and 100, from random starts: Δw = −ε ∇E + α Δw, α = 0 for descent.

    Both take the steps of the engine's optimisers, in float64. Each has the rates that are best in theory: 2 / 101 for
    descent, 4 / 121 and α = (9 / 11)² = 0.669 with momentum. Counted are the steps until the bottom is a million times
    nearer than the start.
    """
    starts = np.array([keys.generator(k, "momentum-bowl").normal(size=2) for k in range(budget.replicas)])
    plain = walk(starts, DESCENT, "sgd", 0.0, 900)
    heavy = walk(starts, RATE, "momentum", MOMENTUM, 200)
    steps = steps_to(plain), steps_to(heavy)
    yield Claim(
        "steps of descent over steps with momentum",
        measured=Estimate.over(steps[0] / steps[1]), at_least=4, passing=(1, 1), note="From each of the starts.",
    )  # fmt: skip
    yield Claim(
        "largest deviation of the engine's path from Δw = −ε ∇E + α Δw",
        measured=float(np.abs(heavy - by_hand(starts, RATE, MOMENTUM, 200)).max()), at_most=1e-12,
    )  # fmt: skip
    yield Claim(
        "factor a step, descent",
        published=round((HIGH - LOW) / (HIGH + LOW), 4), measured=factor(plain, 700), within=0.001, digits=4,
        source="(κ − 1) / (κ + 1)", note="By which the distance to the bottom shrinks in the end.",
    )  # fmt: skip
    yield Claim(
        "factor a step, momentum",
        published=round((ROOT - 1) / (ROOT + 1), 4), measured=factor(heavy, 150), within=0.02, digits=4,
        source="(√κ − 1) / (√κ + 1)", note="At the best rates a factor t stands before the power: a little slower.",
    )  # fmt: skip
    smooth = walk(starts, SMOOTH, "momentum", USUAL, 500)
    yield Figure(
        paths(),
        "Sixty steps from one start. Descent leaps from wall to wall and creeps along the valley. At its best rates "
        "momentum first leaps higher, then settles at once. With α = 0.9 and a small rate the leaps become a swing, "
        "and the way along the valley adds up.",
        name="paths",
    )
    yield Figure(
        distances(plain, heavy, smooth), "Distance to the bottom, mean thick, each start thin.", name="distance"
    )
    yield Table(
        ["rule", "rate ε", "α", "steps to a millionth"],
        [
            ["descent, best rate", DESCENT, 0.0, Estimate.over(steps[0])],
            ["momentum, best rates", RATE, MOMENTUM, Estimate.over(steps[1])],
            ["momentum, smooth", SMOOTH, USUAL, Estimate.over(steps_to(smooth))],
        ],
        f"Means and standard errors over {budget.replicas} starts.",
    )
    yield Note(
        "Pictures of momentum show a smooth path beside the zig-zag of descent. The fastest momentum is not smooth: "
        "its rate is larger than descent's, and its first leaps are higher. The smooth path has a rate "
        f"{DESCENT / SMOOTH:.0f} times smaller than descent's and is still faster, because along the valley a steady "
        "slope is taken 1 / (1 − α) = 10 times."
    )


def walk(starts, rate, name, momentum, steps):
    """The path of each start under an optimiser of the engine, ``(steps + 1, starts, 2)``."""
    import jax
    import jax.numpy as jnp

    from snarc.training import Recipe
    from snarc.training.optimizers import Optimizer, direction

    with jax.enable_x64(True):
        curvature = jnp.array([LOW, HIGH])
        rule = direction(Optimizer.of(Recipe(optimizer=name, momentum=momentum)))

        def one(carry, _):
            w, memory = carry
            update, memory = rule.update(curvature * w, memory, w)
            return (w - rate * update, memory), w - rate * update

        w = jnp.asarray(starts)
        path = jax.jit(lambda w: jax.lax.scan(one, (w, rule.init(w)), length=steps)[1])(w)
        return np.concatenate([starts[None], np.asarray(path)])


def by_hand(starts, rate, momentum, steps):
    w, change, path = starts.copy(), np.zeros_like(starts), [starts]
    for _ in range(steps):
        change = -rate * np.array([LOW, HIGH]) * w + momentum * change
        w = w + change
        path.append(w)
    return np.array(path)


def distance(path):
    """To the bottom, as a part of the first, ``(steps + 1, starts)``."""
    return np.linalg.norm(path, axis=-1) / np.linalg.norm(path[0], axis=-1)


def steps_to(path):
    """Steps until the distance stays below the precision."""
    above = distance(path) > PRECISION
    if above[-1].any():
        raise ValueError("the walk is too short")
    return len(above) - np.argmax(above[::-1], axis=0)


def factor(path, last):
    """By which a step shrinks the distance, over the second half of the first ``last`` steps."""
    d = distance(path)
    return Estimate.over((d[last] / d[last // 2]) ** (1 / (last - last // 2)))


def paths():
    start = np.array([[-1.0, 0.18]])
    figure, panels = draw.new(3, 1, width=7.6, height=7.4, sharex=True, height_ratios=(1, 2, 1))
    with draw.style():
        for ax, path, colour, title in (
            (panels[0], by_hand(start, DESCENT, 0, 60), draw.PALETTE[1], "descent, best rate"),
            (panels[1], by_hand(start, RATE, MOMENTUM, 60), draw.PALETTE[0], "momentum, best rates"),
            (panels[2], by_hand(start, SMOOTH, USUAL, 60), draw.PALETTE[2], "momentum 0.9, small rate"),
        ):
            top = 0.76 if ax is panels[1] else 0.25
            a, b = np.meshgrid(np.linspace(-1.1, 0.35, 200), np.linspace(-top, top, 200))
            height = LOW * a**2 / 2 + HIGH * b**2 / 2
            ax.contour(a, b, height, levels=3 * np.linspace(0, 1, 9)[1:] ** 2, cmap=draw.SEQUENTIAL, linewidths=0.8)
            ax.plot(*path[:, 0].T, "o-", color=colour, markersize=3.5, linewidth=1.3)
            ax.plot(0, 0, "+", color=draw.INK, markersize=12)
            ax.set(ylabel="w₂", title=title)
        panels[2].set_xlabel("w₁; curvatures: 1 this way, 100 up and down")
    return figure


def distances(plain, heavy, smooth):
    figure, ax = draw.new(width=7.2, height=4.0)
    with draw.style():
        for path, colour, label in (
            (plain, draw.PALETTE[1], "descent, best rate"),
            (smooth, draw.PALETTE[2], "momentum 0.9, small rate"),
            (heavy, draw.PALETTE[0], "momentum, best rates"),
        ):
            d = np.maximum(distance(path), 1e-16).T
            axes.replicas(ax, range(d.shape[1]), d, color=colour, label=label)
        ax.axhline(PRECISION, color=draw.MUTED, linewidth=0.9, linestyle="--")
        ax.set(yscale="log", ylim=(1e-9, 10), xlim=(0, 800), xlabel="step", ylabel="distance, start = 1")
        ax.set_title("To a millionth of the way")
        ax.legend(loc="upper right")
    return figure
