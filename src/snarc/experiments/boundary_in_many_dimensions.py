"""Why boundaries are near in many dimensions: many weak cues add up along one direction, and random ones miss it."""

import numpy as np

import snarc
from snarc import draw, keys
from snarc.experiments import Claim, Figure, Note, Table, experiment, fit
from snarc.reading import Estimate

DIMENSIONS = (16, 64, 256, 1024, 4096)
EXPONENT = "exponent of the relative distance to the boundary"


@experiment(
    "boundary-in-many-dimensions",
    rows=("Q13",),
    question="How near is the boundary of a linear network, compared with the length of the input, in n dimensions?",
    source="Goodfellow, Shlens, Szegedy, ICLR 2015, section 3",
    seconds=(3, 15, 23),
    replicas=(1, 3, 5),
    needs=("mnist",),
)
def boundary_in_many_dimensions(budget):
    """Two classes whose n inputs are each normal numbers of deviation 1 around ±2/√n: every input says little, and
    all together err in 2.3 % of cases, whatever n. A linear network learns from 4,000 examples. Beside it: digits, 3
    against 7, brought to n pixels, where more pixels only say the same again.
    """
    sizes = DIMENSIONS[: budget(2, 5, 5)]
    examples = budget(500, 4_000, 4_000)
    rows = np.array([[weak_cues(n, examples, seed) for n in sizes] for seed in range(budget.replicas)])
    relative, ratio, deepfool, error = np.moveaxis(rows, 2, 0)
    mnist = snarc.load("mnist", train=budget(1_000, 10_000, 20_000), test=budget(500, 2_000, 5_000))
    pixels = np.array([digits(mnist, int(np.sqrt(n))) for n in sizes])
    slopes = [np.polyfit(np.log(sizes), np.log(line), 1)[0] for line in relative]
    yield Claim(EXPONENT, measured=Estimate.over(slopes), between=(-0.6, -0.4), note="Of n, over n = 16 to 4,096.")
    yield Claim(
        "way along a random direction over the shortest, median, n ≥ 64",
        measured=Estimate.over(ratio[:, 1:].min(axis=1)),
        at_least=10,
        note="The smallest over n. In theory √n / 0.6745, which is 5.9 for n = 16 and 11.9 for n = 64.",
    )
    yield Claim(
        "DeepFool's distance over the exact one, mean of 100 inputs: largest difference from 1 of any network",
        measured=float(np.abs(deepfool - 1).max()),
        at_most=0.01,
        note="Without overshoot; in a linear network the boundary lies |w·x + b| / |w| away.",
    )
    yield Figure(
        picture(sizes, relative, ratio, pixels),
        "Left: distance to the boundary over the length of the input. Right: how much farther the boundary is along a "
        "random direction (median).",
        name="distance",
    )
    yield Table(
        ["n", "error (%)", "distance / length", "random / shortest", "digits: error (%)", "digits: distance / length"],
        [
            [n, Estimate.over(100 * error[:, k]), Estimate.over(relative[:, k]), Estimate.over(ratio[:, k]),
             100 * pixels[k, 1], pixels[k, 0]]
            for k, n in enumerate(sizes)
        ],
        "Means over the replicas, of 1,000 new examples each.",
    )  # fmt: skip
    yield Note(
        "The exponent holds where each further input adds a little of its own to what is known. Digits at a finer "
        "resolution do not: their neighbouring pixels repeat each other, and a smooth network cannot use them one by "
        "one. Many dimensions alone do not bring the boundary near; many weak and independent cues do."
    )


def weak_cues(n, examples, seed):
    """Relative distance, random over shortest way, DeepFool over exact distance, error: of a linear network."""
    rng = keys.generator(seed, "weak-cues", n)

    def drawn(count):
        labels = rng.integers(0, 2, count)
        x = rng.normal(size=(count, n)) + 2 / np.sqrt(n) * np.where(labels == 1, 1, -1)[:, None]
        return x.astype(np.float32), labels.astype(np.int32)

    run = linear(drawn(examples), drawn(1_000), seed)
    return judged(run, rng)


def linear(train, test, seed):
    from snarc.data import Dataset, Split, Task

    nothing = Split(train[0][:0], train[1][:0])
    data = Dataset("two-classes", Task("classification", ("a", "b")), Split(*train), nothing, Split(*test))
    return fit(
        "linear", data, epochs=8, learning_rate=0.05 / np.sqrt(train[0][0].size), schedule="linear", standardise=False,
        seed=seed,
    )  # fmt: skip


def judged(run, rng):
    from snarc.trust import attacks

    seen, test = run.subject(), run.dataset.test
    x = test.inputs.reshape(len(test), -1).astype(np.float64)
    slope = np.asarray(seen.jacobian(test.inputs[:1].astype(np.float32)))[0].reshape(2, -1).astype(np.float64)
    w = slope[1] - slope[0]
    logits = np.asarray(seen.logits(test.inputs), np.float64)
    exact = np.abs(logits[:, 1] - logits[:, 0]) / np.linalg.norm(w)
    directions = rng.normal(size=(max(1_000, 4_000_000 // max(w.size, 1_000)), w.size))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    ratio = np.median(np.linalg.norm(w) / np.abs(directions @ w))
    some = np.flatnonzero(exact > 0.1)[:100]  # DeepFool adds 1e-4 to every step
    found = attacks.deepfool(seen, test.inputs[some], logits[some].argmax(axis=1), overshoot=0.0)
    relative = np.mean(exact) / np.mean(np.linalg.norm(x, axis=1))
    return relative, ratio, np.mean(found.l2 / exact[some]), float(run.test.error)


def digits(mnist, side):
    """Relative distance and error for 3 against 7 at side x side pixels."""
    from PIL import Image

    def two(split):
        kept = np.flatnonzero((split.targets == 3) | (split.targets == 7))
        images = [
            np.asarray(Image.fromarray(image[..., 0]).resize((side, side), Image.Resampling.BOX), np.float32) / 255
            for image in split.inputs[kept]
        ]
        return np.array(images).reshape(len(kept), -1), (split.targets[kept] == 7).astype(np.int32)

    run = linear(two(mnist.train), two(mnist.test), 0)
    relative, _, _, error = judged(run, keys.generator(0, "digits", side))
    return relative, error


def picture(sizes, relative, ratio, pixels):
    figure, (left, right) = draw.new(1, 2, width=8.4, height=3.8)
    left.plot(sizes, relative.mean(axis=0), "o-", color=draw.PALETTE[0], label="weak cues")
    left.plot(sizes, relative.mean(axis=0)[0] * np.sqrt(sizes[0] / np.array(sizes)), "--", color=draw.MUTED,
              label="n$^{-1/2}$", linewidth=1.2)  # fmt: skip
    left.plot(sizes, pixels[:, 0], "s-", color=draw.PALETTE[1], label="digits, 3 against 7")
    left.set(xscale="log", yscale="log", xlabel="inputs n", ylabel="distance / length of the input")
    right.plot(sizes, ratio.mean(axis=0), "o-", color=draw.PALETTE[0], label="weak cues")
    right.plot(sizes, np.sqrt(sizes) / 0.6745, "--", color=draw.MUTED, label="√n / 0.6745", linewidth=1.2)
    right.axhline(10, color=draw.PALETTE[1], linewidth=1, linestyle=":", label="ten times")
    right.set(xscale="log", yscale="log", xlabel="inputs n", ylabel="random / shortest way")
    for ax in (left, right):
        ax.set_xticks(sizes, [f"{n:,}" for n in sizes])
        ax.minorticks_off()
        draw.plain_log(ax.yaxis)
        draw.legend(ax, loc="lower left" if ax is left else "upper left")
    return figure
