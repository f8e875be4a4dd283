"""A language written into one weight: what a network with real weights could decide (Siegelmann 1995)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from snarc import keys
from snarc.errors import FormalError, LimitError

from .activity import compute
from .network import Network, network
from .neuron import Neuron
from .stack import delta, from_delta

MOST_LENGTH = 16


@dataclass(frozen=True, eq=False)
class Advised:
    """A network with one long weight that decides a language of short words.

    Attributes
    ----------
    longest: length of the longest words.
    advice: the weight, with a digit 1 or 3 in base 4 for every word.
    bits: number of its digits, which is the number of words, 2**(longest + 1) - 1.
    network: nine saturated-linear neurons; the input is delta(word), the outputs are "done" and "yes".
    """

    longest: int
    advice: Fraction
    bits: int
    network: Network

    def decide(self, word: str) -> bool:
        """Whether the network accepts the word, in exact rational arithmetic.

        The time grows with the square of the number of words before it; for all words at once see
        :meth:`decide_all`.

        Raises
        ------
        FormalError: the word is not binary, or too long.
        """
        _check(word, self.longest)
        done, yes = compute(self.network, (delta(word),), limit=4 * self.bits + 16)
        assert done == 1
        return bool(yes == 1)

    def decide_all(self) -> np.ndarray:
        """The network's answers to all words, ``(bits,)`` bool, in the order of their delta.

        All words run through the same network at once, neuron by neuron as in :attr:`network`.  Before a word is
        done its three neurons that hold the advice do not depend on the word, and afterwards they do not matter;
        so they are computed once, in integers scaled by the common denominator 4**bits.  The others are integers
        (delta scaled by 2**(longest + 1)), one array entry a word.
        """
        scale, unit = 4**self.bits, 2 ** (self.longest + 1)
        loaded = 4 * int(self.advice * scale)
        word = np.arange(1, unit, dtype=np.int64)
        done = first = yes = np.zeros(len(word), np.int64)
        p1 = p2 = p3 = start = running = 0
        while not (done.all() and not first.any()):
            value = 4 * (p1 - p2 + p3) + loaded * start
            assert p2 in (0, scale)
            word, done, first, yes, start, running, (p1, p2, p3) = (
                np.clip(word - 1, 0, unit),
                np.clip(1 - word, 0, 1),
                np.clip(1 - word - done, 0, 1),
                np.clip(2 * yes + p2 // scale + first - 1, 0, 1),
                max(1 - running, 0),
                1,
                (min(max(value - k * scale, 0), scale) for k in (1, 2, 3)),
            )
        return yes.astype(bool)


def advised(language: Callable[[str], bool], longest: int) -> Advised:
    """The network that decides a language on all binary words of up to ``longest`` letters.

    The advice holds one bit a word, in the order of the words' delta.  Each step takes one bit off the advice
    and one unit off delta(word); the bit that comes off as delta reaches 0 is the answer.  A real weight of
    infinitely many digits would so hold any language, also an undecidable one; but each word costs one bit, and
    the machine that could hold such a weight is not known.

    Parameters
    ----------
    language: from a word to whether it belongs.
    longest: at most 16.

    >>> even = advised(lambda w: w.count("1") % 2 == 0, 3)
    >>> even.bits, even.decide("101"), even.decide("100"), even.network.size
    (15, True, False, 9)

    Source: Siegelmann, Science 268 (1995) 545.

    Raises
    ------
    LimitError: words of more than 16 letters.
    """
    if not 0 <= longest <= MOST_LENGTH:
        raise LimitError(
            f"words of {longest} letters need an advice of {2 ** (min(longest, 200) + 1) - 1:,} bits",
            wanted=f"at most {MOST_LENGTH} letters",
            way_out="The advice is as long as the table of the language; there is no way around it.",
        )
    count = 2 ** (longest + 1) - 1
    digits = 0
    for word in in_order(longest):
        digits = 4 * digits + (3 if language(word) else 1)
    advice = Fraction(digits, 4**count)
    return Advised(longest, advice, count, _network(advice, longest))


def _network(advice: Fraction, longest: int) -> Network:
    unit = 2 ** (longest + 1)
    # The stack is p1 - p2 + p3, where p_k = saturated(4 stack - k): for a top digit 1 this is 4 stack - 1, for a
    # top digit 3 it is 1 - 1 + 4 stack - 3, in both cases the rest; and p2 is the bit that came off.
    stack: dict[str, Any] = {"p1": 4, "p2": -4, "p3": 4, "start": 4 * advice, "done": -4}
    return network(
        ("word",),
        {
            "word": Neuron({"word": 1}, Fraction(-1, unit), "saturated-linear"),
            "start": Neuron({"running": -1}, 1, "saturated-linear"),
            "running": Neuron({}, 1, "saturated-linear"),
            **{f"p{k}": Neuron(stack, -k, "saturated-linear") for k in (1, 2, 3)},
            "done": Neuron({"word": -unit}, 1, "saturated-linear"),
            "first": Neuron({"word": -unit, "done": -1}, 1, "saturated-linear"),
            "yes": Neuron({"yes": 2, "p2": 1, "first": 1}, -1, "saturated-linear"),
        },
        ("done", "yes"),
    )


def in_order(longest: int) -> list[str]:
    """All binary words up to a length in the order of their delta (the in-order walk of the binary tree).

    >>> in_order(1)
    ['0', '', '1']
    """
    unit = 2 ** (longest + 1)
    return [from_delta(Fraction(k, unit)) for k in range(1, unit)]


def random_language(longest: int, seed: int = 0) -> dict[str, bool]:
    """A language drawn by fair coins, word by word."""
    words = in_order(longest)
    return dict(zip(words, (keys.generator(seed, "language", longest).random(len(words)) < 0.5).tolist()))


def _check(word: str, longest: int) -> None:
    if len(word) > longest or not set(word) <= {"0", "1"}:
        raise FormalError(
            f"word {word[:40]!r}", wanted=f"0s and 1s, at most {longest} of them", way_out="Advise it for longer words."
        )
