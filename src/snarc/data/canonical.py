"""Finding the canonical files: in the folder given, under ``SNARC_DATA``, in the cache, or on the net."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Any

from snarc.errors import DataError, UnknownNameError, nearest

from ._files import read_all
from ._places import cache_folder, data_folder
from ._registered import FILES, Remote


def content(name: str, root: str | os.PathLike[str] | None = None) -> tuple[bytes, dict[str, Any]]:
    """The checked content of a canonical file, ungzipped, and a record of where it came from.

    Parameters
    ----------
    name: its path under a data folder, as ``mnist/train-images-idx3-ubyte.gz``.
    root: the data folder to look in before ``SNARC_DATA`` and the cache.

    Raises
    ------
    DownloadError: it is not on this machine and cannot be had from its addresses.
    DataError: a file of that name in ``root`` or ``SNARC_DATA`` is not the canonical one.
    UnknownNameError: there is no canonical file of that name.
    """
    path, data = _find(name, root)
    remote = FILES[name]
    record = {
        "file": name,
        "path": str(path),
        "sha256": remote.sha256,
        "bytes": remote.bytes,
        "addresses": list(remote.addresses),
        "licence": remote.licence,
    }
    return data, record


def fetch(name: str, root: str | os.PathLike[str] | None = None) -> Path:
    """The path of a canonical file, checked, after downloading it if it is not on this machine.

    The arguments and errors are those of :func:`content`.  Files are stored as they come; one whose name ends in
    ``.gz`` is gzipped unless it was put there ungzipped, without the ending.
    """
    return _find(name, root)[0]


def at_hand(folder: str) -> bool:
    """Whether the canonical files of a folder, as ``usps``, are on this machine, so that none would be downloaded."""
    wanted = [remote for remote in FILES.values() if remote.path.startswith(folder + "/")]
    places = [place for place in (data_folder(), cache_folder() / "data") if place is not None]
    return bool(wanted) and all(
        any(path.exists() for place in places for path in _spellings(place, remote)) for remote in wanted
    )


def _find(name: str, root: str | os.PathLike[str] | None) -> tuple[Path, bytes]:
    remote = FILES.get(name)
    if remote is None:
        raise UnknownNameError(
            f"no canonical file is called {name!r}", wanted="a registered file", way_out=nearest(name, FILES)
        )
    places = [Path(root)] if root is not None else []
    named = data_folder()
    if named is not None:
        places.append(named)
    for place in places:
        for path in _spellings(place, remote):
            if path.exists():
                data = read_canonical(path, remote)
                if (found := digest(data)) != remote.sha256:
                    raise _other(path, remote, found)
                return path, data
    cached = cache_folder() / "data" / remote.path
    if cached.is_file():
        try:
            data = read_canonical(cached, remote)
            if digest(data) == remote.sha256:
                return cached, data
        except DataError:
            pass
        cached.unlink(missing_ok=True)  # damaged since it was checked: have it again
    from ._download import download

    download(remote, cached)
    return cached, read_canonical(cached, remote)


def read_canonical(path: str | os.PathLike[str], remote: Remote) -> bytes:
    """The content that the registered SHA-256 is of: ungzipped unless the archive itself is registered."""
    if remote.packed:
        return _as_it_is(path, remote)
    return read_all(path, f"the file {remote.path}", remote.bytes)


def digest(data: bytes) -> str:
    """SHA-256 in hexadecimal."""
    return hashlib.sha256(data).hexdigest()


def _as_it_is(path: str | os.PathLike[str], remote: Remote) -> bytes:
    from ._files import open_regular

    with open_regular(path, f"the file {remote.path}") as file:
        data = file.read(remote.bytes + 1)
    if len(data) > remote.bytes:
        raise _other(path, remote, "that of a longer file")
    return data


def _spellings(place: Path, remote: Remote) -> list[Path]:
    path = place / remote.path
    return [path, path.with_suffix("")] if path.suffix == ".gz" and not remote.packed else [path]


def _other(path: str | os.PathLike[str], remote: Remote, found: str) -> DataError:
    return DataError(
        f"{path}: the SHA-256 of its content is {found}",
        wanted=f"the canonical {remote.path}, {remote.sha256}",
        way_out="Put the canonical file there, or take it away to have it downloaded.",
    )
