"""How far the gradient of a batch is from the gradient of all examples, by the size of the batch."""

import numpy as np

import snarc
from snarc import draw, keys, reference
from snarc.experiments import Claim, Erratum, Figure, Note, Table, experiment
from snarc.experiments.frame import axes
from snarc.reading import Estimate

LECTURE = "J. Brazdil, PV021 Neural networks, lecture on stochastic gradient descent"
SIZES = (1, 3, 10, 30, 100, 300, 1_000, 3_000, 10_000)


@experiment(
    "gradient-noise",
    rows=("O2",),
    question="How much better is the gradient of 10,000 examples than that of 100?",
    source=LECTURE,
    seconds=(2, 15, 50),
    replicas=(1, 3, 5),
    needs=("mnist",),
)
def gradient_noise(budget):
    """784-30-10, tanh and softmax cross-entropy, at its random start and after a pass over the digits.

    The deviation of a batch is the length of the difference between its gradient and that of all examples; shown is
    its root mean square over batches drawn with replacement. The line is not fitted: σ is the standard deviation of
    the gradients of single examples, all of them.
    """
    count = budget(2_000, 20_000, 60_000)
    split = snarc.load("mnist", train=count, validation=0, test=100).train
    x = split.inputs.reshape(count, -1) / 255
    d = np.eye(10)[split.targets]
    sizes = [m for m in SIZES if m <= budget(300, 10_000, 10_000)]
    batches = [int(np.clip(30_000 / m, *budget((10, 50), (30, 1_000), (60, 2_000)))) for m in sizes]
    curves: dict[str, list] = {"start": [], "learnt": []}
    for k in range(budget.replicas):
        rng = keys.generator(k, "gradient-noise")
        net = reference.network("784-30-10", "tanh", seed=k)
        for stage in curves:
            curves[stage].append((*deviations(net, x, d, sizes, batches, rng), spread(net, x, d)))
            for rows in np.array_split(rng.permutation(count), count // 100):
                reference.step(net, x[rows], d[rows], reference.cross_entropy, rate=0.3)
    for stage, words in (("start", "at the start"), ("learnt", "after a pass")):
        slopes = [np.polyfit(np.log(sizes), np.log(measured), 1)[0] for measured, _, _ in curves[stage]]
        yield Claim(
            f"exponent of the deviation by the size of the batch, {words}",
            published=-0.5, measured=Estimate.over(slopes), within=0.02,
        )  # fmt: skip
    near = [
        np.abs(measured**2 - sigma**2 / np.array(sizes)) <= 3 * error
        for both in curves.values()
        for measured, error, sigma in both
    ]
    yield Claim(
        "points within three standard errors of σ/√m",
        measured=100 * float(np.mean(near)), at_least=95, unit="%",
        note=f"Of {np.size(near)}, compared as squares; σ comes from the gradients of single examples, without a fit.",
    )  # fmt: skip
    if 10_000 in sizes:
        ratios = [measured[sizes.index(100)] / measured[-1] for both in curves.values() for measured, _, _ in both]
        yield Claim(
            "deviation of 100 examples over that of 10,000", published=10, measured=Estimate.over(ratios), within=1
        )
    yield Figure(
        picture(sizes, curves), "Points: measured, one for each network. Lines: σ/√m, not fitted.", name="deviation"
    )
    first, last = (np.mean([[*m, s] for m, _, s in curves[stage]], axis=0) for stage in ("start", "learnt"))
    yield Table(
        ["examples in a batch", "σ/√m at the start", "measured", "σ/√m after a pass", "measured"],
        [
            [m, first[-1] / m**0.5, a, last[-1] / m**0.5, b]
            for m, a, b in zip(sizes, first, last)
        ],
        f"Root mean square over {batches[-1]} to {batches[0]:,} batches, mean over {budget.replicas} networks.",
    )  # fmt: skip
    yield Erratum(
        "The standard error of the mean of m samples is σ/√m, where σ is the variance.",
        "σ is the standard deviation; the variance of the mean is σ²/m.",
        LECTURE,
    )
    yield Note(
        "A hundred times the work makes the gradient ten times better. Drawn without replacement, as in an epoch, the "
        "mean of m of N examples deviates by σ/√m · √((N − m)/(N − 1)): the same while m is much smaller than N, and "
        "nothing at m = N."
    )


def backward(net, x, d):
    """Activations below each layer and its errors delta, of the *sum* of the losses, so that rows stay apart."""
    zs, ys = reference.forward(net, x)
    slope = len(x) * reference.cross_entropy(ys[-1], d)[1]
    deltas = []
    for layer, z in zip(net[::-1], zs[::-1]):
        deltas.append(slope * reference.ACTIVATIONS[layer.activation][1](z))
        slope = deltas[-1] @ layer.weights.T
    return ys[:-1], deltas[::-1]


def spread(net, x, d):
    """Standard deviation of the gradients of single examples: the root of E|g|² − |E g|², over all weights.

    |g|² needs no gradient: that of one example is an outer product, whose square is that of its factors.
    """
    ys, deltas = backward(net, x, d)
    squares = sum(np.mean((1 + (y**2).sum(1)) * (delta**2).sum(1)) for y, delta in zip(ys, deltas))
    mean = sum(np.sum((y.T @ delta) ** 2) + np.sum(delta.sum(0) ** 2) for y, delta in zip(ys, deltas)) / len(x) ** 2
    return float(np.sqrt(squares - mean))


def deviations(net, x, d, sizes, batches, rng):
    """Root mean square of the distance between the gradient of a batch and that of all examples, for each size.

    Also the standard errors of the mean squares.
    """
    ys, deltas = backward(net, x, d)
    ys = [np.column_stack([y, np.ones(len(y))]).astype(np.float32) for y in ys]
    deltas = [delta.astype(np.float32) for delta in deltas]
    whole = [y.T @ delta / len(x) for y, delta in zip(ys, deltas)]
    found = []
    for m, count in zip(sizes, batches):
        squares = []
        for _ in range(count):
            rows = rng.integers(0, len(x), m)
            parts = [y[rows].T @ delta[rows] / m - mean for y, delta, mean in zip(ys, deltas, whole)]
            squares.append(sum(np.sum(part**2) for part in parts))
        found.append((np.sqrt(np.mean(squares)), np.std(squares, ddof=1) / np.sqrt(count)))
    return np.array(found, np.float64).T


def picture(sizes, curves):
    figure, ax = draw.new(width=7.2, height=4.4)
    with draw.style():
        for stage, colour, label in (
            ("start", draw.PALETTE[0], "at the start"),
            ("learnt", draw.PALETTE[1], "after a pass"),
        ):
            for k, (measured, _, sigma) in enumerate(curves[stage]):
                ax.plot(
                    sizes, sigma / np.sqrt(sizes), color=colour, linewidth=1, label=f"σ/√m {label}" if k == 0 else None
                )
                ax.plot(sizes, measured, "o", color=colour, markersize=5, label=label if k == 0 else None)
        axes.one_two_five(ax.yaxis)
        ax.set(xscale="log", xlabel="examples in a batch, m", ylabel="deviation of its gradient")
        ax.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
        ax.set_title("A hundred times the work, ten times better")
        ax.legend(loc="upper right")
    return figure
