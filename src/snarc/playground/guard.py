"""The guard in front of every page: who asks, from where, how and how much, before anything is looked up or computed.

It refuses what no rule allows.  A rule is the exact address of a route, its one method, and whether a session is
needed; the shell of a page (its HTML, style and script, the same for everybody) needs none, as a browser could not
send one before that script runs.  Whatever tells anything of a run, or computes, is a POST with JSON and a session.

An application behind the guard finds in ``scope["state"]`` the ``session`` and, of a POST, the ``asked`` object.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import traceback
from collections.abc import Awaitable, Callable, Iterable, Mapping, MutableMapping
from dataclasses import dataclass
from typing import Any, Literal

from snarc.errors import DataError
from snarc.training.jsontext import parse

from . import limits
from .limits import Places, Refused
from .sessions import Sessions

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

SESSION = b"x-snarc-session"
OURS = b"x-snarc"  # a header that no form and no link can send, and no other site without asking first

ANSWER_HEADERS = (
    (
        b"content-security-policy",
        b"default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; object-src 'none'; "
        b"require-trusted-types-for 'script'",
    ),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cache-control", b"no-store"),
)
_SINGLE = (b"host", b"origin", b"sec-fetch-site", b"content-type", b"content-length", SESSION, OURS)


@dataclass(frozen=True)
class Rule:
    """What is allowed at one address.

    Attributes
    ----------
    method: the only one.
    open: needs no session: the same bytes for everybody.
    first: where somebody may arrive from outside any page, by the address bar.
    body: largest body in bytes.
    stream: an answer that goes on for as long as it is read; it takes one of the places for streams.
    """

    method: Literal["GET", "POST"]
    open: bool = False
    first: bool = False
    body: int = limits.BODY_BYTES
    stream: bool = False


class Guard:
    """An ASGI application that lets through to another what the rules allow.

    Parameters
    ----------
    app: the application behind.
    rules: by the exact address, as it is sent.
    hosts: what the header Host may be, as ``127.0.0.1:8765``.
    sessions: who may ask.
    """

    def __init__(self, app: App, rules: Mapping[str, Rule], hosts: Iterable[str], sessions: Sessions) -> None:
        self.app, self.rules, self.hosts, self.sessions = app, dict(rules), frozenset(hosts), sessions
        self.calls = Places(1 + limits.WAITING, 429, "The network is busy. Ask again.")
        self.streams = Places(limits.STREAMS, 503, "Too many pages are open. Close one.")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        if scope["type"] != "http":
            await send({"type": "websocket.close", "code": 1008})
            return
        begun = False

        async def answer(message: Message) -> None:
            nonlocal begun
            if message["type"] == "http.response.start":
                begun = True
                ours = {name for name, _ in ANSWER_HEADERS}
                kept = [(name, value) for name, value in message.get("headers", []) if name.lower() not in ours]
                message = {**message, "headers": [*kept, *ANSWER_HEADERS]}
            await send(message)

        try:
            rule = self._admitted(scope)
            state = scope.setdefault("state", {})
            if rule.method == "POST":
                state["asked"] = _object(await _body(scope, receive, rule.body))
            if rule.stream:
                with self.streams.taken():
                    state["stream"] = True  # the connection's clock leaves it alone
                    await self.app(scope, receive, answer)
            else:
                await self.app(scope, receive, answer)
        except Refused as refused:
            if not begun:
                await _refuse(answer, refused)
        except Exception as error:
            # Its kind and nothing else: messages may hold paths, and what was sent.
            print(f"snarc: a mistake of snarc's own: {type(error).__name__}", file=sys.stderr, flush=True)
            if os.environ.get("SNARC_DEBUG", "") not in ("", "0"):
                traceback.print_exc()
            if not begun:
                await _refuse(answer, Refused(500, "This is a mistake of snarc's own."))

    def _admitted(self, scope: Scope) -> Rule:
        """The rule that a request keeps; what it breaks is refused in an order that tells strangers nothing."""
        headers: dict[bytes, bytes] = {}
        if sum(len(name) + len(value) + 4 for name, value in scope["headers"]) > limits.HEADER_BYTES:
            raise Refused(431, "The header is too long.")
        for name, value in scope["headers"]:
            if name in headers and name in _SINGLE:
                raise Refused(400, "A header was sent twice.")
            headers[name] = value
        host = headers.get(b"host", b"").decode("latin-1")
        if host not in self.hosts:
            raise Refused(403, "This is not the server's name.")
        if b"origin" in headers and headers[b"origin"].decode("latin-1") != f"http://{host}":
            raise Refused(403, "Another page may not ask.")
        # The address as it was sent: whatever is escaped, doubled or relative in it, is another one.
        rule = self.rules.get(scope["raw_path"].decode("latin-1"))
        site = headers.get(b"sec-fetch-site", b"same-origin")
        if site != b"same-origin" and not (site == b"none" and rule is not None and rule.first):
            raise Refused(403, "Another page may not ask.")
        if rule is None:
            raise Refused(404, "There is nothing at this address.")
        if scope["method"] != rule.method:
            raise Refused(405, f"Only {rule.method} is allowed here.")
        if not rule.open:
            session = headers.get(SESSION, b"").decode("latin-1")
            if not self.sessions.known(session):
                raise Refused(401, "Open the address that snarc printed in its terminal.")
            scope.setdefault("state", {})["session"] = session
        if rule.method == "POST":
            if headers.get(OURS) != b"1":
                raise Refused(403, "The header X-Snarc is missing.")
            if headers.get(b"content-type", b"").lower() not in (
                b"application/json",
                b"application/json;charset=utf-8",
            ):
                raise Refused(415, "Only application/json is read.")
            length = headers.get(b"content-length", b"0")
            if not length.isdigit() or int(length) > rule.body:
                raise Refused(413, _too_large(rule.body))
        return rule


async def _body(scope: Scope, receive: Receive, most: int) -> bytes:
    found = bytearray()
    try:
        async with asyncio.timeout(limits.BODY_SECONDS):
            while True:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise Refused(400, "The connection was cut.")
                found += message.get("body", b"")
                if len(found) > most:
                    raise Refused(413, _too_large(most))
                if not message.get("more_body", False):
                    return bytes(found)
    except TimeoutError:
        raise Refused(408, "The request took too long to arrive.") from None


def _too_large(most: int) -> str:
    return f"At most {f'{most >> 20} MB' if most >> 20 else f'{most >> 10} KB'} can be sent at once."


def _object(body: bytes) -> dict[str, Any]:
    try:
        found = parse(body, "the request", limit=max(len(body), 1), error=DataError)
    except DataError as error:
        raise Refused(400, f"{error.came}; wanted: {error.wanted}.") from None
    if not isinstance(found, dict):
        raise Refused(400, "The request is not a JSON object.")
    return found


async def _refuse(answer: Send, refused: Refused) -> None:
    body = json.dumps({"error": refused.sentence}, ensure_ascii=False).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    if refused.status in (429, 503):
        headers.append((b"retry-after", b"1"))
    if refused.status == 405:
        headers.append((b"allow", refused.sentence.split()[1].encode()))
    if refused.status in (400, 408, 413, 431):
        headers.append((b"connection", b"close"))  # the rest of the body is not waited for
    await answer({"type": "http.response.start", "status": refused.status, "headers": headers})
    await answer({"type": "http.response.body", "body": body})
