"""One flipped bit: in the weights of a network, and in the memory of a sorting program."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from snarc.errors import FormalError

WORD = 16  # bits of a memory cell of the sorting machine


def flip(values: np.ndarray, index: int | np.ndarray, bit: int | np.ndarray) -> np.ndarray:
    """A copy of an array of float32 or integers with one bit of one entry inverted, or of several.

    Parameters
    ----------
    index: of the entry, counted through the flattened array; or of several ``(K,)``.
    bit: 0 is the least significant; for float32, 31 is the sign and 30 to 23 the exponent.  One for all entries, or
        ``(K,)``.  A bit that is named twice is inverted twice.

    >>> flip(np.array([1.0], np.float32), 0, 31)
    array([-1.], dtype=float32)

    Raises
    ------
    FormalError: another type, or a bit or entry that does not exist.
    """
    values = np.ascontiguousarray(values)
    unsigned = {2: np.uint16, 4: np.uint32, 8: np.uint64, 1: np.uint8}[values.dtype.itemsize]
    if values.dtype.kind not in "iuf":
        raise FormalError(f"an array of {values.dtype}", wanted="numbers", way_out="Convert it to float32.")
    entries, bits = np.broadcast_arrays(np.atleast_1d(index), np.atleast_1d(bit))
    wrong = (entries < 0) | (entries >= values.size) | (bits < 0) | (bits >= 8 * values.dtype.itemsize)
    if wrong.any():
        raise FormalError(
            f"bit {bits[wrong][0]} of entry {entries[wrong][0]}",
            wanted=f"bits below {8 * values.dtype.itemsize}, entries below {values.size}",
            way_out="Mend the numbers.",
        )
    copy = values.copy()
    masks = np.left_shift(np.ones(1, unsigned), bits.astype(unsigned))
    np.bitwise_xor.at(copy.view(unsigned).reshape(-1), entries, masks)
    return copy


@dataclass(frozen=True)
class Crash:
    """What became of a program after a bit of its memory had been flipped.

    Attributes
    ----------
    outcome: "right", "wrong" (it ended with a wrong result), or "crash" (it left its memory or did not end).
    """

    outcome: str


def sort_with_flip(numbers: np.ndarray, moment: int | None = None, cell: int = 0, bit: int = 0) -> Crash:
    """Sort by insertion in a memory all of whose cells count, with one bit flipped at a moment.

    The memory holds ``n``, the indices ``i`` and ``j`` and the key, then the numbers: 16-bit cells, as a program
    on a small computer would keep them.

    Parameters
    ----------
    numbers: whole numbers from 0 to 65535.
    moment: number of memory operations before the flip; None for no flip.
    cell, bit: what is flipped.
    """
    wanted = sorted(int(v) for v in numbers)
    memory = [len(numbers), 1, 0, 0, *(int(v) for v in numbers)]
    size, base, limit = len(memory), 4, 40 * len(numbers) ** 2 + 100
    n, i, j, key = 0, 1, 2, 3
    clock = 0

    def tick() -> None:
        nonlocal clock
        if clock == moment:
            memory[cell] ^= 1 << bit
        clock += 1
        if clock > limit:
            raise TimeoutError

    def at(index: int) -> int:
        place = base + index
        if not 0 <= place < size:
            raise IndexError
        return place

    try:
        while memory[i] < memory[n]:
            tick()
            memory[key] = memory[at(memory[i])]
            tick()
            memory[j] = memory[i]
            tick()
            while memory[j] > 0 and memory[at(memory[j] - 1)] > memory[key]:
                tick()
                memory[at(memory[j])] = memory[at(memory[j] - 1)]
                tick()
                memory[j] -= 1
                tick()
            memory[at(memory[j])] = memory[key]
            tick()
            memory[i] += 1
            tick()
    except (IndexError, TimeoutError):
        return Crash("crash")
    return Crash("right" if memory[base:] == wanted else "wrong")


def sorting_steps(numbers: np.ndarray) -> int:
    """Memory operations of the undamaged sort of these numbers."""
    values, count = [int(v) for v in numbers], 0
    for i in range(1, len(values)):
        inversions = sum(v > values[i] for v in values[:i])
        count += 5 + 3 * inversions
    return count
