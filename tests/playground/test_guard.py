"""Who and what the server refuses, byte by byte over raw sockets (cases 116 to 122 and 126 to 133 of bad inputs)."""

from __future__ import annotations

import socket
import sys

import pytest
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from snarc.errors import RunError
from snarc.playground.wire import listen, names

from .calls import PAGES, SECURITY
from .conftest import Door, serving


@pytest.fixture(scope="module")
def door():
    with serving(*PAGES) as found:
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
    assert door.ask("POST", "/session", {"token": door.token, "more": 1}).status == 400


def test_the_token_opens_many_sessions_and_a_ticket_one(door):
    first, second = (door.ask("POST", "/session", {"token": door.token}).json()["session"] for _ in range(2))
    assert first != second
    for session in (first, second):  # 132: two tabs
        assert door.ask("POST", "/try/echo", {}, headers={"X-Snarc-Session": session}).status == 200
    ticket = door.extra["address"].once().partition("#")[2]
    assert ticket != door.token
    assert door.ask("POST", "/session", {"token": ticket}).status == 200
    assert door.ask("POST", "/session", {"token": ticket}).status == 401


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


def test_what_is_no_http_is_answered_with_the_same_headers(door):
    for data in (b"nonsense\r\n\r\n", b"GET / HTTP/1.1\r\n\r\n"):
        found = door.raw(data)
        assert (found.status, found.body) == (400, b"")
        assert {name: found.headers.get(name) for name in SECURITY} == SECURITY
        assert "default-src 'self'" in found.headers["content-security-policy"]


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have one loopback address only")
def test_another_address_has_one_name_and_no_other():
    [one] = listen("127.0.0.2", 0)
    try:
        assert names([one]) == [f"127.0.0.2:{one.getsockname()[1]}"]
    finally:
        one.close()


def test_an_address_of_another_machine_is_named_as_such():
    with pytest.raises(RunError, match=r"192\.0\.2\.1 is no address of this machine.*Leave --listen out"):
        listen("192.0.2.1", 0)  # of those that are kept for examples
