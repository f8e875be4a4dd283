"""One cycle of the learning rate, up and down: as good in three epochs as a constant rate in nine."""

from typing import Any

import numpy as np

import snarc
from snarc import draw
from snarc.experiments import Claim, Figure, Note, Table, experiment, fit
from snarc.experiments.frame import axes
from snarc.reading import Estimate

SMITH = "L. N. Smith, arXiv:1803.09820 (2018); L. N. Smith, N. Topin, arXiv:1708.07120 (2017)"
RATES = (0.01, 0.03, 0.1, 0.3)
CYCLE, CONSTANT = draw.PALETTE[1], draw.PALETTE[0]
NETWORK = {"maps": "8-16", "dense": "", "dropout": 0}


@experiment(
    "one-cycle",
    rows=("O10",),
    question="Does a learning rate that rises tenfold and falls again reach in three epochs what takes nine without?",
    source=SMITH,
    seconds=(3, 25, 165),
    replicas=(1, 1, 3),
    needs=("mnist",),
)
def one_cycle(budget):
    """Two stages of convolution, 8 and 16 maps of 5 x 5, on MNIST, by descent with momentum 0.9.

    The cycle begins at a tenth of its peak, rises over 30 % of the steps and falls to nearly nothing.  Peak and
    constant rate are each the best of four on validation digits, each after its own number of epochs, so that neither
    side is handicapped.
    """
    import jax

    from snarc.tuning import find_rate

    mnist = snarc.load(
        "mnist", train=budget(600, 10_000, 20_000), validation=budget(300, 5_000, 5_000), test=budget(300, None, None)
    )
    common: dict[str, Any] = {"optimizer": "momentum", "batch_size": 50, "model_options": NETWORK}
    tried = budget(RATES[1:2], RATES[:2], RATES)
    test = find_rate("convnet", mnist, low=1e-4, high=3, steps=budget(20, 150, 150), **common)

    def best(schedule, epochs):
        found = {r: loss_of(mnist, learning_rate=r, schedule=schedule, epochs=epochs, **common) for r in tried}
        return min(found, key=lambda one: found[one]), found

    short, long = 3, 9
    few, many = budget(1, short, short), budget(2, long, long)
    peak, of_cycle = best("1cycle", few)
    rate, of_constant = best("constant", many)
    seeds = {**common, "seed": 1, "replicas": budget.replicas}
    cycle = fit("convnet", mnist, learning_rate=peak, schedule="1cycle", epochs=few, **seeds)
    brief = fit("convnet", mnist, learning_rate=rate, epochs=few, **seeds)
    constant = fit("convnet", mnist, learning_rate=rate, epochs=many, **seeds)
    saved = [100 * (a - b) for a, b in zip(cycle.test.error.values, constant.test.error.values)]
    yield Claim(
        "test error after three epochs of 1cycle minus that after nine at a constant rate",
        measured=Estimate.over(saved),
        at_most=0,
        unit="points",
    )
    yield Claim(
        "test error after three epochs of 1cycle minus that after three at a constant rate",
        measured=100 * Estimate.over([a - b for a, b in zip(cycle.test.error.values, brief.test.error.values)]),
        at_most=0,
        unit="points",
        note="Ours: what the course of the rate does at equal work.",
    )
    yield Figure(curves(cycle, constant), "Validation error after each epoch; right, the rates.", name="learning")
    yield Figure(
        test.plot(), "The range test: the rate rises from step to step until learning breaks down.", name="range-test"
    )
    yield Table(
        ["course of the rate", "peak", "epochs", "test error (%)"],
        [
            ["1cycle", peak, few, 100 * cycle.test.error],
            ["constant", rate, few, 100 * brief.test.error],
            ["constant", rate, many, 100 * constant.test.error],
        ],
        f"{len(mnist.train):,} training digits. Validation losses by rate: 1cycle, {few} epochs, "
        + ", ".join(f"{r:g}: {v:.4f}" for r, v in of_cycle.items())
        + f"; constant, {many} epochs, "
        + ", ".join(f"{r:g}: {v:.4f}" for r, v in of_constant.items())
        + f". The range test suggests {test.numbers['suggestion']:.2g}.",
    )
    yield Note(
        "What was tried before: with the constant rate that is best after three epochs (0.03, one network, 10,000 "
        "digits) nine epochs lost to the cycle by 0.45 points. The rate that is best after nine epochs, 0.01, is the "
        "harder opponent; it was put in, and with it the first claim is a matter of hundredths of a point."
    )
    device = jax.default_backend()
    yield Note(
        f"This ran on a {device.upper()}. The published comparison, ResNet-56 on CIFAR-10 (92.4 % in 10,000 steps of a "
        "cycle up to 3.0, 91.2 % in 80,000 steps of a staircase), needs a residual network and a GPU; it was not run "
        "here, on any budget."
    )


def loss_of(mnist, **settings):
    """Validation loss; infinite if it diverged."""
    from snarc.errors import DivergedError

    try:
        return fit("convnet", mnist, **settings).validation.loss.mean
    except DivergedError:
        return np.inf


def curves(cycle, constant):
    from snarc.training.optimizers import rates

    figure, (left, right) = draw.new(1, 2, width=9.0, height=3.8, width_ratios=(1.4, 1))
    for run, colour, label in ((cycle, CYCLE, "1cycle"), (constant, CONSTANT, "constant")):
        error = 100 * (1 - run.history["validation_accuracy"])
        axes.replicas(left, range(1, error.shape[1] + 1), error, color=colour, label=label, marker="o")
        course = rates(run.recipe, 900)
        right.plot(np.arange(900) / 900 * run.recipe.epochs, course, color=colour, label=label)
    axes.epochs(left)
    axes.one_two_five(left.yaxis)
    left.set(ylabel="validation error (%)", title="Three epochs against nine")
    left.legend(loc="upper right")
    right.set(xlabel="epoch", ylabel="learning rate", title="The rates", ylim=(0, None))
    return figure
