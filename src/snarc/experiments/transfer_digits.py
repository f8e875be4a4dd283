"""Transfer: what a network learnt of the digits 0 to 4 helps with 5 to 9, where only a few of those are to be had."""

import numpy as np

import snarc
from snarc import draw, keys
from snarc.data import Dataset, Split, Task
from snarc.experiments import Claim, Figure, Note, Table, experiment, fit
from snarc.experiments.frame import axes
from snarc.reading import Estimate

WAYS = ("from scratch", "fine-tuned", "frozen features")
COLORS = dict(zip(WAYS, (draw.PALETTE[1], draw.PALETTE[0], draw.PALETTE[2])))


@experiment(
    "transfer-digits",
    rows=("R10",),
    question="With a few examples of new classes, is it better to start from a network that knows others?",
    source="ML for physicists, lecture 11",
    seconds=(4, 25, 60),
    replicas=(1, 3, 8),
    needs=("mnist",),
)
def transfer_digits(budget):
    """784-300-5 learns the digits 0 to 4; then 5 to 9 are to be learnt from 5, 10 or 50 examples of each.

    Fine-tuning starts from the first network and lets all of it learn, but for new outputs; frozen features let the
    outputs alone learn; from scratch nothing is known before. Every replica draws its own few examples.
    """
    mnist = snarc.load("mnist", train=budget(1_000, 20_000, None), test=budget(500, None, None))
    common = {"standardise": False, "optimizer": "adam", "learning_rate": 1e-3}
    known = fit("784-300-5", digits(mnist, range(5)), epochs=budget(1, 5, 10), batch_size=100, **common)
    few = budget((5,), (5, 10, 50), (5, 10, 50))
    found: dict[str, dict[int, list[float]]] = {way: {} for way in WAYS}
    for count in few:
        values: dict[str, list[float]] = {way: [] for way in WAYS}
        for seed in range(budget.replicas):
            data = digits(mnist, range(5, 10), count, seed)
            how = {**common, "batch_size": 5 * min(count, 10), "epochs": budget(3, 100, 100), "seed": seed}
            start = {"start": known, "fresh": ("layers.1",)}
            for way, given in zip(WAYS, ({}, start, {**start, "freeze": ("layers.0",)})):
                values[way].append(100 * fit("784-300-5", data, **how, **given).test.accuracy.mean)
        for way in WAYS:
            found[way][count] = values[way]

    for count in few:
        gain = [b - a for a, b in zip(found["from scratch"][count], found["fine-tuned"][count])]
        yield Claim(
            f"{count} examples of each digit: accuracy that fine-tuning adds to starting from scratch",
            measured=Estimate.over(gain),
            at_least=0,
            unit="points",
        )
    yield Claim(
        "weights of the frozen layer that differ from those it started with",
        published=0,
        measured=moved(known, digits(mnist, range(5, 10), 5, 0), common),
        exact=True,
    )
    yield Figure(
        curves(found), "Accuracy on the test digits 5 to 9. Thick: mean over replicas; thin: each.", name="transfer"
    )
    yield Table(
        ["examples of each", *(f"{way} (%)" for way in WAYS)],
        [[count, *(Estimate.over(found[way][count]) for way in WAYS)] for count in few],
        f"Means and standard errors over {budget.replicas} draws of the examples and seeds; the first network reads "
        f"{100 * known.test.accuracy.mean:.1f} % of the digits 0 to 4.",
    )
    yield Note(
        "That frozen features serve a small set best is a rule for features that are general, as those of a network "
        "that learnt a thousand classes. Those of five digits are less so: here frozen features lose to fine-tuning, "
        "by how much depends on how many digits the first network learnt from (quick and full budgets differ). A "
        "first trial of ours with a smaller first network had them lose to starting from scratch, too. The rule was "
        "stated for photographs; that comparison needs a GPU and was not run here."
    )
    yield Note(
        "What fine-tuning adds here is a point or two, less than the luck of the draw for a single network; hence "
        "the pairs, each with the same examples, and hence a few pairs may miss it, as three did at 10 examples "
        "(-0.6 ± 1.8) with a first network that had seen 20,000 digits. Tried before on eight pairs: after 40 passes "
        "instead of 100 it added 0.2 ± 0.4 points (5 and 10 examples), and at a rate of 0.0003 it lost points."
    )


def digits(mnist, which, count=None, seed=0):
    """These digits alone, with ``count`` training examples of each, drawn anew for each seed."""
    first, last = which[0], which[-1]

    def part(split, pick=None):
        index = (
            np.flatnonzero((split.targets >= first) & (split.targets <= last))
            if pick is None
            else np.asarray(pick, int)
        )
        return Split(split.inputs[index], (split.targets[index] - first).astype(np.int32))

    train = mnist.train
    chosen = None
    if count is not None:
        rng = keys.generator(seed, "transfer-digits", count)
        chosen = np.concatenate([rng.permutation(np.flatnonzero(train.targets == d))[:count] for d in which])
    names = tuple(str(d) for d in which)
    return Dataset(
        f"digits {first} to {last}", Task("classification", names), part(train, chosen),
        part(mnist.validation, range(0)), part(mnist.test),
    )  # fmt: skip


def moved(known, data, common):
    """How many weights of the first layer change in a short training that has frozen it."""
    run = fit(
        "784-300-5", data, start=known, fresh=("layers.1",), freeze=("layers.0",), epochs=2, batch_size=25, **common
    )
    before, after = (one.subject().parameters() for one in (known, run))
    return int(sum((before[name] != after[name]).sum() for name in before if "layers.0" in name))


def curves(found):
    figure, ax = draw.new(width=6.8, height=4.0)
    for way, values in found.items():
        counts = list(values)
        axes.replicas(ax, counts, np.array([values[c] for c in counts]).T, color=COLORS[way], label=way, marker="o")
    ax.set(xlabel="training examples of each digit", ylabel="test accuracy (%)", xscale="log")
    ax.set_xticks(counts, [str(c) for c in counts])
    ax.minorticks_off()
    ax.legend(loc="lower right")
    return figure
