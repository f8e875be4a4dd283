"""Who and what the server refuses, byte by byte over raw sockets (cases 116 to 133 of bad inputs)."""

from __future__ import annotations

import asyncio
import socket
import threading
import time

import pytest
from starlette.responses import PlainTextResponse, StreamingResponse
from starlette.routing import Route

from snarc.playground import limits
from snarc.playground.limits import Refused
from snarc.playground.server import Call, Page

from .conftest import Door, read, serving

SECURITY = {
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
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


@pytest.fixture(scope="module")
def door():
    page = Page("try", ("try.html", "try.css", "try.js"), {"look.css": "a{}"}, CALLS, {"ticks": _stream})
    with serving(page, Page("two", ("try.html", "try.css"))) as found:
        yield found


def test_a_page_and_its_calls_are_answered_where_all_is_as_it_should_be(door):
    page = door.ask("GET", "/", headers={"Origin": None, "Sec-Fetch-Site": "none", "X-Snarc-Session": None})
    assert page.status == 200
    assert b"<!doctype html>" in page.body
    assert door.ask("GET", "/try/look.css").body == b"a{}"
    assert door.ask("POST", "/try/echo", {"a": [1, 2]}).json() == {"asked": {"a": [1, 2]}}


@pytest.mark.parametrize("path", ["/", "/try/try.js", "/try/echo", "/try/refuse", "/nothing"])
def test_every_answer_has_the_headers_that_keep_others_out(door, path):
    for method in ("GET", "POST", "PUT"):
        found = door.ask(method, path, {})
        assert {name: found.headers.get(name) for name in SECURITY} == SECURITY
        policy = found.headers["content-security-policy"]
        assert "default-src 'self'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert not [name for name in found.headers if name.startswith("access-control-") or name == "set-cookie"]
        assert "server" not in found.headers


@pytest.mark.parametrize("session", ["", "right"])
@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "evil.example:{port}",
        "0.0.0.0:{port}",
        "127.0.0.1",
        "127.0.0.1:1",
        "127.0.0.1:{port}.evil.example",
        "localhost:{port}@evil.example",
        "LOCALHOST:{port}",
        "[::]:{port}",
        "2130706433:{port}",
        "",
    ],
)
def test_116_and_117_only_its_own_names_are_answered_with_or_without_a_session(door, host, session):
    given = door.session if session else None
    name = host.format(port=door.port)
    headers = {"Host": name, "Origin": f"http://{name}", "X-Snarc-Session": given}
    for method, path in (("GET", "/"), ("POST", "/try/echo"), ("GET", "/nothing")):
        assert door.ask(method, path, {}, headers=headers).status == 403


@pytest.mark.parametrize("host", ["127.0.0.1:{port}", "localhost:{port}", "[::1]:{port}"])
def test_its_own_names_are_answered(door, host):
    name = host.format(port=door.port)
    if name.startswith("[") and len(door.extra["running"].sockets) < 2:
        pytest.skip("this machine has no IPv6")
    assert door.ask("POST", "/try/echo", {}, headers={"Host": name, "Origin": f"http://{name}"}).status == 200


@pytest.mark.parametrize("lines", [[], ["Host: {host}", "Host: {host}"], ["Host: {host}", "Host: evil.example"]])
def test_117_a_host_that_is_missing_or_doubled(door, lines):
    text = "\r\n".join(["GET / HTTP/1.1", *(line.format(host=door.host) for line in lines), "", ""])
    assert door.raw(text.encode()).status in (400, 403)
    assert door.raw(b"GET / HTTP/1.0\r\n\r\n").status == 403


@pytest.mark.parametrize(
    "origin",
    [
        "http://evil.example",
        "null",
        "http://127.0.0.1",
        "https://{host}",
        "http://localhost:{port}",
        "http://{host}.evil.example",
        "http://{host}/",
        "",
    ],
)
def test_118_another_origin(door, origin):
    headers = {"Origin": origin.format(host=door.host, port=door.port)}
    for method, path in (("POST", "/try/echo"), ("GET", "/"), ("POST", "/session")):
        assert door.ask(method, path, {}, headers=headers).status == 403


@pytest.mark.parametrize("site", ["cross-site", "same-site", "none", "Same-Origin", ""])
def test_118_what_another_site_has_a_browser_fetch(door, site):
    for method, path in (("POST", "/try/echo"), ("GET", "/try/try.js"), ("POST", "/session"), ("GET", "/try/ticks")):
        assert door.ask(method, path, {}, headers={"Sec-Fetch-Site": site}).status == 403
    expected = 200 if site == "none" else 403
    assert door.ask("GET", "/", headers={"Sec-Fetch-Site": site, "Origin": None}).status == expected


@pytest.mark.parametrize("session", [None, "", "wrong", "x" * 43, "é", "token", "longer"])
def test_119_no_session_or_a_wrong_one(door, session):
    given = {"token": door.token, "longer": door.session + "x"}.get(session, session)
    assert door.ask("POST", "/try/echo", {}, headers={"X-Snarc-Session": given}).status == 401
    assert door.ask("GET", "/try/ticks", headers={"X-Snarc-Session": given}).status == 401


@pytest.mark.parametrize("token", ["", "wrong", None, 5, ["x"], "x" * 5000])
def test_119_no_token_or_a_wrong_one(door, token):
    found = door.ask("POST", "/session", {"token": token})
    assert found.status in (401, 413)
    assert door.token not in found.body.decode()
    assert door.ask("POST", "/session", {}).status == 401


def test_the_token_opens_many_sessions_and_a_ticket_one(door):
    first, second = (door.ask("POST", "/session", {"token": door.token}).json()["session"] for _ in range(2))
    assert first != second
    for session in (first, second):  # 132: two tabs
        assert door.ask("POST", "/try/echo", {}, headers={"X-Snarc-Session": session}).status == 200
    ticket = door.extra["address"].once().partition("#")[2]
    assert ticket != door.token
    assert door.ask("POST", "/session", {"token": ticket}).status == 200
    assert door.ask("POST", "/session", {"token": ticket}).status == 401


def test_sessions_are_bounded_and_the_oldest_goes(door):
    from snarc.playground.sessions import Sessions

    sessions = Sessions()
    found = [sessions.exchange(sessions.token) for _ in range(limits.SESSIONS + 1)]
    assert [sessions.known(one) for one in found] == [False, *[True] * limits.SESSIONS]
    assert len(sessions.token) >= 43  # 256 bits in base64


@pytest.mark.parametrize(
    "method", ["GET", "PUT", "PATCH", "DELETE", "OPTIONS", "HEAD", "TRACE", "CONNECT", "post", "FOO"]
)
def test_120_and_121_only_the_one_method_with_or_without_a_session(door, method):
    for session in (door.session, None):
        assert door.ask(method, "/try/echo", {}, headers={"X-Snarc-Session": session}).status in (404, 405)
        if method not in ("GET",):
            assert door.ask(method, "/", headers={"X-Snarc-Session": session}).status in (404, 405)
    assert door.ask("PUT", "/try/echo", {}).headers["allow"] == "POST"


@pytest.mark.parametrize(
    "kind",
    [
        "text/plain",
        "text/plain;charset=utf-8",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/json, text/plain",
        "application/jsonx",
        "",
        None,
    ],
)
def test_122_only_json_is_read(door, kind):
    assert door.ask("POST", "/try/echo", {}, headers={"Content-Type": kind}).status == 415


def test_122_nothing_that_a_form_could_send(door):
    assert door.ask("POST", "/try/echo", {}, headers={"X-Snarc": None}).status == 403


@pytest.mark.parametrize("length", [limits.BODY_BYTES + 1, 10**12])
def test_123_a_body_that_is_too_large_is_not_waited_for(door, length):
    assert door.ask("POST", "/try/echo", b"{", headers={"Content-Length": str(length)}).status == 413


@pytest.mark.parametrize("length", ["-1", "1e3", "", "0x10"])
def test_123_a_length_that_is_none(door, length):
    assert door.ask("POST", "/try/echo", b"{}", headers={"Content-Length": length}).status in (400, 413)


def test_124_a_chunked_body_without_an_end(door):
    head = (
        f"POST /try/echo HTTP/1.1\r\nHost: {door.host}\r\nX-Snarc: 1\r\nX-Snarc-Session: {door.session}\r\n"
        "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
    )
    chunk = b"10000\r\n" + b" " * 0x10000 + b"\r\n"
    assert door.raw(head.encode() + chunk * 40).status == 413


def test_125_a_header_that_does_not_end_is_cut_off(door, monkeypatch):
    monkeypatch.setattr(limits, "HEADER_SECONDS", 0.3)
    with door.connect() as wire:
        wire.sendall(b"GET / HTTP/1.1\r\n")
        for _ in range(60):  # a byte now and then does not keep it open
            time.sleep(0.05)
            try:
                wire.sendall(b"X")
            except OSError:
                break
        else:
            pytest.fail("it waits for ever")
    with door.connect() as wire:  # nor does saying nothing
        assert read(wire).status == 0


def test_125_a_body_that_does_not_come(door, monkeypatch):
    monkeypatch.setattr(limits, "BODY_SECONDS", 0.3)
    assert door.ask("POST", "/try/echo", b"{", headers={"Content-Length": "10"}).status == 408


@pytest.mark.parametrize("cookie", ["x" * limits.HEADER_BYTES, "x" * 100_000])
def test_125_a_header_that_is_too_long(door, cookie):
    assert door.ask("GET", "/", headers={"Cookie": cookie}).status in (400, 431)


@pytest.mark.parametrize(
    "path",
    [
        "/try/%2e%2e%2fguard.py",
        "/try/../guard.py",
        "/%2e%2e/",
        "//",
        "/try//try.js",
        "/try/..\\guard.py",
        "/try/try.js%00",
        "/try-secret/try.js",
        "/tryx",
        "/try",
        "/try/",
        "/try/try.html",
        "/TRY/try.js",
        "/try/try%2ejs",
        "http://evil.example/",
        "/etc/passwd",
        "/try/try.js/",
        "*",
    ],
)
def test_126_no_other_address_leads_anywhere(door, path):
    found = door.ask("GET", path)
    assert found.status in (400, 404, 405)
    assert b"snarc/" not in found.body


def test_127_byte_ranges_are_not_counted(door):
    ranges = "bytes=" + ",".join(f"{k}-{k}" for k in range(1000))
    found = door.ask("GET", "/try/try.js", headers={"Range": ranges})
    assert found.status == 200
    assert found.body == door.ask("GET", "/try/try.js").body
    many = "bytes=" + ",".join("0-1" for _ in range(10_000))
    assert door.ask("GET", "/try/try.js", headers={"Range": many}).status in (400, 431)


@pytest.mark.parametrize("origin", ["http://evil.example", "own"])
def test_128_there_are_no_web_sockets(door, origin):
    own = f"http://{door.host}"
    headers = {
        "Origin": own if origin == "own" else origin,
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
        "Content-Type": None,
    }
    for path in ("/try/echo", "/try/ticks"):
        found = door.ask("GET", path, headers={**headers, "X-Snarc-Session": None})
        assert found.status in (401, 403, 405)


def test_129_streams_are_bounded_and_end_with_their_readers(door, monkeypatch):
    monkeypatch.setattr(door.guard.streams, "most", 3)
    request = f"GET /try/ticks HTTP/1.1\r\nHost: {door.host}\r\nX-Snarc-Session: {door.session}\r\n\r\n".encode()
    wires = [door.connect() for _ in range(3)]
    for wire in wires:
        wire.sendall(request)
        assert wire.recv(12).startswith(b"HTTP/1.1 200")
    busy = door.ask("GET", "/try/ticks")
    assert busy.status == 503
    assert busy.headers["retry-after"] == "1"
    assert door.ask("POST", "/try/echo", {}).status == 200  # calls go on
    for wire in wires:
        wire.close()
    until = time.monotonic() + 10
    while door.guard.streams.used and time.monotonic() < until:
        time.sleep(0.02)
    assert door.guard.streams.used == 0


def test_129_connections_are_bounded(door, monkeypatch):
    monkeypatch.setattr(limits, "CONNECTIONS", 5)
    wires = []
    try:
        for _ in range(12):
            wire = door.connect()
            wire.sendall(f"GET / HTTP/1.1\r\nHost: {door.host}\r\n".encode())
            wires.append(wire)
        found = []
        for wire in wires:
            wire.settimeout(0.5)
            try:
                found.append(wire.recv(40))
            except (TimeoutError, ConnectionResetError):
                found.append(b"")
    finally:
        for wire in wires:
            wire.close()
    assert sum(one.startswith(b"HTTP/1.1 503") for one in found) >= 6
    until = time.monotonic() + 10
    while door.ask("GET", "/").status != 200:
        assert time.monotonic() < until


def test_calls_that_wait_are_bounded(door):
    gate.clear()
    found: list[int] = []

    def ask():
        found.append(door.ask("POST", "/try/wait", {}).status)

    askers = [threading.Thread(target=ask) for _ in range(limits.WAITING + 1)]
    for one in askers:
        one.start()
    try:
        until = time.monotonic() + 15
        while door.guard.calls.used <= limits.WAITING:
            assert time.monotonic() < until
            time.sleep(0.01)
        late = door.ask("POST", "/try/refuse", {})
    finally:
        gate.set()
        for one in askers:
            one.join(20)
    assert (late.status, late.headers["retry-after"]) == (429, "1")
    assert found == [200] * len(askers)


def test_a_request_that_takes_too_long_is_cut_off(door, monkeypatch):
    monkeypatch.setattr(limits, "REQUEST_SECONDS", 0.5)
    gate.clear()
    try:
        with door.connect() as wire:
            head = f"POST /try/wait HTTP/1.1\r\nHost: {door.host}\r\nX-Snarc: 1\r\nX-Snarc-Session: {door.session}\r\n"
            wire.sendall((head + "Content-Type: application/json\r\nContent-Length: 2\r\n\r\n{}").encode())
            assert read(wire).status == 0
    finally:
        gate.set()


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"5",
        b"{",
        b'{"a": NaN}',
        b'{"a": Infinity}',
        b'{"a": 1e999}',
        b'{"a":1,"a":2}',
        b"\xff\xfe{}",
        b"[" * 100_000,
        b'{"a":' * 30 + b"1" + b"}" * 30,
    ],
)
def test_130_json_with_traps(door, body):
    found = door.ask("POST", "/try/echo", body)
    assert found.status == 400
    assert len(found.json()["error"]) < 200


def test_131_what_the_server_does_not_know(door):
    found = door.ask("POST", "/try/refuse", {})
    assert (found.status, found.json()) == (404, {"error": "There is no such picture."})


def test_a_mistake_tells_nothing_of_the_inside(door, capfd):
    found = door.ask("POST", "/try/break", {})
    assert (found.status, found.json()) == (500, {"error": "This is a mistake of snarc's own."})
    logged = "".join(capfd.readouterr())
    assert "RuntimeError" in logged
    for hidden in ("secret", "token", "Traceback", "/", door.token, door.session):
        assert hidden not in logged


def test_nothing_is_logged_of_requests(door, capfd):
    door.ask("GET", "/try/echo?token=abc")
    door.raw(b"nonsense\r\n\r\n")
    assert "".join(capfd.readouterr()) == ""


def test_every_route_is_behind_the_guard(door):
    """Walks the router: without a session nothing but the shells of pages is answered, and those tell nothing."""
    routes = door.guard.app.routes
    assert {route.path for route in routes} == set(door.guard.rules)
    for route in routes:
        assert isinstance(route, Route)
        rule = door.guard.rules[route.path]
        assert route.methods - {"HEAD"} == {rule.method}
        found = door.ask(rule.method, route.path, {}, headers={"X-Snarc-Session": None})
        if rule.open:
            shell = rule.method == "GET" and route.path.endswith(("/", ".css", ".js", ".svg", ".html"))
            assert shell or route.path == "/session"
        else:
            assert found.status == 401, route.path
        if rule.method == "POST":
            bare = {"X-Snarc": None, "Content-Type": "text/plain"}
            assert door.ask("POST", route.path, {}, headers=bare).status in (403, 415)
        assert door.ask(rule.method, route.path, {}, headers={"Host": "evil.example"}).status == 403


def test_a_route_that_somebody_forgot_to_guard_is_not_reached(door):
    door.guard.app.routes.append(Route("/forgotten", lambda request: PlainTextResponse("inside")))
    try:
        assert door.ask("GET", "/forgotten").status == 404
    finally:
        door.guard.app.routes.pop()


def test_only_loopback_listens(door: Door):
    found = {one.getsockname()[0] for one in door.extra["running"].sockets}
    assert found <= {"127.0.0.1", "::1"}
    others = {info[4][0] for info in socket.getaddrinfo(socket.gethostname(), None, socket.AF_INET)}
    for address in others - {"127.0.0.1", "127.0.1.1"}:
        with pytest.raises(OSError):
            socket.create_connection((address, door.port), timeout=2).close()
