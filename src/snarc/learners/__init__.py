"""Learning with one layer: the first learning machines, as scikit-learn estimators that keep the path of their weights.

Usable without JAX.  The names are imported when first used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

_WHERE = {
    "Adaline": "adaline",
    "AdalineClassifier": "adaline",
    "Bowl": "adaline",
    "GaussianHMM": "hmm",
    "HMMClassifier": "hmm",
    "Hebb": "hebb",
    "LogisticRegression": "logistic",
    "Margin": "margin",
    "Perceptron": "perceptron",
    "SoftmaxRegression": "logistic",
    "cover_count": "capacity",
    "cover_probability": "capacity",
    "empirical_risk": "losses",
    "film": "pictures",
    "picture": "pictures",
    "widest_margin": "margin",
}

__all__ = [
    "Adaline",
    "AdalineClassifier",
    "Bowl",
    "GaussianHMM",
    "HMMClassifier",
    "Hebb",
    "LogisticRegression",
    "Margin",
    "Perceptron",
    "SoftmaxRegression",
    "cover_count",
    "cover_probability",
    "empirical_risk",
    "film",
    "picture",
    "widest_margin",
]

if TYPE_CHECKING:
    from .adaline import Adaline, AdalineClassifier, Bowl
    from .capacity import cover_count, cover_probability
    from .hebb import Hebb
    from .hmm import GaussianHMM, HMMClassifier
    from .logistic import LogisticRegression, SoftmaxRegression
    from .losses import empirical_risk
    from .margin import Margin, widest_margin
    from .perceptron import Perceptron
    from .pictures import film, picture


def __getattr__(name: str) -> Any:
    if name in _WHERE:
        return getattr(importlib.import_module(f".{_WHERE[name]}", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
