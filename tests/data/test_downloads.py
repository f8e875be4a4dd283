"""Bad-input cases 61 to 65, and what else a download may meet, from a server on this machine."""

from __future__ import annotations

import gzip
import hashlib
import http.client
import http.server
import os
import subprocess
import sys
import threading
import time
from urllib.parse import urlsplit

import pytest

from snarc.data import canonical
from snarc.data._download import Web, _net, check_address, download
from snarc.data._registered import Remote
from snarc.errors import DownloadError

CONTENT = bytes(range(256)) * 400
PACKED = gzip.compress(CONTENT)
PUBLIC = "8.8.8.8"


class _Server(http.server.BaseHTTPRequestHandler):
    def log_message(self, *args):
        pass

    def do_GET(self):
        what = self.path.rsplit("/", 1)[-1]
        status, headers, body = 200, {}, PACKED
        if what == "wrong":
            body = gzip.compress(CONTENT[:-1] + b"!")
        elif what == "html":
            headers, body = {"Content-Type": "text/html"}, b"<!DOCTYPE html><p>Log in</p>"
        elif what == "sneaky-html":
            headers, body = {"Content-Type": "application/gzip"}, b"\n <html><p>Log in</p>"
        elif what == "cut":
            headers, body = {"Content-Length": str(len(PACKED))}, PACKED[: len(PACKED) // 2]
        elif what == "large":
            body = bytes(4 * len(CONTENT))
        elif what == "lying":
            headers = {"Content-Length": str(1 << 40)}
        elif what == "bomb":
            body = gzip.compress(bytes(1 << 26))
        elif what == "missing":
            status = 404
        elif what.startswith("to-"):
            status, body = 302, b""
            headers = {"Location": self.server.targets[what]}
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        try:
            for first in range(0, len(body), 4096):
                self.wfile.write(body[first : first + 4096])
                time.sleep(0.05 if what == "slow" else 0)  # so that two downloads overlap
        except OSError:
            pass


@pytest.fixture
def web():
    """The net as a server on 127.0.0.1: every https address leads there, and no name is looked up."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Server)
    server.targets = {
        "to-good": "https://two.test/good",
        "to-http": "http://two.test/good",
        "to-file": "file:///etc/passwd",
        "to-private": "https://inside.test/good",
        "to-loopback": "https://127.0.0.1/good",
        "to-metadata": "https://169.254.169.254/latest",
        "to-itself": "https://one.test/to-itself",
    }
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()

    class Answer:
        def __init__(self, url):
            self.connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=5)
            self.connection.request("GET", urlsplit(url).path)
            self.response = self.connection.getresponse()
            self.status, self.headers = self.response.status, self.response.headers

        def blocks(self):
            while block := self.response.read1(1 << 14):
                yield block

        def close(self):
            self.response.close()
            self.connection.close()

    def resolve(host):
        return ["10.0.0.7"] if host == "inside.test" else [PUBLIC]

    reach = Web(Answer, resolve)
    object.__setattr__(reach, "port", server.server_port)
    yield reach
    server.shutdown()
    server.server_close()
    thread.join()


def _remote(*whats: str) -> Remote:
    addresses = tuple(what if ":" in what else f"https://one.test/{what}" for what in whats)
    return Remote("set/file.gz", hashlib.sha256(CONTENT).hexdigest(), len(CONTENT), addresses)


CASES = {
    "case-61-wrong-sha-256": ("wrong", "SHA-256"),
    "case-62-html-page": ("html", "a web page instead of the file"),
    "case-62-html-page-under-another-type": ("sneaky-html", "a web page instead of the file"),
    "case-63-cut-at-half": ("cut", "cut after"),
    "case-64-redirect-to-http": ("to-http", "it leads to http:"),
    "case-64-redirect-to-file": ("to-file", "it leads to file:"),
    "case-64-redirect-to-a-private-address": ("to-private", "10.0.0.7"),
    "case-64-redirect-to-this-machine": ("to-loopback", "127.0.0.1"),
    "case-64-redirect-to-link-local": ("to-metadata", "169.254.169.254"),
    "redirect-without-end": ("to-itself", "more than 5 redirects"),
    "http-address": ("http://one.test/good", "it leads to http:"),
    "too-large": ("large", "bytes"),
    "lying-length": ("lying", "1,099,511,627,776 bytes"),
    "gzip-bomb": ("bomb", "ungzips to more than"),
    "missing": ("missing", "status 404"),
}


@pytest.mark.parametrize("case", CASES)
def test_refused(case, web, tmp_path, refused):
    what, word = CASES[case]
    to = tmp_path / "set" / "file.gz"
    to.parent.mkdir()
    with refused("set/file.gz is not on this machine", "one.test", word, str(to), "SNARC_DATA", kind=DownloadError):
        download(_remote(what), to, web)
    assert list(to.parent.iterdir()) == []  # no half file under any name


@pytest.mark.parametrize("bad", ["wrong", "html", "cut", "to-http", "missing"])
def test_the_second_address_helps(bad, web, tmp_path):
    to = tmp_path / "set" / "file.gz"
    download(_remote(bad, "good"), to, web)
    assert gzip.decompress(to.read_bytes()) == CONTENT
    assert os.listdir(to.parent) == ["file.gz"]


def test_redirect_to_another_public_address_works(web, tmp_path):
    to = tmp_path / "file.gz"
    download(_remote("to-good"), to, web)
    assert to.read_bytes() == PACKED


def test_many_threads_fetch_the_same_file(web, tmp_path):
    to, faults = tmp_path / "set" / "file.gz", []

    def fetch():
        try:
            download(_remote("good"), to, web)
            assert gzip.decompress(to.read_bytes()) == CONTENT
        except BaseException as error:
            faults.append(error)

    threads = [threading.Thread(target=fetch) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert faults == []
    assert os.listdir(to.parent) == ["file.gz"]


PROCESS = """
import hashlib, sys, urllib.request
from pathlib import Path
from snarc.data._download import Web, download
from snarc.data._registered import Remote
port, to, sha256, size = sys.argv[1:]
class Answer:
    def __init__(self, url):
        self.answer = urllib.request.urlopen(f"http://127.0.0.1:{port}/slow")
        self.status, self.headers = self.answer.status, self.answer.headers
    def blocks(self):
        while block := self.answer.read(100):
            yield block
    def close(self):
        self.answer.close()
remote = Remote("set/file.gz", sha256, int(size), ("https://one.test/slow",))
download(remote, Path(to), Web(Answer, lambda host: ["8.8.8.8"]))
"""


def test_case_65_two_processes_fetch_the_same_file(web, tmp_path):
    to = tmp_path / "set" / "file.gz"
    facts = [str(web.port), str(to), hashlib.sha256(CONTENT).hexdigest(), str(len(CONTENT))]
    running = [
        subprocess.Popen([sys.executable, "-c", PROCESS, *facts], stderr=subprocess.PIPE, text=True) for _ in range(2)
    ]
    ends = [(process.communicate()[1], process.returncode) for process in running]
    assert [code for _, code in ends] == [0, 0], ends
    assert gzip.decompress(to.read_bytes()) == CONTENT
    assert os.listdir(to.parent) == ["file.gz"]


@pytest.mark.parametrize("what", ["good", "cut", "missing", "to-good"])
def test_the_way_to_the_net_itself(what, web):
    """The real HTTP client, against the same server; HTTPS is asked for elsewhere, before it is called."""
    answer = _net().get(f"http://127.0.0.1:{web.port}/{what}")
    try:
        if what == "cut":
            with pytest.raises(ConnectionError, match="cut"):
                list(answer.blocks())
        else:
            assert answer.status == {"good": 200, "missing": 404, "to-good": 302}[what]  # a redirect is not followed
        if what == "good":
            assert b"".join(answer.blocks()) == PACKED
            assert answer.headers["Content-Length"] == str(len(PACKED))
    finally:
        answer.close()


def test_content_is_found_in_the_cache_and_had_again_when_damaged(web, tmp_path, monkeypatch):
    remote = _remote("good")
    monkeypatch.setitem(canonical.FILES, remote.path, remote)
    monkeypatch.setenv("SNARC_HOME", str(tmp_path))
    monkeypatch.delenv("SNARC_DATA", raising=False)
    monkeypatch.setattr("snarc.data._download._net", lambda: web)
    path = canonical.fetch(remote.path)
    assert path == tmp_path / "data" / "set" / "file.gz"
    path.write_bytes(PACKED[:-5])
    assert canonical.content(remote.path)[0] == CONTENT
    monkeypatch.setattr("snarc.data._download._net", lambda: pytest.fail("the net was used"))
    assert canonical.content(remote.path)[1]["sha256"] == remote.sha256


def test_another_file_under_the_users_own_folder_is_refused_and_kept(tmp_path, refused):
    path = tmp_path / "mnist" / "train-images-idx3-ubyte.gz"
    path.parent.mkdir()
    path.write_bytes(gzip.compress(b"something else"))
    with refused(str(path), "SHA-256", "ba891046"):
        canonical.fetch("mnist/train-images-idx3-ubyte.gz", root=tmp_path)
    assert path.exists()


def test_offline_error_says_what_to_put_where(tmp_path):
    """A real process whose every connection fails, as on a machine without a network."""
    code = """
import socket, sys
def none(*args, **kwargs): raise socket.gaierror(-2, "Name or service not known")
socket.getaddrinfo = none
import snarc.data
from snarc.errors import DownloadError
try:
    snarc.data.load("mnist")
except DownloadError as error:
    print(error)
assert "jax" not in sys.modules
"""
    env = {k: v for k, v in os.environ.items() if "proxy" not in k.lower() and not k.startswith("SNARC")}
    env["SNARC_HOME"] = str(tmp_path)
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True)
    assert str(tmp_path / "data" / "mnist" / "train-images-idx3-ubyte.gz") in done.stdout
    assert done.stdout.count("no such host, or no network") == 2  # both addresses were tried
    assert done.stdout.count("\n") == 1


def test_every_registered_address_is_https_on_two_hosts():
    for remote in canonical.FILES.values():
        assert len(remote.sha256) == 64
        for address in remote.addresses:
            check_address(address, lambda host: [PUBLIC])
        if remote.addresses:
            assert len({urlsplit(a).hostname for a in remote.addresses}) == 2
