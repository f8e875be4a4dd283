"""The few operations on the disk that everything durable is made of."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import shutil
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path

from snarc.errors import DiskFullError, LimitError, RunError, SnarcError
from snarc.training import jsontext

TEMPORARY = ".tmp-"
MARGIN = 64 * 1024  # room for names, manifests and rounding to blocks
Bytes = bytes | bytearray | memoryview
_CHUNK = 8 * 1024 * 1024
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
_READ = os.O_RDONLY | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0) | getattr(os, "O_NONBLOCK", 0)


def write_new(path: Path, pieces: Iterable[Bytes]) -> tuple[str, int]:
    """Write a file that did not exist and force it to the disk; its SHA-256 and its size in bytes."""
    digest, size = hashlib.sha256(), 0
    handle = os.open(path, _NEW, 0o600)
    try:
        for piece in pieces:
            view = memoryview(piece)
            for start in range(0, len(view), _CHUNK):
                part = view[start : start + _CHUNK]
                digest.update(part)
                write_all(handle, part)
                size += len(part)
        os.fsync(handle)
    except BaseException:
        with contextlib.suppress(OSError):
            os.close(handle)
        raise
    os.close(handle)  # some file systems report a failed write only here
    return digest.hexdigest(), size


def write_all(handle: int, data: Bytes) -> None:
    """Write all of it, in as many calls as the system takes."""
    view = memoryview(data)
    while view:
        view = view[os.write(handle, view) :]


def sync_folder(path: Path) -> None:
    """Force the names in a folder to the disk; Windows does so by itself."""
    if os.name == "nt":
        return
    handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    except OSError as caught:
        if caught.errno != errno.EINVAL:  # this file system cannot; there is nothing better to do
            raise
    finally:
        os.close(handle)


@contextlib.contextmanager
def opened(path: Path | str, error: type[SnarcError]) -> Iterator[int]:
    """A handle to read a regular file with; pipes, devices and folders are refused, and no opening waits for them."""
    try:
        handle = os.open(path, _READ)
        try:
            if not stat.S_ISREG(os.fstat(handle).st_mode):
                raise error(f"{path} is not a regular file", wanted="a file", way_out="Give the path of a file.")
            yield handle
        finally:
            os.close(handle)
    except OSError as caught:
        reason = "is missing" if caught.errno == errno.ENOENT else f"cannot be read: {why(caught)}"
        raise error(f"{path} {reason}", wanted="a readable file", way_out="Check the path and its rights.") from caught


def read_bytes(path: Path | str, *, limit: int | None = None, error: type[SnarcError] = RunError) -> bytearray:
    """The content of a regular file of at most ``limit`` bytes.

    Raises
    ------
    error: there is no such file, it cannot be read, or it is larger than the limit.
    LimitError: it is larger than the memory of this machine.
    """
    with opened(path, error) as handle:
        size = os.fstat(handle).st_size
        if limit is not None and size > limit:
            raise jsontext.too_long(str(path), limit, error)
        if size > _memory():
            raise LimitError(
                f"{path} has {size} bytes",
                wanted=f"at most the {_memory()} of this machine",
                way_out="Use a larger one.",
            )
        found, filled = bytearray(size), 0
        with memoryview(found) as view, open(handle, "rb", buffering=0, closefd=False) as file:
            while filled < size and (count := file.readinto(view[filled : filled + _CHUNK])):
                filled += count
        del found[filled:]
        return found


def sha256(path: Path | str, *, error: type[SnarcError] = RunError) -> str:
    """The SHA-256 of a file, in hexadecimal."""
    with opened(path, error) as handle, open(handle, "rb", buffering=0, closefd=False) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def remove(path: Path) -> None:
    """Remove a file, a link (not what it points to) or a folder with all that is in it."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        os.unlink(path)


def require_space(path: Path | str, needed: int) -> None:
    """Raise DiskFullError unless ``needed`` bytes and a small margin are free where ``path`` lies."""
    with told(path):
        free = shutil.disk_usage(path).free
    if free < needed + MARGIN:
        raise _full(path, needed, free)


@contextlib.contextmanager
def told(path: Path | str, needed: int | None = None) -> Iterator[None]:
    """Turn a failure of the operating system into DiskFullError or RunError that names the path."""
    try:
        yield
    except OSError as caught:
        if caught.errno in (errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC)):
            free = None
            with contextlib.suppress(OSError):
                free = shutil.disk_usage(Path(path).parent).free
            raise _full(path, needed, free) from caught
        raise RunError(
            f"{path} cannot be written: {why(caught)}",
            wanted="a folder that can be written to",
            way_out="Check the disk and the rights of the folder, or choose another.",
        ) from caught


def why(caught: OSError) -> str:
    """What the operating system said, with its number's name."""
    return f"{caught.strerror or caught} ({errno.errorcode.get(caught.errno or 0, 'no number')})"


def _full(path: Path | str, needed: int | None, free: int | None) -> DiskFullError:
    return DiskFullError(
        f"{path} needs {'more' if needed is None else needed} bytes, free are {'fewer' if free is None else free}",
        wanted="enough room on the disk",
        way_out="Free some space or choose a folder on another disk; what was saved before is untouched.",
    )


def _memory() -> int:
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):  # not everywhere told
        return 2**63
