"""Sockets and connections: where the server listens, and how long a connection may take."""

from __future__ import annotations

import asyncio
import errno
import ipaddress
import socket
from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol

from snarc.errors import RunError

from . import limits
from .guard import ANSWER_HEADERS


def _bare(status: bytes, *lines: bytes) -> bytes:
    """An answer that is given before anything reaches the guard, with the headers that the guard would add."""
    headers = (b"Content-Length: 0", b"Connection: close", *lines, *(b": ".join(pair) for pair in ANSWER_HEADERS))
    return b"\r\n".join((b"HTTP/1.1 " + status, *headers, b"", b""))


BUSY = _bare(b"503 Service Unavailable", b"Retry-After: 1")
NO_HTTP = _bare(b"400 Bad Request")


class Connection(H11Protocol):
    """A connection of Uvicorn's with clocks: for the header, and for a request with its answer."""

    _refused = False
    _clock: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        if len(self.connections) >= limits.CONNECTIONS:
            self._refused = True
            transport.write(BUSY)
            transport.close()
            return
        super().connection_made(transport)
        self._wait(limits.HEADER_SECONDS)

    def data_received(self, data: bytes) -> None:
        if self._refused:
            return
        before = self.cycle
        if self._clock is None:
            self._wait(limits.HEADER_SECONDS)
        super().data_received(data)
        if self.cycle is not before:  # the header is complete
            self._wait(limits.REQUEST_SECONDS)

    def send_400_response(self, msg: str) -> None:
        if self.cycle is None or self.cycle.response_complete:
            self.transport.write(NO_HTTP)
        self.transport.close()

    def eof_received(self) -> None:
        if not self._refused:
            super().eof_received()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop()
        if not self._refused:
            super().connection_lost(exc)

    def on_response_complete(self) -> None:
        # What a slow client has not read yet stays under the clock.
        if not self.transport.get_write_buffer_size():
            self._stop()
        super().on_response_complete()

    def pause_writing(self) -> None:
        if not self._refused:
            super().pause_writing()

    def resume_writing(self) -> None:
        if not self._refused:
            super().resume_writing()

    def _wait(self, seconds: float) -> None:
        self._stop()
        self._clock = self.loop.call_later(seconds, self._late)

    def _stop(self) -> None:
        if self._clock is not None:
            self._clock.cancel()
            self._clock = None

    def _late(self) -> None:
        self._clock = None
        at_work = self.cycle is not None and not self.cycle.response_complete
        if at_work and self.scope["state"].get("stream"):
            return
        self.transport.abort()


def listen(address: str | None, port: int) -> list[socket.socket]:
    """Sockets that listen: on both loopback addresses, or on one other address.

    Parameters
    ----------
    address: none for this machine alone.
    port: 0 for one that is free.

    Raises
    ------
    RunError: the port is taken or forbidden, or the address is not one of this machine.
    """
    if address is not None:
        return [_socket(address, port)]
    first = _socket("127.0.0.1", port)
    found = [first]
    if socket.has_ipv6:
        try:
            found.append(_socket("::1", first.getsockname()[1]))
        except RunError:
            pass  # no IPv6 here, or another program has that port there; nobody is sent to that address then
    return found


def names(sockets: list[socket.socket]) -> list[str]:
    """What the header Host may be, the one to print first."""
    port = sockets[0].getsockname()[1]
    hosts = []
    for one in sockets:
        address = one.getsockname()[0]
        hosts.append(f"[{address}]" if ":" in address else address)
    if "127.0.0.1" in hosts:
        hosts.insert(1, "localhost")
    # Browsers leave the port of HTTP out.
    return [f"{host}:{port}" for host in hosts] + (hosts if port == 80 else [])


def check_address(address: str) -> str:
    """An address of one interface, in its usual form.

    Raises
    ------
    RunError: no address, or one that stands for all interfaces.
    """
    try:
        found = ipaddress.ip_address(address.strip("[]"))
    except ValueError:
        raise RunError(
            f"--listen {address}", wanted="an IP address of this machine", way_out="Write --listen 192.168.1.5, say."
        ) from None
    if found.is_unspecified:
        raise RunError(
            f"--listen {address}, which stands for every network that this machine is in",
            wanted="the address of one of them",
            way_out="Name the address that others reach this machine by.",
        )
    return str(found)


def _socket(address: str, port: int) -> socket.socket:
    made = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_STREAM)
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if ":" in address:
            made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        made.bind((address, port))
        made.listen(limits.CONNECTIONS)
    except (OSError, OverflowError) as error:
        made.close()
        if getattr(error, "errno", None) == errno.EADDRNOTAVAIL:
            raise RunError(
                f"{address} is no address of this machine",
                wanted="one that it has in a network",
                way_out="Leave --listen out, or look the address up in the settings of the network.",
            ) from None
        why = "is taken" if getattr(error, "errno", None) == errno.EADDRINUSE else f"cannot be had: {error}"
        raise RunError(
            f"port {port} on {address} {why}", wanted="a free port of this machine", way_out="Leave --port out."
        ) from None
    return made
