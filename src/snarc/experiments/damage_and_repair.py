"""Delete hidden units at random: how gently a network fails, and how soon it learns to do without them."""

from typing import Any

import numpy as np

import snarc
from snarc import draw
from snarc.experiments import Claim, Figure, Note, Table, experiment, fit
from snarc.experiments.frame import axes
from snarc.reading import Estimate

LECTURE = "Course on neural networks C, robustness and graceful degradation"
PARTS = (0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 0.9)
HURT, HEALED = draw.PALETTE[1], draw.PALETTE[0]


@experiment(
    "damage-and-repair",
    rows=("R13",),
    question="How much of a trained network can be destroyed, and how soon does the rest learn to do without it?",
    source=LECTURE,
    seconds=(2, 10, 60),
    replicas=(1, 1, 5),
    needs=("mnist",),
)
def damage_and_repair(budget):
    """784-300-10 on MNIST; hidden units are deleted at random, with all their connections.

    Then the rest learns for one epoch more.  The whole network learns for that epoch too, so that what is repaired is
    not mistaken for what one epoch more would have brought anyway.
    """
    from snarc.tuning import prune

    mnist = snarc.load("mnist", train=budget(1_000, 55_000, 55_000), validation=0, test=budget(500, None, None))
    parts = budget(PARTS[1:4:2], PARTS[1::2], PARTS)
    again: dict[str, Any] = {"learning_rate": 5e-4, "schedule": "linear"}
    rows: dict[str, list[Any]] = {"hurt": [], "healed": [], "smallest": [], "more": [], "whole": []}
    for seed in range(budget.replicas):
        run = fit("784-300-10", mnist, epochs=budget(1, 5, 5), learning_rate=2e-3, schedule="1cycle", seed=seed)
        whole = 100 * run.test.error.mean
        deleted = prune(run, by="random", parts=parts, split="test", seed=seed, **again).reading.arrays
        least = prune(run, by="magnitude", parts=parts, epochs=0, split="test").reading.arrays
        rows["whole"].append(whole)
        rows["hurt"].append(100 * deleted["errors"])
        rows["healed"].append(100 * deleted["errors_retrained"])
        rows["smallest"].append(100 * least["errors"])
        longer = fit(run.networks[0].body, mnist, epochs=1, batch_size=run.recipe.batch_size, **again)
        rows["more"].append(100 * longer.test.error.mean)
    table = {name: np.array(values) for name, values in rows.items()}
    tenth = parts.index(0.1)

    def lost(name, k=tenth):
        return Estimate.over((table[name][:, k] - table["whole"]).tolist())

    yield Claim(
        "accuracy lost when a tenth of the hidden units is deleted at random",
        measured=lost("hurt"),
        at_most=1,
        unit="points",
    )
    yield Claim("accuracy lost after one epoch of learning again", measured=lost("healed"), at_most=0.2, unit="points")
    yield Claim(
        "error with a tenth deleted and repaired, minus that of the whole network after the same epoch more",
        measured=Estimate.over((table["healed"][:, tenth] - table["more"]).tolist()),
        at_most=0.2,
        unit="points",
        note="Ours: the fair comparison, since one epoch more improves the whole network as well.",
    )
    yield Figure(curve(table, parts), "Test error against how much was deleted. Thin: each network.", name="damage")
    head = ["deleted (%)", "error, at random (%)", "error, the weakest first (%)", "error, after one epoch more (%)"]
    yield Table(
        head,
        [["0", *[Estimate.over(rows["whole"])] * 2, Estimate.over(rows["more"])]]
        + [
            [f"{100 * part:g}", *(Estimate.over(table[name][:, k].tolist()) for name in ("hurt", "smallest", "healed"))]
            for k, part in enumerate(parts)
        ],
        "Means and standard errors over the networks. The weakest: the smallest product of the norms of the weights "
        "into and out of a unit.",
    )
    yield Note(
        "A program whose memory loses one bit may stop; see the experiment on flipped bits. Here what was learnt is "
        "spread over many units, and those that are left can take over the work of the others. Small weights are no "
        "sign of an idle unit: beyond a fifth, deleting the weakest costs as much as deleting at random."
    )


def curve(table, parts):
    figure, ax = draw.new(width=6.8, height=4.0)
    percent = 100 * np.array(parts)
    axes.replicas(ax, percent, table["hurt"], color=HURT, label="deleted at random", marker="o")
    axes.replicas(ax, percent, table["smallest"], color=draw.PALETTE[4], label="the weakest deleted", marker="o")
    axes.replicas(ax, percent, table["healed"], color=HEALED, label="at random, and one epoch more", marker="o")
    whole = table["whole"].mean()
    ax.axhline(whole, color=draw.MUTED, linewidth=1.2, linestyle=(0, (4, 3)), label=f"whole: {whole:.2f} %")
    axes.one_two_five(ax.yaxis)
    ax.set(xlabel="hidden units deleted (%)", ylabel="test error (%)", title="Graceful degradation of 784-300-10")
    ax.legend(loc="upper left")
    return figure
