"""Opening files that come from outside: only regular ones, never more bytes than allowed."""

from __future__ import annotations

import os
import stat
import zlib
from pathlib import Path
from typing import BinaryIO

from snarc.errors import DataError

BLOCK = 1 << 20
EXPANDS = 100  # an archive that grows by more than this factor is a bomb; MNIST grows by 5
SMALL = 64 << 20  # below this size no factor is refused


def open_regular(path: str | os.PathLike[str], wanted: str) -> BinaryIO:
    """Open a regular file for reading bytes; anything else is refused without being read.

    Parameters
    ----------
    path: the file.
    wanted: what kind of file was expected, for the message.

    Raises
    ------
    DataError: no such file, a folder, a pipe, a device, or not readable by this user.
    """
    path = Path(path)
    try:
        kind = path.stat().st_mode
        if not stat.S_ISREG(kind):
            raise DataError(f"{path} is {_kind(kind)}", wanted=wanted, way_out="Give the path of a file.")
        # Without O_NONBLOCK a file swapped for a pipe between the two calls would hang the open.
        handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            os.close(handle)
            raise DataError(f"{path} is not a regular file", wanted=wanted, way_out="Give the path of a file.")
        return os.fdopen(handle, "rb")
    except (OSError, ValueError) as error:
        if isinstance(error, DataError):
            raise
        raise unreadable(path, error, wanted) from None


def unreadable(path: str | os.PathLike[str], error: Exception, wanted: str) -> DataError:
    """The error for a path that the operating system refuses to open or to list."""
    if isinstance(error, FileNotFoundError):
        return DataError(f"there is no file {os.fspath(path)}", wanted=wanted, way_out="Check the path.")
    if isinstance(error, PermissionError):
        way_out = "Give yourself the right to read it (chmod u+r)."
        return DataError(f"{os.fspath(path)} may not be read by this user", wanted=wanted, way_out=way_out)
    why = getattr(error, "strerror", None) or str(error)
    return DataError(f"{os.fspath(path)} cannot be read: {why}", wanted=wanted, way_out="Check the path.")


def _kind(mode: int) -> str:
    if stat.S_ISDIR(mode):
        return "a folder"
    if stat.S_ISFIFO(mode):
        return "a pipe"
    if stat.S_ISSOCK(mode):
        return "a socket"
    return "a device"


def read_all(path: str | os.PathLike[str], wanted: str, most: int) -> bytes:
    """The bytes of a file, ungzipped if it begins as gzip does, refused above ``most`` bytes."""
    with open_regular(path, wanted) as file:
        head = file.read(2)
        file.seek(0)
        if head == b"\x1f\x8b":
            return gunzip(file, path, most)
        size = os.fstat(file.fileno()).st_size
        if size > most:
            way_out = "Check that it is the right file."
            raise DataError(f"{path} holds {size:,} bytes", wanted=f"at most {most:,} bytes", way_out=way_out)
        return file.read(size)  # read(most) would set aside that much memory


def gunzip(file: BinaryIO, path: str | os.PathLike[str], most: int) -> bytes:
    """What a gzip file holds.

    Raises
    ------
    DataError: it is truncated or damaged, holds more than ``most`` bytes, or grows like a bomb.
    """
    packed = os.fstat(file.fileno()).st_size
    limit = min(most, max(SMALL, EXPANDS * packed))
    out = bytearray()
    inflate = zlib.decompressobj(31)
    whole = "a whole gzip file"
    try:
        while block := (inflate.unused_data or inflate.unconsumed_tail or file.read(BLOCK)):
            if inflate.eof:
                if out and not block.startswith(b"\x1f\x8b"):
                    if block.strip(b"\0"):
                        raise zlib.error("bytes after its end")
                    inflate = zlib.decompressobj(31)  # zero padding, as tape writers leave it
                    inflate.decompress(b"")
                    return bytes(out) if not file.read(BLOCK).strip(b"\0") else _damaged(path, "bytes after its end")
                inflate = zlib.decompressobj(31)
            out += inflate.decompress(block, limit + 1 - len(out))
            if len(out) > limit:
                came = f"{path} ({packed:,} bytes) ungzips to more than {limit:,} bytes"
                wanted = f"at most {most:,} bytes and at most {EXPANDS} times its own size"
                raise DataError(came, wanted=wanted, way_out="Ungzip it yourself if you trust it.")
    except zlib.error as error:
        _damaged(path, str(error))
    if not inflate.eof:
        way_out = "Copy or download it again."
        raise DataError(
            f"{path} ends in the middle of its gzip stream, at byte {packed:,}", wanted=whole, way_out=way_out
        )
    return bytes(out)


def _damaged(path: str | os.PathLike[str], why: str) -> bytes:
    way_out = "Copy or download it again."
    raise DataError(f"{path} is damaged: {why}", wanted="a whole gzip file", way_out=way_out)
