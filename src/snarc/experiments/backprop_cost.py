"""What a gradient costs: operations counted, seconds measured, and the price of doing without backpropagation."""

import time
from fractions import Fraction

import numpy as np

from snarc import draw, keys, reference
from snarc.experiments import Claim, Figure, Note, Table, experiment
from snarc.experiments._differences import arrays, central, gradient
from snarc.reading import Estimate

EXAMPLES = 200


@experiment(
    "backpropagation-cost",
    rows=("M2",),
    question="How does the cost of a gradient grow with the network, and what is saved by backpropagation?",
    source="F. Marquardt, Machine Learning for Physicists; J. Brazdil, PV021 Neural networks",
    seconds=(2, 15, 30),
    replicas=(2, 5, 9),
)
def backprop_cost(budget):
    """Networks of three equal layers, tanh, float64: multiplications and edges counted as they are done, then timed.

    Times are seconds of one thread's own work on the processor, the least of as many tries as there are replicas,
    so that what else the machine does stays out of them as far as it can. Vectors carry 200 examples at once, the
    graph one.
    """
    counts = counted(budget(3, 10, 10))
    yield Claim(
        "multiplications forward, for each edge and example",
        measured=counts["forward"], published=1, exact=True, source="counted by hand",
    )  # fmt: skip
    yield Claim(
        "multiplications backward, for each edge and example",
        measured=counts["backward"], published=2, exact=True, source="counted by hand",
        note="One for the weight's own derivative, one to hand the error down.",
    )  # fmt: skip
    yield Claim(
        "visits to each edge, forward and backward, on the graph",
        measured=counts["graph"], published=2, exact=True, source="counted by hand",
    )  # fmt: skip
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1):
        vectors = timed(budget((64, 128, 256), (128, 256, 512, 1024), (128, 256, 512, 1024, 1448)), budget)
        graph = timed_graph(budget((16, 32, 64), (24, 40, 64, 96, 128), (24, 40, 64, 96, 128, 192)), budget)
        slow = timed_differences(budget((4, 8), (4, 8, 16, 32), (4, 8, 16, 32, 48)), budget)
    for name, (edges, forward, backward) in (("in vectors", vectors), ("on the graph", graph)):
        slope = np.polyfit(np.log(edges), np.log(forward + backward), 1)[0]
        yield Claim(
            f"time of a gradient {name}, exponent of the number of edges", published=1, measured=slope, within=0.1
        )
        ratio = Estimate.over(backward / forward)
        yield Claim(
            f"time backward over time forward, {name}",
            measured=ratio, at_most=3, note=f"Mean over {len(edges)} sizes; the largest is {max(ratio.values):.2f}.",
        )  # fmt: skip
    edges, weights, fast, differences = slow
    each = Estimate.over(differences / fast / weights)
    yield Claim(
        "time of the differences over time of backpropagation, for each weight and bias",
        published=1, measured=each, between=(0.5, 2), passing=(1, 1),
        note="Each of the sizes. Two errors for each weight, against one pass forward and one backward: 2 to 3 in "
        "multiplications.",
    )  # fmt: skip
    million = each.mean * 1e6
    yield Figure(
        picture(vectors, graph, slow),
        "Left: the time of one gradient grows in proportion to the edges, in either form. Right: moving one weight "
        "after another takes as many times as long as there are weights, and so grows with the square.",
        name="cost",
    )
    yield Table(
        ["weights and biases", "backpropagation (ms)", "differences (ms)", "times as long", "and for each weight"],
        [[int(w), 1e3 * a, 1e3 * b, b / a, b / a / w] for w, a, b in zip(weights, fast, differences)],
        f"In vectors, {EXAMPLES} examples, one thread.",
    )
    yield Note(
        f"A network of a million weights gains a factor of {million:,.0f} by backpropagation, if the ratio stays as "
        "it is here: the million-fold gain of the lectures. In small networks the arithmetic hides behind what it "
        "takes to call it; then the times say less than the counts."
    )


def counted(networks):
    """Multiplications for each edge and example, counted by the code that does them; the same for all networks."""
    found = set()
    for k in range(networks):
        rng = keys.generator(k, "backpropagation-cost")
        units = rng.integers(2, 20, size=rng.integers(2, 6))
        net, x = reference.network("-".join(map(str, units)), seed=k), rng.normal(size=(rng.integers(1, 9), units[0]))
        edges = sum(layer.weights.size for layer in net)
        zs, ys = reference.forward(net, x)
        forward = sum(layer.multiplications for layer in net)
        reference.backward(net, zs, ys, ys[-1])
        backward = sum(layer.multiplications for layer in net) - forward
        graph = reference.graph(net)
        reference.graph_backward(graph, *reference.graph_forward(graph, x[0]), ys[-1][0])
        visits = sum(unit.visits for unit in graph)
        found.add((Fraction(forward, edges * len(x)), Fraction(backward, edges * len(x)), Fraction(visits, edges)))
    each = [values.pop() if len(values := set(column)) == 1 else Fraction(-1) for column in zip(*found)]
    return dict(zip(("forward", "backward", "graph"), each))


def least(tries, *tasks):
    """For each task the least seconds of this thread's work over the tries, which take turns."""
    best = np.full(len(tasks), np.inf)
    for _ in range(tries):
        for k, task in enumerate(tasks):
            began = time.thread_time()
            task()
            best[k] = min(best[k], time.thread_time() - began)
    return best


def square(width, k=0):
    """Three equal layers of that width."""
    return reference.network(f"{width}-{width}-{width}-{width}", seed=k)


def timed(widths, budget):
    edges, seconds = [], []
    for width in widths:
        net, x = square(width), keys.generator(0, "backpropagation-cost", width).normal(size=(EXAMPLES, width))
        zs, ys = reference.forward(net, x)
        passes = lambda: reference.forward(net, x), lambda: reference.backward(net, zs, ys, ys[-1])  # noqa: B023
        edges.append(3 * width**2)
        seconds.append(least(budget.replicas, *passes))
    return np.array(edges), *np.array(seconds).T


def timed_graph(widths, budget):
    edges, seconds = [], []
    for width in widths:
        units, x = reference.graph(square(width)), keys.generator(0, "backpropagation-cost", width).normal(size=width)
        zs, ys = reference.graph_forward(units, x)
        slope = np.array(ys[-width:])
        forward = lambda: reference.graph_forward(units, x)  # noqa: B023, E731
        backward = lambda: reference.graph_backward(units, zs, ys, slope)  # noqa: B023, E731
        edges.append(3 * width**2)
        seconds.append(least(budget.replicas, forward, backward))
    return np.array(edges), *np.array(seconds).T


def timed_differences(widths, budget):
    edges, weights, seconds = [], [], []
    for width in widths:
        rng = keys.generator(0, "backpropagation-cost", width)
        net, x, d = square(width), *rng.normal(size=(2, EXAMPLES, width))
        fast = lambda: gradient(net, x, d, reference.squared_error)  # noqa: B023, E731
        slow = lambda: central(net, x, d, reference.squared_error)  # noqa: B023, E731
        edges.append(3 * width**2)
        weights.append(sum(array.size for array in arrays(net)))
        seconds.append((least(10 * budget.replicas, fast)[0], least(min(2, budget.replicas), slow)[0]))
    return np.array(edges), np.array(weights), *np.array(seconds).T


def picture(vectors, graph, slow):
    figure, (left, right) = draw.new(1, 2, width=10.4, height=4.4, gridspec_kw={"width_ratios": (1.25, 1)})
    with draw.style():
        for (edges, forward, backward), colour, label in (
            (graph, draw.PALETTE[1], "on the graph, one example"),
            (vectors, draw.PALETTE[0], f"in vectors, {EXAMPLES} examples"),
        ):
            left.plot(edges, forward + backward, "o-", color=colour, label=label)
            left.plot(edges, forward, ".:", color=colour, linewidth=1.3, label="its forward pass alone")
            line = (forward + backward)[-1] * edges / edges[-1]
            left.plot(
                edges, line, "--", color=draw.INK, linewidth=0.9, label="in proportion" if edges is vectors[0] else None
            )
        left.set(xscale="log", yscale="log", xlabel="edges of the network", ylabel="seconds of one thread")
        left.set_title("Backpropagation")
        left.legend(loc="upper left")
        _, weights, fast, differences = slow
        right.fill_between(
            weights, weights / 2, 2 * weights, color=draw.GRID, linewidth=0, label="within a factor of 2"
        )
        right.plot(weights, weights, "--", color=draw.INK, linewidth=0.9, label="number of weights")
        right.plot(weights, differences / fast, "s-", color=draw.PALETTE[3], label="measured")
        right.set(xscale="log", yscale="log", xlabel="weights and biases", ylabel="times as long")
        right.set_title("Differences over backpropagation")
        right.legend(loc="upper left")
    return figure
