"""Training: recipes, the engine, and the runs it leaves.

The names are imported when first used: recipes and run folders are looked at
without loading JAX.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

_WHERE = {
    "Evaluation": "run",
    "History": "history",
    "Recipe": "recipe",
    "Run": "run",
    "fit": "fitting",
    "open": "folder",
    "resume": "fitting",
}

__all__ = ["Evaluation", "History", "Recipe", "Run", "fit", "open", "resume"]

if TYPE_CHECKING:
    from .fitting import fit, resume
    from .folder import open
    from .history import History
    from .recipe import Recipe
    from .run import Evaluation, Run


def __getattr__(name: str) -> Any:
    if name in _WHERE:
        return getattr(importlib.import_module(f"{__name__}.{_WHERE[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *_WHERE})
