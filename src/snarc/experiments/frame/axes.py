"""What the figures of experiments have in common."""

from __future__ import annotations

from typing import Any

import numpy as np


def replicas(ax: Any, x: Any, values: Any, *, color: str, label: str, **style: Any) -> None:
    """Draw each replica thin and their mean thick; ``values`` is ``(replicas, len(x))``."""
    values = np.atleast_2d(values)
    thin = {name: value for name, value in style.items() if name != "marker"}
    if len(values) > 1:
        ax.plot(x, values.T, color=color, **{"linewidth": 0.7, "alpha": 0.35, **thin})
    ax.plot(x, values.mean(axis=0), color=color, label=label, **{"linewidth": 2.2, **style})


def epochs(ax: Any, name: str = "epoch") -> None:
    """Label the horizontal axis as epochs, which are whole numbers."""
    ax.set_xlabel(name)
    ax.xaxis.get_major_locator().set_params(integer=True)


def one_two_five(axis: Any) -> None:
    """Make an axis logarithmic, with plain numbers at 1, 2 and 5 of each decade."""
    from matplotlib.ticker import LogLocator, NullLocator

    axis.axes.set(**{f"{axis.axis_name}scale": "log"})
    axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axis.set_minor_locator(NullLocator())
    axis.set_major_formatter(lambda value, _: f"{value:g}")
