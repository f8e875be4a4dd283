"""Formal networks to NetworkX graphs and back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from snarc.errors import FormalError

from .network import Network, from_edges

if TYPE_CHECKING:
    import networkx


def to_networkx(network: Network) -> networkx.DiGraph:
    """The network as a ``DiGraph``.

    Nodes are the neurons' names (or numbers) with ``bias``, ``activation``, ``potential`` and ``role`` (any of
    "input", "output", both or ""), edges have ``weight``; parallel edges are added up.
    """
    import networkx

    graph = networkx.DiGraph()
    labels: list[Any] = list(network.names) if network.names else list(range(network.size))
    biases = network.biases.tolist()
    for k, label in enumerate(labels):
        role = " ".join(r for r, members in (("input", network.inputs), ("output", network.outputs)) if k in members)
        graph.add_node(
            label,
            bias=biases[k],
            activation=network.activations[network.kinds[k]],
            potential="distance" if k in network.balls else "sum",
            role=role,
        )
    graph.graph["inputs"] = [labels[k] for k in network.inputs]
    graph.graph["outputs"] = [labels[k] for k in network.outputs]
    for source, target, weight in zip(network.sources.tolist(), network.targets.tolist(), network.weights.tolist()):
        a, b = labels[source], labels[target]
        old = graph.edges[a, b]["weight"] if graph.has_edge(a, b) else 0
        graph.add_edge(a, b, weight=old + weight)
    return graph


def from_networkx(
    graph: networkx.DiGraph,
    *,
    inputs: list[Any] | None = None,
    outputs: list[Any] | None = None,
    rational: bool = False,
) -> Network:
    """A network from a ``DiGraph``.

    Edges may have ``weight`` (1), nodes ``bias`` (0), ``activation`` (step) and ``potential`` (sum); inputs
    and outputs default to the graph's ``inputs`` and ``outputs``, else to its sources and sinks.

    Raises
    ------
    FormalError: the graph is undirected or a multigraph, or an input or output is not in it.
    """
    if not graph.is_directed() or graph.is_multigraph():
        raise FormalError(
            "an undirected graph or a multigraph", wanted="a networkx.DiGraph", way_out="Convert it with DiGraph(g)."
        )
    labels = list(graph.nodes)
    number = {label: k for k, label in enumerate(labels)}
    if inputs is None:
        inputs = graph.graph.get("inputs", [v for v in labels if graph.in_degree(v) == 0])
    if outputs is None:
        outputs = graph.graph.get("outputs", [v for v in labels if graph.out_degree(v) == 0])
    for label in [*inputs, *outputs]:
        if label not in number:
            raise FormalError(f"no node {label!r}", wanted="nodes of the graph", way_out="Mend inputs or outputs.")
    edges = list(graph.edges(data="weight", default=1))
    data = [graph.nodes[v] for v in labels]
    return from_edges(
        len(labels),
        [number[a] for a, _, _ in edges],
        [number[b] for _, b, _ in edges],
        [w for _, _, w in edges],
        [d.get("bias", 0) for d in data],
        [d.get("activation", "step") for d in data],
        inputs=[number[v] for v in inputs],
        outputs=[number[v] for v in outputs],
        names=[str(v) for v in labels],
        balls=[k for k, d in enumerate(data) if d.get("potential") == "distance"],
        rational=rational,
    )
