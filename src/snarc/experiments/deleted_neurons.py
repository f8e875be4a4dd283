"""Half of a layer's neurons deleted, or all but ten: what is left of the picture."""

import numpy as np

from snarc import draw, keys
from snarc.experiments import Claim, Figure, Note, Table, experiment
from snarc.experiments._picture_network import LAYOUT, LECTURE, silenced, trained
from snarc.experiments.frame import axes
from snarc.reading import Estimate

# Number of the hidden layer, its name, and its size.
LAST, MIDDLE = (3, "last hidden layer", 100), (2, "layer before", 150)


@experiment(
    "deleted-neurons",
    rows=("L2",),
    question="What is left of a picture when half of a layer's neurons are deleted, or all but ten?",
    source=LECTURE,
    seconds=(4, 12, 15),
    replicas=(1, 1, 3),
)
def deleted_neurons(budget):
    """2-150-150-100-1 with rectified units on a drawn lighthouse, which does not learn again after the deletion.

    Of the last hidden layer (100) the first or the last 50 are deleted, or all but the first ten; of the one before
    (150) the first or the last 75, or all but the first ten.
    """
    from snarc import formal
    from snarc.data.picture import coordinates
    from snarc.see.picture import psnr, sheet

    run, wanted = trained(budget, replicas=budget.replicas)
    where = coordinates(*wanted.shape[:2]).astype(np.float64)

    def without(network, kept):
        return formal.forward(silenced(network, kept), where).reshape(wanted.shape)

    cases: dict[str, dict[int, np.ndarray]] = {"whole": {}}
    for number, name, size in (LAST, MIDDLE):
        half = size // 2
        cases |= {
            f"{name}: first {half} deleted": {number: np.arange(half, size)},
            f"{name}: last {half} deleted": {number: np.arange(half)},
            f"{name}: 10 of {size} kept": {number: np.arange(10)},
        }
    cases["both layers: 10 kept"] = {3: np.arange(10), 2: np.arange(10)}
    table = {
        name: np.array([psnr(without(network, kept), wanted) for network in run.networks])
        for name, kept in cases.items()
    }
    for _, name, size in (LAST, MIDDLE):
        half, ten = size // 2, table[f"{name}: 10 of {size} kept"]
        kept, gone = table[f"{name}: last {half} deleted"], table[f"{name}: first {half} deleted"]
        yield Claim(
            f"{name}: PSNR of the whole minus that of the better half of its {size} neurons",
            measured=Estimate.over(table["whole"] - np.maximum(kept, gone)),
            at_least=0,
            unit="dB",
        )
        yield Claim(
            f"{name}: PSNR with the first {half} kept minus that with the first 10 of them kept",
            measured=Estimate.over(kept - ten),
            at_least=0,
            unit="dB",
            note="Nested: the ten are among the fifty." if size == 100 else "Nested: the ten are among the 75.",
        )
    shares = np.array([0.1, 0.25, 0.5, 0.75, 0.9, 0.96, 1.0])
    curves = {
        name: nested(budget, run, number, size, shares, lambda n, k: psnr(without(n, k), wanted))
        for number, name, size in (LAST, MIDDLE)
    }
    for name, curve in curves.items():
        steps = np.diff(curve.mean(axis=(0, 1)))
        yield Claim(
            f"{name}: smallest gain of PSNR from one share kept to the next, mean of random orders",
            measured=float(steps.min()),
            at_least=0,
            unit="dB",
            note="Kept: a tenth, a quarter, a half, three quarters, 90, 96 and 100 %, each with all kept before.",
        )
    first = run.networks[0]
    titles = {name: name.replace("layer before: ", "").replace("last hidden layer: ", "") for name in cases}
    shown = [(wanted, "the picture")]
    for name in ("whole", "both layers: 10 kept", *list(cases)[1:-1]):
        title = "the network" if name == "whole" else titles[name]
        shown.append((without(first, cases[name]), f"{title}, {table[name][0]:.1f} dB"))
    yield Figure(
        sheet(shown, 3),
        "What is left of the picture in the first network. Middle row: neurons of the last hidden layer, of 100, "
        "deleted; lower row: of the layer before, of 150.",
        name="pictures",
    )
    yield Figure(curve_of(curves, shares), "PSNR against how many of a layer's neurons are kept.", name="kept")
    yield Table(
        ["kept", "PSNR (dB)"],
        [[name, Estimate.over(values)] for name, values in table.items()],
        f"Means and standard errors over {len(run.networks)} networks {LAYOUT}; brightness cut off at 0 and 1.",
    )
    whole, left = table["whole"].mean(), curves[LAST[1]][:, :, -2].mean()
    yield Note(
        "Neurons are interchangeable, so the first fifty are fifty at random. The picture is a small difference of "
        f"large parts: with 4 of the last hundred deleted at random, {left:.1f} dB are left of {whole:.1f}. Below "
        "a half what is left is a grey, white or black ground, and how near that is to the picture is mostly luck."
    )


def nested(budget, run, number, size, shares, near):
    """PSNR ``(networks, orders, shares)`` as more neurons of a layer are kept, in random orders."""
    orders = budget(1, 5, 10)
    found = np.zeros((len(run.networks), orders, len(shares)))
    for n, network in enumerate(run.networks):
        for k in range(orders):
            order = keys.generator(k, "deleted-neurons", number, n).permutation(size)
            for s, share in enumerate(shares):
                found[n, k, s] = near(network, {number: np.sort(order[: round(share * size)])})
    return found


def curve_of(curves, shares):
    figure, ax = draw.new(width=6.4, height=3.6)
    for (name, curve), colour in zip(curves.items(), (draw.PALETTE[0], draw.PALETTE[1])):
        axes.replicas(ax, 100 * shares, curve.reshape(-1, len(shares)), color=colour, label=name, marker="o")
    ax.set(xlabel="neurons of the layer kept (%)", ylabel="PSNR (dB)")
    ax.legend(loc="upper left")
    return figure
