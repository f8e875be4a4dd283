"""Initial weights after LeCun: a unit's weighted sum has spread one, whatever the number of its inputs."""

import numpy as np

from snarc import draw, keys
from snarc.experiments import Claim, Figure, Note, Table, experiment
from snarc.reading import Estimate

COUNTS = (10, 100, 1_000, 10_000)
NAMED = {"normal": "lecun-normal", "uniform": "lecun-uniform"}


@experiment(
    "lecun-initialisation",
    rows=("I3",),
    question="How large must initial weights be, so that the weighted sum of n inputs neither vanishes nor saturates?",
    source="Y. LeCun, L. Bottou, G. B. Orr, K.-R. Müller, Efficient BackProp (1998), section 4.6",
    seconds=(2, 6, 15),
    replicas=(1, 3, 5),
)
def lecun_initialisation(budget):
    """Inputs of mean 0 and variance 1, not normal but uniform; weights by name; sums of many units over many inputs.

    With n independent inputs of variance 1 and weights of standard deviation w, a sum has standard deviation √n w.
    """
    counts = budget(COUNTS[:2], COUNTS, COUNTS)
    sums = {(kind, n): spread(name, n, budget.replicas) for kind, name in NAMED.items() for n in counts}
    for kind in NAMED:
        worst = max((abs(sums[kind, n].mean - 1), n) for n in counts)[1]
        yield Claim(
            f"spread of the weighted sums, {kind} weights, the number of inputs where it is furthest from 1",
            published=1.0,
            measured=sums[kind, worst],
            within=0.02,
            digits=4,
            note=f"Here n = {worst:,}, of {', '.join(f'{n:,}' for n in counts)}.",
        )
    plain = {n: spread("normal(1)", n, budget.replicas) for n in counts}
    worst = max(counts, key=lambda n: abs(plain[n].mean / np.sqrt(n) - 1))
    yield Claim(
        "spread over √n w for normal weights of w = 1, furthest from 1",
        published=1.0,
        measured=(1 / np.sqrt(worst)) * plain[worst],
        within=0.02,
        digits=4,
    )
    thin = {n: spread("uniform(1)", n, budget.replicas) for n in counts}
    worst = max(counts, key=lambda n: abs(thin[n].mean / np.sqrt(n / 3) - 1))
    yield Claim(
        "spread over √(n/3) w for weights uniform in [-w, w], w = 1, furthest from 1",
        published=1.0,
        measured=float(1 / np.sqrt(worst / 3)) * thin[worst],
        within=0.02,
        digits=4,
    )
    yield Figure(
        picture(counts),
        "Weighted sums of n inputs. Left: weights uniform in [-1, 1]; nearly all sums lie where the sigmoid "
        "(grey) is flat. Middle: LeCun's weights; one curve for all n. Right: the mean slope of the sigmoid there, on "
        "which all learning depends.",
        name="sums",
    )
    yield Table(
        ["inputs n", "normal, variance 1/n", "uniform, ±√(3/n)", "normal, w = 1", "uniform, w = 1"],
        [[f"{n:,}", sums["normal", n], sums["uniform", n], plain[n], thin[n]] for n in counts],
        "Standard deviation of the weighted sums.",
    )
    yield Note(
        "The library's normal weights are cut off at two standard deviations of a slightly wider distribution, so that "
        "their variance is 1/n. The inputs here are uniform: nothing but mean and variance enters."
    )


def spread(name, n, replicas):
    """Standard deviation of the sums of many units over many inputs, one for each replica."""
    return Estimate.over([float(np.std(sums_of(name, n, seed), dtype=np.float64)) for seed in range(replicas)])


def sums_of(name, n, seed):
    from snarc.layers.initialisers import initializer

    # The length of an input and of a unit's weights is itself drawn, and varies most where n is small.
    rows = int(np.clip(9_000 / np.sqrt(n), 400, 2_000))
    rng = keys.generator(seed, "inputs", n)
    x = rng.uniform(-np.sqrt(3), np.sqrt(3), size=(rows, n)).astype(np.float32)
    w = initializer("identity", name)(keys.key(seed, "weights", name, n), (n, rows), np.float32)
    return x @ np.asarray(w)


def picture(counts):
    figure, (left, middle, right) = draw.new(1, 3, width=9.6, height=3.4, width_ratios=(1, 1, 1.05))
    x = np.linspace(-6, 6, 241)
    for ax, name in ((left, "uniform(1)"), (middle, "lecun-uniform")):
        for k, n in enumerate(counts):
            found = sums_of(name, n, 0).ravel()[:400_000]
            heights, edges = np.histogram(found, bins=96, range=(-6, 6))
            middles = (edges[:-1] + edges[1:]) / 2
            ax.plot(middles, heights / len(found) / (edges[1] - edges[0]), color=draw.PALETTE[k], label=f"n = {n:,}")
        ax.set(xlim=(-6, 6), xlabel="weighted sum", ylim=(0, 0.62))
        twin = ax.twinx()
        twin.plot(x, 1.7159 * np.tanh(2 * x / 3), color=draw.MUTED, linewidth=1.1, linestyle=(0, (4, 3)))
        twin.set(ylim=(-2, 2), yticks=[])
        twin.grid(False)
        twin.spines[:].set_visible(False)
    left.set(title="weights in [-1, 1]", ylabel="density")
    middle.set_title("weights in ±√(3/n)")
    middle.legend(loc="upper left", fontsize=8)
    for name, colour, label in (
        ("uniform(1)", draw.PALETTE[4], "[-1, 1]"),
        ("lecun-uniform", draw.PALETTE[0], "±√(3/n)"),
    ):
        slopes = [
            np.mean(1.7159 * 2 / 3 / np.cosh(2 / 3 * sums_of(name, n, 0).astype(np.float64)) ** 2) for n in counts
        ]
        right.plot(counts, slopes, "o-", color=colour, label=label)
    right.set(xscale="log", xlabel="number of inputs n", title="mean slope of the sigmoid", ylim=(0, 1.15))
    draw.plain_log(right.xaxis)
    right.legend(loc="lower left", fontsize=8)
    return figure
