"""Parity: a tree of XORs needs 3(n - 1) neurons, one hidden layer 2^(n-1), and learning it is hard."""

import numpy as np

from snarc import draw, formal
from snarc.data import Dataset, Split, Task
from snarc.experiments import Claim, Figure, experiment, fit

LEARNT = 8


@experiment(
    "parity-tree",
    rows=("F8",),
    question="How many neurons does the parity of n bits need, and can it be learnt?",
    source="M. Minsky, S. Papert, Perceptrons (1969), chapter 3; B. Mehlig (2021), chapter 5",
    seconds=(6, 45, 140),
    replicas=(2, 10, 20),
)
def parity_tree(budget):
    """Trees up to 16 bits, exact on all inputs; then 8-8-2 with tanh, trained on all 256 rows with Adam."""
    sizes = range(2, 17)
    trees = [formal.parity(n) for n in sizes]
    yield Claim(
        "sizes n = 2 ... 16 exact on all inputs", measured=sum(t.check() for t in trees), published=15, exact=True
    )
    yield Claim(
        "trees of 3(n−1) neurons and depth 2⌈log₂ n⌉, of 15",
        measured=sum(
            t.network.computed == 3 * (n - 1) and t.network.depth == 2 * int(np.ceil(np.log2(n)))
            for n, t in zip(sizes, trees)
        ),
        published=15,
        exact=True,
    )
    hidden = [formal.boolean(odd(n), method="minimised").hidden for n in range(2, 9)]
    yield Claim(
        "hidden neurons for 8 bits in one hidden layer that detects implicants",
        measured=hidden[-1],
        published=128,
        exact=True,
    )
    run = fit(
        f"{LEARNT}-{LEARNT}:tanh-2", rows_of_parity(LEARNT), epochs=budget(20, 1500, 3000), batch_size=256,
        learning_rate=0.01, standardise=False, replicas=budget.replicas,
    )  # fmt: skip
    accuracy = np.array(run.train.accuracy.values)
    yield Claim(
        f"share of {len(accuracy)} seeds for which 8-8-2 learns all 256 rows",
        measured=float(100 * np.mean(accuracy == 1)),
        at_most=50.0,
        unit="%",
        note=f"Accuracies from {100 * accuracy.min():.0f} to {100 * accuracy.max():.0f} %; weights that do it exist.",
    )
    lit = formal.run(trees[2].network, (1, 0, 1, 1)).states[-1]
    yield Figure(
        formal.draw_network(trees[2].network, lit, title="the parity of 1011 is 1"),
        "The tree for four bits.",
        name="tree",
    )
    yield Figure(
        sizes_and_learning(sizes, hidden, accuracy),
        "Neurons of the tree and of one hidden layer; what learning reached.",
        name="sizes",
    )


def odd(n):
    return formal.rows(n).sum(1) % 2 == 1


def rows_of_parity(n):
    x = 2 * formal.rows(n).astype(np.float32) - 1
    every = Split(x, odd(n).astype(np.int32))
    return Dataset(f"parity-{n}", Task("classification", ("even", "odd")), every, every, every)


def sizes_and_learning(sizes, hidden, accuracy):
    figure, (left, right) = draw.new(1, 2, width=10, height=4.0)
    with draw.style():
        left.semilogy(range(2, 9), hidden, "s-", label="one hidden layer, minimised")
        left.semilogy(sizes, [2.0 ** (n - 1) for n in sizes], ":", color=draw.MUTED, label="$2^{n-1}$")
        left.semilogy(sizes, [3 * (n - 1) for n in sizes], "o-", color=draw.PALETTE[2], label="tree of XORs, 3(n−1)")
        left.set(xlabel="bits n", ylabel="neurons")
        left.legend()
        right.bar(np.arange(1, len(accuracy) + 1), 100 * np.sort(accuracy))
        right.xaxis.get_major_locator().set_params(integer=True)
        right.axhline(100, color=draw.PALETTE[1], linestyle="--", linewidth=1.2)
        right.set(
            xlabel="seed, sorted", ylabel="rows learnt of 256 (%)", ylim=(0, 108), title="8-8-2, all rows for training"
        )
    return figure
