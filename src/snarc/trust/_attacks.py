"""Inputs made to be misread.

All attacks take a :class:`snarc.Subject`, inputs in the network's own units (pixels from 0 to 1) and labels, keep
within the subject's range, and return the inputs they made (:class:`Attacked`); an attack on an example succeeds where
the answer is another then, or the one that was aimed at.

| within a ball | the nearest boundary | one change for all |
|---|---|---|
| `fgsm`, `pgd`; `random_sign` to compare with | `deepfool`, `carlini_wagner`, `lbfgs` | `universal` |
"""

from ._attack_ball import Ball, Norm, fgsm, pgd, random_sign
from ._attack_carlini import carlini_wagner
from ._attack_deepfool import deepfool, deepfool_of
from ._attack_lbfgs import lbfgs
from ._attack_run import Attacked
from ._attack_universal import Universal, universal

__all__ = [
    "Attacked",
    "Ball",
    "Norm",
    "Universal",
    "carlini_wagner",
    "deepfool",
    "deepfool_of",
    "fgsm",
    "lbfgs",
    "pgd",
    "random_sign",
    "universal",
]
