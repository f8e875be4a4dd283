"""Errors that say what came, what was wanted and one way out.

Every error that a user can cause derives from :class:`SnarcError`.  Its text
is one line in three parts, its docstring is its help page (``snarc help
NAME``), and its ``exit_status`` is what the command line ends with.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class SnarcError(Exception):
    """Something that the person at the keyboard can put right.

    Parameters
    ----------
    came: what was found, with the place it was found at (file, row, field).
    wanted: what would have been accepted.
    way_out: one thing to do about it.
    """

    exit_status = 2

    def __init__(self, came: str, *, wanted: str, way_out: str) -> None:
        self.came, self.wanted, self.way_out = came, wanted, way_out
        super().__init__(_one_line(f"{came}; wanted: {wanted}. {way_out}"))


class DataError(SnarcError, ValueError):
    """Data that cannot be learnt from, or a file that is not what its name says.

    Raised while data are read, before any training: values that are not
    finite, labels outside the classes, rows of unequal length, files that are
    truncated or of another format.  The message names the file and the row,
    column or byte.  Mend the file, or drop the offending rows.
    """


class DownloadError(SnarcError):
    """A data file is neither on this machine nor to be had from its addresses.

    The message names the file and the folder to put it in; ``SNARC_DATA``
    may name another folder.  A file whose SHA-256 is not the registered one
    is refused and deleted.
    """


class UnknownNameError(SnarcError, LookupError):
    """A name that nothing is registered under.

    ``snarc list`` prints the names there are.  The nearest are offered.
    """


class RecipeError(SnarcError, ValueError):
    """A recipe field that is unknown, of the wrong type, out of range or in contradiction."""


class ModelError(SnarcError, ValueError):
    """A network that cannot be built for these inputs, or does not return what the task needs."""


class RunError(SnarcError):
    """A folder that is not a run, or not one that this can be done with."""


class LockedRunError(RunError):
    """Another process writes this run folder.

    The message names its process id and host.  The lock is the operating
    system's and dies with that process, also when it is killed.
    """


class CheckpointError(RunError):
    """No checkpoint of this run can be read back whole.

    Each checkpoint carries the SHA-256 of its files.  A damaged one is
    passed over for the one before it, with a warning; this error means that
    none was left, or that ``strict`` forbade to fall back.
    """


class DiskFullError(RunError):
    """There is not enough room to save; what was saved before is untouched."""


class DivergedError(SnarcError, ArithmeticError):
    """The loss stopped being finite.

    The message says at which step, in which layer it showed first, with which
    learning rate, and where the last good weights are.  A smaller learning
    rate, gradient clipping or standardised inputs are the usual cures.
    """

    exit_status = 3


class LimitError(SnarcError):
    """Work that would need more memory, neurons or time than allowed; estimated before it starts."""


class FormalError(SnarcError, ValueError):
    """A formal description that cannot be followed: an expression, a truth table, a graph or a machine.

    The message names the place: the character of an expression, the row of a
    table, the edge of a graph, the line of a machine.
    """


class CycleError(SnarcError):
    """A computation that never stops, which is proved: a state of the network came back.

    The message gives the step at which the cycle is entered and its period.
    """

    exit_status = 3


class MissingExtraError(SnarcError, ImportError):
    """An optional package is needed; the message gives the command that installs it."""


def nearest(name: str, known: Iterable[str]) -> str:
    """A phrase that offers the known names nearest to ``name``, or all if none is near.

    >>> nearest("lenet", ["lenet5", "mlp"])
    "Did you mean 'lenet5'?"
    """
    known = sorted(known)
    close = difflib.get_close_matches(name, known, n=3, cutoff=0.55)
    if close:
        return "Did you mean " + " or ".join(repr(c) for c in close) + "?"
    return "There are: " + ", ".join(known) + "." if known else "There are none."


def _one_line(text: str) -> str:
    # Names from outside (files, columns) may hold line breaks or control characters; a message is one line.
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)
