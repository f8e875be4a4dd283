"""snarc: a laboratory for neural networks.

Train a network, see into it, find out whether to trust it, and reproduce the
field's classic results with one command.

>>> import snarc
>>> snarc.__version__
'0.1.0'

The public names are imported when first used, so that ``import snarc`` costs
nothing and takes no device memory.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

_WHERE = {
    "Dataset": "snarc.data",
    "Split": "snarc.data",
    "Task": "snarc.data",
    "load": "snarc.data",
    "Recipe": "snarc.training",
    "Run": "snarc.training",
    "fit": "snarc.training",
    "open": "snarc.training",
    "Estimate": "snarc.reading",
    "Reading": "snarc.reading",
    "Subject": "snarc.subjects",
    "subject": "snarc.subjects",
    "SnarcClassifier": "snarc.estimators",
    "SnarcRegressor": "snarc.estimators",
    "SnarcError": "snarc.errors",
}
_ROOMS: tuple[str, ...] = (
    "data",
    "draw",
    "errors",
    "estimators",
    "experiments",
    "film",
    "formal",
    "keys",
    "layers",
    "learners",
    "models",
    "reading",
    "reference",
    "registry",
)
_ROOMS += ("render", "see", "training", "trust", "tuning", "verdict")

__all__ = [
    "Dataset",
    "Estimate",
    "Reading",
    "Recipe",
    "Run",
    "SnarcClassifier",
    "SnarcError",
    "SnarcRegressor",
    "Split",
    "Subject",
    "Task",
    "__version__",
    "fit",
    "load",
    "open",
    "subject",
]

if TYPE_CHECKING:
    from snarc.data import Dataset, Split, Task, load
    from snarc.errors import SnarcError
    from snarc.estimators import SnarcClassifier, SnarcRegressor
    from snarc.reading import Estimate, Reading
    from snarc.subjects import Subject, subject
    from snarc.training import Recipe, Run, fit, open


def __getattr__(name: str) -> Any:
    if name in _ROOMS:
        return importlib.import_module(f"snarc.{name}")
    if name in _WHERE:
        return getattr(importlib.import_module(_WHERE[name]), name)
    raise AttributeError(f"module 'snarc' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*__all__, *_ROOMS})
