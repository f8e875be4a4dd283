"""What every layer makes of one input: the maps of convolutions, the units of dense layers."""

from __future__ import annotations

from typing import Any

import numpy as np

from snarc import draw
from snarc.errors import RecipeError
from snarc.reading import Reading
from snarc.registry import instrument
from snarc.subjects import subject

from ._layers import examples, short, weighted

# A row of the figure shows so many maps, or so many units of a dense layer, at most.
_MAPS = 12


@instrument("feature-maps", asks="What does each layer make of an input?")
def feature_maps(of: Any, data: Any = "test", *, example: int = 0) -> Reading:
    """The output of every layer with a kernel, before its activation, for one input.

    Parameters
    ----------
    of: a run (its first replica) or a subject whose network is an nnx module.
    data: the name of a split of a run, a ``Split``, a pair ``(x, y)`` or inputs ``(N, *inputs)``.
    example: which of them, from 0.

    Returns
    -------
    Numbers for each layer: ``LAYER_positive``, the share of its outputs above 0 (what rectified units pass on), and
    ``LAYER_largest``.  Arrays: ``input`` ``(*inputs)``, ``layer`` their names, and ``output_K`` of layer K,
    ``(H, W, maps)`` or ``(units,)``; ``classes`` where the last layer has a unit for each.

    Raises
    ------
    ModelError: a plain function, or no layer with a kernel.
    DataError: no such data.
    RecipeError: no such example.
    """
    seen = subject(of)
    layers = weighted(seen)
    if example < 0:
        raise RecipeError(f"example {example}", wanted="a number from 0", way_out="Use example=0.")
    x, _ = examples(of, seen, data, example + 1)
    if len(x) <= example:
        raise RecipeError(f"example {example} of {len(x)}", wanted=f"0 to {len(x) - 1}", way_out="Use example=0.")
    one = x[example : example + 1]
    outputs = seen.activations(one)
    numbers: dict[str, Any] = {}
    arrays: dict[str, np.ndarray] = {"input": one[0], "layer": np.array([short(path) for path in layers])}
    for k, path in enumerate(layers):
        found = np.asarray(outputs[path])[0]
        arrays[f"output_{k}"] = found
        numbers[f"{short(path)}_positive"] = float((found > 0).mean())
        numbers[f"{short(path)}_largest"] = float(found.max())
    parts = [
        f"{100 * numbers[f'{name}_positive']:.0f} % of {name} ({' x '.join(map(str, shape))})"
        for name, shape in zip(arrays["layer"], layers.values())
    ]
    if len(seen.task.classes) == np.prod(list(layers.values())[-1]):
        arrays["classes"] = np.array(seen.task.classes)
    answer = seen.task.classes[int(np.asarray(seen.logits(one)).argmax())] if seen.task.classes else ""
    note = "Above zero are " + ", ".join(parts) + "." + (f" It answers {answer}." if answer else "")
    return Reading("feature-maps", numbers, arrays, _draw, note)


def _draw(reading: Reading) -> Any:
    found = reading.arrays
    names = [str(name) for name in found["layer"]]
    sheets = [_sheet(found[f"output_{k}"]) for k in range(len(names))]
    pictured = [found[f"output_{k}"].ndim == 3 for k in range(len(names))]
    heights = [1.0] + [
        6.4 * sheet.shape[0] / sheet.shape[1] if wide else 0.2 * sheet.shape[0] for sheet, wide in zip(sheets, pictured)
    ]
    width = 6.8
    figure, axes = draw.new(
        1 + len(names), 1, width=width, height=sum(heights) + 0.22 * len(heights) + 0.2, height_ratios=heights
    )
    top = draw.bare(axes[0])
    given = found["input"]
    if given.ndim == 3:
        top.imshow(draw.pixels(given[None])[0], cmap="gray", vmin=0, vmax=255, interpolation="none")
    else:
        top.imshow(given.reshape(1, -1), cmap=draw.SEQUENTIAL, interpolation="none", aspect="auto")
    top.set_title("input", fontsize=10, loc="center")
    for k, (ax, sheet, name) in enumerate(zip(axes[1:], sheets, names)):
        draw.bare(ax)
        limit = float(np.nanquantile(np.abs(sheet), 0.998)) or 1.0
        how: Any = {"cmap": draw.DIVERGING, "vmin": -limit, "vmax": limit, "interpolation": "none"}
        picture = ax.imshow(sheet, aspect="equal" if pictured[k] else "auto", **how)
        output = found[f"output_{k}"]
        if output.ndim == 3:
            height, wide, maps = output.shape
            some = "" if maps <= 2 * _MAPS else f"{2 * _MAPS} of "
            title = f"{name}: {some}{maps} maps of {height} x {wide}"
        else:
            title = f"{name}: {output.size} units"
        ax.set_title(title, fontsize=10, loc="center")
        if k + 1 == len(names) and "classes" in found and output.size <= 20:
            ax.set_xticks(np.arange(output.size), [draw.shorten(str(c), 10) for c in found["classes"]], fontsize=8)
            ax.tick_params(length=0)
        if k + 1 == len(names):
            bar = figure.colorbar(
                picture, ax=list(axes[1:]), fraction=0.02, pad=0.01, aspect=30, ticks=[-limit, 0, limit]
            )
            bar.ax.set_yticklabels(["below 0", "0", "above 0"], fontsize=8)
            bar.outline.set_visible(False)
            bar.ax.tick_params(length=0)
    return figure


def _sheet(output: np.ndarray) -> np.ndarray:
    """The first maps of a layer on one sheet, or its units as tiles, four rows of them where there are many."""
    if output.ndim == 3:
        maps = np.moveaxis(output, -1, 0)[: 2 * _MAPS]
        rows = -(-len(maps) // _MAPS)
        return draw.tiles(maps, -(-len(maps) // rows))
    flat = output.reshape(-1)
    rows = max(1, -(-len(flat) // 60))
    columns = -(-len(flat) // rows)
    sheet = np.full(rows * columns, np.nan, np.float32)
    sheet[: len(flat)] = flat
    return sheet.reshape(rows, columns)


@feature_maps.known_case
def kernels_that_shift_and_negate() -> None:
    from flax import nnx

    class Net(nnx.Module):
        def __init__(self) -> None:
            rngs = nnx.Rngs(0)
            self.conv = nnx.Conv(1, 2, (3, 3), padding="SAME", use_bias=False, rngs=rngs)
            kernel = np.zeros((3, 3, 1, 2), np.float32)
            kernel[1, 1, 0, 0], kernel[1, 0, 0, 1] = 1, -1
            self.conv.kernel[...] = kernel
            self.output = nnx.Linear(2, 2, rngs=rngs)

        def __call__(self, x: Any) -> Any:
            return self.output(self.conv(x).mean((1, 2)))

    x = np.arange(1.0, 26.0, dtype=np.float32).reshape(1, 5, 5, 1)
    found = feature_maps(subject(Net(), input_shape=(5, 5, 1), classes=2), x)
    maps = found.arrays["output_0"]
    assert np.allclose(maps[..., 0], x[0, ..., 0], atol=1e-6)
    assert np.allclose(maps[:, 1:, 1], -x[0, :, :-1, 0], atol=1e-6)
    assert np.allclose(maps[:, 0, 1], 0)
    assert found.numbers["conv_positive"] == 0.5
