"""Learning rate, batch size, first weights and layout: what each does to a network that learns a function."""

import numpy as np

import snarc
from snarc import draw
from snarc.errors import DivergedError
from snarc.experiments import Claim, Figure, Note, Table, experiment, fit
from snarc.experiments.frame import axes
from snarc.reading import Estimate

LECTURE = "F. Marquardt, Machine Learning for Physicists, lectures 2 and 3 and their homework"
PLAIN = {"optimizer": "sgd", "standardise": False}
RATES = 10.0 ** np.arange(-3, 1.6, 0.5)


@experiment(
    "descent-settings",
    rows=("M6",),
    question="What do the learning rate, the batch size, the first weights and the layout do to plain descent?",
    source=LECTURE,
    seconds=(4, 13, 25),
    replicas=(1, 3, 10),
)
def descent_settings(budget):
    """A network of two variables learns exp(-5 r²)·|x + y| by plain descent, from the same points each time.

    Small steps add up: ten of them on ten batches move the weights as one tenfold step on all of the points does.
    """
    small = budget(
        smoke=(1e-2, 3e-4), quick=(1e-1, 1e-2, 3e-3, 1e-3, 3e-4), full=(0.3, 0.1, 0.03, 0.01, 3e-3, 1e-3, 3e-4)
    )
    apart = {rate: [steps_against_batch(rate, seed) for seed in range(budget.replicas)] for rate in small}
    least = min(apart)
    yield Claim(
        "ten steps at a small rate against one step at ten times the rate: difference of the weights' change",
        measured=100 * Estimate.over(apart[least]),
        at_most=5,
        unit="%",
        note=f"At a rate of {least:g}, batches of 100 points against one of the same 1,000, relative to the change.",
    )
    rates = np.array(sorted(apart))
    means = np.array([np.mean(apart[rate]) for rate in rates])
    yield Claim(
        "slope of that difference over the rate, in logarithms",
        measured=float(np.polyfit(np.log(rates[:3]), np.log(means[:3]), 1)[0]),
        between=(0.9, 1.1),
        note="The second order of the rate is what remains: halving the rate halves the difference.",
    )
    yield Figure(
        small_steps(rates, apart),
        "How far ten small steps end from one large one on the same points, relative to how far they went.",
        name="small-steps",
    )

    batches = budget(smoke=(100, 1000), quick=(10, 100, 1000), full=(10, 30, 100, 300, 1000))
    tried = budget(smoke=RATES[-2:], quick=RATES[::2], full=RATES)
    points = snarc.load("crease", count=budget(5_000, 30_000, 60_000), test=5_000)
    table = np.array([[final(points, rate, batch) for rate in tried] for batch in batches])
    failed = beyond(table)
    yield Claim(
        "batch sizes at which a larger rate ends in failure",
        measured=int(failed.any(axis=1).sum()),
        at_least=len(batches),
        note=f"Of {len(batches)}; failure: the cost is no better than that of a constant, or not finite.",
    )
    yield Figure(
        rate_map(tried, batches, table, failed),
        "Explained variance after the same points in batches of each size. Along a diagonal rate and batch size grow "
        "together: the result is the same. Crosses: past the best rate, where the descent diverged or ended no better "
        "than a constant.",
        name="map",
    )

    fan = {"learning_rate": 0.3, "batch_size": 100, "epochs": budget(2, 10, 20), "replicas": budget(2, 6, 20)}
    some = snarc.load("crease", count=10_000, validation=2_000, test=5_000)
    seeds = fit("2-100-1", some, **PLAIN, **fan)
    yield Figure(
        seed_fan(1 - seeds.history["validation_r2"]),
        "The same points in another order, from other first weights: unexplained variance of every network.",
        name="seeds",
    )
    rows = []
    one = {**fan, "replicas": budget.replicas}
    sizes = budget((0.1,), (0.01, 0.1, 1, 3), (0.001, 0.01, 0.1, 0.3, 1, 3))
    for size in sizes:
        name = f"2-100-1, weights from -{size:g} to {size:g}"
        rows.append([name, *outcome("2-100-1", some, one, f"uniform({size})")])
    layouts = budget(("2-20-1",), ("2-20-1", "2-30-30-1"), ("2-20-1", "2-500-1", "2-30-30-1", "2-20-20-20-1"))
    for layout in layouts:
        rows.append([f"{layout}, He's weights", *outcome(layout, some, one, "auto")])
    yield Table(
        ["network", "R²", "failed"],
        rows,
        "The same descent from other first weights and by other layouts.",
    )
    yield Note(
        "Descent follows the mean gradient of the cost. While a step is so short that the gradient hardly changes "
        "along it, only the sum of the steps counts, so that rate and batch size may be traded against each other. "
        "Past the edge a step overshoots: the cost grows, and either becomes infinite or leaves all units silent."
    )
    yield Note(
        "Weights that start too small leave the network on the flat top of its cost, as the gradient of a layer is "
        "proportional to the weights of the next; those that start too large make kinks that have to be unlearnt."
    )


def steps_against_batch(rate, seed, count=10, batch=100):
    """Relative difference of the weights' change by ``count`` steps, and by one step on all of their points."""
    points = snarc.load("crease", count=count * batch, test=0, seed=seed)
    start = flat(snarc.models.build("2-100-1", inputs=(2,), outputs=1, seed=seed))
    ends = []
    for r, b in ((rate, batch), (count * rate, count * batch)):
        run = fit("2-100-1", points, epochs=1, seed=seed, learning_rate=r, batch_size=b, **PLAIN)
        ends.append(flat(run.networks[0].body) - start)
    many, one = ends
    return float(np.linalg.norm(many - one) / np.linalg.norm(one))


def flat(network):
    """All weights of a network in one vector, float64."""
    import jax
    from flax import nnx

    return np.concatenate(
        [np.ravel(leaf).astype(np.float64) for leaf in jax.tree.leaves(nnx.state(network, nnx.Param))]
    )


def final(points, rate, batch):
    """R² on test points after one pass, or minus infinity where the descent diverged."""
    try:
        run = fit("2-100-1", points, epochs=1, learning_rate=float(rate), batch_size=batch, **PLAIN)
    except DivergedError:
        return -np.inf
    return run.test.r2.mean


def outcome(layout, data, fields, initializer):
    """Mean R² of the networks that learnt, and how many did not."""
    try:
        run = fit(layout, data, model_options={"initializer": initializer}, **PLAIN, **fields)
    except DivergedError:
        return "–", f"{fields['replicas']} of {fields['replicas']}"
    good = [value for value in run.test.r2.values if value > 0]
    failed = f"{fields['replicas'] - len(good)} of {fields['replicas']}"
    return (Estimate.over(good) if good else "–"), failed


def small_steps(rates, apart):
    figure, ax = draw.new(width=6.4, height=3.8)
    values = 100 * np.array([apart[rate] for rate in rates])
    axes.replicas(ax, rates, values.T, color=draw.PALETTE[0], label="difference", marker="o", markersize=5)
    ax.plot(
        rates,
        values[0].mean() * rates / rates[0],
        "--",
        color=draw.MUTED,
        linewidth=1.2,
        label="proportional to the rate",
    )
    ax.axhline(5, color=draw.PALETTE[1], linewidth=1.2, label="5 %")
    ax.set(xlabel="learning rate of the small steps", ylabel="difference (% of the change)", xscale="log", yscale="log")
    ax.legend(loc="upper left")
    return figure


def beyond(table):
    """Where a row of R² over rising rates is past its best and no better than a constant."""
    best = table.argmax(axis=1)[:, None]
    return (table <= 0) & (np.arange(table.shape[1]) > best)


def rate_map(rates, batches, table, failed):
    figure, ax = draw.new(width=7.2, height=1.6 + 0.42 * len(batches))
    image = ax.imshow(np.maximum(table, 0), cmap=draw.SEQUENTIAL, vmin=0, vmax=1, aspect="auto", origin="lower")
    ax.grid(False)
    for i, row in enumerate(table):
        for j, value in enumerate(row):
            color = "black" if value > 0.6 else "white"
            text, size = ("×", 15) if failed[i, j] else (f"{value:.2f}", 8)
            ax.text(j, i, text, ha="center", va="center", color=color, fontsize=size)
    ax.set_xticks(range(len(rates)), [f"{rate:.2g}" for rate in rates])
    ax.set_yticks(range(len(batches)), [f"{batch:,}" for batch in batches])
    ax.set(xlabel="learning rate", ylabel="points in a batch")
    figure.colorbar(image, ax=ax, label="explained variance R²")
    return figure


def seed_fan(unexplained):
    figure, ax = draw.new(width=6.4, height=3.8)
    count = np.arange(1, unexplained.shape[1] + 1) * 100
    axes.replicas(ax, count, unexplained, color=draw.PALETTE[0], label=f"2-100-1, {len(unexplained)} seeds")
    ax.set(xlabel="steps of 100 points", ylabel="unexplained variance 1 - R²", yscale="log")
    draw.plain_log(ax.yaxis)
    ax.legend(loc="upper right")
    return figure
