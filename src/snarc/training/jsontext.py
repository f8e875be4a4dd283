"""JSON without its traps: what is read is what was written, or it is refused.

Python's ``json`` keeps the last of two equal keys, takes ``NaN``, ``Infinity``
and ``1e999`` for numbers, and fails with ``RecursionError`` on deep nesting.
Nothing of that passes here, in either direction.
"""

from __future__ import annotations

import json
import math
import re
from typing import Any

import numpy as np

from snarc.errors import RunError, SnarcError

LIMIT = 16 * 1024 * 1024
DEPTH = 20

# Possessive, with an optional closing quote: never backtracks, so hostile text costs linear time.
_STRING = re.compile(rb'"(?:[^"\\]++|\\.)*+"?', re.DOTALL)


class _Refused(ValueError):
    pass


def parse(data: bytes, place: str, *, limit: int = LIMIT, error: type[SnarcError] = RunError) -> Any:
    """The value of a JSON text.

    Parameters
    ----------
    data: the text in UTF-8.
    place: the file it came from, for the message.
    limit: largest size in bytes.
    error: the class of :mod:`snarc.errors` to raise.

    Raises
    ------
    error: too long, nested deeper than 20, not UTF-8, not JSON, a key given twice, or a number that is not finite.

    >>> parse(b'{"a": [1, 2.5]}', "example")
    {'a': [1, 2.5]}
    """
    if len(data) > limit:
        raise too_long(place, limit, error)
    try:
        if depth(data) > DEPTH:
            raise _Refused("values are nested too deep")
        return json.loads(
            data.decode("utf-8"), object_pairs_hook=_once, parse_constant=_no_constant, parse_float=_finite
        )
    except json.JSONDecodeError as caught:
        came = f"{place}, line {caught.lineno}, column {caught.colno}: {caught.msg}"
    except UnicodeDecodeError as caught:
        came = f"{place}, byte {caught.start}: not UTF-8"
    except ValueError as caught:
        came = f"{place}: {caught}"
    raise error(
        came,
        wanted=f"JSON with finite numbers, each key once, at most {DEPTH} levels deep",
        way_out="The file was damaged or edited; restore it from a copy.",
    )


def too_long(place: str, limit: int, error: type[SnarcError]) -> SnarcError:
    """The error for a file that is larger than anything snarc writes under this name."""
    return error(
        f"{place} is larger than {limit} bytes",
        wanted=f"at most {limit} bytes",
        way_out="This is not a file that snarc wrote; give another.",
    )


def text(value: Any, *, indent: int | None = None) -> bytes:
    """The JSON text of a value in UTF-8, always the same for equal values; NumPy scalars are written as numbers.

    Raises
    ------
    ValueError, TypeError: a number that is not finite (write None instead), a key that is not a string, nesting that
        :func:`parse` would refuse, or a value that JSON cannot hold.  The message says where in the value.

    >>> text({"loss": np.float32(0.5), "step": 3})
    b'{"loss": 0.5, "step": 3}'
    """
    value = _plain(value, "")
    written = json.dumps(value, indent=indent, ensure_ascii=False, allow_nan=False)
    try:
        return written.encode("utf-8")
    except UnicodeEncodeError:  # names of files that are not valid UTF-8 come as lone surrogates
        return json.dumps(value, indent=indent, allow_nan=False).encode("ascii")


def depth(data: bytes) -> int:
    """How deep the brackets of a JSON text are nested, without parsing it.

    >>> depth(b'{"a": [1, "[[["]}')
    2
    """
    bare = np.frombuffer(_STRING.sub(b"", data), np.uint8)
    opened = ((bare == ord("[")) | (bare == ord("{"))).astype(np.int32)
    closed = ((bare == ord("]")) | (bare == ord("}"))).astype(np.int32)
    return int((opened - closed).cumsum().max(initial=0))


def _plain(value: Any, place: str, level: int = 0) -> Any:
    if level > DEPTH:
        raise ValueError(f"{place} is nested deeper than {DEPTH} levels")
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, dict):
        for key in value:
            if not isinstance(key, str):
                raise TypeError(f"{place or 'the value'} has the key {key!r}; JSON keys are strings")
        return {key: _plain(inner, f"{place}.{key}" if place else key, level + 1) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner, f"{place}[{i}]", level + 1) for i, inner in enumerate(value)]
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f"{place or 'the value'} is {value}; JSON holds finite numbers only, write None")
    if value is None or isinstance(value, str | bool | int | float):
        return value
    raise TypeError(f"{place or 'the value'} is a {type(value).__name__}, which JSON cannot hold")


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        seen: set[str] = set()
        twice = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
        raise _Refused(f"the key {twice!r} is given twice")
    return found


def _no_constant(name: str) -> float:
    raise _Refused(f"{name} is not a finite number")


def _finite(digits: str) -> float:
    number = float(digits)
    if math.isinf(number):
        raise _Refused(f"{digits} is not a finite number")
    return number
