"""Data sets: named ones, and your own from folders, files and arrays."""

from ._overlap import overlap
from ._places import cache_folder
from ._weighting import check_weights
from .arrays import check_inputs, check_targets, from_arrays
from .canonical import fetch
from .centring import centred
from .dataset import Dataset, Split, Task
from .describing import describe
from .deskewing import deskew
from .loading import load, read_like
from .moments import moments
from .stream import Stream

__all__ = [
    "Dataset",
    "Split",
    "Stream",
    "Task",
    "cache_folder",
    "centred",
    "check_inputs",
    "check_targets",
    "check_weights",
    "describe",
    "deskew",
    "fetch",
    "from_arrays",
    "load",
    "moments",
    "overlap",
    "read_like",
]
