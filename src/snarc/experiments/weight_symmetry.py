"""Every solution has twins: hidden units may be exchanged, and the signs of a unit's weights turned."""

import itertools
import math

import numpy as np

from snarc import draw, formal, keys
from snarc.experiments import Claim, Figure, Note, Table, experiment, fit

SOURCE = "T. Brázdil, Neural networks (PV021); R. Hecht-Nielsen (1990); H. Sussmann, Neural Networks 5 (1992) 589"


@experiment(
    "weight-symmetry",
    rows=("O7",),
    question="How many different weights make the same network?",
    source=SOURCE,
    seconds=(3, 5, 2),
)
def weight_symmetry(budget):
    """tanh is odd: exchange two hidden units with all their weights, or turn the signs of all weights of one.

    A network with H hidden units in one layer so has H! 2ᴴ twins. Checked in float64 on a network that learnt 8 × 8
    digits, and counted for small H.
    """
    run = fit(
        "64-20:tanh-15:tanh-10", "digits", optimizer="momentum", learning_rate=0.05, epochs=budget(3, 15, 30),
        batch_size=50,
    )  # fmt: skip
    network = run.networks[0]
    x = np.asarray(network.inputs(run.dataset.test.inputs), np.float64).reshape(-1, 64)
    layers = [
        formal.Layer(np.asarray(one.kernel[...], np.float64), np.asarray(one.bias[...], np.float64), name)
        for one, name in zip(network.body.layers, network.body.activation_names)
    ]
    truth, moved, apart = formal.forward(layers, x), [], []
    for k in range(50):
        twin = transformed(layers, keys.generator(k, "weight-symmetry"))
        moved.append(float(np.abs(formal.forward(twin, x) - truth).max()))
        apart.append(
            math.sqrt(sum(np.sum((a - b) ** 2) for one, two in zip(layers, twin) for a, b in zip(one[:2], two[:2])))
        )
    yield Claim(
        "largest change of any output on the test digits, over 50 twins",
        measured=max(moved),
        at_most=1e-12,
        note="Each a random permutation and random signs of the units in both hidden layers.",
    )
    length = math.sqrt(sum(np.sum(a**2) for one in layers for a in one[:2]))
    yield Claim(
        "smallest distance of a twin's weights from the network's, in lengths of these weights",
        measured=min(apart) / length,
        at_least=1.0,
        note="Far apart, as random vectors of that length are (√2). The bound was set here.",
    )
    rows = []
    for hidden in range(1, budget(4, 6, 6)):
        vectors, functions = count(hidden)
        rows.append([hidden, total(hidden), vectors, functions])
        yield Claim(
            f"different weights of the same network with {hidden} hidden unit{'s' if hidden > 1 else ''}",
            published=total(hidden),
            measured=vectors,
            exact=True,
            source="H! 2ᴴ",
            note="Counted, each found to be the same function to 1e-12."
            if functions == 1
            else "Not the same function!",
        )
    starts = budget(40, 200, 400)
    ends, sides = descend(starts)
    yield Claim(
        "starts on one side of the mirror that end in the minimum of that side",
        measured=100 * float(np.mean(sides)),
        at_least=99,
        unit="%",
        note=f"Of {starts} starts; descent cannot cross the mirror line, on which the gradient lies in it.",
    )
    yield Figure(
        picture(ends),
        "Left: error of tanh(w₁x) + tanh(w₂x) fitted to tanh(2x) + tanh(x/2); two minima that are one network, and a "
        "saddle between them where both units are the same. Right: of w₂ tanh(w₁x) fitted to 1.5 tanh(1.2x); turning "
        "both signs changes nothing. Lines: descent.",
        name="minima",
    )
    yield Table(
        ["hidden units", "H! 2ᴴ", "weights counted", "functions among them"],
        rows,
        "All exchanges and signs of random weights, compared as vectors and as functions.",
    )
    yield Note(
        f"The network on digits has 20! 2²⁰ · 15! 2¹⁵ = {formal.twins(layers):.1e} twins of every minimum. None is "
        "better than another, so it does not matter which is found."
    )


def total(hidden):
    return math.factorial(hidden) * 2**hidden


def transformed(layers, rng):
    """The layers with the units of every hidden layer in another order, and some with turned signs."""
    sizes = [len(layer.bias) for layer in layers[:-1]]
    orders = [rng.permutation(size) for size in sizes]
    return formal.twin(layers, orders, [rng.choice([-1.0, 1.0], size) for size in sizes])


def count(hidden):
    """How many different weights, and how many different functions, all exchanges and signs of a network give."""
    rng = keys.generator(hidden, "weight-symmetry", "count")
    a, b, c = rng.normal(size=(3, hidden)), rng.normal(size=hidden), rng.normal(size=(hidden, 2))
    x = rng.normal(size=(40, 3))
    truth = np.tanh(x @ a + b) @ c
    vectors, same = set(), True
    for order in itertools.permutations(range(hidden)):
        for signs in itertools.product((-1.0, 1.0), repeat=hidden):
            s = np.array(signs)
            new = (a[:, order] * s, b[list(order)] * s, c[list(order)] * s[:, None])
            vectors.add(np.concatenate([part.ravel() for part in new]).tobytes())
            same &= bool(np.abs(np.tanh(x @ new[0] + new[1]) @ new[2] - truth).max() < 1e-12)
    return len(vectors), 1 if same else 2


LINE = np.linspace(-3, 3, 41)


def two_units(w1, w2):
    """Error of tanh(w1 x) + tanh(w2 x) against tanh(2x) + tanh(x/2), and its slopes."""
    want = np.tanh(2 * LINE) + np.tanh(LINE / 2)
    a, b = np.tanh(np.multiply.outer(w1, LINE)), np.tanh(np.multiply.outer(w2, LINE))
    rest = a + b - want
    return np.mean(rest**2, -1), 2 * np.mean(rest * (1 - a**2) * LINE, -1), 2 * np.mean(rest * (1 - b**2) * LINE, -1)


def one_unit(w1, w2):
    """Error of w2 tanh(w1 x) against 1.5 tanh(1.2 x), and its slopes."""
    a = np.tanh(np.multiply.outer(w1, LINE))
    w2 = np.asarray(w2)[..., None]
    rest = w2 * a - 1.5 * np.tanh(1.2 * LINE)
    return np.mean(rest**2, -1), 2 * np.mean(rest * w2 * (1 - a**2) * LINE, -1), 2 * np.mean(rest * a, -1)


def descend(starts):
    """Descent on both surfaces: whole paths, and whether each start of the first ended on its own side."""
    rng = keys.generator(0, "weight-symmetry", "descent")
    paths = {}
    for name, surface, high in (("units", two_units, 3.0), ("signs", one_unit, 2.2)):
        low = 0.05 if name == "units" else -2.2
        w = rng.uniform(low, high, size=(2, starts))
        path = [w]
        for _ in range(3000):
            _, s1, s2 = surface(*w)
            w = w - 0.1 * np.stack([s1, s2])
            path.append(w)
        paths[name] = np.array(path)
    first, last = paths["units"][0], paths["units"][-1]
    wanted = np.where(first[0] > first[1], [[2.0], [0.5]], [[0.5], [2.0]])
    return paths, np.abs(last - wanted).max(axis=0) < 0.05


def picture(paths):
    figure, both = draw.new(1, 2, width=9.0, height=4.2)
    for ax, name, surface, (low, high) in (
        (both[0], "units", two_units, (0.0, 3.2)), (both[1], "signs", one_unit, (-2.4, 2.4)),
    ):  # fmt: skip
        grid = np.linspace(low, high, 160)
        error = surface(*np.meshgrid(grid, grid))[0]
        levels = np.geomspace(max(error.min(), 3e-4), error.max(), 16)
        ax.contourf(
            grid, grid, np.log10(np.maximum(error, 3e-4)), levels=np.log10(levels), cmap=draw.SEQUENTIAL, extend="min"
        )
        for k in range(12):
            path = paths[name][:, :, k]
            ax.plot(path[:, 0], path[:, 1], color="white", linewidth=1.0)
            ax.plot(*path[0], "o", color="white", markersize=3)
        ends = ((2, 0.5), (0.5, 2)) if name == "units" else ((1.2, 1.5), (-1.2, -1.5))
        for end in ends:
            ax.plot(
                *end, "*", color=draw.PALETTE[1], markersize=13, markeredgecolor="white", markeredgewidth=0.8, zorder=5
            )
        ax.plot(
            [low, high], [low, high] if name == "units" else [high, low], color="white", linewidth=0.8, linestyle=":"
        )
        ax.grid(False)
        ax.set(xlabel="$w_1$", ylabel="$w_2$", xlim=(low, high), ylim=(low, high), aspect="equal")
        ax.set_title("exchanging units" if name == "units" else "turning signs")
    return figure
