"""Turing machines inside recurrent networks, in exact rational numbers, checked step by step."""

from typing import Any

from snarc import formal
from snarc.experiments import Claim, Figure, Note, Table, experiment

CHAMPIONS = {"bb2": (6, 4), "bb3-steps": (21, 5), "bb3-ones": (14, 6), "bb4": (107, 13)}
DECIDERS = {"palindromes": ("ab", lambda w: w == w[::-1]), "balanced-parentheses": ("()", lambda w: balanced(w))}


@experiment(
    "turing-networks",
    rows=("F18",),
    question="Can a network of a few dozen neurons do all that a Turing machine does?",
    source="H. Siegelmann, E. Sontag, J. Comput. Syst. Sci. 50 (1995) 132; A. Brady, Math. Comp. 40 (1983) 647",
    seconds=(2, 7, 7),
)
def turing_networks(budget):
    """Busy beavers and two deciders, compiled into saturated-linear neurons with rational weights."""
    sizes: list[list[Any]] = []
    for name, (steps, ones) in CHAMPIONS.items():
        neural = formal.turing(name)
        done = neural.run()  # compares every configuration with the machine's
        plain = formal.simulate(neural.machine)
        yield Claim(f"{name}: steps until it halts", measured=done.steps, published=steps, exact=True)
        yield Claim(f"{name}: ones on the tape", measured=done.tape.count("1"), published=ones, exact=True)
        yield Claim(
            f"{name}: configurations equal to the machine's, of {plain.steps + 1}",
            measured=sum(a == b for a, b in zip(done.configurations, plain.configurations)),
            published=plain.steps + 1,
            exact=True,
        )
        sizes.append([name, neural.neurons, len(neural.network.weights), done.steps, len(done.states) - 1])
    longest = budget(4, 8, 8)
    for name, (alphabet, belongs) in DECIDERS.items():
        neural, every = formal.turing(name), list(formal.words(alphabet, longest))
        yield Claim(
            f"{name}: words decided rightly, of all {len(every)} up to {longest} letters",
            measured=sum(neural.accepts(w) == belongs(w) for w in every),
            published=len(every),
            exact=True,
        )
        sizes.append([name, neural.neurons, len(neural.network.weights), "–", "–"])
    yield Claim(
        "δ(11001), in 256ths",
        measured=int(256 * formal.delta("11001")),
        published=204,
        exact=True,
        note="204/256 = 0.796875.",
    )
    yield Claim("largest number of neurons", measured=max(row[1] for row in sizes), at_most=999)
    beaver = formal.turing("bb4").run()
    yield Figure(
        formal.draw_machine(beaver, "The busy beaver of four states"),
        "Left its tape, 107 steps downwards; right the states of the 34 neurons that simulate it, the largest in each "
        "four steps.",
        name="raster",
    )
    yield Figure(
        formal.draw_cantor(beaver),
        "The two stacks are two numbers of a Cantor set (grey: three levels of it).",
        name="cantor",
    )
    yield Table(["machine", "neurons", "weights", "steps", "network steps"], sizes)
    yield Note(
        "Siegelmann and Sontag give 886 neurons for a universal machine. Here q working "
        "states, h halting ones and k symbols take 3q + 2h + qk + 2k + 8 neurons and four steps for one of the machine."
    )


def balanced(word):
    depth = 0
    for letter in word:
        depth += 1 if letter == "(" else -1
        if depth < 0:
            return False
    return depth == 0
