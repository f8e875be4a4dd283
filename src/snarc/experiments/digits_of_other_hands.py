"""Digits of other hands: a network with 2 % error on MNIST reads the zip codes of the same country far worse."""

import numpy as np

import snarc
from snarc import draw
from snarc.experiments import Claim, Figure, Note, Table, experiment, fit
from snarc.experiments._probabilities import probabilities
from snarc.experiments.frame.spread import difference
from snarc.reading import Estimate

STRETCHED, FRAMED, CENTRED = "stretched to 28 × 28", "20 × 20 in a frame", "centred by mass"


@experiment(
    "digits-of-other-hands",
    rows=("Q9",),
    question="How well does a network that reads MNIST read digits that others wrote, and does it notice?",
    source="lecture A: a network with few errors on MNIST fails on the lecturer's own digits",
    seconds=(4, 10, 30),
    replicas=(1, 1, 5),
    needs=("mnist", "usps"),
)
def digits_of_other_hands(budget):
    """784-100-10 learns MNIST for 10 passes and is shown the 2,007 test digits of the Postal Service, 16 x 16 pixels.

    They are brought to 28 x 28 in three ways: stretched to fill the picture; scaled to 20 x 20 with a frame of 4; and
    as those of MNIST were made: cut to their ink, scaled into a box of 20, the centre of mass in the middle.
    """
    from snarc.trust.shift import shift

    mnist = snarc.load(
        "mnist", train=budget(2_000, None, None), validation=budget(100, None, None), test=budget(1_000, None, None)
    )
    usps = snarc.load("usps").test
    usps = usps.take(slice(0, budget(200, None, None)))
    run = fit("784-100-10", mnist, epochs=budget(smoke=2, quick=10, full=10), replicas=budget.replicas)
    ways = in_three_ways(usps.inputs)
    sets = {name: (images, usps.targets) for name, images in ways.items()}
    numbers = shift(run, sets=sets, count=10_000).numbers
    error = {name: over(lambda v: 100 * (1 - v), numbers[f"accuracy_{name}"]) for name in ways}
    sure = {name: 100 * numbers[f"confidence_wrong_{name}"] for name in ways}

    yield Claim(
        "test error on MNIST",
        measured=100 * run.test.error,
        between=(1.7, 2.7),
        unit="%",
        note="Half a point around the 2.2 % of a trial before. The network of the lecture, a better one, misread 23 of "
        "10,000.",
    )
    yield Claim(
        "error on digits of USPS, scaled to 20 × 20 in a frame",
        measured=error[FRAMED],
        between=(10, 20),
        unit="%",
    )
    yield Claim(
        "confidence in its wrong answers, of the same digits",
        measured=sure[FRAMED],
        at_least=70,
        unit="%",
        note="Mean probability of the answer where it is wrong.",
    )
    yield Claim(
        "error saved by centring them by mass",
        measured=difference(error[FRAMED], error[CENTRED]),
        at_least=0,
        unit="points",
        note="It recovers a part, not all: the test digits of USPS are hard ones, of which people misread 2.5 %.",
    )
    yield Figure(
        bars(run, error, sure, numbers),
        "Error, and confidence in the wrong answers, by how the digits are brought to the size of MNIST's.",
        name="error",
    )
    yield Figure(
        ten(run, usps, ways),
        "Ten digits of other hands as the network gets them in each of the three ways, with its answer and how sure it "
        "is of it; wrong ones in orange. Of the odd digits those were picked that it misreads in a frame, of the even "
        "ones the first.",
        name="ten-digits",
    )
    yield Table(
        ["digits", "error (%)", "confidence (%)", "confidence when wrong (%)"],
        [
            ["MNIST test", 100 * run.test.error, 100 * numbers["confidence"], 100 * numbers["confidence_wrong"]],
            *([f"USPS, {n}", error[n], 100 * numbers[f"confidence_{n}"], sure[n]] for n in ways),
        ],
        f"Means and standard errors over the replicas; {len(mnist.test):,} digits of MNIST, {len(usps):,} of USPS.",
    )
    yield Note(
        "The lecturer's own digits are not to be had; digits from envelopes stand in for them. To try your own, draw "
        "them white on black, or dark on paper and inverted, and bring them to size with snarc.data.centred."
    )


def in_three_ways(images):
    """Digits ``(N, 16, 16, 1)`` as ``(N, 28, 28, 1)``, by the name of the way."""
    from snarc.trust._other_data import like_mnist, resized

    framed = np.pad(resized(images, (20, 20, 1)), ((0, 0), (4, 4), (4, 4), (0, 0)))
    shape = (28, 28, 1)
    return {STRETCHED: resized(images, shape), FRAMED: framed, CENTRED: like_mnist(images, shape)}


def over(function, estimate):
    return Estimate.over([function(value) for value in estimate.values])


def bars(run, error, sure, numbers):
    figure, (left, right) = draw.new(1, 2, width=8.6, height=3.4, sharey=True)
    names = ["MNIST test", *error]
    errors = [100 * run.test.error, *error.values()]
    confidence = [100 * numbers["confidence_wrong"], *sure.values()]
    at = np.arange(len(names))
    for ax, values, color, label in (
        (left, errors, draw.PALETTE[1], "error (%)"), (right, confidence, draw.PALETTE[0], "confidence when wrong (%)"),
    ):  # fmt: skip
        bars = ax.barh(at, [float(v) for v in values], xerr=[v.standard_error or 0 for v in values], color=color,
                       height=0.62, error_kw={"elinewidth": 1.2, "capsize": 3, "ecolor": draw.INK})  # fmt: skip
        ax.bar_label(bars, [f"{float(v):.1f}" for v in values], padding=6, fontsize=9, color=draw.INK)
        ax.set(xlabel=label, xlim=(0, 1.18 * max(map(float, values))))
        ax.grid(False, axis="y")
    left.set_yticks(at, ["MNIST test", *(f"USPS, {n}" for n in error)])
    left.invert_yaxis()
    return figure


def ten(run, usps, ways):
    """One digit of each class: of the odd ones the first that the first network misreads in a frame."""
    seen = {name: probabilities(run.evaluate((images, usps.targets)).logits[0]) for name, images in ways.items()}
    wrong = seen[FRAMED].argmax(axis=1) != usps.targets
    picked = []
    for digit in range(10):
        mine = np.flatnonzero(usps.targets == digit)
        bad = mine[wrong[mine]] if digit % 2 else mine[:0]
        picked.append((bad if len(bad) else mine)[0])
    figure, rows = draw.new(3, 10, width=9.6, height=3.5)
    for row, (name, images) in zip(rows, ways.items()):
        p = seen[name]
        for ax, k in zip(row, picked):
            draw.bare(ax).imshow(images[k, ..., 0], cmap="gray_r", vmin=0, vmax=1)
            answer = int(p[k].argmax())
            right = answer == usps.targets[k]
            ax.set_title(
                f"{answer}  {100 * p[k, answer]:.0f} %", loc="center", fontsize=9, pad=3,
                fontweight="normal" if right else "bold", color=draw.INK if right else draw.PALETTE[1],
            )  # fmt: skip
        row[0].set_ylabel(name.replace(" in ", "\nin ").replace(" by ", "\nby ").replace(" to ", "\nto "),
                          rotation=0, ha="right", va="center", fontsize=9)  # fmt: skip
    return figure
