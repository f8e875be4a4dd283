"""Tokens of an expression with their places, and errors that name the place."""

from __future__ import annotations

import re
from typing import NamedTuple

from snarc.errors import FormalError

LONGEST = 100_000  # characters
DEEPEST = 60  # nested parentheses, prefixes and powers; the parsers are recursive


class Token(NamedTuple):
    """A piece of the text: ``number``, ``name``, ``mark`` or ``end``; ``at`` counts characters from 0."""

    kind: str
    text: str
    at: int


_NUMBER = r"(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?"
_NAME = r"[A-Za-z_]\w*"


def tokens(text: str, marks: tuple[str, ...]) -> list[Token]:
    """The tokens of ``text``; ``marks`` are its operators and brackets, the longest match wins.

    Raises
    ------
    FormalError: a character that begins no token; the text is empty or too long.
    """
    if len(text) > LONGEST:
        raise FormalError(
            f"an expression of {len(text):,} characters", wanted=f"at most {LONGEST:,}", way_out="Give a table instead."
        )
    mark = "|".join(re.escape(m) for m in sorted(marks, key=len, reverse=True))
    pattern = re.compile(rf"(?P<number>{_NUMBER})|(?P<name>{_NAME})|(?P<mark>{mark})", re.ASCII)
    found, at = [], 0
    while at < len(text):
        if text[at].isspace():
            at += 1
            continue
        match = pattern.match(text, at)
        if match is None:
            raise misplaced(text, at, f"character {text[at]!r}", "a number, a name or an operator")
        found.append(Token(str(match.lastgroup), match.group(), at))
        at = match.end()
    if not found:
        raise FormalError("an empty expression", wanted="an expression", way_out="Write one, such as x1 and x2.")
    return [*found, Token("end", "the end", len(text))]


def misplaced(text: str, at: int, came: str, wanted: str, way_out: str = "") -> FormalError:
    """The error for what stands at character ``at`` (from 0) of ``text``; it shows the surroundings."""
    before, after = text[max(0, at - 20) : at], text[at : at + 20]
    shown = f"{'…' if at > 20 else ''}{before}⟨here⟩{after}{'…' if len(text) > at + 20 else ''}"
    return FormalError(
        f"{came} at character {at + 1} of {shown!r}", wanted=wanted, way_out=way_out or "Mend the expression there."
    )


class Reader:
    """A place in a list of tokens."""

    def __init__(self, text: str, marks: tuple[str, ...]) -> None:
        self.text, self._tokens, self._at, self._depth = text, tokens(text, marks), 0, 0

    @property
    def token(self) -> Token:
        return self._tokens[self._at]

    @property
    def following(self) -> Token:
        return self._tokens[min(self._at + 1, len(self._tokens) - 1)]

    def take(self) -> Token:
        token = self.token
        self._at = min(self._at + 1, len(self._tokens) - 1)
        return token

    def expect(self, text: str, wanted: str) -> Token:
        if self.token.kind == "end" or self.token.text != text:
            raise self.error(wanted)
        return self.take()

    def error(self, wanted: str, way_out: str = "") -> FormalError:
        came = "the end" if self.token.kind == "end" else repr(self.token.text)
        return misplaced(self.text, self.token.at, came, wanted, way_out)

    def deeper(self) -> None:
        """Count one more level of nesting; the limit keeps hostile input from exhausting the stack."""
        self._depth += 1
        if self._depth > DEEPEST:
            raise misplaced(
                self.text, self.token.at, f"more than {DEEPEST} nested levels", f"at most {DEEPEST}", "Flatten it."
            )

    def shallower(self) -> None:
        self._depth -= 1
