"""How much the server takes, how long it waits, and from how many (cases 123 to 125, 127 and 129 of bad inputs)."""

from __future__ import annotations

import threading
import time

import pytest

from snarc.playground import limits

from .calls import PAGES, SECURITY, gate
from .conftest import read, serving


@pytest.fixture(scope="module")
def door():
    with serving(*PAGES) as found:
        yield found


def test_sessions_are_bounded_and_the_oldest_goes(door):
    from snarc.playground.sessions import Sessions

    sessions = Sessions()
    found = [sessions.exchange(sessions.token) for _ in range(limits.SESSIONS + 1)]
    assert [sessions.known(one) for one in found] == [False, *[True] * limits.SESSIONS]
    assert len(sessions.token) >= 43  # 256 bits in base64


@pytest.mark.parametrize("length", [limits.BODY_BYTES + 1, 10**12])
def test_123_a_body_that_is_too_large_is_not_waited_for(door, length):
    found = door.ask("POST", "/try/echo", b"{", headers={"Content-Length": str(length)})
    assert (found.status, found.json()) == (413, {"error": "At most 1 MB can be sent at once."})
    found = door.ask("POST", "/session", b"{", headers={"Content-Length": str(length)})
    assert (found.status, found.json()) == (413, {"error": "At most 4 KB can be sent at once."})


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


def test_127_byte_ranges_are_not_counted(door):
    ranges = "bytes=" + ",".join(f"{k}-{k}" for k in range(1000))
    found = door.ask("GET", "/try/try.js", headers={"Range": ranges})
    assert found.status == 200
    assert found.body == door.ask("GET", "/try/try.js").body
    many = "bytes=" + ",".join("0-1" for _ in range(10_000))
    assert door.ask("GET", "/try/try.js", headers={"Range": many}).status in (400, 431)


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
                found.append(wire.recv(4096))
            except (TimeoutError, ConnectionResetError):
                found.append(b"")
    finally:
        for wire in wires:
            wire.close()
    busy = [one.decode().lower() for one in found if one.startswith(b"HTTP/1.1 503")]
    assert len(busy) >= 6
    assert all(f"{name}: {value.lower()}" in one for one in busy for name, value in SECURITY.items())
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


def test_a_connection_that_says_nothing_more_is_closed(door, monkeypatch):
    monkeypatch.setattr(door.extra["running"].server.config, "timeout_keep_alive", 0.3)
    with door.connect() as wire:
        wire.sendall(f"GET /try/look.css HTTP/1.1\r\nHost: {door.host}\r\n\r\n".encode())
        assert read(wire).body == b"a{}"
        began = time.monotonic()
        assert wire.recv(1) == b""
        assert time.monotonic() - began < limits.HEADER_SECONDS  # by the idle clock, and no other
    assert limits.IDLE_SECONDS == 30
