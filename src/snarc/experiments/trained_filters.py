"""Kernels of trained networks with 7, 20 and 40 maps: after one pass, after many, and with a penalty on their size."""

import numpy as np

import snarc
from snarc import draw
from snarc.experiments import Claim, Figure, Note, Table, experiment, fit
from snarc.reading import Estimate

HOW = ("one pass", "longer", "longer, sparse")
NETS = {
    7: ("mnist", {"maps": "7", "pool": "4", "pooling": "average", "window": 5}),
    20: ("mnist", {"maps": "20", "pool": "2", "window": 5}),
    40: ("cifar10-jpg", {"maps": "40", "pool": "2", "window": 7}),
}


@experiment(
    "trained-filters",
    rows=("L4",),
    question="What do the kernels of trained networks look for, and what do longer and sparser training make of them?",
    source="F. Marquardt, Machine Learning for Physicists; Nielsen 2015, chapter 6; Krizhevsky et al. 2012",
    seconds=(9, 60, 900),
    replicas=(1, 1, 3),
    needs=("mnist", "cifar10-jpg"),
)
def trained_filters(budget):
    """One stage of convolution and ten outputs; 7 and 20 maps of 5 x 5 on digits, 40 of 7 x 7 on small photographs.

    The network with 7 maps pools by the mean over 4 x 4, as in the lecture; the others by the maximum over 2 x 2.
    Sparse training adds 0.003 times the sum of all absolute weights to the loss. The orientation index is 0 for a
    kernel without a direction and 1 for one with a single one; a Gabor function is fitted to each kernel, and to the
    same weights shuffled, since eight parameters fit a few dozen pixels in any case.
    """
    from snarc.see.orientation import orientation

    data = {
        "mnist": snarc.load("mnist", train=budget(500, 8_000, 50_000), validation=500, test=budget(200, None, None)),
        "cifar10-jpg": snarc.load(
            "cifar10-jpg", train=budget(500, 3_000, None), validation=500, test=budget(200, None, None)
        ),
    }
    longer = budget(smoke=1, quick=4, full=12)
    found, errors = {}, {}
    for maps, (name, made_of) in NETS.items():
        if budget.name == "smoke" and maps != 7:
            continue
        made_of = {**made_of, "dense": "", "padding": "SAME", "dropout": 0.0}
        recipe = {"model_options": made_of, "replicas": budget.replicas, "learning_rate": 3e-3, "schedule": "1cycle"}
        for how, epochs, l1 in zip(HOW, (1, longer, longer), (0.0, 0.0, 3e-3)):
            run = fit("convnet", data[name], epochs=epochs, l1=l1, **recipe)
            views = [run.subject(k) for k in range(budget.replicas)]
            found[maps, how] = [orientation(one, fit=budget.name != "smoke", seed=k) for k, one in enumerate(views)]
            errors[maps, how] = 100 * run.test.error

    for maps in sorted({maps for maps, _ in found}):
        sparse, plain = (values(found[maps, how], "zeros") for how in (HOW[2], HOW[1]))
        yield Claim(
            f"near-zero weights of {maps} maps by sparse training over those without",
            measured=Estimate.over([a / max(b, 1 / 1000) for a, b in zip(sparse.values, plain.values)]),
            at_least=2,
            note=f"{100 * sparse.mean:.0f} % against {100 * plain.mean:.1f} %, under 1 % of the largest weight.",
        )
    for maps in sorted({maps for maps, _ in found}):
        index, shuffled = (values(found[maps, HOW[1]], name) for name in ("index", "shuffled_index"))
        yield Claim(
            f"orientation index of {maps} maps after longer training, less that of the same weights shuffled",
            published="like Gabor functions, strokes",
            measured=Estimate.over([a - b for a, b in zip(index.values, shuffled.values)]),
            at_least=0,
            note=f"{index.mean:.3f} against {shuffled.mean:.3f}; the sign is all that is claimed.",
        )
    yield Figure(
        sheets(found),
        "Kernels of the first network of each kind, on a scale of its own for each sheet (in colour: as pictures).",
        name="kernels",
    )
    if budget.name != "smoke":
        yield Figure(
            found[40, HOW[1]][0].plot(),
            "The 40 kernels over photographs beside the Gabor functions fitted to them, the directions of lines that "
            "they prefer, and how well the fit explains them, beside the same weights shuffled.",
            name="gabor",
        )
    rows = []
    for (maps, how), readings in found.items():
        numbers = [
            values(readings, n) for n in ("index", "shuffled_index", "fit", "shuffled_fit") if n in readings[0].numbers
        ]
        numbers += [""] * (4 - len(numbers))
        rows.append(
            [f"{maps} maps, {NETS[maps][0]}", how, *numbers, 100 * values(readings, "zeros"), errors[maps, how]]
        )
    yield Table(
        ["network", "training", "orientation index", "shuffled", "Gabor R²", "shuffled", "zeros (%)", "test error (%)"],
        rows,
        f"Longer: {longer} passes. Means and standard errors over the networks; R² is the median over kernels.",
    )
    yield Note(
        "Test errors of photographs are those of a network with a single stage on a fifth of CIFAR-10. The strength of "
        "the penalty is ours: with 4 passes over 8,000 digits and 3,000 photographs 0.0003 made 1.7, 1.9 and 1.1 times "
        "as many zeros, 0.001 2.0, 4.4 and 2.0 times, 0.003 4, 14 and 6 times, and 0.01 cost four points and more."
    )


def values(readings, name):
    return Estimate.over([float(one.numbers[name]) for one in readings])


def sheets(found):
    counts = sorted({maps for maps, _ in found})
    figure, axes = draw.new(len(counts), len(HOW), width=8.4, height=0.5 + 2.0 * len(counts), squeeze=False)
    for row, maps in zip(axes, counts):
        for ax, how in zip(row, HOW):
            kernels = found[maps, how][0].arrays["kernel"]
            reach = float(np.quantile(np.abs(kernels), 0.995)) or 1.0
            columns = {7: 4, 20: 5}.get(maps, 8)
            draw.bare(ax).imshow(draw.tiles(kernels, columns), cmap=draw.DIVERGING, vmin=-reach, vmax=reach)
            index = values(found[maps, how], "index").mean
            ax.set_title(f"{how}: index {index:.2f}", fontsize=10)
        row[0].set_ylabel(f"{maps} maps", fontsize=10)
    return figure
