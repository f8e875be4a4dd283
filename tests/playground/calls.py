"""Pages with calls that answer, wait, refuse and break, to try the server with."""

from __future__ import annotations

import asyncio
import threading

from starlette.responses import StreamingResponse

from snarc.playground.limits import Refused
from snarc.playground.server import Call, Page

SECURITY = {
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cache-control": "no-store",
}
gate = threading.Event()


def _echo(asked, session):
    return {"asked": asked}


def _wait(asked, session):
    assert gate.wait(20)
    return {}


def _refuse(asked, session):
    raise Refused(404, "There is no such picture.")


def _break(asked, session):
    raise RuntimeError("/home/somebody/secret: token abc")


async def _stream(request):
    async def ticks():
        while True:
            yield b"data: tick\n\n"
            await asyncio.sleep(0.05)

    return StreamingResponse(ticks(), media_type="text/event-stream")


CALLS = {"echo": Call(_echo), "wait": Call(_wait), "refuse": Call(_refuse), "break": Call(_break)}
PAGES = (
    Page("try", ("try.html", "try.css", "try.js"), {"look.css": "a{}"}, CALLS, {"ticks": _stream}),
    Page("two", ("try.html", "try.css")),
)
