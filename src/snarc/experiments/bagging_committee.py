"""Ask ten instead of one: committees of trees and of networks that saw different examples."""

import math
from typing import Any

import numpy as np

import snarc
from snarc import draw
from snarc.experiments import Claim, Figure, Note, Table, experiment
from snarc.reading import Estimate

LECTURE = "L. Breiman, Machine Learning 24 (1996) 123; courses C and D on ensembles"
TREES, NETS = draw.PALETTE[1], draw.PALETTE[0]


@experiment(
    "bagging-committee",
    rows=("R6",),
    question="Why do ten networks that saw different examples err less than one?",
    source=LECTURE,
    seconds=(3, 15, 35),
    replicas=(1, 2, 5),
    needs=("mnist",),
)
def bagging_committee(budget):
    """Each member learns from as many examples as there are, drawn with replacement: about 1 - 1/e of them.

    2,000 digits of MNIST to learn from; ten decision trees, which average their probabilities, and ten networks
    784-50-10 that do; and ten networks that saw the same digits and differ by their seed alone.
    """
    from snarc.tuning import bagging
    from snarc.tuning.committees import bootstrap

    count, members = budget(300, 2_000, 2_000), budget(3, 10, 10)
    drawn = bootstrap(1_000, 200, seed=0)
    share = Estimate.over([len(np.unique(row)) / 1_000 for row in drawn])
    yield Claim(
        "share of the examples that a resample holds", published=1 - 1 / math.e, measured=share, within=0.005, digits=4
    )

    found: dict[str, list[Any]] = {"trees, resampled": [], "networks, resampled": [], "networks, same digits": []}
    shown: Any = None
    for seed in range(budget.replicas):
        mnist = snarc.load("mnist", train=count, validation=0, test=budget(500, None, None), seed=seed)
        found["trees, resampled"].append(trees(mnist, members, seed))
        settings = {"epochs": budget(3, 15, 15), "learning_rate": 2e-3, "schedule": "1cycle", "seed": 100 * seed}
        bagged = bagging("784-50-10", mnist, members, **settings)
        same = bagging("784-50-10", mnist, members, resample=False, **settings)
        for name, made in (("networks, resampled", bagged), ("networks, same digits", same)):
            numbers: Any
            numbers, errors = made.reading.numbers, 100 * made.reading.arrays["committee_errors"]
            row = {"own": 100 * numbers["member_error"].mean, "together": errors, "oob": None}
            row["oob"] = 100 * numbers["out_of_bag_error"] if "out_of_bag_error" in numbers else None
            found[name].append(row)
        shown = shown or votes(bagged, mnist.test)

    def over(name, of):
        return Estimate.over([of(row) for row in found[name]])

    for name in ("trees, resampled", "networks, resampled"):
        yield Claim(
            f"error that a committee of ten saves over its mean member: {name}",
            measured=over(name, lambda row: row["own"] - row["together"][-1]),
            at_least=0.5,
            unit="points",
        )
    gap = [row["oob"] - row["together"][-1] for row in found["networks, resampled"]]
    yield Claim(
        "out-of-bag error minus test error of the committee of networks",
        measured=Estimate.over(gap),
        at_least=0,
        unit="points",
        note="An example is out of bag for a third of the members only, so the committee that judges it is smaller and "
        "errs more: the estimate is on the safe side.",
    )
    yield Figure(growth(found), "Test error of the first members together; left: one alone.", name="growth")
    yield Figure(shown, "Digits on which the members disagree, and how they vote; the truth in brackets.", name="votes")
    rows = []
    for name in found:
        own, together = over(name, lambda row: row["own"]), over(name, lambda row: row["together"][-1])
        out = over(name, lambda row: row["oob"]) if found[name][0]["oob"] is not None else "–"
        rows.append([name, own, together, over(name, lambda row: row["own"] - row["together"][-1]), out])
    yield Table(
        ["ten members", "mean member (%)", "together (%)", "saved (points)", "out of bag (%)"],
        rows,
        f"Test errors; means and standard errors over {budget.replicas} draws of the training digits.",
    )
    yield Note(
        "Resampling costs each member a third of its examples and makes the members differ; the committee wins back "
        "more than that costs when members are unstable, as trees are. Networks differ by their seed already: those "
        "that saw all digits are better alone, and together at least as good."
    )


def trees(mnist, members, seed):
    """Ten bagged decision trees of scikit-learn: their mean error, that of the first k together, and out of bag."""
    from sklearn.tree import DecisionTreeClassifier

    from snarc.tuning.committees import bootstrap

    x, y = (mnist.train.inputs.reshape(len(mnist.train), -1), mnist.train.targets)
    test = mnist.test.inputs.reshape(len(mnist.test), -1)
    drawn = bootstrap(len(x), members, seed)
    said, inside = [], []
    for k, row in enumerate(drawn):
        tree = DecisionTreeClassifier(random_state=1000 * seed + k, max_features=None).fit(x[row], y[row])
        said.append(spread(tree, test))
        inside.append(spread(tree, x))
    unseen = np.stack([np.bincount(row, minlength=len(x)) == 0 for row in drawn])
    judged = unseen.any(axis=0)
    mean = (np.stack(inside) * unseen[..., None]).sum(axis=0)[judged]
    errors = [100 * np.mean(one.argmax(axis=1) != mnist.test.targets) for one in said]
    together = np.cumsum(said, axis=0).argmax(axis=2)
    growing = 100 * np.mean(together != mnist.test.targets, axis=1)
    return {"own": np.mean(errors), "together": growing, "oob": 100 * np.mean(mean.argmax(axis=1) != y[judged])}


def spread(tree, x):
    """Probabilities of all ten classes, though a resample may have missed one."""
    found = np.zeros((len(x), 10))
    found[:, tree.classes_] = tree.predict_proba(x)
    return found


def growth(found):
    figure, ax = draw.new(width=6.8, height=4.0)
    colours = {"trees, resampled": TREES, "networks, resampled": NETS, "networks, same digits": draw.PALETTE[2]}
    for name, rows in found.items():
        curves = np.array([row["together"] for row in rows])
        at = np.arange(1, curves.shape[1] + 1)
        if len(curves) > 1:
            ax.plot(at, curves.T, color=colours[name], linewidth=0.7, alpha=0.35)
        ax.plot(at, curves.mean(axis=0), "o-", color=colours[name], linewidth=2.2, markersize=4, label=name)
    ax.set(xlabel="members", ylabel="test error (%)", title="One after another joins", ylim=(0, None))
    draw.whole_numbers(ax.xaxis)
    ax.legend(loc="upper right")
    return figure


def votes(made, split, columns=6):
    """Images on which the members are most divided, each above the bars of their votes."""
    x = split.inputs[:2_000]
    ballots = np.stack([np.asarray(one(x)).argmax(axis=1) for one in made.members])
    counts = np.stack([(ballots == k).sum(axis=0) for k in range(10)], axis=1)
    picked = np.argsort(counts.max(axis=1), kind="stable")[:columns]
    figure, panels = draw.new(2, columns, width=8.4, height=3.2, height_ratios=(1.2, 1))
    for k, which in enumerate(picked):
        top, bottom = panels[0, k], panels[1, k]
        draw.bare(top).imshow(x[which, :, :, 0], cmap="gray_r", vmin=0, vmax=255)
        answer, truth = int(np.argmax(counts[which])), int(split.targets[which])
        top.set_title(f"{answer} ({truth})", loc="center", fontsize=10, fontweight="normal")
        bottom.bar(range(10), counts[which], color=[NETS if d == truth else draw.MUTED for d in range(10)])
        bottom.set_xticks(range(0, 10, 3))
        bottom.set_ylim(0, len(made.members))
        bottom.set_yticks([0, len(made.members)])
        bottom.grid(False)
        if k:
            bottom.set_yticklabels([])
    panels[1, 0].set_ylabel("votes")
    return figure
