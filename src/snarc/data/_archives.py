"""Members of tar and zip files, read in memory and never unpacked to disk."""

from __future__ import annotations

import io
import os
import stat
import tarfile
import zipfile
from collections.abc import Iterator
from typing import BinaryIO

from snarc.errors import DataError

from ._files import EXPANDS, SMALL, open_regular

WANTED = "a tar or zip file of ordinary files"
MOST = 8 << 30
ENDINGS = (".tar", ".tar.gz", ".tgz", ".zip")


def members(source: str | os.PathLike[str] | bytes, name: str, most: int = MOST) -> Iterator[tuple[str, bytes]]:
    """Name and content of each file in an archive, folders left out.

    Parameters
    ----------
    source: the archive's path, or its bytes.
    name: how to call it in messages.
    most: bytes that all members together may take.

    Raises
    ------
    DataError: a link, a device, an absolute name or one with ``..``, a damaged archive, or one that grows like a bomb.
    """
    with io.BytesIO(source) if isinstance(source, bytes) else open_regular(source, WANTED) as file:
        packed = file.seek(0, os.SEEK_END)
        file.seek(0)
        most = min(most, max(SMALL, EXPANDS * packed))
        start = file.read(4)
        file.seek(0)
        reader = _zip if start[:2] == b"PK" else _tar
        try:
            yield from reader(file, name, most)
        except DataError:
            raise
        except Exception as error:  # the readers raise a dozen kinds, from struct.error to LookupError
            way_out = "Copy or download it again."
            raise DataError(f"{name} is damaged: {error}", wanted=WANTED, way_out=way_out) from None


def _tar(file: BinaryIO, name: str, most: int) -> Iterator[tuple[str, bytes]]:
    total = 0
    with tarfile.open(fileobj=file, mode="r:*") as archive:
        for member in archive:
            check_name(member.name, name)
            if member.isdir():
                continue
            if not member.isreg() or member.issparse():
                kind = "a link" if member.issym() or member.islnk() else "a device, a pipe or a sparse file"
                raise _refuse(name, f"its member {member.name!r} is {kind}", WANTED)
            total += member.size
            if total > most:
                raise _too_much(name, most)
            content = archive.extractfile(member)
            yield member.name, content.read() if content is not None else b""


def _zip(file: BinaryIO, name: str, most: int) -> Iterator[tuple[str, bytes]]:
    with zipfile.ZipFile(file) as archive:
        infos = archive.infolist()
        for info in infos:
            check_name(info.filename, name)
            if stat.S_ISLNK(info.external_attr >> 16):
                raise _refuse(name, f"its member {info.filename!r} is a link", WANTED)
            if info.flag_bits & 1:
                raise _refuse(name, f"its member {info.filename!r} is encrypted", WANTED)
        if sum(info.file_size for info in infos) > most:
            raise _too_much(name, most)
        for info in infos:
            if not info.is_dir():
                with archive.open(info) as content:
                    yield info.filename, content.read(info.file_size)


def check_name(member: str, archive: str) -> None:
    """Refuse a member that would land outside the folder it is unpacked in."""
    parts = member.replace("\\", "/").split("/")
    if member.startswith(("/", "\\")) or ".." in parts or ":" in parts[0] or "\0" in member:
        raise _refuse(archive, f"its member {member!r} points outside", "names below the archive's own folder")


def _too_much(name: str, most: int) -> DataError:
    return _refuse(name, f"its members hold more than {most:,} bytes", f"at most that, and {EXPANDS} times its size")


def _refuse(name: str, came: str, wanted: str) -> DataError:
    way_out = "Unpack it yourself if you trust it, and give the folder."
    return DataError(f"{name}: {came}", wanted=wanted, way_out=way_out)
