"""Turing machines: the simulator against known champions, the compiled network against the simulator."""

from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from snarc.errors import CycleError, DataError, FormalError, LimitError, UnknownNameError
from snarc.formal import (
    Configuration,
    decode,
    delta,
    encode,
    from_delta,
    load_machine,
    neuron_count,
    parse_machine,
    pop,
    push,
    shipped,
    simulate,
    top,
    turing,
    words,
)

CHAMPIONS = [("bb2", 6, 4), ("bb3-steps", 21, 5), ("bb3-ones", 14, 6), ("bb4", 107, 13)]


@pytest.mark.parametrize(("name", "steps", "ones"), CHAMPIONS)
def test_busy_beavers_in_exact_neurons(name, steps, ones):
    machine = load_machine(name)
    plain = simulate(machine)
    assert (plain.steps, plain.tape.count("1")) == (steps, ones)
    neural = turing(name)
    done = neural.run()
    assert done.configurations == plain.configurations
    assert (done.steps, done.tape.count("1")) == (steps, ones)
    assert neural.network.exact
    assert neural.network.activations == ("saturated-linear",)
    assert neural.neurons == neuron_count(machine) < 1000
    # every weight is a multiple of 1 / base^2
    assert all(16 % Fraction(w).denominator == 0 for w in neural.network.weights.tolist())


def test_every_configuration_comes_after_four_steps_and_the_network_then_rests():
    neural = turing("bb3-steps")
    done = neural.run()
    for t, configuration in enumerate(done.configurations):
        assert neural.decode(done.states[4 * t]) == configuration
        # the stacks may hold blanks at the bottom; the rest is the same state for the same configuration
        named = zip(neural.network.names, done.states[4 * t])
        lit = [name for name, v in named if v and name.startswith(("in", "was", "to"))]
        assert lit == [f"in {configuration.state}"]
    from snarc.formal import step

    assert step(neural.network, done.states[-1]) == done.states[-1]


def palindrome(word):
    return word == word[::-1]


def balanced(word):
    depth = 0
    for letter in word:
        depth += 1 if letter == "(" else -1
        if depth < 0:
            return False
    return depth == 0


@pytest.mark.parametrize(
    ("name", "alphabet", "language"), [("palindromes", "ab", palindrome), ("balanced-parentheses", "()", balanced)]
)
def test_deciders_are_exact_on_all_words_up_to_8(name, alphabet, language):
    neural = turing(name)
    every = list(words(alphabet, 8))
    assert len(every) == 511
    assert all(neural.accepts(word) == language(word) for word in every)


def test_binary_increment():
    neural = turing("binary-increment")
    for n in range(64):
        assert int(neural.run(format(n, "b")).tape, 2) == n + 1


@st.composite
def machines(draw):
    """Any complete machine of up to 4 states and 3 symbols."""
    states = [f"q{k}" for k in range(draw(st.integers(1, 4)))]
    symbols = "_ab"[: draw(st.integers(2, 3))]
    targets = [*states, "YES", "NO"]
    lines = ["accept: YES", "reject: NO"]
    for state in states:
        for symbol in symbols:
            write, move = draw(st.sampled_from(symbols)), draw(st.sampled_from("LRS"))
            lines.append(f"{state} {symbol} -> {write} {move} {draw(st.sampled_from(targets))}")
    return parse_machine("\n".join(lines)), draw(st.text(symbols, max_size=5))


@given(machines())
@settings(max_examples=150, deadline=None)
def test_random_machines_are_simulated_step_by_step(case):
    machine, word = case
    plain = simulate(machine, word, limit=40)
    neural = turing(machine)
    if plain.halted:
        done = neural.run(word)
        assert done.configurations == plain.configurations
        assert done.accepted == plain.accepted
        return
    # run() compares every configuration with the machine's and then says why it stops
    with pytest.raises((LimitError, CycleError), match=r"never halt|not halted after 40 steps"):
        neural.run(word, limit=40)


@given(st.integers(2, 5).flatmap(lambda k: st.tuples(st.just(k), st.lists(st.integers(0, k - 1), max_size=30))))
def test_stacks(case):
    kinds, symbols = case
    stack = encode(symbols, kinds)
    assert decode(stack, kinds) == symbols
    assert 0 <= stack < 1
    assert top(stack, kinds) == (symbols[0] if symbols else None)
    assert pop(push(stack, 1, kinds), kinds) == stack
    assert decode(pop(stack, kinds), kinds) == symbols[1:]


def test_the_stack_code_of_base_4():
    x = Fraction(encode([0, 1, 1], 2))
    assert push(x, 1, 2) == x / 4 + Fraction(3, 4)
    assert push(x, 0, 2) == x / 4 + Fraction(1, 4)
    one = Fraction(push(x, 1, 2))
    assert min(max(4 * one - 2, 0), 1) == 1  # top
    assert min(max(4 * x - 2, 0), 1) == 0
    assert pop(one, 2) == 4 * one - 2 * 1 - 1


def test_delta_of_the_theory():
    assert float(delta("11001")) == 0.796875
    assert delta("") == Fraction(1, 2)
    every = list(words("01", 8))
    values = [delta(w) for w in every]
    assert len(set(values)) == len(every)
    assert [from_delta(v) for v in values] == every
    # sum_i w_i / 2^i + 1 / 2^(n+1)
    assert all(
        v == sum(Fraction(int(c), 2**i) for i, c in enumerate(w, 1)) + Fraction(1, 2 ** (len(w) + 1))
        for v, w in zip(values, every)
    )
    # the gap between codes shrinks with the length, which the Cantor code's does not for the first symbol
    assert min(b - a for a, b in pairwise(sorted(values))) == Fraction(1, 2**9)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("A 0 -> 1 R", "line 1: 'A 0 -> 1 R'"),
        ("accept: H\nA 0 1 R H", "line 2"),
        ("accept: H\nA 0 -> 1 X H", "line 2: move 'X'"),
        ("accept: H\nA 01 -> 1 R H", "line 2: symbol '01'"),
        ("accept: H\nA 0 -> 1 R H\nA 0 -> 0 R H", r"line 3: a second rule.*first in line 2"),
        ("accept: H\nblank: 0\nA 0 -> 1 R H", "state 'A' for symbol '1' is missing"),
        ("blank: 0\nA 0 -> 0 R B", "line 2: state 'B' has no rules"),
        ("accept: A\nblank: 0\nA 0 -> 0 R A", "line 3: a rule for the halting state"),
        ("accept: H\nreject: H\nblank: 0\nA 0 -> 0 R H", "both accepts and rejects"),
        ("start: Z\naccept: H\nblank: 0\nA 0 -> 0 R H", "start state 'Z'"),
        ("blank: 0\nblank: 1\nA 0 -> 0 R A", "line 2: a second 'blank:'"),
        ("blank: 00\nA 0 -> 0 R A", "blank '00'"),
        ("# nothing", "without rules"),
        ("", "without rules"),
    ],
)
def test_machines_that_are_none(text, message):
    with pytest.raises(FormalError, match=message):
        parse_machine(text)


def test_files(tmp_path):
    path = tmp_path / "flip.tm"
    path.write_text("accept: H\nA 0 -> 1 R A\nA 1 -> 0 R A # a comment\nA _ -> _ S H\n", encoding="utf-8")
    assert turing(path).run("0110").tape == "1001"
    with pytest.raises(FormalError, match="symbol 'x' at place 2"):
        turing(path).run("0x")
    with pytest.raises(UnknownNameError, match="'bb2'"):
        load_machine("bb1")
    (tmp_path / "bad.tm").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(DataError, match="no text"):
        load_machine(tmp_path / "bad.tm")
    (tmp_path / "long.tm").write_text("# " + "x" * 1_000_001, encoding="utf-8")
    with pytest.raises(DataError, match="1 MB"):
        load_machine(tmp_path / "long.tm")


@pytest.mark.parametrize("name", shipped())
def test_shipped_machines_parse(name):
    machine = load_machine(name)
    assert set(machine.working) | set(machine.halting) >= {rule.state for rule in machine.rules.values()}


def test_a_network_that_never_halts_is_stopped_with_a_message():
    forever = parse_machine("accept: H\nblank: 0\nA 0 -> 1 R A\nA 1 -> 1 R H")
    with pytest.raises(LimitError, match=r"not halted after 30 steps of the machine \(120 of its own\)"):
        turing(forever).run(limit=30)
    there_and_back = parse_machine("accept: H\nblank: 0\nA 0 -> 0 R B\nB 0 -> 0 L A")
    with pytest.raises(CycleError, match="comes back every 2 steps"):
        turing(there_and_back).run()
    with pytest.raises(LimitError, match="neurons"):
        turing("bb4", limit=10)


def test_states_that_code_nothing():
    neural = turing("bb2")
    with pytest.raises(FormalError, match="0 active states"):
        neural.decode((0,) * neural.neurons)
    with pytest.raises(FormalError, match="codes no stack"):
        decode(Fraction(1, 2), 2)
    with pytest.raises(FormalError, match="symbol number 2"):
        encode([2], 2)
    for bad in (Fraction(1, 3), 0, 1):
        with pytest.raises(FormalError, match="odd multiple"):
            from_delta(bad)
    with pytest.raises(FormalError, match="place 2"):
        delta("1a")
    assert neural.decode(neural.start("")) == Configuration("A", "", "")
