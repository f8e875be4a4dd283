"""Who may ask: the token of this start, exchanged for sessions that live in memory."""

from __future__ import annotations

import hmac
import secrets
import time
from collections import OrderedDict

from .limits import SESSIONS

TICKET_SECONDS = 120.0


class Sessions:
    """The token that is printed once, tickets that open one session each, and the sessions there are."""

    def __init__(self) -> None:
        self.token = secrets.token_urlsafe(32)  # 256 bits
        self._tickets: dict[str, float] = {}
        self._open: OrderedDict[str, None] = OrderedDict()

    def ticket(self) -> str:
        """A token that is good for one session, soon: other programs may see how a browser is started."""
        made = secrets.token_urlsafe(32)
        self._tickets[made] = time.monotonic() + TICKET_SECONDS
        return made

    def exchange(self, token: str) -> str | None:
        """A session for the token, or for a ticket that has not been used; none for anything else."""
        if not _equal(token, self.token):
            ticket = next((t for t in self._tickets if _equal(token, t)), None)
            if ticket is None or self._tickets.pop(ticket) < time.monotonic():
                return None
        made = secrets.token_urlsafe(32)
        self._open[made] = None
        while len(self._open) > SESSIONS:
            self._open.popitem(last=False)
        return made

    def known(self, session: str) -> bool:
        """Whether there is such a session."""
        # All are compared, each in constant time, so that nothing can be learnt from how long it takes.
        return sum(_equal(session, one) for one in self._open) > 0


def _equal(one: str, other: str) -> bool:
    return hmac.compare_digest(one.encode("utf-8", "replace"), other.encode())
