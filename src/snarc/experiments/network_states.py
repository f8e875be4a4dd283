"""Networks as directed graphs: when does the state stop changing, and what if it never does?"""

import networkx
import numpy as np

from snarc import draw, formal, keys
from snarc.experiments import Claim, Figure, experiment
from snarc.formal import Neuron, from_edges, network


@experiment(
    "network-states",
    rows=("F17",),
    question="When does the computation of a network stop?",
    source="T. Brázdil, PV021 Neural Networks (lectures)",
    seconds=(1, 1, 3),
)
def network_states(budget):
    """Random acyclic graphs under the parallel rule; two neurons that copy one another; an MLP layer by layer."""
    count = budget(200, 1000, 5000)
    runs = [formal.run(*random_dag(k)) for k in range(count)]
    yield Claim(
        f"acyclic networks that stop within depth steps, of {count:,}",
        measured=sum(r.settled and r.steps <= r.network.depth for r in runs),
        published=count,
        exact=True,
    )
    swap = network(("a", "b"), {"a": Neuron({"b": 1}, -1), "b": Neuron({"a": 1}, -1)}, ("a",))
    done = formal.run(swap, (1, 0))
    yield Claim(
        "period of two neurons that copy one another",
        measured=done.cycle[1] if done.cycle else 0,
        published=2,
        exact=True,
    )
    one_by_one = formal.run(swap, (1, 0), rule="sequential")
    yield Claim(
        "the same two neurons stop when they are computed one at a time", measured=one_by_one.settled, exact=True
    )
    mlp = formal.from_layers(formal.random_layers((2, 4, 3, 2), activation="saturated-linear", seed=1)).to_exact()
    parallel, layered = formal.run(mlp, ("1/3", "1/7")), formal.run(mlp, ("1/3", "1/7"), rule="layers")
    yield Claim(
        "the MLP 2-4-3-2 computes the same in parallel and layer by layer",
        measured=parallel.outputs == layered.outputs,
        exact=True,
    )
    ring = ring_network()
    yield Figure(
        state_graph(ring),
        "All sixteen states of a ring of four neurons, three of which copy the one before and one negates it; an arrow "
        "is one parallel step. Amber states lie on a cycle: no computation of this network ever stops.",
        name="state-space",
    )
    yield Figure(
        formal.draw_network(mlp, parallel.states[-1], title="MLP 2-4-3-2 at rest"),
        "A multilayer perceptron as a graph, lit by its states.",
        name="mlp",
    )


def random_dag(seed):
    rng = keys.generator(seed, "dag")
    inputs = int(rng.integers(1, 4))
    size = inputs + int(rng.integers(2, 14))
    edges = sorted({(int(rng.integers(b)), b) for b in range(inputs, size) for _ in range(3)})
    net = from_edges(
        size, [a for a, _ in edges], [b for _, b in edges], rng.integers(-3, 4, len(edges)).tolist(),
        rng.integers(-2, 3, size).tolist(), "step", inputs=range(inputs), outputs=(size - 1,), rational=True,
    )  # fmt: skip
    return net, rng.integers(0, 2, inputs).tolist()


def ring_network():
    links = {"a": ("d", -1, 0), "b": ("a", 1, -1), "c": ("b", 1, -1), "d": ("c", 1, -1)}
    return network(tuple("abcd"), {k: Neuron({s: w}, bias) for k, (s, w, bias) in links.items()}, ("a",))


def state_graph(ring):
    states = [tuple(r) for r in formal.rows(4).tolist()]
    graph = networkx.DiGraph([(s, formal.step(ring, s)) for s in states])
    on_cycle = {s for cycle in networkx.simple_cycles(graph) for s in cycle}
    figure, ax = draw.new(width=7.4, height=5.6)
    place = {}
    for k, part in enumerate(sorted(networkx.weakly_connected_components(graph), key=len, reverse=True)):
        for j, s in enumerate(cycle_order(graph, part)):
            angle = 2 * np.pi * j / len(part)
            place[s] = np.array([2.6 * k, 0]) + np.array([np.cos(angle), np.sin(angle)])
    with draw.style():
        colours = [draw.PALETTE[4] if s in on_cycle else draw.GRID for s in graph]
        networkx.draw_networkx(
            graph, place, ax=ax, labels={s: "".join(map(str, s)) for s in graph}, node_color=colours, node_size=900,
            font_size=9, edge_color=draw.MUTED, arrowsize=16, connectionstyle="arc3,rad=0.12", edgecolors=draw.INK,
        )  # fmt: skip
        draw.bare(ax).set_aspect("equal")
    return figure


def cycle_order(graph, part):
    start = min(part)
    order = [start]
    while (after := next(iter(graph.successors(order[-1])))) != start and after not in order:
        order.append(after)
    return order + sorted(part - set(order))
