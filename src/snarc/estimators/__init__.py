"""scikit-learn estimators over :func:`snarc.fit`: any network in pipelines, grid searches and cross-validation.

The names are imported when first used, so that ``import snarc.estimators``
loads neither JAX nor scikit-learn.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

_WHERE = {"SnarcClassifier": "classifier", "SnarcRegressor": "regressor"}

__all__ = ["SnarcClassifier", "SnarcRegressor"]

if TYPE_CHECKING:
    from .classifier import SnarcClassifier
    from .regressor import SnarcRegressor


def __getattr__(name: str) -> Any:
    if name in _WHERE:
        return getattr(importlib.import_module(f"{__name__}.{_WHERE[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *_WHERE})
