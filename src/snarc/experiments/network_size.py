"""How many hidden neurons: the curve of the validation error, and the rule of a tenth of the samples on it."""

import dataclasses

import numpy as np

import snarc
from snarc import draw, keys
from snarc.data import Dataset, Split, Task
from snarc.experiments import Claim, Figure, Note, Table, experiment, fit
from snarc.experiments.frame import axes
from snarc.reading import Estimate

NOISE = 0.2  # share of wrong labels of the planar set: no network can err less on labels drawn like these


@experiment(
    "network-size",
    rows=("R4",),
    question="How many hidden neurons should a network have, and is a tenth of the number of samples a good rule?",
    source="T. Brázdil, Neural networks (course PV021): the rule of thumb of a neuron for ten samples",
    seconds=(3, 30, 110),
    replicas=(1, 2, 6),
    needs=("usps", "mnist"),
)
def network_size(budget):
    """One hidden layer of rectified units, Adam for a fixed number of steps, no regularisation, three sets of data.

    A planar set of 200 samples with a fifth of the labels wrong, 500 digits of USPS and 1,000 of MNIST; each replica
    has training samples, validation samples and initial weights of its own.
    """
    plan = [
        ("planar, noisy", planar, 200, budget((2, 20), (1, 2, 5, 20, 100, 400), PLANAR), 200, 20, 1e-2),
        ("USPS", digits("usps"), 500, budget((50,), (2, 10, 50, 200, 1_000), DIGITS), 60, 50, 1e-3),
        ("MNIST", digits("mnist"), 1_000, budget((100,), (5, 20, 100, 500), DIGITS), 40, 50, 1e-3),
    ]
    sets = [study(budget, *one) for one in plan[: budget(1, 3, 3)]]
    for one in sets:
        yield Claim(
            f"{one.name}, {one.samples:,} samples: validation error of {one.rule} neurons minus that of the best size",
            published="the rule of thumb",
            measured=Estimate.over(one.at(one.rule) - one.at(one.best)),
            at_most=2,
            unit="points",
            note=f"Best of {len(one.widths)} sizes by the mean over replicas: {one.best}.",
        )
    yield Claim(
        "data sets on which the best size lies inside the range that was tried",
        measured=sum(one.widths[0] < one.best < one.widths[-1] for one in sets),
        at_least=len(sets),
        note="Only then is the optimum located, and the curve a U.",
    )
    noisy = sets[0]
    yield Claim(
        f"{noisy.name}: validation error of {noisy.widths[-1]} neurons minus that of the best size",
        measured=Estimate.over(noisy.at(noisy.widths[-1]) - noisy.at(noisy.best)),
        at_least=1,
        unit="points",
        note="The right arm of the U: too large a network learns the wrong labels.",
    )
    yield Figure(
        curves(sets),
        "Error against the number of hidden neurons, mean (thick) and each replica (thin). Dotted: the size by the "
        "rule; ring: the best.",
        name="sizes",
    )
    yield Table(
        [
            "data",
            "samples",
            "weights at the rule's size",
            "rule: neurons",
            "its error (%)",
            "best size",
            "its error (%)",
        ],
        [
            [
                one.name,
                one.samples,
                one.weights,
                one.rule,
                Estimate.over(one.at(one.rule)),
                one.best,
                Estimate.over(one.at(one.best)),
            ]
            for one in sets
        ],
        "Validation errors, means and standard errors over the replicas.",
    )
    yield Note(
        "A U needs something wrong to be learnt. With a fifth of the labels wrong the optimum lies near ten neurons, "
        "and the rule is right. The digits' labels are clean: up to 2,000 neurons, four times and twice the number of "
        "samples, the error only falls or stays, so that an optimum is not located on MNIST, and on USPS only as the "
        "beginning of a plateau. The rule costs a point there."
    )


PLANAR = (1, 2, 5, 10, 20, 50, 100, 200, 400, 1_000)
DIGITS = (2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000)


class Study:
    """Errors in percent ``(replicas, widths)`` of one data set."""

    def __init__(self, name, samples, widths, weights, train, validation):
        self.name, self.samples, self.widths, self.weights = name, samples, widths, weights
        self.rule = samples // 10
        self.train, self.validation = train, validation
        self.best = widths[int(validation.mean(axis=0).argmin())]

    def at(self, width):
        """Validation errors of the replicas at this width."""
        return self.validation[:, self.widths.index(width)]


def study(budget, name, load, samples, widths, epochs, batch_size, learning_rate):
    sets = [load(samples, seed) for seed in range(budget.replicas)]
    # Nothing is decided by them on the way, so that validation examples need not be looked at after every epoch.
    held = [(one.validation.inputs, one.validation.targets) for one in sets]
    sets = [dataclasses.replace(one, validation=one.validation.take(slice(0))) for one in sets]
    found = []
    for width in widths:
        runs = [
            fit(
                "mlp", one, model_options={"hidden": width}, optimizer="adam", learning_rate=learning_rate,
                schedule="constant", batch_size=batch_size, epochs=budget(2, epochs, epochs), seed=seed,
            )
            for seed, one in enumerate(sets)
        ]  # fmt: skip
        errors = [(run.train.error.mean, run.evaluate(pair).error.mean) for run, pair in zip(runs, held)]
        found.append(100 * np.array(errors))
        if width == samples // 10:
            weights = snarc.models.summary(runs[0].networks[0].body).parameters
    train, validation = np.array(found).transpose(2, 1, 0)
    return Study(name, samples, tuple(widths), weights, train, validation)


def planar(samples, seed):
    """Points of a square, above or below a wave; a fifth of the labels is wrong."""
    rng = keys.generator(seed, "network-size")

    def some(count):
        x = rng.uniform(-1, 1, size=(count, 2)).astype(np.float32)
        above = x[:, 1] > 0.5 * np.sin(np.pi * x[:, 0])
        return Split(x, (above ^ (rng.random(count) < NOISE)).astype(np.int32))

    return Dataset(f"planar-{seed}", Task("classification", ("below", "above")), some(samples), some(4_000), some(1))


def digits(name):
    return lambda samples, seed: snarc.load(name, train=samples, validation=3_000, test=1, seed=seed)


def curves(sets):
    figure, panels = draw.new(1, len(sets), width=3.5 * len(sets), height=3.9, squeeze=False)
    for ax, one in zip(panels[0], sets):
        axes.replicas(ax, one.widths, one.train, color=draw.PALETTE[1], label="training", linestyle="--")
        axes.replicas(ax, one.widths, one.validation, color=draw.PALETTE[0], label="validation")
        least = one.at(one.best).mean()
        ax.plot(one.best, least, "o", markersize=11, markerfacecolor="none", markeredgecolor=draw.INK, zorder=4)
        ax.axvline(one.rule, color=draw.MUTED, linewidth=1.2, linestyle=":")
        ax.set(
            xscale="log", xlabel="hidden neurons", ylim=(0, min(1.9 * one.at(one.rule).mean(), 45)),
            title=f"{one.name}, {one.samples:,} samples",
        )  # fmt: skip
        draw.plain_log(ax.xaxis)
    panels[0, 0].set_ylabel("error (%)")
    panels[0, 0].legend(loc="lower left")
    return figure
