"""Batch, online and mini-batch descent: who visits what when, and where the mean step leads."""

import itertools

import numpy as np

import snarc
from snarc import draw, keys, reference
from snarc.data import Dataset, Split, Task
from snarc.experiments import Claim, Figure, Note, Table, experiment, fit
from snarc.experiments._differences import gradient

EXAMPLES, TARGET, RATE = 60, 1000.0, 1e-5


@experiment(
    "descent-batches",
    rows=("O1",),
    question="Does an epoch visit every example once, and is the gradient of a batch right on average?",
    source="J. Brazdil, PV021 Neural networks; F. Marquardt, Machine Learning for Physicists",
    seconds=(4, 10, 15),
    replicas=(1, 3, 5),
)
def descent_batches(budget):
    """The engine's own orders, read off the weights; the gradients of batches; and three paths down one bowl.

    The order: sixty examples, each with an input of its own, are learnt one at a time by a linear unit, with a rate
    that falls by a few percent a step. The weight of an input moves once, by the rate of that step, and so tells when
    its example came. The gradients: 64-20-10 with tanh and softmax cross-entropy on 8 x 8 digits.
    """
    epochs = budget(2, 3, 3)
    seen = {(k, e): order for k in range(budget.replicas) for e, order in enumerate(orders(k, epochs))}
    wanted = {(k, e): keys.generator(k, "shuffle", e).permutation(EXAMPLES) for k, e in seen}
    yield Claim(
        f"epochs of {len(seen)} in which every example is visited exactly once",
        measured=sum(sorted(order) == list(range(EXAMPLES)) for order in seen.values()),
        published=len(seen), exact=True, source="by definition",
    )  # fmt: skip
    yield Claim(
        f"different orders in {len(seen)} epochs",
        measured=len({tuple(order) for order in seen.values()}),
        published=len(seen), exact=True, source="shuffled anew in every epoch, and by every seed",
    )  # fmt: skip
    yield Claim(
        "every order is the permutation that its seed and epoch name",
        measured=all(list(wanted[at]) == list(order) for at, order in seen.items()), exact=True,
        note="So that a run can be repeated and resumed; the permutations are NumPy's.",
    )  # fmt: skip
    yield Claim(
        "p-value: all 120 orders of five examples are as frequent",
        measured=evenness(budget(2_400, 24_000, 120_000)), at_least=0.001,
        note="Chi-square of the orders of as many epochs of one seed.",
    )  # fmt: skip
    share, along, epoch_off = unbiased(budget(100, 500, 2_000))
    yield Claim(
        "mean gradient of batches of 32, distance from the full one along it",
        measured=along, at_most=3, unit="standard errors",
    )  # fmt: skip
    yield Claim(
        "weights whose mean gradient is within three standard errors of the full one",
        measured=100 * share, at_least=99, unit="%", note="99.7 % of them should be.",
    )  # fmt: skip
    yield Claim(
        "the batches of one epoch, weighted by size, add up to the full gradient: largest deviation",
        measured=epoch_off, at_most=1e-12, note="As a part of the largest derivative.",
    )  # fmt: skip
    figure, table = three_paths(budget(5, 20, 20))
    yield Figure(
        figure,
        "A linear unit with two weights and 200 examples. All three visit the same number of examples at the same "
        "rate; the fewer examples a step has, the more steps there are, and the less they agree.",
        name="paths",
    )
    yield Table(["examples a step", "steps", "E − E* after one pass", "after all passes"], table, "On the same bowl.")
    yield Note(
        "Batches of 32 to 256, powers of two, are what the lectures advise: large enough to keep the machine busy, "
        "small enough to take many steps in a pass."
    )


def orders(seed, epochs):
    """The order in which the engine visits the examples, in each epoch of a run with this seed."""
    every = Split(np.eye(EXAMPLES, dtype=np.float32), np.full((EXAMPLES, 1), TARGET, np.float32))
    data = Dataset("one-hot", Task("regression", targets=("y",)), every, every, every)
    options = {"optimizer": "sgd", "loss": "squared-error", "batch_size": 1, "learning_rate": RATE, "seed": seed}
    options |= {"schedule": "exponential", "schedule_time": 1.0, "standardise": False}
    runs = [fit("linear", data, epochs=e, **options) for e in range(1, epochs + 1)]
    weights = [start(runs[0], seed), *(kernel(run) for run in runs)]
    found = []
    for e, (before, after) in enumerate(itertools.pairwise(weights)):
        # The unit is off by nearly the whole target at every visit: w moves by 2 rate target.
        step = np.log(2 * RATE * TARGET / (after - before)) / np.log(10) * EXAMPLES - e * EXAMPLES
        visited = np.round(step).astype(int)
        order = np.full(EXAMPLES, -1)
        inside = (visited >= 0) & (visited < EXAMPLES)
        order[visited[inside]] = np.flatnonzero(inside)
        found.append(order)
    return found


def kernel(run):
    return np.asarray(run.networks[0].body.output.kernel[...], np.float64)[:, 0]


def start(run, seed):
    body = snarc.models.build("linear", inputs=(EXAMPLES,), outputs=1, seed=seed)
    return np.asarray(body.output.kernel[...], np.float64)[:, 0]


def evenness(epochs):
    """p-value of the orders of five examples over so many epochs, against all 120 being as likely."""
    from scipy import stats

    found = [tuple(keys.generator(0, "shuffle", epoch).permutation(5)) for epoch in range(epochs)]
    counts = np.unique(found, axis=0, return_counts=True)[1]
    return float(stats.chisquare(np.pad(counts, (0, 120 - len(counts)))).pvalue)


def unbiased(count, size=32):
    """Share of weights within three standard errors, standard errors along the full gradient, and one epoch's sum."""
    split = snarc.load("digits").train
    x, d = split.inputs.reshape(len(split), -1).astype(float), np.eye(10)[split.targets]
    net = reference.network("64-20-10", "tanh", seed=0)

    def slope(rows):
        parts = gradient(net, x[rows], d[rows], reference.cross_entropy)
        return np.concatenate([part.ravel() for part in parts])

    whole = slope(np.arange(len(x)))
    epochs = [keys.generator(0, "shuffle", epoch).permutation(len(x)) for epoch in range(count)]
    some = np.array([slope(order[:size]) for order in epochs])
    error = some.std(axis=0, ddof=1) / np.sqrt(count)
    live = error > 0  # pixels that are always white have no gradient, in any batch
    share = np.mean(np.abs(some.mean(axis=0) - whole)[live] <= 3 * error[live])
    along = some @ whole / np.linalg.norm(whole)
    off = abs(along.mean() - np.linalg.norm(whole)) / (along.std(ddof=1) / np.sqrt(count))
    batches = [epochs[0][k : k + size] for k in range(0, len(x), size)]
    total = sum(len(rows) * slope(rows) for rows in batches) / len(x)
    return float(share), float(off), float(np.abs(total - whole).max() / np.abs(whole).max())


def three_paths(passes):
    """A figure of three ways down the bowl E(w) = mean (w . x - d)^2, and a row for each."""
    rng = keys.generator(0, "descent-batches")
    x = rng.normal(size=(200, 2)) * [1.0, 0.45]
    d = x @ [1.0, 1.0] + 0.5 * rng.normal(size=200)
    best = np.linalg.lstsq(x, d, rcond=None)[0]

    def excess(w):
        return ((w - best) @ x.T @ x / len(x) * (w - best)).sum(axis=-1)

    figure, (ax, side) = draw.new(1, 2, width=10.4, height=4.4)
    table = []
    with draw.style():
        a, b = np.meshgrid(np.linspace(-1.3, 1.7, 200), np.linspace(-1.3, 1.7, 200))
        height = excess(np.stack([a, b], axis=-1).reshape(-1, 2)).reshape(a.shape)
        ax.contour(
            a, b, height, levels=height.max() * np.linspace(0, 1, 14)[1:] ** 2, cmap=draw.SEQUENTIAL, linewidths=0.8
        )
        for size, colour, label in (
            (1, draw.PALETTE[5], "online"),
            (20, draw.PALETTE[0], "mini-batch"),
            (200, draw.PALETTE[1], "batch"),
        ):
            w, way = np.array([-1.0, -1.0]), [np.array([-1.0, -1.0])]
            for epoch in range(passes):
                order = keys.generator(0, "shuffle", epoch).permutation(len(x))
                for k in range(0, len(x), size):
                    rows = order[k : k + size]
                    w = w - 0.05 * 2 * (x[rows] @ w - d[rows]) @ x[rows] / len(rows)
                    way.append(w)
            path = np.array(way)
            visits = np.arange(len(path)) * size
            marker = {200: "o-", 20: ".-", 1: "-"}[size]
            ax.plot(*path.T, marker, color=colour, linewidth=0.7 if size == 1 else 1.5, markersize=4, label=label)
            side.plot(
                visits[1:], excess(path)[1:], marker, color=colour, linewidth=0.7 if size == 1 else 1.5, markersize=4
            )
            one = len(x) // size
            table.append([f"{size} ({label})", len(path) - 1, float(excess(path[one])), float(excess(path[-1]))])
        ax.plot(*best, "+", color=draw.INK, markersize=14, markeredgewidth=2, zorder=5)
        ax.set(xlabel="w₁", ylabel="w₂", title="Three ways down", xlim=(-1.3, 1.7), ylim=(-1.3, 1.7))
        ax.legend(loc="upper left")
        side.set(xscale="log", yscale="log", xlabel="examples visited", ylabel="E − E*", title="Above the bottom")
        side.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
    return figure, table
