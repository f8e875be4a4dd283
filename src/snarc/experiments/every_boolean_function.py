"""One hidden layer computes every Boolean function, and merging rows makes it smaller."""

import numpy as np

from snarc import draw, formal, keys
from snarc.experiments import Claim, Figure, experiment

SIZES = range(1, 11)


@experiment(
    "every-boolean-function",
    rows=("F7",),
    question="How many threshold neurons does a Boolean function need in one hidden layer?",
    source="E. McCluskey, Bell System Technical Journal 35 (1956) 1417, for the minimisation",
    seconds=(2, 7, 25),
)
def every_boolean_function(budget):
    """Random functions of up to ten inputs, half of the rows 1: the theorem's network and the minimised one."""
    count, largest = budget(40, 200, 200), budget(7, 9, 10)
    right, exact_size = 0, 0
    sizes: dict[int, list[tuple[float, float]]] = {n: [] for n in SIZES}
    for k in range(count):
        n = 1 + k % 10
        table = keys.generator(k, "function", n).random(2**n) < 0.5
        made = formal.boolean(table)
        right += made.check()
        exact_size += made.network.computed == table.sum() + 1
        small = formal.boolean(table, method="minimised") if n <= largest else None
        if small is not None and not small.check():
            raise AssertionError("a minimised network is wrong")
        sizes[n].append((made.hidden, small.hidden if small else np.nan))
    yield Claim(f"random functions computed exactly, of {count}", measured=right, published=count, exact=True)
    yield Claim(
        f"networks of (number of ones) + 1 neurons, of {count}", measured=exact_size, published=count, exact=True
    )
    means = np.array([np.mean(sizes[n], axis=0) for n in SIZES])
    yield Claim(
        f"hidden neurons left by merging rows, of the theorem's, at n = {largest}",
        measured=float(100 * means[largest - 1, 1] / means[largest - 1, 0]),
        at_most=60.0,
        unit="%",
        note="The minimised network takes the function or its negation, whichever has fewer implicants.",
    )
    yield Figure(
        picture(means),
        "Hidden neurons for random functions: one for each row that is 1, or for the fewest implicants. Both grow "
        "exponentially; the tree of XORs shows that special functions need far fewer neurons if layers may be added.",
        name="sizes",
    )


def picture(means):
    figure, ax = draw.new(width=7, height=4.6)
    n = np.array(SIZES)
    with draw.style():
        ax.semilogy(n, 2.0**n, "--", color=draw.MUTED, label="all rows, $2^n$")
        ax.semilogy(n, means[:, 0], "o-", label="the theorem: a neuron a row")
        ax.semilogy(n, means[:, 1], "s-", label="minimised: a neuron an implicant")
        ax.semilogy(n[1:], 3 * (n[1:] - 1), "^-", color=draw.PALETTE[4], label="the parity of n bits as a tree")
        ax.set(xlabel="inputs n", ylabel="neurons")
        ax.legend()
    return figure
