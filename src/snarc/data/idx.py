"""The idx format: a magic number, the dimensions, and the values, all big-endian."""

from __future__ import annotations

import math
import os
from pathlib import Path

import numpy as np

from snarc.errors import DataError

from ._files import open_regular, read_all

TYPES = {0x08: "u1", 0x09: "i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
LARGEST = 64 << 30
WANTED = "an idx file"


def read_idx(path: str | os.PathLike[str], most: int = LARGEST) -> np.ndarray:
    """Read an idx file, gzipped or not.

    Parameters
    ----------
    path: the file.
    most: bytes that its values may take in memory.

    Returns
    -------
    The array in the machine's byte order, of the shape and type that the header states; not writable.

    Raises
    ------
    DataError: wrong magic number, or more or fewer bytes than the dimensions ask for.

    Source: Y. LeCun, C. Cortes, C. Burges, "The MNIST database of handwritten digits", file format.
    """
    return parse_idx(read_all(path, WANTED, most + 1024), path, most)


def parse_idx(data: bytes, path: str | os.PathLike[str], most: int = LARGEST) -> np.ndarray:
    """The array in the bytes of an idx file; ``path`` is for the messages."""
    shape, kind, start = header(data[:1024], path, most)
    check_length(len(data) - start, shape, kind, path)
    values = np.frombuffer(data, kind, offset=start).reshape(shape)
    return values if kind.isnative or kind.itemsize == 1 else values.astype(kind.newbyteorder("="))


def map_idx(path: str | os.PathLike[str]) -> np.ndarray:
    """The values of an ungzipped idx file as an array that is read from disk when it is indexed."""
    with open_regular(path, WANTED) as file:
        head = file.read(1024)
        if head[:2] == b"\x1f\x8b":
            way_out = "Ungzip it first (gunzip FILE)."
            raise DataError(
                f"{path} is gzipped, so that its rows cannot be read one by one", wanted=WANTED, way_out=way_out
            )
        shape, kind, start = header(head, path, LARGEST << 20)
        check_length(os.fstat(file.fileno()).st_size - start, shape, kind, path)
        return np.memmap(file, kind, mode="r", offset=start, shape=shape)


def header(head: bytes, path: str | os.PathLike[str], most: int) -> tuple[tuple[int, ...], np.dtype, int]:
    """Shape, type and number of header bytes."""
    if len(head) < 4:
        came = f"{path} holds {len(head)} bytes"
        raise DataError(came, wanted="a magic number of 4 bytes", way_out="Copy or download it again.")
    magic, dimensions = head[:4], head[3]
    if magic[:2] != b"\0\0" or magic[2] not in TYPES or not 1 <= dimensions <= 8:
        came = f"{path}, byte 0: magic number {int.from_bytes(magic, 'big')} (0x{magic.hex()})"
        wanted = (
            "0x0000, a type (08, 09, 0b, 0c, 0d or 0e) and 1 to 8 dimensions, as 2051 for images and 2049 for labels"
        )
        raise DataError(came, wanted=wanted, way_out="Check that it is an idx file.")
    start = 4 + 4 * dimensions
    if len(head) < start:
        came = f"{path} ends at byte {len(head)}, inside its header"
        raise DataError(came, wanted=f"a header of {start} bytes", way_out="Copy or download it again.")
    shape = tuple(int.from_bytes(head[i : i + 4], "big") for i in range(4, start, 4))
    kind = np.dtype(TYPES[magic[2]])
    if math.prod(shape) * kind.itemsize > most:
        came = f"{path}, bytes 4 to {start - 1}: dimensions {_times(shape)}"
        wanted = f"at most {most:,} bytes of values"
        raise DataError(came, wanted=wanted, way_out="Check that the header is not damaged.")
    return shape, kind, start


def check_length(found: int, shape: tuple[int, ...], kind: np.dtype, path: str | os.PathLike[str]) -> None:
    """Refuse values that are more or fewer than the dimensions say."""
    asked = math.prod(shape) * kind.itemsize
    if found != asked:
        said = f"{_times(shape)} values ask for {asked:,} bytes"
        came = (
            f"{path}: after its header come {found:,} bytes"
            if found < asked
            else f"{path}: {found - asked:,} bytes too many"
        )
        wanted = f"exactly {asked:,} bytes, as {said}"
        raise DataError(came, wanted=wanted, way_out="Copy or download it again.")


def _times(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape))


def idx_pair(path: Path) -> tuple[Path, Path] | None:
    """The labels file that belongs to an images file by its name, with it; nothing if there is none.

    ``train-images-idx3-ubyte.gz`` belongs with ``train-labels-idx1-ubyte.gz``; ``images.idx`` with ``labels.idx``.
    """
    if "images" not in path.name:
        return None
    stem = path.name.replace("images", "labels").removesuffix(".gz")
    for name in (stem, stem.replace("idx3", "idx1").replace("idx4", "idx1")):
        for ending in (".gz", ""):
            labels = path.with_name(name + ending)
            if labels != path and labels.is_file():
                return path, labels
    return None
