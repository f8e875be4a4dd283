"""Data sets: named ones, and your own from folders, files and arrays."""

from .canonical import fetch
from .dataset import Dataset, Split, Task
from .loading import load

__all__ = ["Dataset", "Split", "Task", "fetch", "load"]
