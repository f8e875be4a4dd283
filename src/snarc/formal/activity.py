"""The activity of a network: how its state changes, when the computation stops, and what it has then computed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from snarc import keys
from snarc.errors import CycleError, FormalError, LimitError

from .network import Network
from .neuron import exact, inside_ball

Rule = Literal["parallel", "layers", "sequential", "random"]
RULES = ("parallel", "layers", "sequential", "random")
STEP_LIMIT = 100_000
State = Any  # tuple of int and Fraction for an exact network, ndarray (size,) or (batch, size) for another


@dataclass(frozen=True, eq=False)
class Computation:
    """What happened when a network ran.

    Attributes
    ----------
    network: what ran.
    states: the states from the initial one on, or only the first and the last if it was not traced.
    steps: number of steps after which the state no longer changed, or that were made in all.
    settled: whether the state no longer changes.
    cycle: ``(entered, period)`` in steps if a state came back, else None.
    """

    network: Network
    states: tuple[State, ...]
    steps: int
    settled: bool
    cycle: tuple[int, int] | None = None

    @property
    def outputs(self) -> tuple[Any, ...]:
        """States of the output neurons once the computation has stopped.

        Raises
        ------
        CycleError: it never stops; a state came back.
        LimitError: it had not stopped when the step limit was reached.
        """
        if self.cycle is not None:
            raise CycleError(
                f"the computation entered a cycle of period {self.cycle[1]} at step {self.cycle[0]}",
                wanted="a state that no longer changes",
                way_out="Another rule (sequential, random) or input may stop; run() returns the cycle.",
            )
        if not self.settled:
            raise LimitError(
                f"the computation had not stopped after {self.steps:,} steps",
                wanted="a state that no longer changes",
                way_out="It may never stop; allow more steps with limit=.",
            )
        last = self.states[-1]
        return tuple(last[k] for k in self.network.outputs)


def initial_state(network: Network, inputs: Sequence[Any]) -> State:
    """The state before the first step: the input neurons hold the input, all others 0.

    Raises
    ------
    FormalError: the number of inputs is wrong, or one is not a (rational, finite) number.
    """
    if len(inputs) != len(network.inputs):
        raise FormalError(
            f"{len(inputs)} input values", wanted=f"{len(network.inputs)}", way_out="Give each input neuron one."
        )
    if network.exact:
        state: list[Any] = [0] * network.size
        for neuron, value in zip(network.inputs, inputs):
            state[neuron] = exact(value, f"input {network.name(neuron)}")
        return tuple(state)
    array = np.zeros(network.size)
    array[list(network.inputs)] = np.asarray(inputs, float)
    if not np.isfinite(array).all():
        raise FormalError("an input that is not finite", wanted="finite numbers", way_out="Mend the input.")
    return array


def step(network: Network, state: State, only: Sequence[int] | np.ndarray | None = None) -> State:
    """The state after all neurons, or those in ``only``, have been computed at once from the present one.

    Parameters
    ----------
    state: a tuple of rationals for an exact network; else float64 ``(size,)`` or ``(batch, size)``.
    only: numbers of the neurons that may change; held inputs never do.
    """
    return _exact_step(network, state, only) if network.exact else _float_step(network, state, only)


def _exact_step(network: Network, state: Sequence[Any], only: Iterable[int] | None) -> tuple[Any, ...]:
    biases, computed = network.plan
    field, outgoing = biases.copy(), network.outgoing
    # Most states are 0 in the networks of the theory, so it pays to follow the edges out of the others alone.
    for source, value in enumerate(state):
        if value:
            for target, weight in outgoing[source]:
                field[target] += weight * value
    for neuron in network.balls:
        field[neuron] = _ball_field(network, state, neuron)
    new = list(state)
    if only is None:
        for j, g in computed:
            new[j] = g(field[j])
        return tuple(new)
    chosen = set(only)
    for j, g in computed:
        if j in chosen:
            new[j] = g(field[j])
    return tuple(new)


def _ball_field(network: Network, state: Sequence[Any], neuron: int) -> Any:
    enters = np.flatnonzero(network.targets == neuron)
    squared = sum((state[network.sources[k]] - network.weights[k]) ** 2 for k in enters.tolist())
    return inside_ball(network.biases[neuron], squared)


def _float_step(network: Network, state: np.ndarray, only: Sequence[int] | np.ndarray | None) -> np.ndarray:
    state = np.asarray(state, float)
    batch = state.ndim == 2
    field = (network.matrix @ state.T).T if batch else network.matrix @ state
    field += network.biases
    for neuron in network.balls:
        enters = network.targets == neuron
        gap = state[..., network.sources[enters]] - network.weights[enters]
        field[..., neuron] = network.biases[neuron] - np.sqrt((gap**2).sum(-1))
    if len(network.functions) == 1:
        new = np.asarray(network.functions[0].function(field))
    else:
        new = np.empty_like(field)
        for kind, g in enumerate(network.functions):
            where = network.kinds == kind
            new[..., where] = g.function(field[..., where])
    keep = network.held
    if only is not None:
        keep = keep.copy()
        keep[np.setdiff1d(np.arange(network.size), only)] = True
    if keep.any():
        new[..., keep] = state[..., keep]
    return new


def _same(a: State, b: State) -> bool:
    return a == b if isinstance(a, tuple) else bool(np.array_equal(a, b))


def _moves(network: Network, rule: Rule, order: Sequence[int] | None, seed: int) -> Iterator[Sequence[int] | None]:
    """The neurons that each step computes, for ever (or layer by layer, once)."""
    computed = [k for k in range(network.size) if not network.held[k]]
    if rule == "layers":
        depth, levels = network.depth, network.levels
        assert levels is not None
        for k in range(depth + 1):
            here = np.flatnonzero((levels == k) & ~network.held)
            if k or len(here):
                yield here.tolist()
        return
    generator = keys.generator(seed, "activity")
    while True:
        if rule == "parallel":
            yield None
        elif rule == "random":
            yield (computed[int(generator.integers(len(computed)))],)
        else:
            yield from ((k,) for k in (computed if order is None else order))


def run(
    network: Network,
    inputs: Sequence[Any] = (),
    *,
    rule: Rule = "parallel",
    order: Sequence[int] | None = None,
    seed: int = 0,
    initial: State | None = None,
    limit: int = STEP_LIMIT,
    trace: bool = True,
) -> Computation:
    """Run a network until its state no longer changes, a state comes back, or the limit is reached.

    Parameters
    ----------
    inputs: one value an input neuron.
    rule: ``parallel``, all neurons in every step; ``layers``, layer i in step i (acyclic networks);
        ``sequential``, one neuron a step in ``order`` (by number unless given), again and again;
        ``random``, one neuron a step, drawn with ``seed``.
    initial: a whole initial state instead of ``inputs`` and zeros.
    limit: largest number of steps.
    trace: keep every state; else the memory needed does not grow with the steps.

    Cycles are found exactly by Brent's method (BIT 20 (1980) 176), which keeps one older state; under the
    random rule nothing can be said about cycles.

    >>> from snarc.formal import Neuron, network
    >>> flip = network(("a",), {"a": Neuron({"b": -1}), "b": Neuron({"a": 1}, bias=-1)}, ("a",))
    >>> run(flip, (1,)).cycle
    (0, 4)

    Raises
    ------
    FormalError: unknown rule, an order with unknown neurons, or ``layers`` for a cyclic network.
    """
    if rule not in RULES:
        raise FormalError(f"activity rule {rule!r}", wanted=", ".join(RULES), way_out="Use 'parallel'.")
    if order is not None and (not len(order) or min(order) < 0 or max(order) >= network.size):
        raise FormalError(f"order {list(order)}", wanted=f"neurons 0 to {network.size - 1}", way_out="Mend it.")
    state = initial_state(network, inputs) if initial is None else initial
    states, first = [state], state
    sweep = 1 if rule in ("parallel", "layers") else (network.computed if order is None else len(order))
    moves = _moves(network, rule, order, seed)
    if not network.computed:
        return Computation(network, (state,), 0, True)
    steps = last_change = 0
    anchor, anchor_step, power = state, 0, 1
    for only in moves:
        if steps >= limit:
            break
        new = step(network, state, only)
        steps += 1
        if trace:
            states.append(new)
        if not _same(new, state):
            last_change = steps
        state = new
        if rule == "layers" or steps % sweep:
            continue
        if steps - last_change >= sweep and (rule != "random" or _same(step(network, state), state)):
            return Computation(
                network, tuple(states[: last_change + 1] if trace else (first, state)), last_change, True
            )
        if rule == "random":
            continue
        if _same(state, anchor) and last_change > anchor_step:
            period = steps - anchor_step
            entered = _entered(network, first, rule, order, seed, period)
            return Computation(network, tuple(states if trace else (first, state)), steps, False, (entered, period))
        if steps - anchor_step >= power * sweep:
            anchor, anchor_step, power = state, steps, power * 2
    settled = (rule == "layers" and steps < limit) or _same(step(network, state), state)
    return Computation(network, tuple(states if trace else (first, state)), last_change if settled else steps, settled)


def _entered(network: Network, first: State, rule: Rule, order: Sequence[int] | None, seed: int, period: int) -> int:
    """The first step whose state comes back: two runners, one a period ahead of the other, meet there."""
    slow, fast = first, first
    ahead, behind = _moves(network, rule, order, seed), _moves(network, rule, order, seed)
    for _ in range(period):
        fast = step(network, fast, next(ahead))
    at = 0
    while not _same(slow, fast):
        slow, fast, at = step(network, slow, next(behind)), step(network, fast, next(ahead)), at + 1
    return at


def compute(network: Network, inputs: Sequence[Any], **options: Any) -> tuple[Any, ...]:
    """The function that the network computes: its outputs once the state no longer changes.

    Options are those of :func:`run`.

    Raises
    ------
    CycleError, LimitError: the computation does not stop, or not within ``limit`` steps.
    """
    return run(network, inputs, trace=False, **options).outputs


def evaluate(network: Network, x: np.ndarray, *, chunk: int = 2_000_000) -> np.ndarray:
    """Outputs of an acyclic network for many inputs at once, in float64.

    Parameters
    ----------
    x: ``(batch, inputs)``.
    chunk: states that are held in memory at once.

    Returns ``(batch, outputs)``.  Networks of step neurons with integer weights stay exact up to 2**53.

    Raises
    ------
    FormalError: the network is cyclic, or the number of inputs is wrong.
    """
    x = np.asarray(x, float)
    if x.ndim != 2 or x.shape[1] != len(network.inputs):
        raise FormalError(
            f"inputs of shape {x.shape}", wanted=f"(batch, {len(network.inputs)})", way_out="Give one row an example."
        )
    depth, levels = network.depth, network.levels
    assert levels is not None
    layers = [np.flatnonzero((levels == k) & ~network.held) for k in range(depth + 1)]
    rows = [network.matrix[layer] for layer in layers]
    out = np.empty((len(x), len(network.outputs)))
    size = max(1, chunk // network.size)
    for start in range(0, len(x), size):
        state = np.zeros((network.size, len(x[start : start + size])))
        state[list(network.inputs)] = x[start : start + size].T
        for layer, weights in zip(layers, rows):
            if len(layer):
                state[layer] = _layer(network, layer, weights, state)
        out[start : start + size] = state[list(network.outputs)].T
    return out


def _layer(network: Network, layer: np.ndarray, weights: Any, state: np.ndarray) -> np.ndarray:
    field = weights @ state + np.asarray(network.biases[layer], float)[:, None]
    for row, neuron in enumerate(layer.tolist()):
        if neuron in network.balls:
            enters = network.targets == neuron
            gap = state[network.sources[enters]] - np.asarray(network.weights[enters], float)[:, None]
            field[row] = float(network.biases[neuron]) - np.sqrt((gap**2).sum(0))
    for kind, g in enumerate(network.functions):
        where = network.kinds[layer] == kind
        field[where] = g.function(field[where])
    return field
