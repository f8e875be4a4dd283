"""A picture network with half of its neurons deleted learns again: how many it can do without."""

from typing import Any

import numpy as np

from snarc import draw
from snarc.experiments import Claim, Figure, Note, Table, experiment, fit
from snarc.experiments._picture_network import FALLING, LAYOUT, LECTURE, trained
from snarc.experiments.frame import axes
from snarc.reading import Estimate

PARTS = (0.2, 0.4, 0.6)


@experiment(
    "pruned-picture",
    rows=("L3",),
    question="How many neurons of a network that has learnt a picture can be deleted at a cost of one decibel?",
    source=LECTURE + " (homework)",
    seconds=(6, 30, 60),
    replicas=(1, 1, 2),
)
def pruned_picture(budget):
    """2-150-150-100-1 on a drawn lighthouse; the same part of each hidden layer is deleted, and the rest learns again.

    First go the neurons whose weights in and out are smallest. The whole network learns again just as long, so that
    what longer learning brings is not taken for the harmlessness of the deletion.
    """
    from flax import nnx

    from snarc.see.picture import painted, psnr, sheet
    from snarc.tuning import prune

    parts = budget(PARTS[1:2], PARTS, PARTS)
    again: dict[str, Any] = {"learning_rate": 2e-3, "schedule": "1cycle", "progress": False}
    rows: dict[str, list[Any]] = {"now": [], "again": [], "loss": [], "whole": [], "longer": [], "small": []}
    for seed in range(budget.replicas):
        run, wanted = trained(budget, seed=seed)
        epochs = max(1, run.recipe.epochs // 3)

        def near(of, wanted=wanted):
            return psnr(painted(of, wanted.shape[:2]), wanted)

        found = prune(run, by="magnitude", parts=parts, epochs=epochs, split="train", **again)
        now = prune(run, by="magnitude", parts=parts, epochs=0, split="train")
        # What the loss says goes first, all units measured one by one, here without learning again.
        costly = prune(run, by="loss", parts=parts, epochs=0, split="train")
        rows["again"].append([near(found.subject(k)) for k in range(len(parts))])
        rows["now"].append([near(now.subject(k)) for k in range(len(parts))])
        rows["loss"].append([near(costly.subject(k)) for k in range(len(parts))])
        rows["whole"].append(near(run))
        same = {key: value for key, value in again.items() if key != "progress"}
        rows["longer"].append(
            near(fit(nnx.clone(run.networks[0].body), run.dataset, epochs=epochs, **{**FALLING, **same}))
        )
        at = parts.index(0.4)
        smaller: Any = found.smaller(at)
        kept = smaller.body.layers
        sizes = [str(kept[0].kernel[...].shape[0]), *(str(one.kernel[...].shape[1]) for one in kept)]
        total = run.recipe.epochs + epochs
        rows["small"].append(near(fit("-".join(sizes), run.dataset, epochs=total, seed=seed, **FALLING)))
        if seed == 0:
            shown = [(wanted, "the picture"), (painted(run, wanted.shape[:2]), "the network")]
            shown += [
                (painted(now.subject(at), wanted.shape[:2]), "40 % deleted"),
                (painted(found.subject(at), wanted.shape[:2]), "and learnt again"),
            ]
            layout, before = "-".join(sizes), sum(run.networks[0].body.layers[k].kernel[...].size for k in range(4))
            after = sum(one.kernel[...].size for one in kept)
    table = {name: np.array(values) for name, values in rows.items()}

    yield Claim(
        "PSNR lost with 40 % of the neurons deleted, after learning again",
        measured=Estimate.over(table["whole"] - table["again"][:, at]),
        at_most=1,
        unit="dB",
        note=f"Of {len(wanted)} x {wanted.shape[1]} pixels; learnt again for a third of the first training's epochs.",
    )
    yield Claim(
        "the same, against the whole network that learns just as much longer",
        measured=Estimate.over(table["longer"] - table["again"][:, at]),
        at_most=1,
        unit="dB",
        note="Ours: the fair comparison.",
    )
    yield Claim(
        "PSNR of a network of that size learning from scratch for as many epochs, minus that of the deleted one",
        measured=Estimate.over(table["small"] - table["again"][:, at]),
        between=(-3, 3),
        unit="dB",
        note="Ours: whether training large and deleting is worth it here.",
    )
    if len(parts) > 1:
        free = [most(parts, row, base) for row, base in zip(table["again"], table["whole"])]
        yield Claim(
            "share of the neurons that can be deleted at a cost of at most 1 dB",
            measured=100 * Estimate.over(free),
            at_least=40,
            unit="%",
        )
        yield Figure(
            curve(table, parts), "PSNR against the share of neurons deleted. Thin: each network.", name="pruned"
        )
    names = [f"{name}, {psnr(image, wanted):.1f} dB" if k else name for k, (image, name) in enumerate(shown)]
    yield Figure(
        sheet([(image, name) for (image, _), name in zip(shown, names)], 4),
        "The first network, with 40 % of the neurons of each hidden layer deleted, before and after learning again.",
        name="pictures",
    )
    head = ["deleted (%)", "weakest first", "the least costly first", "weakest first, and learnt again"]
    yield Table(
        head,
        [["0", *[Estimate.over(table["whole"])] * 2, Estimate.over(table["longer"])]]
        + [
            [f"{100 * part:g}", *(Estimate.over(table[name][:, k]) for name in ("now", "loss", "again"))]
            for k, part in enumerate(parts)
        ],
        "PSNR in dB, means and standard errors. Weakest: the smallest product of the norms of the weights in and out; "
        "least costly: what raises the loss least when it alone is deleted.",
    )
    yield Note(
        f"{LAYOUT} with 40 % deleted is {layout}, with {after:,} of {before:,} weights. Without learning again little "
        "can be deleted, however it is chosen: what one neuron costs alone does not tell what many cost together. The "
        "decibel is kept against the network as it was; while the rest learns again, the whole network would have "
        "gained as well, and that gain is lost."
    )


def most(parts, scores, base):
    """The largest part up to which every one costs at most 1 dB."""
    good = [base - score <= 1 for score in scores]
    number = good.index(False) if False in good else len(good)
    return parts[number - 1] if number else 0.0


def curve(table, parts):
    figure, ax = draw.new(width=6.6, height=3.8)
    percent = 100 * np.array(parts)
    for name, label, colour in (
        ("again", "weakest deleted, learnt again", 0), ("now", "weakest deleted", 1),
        ("loss", "least costly deleted", 4),
    ):  # fmt: skip
        axes.replicas(ax, percent, table[name], color=draw.PALETTE[colour], label=label, marker="o")
    for name, label, dash in (("whole", "whole", (0, (4, 3))), ("longer", "whole, learnt as much longer", (0, (1, 2)))):
        ax.axhline(table[name].mean(), color=draw.MUTED, linewidth=1.2, linestyle=dash, label=label)
    ax.axvline(40, color=draw.GRID, linewidth=4, zorder=0)
    ax.set(xlabel="hidden neurons deleted (%)", ylabel="PSNR (dB)")
    figure.legend(*ax.get_legend_handles_labels(), loc="outside upper center", ncols=2, frameon=False)
    return figure
