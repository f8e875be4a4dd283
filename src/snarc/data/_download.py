"""Downloading a canonical file: HTTPS only, bounded, checked before it gets its name."""

from __future__ import annotations

import contextlib
import ipaddress
import logging
import os
import socket
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urljoin, urlsplit

from snarc.errors import DataError, DownloadError, SnarcError

from ._registered import Remote

REDIRECTS = 5
ADDRESSES_SECONDS = 600  # the longest that one address may take
BLOCK = 1 << 16


class Answer(Protocol):
    """What one GET gives: the status, the headers, and the bytes as they come."""

    status: int
    headers: Any

    def blocks(self) -> Iterator[bytes]:
        """The body, undecoded, a block at a time."""

    def close(self) -> None:
        """Hang up."""


@dataclass(frozen=True)
class Web:
    """How the net is reached; tests put a server of their own here.

    Attributes
    ----------
    get: one GET of a URL, without following where it points.
    resolve: the IP addresses of a host name.
    """

    get: Callable[[str], Answer]
    resolve: Callable[[str], list[str]]


def download(remote: Remote, to: Path, web: Web | None = None) -> None:
    """Have a canonical file from the first of its addresses that gives it.

    It is written to a temporary name in the same folder, its SHA-256 checked, flushed to disk and renamed, so that a
    file of that name is whole even if several processes fetch it at once.

    Raises
    ------
    DownloadError: no address gave it; the message says what each did, and where to put the file.
    """
    import pooch

    web = web or _net()
    failed = []
    for address in remote.addresses:
        try:
            to.parent.mkdir(parents=True, exist_ok=True)
            if sys.stderr is not None:
                print(f"snarc: fetching {remote.path} from {urlsplit(address).hostname}", file=sys.stderr)
            take = _Taker(remote, web)
            # Pooch makes the temporary file and renames it; the hash is ours, because it is of what is inside the gzip.
            with _quiet(pooch.get_logger()):
                pooch.retrieve(address, known_hash=None, fname=to.name, path=to.parent, downloader=take)
            _flush_folder(to.parent)
            return
        except SnarcError as error:
            failed.append(f"{urlsplit(address).hostname}: {error.came}")
        except OSError as error:  # requests' errors are OSErrors too
            failed.append(f"{urlsplit(address).hostname}: {_reason(error)}")
    tried = "; ".join(failed) if failed else "it has no address to download it from"
    raise DownloadError(
        f"{remote.path} is not on this machine ({tried})",
        wanted=f"a file whose content has the SHA-256 {remote.sha256}",
        way_out=f"Put it at {to}, or at {remote.path} under a folder that SNARC_DATA names.",
    )


class _Taker:
    """A Pooch downloader that follows redirects itself, counts bytes and checks the content."""

    def __init__(self, remote: Remote, web: Web) -> None:
        self.remote, self.web = remote, web

    def __call__(self, url: str, output_file: Any, pooch: Any, check_only: bool = False) -> None:
        remote, until = self.remote, time.monotonic() + ADDRESSES_SECONDS
        # A gzip file may be a little larger than what is in it, never more than this.
        most = remote.bytes + remote.bytes // 100 + 4096
        answer = self._follow(url)
        with contextlib.closing(answer), open(output_file, "wb") as file:
            size = _length(answer)
            if size is not None and size > most:
                raise _bad(f"a file of {size:,} bytes", f"at most {most:,} bytes")
            got = 0
            with _progress(remote.path, size) as tell:
                for block in answer.blocks():
                    if got == 0 and block.lstrip()[:9].lower().startswith((b"<!doctype", b"<html")):
                        raise _bad("a web page instead of the file", "the file")
                    got += len(block)
                    if got > most:
                        raise _bad(f"more than {most:,} bytes", f"at most {most:,} bytes")
                    if time.monotonic() > until:
                        raise _bad(f"{got:,} bytes in {ADDRESSES_SECONDS} seconds", "a faster answer")
                    file.write(block)
                    tell(got)
            if size is not None and got != size:
                raise _bad(f"the connection was cut after {got:,} of {size:,} bytes", "the whole file")
            file.flush()
            os.fsync(file.fileno())
        self._check(output_file)

    def _check(self, path: Any) -> None:
        from .canonical import digest, read_canonical

        try:
            found = digest(read_canonical(path, self.remote))
        except DataError as error:
            raise _bad(error.came.replace(str(path), "what came"), "the canonical file") from None
        if found != self.remote.sha256:
            raise _bad(f"a file whose SHA-256 is {found}", f"the canonical one, {self.remote.sha256}")

    def _follow(self, url: str) -> Answer:
        for _ in range(REDIRECTS + 1):
            check_address(url, self.web.resolve)
            answer = self.web.get(url)
            if answer.status in (301, 302, 303, 307, 308) and answer.headers.get("Location"):
                url = urljoin(url, answer.headers["Location"])
                answer.close()
                continue
            if answer.status != 200:
                answer.close()
                raise _bad(f"status {answer.status}", "status 200")
            if "text/html" in (answer.headers.get("Content-Type") or ""):
                answer.close()
                raise _bad("a web page instead of the file", "the file")
            return answer
        raise _bad(f"more than {REDIRECTS} redirects", "the file")


def check_address(url: str, resolve: Callable[[str], list[str]]) -> None:
    """Refuse an address that is not HTTPS, or whose host is on this machine or a private network."""
    parts = urlsplit(url)
    if parts.scheme != "https" or not parts.hostname or parts.username:
        raise _bad(f"it leads to {parts.scheme or 'no'}: ({url[:200]})", "an https: address")
    try:
        hosts = [str(ipaddress.ip_address(parts.hostname))]
    except ValueError:
        hosts = resolve(parts.hostname)
    for host in hosts:
        if not ipaddress.ip_address(host.partition("%")[0]).is_global:
            raise _bad(f"it leads to a private address, {parts.hostname} ({host})", "a public address")


def _bad(came: str, wanted: str) -> DownloadError:
    return DownloadError(came, wanted=wanted, way_out="Download it by hand.")


def _length(answer: Answer) -> int | None:
    text = answer.headers.get("Content-Length")
    return int(text) if text and text.isascii() and text.isdigit() else None


def _flush_folder(folder: Path) -> None:
    if os.name == "posix":
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


@contextlib.contextmanager
def _quiet(logger: logging.Logger) -> Iterator[None]:
    level = logger.level
    logger.setLevel(logging.WARNING)
    try:
        yield
    finally:
        logger.setLevel(level)


def _reason(error: OSError) -> str:
    name = type(error).__name__
    if isinstance(error, socket.gaierror) or "NameResolution" in str(error):
        return "no such host, or no network"
    if "Timeout" in name or isinstance(error, TimeoutError):
        return "no answer in time"
    if "SSL" in name:
        return "its certificate cannot be trusted"
    if error.strerror:
        return error.strerror
    return str(error) if type(error) is ConnectionError else "no connection"


@contextlib.contextmanager
def _progress(what: str, size: int | None) -> Iterator[Callable[[int], None]]:
    if sys.stderr is None or not sys.stderr.isatty():
        yield lambda done: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True, refresh_per_second=4) as bar:
        task = bar.add_task(what, total=size)
        yield lambda done: bar.update(task, completed=done)


def _net() -> Web:
    import requests
    import urllib3

    class FromNet:
        def __init__(self, url: str) -> None:
            # Identity: a proxy that gzips once more would make the length of the body unknown.
            self.answer = requests.get(
                url, stream=True, timeout=(10, 30), allow_redirects=False, headers={"Accept-Encoding": "identity"}
            )
            self.status, self.headers = self.answer.status_code, self.answer.headers

        def blocks(self) -> Iterator[bytes]:
            try:
                yield from self.answer.raw.stream(BLOCK, decode_content=False)
            except urllib3.exceptions.HTTPError:
                raise ConnectionError("the connection was cut") from None

        def close(self) -> None:
            self.answer.close()

    def resolve(host: str) -> list[str]:
        try:
            return [str(entry[4][0]) for entry in socket.getaddrinfo(host, 443, type=socket.SOCK_STREAM)]
        except socket.gaierror:
            if requests.utils.get_environ_proxies(f"https://{host}/").get("https"):
                return []  # behind a proxy names are often resolved only there
            raise

    return Web(FromNet, resolve)
