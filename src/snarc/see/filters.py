"""What the first layer looks for: its weights as pictures, or a chart over the columns of a table."""

from __future__ import annotations

from typing import Any

import numpy as np

from snarc import draw
from snarc.data import Task
from snarc.reading import Reading
from snarc.registry import instrument
from snarc.subjects import Subject, subject

from ._layers import first_kernel


@instrument("filters", asks="What does each unit of the first layer look for?")
def filters(of: Any, *, count: int = 48, columns: tuple[str, ...] = ()) -> Reading:
    """The weights of the first layer, in the space of its inputs.

    Parameters
    ----------
    of: a run (its first replica) or a subject whose network is an nnx module.
    count: how many units to show; those with the largest weights come first, all kernels of a convolution are kept in
        their order when there are no more.
    columns: names of the inputs of a table; a run knows them.

    Returns
    -------
    Numbers: ``units``, ``shown``, ``weight_rms``.  Arrays: ``filters`` ``(shown, H, W, C)`` for images or
    ``(shown, features)`` for tables, ``unit`` (which they are), ``norm`` ``(units,)`` Euclidean length of each unit's
    weights; for tables ``column`` names and ``column_rms`` ``(features,)``, the root mean square of the weights that
    leave a column (the network standardises its inputs, so that columns can be compared).

    Raises
    ------
    ModelError: the network has no layer of weights over its inputs, or is a plain function.
    """
    seen = subject(of)
    path, kernel = first_kernel(seen)
    units = kernel.reshape(-1, kernel.shape[-1]).T.astype(np.float64)
    norm = np.sqrt((units**2).sum(axis=1))
    if len(units) <= count:
        shown = np.arange(len(units))
    else:
        shown = np.sort(np.argsort(-norm, kind="stable")[:count])
    numbers = {"units": len(units), "shown": len(shown), "weight_rms": float(np.sqrt((units**2).mean()))}
    arrays: dict[str, np.ndarray] = {"unit": shown, "norm": norm}
    what = f"{len(shown)} of the {len(units)}" if len(shown) < len(units) else f"All {len(units)}"
    if kernel.ndim == 4:
        arrays["filters"] = np.moveaxis(kernel, -1, 0)[shown]
        height, width = kernel.shape[:2]
        note = f"{what} kernels of {height} x {width} pixels of the first layer, {path}."
    elif len(seen.inputs) == 3:
        arrays["filters"] = units[shown].reshape(len(shown), *seen.inputs)
        note = f"Weights from the pixels to {what[0].lower() + what[1:]} units of the first layer, {path}."
    else:
        names = columns or _columns(of) or tuple(f"column {k}" for k in range(units.shape[1]))
        arrays["filters"] = units[shown]
        arrays["column"] = np.array(names)
        arrays["column_rms"] = np.sqrt((units**2).mean(axis=0))
        largest = names[int(arrays["column_rms"].argmax())]
        note = f"The first layer, {path}, weighs {largest} most. Inputs are standardised, so that weights compare."
    if len(shown) < len(units):
        note += " Those with the largest weights are shown."
    return Reading("filters", numbers, arrays, _draw, note)


def _columns(of: Any) -> tuple[str, ...]:
    return tuple(getattr(of, "about", {}).get("dataset", {}).get("columns", ()))


def _draw(reading: Reading) -> Any:
    found = reading.arrays["filters"]
    return _charts(reading) if found.ndim == 2 else _sheet(found)


def _sheet(found: np.ndarray) -> Any:
    from matplotlib.colors import Normalize

    columns = min(len(found), next((c for most, c in ((6, 3), (12, 4), (24, 6)) if len(found) <= most), 8))
    rows = -(-len(found) // columns)
    height, width = found.shape[1:3]
    figure, ax = draw.new(width=5.0, height=min(6.5, 0.2 + 4.2 * rows * (height + 1) / (columns * (width + 1))))
    limit = float(np.quantile(np.abs(found), 0.998)) or 1.0
    if found.shape[3] in (3, 4):
        sheet = draw.tiles(np.clip(found[..., :3] / (2 * limit) + 0.5, 0, 1), columns)
        gap = np.isnan(sheet).any(axis=-1)
        ax.imshow(np.dstack([np.nan_to_num(sheet), (~gap).astype(np.float32)]), interpolation="none")
    else:
        sheet = draw.tiles(found.mean(axis=-1), columns)
        picture = ax.imshow(sheet, cmap=draw.DIVERGING, norm=Normalize(-limit, limit), interpolation="none")
        bar = figure.colorbar(picture, ax=ax, fraction=0.035, pad=0.02, aspect=14, extend="both")
        bar.outline.set_visible(False)
        bar.set_label("weight", color=draw.INK)
        bar.ax.tick_params(colors=draw.MUTED, labelsize=8)
    draw.bare(ax)
    return figure


def _charts(reading: Reading) -> Any:
    found, names, rms = (reading.arrays[n] for n in ("filters", "column", "column_rms"))
    kept = np.sort(np.argsort(-rms, kind="stable")[:30])
    found, names, rms = found[:, kept], names[kept], rms[kept]
    figure, (left, right) = draw.new(
        1, 2, width=6.4, height=max(1.9, 0.7 + 0.24 * len(kept)), sharey=True, width_ratios=(3, 1.3)
    )
    limit = float(np.abs(found).max()) or 1.0
    picture = left.imshow(found.T, cmap=draw.DIVERGING, vmin=-limit, vmax=limit, aspect="auto", interpolation="none")
    left.set_yticks(np.arange(len(names)), [draw.shorten(str(n), 22) for n in names])
    left.set_xlabel("unit")
    left.grid(False)
    left.tick_params(length=0)
    left.set_xticks([])
    bar = figure.colorbar(picture, ax=left, fraction=0.05, pad=0.02, location="left", aspect=16)
    bar.outline.set_visible(False)
    bar.set_label("weight", color=draw.INK)
    right.barh(np.arange(len(names)), rms, color=draw.PALETTE[0], height=0.62)
    right.set_xlabel("RMS weight")
    right.grid(False, axis="y")
    right.tick_params(axis="y", length=0)
    return figure


@filters.known_case
def weights_that_were_put_there() -> None:
    from flax import nnx

    net = nnx.Linear(4, 2, rngs=nnx.Rngs(0))
    net.kernel[...] = np.array([[3.0, 0.0], [0.0, 0.0], [0.0, 0.0], [4.0, 1.0]])
    task = Task("classification", classes=("a", "b"))
    found = filters(Subject(net, (4,), task, _inside(net)), columns=("w", "x", "y", "z"))
    assert found.arrays["norm"].tolist() == [5.0, 1.0]
    assert np.allclose(found.arrays["column_rms"], np.sqrt([4.5, 0, 0, 8.5]))
    assert "z most" in found.note
    as_image = filters(Subject(net, (2, 2, 1), task, _inside(net)))
    assert as_image.arrays["filters"][0, :, :, 0].tolist() == [[3.0, 0.0], [0.0, 4.0]]


def _inside(layer: Any) -> Any:
    from flax import nnx

    class Flat(nnx.Module):
        def __init__(self) -> None:
            self.dense = layer

        def __call__(self, x: Any) -> Any:
            return self.dense(x.reshape(len(x), -1))

    return Flat()
