"""How weights grow from noise to features while a network learns: letters, and kernels over digits."""

import numpy as np

import snarc
from snarc import draw
from snarc.experiments import Claim, Figure, Note, Table, experiment, fit
from snarc.experiments.frame import axes
from snarc.experiments.letter_features import inside, match, noisy
from snarc.reading import Estimate

SOURCE = "R. Duda, P. Hart, D. Stork, Pattern Classification (2001), section 6.6; T. Brázdil, Neural networks (PV021)"
LETTERS, KERNELS = "64-2:tanh-3", "convnet"


@experiment(
    "weight-development",
    rows=("L10",),
    question="How do weights grow from noise to features while a network learns?",
    source=SOURCE,
    seconds=(6, 15, 30),
    replicas=(1, 3, 5),
    needs=("mnist",),
)
def weight_development(budget):
    """64-2-3 on noisy letters of 8 × 8 pixels, and a stage of 12 kernels of 7 × 7 on MNIST, looked at as they learn.

    At constant rates a shorter training is the beginning of a longer one, so that trainings of more and more epochs
    show one development. How ALVINN's hidden units grew, which the lecture shows too, is not repeated here.
    """
    data = noisy(budget(90, 900, 900), budget(300, 1500, 3000))
    times = budget((1, 4), (1, 2, 4, 8, 16, 32, 60), (1, 2, 4, 8, 16, 32, 60))
    settings = {
        "l2": 0.003, "optimizer": "adam", "learning_rate": 0.003, "batch_size": 30, "standardise": False,
        "replicas": budget.replicas,
    }  # fmt: skip
    letters = [fit(LETTERS, data, epochs=epochs, **settings) for epochs in times]
    images = np.array(
        [[first(LETTERS, (64,), 3, seed) for seed in range(budget.replicas)]]
        + [[np.asarray(net.body.layers[0].kernel[...]) for net in run.networks] for run in letters]
    )  # (times, replicas, 64, 2)
    ages = (0, *times)
    like = np.array([[[match(image)[1] for image in pair.T] for pair in row] for row in images]).mean(axis=2)
    plane = np.array([[inside(pair.T) for pair in row] for row in images])

    same = bool(np.array_equal(letters[0].history["loss"], letters[-1].history["loss"][:, : times[0]]))
    yield Claim("the shortest training is the beginning of the longest, to the last bit", measured=same, exact=True)
    yield Claim("test letters read rightly at the end", measured=100 * letters[-1].test.accuracy, at_least=98, unit="%")
    yield Claim(
        "correlation of a weight image with the template it is most like, at the start",
        measured=Estimate.over(like[0]),
        at_most=0.4,
        note="Chance, as the best of six templates. The bound was set here.",
    )
    yield Claim("the same at the end", measured=Estimate.over(like[-1]), at_least=0.6, note="The bound of row R5.")
    yield Claim(
        "share of the weights (squared) in the plane of the letters' differences: end minus start",
        measured=Estimate.over(plane[-1] - plane[0]),
        at_least=0.5,
        note="2 of 64 dimensions, 0.03 by chance; what lies outside lets noise in, and the penalty takes it away.",
    )
    yield Figure(
        strip([image[0].T.reshape(2, 8, 8) for image in images], ages, "unit"),
        "The weights of the two hidden units of the first network that tells E, F and L apart, after so many epochs "
        "(red positive, blue negative; one scale for each picture).",
        name="letters",
    )

    mnist = snarc.load("mnist", train=budget(300, 3_000, 6_000), validation=0, test=budget(200, 2_000, 5_000))
    options = {"maps": "12", "dense": "", "window": 7, "pool": 4, "dropout": 0.0}
    moments = budget((1,), (1, 2, 4, 8), (1, 2, 4, 8, 16))
    plain = {"l2": 0.003, "optimizer": "adam", "learning_rate": 5e-3, "batch_size": 50, "model_options": options}
    runs = [fit(KERNELS, mnist, epochs=epochs, **plain) for epochs in moments]
    kernels = np.array(
        [first(KERNELS, mnist.inputs, 10, 0, options)]
        + [np.asarray(run.networks[0].body.convolutions[0].kernel[...]) for run in runs]
    )[:, :, :, 0]  # (times, 7, 7, 12)
    nearness = np.array([cosines(one, kernels[-1]) for one in kernels]).mean(axis=1)
    smooth = np.array([neighbours(one) for one in kernels])
    yield Claim(
        "kernels over digits: smallest gain of likeness to what they become, from one look to the next",
        measured=float(np.diff(nearness).min()),
        at_least=0,
        note="Mean cosine to the last look's kernels.",
    )
    yield Claim(
        "kernels over digits: correlation of neighbouring weights at the end minus at the start",
        measured=float(smooth[-1] - smooth[0]),
        at_least=0.2,
        note="Noise has none; strokes and edges have. Ours; without the penalty and at 0.4 of the rate 0.16 came out.",
    )
    yield Figure(
        strip([np.moveaxis(one, -1, 0)[:8] for one in kernels], (0, *moments), "kernel"),
        "Eight of the twelve kernels after so many passes through the digits.",
        name="kernels",
    )
    yield Figure(curves(ages, like, plane, (0, *moments), nearness, smooth), "The same in numbers.", name="numbers")
    yield Table(
        ["epochs", "likeness to a template", "share in the plane"],
        [[str(age), Estimate.over(a), Estimate.over(b)] for age, a, b in zip(ages, like, plane)],
        "Letters: means and standard errors over the networks.",
    )
    errors = ", ".join(f"{100 * run.test.error.mean:.1f} % after {epochs}" for run, epochs in zip(runs, moments))
    yield Note(
        "Both start as noise. The letters' images lose it, since the penalty shrinks every weight that no example "
        "pulls at; kernels keep much of their first shape, and are bent towards strokes and edges. Test error of the "
        f"network on digits: {errors} epochs."
    )


def first(model, inputs, outputs, seed, options=None):
    """The first weights as training draws them."""
    body = snarc.models.build(model, inputs=inputs, outputs=outputs, seed=seed, options=options)
    layer = body.layers[0] if hasattr(body, "layers") else body.convolutions[0]
    return np.asarray(layer.kernel[...])


def cosines(one, other):
    a, b = one.reshape(-1, one.shape[-1]), other.reshape(-1, one.shape[-1])
    return (a * b).sum(axis=0) / np.linalg.norm(a, axis=0) / np.linalg.norm(b, axis=0)


def neighbours(kernels):
    """Mean correlation of weights that are neighbours, right or below."""
    apart = kernels - kernels.mean(axis=(0, 1))
    products = (apart[1:] * apart[:-1]).mean() + (apart[:, 1:] * apart[:, :-1]).mean()
    return float(products / 2 / (apart**2).mean())


def strip(rows, ages, what):
    """Pictures in time from left to right; ``rows`` has for each age ``(pictures, H, W)``."""
    count = len(rows[0])
    side = 0.72 if count > 2 else 1.1
    figure, panels = draw.new(count, len(rows), width=side * len(rows) + 0.8, height=side * count + 0.3, squeeze=False)
    for column, (images, age) in enumerate(zip(rows, ages)):
        for row, image in enumerate(images):
            ax, reach = draw.bare(panels[row, column]), float(np.abs(image).max())
            ax.imshow(image, cmap=draw.DIVERGING, vmin=-reach, vmax=reach)
            if not row:
                ax.set_title("start" if not age else f"{age}", loc="center", fontsize=9, fontweight="normal")
            if not column:
                ax.set_ylabel(f"{what} {row + 1}", fontsize=8, rotation=0, ha="right", va="center")
    return figure


def curves(ages, like, plane, moments, nearness, smooth):
    figure, (left, right) = draw.new(1, 2, width=8.6, height=3.2)
    places = np.arange(len(ages))
    axes.replicas(left, places, like.T, color=draw.PALETTE[0], label="likeness to a template", marker="o")
    axes.replicas(left, places, plane.T, color=draw.PALETTE[1], label="share in the letters' plane", marker="o")
    left.set_xticks(places, [str(age) for age in ages])
    left.set(xlabel="epochs", ylim=(0, 1.02), title="letters")
    places = np.arange(len(moments))
    right.plot(places, nearness, "o-", color=draw.PALETTE[0], label="likeness to the last look")
    right.plot(places, smooth, "o-", color=draw.PALETTE[2], label="correlation of neighbours")
    right.set_xticks(places, [str(age) for age in moments])
    right.set(xlabel="epochs", ylim=(min(-0.1, smooth.min() - 0.05), 1.05), title="kernels over digits")
    for ax in (left, right):
        draw.legend(ax, loc="best", fontsize=8)
    return figure
