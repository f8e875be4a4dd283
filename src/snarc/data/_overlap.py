"""Finding test examples that are also training examples."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

import numpy as np

from snarc.errors import DataError


def digests(split: Any) -> list[bytes]:
    """A 16-byte digest of each example with its target, read a batch at a time."""
    found = []
    for inputs, targets in split.batches(np.arange(len(split)), 256):
        inputs, targets = np.ascontiguousarray(inputs) + 0, np.ascontiguousarray(targets)  # + 0 makes -0.0 equal 0.0
        for row, target in zip(inputs, targets):
            hasher = hashlib.blake2b(row.tobytes(), digest_size=16)
            hasher.update(target.tobytes())
            found.append(hasher.digest())
    return found


def overlap(one: Any, other: Any) -> int:
    """How many examples of a split (with their targets) also occur in another, bit for bit."""
    known = set(digests(other))
    return sum(digest in known for digest in digests(one))


def file_digest(path: Any) -> bytes:
    """A 16-byte digest of a file's bytes, or of the bytes themselves."""
    if isinstance(path, bytes):
        return hashlib.blake2b(path, digest_size=16).digest()
    with open(path, "rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=16)).digest()


def note_overlap(
    source: dict[str, Any], train: Sequence[bytes], test: Sequence[bytes], policy: str, where: str, names: Any = None
) -> None:
    """Refuse test examples that are training examples, or write to ``source["note"]`` how many there are.

    Parameters
    ----------
    source: the record to write to.
    train, test: a digest of each example.
    policy: ``"refuse"`` or ``"warn"``.
    where: the file or folder of the test examples, for the message.
    names: names of the test examples, for the message; else their row numbers.
    """
    if policy not in ("refuse", "warn"):
        raise DataError(f"overlap={policy!r}", wanted="'refuse' or 'warn'", way_out="Take overlap='warn'.")
    seen = set(train)
    both = [i for i, digest in enumerate(test) if digest in seen]
    if not both:
        return
    first = names[both[0]] if names is not None else f"row {both[0]}"
    came = f"{where}: {len(both):,} of {len(test):,} test examples are also training examples, the first is {first}"
    if policy == "refuse":
        way_out = "Take them out of one of the two, or say overlap='warn' to go on."
        raise DataError(came, wanted="test examples that training never sees", way_out=way_out)
    add_note(source, came)


def add_note(source: dict[str, Any], text: str) -> None:
    """Add a sentence to ``source["note"]``."""
    source["note"] = f"{source['note']}; {text}" if source.get("note") else text
