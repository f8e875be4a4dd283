"""Dropout kept on: many answers of one network, and what their spread knows."""

from typing import Any

import numpy as np

import snarc
from snarc import draw, keys
from snarc.experiments import Claim, Erratum, Figure, Note, Table, experiment, fit
from snarc.reading import Estimate


@experiment(
    "mc-dropout",
    rows=("Q6",),
    question="Does a network whose units are dropped at random while it answers know where it knows nothing?",
    source="Y. Gal, Z. Ghahramani, ICML 2016 (arXiv:1506.02142)",
    seconds=(7, 30, 80),
    replicas=(1, 2, 4),
    needs=("mnist",),
)
def mc_dropout(budget):
    """A sine with noise between -1 and 1, learnt by 1-100-100-1, a tenth of whose hidden units is dropped each time.

    While it answers masks are drawn anew, a hundred times. Beside it: five networks without dropout, and the Laplace
    approximation of the last layer. Then digits, 784-300-10, half of whose hidden units is dropped.
    """
    from snarc.trust._members import Method
    from snarc.trust.bands import bands
    from snarc.trust.uncertainty import uncertainty

    kinds: tuple[Method, ...] = ("dropout", "laplace")
    growth: dict[str, Any] = {}
    shown: dict[str, Any] = {}
    inside: dict[str, list[Any]] = {kind: [] for kind in kinds}
    few, many = 100, budget(100, 1_600, 1_600)
    for count in (few, many):
        run = sine(count, budget(20, 6_000, 6_000), budget.replicas)
        for kind in kinds:
            found = bands(run, method=kind, noise=0.01)
            inside[kind].append(found.numbers["ignorance"])
            if kind not in shown:
                growth[kind], shown[kind] = found.numbers["growth"], found
    plain = sine(few, budget(20, 6_000, 6_000), 5, dropout=0.0)
    shown["ensemble"] = bands(plain, method="ensemble", noise=0.01)
    yield Claim(
        "dropout: mean variance within one width outside the data, over that inside",
        measured=growth["dropout"],
        at_least=5,
        unit="times",
    )
    yield Claim("the same for Laplace on the last layer", measured=growth["laplace"], at_least=5, unit="times")
    yield Claim(
        "the same for an ensemble of five networks without dropout",
        measured=float(shown["ensemble"].numbers["growth"]),
        at_least=5,
        unit="times",
    )
    yield Figure(
        fans([shown[kind] for kind in ("dropout", "laplace", "ensemble")]),
        f"Means with one and two standard deviations of what the answers differ by, after {few} examples.",
        name="fan",
    )
    ratio = {
        kind: Estimate.over([a / b for a, b in zip(inside[kind][0].values, inside[kind][1].values)]) for kind in kinds
    }
    yield Claim(
        f"Laplace: standard deviation on test data after {few} examples, over that after {many:,}",
        measured=ratio["laplace"],
        at_least=2,
        unit="times",
        note=f"For {many // few} times the examples and a fixed number of weights one expects about "
        f"{(many / few) ** 0.5:.1f}.",
    )
    yield Claim(
        "dropout: the same",
        measured=ratio["dropout"],
        between=(0.5, 2),
        unit="times",
        note="Its spread is set by the rate of dropout and the sizes of the weights, hardly by how many examples there "
        "were.",
    )
    yield Erratum(
        written="The spread over masks of dropout is the uncertainty of the network's posterior.",
        correct="It does not shrink as examples are added, as that of a posterior does, unless the rate is learnt.",
        source="I. Osband, NIPS 2016 workshop on Bayesian deep learning",
    )

    mnist = snarc.load("mnist", train=budget(500, 20_000, None), test=budget(500, None, None))
    digits = fit(
        "784-300-10", mnist, epochs=budget(2, 5, 6), model_options={"dropout": 0.5}, replicas=budget.replicas,
        learning_rate=2e-3, schedule="1cycle",
    )  # fmt: skip
    masks = budget(10, 50, 50)
    seen = uncertainty(digits, method="dropout", draws=masks)
    yield Claim(
        "digits: a wrong answer has a larger entropy than a right one (AUROC)",
        measured=seen.numbers["auroc"],
        at_least=0.85,
        digits=3,
    )
    yield Figure(seen.plot(), f"Entropies of {masks} masks together on the test digits of MNIST.", name="entropies")
    names = ("accuracy", "nll", "auroc", "area")
    yield Table(
        ["", "error (%)", "NLL (nats)", "AUROC of entropy", "mean risk (%)"],
        [
            [who, 100 * (1 - float(row[0])), row[1], row[2], 100 * row[3]]
            for who, row in (
                (f"{masks} masks together", [seen.numbers[name] for name in names]),
                ("all units, once", [seen.numbers[f"alone_{name}"] for name in names]),
            )
        ],
        f"Test digits; means and standard errors over {budget.replicas} networks. Mean risk: error among the surest, "
        "averaged over all coverages.",
    )
    yield Note(
        "Outside the data the spread grows for a plain reason: networks of rectified units are linear out there, so "
        "that answers which differ in slope drift apart in proportion to the distance."
    )


def sine(count, steps, replicas, dropout=0.1):
    """Networks that learnt sin(4 x) with noise of standard deviation 0.1 from ``count`` points in [-1, 1]."""
    rng = keys.generator(0, "mc-dropout")
    x = rng.uniform(-1, 1, (count + 200, 1))
    y = np.sin(4 * x) + 0.1 * rng.normal(size=x.shape)
    x, y = x.astype(np.float32), y.astype(np.float32)
    every = snarc.data.Split(x, y)
    data = snarc.data.Dataset(
        "sine", snarc.data.Task("regression", targets=("y",)), every.take(slice(200, None)), every.take(slice(0, 0)),
        every.take(slice(0, 200)),
    )  # fmt: skip
    return fit(
        "mlp", data, model_options={"hidden": "100-100", "dropout": dropout}, batch_size=50,
        epochs=max(1, 50 * steps // count), learning_rate=5e-3, schedule="1cycle", replicas=replicas,
    )  # fmt: skip


def fans(readings):
    from snarc.trust.bands import fan

    titles = {"dropout": "Dropout, 100 masks", "laplace": "Laplace, last layer", "ensemble": "Five networks"}
    figure, panels = draw.new(1, 3, width=10.2, height=4.2, sharey=True)
    for ax, reading in zip(panels, readings):
        fan(ax, reading.arrays)
        ax.get_legend().remove()
        ax.set_title(titles[str(reading.arrays["method"][0])])
        ax.set_ylim(-5, 5)
    panels[0].set_ylabel("y")
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=5, frameon=False)
    return figure
