"""Words as rational numbers: the coding delta of the theory, and stacks as points of a Cantor set."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from snarc.errors import FormalError

from .activations import Number
from .neuron import exact


def delta(word: str) -> Fraction:
    """The binary word w_1 ... w_n as sum_i w_i / 2^i + 1 / 2^(n+1), different for different words.

    >>> delta("11001"), float(delta("11001"))
    (Fraction(51, 64), 0.796875)

    Raises
    ------
    FormalError: the word is not of 0 and 1.
    """
    if not set(word) <= {"0", "1"}:
        at = next(k for k, c in enumerate(word) if c not in "01")
        raise FormalError(
            f"symbol {word[at]!r} at place {at + 1}", wanted="0 or 1", way_out="Code other alphabets with push."
        )
    return Fraction(2 * int(word or "0", 2) + 1, 2 ** (len(word) + 1))


def from_delta(value: Number) -> str:
    """The word whose delta is ``value``.

    >>> from_delta(Fraction(51, 64))
    '11001'

    Raises
    ------
    FormalError: no word has this delta.
    """
    value = Fraction(value)
    denominator = value.denominator
    if not 0 < value < 1 or denominator & (denominator - 1):
        raise FormalError(f"{value}", wanted="an odd multiple of 1/2^n in (0, 1)", way_out="Use a value of delta().")
    length = denominator.bit_length() - 2
    return format(value.numerator // 2, f"0{length}b") if length else ""


def push(stack: Number, symbol: int, kinds: int) -> Number:
    """The stack with a symbol on top: stack / b + (2 symbol + 1) / b, where b = 2 kinds.

    >>> push(0, 1, 2), push(push(0, 1, 2), 0, 2)
    (Fraction(3, 4), Fraction(7, 16))
    """
    base = 2 * kinds
    return exact(Fraction(stack) / base + Fraction(2 * symbol + 1, base))


def top(stack: Number, kinds: int) -> int | None:
    """The symbol on top, or None if the stack is empty (0).

    The first digit in base 2 kinds of a stack that is not empty is odd, so that there is a gap between any two
    values with different tops: a continuous neuron can read it.
    """
    return None if stack == 0 else int(Fraction(stack) * 2 * kinds) // 2


def pop(stack: Number, kinds: int) -> Number:
    """The stack without its top; an empty one stays empty."""
    symbol = top(stack, kinds)
    return 0 if symbol is None else exact(Fraction(stack) * 2 * kinds - (2 * symbol + 1))


def encode(word: Sequence[int], kinds: int) -> Number:
    """The stack that holds the symbols, the first one on top.

    Raises
    ------
    FormalError: a symbol that is not in 0 .. kinds - 1.
    """
    value: Number = 0
    for symbol in reversed(word):
        if not 0 <= symbol < kinds:
            raise FormalError(f"symbol number {symbol}", wanted=f"0 to {kinds - 1}", way_out="Mend the word.")
        value = push(value, symbol, kinds)
    return value


def decode(stack: Number, kinds: int) -> list[int]:
    """The symbols of a stack, the top first.

    >>> decode(encode([1, 0, 1], 2), 2)
    [1, 0, 1]

    Raises
    ------
    FormalError: the number codes no stack.
    """
    symbols = []
    value = Fraction(stack)
    while value:
        digit = int(value * 2 * kinds)
        if not 0 < value < 1 or digit % 2 == 0:
            raise FormalError(
                f"{stack} codes no stack", wanted=f"odd digits in base {2 * kinds}", way_out="Use encode()."
            )
        symbols.append(digit // 2)
        value = value * 2 * kinds - digit
    return symbols
