"""Many linear layers are one: why a hidden unit must bend, and what else is asked of an activation."""

import functools
from typing import Any

import numpy as np

import snarc
from snarc import draw, keys
from snarc.experiments import Claim, Figure, Note, Table, experiment, fit

WIDTHS = (20, 30, 5, 30, 15)
LINEAR, BENT = draw.PALETTE[1], draw.PALETTE[0]


@experiment(
    "linear-collapse",
    rows=("I8",),
    question="Why must hidden units be nonlinear, and what else should an activation be?",
    source="G. Cybenko, Math. Control Signals Systems 2 (1989) 303, and the lectures",
    seconds=(4, 8, 20),
    replicas=(1, 3, 10),
)
def linear_collapse(budget):
    """A network of four linear layers against the product of its matrices, in double precision; what each learns."""
    distance, product = collapsed()
    yield Claim(
        "four linear layers and the one that their product is: largest relative distance of the outputs",
        measured=distance,
        at_most=1e-12,
    )
    yield Claim(
        f"rank of the product of layers of {'-'.join(map(str, WIDTHS))} units",
        published=min(WIDTHS),
        measured=int(np.linalg.matrix_rank(product)),
        exact=True,
        source="by proof: at most the narrowest layer",
    )
    data = quadrants(budget(200, 600, 600))
    options = {"epochs": budget(5, 60, 60), "batch_size": 20, "learning_rate": 0.01, "replicas": budget.replicas}
    layouts = {"one layer": "2-2", "four linear layers": "2-16:identity-16:identity-16:identity-2"}
    layouts["four layers of tanh"] = "2-16:tanh-16:tanh-16:tanh-2"
    layouts = dict(list(layouts.items())[budget(1, 0, 0) :])
    runs = {name: fit(layout, data, schedule="constant", **options) for name, layout in layouts.items()}
    yield Claim(
        "test error in opposite quadrants, four linear layers",
        published=100 / 3,
        source="by hand: the best half-plane errs in a third of the square",
        measured=100 * runs["four linear layers"].test.error,
        at_least=30,
        unit="%",
    )
    yield Claim(
        "test error in opposite quadrants, four layers of tanh", measured=100 * runs["four layers of tanh"].test.error,
        at_most=3, unit="%",
    )  # fmt: skip
    yield Figure(
        strip(grids("identity"), grids("tanh")),
        "A square grid goes through four layers of two units, linear above, tanh below; each stage in a frame of its "
        "own size. Four linear layers turn and stretch it, as one could.",
        name="layers",
    )
    yield Figure(
        film(grids("identity"), grids("tanh")),
        "The same as a film. On the left the grid stays the parallelogram (dotted) that its four corners alone decide; "
        "on the right it bends as no matrix can.",
        name="collapse",
    )
    yield Table(
        ["activation", "not linear", "monotone", "differentiable", "slope to learn from", "bounded"],
        [requirements(name) for name in names()[: budget(2, None, None)]],
        "Measured on the library's functions between -6 and 6. A corner (one point without a slope) does no harm in "
        "practice; no slope anywhere leaves gradient descent nothing to follow. GELU dips below zero before it rises.",
    )
    yield Table(
        ["network", "test error (%)"],
        [[name, 100 * run.test.error] for name, run in runs.items()],
        "Two classes, points in opposite quadrants of the plane.",
    )
    yield Note(
        "A network of linear layers may still learn otherwise than one layer does: its error surface is not a bowl."
    )


@functools.cache
def collapsed():
    """Distance between a network with linear hidden units and the one layer that it is, and that layer's matrix."""
    import jax
    import jax.numpy as jnp
    from flax import nnx

    from snarc.models import build

    layout = "-".join([str(WIDTHS[0]), *(f"{n}:identity" for n in WIDTHS[1:-1]), str(WIDTHS[-1])])
    network: Any = build(
        layout, inputs=(WIDTHS[0],), outputs=WIDTHS[-1], seed=1, options={"initializer": "glorot-uniform"}
    )
    rng = keys.generator(0, "collapse")
    x = rng.normal(size=(100, WIDTHS[0]))
    with jax.enable_x64(True):
        graph, state = nnx.split(network)
        wide = jax.tree.map(lambda leaf: jnp.asarray(leaf, jnp.float64), state)
        network = nnx.merge(graph, wide)
        for layer in network.layers:
            layer.bias[...] = jnp.asarray(rng.normal(size=layer.bias.shape))
        product, bias = np.eye(WIDTHS[0]), np.zeros(WIDTHS[0])
        for layer in network.layers:
            product, bias = product @ np.asarray(layer.kernel[...]), bias @ np.asarray(layer.kernel[...])
            bias = bias + np.asarray(layer.bias[...])
        deep = np.asarray(network(jnp.asarray(x)))
    one = x @ product + bias
    return float(abs(deep - one).max() / abs(one).max()), product


def quadrants(count):
    rng = keys.generator(0, "quadrants")
    x = rng.uniform(-1, 1, size=(3 * count, 2)).astype(np.float32)
    y = (x[:, 0] * x[:, 1] > 0).astype(np.int32)
    return snarc.data.from_arrays(x, y, validation=0, test=2 / 3)


def grids(activation, layers=4, lines=9, points=25):
    """The lines of a grid before and after each of some layers of two units: ``(layers + 1, lines, points, 2)``."""
    import jax.numpy as jnp

    from snarc.layers import activation as named

    function = named(activation)
    rng = keys.generator(30, "grid")
    along, across = np.linspace(-1, 1, points), np.linspace(-1, 1, lines)
    both = [[np.stack([along, np.full(points, c)], 1), np.stack([np.full(points, c), along], 1)] for c in across]
    x = np.array(both).reshape(-1, points, 2)
    stages = [x]
    for _ in range(layers):
        # A turn, a stretch along one axis and a shift: seen better than weights drawn at random.
        angle = rng.uniform(0.5, 1.2)
        turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        w = turn @ np.diag([1.45, 0.95])
        stages.append(np.asarray(function(jnp.asarray(stages[-1] @ w + rng.uniform(-0.25, 0.25, 2)))))
    return np.array(stages, np.float64)


def strip(linear, bent):
    figure, panels = draw.new(2, len(linear), width=9.6, height=4.2)
    for row, (stages, colour) in enumerate(((linear, LINEAR), (bent, BENT))):
        for k, stage in enumerate(stages):
            ax = draw.bare(panels[row, k])
            for line in stage:
                ax.plot(*line.T, color=colour, linewidth=0.9)
            middle = (stage.max(axis=(0, 1)) + stage.min(axis=(0, 1))) / 2
            half = 1.06 * abs(stage - middle).max()
            ax.set(xlim=middle[0] + [-half, half], ylim=middle[1] + [-half, half], aspect="equal")
            if row == 0:
                ax.set_title("inputs" if k == 0 else f"layer {k}", fontsize=10)
    panels[0, 0].set_ylabel("linear")
    panels[1, 0].set_ylabel("tanh")
    return figure


def film(linear, bent, seconds=10):
    """Both grids as one SVG that moves by itself, in every browser, without a script."""
    hold, times = 0.35, []
    for k in range(len(linear)):  # each stage is held a while, then moves on to the next
        times += [k / len(linear), (k + hold) / len(linear)]
    times = [*times, 1.0]
    key_times = ";".join(f"{t:.4f}" for t in times)
    about = 'role="img" aria-label="a grid going through four layers" font-family="sans-serif"'
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 640 330" {about}>']
    for stages, left, colour, index, title in (
        (linear, 160, LINEAR, 2, "linear"),
        (bent, 480, BENT, 1, "tanh"),
    ):
        parts.append(
            f'<text x="{left}" y="22" text-anchor="middle" font-size="14" fill="var(--ink,#1b1f24)">{title}</text>'
        )
        scale = 135 / abs(stages).max()
        if title == "linear":
            parts.append(_outline(stages, left, scale, key_times, seconds))
        for k in range(stages.shape[1]):
            values = [_path(stage[k], left, scale) for stage in stages]
            parts.append(
                f'<path d="{values[0]}" fill="none" stroke="var(--c{index},{colour})" stroke-width="1.2">'
                f"{_animation(values, key_times, seconds)}</path>"
            )
    return "".join(parts) + "</svg>"


def _outline(stages, left, scale, key_times, seconds):
    """The image of the square under the one matrix that the layers so far are, from its corners alone."""
    corners = stages[:, [0, 0, -2, -2], [0, -1, -1, 0]]
    values = [_path(np.concatenate([four, four[:1]]), left, scale) for four in corners]
    return (
        f'<path d="{values[0]}" fill="none" stroke="var(--ink,#1b1f24)" stroke-width="1.6" stroke-dasharray="2 4">'
        f"{_animation(values, key_times, seconds)}</path>"
    )


def _animation(values, key_times, seconds):
    twice = [v for value in values for v in (value, value)]
    return (
        f'<animate attributeName="d" dur="{seconds}s" repeatCount="indefinite" keyTimes="{key_times}" '
        f'values="{";".join([*twice, values[0]])}"/>'
    )


def _path(line, left, scale):
    return "M" + "L".join(f"{left + scale * x:.1f} {180 - scale * y:.1f}" for x, y in line)


def names():
    from snarc.layers.activations import ACTIVATIONS

    return [name for name in ACTIVATIONS if name != "softmax"]


def requirements(name):
    """What the library's function of that name is, found by looking at it on a fine grid in double precision."""
    import jax
    import jax.numpy as jnp

    from snarc.layers import activation, derivative

    x = np.linspace(-6, 6, 12_001)
    with jax.enable_x64(True):
        y, slope = (np.asarray(f(jnp.asarray(x))) for f in (activation(name), derivative(name)))
        far = np.asarray(activation(name)(jnp.asarray([-1e3, 1e3])))
    rises = np.diff(y)
    straight = bool(abs(np.diff(rises)).max() < 1e-12)
    jumps = bool(abs(rises).max() > 0.5)
    corner = bool(abs(np.diff(slope)).max() > 0.1)
    yes = lambda truth: "yes" if truth else "no"  # noqa: E731
    smooth = "no: a jump" if jumps else ("but for a corner" if corner else "yes")
    bounded = yes(abs(far).max() < 10)
    return [name, yes(not straight), yes((rises >= -1e-15).all()), smooth, yes(abs(slope).max() > 0), bounded]
