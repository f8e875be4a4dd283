"""Turing machines with one tape: a readable text format and a simulator."""

from __future__ import annotations

import importlib.resources
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from snarc.errors import DataError, FormalError, LimitError, UnknownNameError, nearest

STEP_LIMIT = 100_000
LONGEST_FILE = 1_000_000  # bytes
MOVES = {"L": -1, "R": 1, "S": 0}


class Rule(NamedTuple):
    """What the machine does: write a symbol, move L, R or S (stay), go to a state."""

    write: str
    move: str
    state: str


@dataclass(frozen=True)
class Machine:
    """A deterministic machine with one tape that is infinite to both sides.

    Attributes
    ----------
    name: a line about it.
    start: the initial state.
    accept, reject: halting states; a machine that only computes halts in an accepting one.
    blank: the symbol of an empty cell.
    symbols: all tape symbols, the blank first, one character each.
    rules: (state, symbol) to what is done; complete for all states that do not halt.
    """

    name: str
    start: str
    accept: tuple[str, ...]
    reject: tuple[str, ...]
    blank: str
    symbols: tuple[str, ...]
    rules: dict[tuple[str, str], Rule]

    @property
    def working(self) -> tuple[str, ...]:
        """The states that do not halt, in the order of the rules."""
        return tuple(dict.fromkeys(state for state, _ in self.rules))

    @property
    def halting(self) -> tuple[str, ...]:
        """The halting states."""
        return (*self.accept, *self.reject)


class Configuration(NamedTuple):
    """State and tape: ``left`` ends next to the head, ``right`` begins under it; outer blanks are left out."""

    state: str
    left: str
    right: str

    def __str__(self) -> str:
        return f"{self.left}[{self.state}]{self.right}"


@dataclass(frozen=True)
class MachineRun:
    """What a machine did: every configuration from the first on, and the head's position in each."""

    machine: Machine
    configurations: tuple[Configuration, ...]
    positions: tuple[int, ...]
    halted: bool

    @property
    def steps(self) -> int:
        """Number of steps made."""
        return len(self.configurations) - 1

    @property
    def accepted(self) -> bool:
        """Whether it halted in an accepting state."""
        return self.halted and self.configurations[-1].state in self.machine.accept

    @property
    def tape(self) -> str:
        """What stands on the tape at the end, without outer blanks."""
        last = self.configurations[-1]
        return (last.left + last.right).strip(self.machine.blank)


def parse_machine(text: str, *, name: str = "machine") -> Machine:
    """A machine from its text.

    Lines are ``start: A``, ``accept: H``, ``reject: N``, ``blank: _``, ``name: ...`` and rules
    ``A 0 -> 1 R B`` (in state A reading 0: write 1, move right, go to B; L left, S stay).  ``#`` begins a comment
    that stands alone or after a space.  The first rule's state is the start and ``_`` the blank unless given.
    States that only occur on the right must be declared as halting.

    >>> machine = parse_machine("accept: H\\nblank: 0\\nA 0 -> 1 R H\\nA 1 -> 1 R A")
    >>> simulate(machine, "11").tape
    '111'

    Raises
    ------
    FormalError: a line that is no rule, a symbol of more than one character, a rule given twice, a transition
        that is missing, a state without rules; the message names the line.
    """
    settings: dict[str, str] = {}
    rules: dict[tuple[str, str], Rule] = {}
    where: dict[tuple[str, str], int] = {}
    for at, raw in enumerate(text.splitlines(), start=1):
        line = raw.strip()
        if line.startswith("#") or not line:
            continue
        line = line.split(" #")[0].strip()
        words = line.split()
        if words[0].endswith(":") and words[0][:-1] in ("name", "start", "accept", "reject", "blank"):
            key = words[0][:-1]
            if key in settings:
                raise _wrong(at, f"a second '{key}:'", "each setting once", "Drop one.")
            settings[key] = " ".join(words[1:])
            continue
        if len(words) != 6 or words[2] != "->":
            raise _wrong(
                at, f"{line!r}", "'state symbol -> symbol move state' or a setting such as 'accept: H'",
                "Write for example: A 0 -> 1 R B.",
            )  # fmt: skip
        state, read, _, write, move, target = words
        for symbol in (read, write):
            if len(symbol) != 1 or not symbol.isprintable():
                raise _wrong(at, f"symbol {symbol!r}", "one character", "Use one character a symbol.")
        if move not in MOVES:
            raise _wrong(at, f"move {move!r}", "L, R or S", "Use L for left, R for right, S to stay.")
        if (state, read) in rules:
            raise _wrong(
                at, f"a second rule for state {state!r} and symbol {read!r} (first in line {where[state, read]})",
                "one rule each", "Drop one; the machine is deterministic.",
            )  # fmt: skip
        rules[state, read], where[state, read] = Rule(write, move, target), at
    if not rules:
        raise FormalError("a machine without rules", wanted="one at least", way_out="Write lines such as A 0 -> 1 R B.")
    return _machine(settings, rules, where, name)


def _machine(
    settings: dict[str, str], rules: dict[tuple[str, str], Rule], where: dict[tuple[str, str], int], name: str
) -> Machine:
    blank = settings.get("blank", "_")
    if len(blank) != 1:
        raise FormalError(f"blank {blank!r}", wanted="one character", way_out="Write for example blank: _.")
    used = dict.fromkeys([s for _, s in rules] + [r.write for r in rules.values()])
    symbols = (blank, *(s for s in used if s != blank))
    accept, reject = (tuple(settings.get(k, "").replace(",", " ").split()) for k in ("accept", "reject"))
    working = tuple(dict.fromkeys(state for state, _ in rules))
    start = settings.get("start", working[0])
    for state in (*accept, *reject):
        if state in working:
            line = min(at for (s, _), at in where.items() if s == state)
            raise _wrong(line, f"a rule for the halting state {state!r}", "none", "Drop the rule or the declaration.")
    both = set(accept) & set(reject)
    if both:
        raise FormalError(f"state {min(both)!r} both accepts and rejects", wanted="one of them", way_out="Drop one.")
    if start not in working and start not in (*accept, *reject):
        raise FormalError(
            f"start state {start!r} has no rules", wanted=f"one of {', '.join(working)}", way_out="Mend it."
        )
    for key, rule in rules.items():
        if rule.state not in working and rule.state not in (*accept, *reject):
            raise _wrong(
                where[key], f"state {rule.state!r} has no rules", "rules for it, or a halting state",
                f"Add its rules, or 'accept: {rule.state}'.",
            )  # fmt: skip
    for state in working:
        for symbol in symbols:
            if (state, symbol) not in rules:
                raise FormalError(
                    f"the transition of state {state!r} for symbol {symbol!r} is missing",
                    wanted="a rule for each state and each symbol",
                    way_out=f"Add for example: {state} {symbol} -> {symbol} S REJECT, and 'reject: REJECT'.",
                )
    return Machine(settings.get("name", name), start, accept, reject, blank, symbols, rules)


def _wrong(line: int, came: str, wanted: str, way_out: str) -> FormalError:
    return FormalError(f"line {line}: {came}", wanted=wanted, way_out=way_out)


def shipped() -> tuple[str, ...]:
    """Names of the machines that come with the package.

    >>> shipped()
    ('balanced-parentheses', 'bb2', 'bb3-ones', 'bb3-steps', 'bb4', 'binary-increment', 'palindromes')
    """
    folder = importlib.resources.files(__package__) / "machines"
    return tuple(sorted(f.name[:-3] for f in folder.iterdir() if f.name.endswith(".tm")))


def load_machine(source: str | Path) -> Machine:
    """A machine by its name among the shipped ones, or from a file.

    >>> load_machine("bb2").working
    ('A', 'B')

    Raises
    ------
    UnknownNameError: neither a shipped machine nor a file.
    DataError: a file that is not text, or longer than a megabyte.
    FormalError: its text is no machine.
    """
    if str(source) in shipped():
        text = (importlib.resources.files(__package__) / "machines" / f"{source}.tm").read_text("utf-8")
        return parse_machine(text, name=str(source))
    path = Path(source)
    if not path.is_file():
        raise UnknownNameError(
            f"no machine and no file {str(source)!r}",
            wanted="a machine file or a shipped machine",
            way_out=nearest(str(source), shipped()),
        )
    with path.open("rb") as file:
        raw = file.read(LONGEST_FILE + 1)
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(
            f"{path}: byte {error.start} is no text", wanted="UTF-8", way_out="Save it as UTF-8."
        ) from error
    if len(raw) > LONGEST_FILE:
        raise DataError(f"{path} is longer than 1 MB", wanted="a machine", way_out="Is it the right file?")
    return parse_machine(text, name=path.stem)


def check_word(machine: Machine, word: str) -> None:
    """Refuse a word with symbols that the machine does not have.

    Raises
    ------
    FormalError: with the place of the symbol.
    """
    for at, symbol in enumerate(word, start=1):
        if symbol not in machine.symbols:
            raise FormalError(
                f"symbol {symbol!r} at place {at} of the input {word[:40]!r}",
                wanted=f"symbols among {' '.join(machine.symbols)}",
                way_out="Mend the input, or give the machine rules for it.",
            )


def initial(machine: Machine, word: str) -> Configuration:
    """The first configuration: the head on the first symbol of the word."""
    check_word(machine, word)
    return Configuration(machine.start, "", word.rstrip(machine.blank))


def successor(machine: Machine, now: Configuration) -> Configuration:
    """The configuration after one step; a halted one stays."""
    if now.state in machine.halting:
        return now
    blank = machine.blank
    rule = machine.rules[now.state, now.right[:1] or blank]
    left, right = now.left, rule.write + now.right[1:]
    if rule.move == "R":
        left, right = left + right[0], right[1:]
    elif rule.move == "L":
        left, right = left[:-1], (left[-1:] or blank) + right
    return Configuration(rule.state, left.lstrip(blank), right.rstrip(blank))


def simulate(machine: Machine, word: str = "", *, limit: int = STEP_LIMIT) -> MachineRun:
    """Run the machine until it halts or has made ``limit`` steps.

    >>> run = simulate(load_machine("bb2"))
    >>> run.steps, run.tape
    (6, '1111')

    Raises
    ------
    FormalError: the word has symbols that the machine lacks.
    """
    configurations, positions = [initial(machine, word)], [0]
    while configurations[-1].state not in machine.halting and len(configurations) <= limit:
        now = configurations[-1]
        rule = machine.rules[now.state, now.right[:1] or machine.blank]
        configurations.append(successor(machine, now))
        positions.append(positions[-1] + MOVES[rule.move])
    halted = configurations[-1].state in machine.halting
    return MachineRun(machine, tuple(configurations), tuple(positions), halted)


def decide(machine: Machine, word: str, *, limit: int = STEP_LIMIT) -> bool:
    """Whether the machine accepts the word.

    Raises
    ------
    LimitError: it has not halted after ``limit`` steps.
    """
    run = simulate(machine, word, limit=limit)
    if not run.halted:
        raise LimitError(
            f"the machine had not halted after {limit:,} steps",
            wanted="a machine that halts",
            way_out="It may never halt; allow more steps with limit=.",
        )
    return run.accepted


def words(alphabet: Sequence[str], longest: int) -> Iterator[str]:
    """All words up to a length, shorter ones first.

    >>> list(words("ab", 2))
    ['', 'a', 'b', 'aa', 'ab', 'ba', 'bb']
    """
    level = [""]
    for length in range(longest + 1):
        yield from level
        if length < longest:
            level = [w + a for w in level for a in alphabet]
