"""Images that mean nothing and are taken for digits with certainty, bred by evolution."""

import numpy as np

import snarc
from snarc import draw
from snarc.data import Dataset, Split, Task
from snarc.experiments import Claim, Figure, Note, Table, experiment, fit
from snarc.reading import Estimate

SOURCE = "Nguyen, Yosinski and Clune, Deep neural networks are easily fooled, CVPR 2015"
CERTAIN = 0.9999
WAYS = {"direct": "every pixel a gene", "pattern": "drawn by small networks"}


@experiment(
    "fooling-images",
    rows=("Q14",),
    question="Can pictures be bred that no one would call a digit and the network is certain of?",
    source=SOURCE,
    seconds=(8, 60, 400),
    replicas=(1, 1, 3),
    needs=("mnist",),
)
def fooling_images(budget):
    """LeNet-5 on MNIST; champions of all ten digits by MAP-Elites, with pixels as genes and with patterns.

    Then the bred images become an eleventh class of the training data, and evolution begins anew against the network
    that has learnt them. Replicas are independent evolutions against the same network.
    """
    from snarc.trust.fooling import fooling

    mnist = snarc.load("mnist", train=budget(500, 20_000, None), test=budget(200, 2_000, None))
    generations, offspring = budget(3, 200, 300), budget(10, 200, 400)
    options = {"generations": generations, "offspring": offspring, "populations": budget.replicas}
    recipe = {"epochs": budget(1, 3, 5)}
    net = fit("lenet5", mnist, **recipe)
    bred = {way: fooling(net, encoding=way, **options) for way in WAYS}

    direct = bred["direct"].arrays["history"]
    for way, words in (("direct", "noise bred pixel by pixel"), ("pattern", "patterns")):
        yield Claim(
            f"digits of which it is 99.99 % certain in {words}",
            published="all ten",
            measured=certain(bred[way]),
            at_least=10,
            note=f"After {generations} generations of {offspring} children.",
        )
    yield Claim(
        "median confidence in that noise after 200 generations",
        published=99.99,
        measured=Estimate.over(100 * np.median(direct[min(200, generations)], axis=1)),
        at_least=99.99,
        unit="%",
        digits=4,
        note="The figure of 200 generations is given from memory of the paper; its abstract has 99.99 %.",
    )
    yield Claim(
        "median confidence in patterns",
        published=99.99,
        measured=Estimate.over(100 * np.median(bred["pattern"].arrays["history"][-1], axis=1)),
        at_least=99.99,
        unit="%",
        digits=4,
        note="The paper's abstract: 99.99 %.",
    )

    # An eleventh class of bred images, from evolutions of their own, as large as one of the ten.
    young = fooled(net, budget(1, 8, 30), generations=budget(2, 100, 200), offspring=budget(10, 100, 100))
    wary = fit("lenet5", with_nonsense(mnist, young), **recipe)
    again = {way: fooling(wary, encoding=way, **options) for way in WAYS}
    for way, words in WAYS.items():
        before, after = doubt(bred[way]), doubt(again[way])
        yield Claim(
            f"times as much doubt in images {words}, bred against the network that learnt such images as a class",
            published="little changes",
            measured=Estimate.over([float(b / a) for a, b in zip(before, after)]),
            at_least=1.0,
            note="Median over the ten digits of 100 % less the confidence, after as many generations.",
        )
        yield Claim(
            f"median confidence in them all the same ({words})",
            published="99.99 % after retraining up to fifteen times",
            measured=Estimate.over(100 * np.median(again[way].arrays["history"][-1][:, :10], axis=1)),
            at_least=99.0,
            unit="%",
            digits=3,
        )
    for way, words in WAYS.items():
        yield Figure(
            bred[way].plot(),
            f"Ten images {words}, and what LeNet-5 is sure to see in them. Below: 100 % less its confidence, thin for "
            "each digit, thick for the median.",
            name=way,
        )
    yield Figure(
        beside(bred, again),
        "Images bred against the network before (above) and after it learnt bred images as an eleventh class (below).",
        name="again",
    )
    yield Table(
        ["network", "test digits misread (%)", "encoding", "certain of", "median confidence (%)", "generation"],
        [
            [name, 100 * (1 - right(run, mnist)), words, certain(found), median(found), when(found)]
            for name, run, readings in (("ten classes", net, bred), ("eleven classes", wary, again))
            for way, words in WAYS.items()
            for found in [readings[way]]
        ],
        "Certain of: digits above 99.99 %, mean over evolutions. Generation: the first with a median above that.",
    )
    yield Note(
        "Evolution only asks the network for its outputs. The children of a generation have one random champion as "
        "parent; a gene is changed with a chance of one in ten. The paper bred for as many as 5,000 generations and "
        "retrained up to fifteen times; here once."
    )


def fooled(net, populations, **options):
    """Bred images of both kinds, bytes ``(n, 28, 28, 1)``."""
    from snarc.trust._evolution import Direct, Patterns, evolve

    logits = net.subject().logits
    found = []
    for encoding in (Direct((28, 28, 1)), Patterns((28, 28, 1))):
        made = evolve(logits, encoding, 10, populations=populations, seed=1, **options)
        found.append(made.images.reshape(-1, 28, 28, 1))
    return np.round(255 * np.concatenate(found)).astype(np.uint8)


def with_nonsense(data, images):
    """The data with the images as a class of their own, repeated until it is as large as another."""
    count = len(data.train) // 10

    def more(split, n, part):
        x = np.resize(part, (n, *part.shape[1:]))
        return Split(np.concatenate([split.inputs, x]), np.concatenate([split.targets, np.full(n, 10, np.int32)]))

    order = np.random.default_rng(0).permutation(len(images))
    held, kept = images[order[: len(order) // 10 or 1]], images[order[len(order) // 10 or 1 :]]
    train, validation = more(data.train, count, kept), more(data.validation, len(data.validation) // 10, held)
    task = Task("classification", classes=(*data.task.classes, "nonsense"))
    return Dataset("mnist-and-nonsense", task, train, validation, data.test, dict(data.source))


def right(run, data):
    return float((run.logits(data.test.inputs)[0].argmax(axis=1) == data.test.targets).mean())


def doubt(found):
    """Median over the digits of 1 less the confidence, for each evolution; not below what a double can tell."""
    return np.maximum(np.median(1 - found.arrays["history"][-1][:, :10], axis=1), 1e-12)


def certain(found):
    return Estimate.over((found.arrays["history"][-1][:, :10] >= CERTAIN).sum(axis=1).astype(float))


def median(found):
    return Estimate.over(100 * np.median(found.arrays["history"][-1][:, :10], axis=1))


def when(found):
    middle = np.median(found.arrays["history"][:, :, :10], axis=2)
    reached = [int(np.argmax(one >= CERTAIN)) for one in middle.T if one[-1] >= CERTAIN]
    return Estimate.over(reached) if len(reached) == middle.shape[1] else "not reached"


def beside(before, after):
    figure, axes = draw.new(4, 10, width=7.6, height=3.5)
    for row, (way, readings) in enumerate((way, r) for way in WAYS for r in (before, after)):
        arrays = readings[way].arrays
        for k, ax in enumerate(axes[row]):
            draw.bare(ax).imshow(arrays["images"][k, :, :, 0], cmap="gray", vmin=0, vmax=1)
            ax.set_xlabel(f"{100 * arrays['reached'][k]:.2f}", fontsize=7)
            if row == 0:
                ax.set_title(str(k), loc="center", fontsize=9, fontweight="normal")
        axes[row][0].set_ylabel(
            f"{way},\n{'before' if readings is before else 'after'}", rotation=0, ha="right", va="center", fontsize=8
        )
    return figure
