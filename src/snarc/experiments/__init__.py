"""Executable experiments: one question a file, read from top to bottom.

An experiment is a generator function under :func:`experiment` that yields
claims and figures; see docs/experiments.md for how to write one.  Importing
this package, and the files in it, loads neither JAX nor Matplotlib.
"""

from snarc.registry import experiment

from .frame.budget import Budget
from .frame.claims import Claim
from .frame.finding import Erratum, Figure, Finding, Note, Table
from .frame.running import describe, entries, fit, reproduce, run_experiment
from .frame.store import read, read_all, write

__all__ = [
    "Budget",
    "Claim",
    "Erratum",
    "Figure",
    "Finding",
    "Note",
    "Table",
    "describe",
    "entries",
    "experiment",
    "fit",
    "read",
    "read_all",
    "reproduce",
    "run_experiment",
    "write",
]
