"""How much the server takes, and from how many: beyond it answers 413, 429, 431 or 503, and never stalls."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

HEADER_BYTES = 16 * 1024
HEADER_SECONDS = 5.0
BODY_BYTES = 1 << 20
UPLOAD_BYTES = 10 << 20  # of an image; it travels as base64 within JSON
BODY_SECONDS = 10.0
IDLE_SECONDS = 30
REQUEST_SECONDS = 60.0  # from the header to the last byte that the client has read
CONNECTIONS = 128
STREAMS = 64
WAITING = 8  # calls that compute, beside the one at work
SESSIONS = 64
PIXELS = 16_000_000


class Refused(Exception):
    """A request that is answered by a status and a sentence.

    Parameters
    ----------
    status: of HTTP, 400 to 503.
    sentence: for the person in front of the page; it holds no path, no token, and nothing of the program's inside.
    """

    def __init__(self, status: int, sentence: str) -> None:
        self.status, self.sentence = status, sentence
        super().__init__(sentence)


class Places:
    """A number of places; who finds none is refused at once.

    Parameters
    ----------
    most: how many there are.
    status, sentence: of the refusal.
    """

    def __init__(self, most: int, status: int, sentence: str) -> None:
        self.most, self.status, self.sentence = most, status, sentence
        self.used = 0

    @contextmanager
    def taken(self) -> Iterator[None]:
        """One of the places, for the length of a ``with`` block."""
        if self.used >= self.most:
            raise Refused(self.status, self.sentence)
        self.used += 1
        try:
            yield
        finally:
            self.used -= 1
