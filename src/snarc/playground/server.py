"""The server: pages of files and calls, behind one guard."""

from __future__ import annotations

import asyncio
import functools
import logging
import socket
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib import resources
from typing import Any

from snarc.errors import MissingExtraError

from . import limits
from .guard import Guard, Rule
from .limits import Refused
from .sessions import Sessions

try:
    import uvicorn
    from starlette.requests import Request
    from starlette.responses import JSONResponse, Response
    from starlette.routing import Route, Router

    from .wire import Connection, listen, names
except ImportError as error:
    raise MissingExtraError(
        f"the local pages need {error.name or 'Starlette and Uvicorn'}, which is not installed",
        wanted="the extra 'web'",
        way_out="Install it: pip install 'snarc[web]'.",
    ) from None

TYPES = {"html": "text/html", "css": "text/css", "js": "text/javascript", "svg": "image/svg+xml"}

# What a call is given: the object that was sent, and the session it belongs to.
Answer = Callable[[dict[str, Any], str], Mapping[str, Any]]


@dataclass(frozen=True)
class Call:
    """Something that a page asks the server; answered with a JSON object, by another thread, one after another.

    Attributes
    ----------
    answer: takes the object and the session; what it refuses it raises as :class:`~snarc.playground.limits.Refused`.
    body: largest request in bytes.
    """

    answer: Answer
    body: int = limits.BODY_BYTES


@dataclass(frozen=True)
class Page:
    """One page.

    Attributes
    ----------
    name: ``[a-z0-9-]+``; the first page is at ``/``, its files below its name.
    files: names of files in the folder ``pages``; the first is the page itself.
    made: files that are made at the start: by name, the text.
    calls: by name; each is at ``/NAME/CALL``.
    streams: Starlette endpoints by name whose answers go on, with a session as calls have.
    """

    name: str
    files: Sequence[str]
    made: Mapping[str, str] = field(default_factory=dict)
    calls: Mapping[str, Call] = field(default_factory=dict)
    streams: Mapping[str, Callable[[Request], Any]] = field(default_factory=dict)


Pages = Sequence[Page] | Callable[[], Sequence[Page]]


@dataclass(frozen=True)
class Address:
    """Where a server is to be found.

    ``base`` as ``http://127.0.0.1:8765/``, and the token in ``url``, after the #, which browsers never send.
    """

    base: str
    sessions: Sessions

    @property
    def url(self) -> str:
        """For the terminal."""
        return f"{self.base}#{self.sessions.token}"

    def once(self) -> str:
        """For starting a browser, good for one session."""
        return f"{self.base}#{self.sessions.ticket()}"


def application(
    pages: Sequence[Page], hosts: Sequence[str], sessions: Sessions, worker: Executor
) -> tuple[Guard, Router]:
    """The guard with everything behind it, and what is behind it; calls are computed by ``worker``."""
    routes: list[Route] = []
    rules: dict[str, Rule] = {}

    def add(path: str, endpoint: Callable[[Request], Any], rule: Rule) -> None:
        routes.append(Route(path, endpoint, methods=[rule.method]))
        rules[path] = rule

    async def session(request: Request) -> Response:
        if request.state.asked.keys() - {"token"}:
            raise Refused(400, "A token is read here, and nothing else.")
        token = request.state.asked.get("token")
        made = sessions.exchange(token) if isinstance(token, str) and len(token) <= 100 else None
        if made is None:
            raise Refused(401, "The address is not of this start. Open the one that snarc printed in its terminal.")
        return JSONResponse({"session": made})

    async def computed(call: Call, request: Request) -> Response:
        loop = asyncio.get_running_loop()
        with guard.calls.taken():
            found = await loop.run_in_executor(worker, call.answer, request.state.asked, request.state.session)
        return JSONResponse(dict(found))

    add("/session", session, Rule("POST", open=True, body=4096))
    for n, page in enumerate(pages):
        for k, (name, text) in enumerate([*((name, _source(name)) for name in page.files), *page.made.items()]):
            shown = f"{TYPES[name.rsplit('.', 1)[1]]}; charset=utf-8"
            content = text.encode()
            if k == 0:
                path = "/" if n == 0 else f"/{page.name}/"
                add(path, functools.partial(_file, content, shown), Rule("GET", open=True, first=True))
            else:
                add(f"/{page.name}/{name}", functools.partial(_file, content, shown), Rule("GET", open=True))
        for name, call in page.calls.items():
            add(f"/{page.name}/{name}", functools.partial(computed, call), Rule("POST", body=call.body))
        for name, endpoint in page.streams.items():
            add(f"/{page.name}/{name}", endpoint, Rule("GET", stream=True))
    # A bare router: what goes wrong behind it reaches the guard, which tells it in its own words.
    behind = Router(routes, redirect_slashes=False)
    guard = Guard(behind, rules, hosts, sessions)
    return guard, behind


async def _file(content: bytes, shown: str, request: Request) -> Response:
    return Response(content, headers={"content-type": shown})


def _source(name: str) -> str:
    return (resources.files(__package__) / "pages" / name).read_text(encoding="utf-8")


@contextmanager
def ready(pages: Pages, *, port: int = 0, address: str | None = None) -> Iterator[tuple[Address, Running]]:
    """A server whose sockets listen, and that waits to be run."""
    sockets = listen(address, port)
    worker = ThreadPoolExecutor(1, thread_name_prefix="snarc-playground")
    try:
        hosts = names(sockets)
        sessions = Sessions()
        guard, _ = application(pages() if callable(pages) else pages, hosts, sessions, worker)
        config = uvicorn.Config(
            guard, http=Connection, ws="none", lifespan="off", loop="asyncio", log_config=None, log_level="critical",
            access_log=False, server_header=False, proxy_headers=False, timeout_keep_alive=limits.IDLE_SECONDS,
            timeout_graceful_shutdown=1, h11_max_incomplete_event_size=limits.HEADER_BYTES,
        )  # fmt: skip
        logging.getLogger("asyncio").setLevel(logging.CRITICAL)
        server = uvicorn.Server(config)
        yield Address(f"http://{hosts[0]}/", sessions), Running(server, sockets)
    finally:
        worker.shutdown(wait=False, cancel_futures=True)
        for one in sockets:
            one.close()


class Running:
    """A server with its sockets."""

    def __init__(self, server: uvicorn.Server, sockets: list[socket.socket]) -> None:
        self.server, self.sockets = server, sockets

    def run(self) -> None:
        """Serve until Ctrl-C or :meth:`stop`."""
        self.server.run(sockets=self.sockets)

    def stop(self) -> None:
        """Ask it to end; from any thread."""
        self.server.should_exit = True


def serve(
    pages: Pages,
    *,
    port: int = 0,
    address: str | None = None,
    started: Callable[[Address], None] = lambda _: None,
) -> None:
    """Serve pages until Ctrl-C, which raises :class:`KeyboardInterrupt` when everything is closed.

    Parameters
    ----------
    pages: or a function that makes them, called when the port is known to be free.
    port: 0 for one that is free.
    address: another than loopback; whoever reaches it and has the token can use the network.
    started: called when the server can be reached.

    Raises
    ------
    RunError: the port or the address cannot be had.
    """
    with ready(pages, port=port, address=address) as (found, running):
        started(found)
        running.run()
