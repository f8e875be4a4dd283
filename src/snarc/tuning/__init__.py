"""Things done with whole trainings: find rates, search, cross-validate, repeat, join into committees, prune.

The names are imported when first used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

_WHERE = {
    "Choice": "spaces",
    "Committee": "committees",
    "Log": "spaces",
    "Pruned": "pruning",
    "Search": "searching",
    "Uniform": "spaces",
    "Whole": "spaces",
    "bagging": "committees",
    "committee": "committees",
    "cross_validate": "folds",
    "doubling_search": "rates",
    "find_rate": "rates",
    "prune": "pruning",
    "rate_batch_map": "rates",
    "repeat": "repeating",
    "search": "searching",
}

__all__ = [
    "Choice",
    "Committee",
    "Log",
    "Pruned",
    "Search",
    "Uniform",
    "Whole",
    "bagging",
    "committee",
    "cross_validate",
    "doubling_search",
    "find_rate",
    "prune",
    "rate_batch_map",
    "repeat",
    "search",
]

if TYPE_CHECKING:
    from .committees import Committee, bagging, committee
    from .folds import cross_validate
    from .pruning import Pruned, prune
    from .rates import doubling_search, find_rate, rate_batch_map
    from .repeating import repeat
    from .searching import Search, search
    from .spaces import Choice, Log, Uniform, Whole


def __getattr__(name: str) -> Any:
    if name in _WHERE:
        return getattr(importlib.import_module(f"{__name__}.{_WHERE[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *_WHERE})
