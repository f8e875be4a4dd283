"""Arrays in the safetensors layout: a JSON header, then the numbers.

The layout is that of the Hugging Face project, so other tools read these
files.  It is written and read here, by itself: pieces go to the disk without
a second copy in memory, the limits on a header from outside are ours, and no
foreign parser meets a file before it was checked.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import ml_dtypes
import numpy as np

from snarc.errors import RunError, SnarcError
from snarc.training import jsontext

HEADER_LIMIT = 1024 * 1024
COUNT_LIMIT = 10_000
_RANK_LIMIT = 32
_TYPES: dict[str, np.dtype[Any]] = {
    "BOOL": np.dtype(np.bool_),
    "U8": np.dtype("u1"),
    "I8": np.dtype("i1"),
    "U16": np.dtype("<u2"),
    "I16": np.dtype("<i2"),
    "U32": np.dtype("<u4"),
    "I32": np.dtype("<i4"),
    "U64": np.dtype("<u8"),
    "I64": np.dtype("<i8"),
    "F16": np.dtype("<f2"),
    "BF16": np.dtype(ml_dtypes.bfloat16),
    "F32": np.dtype("<f4"),
    "F64": np.dtype("<f8"),
    "F8_E5M2": np.dtype(ml_dtypes.float8_e5m2),
    "F8_E4M3": np.dtype(ml_dtypes.float8_e4m3fn),
    "C64": np.dtype("<c8"),
}
_NAMES = {dtype: name for name, dtype in _TYPES.items()}


def pieces(arrays: Mapping[str, Any]) -> list[bytes | memoryview]:
    """The safetensors file of named arrays, in pieces; the numbers are not copied where they lie in order.

    Raises
    ------
    RunError: an array of a type that has no place in the format, a name that is empty, or more than can be read back.
    """
    ready = {name: _little(name, array) for name, array in arrays.items()}
    # Large elements first: each array then starts at a multiple of its element, and can be read where it lies.
    order = sorted(ready, key=lambda name: (-ready[name].dtype.itemsize, name))
    header: dict[str, Any] = {}
    end = 0
    for name in order:
        array = ready[name]
        begin, end = end, end + array.nbytes
        header[name] = {"dtype": _NAMES[array.dtype], "shape": list(array.shape), "data_offsets": [begin, end]}
    text = jsontext.text(header)
    text += b" " * (-len(text) % 8)
    if len(text) > HEADER_LIMIT or len(ready) > COUNT_LIMIT:
        raise RunError(
            f"{len(ready)} arrays with {len(text)} bytes of names and shapes",
            wanted=f"at most {COUNT_LIMIT} arrays and {HEADER_LIMIT} bytes",
            way_out="Stack the arrays of equal layers or replicas into one.",
        )
    data = [np.ascontiguousarray(ready[name]).reshape(-1).view(np.uint8).data for name in order]
    return [len(text).to_bytes(8, "little"), text, *data]


def parse(data: bytearray, place: str, *, error: type[SnarcError] = RunError) -> dict[str, np.ndarray]:
    """The arrays of a safetensors file; they share the memory of ``data`` where it is aligned.

    Raises
    ------
    error: the header is too long, not JSON, or describes anything but arrays that fill the file without gap or overlap.
    """

    def refuse(came: str) -> SnarcError:
        return error(
            f"{place}: {came}",
            wanted="a whole safetensors file of known types",
            way_out="It was damaged or is of another kind; restore it from a copy.",
        )

    if len(data) < 8:
        raise refuse(f"it has {len(data)} bytes, and the length of the header alone takes 8")
    length = int.from_bytes(data[:8], "little")
    if length > HEADER_LIMIT:
        raise refuse(f"a header of {length} bytes; the limit is {HEADER_LIMIT}")
    if 8 + length > len(data):
        raise refuse(f"a header of {length} bytes in a file of {len(data)}")
    header = jsontext.parse(bytes(data[8 : 8 + length]), f"{place}, header", limit=HEADER_LIMIT, error=error)
    if not isinstance(header, dict):
        raise refuse("its header is not a JSON object")
    metadata = header.pop("__metadata__", {})
    if not isinstance(metadata, dict) or not all(isinstance(value, str) for value in metadata.values()):
        raise refuse("__metadata__ is not an object of strings")
    if len(header) > COUNT_LIMIT:
        raise refuse(f"{len(header)} arrays; the limit is {COUNT_LIMIT}")
    layout = []
    for name, about in header.items():
        try:
            layout.append((*_checked(about), name))
        except ValueError as caught:
            raise refuse(f"array {name!r} {caught}") from None
    expected = 0
    arrays: dict[str, np.ndarray] = {}
    body = memoryview(data)[8 + length :]
    for begin, end, dtype, shape, name in sorted(layout, key=lambda entry: entry[:2]):
        if begin != expected or end > len(body):
            raise refuse(f"array {name!r} lies at bytes {begin} to {end}, wanted from {expected} and up to {len(body)}")
        expected = end
        array = np.frombuffer(body[begin:end], dtype).reshape(shape)
        arrays[name] = array if array.flags.aligned else array.copy()
    if expected != len(body):
        raise refuse(f"{len(body) - expected} bytes after the last array")
    for name, array in arrays.items():
        if array.dtype == np.bool_ and array.view(np.uint8).max(initial=0) > 1:
            raise refuse(f"array {name!r} holds truth values other than 0 and 1")
    return {name: arrays[name] for name in header}


def shape_text(shape: tuple[int, ...], dtype: Any) -> str:
    """A type and shape as people write it.

    >>> shape_text((784, 30), np.float32)
    'float32[784, 30]'
    """
    return f"{np.dtype(dtype).name}{list(shape)}"


def _little(name: str, array: Any) -> np.ndarray:
    found = np.asarray(array)
    if found.dtype.byteorder == ">":
        found = found.astype(found.dtype.newbyteorder("<"))
    if not isinstance(name, str) or name in ("", "__metadata__") or found.dtype not in _NAMES:
        raise RunError(
            f"array {name!r} of type {found.dtype}",
            wanted=f"a name that is text and one of the types {', '.join(sorted(d.name for d in _NAMES))}",
            way_out="Convert it to one of these before saving; random keys to their numbers.",
        )
    return found


def _checked(about: Any) -> tuple[int, int, np.dtype[Any], tuple[int, ...]]:
    if not isinstance(about, dict) or about.keys() != {"dtype", "shape", "data_offsets"}:
        raise ValueError("has not exactly the fields dtype, shape and data_offsets")
    dtype, shape, offsets = about["dtype"], about["shape"], about["data_offsets"]
    if not isinstance(dtype, str) or dtype not in _TYPES:
        raise ValueError(f"has the unknown type {str(dtype)[:40]!r}")
    if not _naturals(shape) or len(shape) > _RANK_LIMIT:
        raise ValueError(f"has the shape {str(shape)[:80]}, not at most {_RANK_LIMIT} natural numbers")
    if not _naturals(offsets) or len(offsets) != 2 or offsets[0] > offsets[1]:
        raise ValueError(f"has the offsets {str(offsets)[:80]}, not a begin and an end")
    itemsize = _TYPES[dtype].itemsize
    # Zeros left out: NumPy multiplies the others too, and [2**62, 2**62, 0] would overflow there.
    if math.prod(size for size in shape if size) * itemsize >= 2**63:
        raise ValueError(f"has the shape {str(shape)[:80]}, more numbers than can be counted")
    if math.prod(shape) * itemsize != offsets[1] - offsets[0]:
        raise ValueError(f"of {dtype} and shape {str(shape)[:80]} cannot have {offsets[1] - offsets[0]} bytes")
    return offsets[0], offsets[1], _TYPES[dtype], tuple(shape)


def _naturals(values: Any) -> bool:
    return isinstance(values, list) and all(type(value) is int and value >= 0 for value in values)
