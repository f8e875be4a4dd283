"""Files that are whole or absent, whatever happens while they are written.

A file is written under a temporary name in its folder, forced to the disk,
renamed, and then its folder is forced to the disk too: after a crash there
is the old file or the new one.  Every failure reaches the caller as an error
that names the path.
"""

from __future__ import annotations

import contextlib
import os
import re
import secrets
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from snarc.errors import RunError, SnarcError
from snarc.training import jsontext
from snarc.training.disk import (
    TEMPORARY,
    Bytes,
    read_bytes,
    remove,
    require_space,
    sha256,
    sync_folder,
    told,
    write_all,
    write_new,
)

__all__ = [
    "append_line",
    "fresh_folder",
    "read_bytes",
    "read_json",
    "read_lines",
    "require_space",
    "sha256",
    "sweep",
    "write_atomic",
    "write_json",
    "write_lines",
]

_LOG = os.O_RDWR | os.O_CREAT | os.O_APPEND | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)


def write_atomic(path: Path | str, data: bytes | str | Iterable[Bytes]) -> None:
    """Write a file so that a reader, also after a crash, finds the old content or the new, never a part.

    Parameters
    ----------
    path: the file; its folder must exist.
    data: text (written as UTF-8), bytes, or pieces of bytes.

    Raises
    ------
    DiskFullError, RunError: it could not be written; what was there before still is.
    """
    path = Path(path)
    pieces: Iterable[Bytes] = [data.encode()] if isinstance(data, str) else [data] if isinstance(data, bytes) else data
    temporary = path.with_name(f"{TEMPORARY}{secrets.token_hex(6)}-{path.name}")
    with told(path):
        try:
            write_new(temporary, pieces)
            os.replace(temporary, path)
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(temporary)
            raise
        sync_folder(path.parent)


def write_json(path: Path | str, value: Any) -> None:
    """Write a value as indented JSON, as :func:`write_atomic` does; NumPy scalars are written as numbers.

    Raises
    ------
    ValueError, TypeError: the value is not JSON, or not finite (see :func:`snarc.training.jsontext.text`).
    DiskFullError, RunError: it could not be written.
    """
    write_atomic(path, jsontext.text(value, indent=2) + b"\n")


def read_json(path: Path | str, *, limit: int = jsontext.LIMIT, error: type[SnarcError] = RunError) -> Any:
    """Read JSON strictly: no NaN or Infinity, no key twice, at most 20 levels deep.

    Parameters
    ----------
    path: the file.
    limit: largest size in bytes.
    error: the class of :mod:`snarc.errors` to raise.
    """
    return jsontext.parse(bytes(read_bytes(path, limit=limit, error=error)), str(path), limit=limit, error=error)


def append_line(path: Path | str, value: Any) -> None:
    """Append a value to a file of JSON lines; a line torn by a crash is cut off first.

    The line is handed to the operating system at once, so it outlives the process, though not a power cut.

    Raises
    ------
    ValueError, TypeError: the value is not JSON, or not finite.
    DiskFullError, RunError: it could not be written; no part of the line stays.
    """
    line = jsontext.text(value) + b"\n"
    with told(path, len(line)):
        handle = os.open(path, _LOG, 0o600)
        try:
            end = _whole_lines(handle)
            try:
                write_all(handle, line)
            except BaseException:
                with contextlib.suppress(OSError):
                    os.ftruncate(handle, end)
                raise
        finally:
            os.close(handle)


def read_lines(path: Path | str) -> list[Any]:
    """The values of a file of JSON lines; a torn last line is left out, a missing file has no lines.

    Raises
    ------
    RunError: another line is damaged; the message has its number.
    """
    if not os.path.lexists(path):
        return []
    lines = bytes(read_bytes(path)).split(b"\n")[:-1]
    return [jsontext.parse(line, f"{path}, line {number}") for number, line in enumerate(lines, 1)]


def write_lines(path: Path | str, values: Iterable[Any]) -> None:
    """Replace a file of JSON lines, as when a run goes back to its last checkpoint."""
    write_atomic(path, b"".join(jsontext.text(value) + b"\n" for value in values))


def fresh_folder(parent: Path | str, name: str) -> Path:
    """Make and return the next free folder ``name-1``, ``name-2``, ... in ``parent``, open to its owner only.

    Two processes never get the same one.

    Raises
    ------
    RunError: the name is not plain, or the folder cannot be made.
    """
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}", name):
        raise RunError(
            f"{name!r} as the name of a folder",
            wanted="at most 100 letters, digits, '.', '_' and '-'",
            way_out="Choose a plain name.",
        )
    parent = Path(parent)
    with told(parent):
        parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        taken = [int(n) for p in parent.iterdir() if (n := p.name.removeprefix(f"{name}-")) != p.name and n.isdecimal()]
        number = max(taken, default=0)
        while True:
            number += 1
            with contextlib.suppress(FileExistsError):
                os.mkdir(parent / f"{name}-{number}", 0o700)
                sync_folder(parent)
                return parent / f"{name}-{number}"


def sweep(folder: Path | str) -> None:
    """Remove what a killed writer left under temporary names, here and up to two levels below.

    Only the one who holds the folder's lock may, else another's unfinished work is lost.
    """
    with told(folder):
        for pattern in (f"{TEMPORARY}*", f"*/{TEMPORARY}*", f"*/*/{TEMPORARY}*"):
            for left in sorted(Path(folder).glob(pattern)):
                remove(left)


def _whole_lines(handle: int) -> int:
    """Cut off what follows the last line break; the size that is left."""
    size = end = os.lseek(handle, 0, os.SEEK_END)
    while end:
        start = max(0, end - 4096)
        os.lseek(handle, start, os.SEEK_SET)
        found = os.read(handle, end - start).rfind(b"\n")
        if found >= 0:
            end = start + found + 1
            break
        end = start
    if end < size:
        os.ftruncate(handle, end)
    return end
