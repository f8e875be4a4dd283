"""A network as a directed graph of formal neurons: its architecture and its configuration, apart from its activity."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property
from numbers import Rational
from typing import Any

import numpy as np

from snarc.errors import FormalError, LimitError

from .activations import Activation, activation
from .neuron import Neuron, exact

NEURON_LIMIT = 100_000  # above this, a construction asks to be told that so many neurons are meant


@dataclass(frozen=True, eq=False)
class Network:
    """Neurons 0 .. size-1 and weighted edges between them; cyclic or not.

    Attributes
    ----------
    size: number of neurons, input neurons included.
    sources, targets: ``(edges,)`` int; edge k leads from neuron ``sources[k]`` to ``targets[k]``.
    weights: ``(edges,)`` float64, or object holding int and Fraction if the network is exact.
    biases: ``(size,)`` of the same kind; unused for held neurons.
    kinds: ``(size,)`` int; the activation of neuron j is ``activations[kinds[j]]``.
    activations: names of the activations that occur.
    inputs, outputs: numbers of the input and output neurons; they may overlap each other and the hidden ones.
    names: of the neurons, or empty.
    balls: neurons whose inner potential is the distance.

    The configuration of a network is its weights and biases; its state is one number a neuron.  An input
    neuron that no edge enters is held: it keeps its value for the whole computation.  Any other neuron is
    computed, whether it is an input or not.
    """

    size: int
    sources: np.ndarray
    targets: np.ndarray
    weights: np.ndarray
    biases: np.ndarray
    kinds: np.ndarray
    activations: tuple[str, ...]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    names: tuple[str, ...] = ()
    balls: frozenset[int] = frozenset()

    def __repr__(self) -> str:
        arithmetic = "exact" if self.exact else "float64"
        return (
            f"Network({self.size} neurons, {len(self.weights)} edges, {len(self.inputs)} inputs, "
            f"{len(self.outputs)} outputs, {arithmetic})"
        )

    @property
    def exact(self) -> bool:
        """Whether weights and states are rational numbers without rounding."""
        return self.weights.dtype == object

    @cached_property
    def held(self) -> np.ndarray:
        """Mask ``(size,)`` of the input neurons that no edge enters."""
        mask = np.zeros(self.size, bool)
        mask[list(self.inputs)] = True
        mask[self.targets] = False
        return mask

    @property
    def computed(self) -> int:
        """Number of neurons that compute, that is all but the held inputs: what the theorems count."""
        return self.size - int(self.held.sum())

    @cached_property
    def levels(self) -> np.ndarray | None:
        """``(size,)`` int: the length of the longest path that ends in each neuron; None if there is a cycle."""
        order = np.argsort(self.sources, kind="stable")
        targets = self.targets[order]
        starts = np.searchsorted(self.sources[order], np.arange(self.size + 1))
        waiting = np.bincount(self.targets, minlength=self.size)
        level = np.full(self.size, -1)
        frontier, depth = np.flatnonzero(waiting == 0), 0
        while len(frontier):
            level[frontier] = depth
            lengths = starts[frontier + 1] - starts[frontier]
            offsets = np.arange(lengths.sum()) - np.repeat(np.cumsum(lengths) - lengths, lengths)
            reached = targets[np.repeat(starts[frontier], lengths) + offsets]
            np.subtract.at(waiting, reached, 1)
            reached = np.unique(reached)
            frontier, depth = reached[waiting[reached] == 0], depth + 1
        return None if (level < 0).any() else level

    @property
    def acyclic(self) -> bool:
        """Whether no directed path returns to its start."""
        return self.levels is not None

    @property
    def depth(self) -> int:
        """Length of the longest path, which is the number of layers after the inputs.

        Raises
        ------
        FormalError: the network is cyclic.
        """
        if self.levels is None:
            raise FormalError(
                "a cyclic network has no depth", wanted="an acyclic one", way_out="Run it in parallel instead."
            )
        return int(self.levels.max(initial=0))

    @cached_property
    def outgoing(self) -> list[list[tuple[int, Any]]]:
        """For each neuron the targets it leads to, with their weights."""
        out: list[list[tuple[int, Any]]] = [[] for _ in range(self.size)]
        for source, target, weight in zip(self.sources.tolist(), self.targets.tolist(), self.weights.tolist()):
            out[source].append((target, weight))
        return out

    @cached_property
    def plan(self) -> tuple[list[Any], list[tuple[int, Any]]]:
        """For exact steps, as plain lists: the biases, and for each computed neuron its activation."""
        exacts = [f.exact for f in self.functions]
        kinds = self.kinds.tolist()
        computed = [(j, exacts[kinds[j]]) for j in np.flatnonzero(~self.held).tolist()]
        return self.biases.tolist(), computed

    @cached_property
    def matrix(self) -> Any:
        """The weights as a ``(size, size)`` float64 SciPy CSR matrix; row j holds what enters neuron j."""
        from scipy.sparse import csr_matrix

        weights = np.asarray(self.weights, float)
        return csr_matrix((weights, (self.targets, self.sources)), shape=(self.size, self.size))

    @cached_property
    def functions(self) -> tuple[Activation, ...]:
        """The activation functions that ``kinds`` counts."""
        return tuple(activation(name) for name in self.activations)

    def name(self, neuron: int) -> str:
        """The name of a neuron, or its number."""
        return self.names[neuron] if self.names else str(neuron)

    def number(self, name: str) -> int:
        """The number of the neuron of that name.

        Raises
        ------
        FormalError: there is none.
        """
        if name not in self.names:
            raise FormalError(
                f"no neuron is called {name!r}", wanted="one of the names", way_out=f"They are {self.names}."
            )
        return self.names.index(name)

    def to_float(self) -> Network:
        """The same network with float64 weights, for NumPy and SciPy."""
        return replace(self, weights=np.asarray(self.weights, float), biases=np.asarray(self.biases, float))

    def to_exact(self) -> Network:
        """The same network with the very same numbers as fractions.

        Raises
        ------
        FormalError: an activation has irrational values.
        """
        _check_exact(self.activations, self.balls, self.kinds)
        return replace(self, weights=_objects(self.weights), biases=_objects(self.biases))


def network(
    inputs: Sequence[str],
    neurons: Mapping[str, Neuron],
    outputs: Sequence[str],
    *,
    rational: bool | None = None,
) -> Network:
    """A network of named neurons.

    Parameters
    ----------
    inputs: names of the input neurons; one that is also in ``neurons`` is computed and only starts from the input.
    neurons: name to :class:`Neuron` whose ``weights`` map source names to numbers.
    outputs: names of the output neurons.
    rational: exact arithmetic; by default wherever all numbers and activations allow it.

    >>> xor = network(("x1", "x2"), {
    ...     "h1": Neuron({"x1": 2, "x2": 2}, bias=-1),
    ...     "h2": Neuron({"x1": -2, "x2": -2}, bias=3),
    ...     "y": Neuron({"h1": 1, "h2": 1}, bias=-2)}, ("y",))
    >>> xor
    Network(5 neurons, 6 edges, 2 inputs, 1 outputs, exact)

    Raises
    ------
    FormalError: an edge from or an output at a neuron that does not exist; a name given twice; an unknown activation.
    """
    names = list(dict.fromkeys([*inputs, *neurons]))
    if len(set(inputs)) < len(inputs):
        raise FormalError(f"inputs {tuple(inputs)}", wanted="each name once", way_out="Drop the repeated one.")
    number = {name: k for k, name in enumerate(names)}
    edges: list[tuple[int, int, Any]] = []
    for name, neuron in neurons.items():
        if not isinstance(neuron.weights, Mapping):
            raise FormalError(
                f"neuron {name!r} has weights without names",
                wanted="a mapping from source names to weights",
                way_out='Write for example Neuron({"x1": 1}, bias=0).',
            )
        for source, weight in neuron.weights.items():
            if source not in number:
                raise FormalError(
                    f"dangling edge {source!r} -> {name!r}",
                    wanted=f"a source among {', '.join(names)}",
                    way_out=f"Add a neuron or an input called {source!r}.",
                )
            edges.append((number[source], number[name], weight))
    for name in outputs:
        if name not in number:
            raise FormalError(
                f"output {name!r} is no neuron", wanted=f"one of {', '.join(names)}", way_out="Add it or mend the name."
            )
    if rational is None:
        rational = all(n.rational for n in neurons.values())
    held = Neuron((), activation="identity")
    given = [neurons.get(name, held) for name in names]
    return from_edges(
        len(names),
        [e[0] for e in edges],
        [e[1] for e in edges],
        [e[2] for e in edges],
        [n.bias for n in given],
        [n.activation for n in given],
        inputs=[number[n] for n in inputs],
        outputs=[number[n] for n in outputs],
        names=names,
        balls=[number[name] for name, n in neurons.items() if n.potential == "distance"],
        rational=rational,
    )


def from_edges(
    size: int,
    sources: Any,
    targets: Any,
    weights: Any,
    biases: Any,
    activations: str | Sequence[str],
    *,
    inputs: Sequence[int],
    outputs: Sequence[int],
    names: Sequence[str] = (),
    balls: Sequence[int] = (),
    rational: bool = False,
) -> Network:
    """A network from arrays of edges; the way in for large ones.

    Parameters
    ----------
    size: number of neurons.
    sources, targets, weights: ``(edges,)``; edges given twice add up.
    biases: ``(size,)``, or one number for all.
    activations: one name a neuron, or one for all.
    rational: exact arithmetic in fractions instead of float64.

    Raises
    ------
    FormalError: dangling edges, lengths that differ, weights that are not finite, an unknown activation.
    """
    sources, targets = np.asarray(sources, np.int64).ravel(), np.asarray(targets, np.int64).ravel()
    values = _objects(weights) if rational else np.asarray(_floats(weights), float).ravel()
    if not len(sources) == len(targets) == len(values):
        raise FormalError(
            f"{len(sources)} sources, {len(targets)} targets and {len(values)} weights",
            wanted="as many of each",
            way_out="Give each edge one of each.",
        )
    for ends in (sources, targets):
        if len(ends) and (int(ends.min()) < 0 or int(ends.max()) >= size):
            k = int(np.flatnonzero((ends < 0) | (ends >= size))[0])
            raise FormalError(
                f"dangling edge {k}: {sources[k]} -> {targets[k]}",
                wanted=f"neurons 0 to {size - 1}",
                way_out="Add the neuron or drop the edge.",
            )
    for what, ends_ in (("input", inputs), ("output", outputs)):
        for neuron in ends_:
            if not 0 <= neuron < size:
                raise FormalError(f"{what} {neuron}", wanted=f"neurons 0 to {size - 1}", way_out="Mend the number.")
    if len(set(inputs)) < len(inputs):
        raise FormalError(f"inputs {tuple(inputs)}", wanted="each neuron once", way_out="Drop the repeated one.")
    if np.ndim(biases) == 0 and not isinstance(biases, str):
        biases = [biases] * size if rational else np.full(size, float(biases))
    thresholds = _objects(biases) if rational else np.asarray(_floats(biases), float).ravel()
    if isinstance(activations, str):
        kinds = np.zeros(size, np.int16)
        used: tuple[str, ...] = (activations,)
    else:
        used = tuple(dict.fromkeys(activations))
        code = {name: k for k, name in enumerate(used)}
        kinds = np.array([code[name] for name in activations], np.int16)
    if not len(thresholds) == len(kinds) == size or (names and len(names) != size):
        raise FormalError(
            f"{len(thresholds)} biases, {len(kinds)} activations and {len(names)} names for {size} neurons",
            wanted="one of each a neuron",
            way_out="Give a single bias or activation to use it for all.",
        )
    for name in used:
        activation(name)
    if rational:
        _check_exact(used, frozenset(balls), kinds)
    elif not (np.isfinite(values).all() and np.isfinite(thresholds).all()):
        raise FormalError(
            "a weight or bias that is not finite", wanted="finite numbers", way_out="Look for NaN in the weights."
        )
    return Network(
        size, sources.astype(np.int32), targets.astype(np.int32), values, thresholds, kinds, used,
        tuple(inputs), tuple(outputs), tuple(names), frozenset(balls),
    )  # fmt: skip


def neurons_allowed(estimate: int, limit: int | None, what: str) -> None:
    """Refuse, before any work, a construction that would need more neurons than allowed.

    Raises
    ------
    LimitError: ``estimate`` is above ``limit`` (:data:`NEURON_LIMIT` if None).
    """
    allowed = NEURON_LIMIT if limit is None else limit
    if estimate > allowed:
        raise LimitError(
            f"{what} would need about {estimate:,} neurons",
            wanted=f"at most {allowed:,}",
            way_out=f"Ask for less, or allow it with limit={estimate}.",
        )


def _floats(values: Any) -> Any:
    if isinstance(values, np.ndarray) and values.dtype != object:
        return values
    return [float(Fraction(v)) if isinstance(v, str | Rational) else v for v in values]


def _objects(values: Any) -> np.ndarray:
    listed = [exact(v, f"weight or bias {k}") for k, v in enumerate(np.asarray(values, object).ravel().tolist())]
    out = np.empty(len(listed), object)
    out[:] = listed
    return out


def _check_exact(used: Sequence[str], balls: frozenset[int], kinds: np.ndarray) -> None:
    for name in used:
        if activation(name).exact is None:
            raise FormalError(
                f"activation {name!r} has irrational values",
                wanted="step, sign, relu, saturated-linear or identity for exact arithmetic",
                way_out="Use float64: rational=False, or network.to_float().",
            )
    for neuron in balls:
        if used[kinds[neuron]] not in ("step", "sign"):
            raise FormalError(
                f"distance neuron {neuron} with activation {used[kinds[neuron]]!r}",
                wanted="step or sign, since a distance is irrational",
                way_out="Use float64: rational=False.",
            )
