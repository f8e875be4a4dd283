"""`snarc try`: what it refuses, what it prints, and how it ends."""

from __future__ import annotations

import http.client
import re
import signal
import socket
import subprocess
import sys

import pytest

from .conftest import environment

pytest.importorskip("starlette", reason="the local pages need the extra 'web'")
pytest.importorskip("uvicorn", reason="the local pages need the extra 'web'")

from snarc.playground.server import Address
from snarc.playground.sessions import Sessions


@pytest.mark.parametrize("address", ["0.0.0.0", "::", "evil.example", "300.1.1.1"])
def test_it_listens_nowhere_in_general(snarc, trained, address):
    found = snarc("try", trained, "--listen", address)
    assert found.status == 2
    assert address in found.error


@pytest.mark.parametrize("listen", [None, "127.0.0.1", "192.168.1.5"])
def test_another_address_is_said_to_be_open_to_others(snarc, trained, monkeypatch, listen):
    seen = {}

    def serve(pages, *, port, address, started):
        seen["address"] = address
        started(Address("http://192.168.1.5:1/", Sessions()))

    monkeypatch.setattr("snarc.playground.serve", serve)
    found = snarc("try", trained, "--no-browser", *(("--listen", listen) if listen else ()))
    assert found.status == 0
    assert seen["address"] == listen
    assert ("not encrypted" in found.err and "whoever reaches" in found.err) == (listen is not None)


@pytest.mark.parametrize("port", ["-1", "70000", "x"])
def test_ports_that_are_none(snarc, trained, port):
    found = snarc("try", trained, "--port", port)
    assert found.status == 2
    assert "port" in found.error


def test_no_run(snarc):
    assert snarc("try", "nothing").status == 2


def test_a_run_without_pictures(snarc, tmp_path):
    table = tmp_path / "table.csv"
    table.write_text("a,b,y\n" + "\n".join(f"{k},{k % 7},{'no' if k % 2 else 'yes'}" for k in range(60)))
    path = tmp_path / "run"
    assert snarc("train", table, "--epochs", "1", "--out", path, "--no-report", "--quiet").status == 0
    found = snarc("try", path, "--no-browser")
    assert found.status == 2
    assert "nothing that can be drawn" in found.error


def test_without_the_extra_it_says_how_to_get_it(tmp_path, trained):
    code = (
        "import sys; sys.modules['starlette'] = None; sys.modules['uvicorn'] = None;"
        "from snarc.cli import main; sys.exit(main(sys.argv[1:]))"
    )
    command = [sys.executable, "-c", code, "try", str(trained)]
    found = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, env=environment(), check=False)
    assert found.returncode == 2, found.stderr
    assert "pip install 'snarc[web]'" in found.stderr
    assert "Traceback" not in found.stderr


def test_a_port_that_is_taken_is_told_before_anything_is_prepared(snarc, trained):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        found = snarc("try", trained, "--port", port, "--no-browser")
    assert found.status == 2
    assert f"port {port} on 127.0.0.1 is taken" in found.error
    assert "calibrating" not in found.err


def test_it_is_served_until_interrupted(tmp_path, trained):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    running = _start(trained, tmp_path, port)
    try:
        assert running.stdout is not None
        line = running.stdout.readline().strip()
        assert re.fullmatch(rf"http://127\.0\.0\.1:{port}/#[\w-]{{43}}", line)
        wire = http.client.HTTPConnection("127.0.0.1", int(port), timeout=20)
        wire.request("GET", "/")
        page = wire.getresponse()
        assert page.status == 200
        assert line.partition("#")[2] not in page.read().decode()
        wire.close()
        running.send_signal(signal.SIGINT)
        rest, told = running.communicate(timeout=60)
    finally:
        running.kill()
        running.wait()
    assert running.returncode == 130
    assert rest == ""  # the address is printed once
    assert "Traceback" not in told
    assert line.partition("#")[2] not in told


def _start(run, folder, port):
    command = [sys.executable, "-m", "snarc", "try", str(run), "--port", port, "--no-browser"]
    return subprocess.Popen(
        command, cwd=folder, env=environment(), text=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )  # fmt: skip
