"""Servers of pages that run for the length of a test module, and a raw socket to each."""

from __future__ import annotations

import functools
import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest

import snarc
from snarc.layers.standardise import Standardise
from snarc.models.network import Network, build

pytest.importorskip("starlette", reason="the local pages need the extra 'web'")
pytest.importorskip("uvicorn", reason="the local pages need the extra 'web'")


@dataclass
class Reply:
    """What came back: the status, the headers in small letters, the body."""

    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        """The object in the body."""
        return json.loads(self.body)


@dataclass
class Door:
    """A running server."""

    port: int
    token: str
    guard: Any
    session: str = ""
    extra: dict[str, Any] = field(default_factory=dict)

    @property
    def host(self) -> str:
        """What a browser sends."""
        return f"127.0.0.1:{self.port}"

    def connect(self) -> socket.socket:
        """A new connection."""
        return socket.create_connection(("127.0.0.1", self.port), timeout=20)

    def raw(self, data: bytes, *, body: bool = True) -> Reply:
        """Send these bytes and read one answer, which has no body if it was asked by HEAD."""
        with self.connect() as wire:
            try:
                wire.sendall(data)
            except (BrokenPipeError, ConnectionResetError):
                pass  # it answered before it had read everything
            return read(wire, body=body)

    def ask(self, method: str, path: str, body: Any = None, *, headers: dict[str, str | None] | None = None) -> Reply:
        """A request as the page makes it; ``headers`` changes some, and leaves out those that are none."""
        content = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        sent: dict[str, str | None] = {
            "Host": self.host,
            "Origin": f"http://{self.host}",
            "Sec-Fetch-Site": "same-origin",
            "X-Snarc": "1",
            "X-Snarc-Session": self.session,
            "Content-Type": "application/json",
            "Content-Length": str(len(content)),
            **(headers or {}),
        }
        lines = [f"{method} {path} HTTP/1.1", *(f"{k}: {v}" for k, v in sent.items() if v is not None), "", ""]
        return self.raw("\r\n".join(lines).encode("latin-1") + content, body=method != "HEAD")


def read(wire: socket.socket, *, body: bool = True) -> Reply:
    """One answer; status 0 where the connection was closed without one."""
    file = wire.makefile("rb")
    try:
        first = file.readline()
        if not first:
            return Reply(0, {}, b"")
        headers: dict[str, str] = {}
        while line := file.readline().strip():
            name, _, value = line.decode("latin-1").partition(":")
            headers[name.lower()] = value.strip()
        length = int(headers.get("content-length", "0")) if body else 0
        return Reply(int(first.split()[1]), headers, file.read(length))
    except ConnectionResetError:
        return Reply(0, {}, b"")
    finally:
        file.close()


@contextmanager
def serving(*pages: Any) -> Iterator[Door]:
    """A server of these pages in a thread; ended, and all its sockets closed, with the block."""
    from snarc.playground.server import ready

    with ready(pages) as (address, running):
        thread = threading.Thread(target=running.run)
        thread.start()
        try:
            until = time.monotonic() + 20
            while not running.server.started:
                assert time.monotonic() < until
                time.sleep(0.01)
            door = Door(running.sockets[0].getsockname()[1], address.sessions.token, running.server.config.app)
            door.session = address.sessions.exchange(door.token) or ""
            door.extra = {"address": address, "running": running}
            yield door
        finally:
            running.stop()
            thread.join(20)
            assert not thread.is_alive()


def made(dataset: Any, *networks: Any) -> Any:
    """A run of networks that nobody trained, so that nothing has to be compiled for it."""
    from snarc.training import Recipe, Run
    from snarc.training.history import History

    about = {"dataset": {"name": dataset.name, "dtype": str(dataset.train.inputs.dtype), "source": {}}}
    return Run(
        None, Recipe(model="mlp"), networks, History([]), "finished", dataset.task, dataset.inputs, about, dataset
    )  # fmt: skip


@pytest.fixture(scope="session")
def small_run(digits):
    """Two networks of 24 random hidden units on scikit-learn's digits, 8 x 8; least squares made their last layers."""
    networks = []
    for seed in range(2):
        body = build("mlp", inputs=(8, 8, 1), outputs=10, seed=seed, options={"layers": "64-24-10"})
        network = Network(Standardise(1), body)
        last, features = list(
            snarc.subject(network, input_shape=(8, 8, 1), classes=10).received(digits.train.inputs).items()
        )[-1]
        weights = np.linalg.lstsq(np.asarray(features), np.eye(10)[digits.train.targets], rcond=None)[0]
        layer = functools.reduce(_part, last.split("."), network)
        layer.kernel[...] = jnp.asarray(12 * weights, jnp.float32)
        networks.append(network)
    run = made(digits, *networks)
    assert run.test.accuracy.mean > 0.7
    return run


def _part(module: Any, name: str) -> Any:
    return module[int(name)] if name.isdigit() else getattr(module, name)


@pytest.fixture(scope="session")
def drawing(small_run):
    """The page of that run."""
    from snarc.playground.drawing import Drawing

    return Drawing(small_run)


# A seven: a bar, and a slanting stem.
SEVEN = [{"points": [0.25, 0.2, 0.75, 0.2, 0.6, 0.5, 0.45, 0.85], "width": 0.1}]
