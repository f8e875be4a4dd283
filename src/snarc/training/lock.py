"""One writer for each run folder, by a lock of the operating system that dies with its process."""

from __future__ import annotations

import contextlib
import datetime
import errno
import os
import platform
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from snarc.errors import LockedRunError, RunError
from snarc.training import jsontext
from snarc.training.disk import told, write_all

_OPEN = os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
_FAR = 1 << 30  # Windows forbids reading what is locked; this byte is past the text
_TAKEN = (errno.EAGAIN, errno.EACCES, errno.EDEADLK)
_NO_LOCKS = (errno.ENOLCK, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS)


@contextlib.contextmanager
def hold(folder: Path | str) -> Iterator[None]:
    """Hold the lock of a folder: the file ``lock`` in it, which names the process and the host.

    Raises
    ------
    LockedRunError: somebody holds it already; at once, without waiting.
    RunError: the folder cannot be written to, or its file system has no locks.
    """
    path = Path(folder) / "lock"
    with told(path):
        handle = os.open(path, _OPEN, 0o600)
    try:
        _take(handle, path)
        holder = {
            "pid": os.getpid(),
            "host": platform.node(),
            "since": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        }
        with told(path):
            os.lseek(handle, 0, os.SEEK_SET)
            os.ftruncate(handle, 0)
            write_all(handle, jsontext.text(holder) + b"\n")
        yield
    finally:
        os.close(handle)  # frees the lock; the file stays, since removing it could free another's


def _take(handle: int, path: Path) -> None:
    try:
        _lock_call()(handle)
    except OSError as caught:
        if caught.errno in _TAKEN:
            raise _locked(handle, path) from None
        if caught.errno in _NO_LOCKS:
            raise RunError(
                f"the file system of {path.parent} has no locks, so a second writer could not be kept out",
                wanted="a folder on a file system with locks (NFS: mounted without 'nolock')",
                way_out="Choose a folder on a local disk.",
            ) from caught
        with told(path):
            raise


def _lock_call() -> Callable[[int], Any]:
    try:
        import fcntl
    except ImportError:  # Windows
        import msvcrt

        def lock(handle: int) -> None:
            os.lseek(handle, _FAR, os.SEEK_SET)
            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined]

        return lock
    return lambda handle: fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)


def _locked(handle: int, path: Path) -> LockedRunError:
    who = "another process"
    with contextlib.suppress(RunError, OSError, TypeError, KeyError):  # its text may be half written
        os.lseek(handle, 0, os.SEEK_SET)
        holder = jsontext.parse(os.read(handle, 4096), str(path))
        who = f"process {holder['pid']} on {holder['host']} (since {holder['since']})"
    return LockedRunError(
        f"{path.parent} is being written by {who}",
        wanted="one writer at a time",
        way_out="Wait for it, stop it, or train into another folder.",
    )
