"""Turing machines as recurrent networks with rational weights (Siegelmann and Sontag 1995)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from snarc.errors import CycleError, FormalError, LimitError

from .activity import step
from .network import Network, from_edges, neurons_allowed
from .stack import decode, encode
from .turing import STEP_LIMIT, Configuration, Machine, check_word, initial, load_machine, successor

PERIOD = 4  # steps of the network for a step of the machine


@dataclass(frozen=True, eq=False)
class NeuralMachine:
    """A machine and the network that simulates it, four steps for each of the machine's.

    Attributes
    ----------
    machine: what is simulated.
    network: saturated-linear neurons; the tape to the left of the head is the state of the neuron "left", what
        is under the head and to its right that of "right", both Cantor-coded stacks in base 2 k for k symbols.
    """

    machine: Machine
    network: Network

    @property
    def neurons(self) -> int:
        """Number of neurons."""
        return self.network.size

    def start(self, word: str) -> tuple[Any, ...]:
        """The state that codes the word with the head on its first symbol.

        Raises
        ------
        FormalError: a symbol that the machine lacks.
        """
        check_word(self.machine, word)
        return self.encode(initial(self.machine, word))

    def encode(self, configuration: Configuration) -> tuple[Any, ...]:
        """The state of the network that stands for a configuration."""
        symbols, number = self.machine.symbols, self.network.number
        state: list[Any] = [0] * self.network.size
        state[number(f"in {configuration.state}")] = 1
        for name, word in (("left", configuration.left[::-1]), ("right", configuration.right)):
            state[number(name)] = encode([symbols.index(c) for c in word], len(symbols))
        return tuple(state)

    def decode(self, state: tuple[Any, ...]) -> Configuration:
        """The configuration that a state stands for, at a multiple of four steps.

        Raises
        ------
        FormalError: the state codes none.
        """
        machine, blank = self.machine, self.machine.blank
        here = [s for s in (*machine.working, *machine.halting) if state[self.network.number(f"in {s}")] == 1]
        if len(here) != 1:
            raise FormalError(f"{len(here)} active states", wanted="one", way_out="Decode every fourth step.")
        left, right = (
            "".join(machine.symbols[d] for d in decode(state[self.network.number(name)], len(machine.symbols)))
            for name in ("left", "right")
        )
        return Configuration(here[0], left[::-1].lstrip(blank), right.rstrip(blank))

    def states(self, word: str = "") -> Iterator[tuple[Any, ...]]:
        """The states of the network from the first one on, without end."""
        state = self.start(word)
        while True:
            yield state
            state = step(self.network, state)

    def run(self, word: str = "", *, limit: int = STEP_LIMIT) -> NeuralRun:
        """Run the network until its state no longer changes and check every configuration against the machine.

        Parameters
        ----------
        limit: most steps of the machine.

        Raises
        ------
        LimitError: it had not halted by then.
        CycleError: the machine's configuration came back, so that it never halts.
        FormalError: a symbol that the machine lacks.
        AssertionError: network and machine differ, which the tests exclude.
        """
        return self._run(word, limit, trace=True)

    def accepts(self, word: str, *, limit: int = STEP_LIMIT) -> bool:
        """Whether the network ends in an accepting state; errors as for :meth:`run`."""
        return self._run(word, limit, trace=False).accepted

    def _run(self, word: str, limit: int, trace: bool) -> NeuralRun:
        machine, network = self.machine, self.network
        expected = initial(machine, word)
        anchor, power, since = expected, 1, 0
        state, states, configurations = self.start(word), [], []
        for t in range(limit + 1):
            found = self.decode(state)
            if found != expected:
                raise AssertionError(f"after {t} steps the network holds {found}, the machine {expected}")
            configurations.append(found)
            if trace:
                states.append(state)
            if found.state in machine.halting:
                return NeuralRun(self, tuple(configurations), tuple(self._settle(state, states)))
            for _ in range(PERIOD):
                state = step(network, state)
                if trace:
                    states.append(state)
            if trace:
                states.pop()
            expected, since = successor(machine, expected), since + 1
            if expected == anchor:
                raise CycleError(
                    f"configuration {expected} comes back every {since} steps: the network never halts",
                    wanted="a machine that halts on this input",
                    way_out="Try another input.",
                )
            if since == power:
                anchor, power, since = expected, 2 * power, 0
        raise LimitError(
            f"the network had not halted after {limit:,} steps of the machine ({PERIOD * limit:,} of its own)",
            wanted="a machine that halts within the limit",
            way_out="It may never halt; allow more steps with limit=.",
        )

    def _settle(self, state: tuple[Any, ...], states: list[Any]) -> list[Any]:
        while (new := step(self.network, state)) != state:
            state = new
            states.append(state)
        return states


@dataclass(frozen=True, eq=False)
class NeuralRun:
    """A run that halted, every configuration of which was found equal to the machine's.

    Attributes
    ----------
    configurations: one a step of the machine, decoded from the network.
    states: every state of the network, until it no longer changed; empty if it was not traced.
    """

    neural: NeuralMachine
    configurations: tuple[Configuration, ...]
    states: tuple[Any, ...]

    @property
    def steps(self) -> int:
        """Steps of the machine."""
        return len(self.configurations) - 1

    @property
    def accepted(self) -> bool:
        """Whether the halting state accepts."""
        return self.configurations[-1].state in self.neural.machine.accept

    @property
    def tape(self) -> str:
        """What stands on the tape at the end, without outer blanks."""
        last = self.configurations[-1]
        return (last.left + last.right).strip(self.neural.machine.blank)


def turing(machine: Machine | str | Path, *, limit: int | None = None) -> NeuralMachine:
    """Compile a Turing machine into a recurrent network that simulates it exactly.

    Parameters
    ----------
    machine: a machine, the name of a shipped one ("bb4") or a file.
    limit: most neurons.

    With q working states, h halting ones and k symbols there are 3q + 2h + qk + 2k + 8 neurons:

    ====================  =======================================================================================
    in S, was S, to S     the state, one-hot: at steps 0, 1 and 3 of 4 ("was" for working states only)
    left, right           the stacks, b = 2k
    left>=a, right>=a     saturated(b stack - 2a), which is 1 iff the top is at least a, else 0
    S,a                   one a rule, at step 2: state S reads a
    left/R ... right/S    what a stack becomes if the head moves R, L, S: push and pop are linear, and the term
                          b (moves so) - b lets one of the three through and holds the others at 0
    ====================  =======================================================================================

    >>> turing("bb2").neurons
    24

    Source: Siegelmann and Sontag, Journal of Computer and System Sciences 50 (1995) 132.

    Raises
    ------
    LimitError: more neurons than allowed; FormalError and UnknownNameError as :func:`snarc.formal.load_machine`.
    """
    if not isinstance(machine, Machine):
        machine = load_machine(machine)
    working, halting, kinds = machine.working, machine.halting, len(machine.symbols)
    neurons_allowed(neuron_count(machine), limit, f"machine {machine.name!r}")
    base = 2 * kinds
    weights: dict[str, dict[str, Any]] = defaultdict(lambda: defaultdict(int))
    biases: dict[str, Any] = {}
    for state in (*working, *halting):
        weights[f"in {state}"][f"to {state}"] = 1
        weights[f"to {state}"] = defaultdict(int)
    for state in halting:
        weights[f"in {state}"][f"in {state}"] = 1  # a halting state stays, and with it everything
    for state in working:
        weights[f"was {state}"][f"in {state}"] = 1
    for side in ("left", "right"):
        for a in range(kinds):
            weights[f"{side}>={a}"][side] = base
            biases[f"{side}>={a}"] = -2 * a
    # The digit of the top, 2a + 1, as a sum of thermometer neurons; 0 for an empty stack.
    top = {side: {f"{side}>=0": 1} | {f"{side}>={a}": 2 for a in range(1, kinds)} for side in ("left", "right")}
    candidates = {"left/R": "left", "left/L": "left", "left/S": "left"}
    candidates |= {"right/R": "right", "right/L": "right", "right/S": "right"}
    for name, side in candidates.items():
        _stack_update(weights[name], name, side, top, base)
        biases[name] = -base
    biases["right/L"] += Fraction(1, base)  # the pushed blank or symbol 2a + 1 of the left top: the 1
    for (state, symbol), rule in machine.rules.items():
        detector = f"{state},{symbol}"
        a, written = machine.symbols.index(symbol), machine.symbols.index(rule.write)
        weights[detector][f"was {state}"] = 1
        if a:  # an empty stack and one with the blank on top read the same
            weights[detector][f"right>={a}"] = 1
            biases[detector] = -1
        if a + 1 < kinds:
            weights[detector][f"right>={a + 1}"] = -1
        weights[f"to {rule.state}"][detector] = 1
        for side in ("left", "right"):
            weights[f"{side}/{rule.move}"][detector] += base
            weights[side][detector] = -1  # the old stack goes
        digit = Fraction(2 * written + 1, base)
        if rule.move == "R":
            weights["left/R"][detector] += digit
        elif rule.move == "S":
            weights["right/S"][detector] += digit
        else:
            weights["right/L"][detector] += digit / base
    for side in ("left", "right"):
        weights[side][side] = 1
        for move in "RLS":
            weights[side][f"{side}/{move}"] = 1
    return NeuralMachine(machine, _assemble(machine, weights, biases))


def _stack_update(weights: dict[str, Any], name: str, side: str, top: dict[str, dict[str, int]], base: int) -> None:
    """What a stack becomes without the written symbol: popped b stack - digit, pushed stack / b + digit / b."""
    one = Fraction(1)
    updates: dict[str, tuple[Fraction, Fraction | int]] = {
        "left/R": (one / base, 0),  # push what was written
        "left/L": (one * base, -1),  # pop
        "left/S": (one, 0),
        "right/R": (one * base, -1),  # pop
        "right/L": (one / base, -one / base**2),  # pop, push what was written, push the left top
        "right/S": (one, -one / base),  # pop, push what was written
    }
    stack, digit = updates[name]
    weights[side] += stack
    if digit:
        for neuron, share in top[side].items():
            weights[neuron] += digit * share
    if name == "right/L":
        # The left top is a symbol even where the stack is empty: a blank, digit 1, which is in the bias.
        for neuron, share in top["left"].items():
            if neuron != "left>=0":
                weights[neuron] += Fraction(share, base)


def neuron_count(machine: Machine) -> int:
    """Number of neurons of the compiled machine, before it is compiled."""
    working, halting, kinds = len(machine.working), len(machine.halting), len(machine.symbols)
    return 3 * working + 2 * halting + working * kinds + 2 * kinds + 8


def _assemble(machine: Machine, weights: dict[str, dict[str, Any]], biases: dict[str, Any]) -> Network:
    detectors = {f"{state},{symbol}" for state, symbol in machine.rules}

    def group(name: str) -> int:
        if name in ("left", "right"):
            return 0
        if name in detectors:
            return 4
        head = name.split()[0]
        return {"in": 1, "was": 3, "to": 6}.get(head, 2 if ">=" in name else 5)

    names = sorted(weights, key=group)  # in the order in which they are lit
    number = {name: k for k, name in enumerate(names)}
    edges = [(number[s], number[t], w) for t, row in weights.items() for s, w in row.items() if w]
    return from_edges(
        len(names),
        [e[0] for e in edges],
        [e[1] for e in edges],
        [e[2] for e in edges],
        [biases.get(name, 0) for name in names],
        "saturated-linear",
        inputs=[number["right"]],
        outputs=[number[f"in {s}"] for s in machine.halting],
        names=names,
        rational=True,
    )
