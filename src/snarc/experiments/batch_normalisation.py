"""Twenty layers of logistic units do not learn; with each layer normalised over its batch they do."""

from typing import Any

import numpy as np

import snarc
from snarc import draw, keys
from snarc.experiments import Claim, Figure, Note, Table, experiment, fit
from snarc.experiments.frame import axes

BATCH_NORM = "S. Ioffe, C. Szegedy, ICML 2015"
NORMALISED, PLAIN = draw.PALETTE[0], draw.PALETTE[1]


@experiment(
    "batch-normalisation",
    rows=("I9",),
    question="Does normalising each layer over the batch let twenty layers of logistic units learn?",
    source=BATCH_NORM,
    seconds=(4, 15, 60),
    replicas=(1, 1, 5),
    needs=("mnist",),
)
def batch_normalisation(budget):
    """The layer by itself, against its definition; then 19 hidden layers of 100 logistic units, with and without it."""
    mean, variance = normalised()
    yield Claim("largest mean of a unit over a normalised batch", measured=mean, at_most=1e-6)
    yield Claim(
        "variance of a unit over a normalised batch, furthest from 1", published=1, measured=variance, within=1e-3,
        digits=6,
    )  # fmt: skip
    yield Claim(
        "gradient by inputs, scale and shift: largest relative distance from central differences",
        measured=gradient_error(),
        at_most=1e-6,
    )
    mnist = snarc.load("mnist", train=budget(1_000, 10_000, 10_000), validation=0, test=budget(500, None, None))
    layers = budget(4, 20, 20)
    runs = {
        kind: fit(
            "mlp", mnist, optimizer="adam", learning_rate=1e-3, schedule="constant", batch_size=100,
            epochs=budget(2, 10, 10), replicas=budget.replicas,
            model_options={"hidden": "-".join(["100"] * (layers - 1)), "activation": "logistic", "normalise": kind},
        )
        for kind in ("batch", "none")
    }  # fmt: skip
    yield Claim(
        f"test error of {layers} layers, normalised",
        published="learns",
        measured=100 * runs["batch"].test.error,
        at_most=10,
        unit="%",
    )
    yield Claim(
        f"test error of {layers} layers, not normalised",
        published="does not learn",
        measured=100 * runs["none"].test.error,
        between=(88, 91),
        passing=(1, 1),
        unit="%",
        note="Each of the networks. Naming the most frequent digit always is wrong in 88.65 % of the test digits.",
    )
    yield Figure(
        histograms(runs, layers),
        "Activities of the hidden units for 500 test digits, after learning; layers from the first (top) to the last. "
        "Without normalisation all digits look the same from the middle on.",
        name="histograms",
    )
    yield Figure(learning(runs), "Training loss. Dashed: naming all digits with equal probability.", name="learning")
    yield Table(
        ["hidden layers", "training loss", "test error (%)", "parameters"],
        [
            [{"batch": "normalised", "none": "plain"}[kind], run.train.loss, 100 * run.test.error,
             f"{snarc.models.summary(run.networks[0].body).parameters:,}"]
            for kind, run in runs.items()
        ],
        f"{layers} layers of weights, Adam at a rate of 0.001, ten passes over 10,000 digits.",
    )  # fmt: skip
    yield Note(
        "The normalised layers have a scale and a shift for each unit in place of the bias. In evaluation they use "
        "running averages of mean and variance; the last, padded batch of an epoch counts its real rows only."
    )


def normalised():
    """Mean and variance of units behind the layer, before scale and shift, for one batch of weighted sums."""
    import jax.numpy as jnp
    from flax import nnx

    from snarc.layers import BatchNorm

    rng = keys.generator(0, "batch")
    sums = rng.normal(1.0, rng.uniform(0.5, 5.0, size=200), size=(100, 200)).astype(np.float32)
    y = np.asarray(BatchNorm(200, rngs=nnx.Rngs(0))(jnp.asarray(sums)), np.float64)
    variance = y.var(axis=0)
    return float(abs(y.mean(axis=0)).max()), float(variance[abs(variance - 1).argmax()])


def gradient_error(step=1e-5):
    """Largest difference of the gradient from central differences over the largest entry, in double precision."""
    import jax
    import jax.numpy as jnp
    from flax import nnx

    from snarc.layers import BatchNorm

    parts: Any = nnx.split(BatchNorm(4, rngs=nnx.Rngs(0)), nnx.Param, ...)
    graph, parameters, rest = parts
    rng = keys.generator(1, "gradient")
    point = {"x": rng.normal(2, 3, (6, 4)), "scale": rng.uniform(0.5, 2, 4), "bias": rng.normal(size=4)}
    weight = rng.normal(size=(6, 4))

    @jax.jit
    def value(point):
        # Fresh copies: nnx lets variables change only at the level that made them.
        layer = nnx.merge(graph, *jax.tree.map(lambda leaf: leaf, (parameters, rest)))
        layer.scale[...], layer.bias[...] = point["scale"], point["bias"]
        return jnp.sum(jnp.tanh(layer(point["x"])) * weight)

    with jax.enable_x64(True):
        parameters, rest = jax.tree.map(lambda leaf: jnp.asarray(leaf, jnp.float64), (parameters, rest))
        point = jax.tree.map(jnp.asarray, point)
        exact = jax.grad(value)(point)
        worst = 0.0
        for name, at in point.items():
            numeric = np.zeros(at.shape)
            for index in np.ndindex(*at.shape):
                up, down = ({**point, name: at.at[index].add(sign * step)} for sign in (1, -1))
                numeric[index] = (value(up) - value(down)) / (2 * step)
            worst = max(worst, float(abs(exact[name] - numeric).max() / abs(numeric).max()))
    return worst


def activities(run, count=500):
    """What the hidden layers of the first network give for the first test digits, layer by layer."""
    seen = run.subject(0).activations(run.dataset.test.inputs[:count])
    kind = "normalisers" if run.networks[0].body.normalisers is not None else "layers"
    found: list[np.ndarray] = []
    while (name := f"body.{kind}.{len(found)}") in seen:
        found.append(1 / (1 + np.exp(-np.asarray(seen[name], np.float64))))
    return found if kind == "normalisers" else found[:-1]


def histograms(runs, layers):
    shown = sorted({0, (layers - 2) // 3, 2 * (layers - 2) // 3, layers - 2})
    figure, panels = draw.new(len(shown), 2, width=8.0, height=1.15 * len(shown) + 0.9, sharex=True)
    for column, (kind, colour, title) in enumerate(
        (("none", PLAIN, "plain"), ("batch", NORMALISED, "normalised over the batch"))
    ):
        found = activities(runs[kind])
        for row, k in enumerate(shown):
            ax = panels[row, column]
            # Spread over the digits, unit by unit: what a layer still knows of its input.
            heights = ax.hist(found[k].ravel(), bins=60, range=(0, 1), color=colour, density=True)[0]
            ax.set_ylim(0, 1.4 * heights.max())
            ax.set_yticks([])
            ax.grid(False)
            ax.set_xlim(0, 1)
            tells = found[k].std(axis=0).mean()
            ax.annotate(
                f"spread over the digits: {tells:.1g}", (0.98, 0.97), xycoords="axes fraction", ha="right", va="top",
                fontsize=8, color=draw.INK,
            )  # fmt: skip
            if column == 0:
                ax.set_ylabel(f"layer {k + 1}")
        panels[0, column].set_title(title)
        panels[-1, column].set_xlabel("activity")
    return figure


def learning(runs):
    figure, ax = draw.new(width=6.4, height=3.6)
    for kind, colour, label in (("none", PLAIN, "plain"), ("batch", NORMALISED, "normalised")):
        loss = runs[kind].history["loss"]
        axes.replicas(ax, range(1, loss.shape[1] + 1), loss, color=colour, label=label)
    ax.axhline(np.log(10), color=draw.MUTED, linewidth=0.9, linestyle=(0, (4, 3)))
    ax.set(ylabel="training loss", title="Twenty layers of logistic units", ylim=(0, 2.6))
    axes.epochs(ax)
    ax.legend(loc="center right")
    return figure
