"""Data on stdout, talk on stderr."""

from __future__ import annotations

import json
import math
import os
import sys
from collections.abc import Mapping, Sequence
from typing import Any


def say(text: str) -> None:
    """Talk: on stderr, and never a reason to stop when nobody can hear it."""
    try:
        print(text, file=sys.stderr, flush=True)
    except (OSError, ValueError):
        pass


def put(text: str) -> None:
    """Data: on stdout."""
    print(text, flush=True)


def put_json(value: Mapping[str, Any]) -> None:
    """One object on stdout; a number that is not finite becomes null, as JSON has none."""
    put(json.dumps(finite(value), indent=2, ensure_ascii=False, allow_nan=False))


def finite(value: Any) -> Any:
    """The value with NaN and infinities replaced by ``None``, and NumPy numbers by Python's."""
    if isinstance(value, Mapping):
        return {str(key): finite(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [finite(inner) for inner in value]
    if hasattr(value, "item") and not isinstance(value, str | bytes):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value if isinstance(value, str | bool | int | float) or value is None else str(value)


def keep_apart() -> None:
    """Send what libraries print by themselves to stderr, so that stdout holds data alone."""
    try:
        sys.stdout.flush()
        kept = os.dup(sys.stdout.fileno())
        os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    except (OSError, ValueError, AttributeError):  # one of the two is closed, or is no file
        return
    sys.stdout = os.fdopen(kept, "w", encoding=sys.stdout.encoding, errors="backslashreplace")


def table(head: Sequence[str], rows: Sequence[Sequence[Any]], right: Sequence[str] = ()) -> str:
    """Columns set under one another; those named in ``right`` flush right.

    >>> print(table(("name", "n"), [("a", 1), ("bc", 20)], right=("n",)))
    name   n
    ----  --
    a      1
    bc    20
    """
    cells = [[_one_line(cell) for cell in row] for row in rows]
    widths = [max(len(name), *(len(row[k]) for row in cells), 0) for k, name in enumerate(head)]
    lines = [list(head), ["-" * width for width in widths], *cells]
    flush = [str.rjust if name in right else str.ljust for name in head]
    return "\n".join("  ".join(f(c, w) for f, c, w in zip(flush, line, widths)).rstrip() for line in lines)


def _one_line(cell: Any) -> str:
    text = "" if cell is None else str(cell)
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)
