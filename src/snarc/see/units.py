"""Hidden units one at a time: what each one alone adds to the whole, or what is missed without it."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from snarc import draw
from snarc.data.picture import coordinates
from snarc.errors import DataError, ModelError, RecipeError, nearest
from snarc.models.hidden import Hidden, chosen, hidden_of
from snarc.reading import Reading
from snarc.registry import instrument
from snarc.subjects import Subject, subject
from snarc.training.deletion import outputs_without
from snarc.training.sample import sample

WHAT = ("auto", "deleted", "alone")
SHOWN = 100


@instrument("units", asks="What does each hidden unit do, and who misses it?")
def units(
    of: Any,
    data: Any = "test",
    *,
    layer: str = "",
    what: str = "auto",
    instead: str = "zero",
    count: int = 1000,
    size: int = 64,
    replica: int = 0,
) -> Reading:
    """The units of a hidden layer one at a time: deleted from a classifier, or alone in a function of two numbers.

    Deleted, a unit says 0 (or always its mean) to the next layer; of a convolution a whole map is deleted.  Alone, a
    unit of the last hidden layer adds its activity times its weight to the output before the output's nonlinearity;
    these parts and the output's bias add up to the whole.

    Parameters
    ----------
    of: a run or a subject whose layers can be seen.
    data: examples for ``deleted``: the name of a split of a run, a ``Split`` or a pair ``(x, y)``.
    layer: name (``layers.0``) or number, from 1; the last hidden one by default.  ``alone`` is for the last one.
    what: ``deleted`` or ``alone``; ``auto``: alone for networks of two inputs, deleted for all others.
    instead: what a deleted unit says: ``zero``, or its ``mean`` over the examples.
    count: examples to ask, at even distances in the split.
    size: pixels along the longer side of the panels of ``alone``.
    replica: which of a run's networks.

    Returns
    -------
    Deleted: numbers ``units``, ``score`` (accuracy, PSNR in dB, or R2) and ``loss`` of the whole, ``largest`` fall of
    the score, ``idle``, how many units change no answer (no output by more than a thousandth of its spread); arrays
    ``unit`` sorted by what they cost, and in that order ``loss_rise``, ``score_fall`` ``(units,)``, for classes
    ``class_fall`` ``(units, classes)``, falls of the accuracy within each class, and ``class`` names.
    Alone: numbers ``units``, ``remainder``, the largest difference between the sum of all parts and the network's own
    output before its nonlinearity; arrays ``parts`` ``(units, H, W, outputs)``, ``whole`` and ``sum`` ``(H, W,
    outputs)``, ``bias`` ``(outputs,)``, ``share`` ``(units,)``, the root mean square of each part.

    Raises
    ------
    ModelError: no hidden layer, or, for ``alone``, no dense output over it.
    DataError: no examples; ``alone`` of a network that has not two inputs.
    RecipeError: an unknown option.

    Source: F. Marquardt, Machine Learning for Physicists, lecture 3: neurons switched on one at a time.
    """
    for name, value, known in (("what", what, WHAT), ("instead", instead, ("zero", "mean"))):
        if value not in known:
            raise RecipeError(f"{name}={value!r}", wanted=" or ".join(known), way_out=nearest(str(value), known))
    seen = of.subject(replica) if hasattr(of, "recipe") else subject(of)
    seen.parameters()  # refuses a plain function
    network: Any = seen.network
    found = hidden_of(network, seen.inputs)
    one = chosen(found, layer)
    plane = math.prod(seen.inputs) == 2 and seen.task.kind == "regression"
    if what == "alone" or (what == "auto" and plane and not layer):
        if one is not found[-1] or math.prod(seen.inputs) != 2:
            raise DataError(
                f"units of {one.name} alone, in a network of {math.prod(seen.inputs)} inputs",
                wanted="the last hidden layer of a network of two inputs",
                way_out="Use what='deleted'.",
            )
        return _alone(of, seen, one, size)
    return _deleted(of, seen, found, one, data, instead, count)


def _deleted(of: Any, seen: Subject, found: list[Hidden], one: Hidden, data: Any, instead: str, count: int) -> Reading:
    some = sample(of, seen.task, data, count)
    mean: Any = 0.0
    if instead == "mean":
        mean = one.by_unit(seen.received(some.x)[one.next]).mean(axis=(0, 1))
    network: Any = seen.network
    masks = np.concatenate([np.ones((1, one.units)), 1 - np.eye(one.units)]).astype(np.float32)
    outputs = outputs_without(network, found, {one.own: masks}, some.x, {one.own: mean})
    losses, scores = some.losses(outputs), some.scores(outputs)
    rise, fall = losses[1:] - losses[0], scores[0] - scores[1:]
    order = np.argsort(-rise, kind="stable")
    classes = some.score == "accuracy"
    if classes:
        answers = outputs.argmax(axis=-1)
        idle = (answers[1:] == answers[0]).all(axis=1)
    else:
        moved = np.abs(outputs[1:] - outputs[0]).max(axis=(1, 2))
        idle = moved <= 1e-3 * max(float(outputs[0].std()), 1e-30)
    numbers: dict[str, Any] = {
        "units": one.units, "score": float(scores[0]), "loss": float(losses[0]), "largest": float(fall.max()),
        "idle": int(idle.sum()), "examples": len(some),
    }  # fmt: skip
    arrays: dict[str, np.ndarray] = {
        "unit": order, "loss_rise": rise[order], "score_fall": fall[order], "idle": idle[order],
        "label": np.array(some.label),
    }  # fmt: skip
    worst = int(order[0])
    note = (
        f"Without unit {worst} of {one.name} the loss rises from {losses[0]:.3g} to {losses[1 + worst]:.3g}, the most "
        f"that any of its {one.units} units costs"
    )
    if classes:
        right = some.right(outputs)
        names = np.array(seen.task.classes)
        shares = np.zeros((len(right), len(names)))
        for k in np.unique(some.y):
            shares[:, k] = right[:, some.y == k].mean(axis=1)
        arrays["class_fall"], arrays["class"] = (shares[0] - shares[1:])[order], names
        k = int(arrays["class_fall"][0].argmax())
        if arrays["class_fall"][0, k] > 0:
            note += f"; {names[k]} suffers most from it ({100 * arrays['class_fall'][0, k]:.1f} points)"
    note += f". {idle.sum()} of {one.units} change no answer when they are deleted alone, of {len(some)} examples."
    return Reading("units", numbers, arrays, _draw, note)


def _alone(of: Any, seen: Subject, one: Hidden, size: int) -> Reading:
    where, shape = _plane(of, seen, size)
    weights = seen.parameters()
    kernel = weights.get(f"{one.next}.kernel")
    if kernel is None or kernel.shape[:1] != one.shape or kernel.ndim != 2:
        raise ModelError(
            f"{one.next.removeprefix('body.')} is no dense layer",
            wanted="an output that is a weighted sum of hidden units",
            way_out="Use what='deleted'.",
        )
    activity = np.asarray(seen.received(where)[one.next], np.float64)
    parts = activity[:, :, None] * kernel.astype(np.float64)
    bias = weights.get(f"{one.next}.bias", np.zeros(kernel.shape[1])).astype(np.float64)
    own = np.asarray(seen.activations(where)[one.next], np.float64)
    total = parts.sum(axis=1) + bias
    share = np.sqrt((parts**2).mean(axis=(0, 2)))
    panels = np.moveaxis(parts, 0, 1).reshape(one.units, *shape, -1)
    numbers = {"units": one.units, "remainder": float(np.abs(total - own).max())}
    arrays = {
        "parts": panels.astype(np.float32), "whole": own.reshape(*shape, -1).astype(np.float32),
        "sum": total.reshape(*shape, -1), "bias": bias, "share": share,
    }  # fmt: skip
    silent = int((share < 1e-3 * share.max()).sum())
    half = int(np.searchsorted(np.cumsum(np.sort(share)[::-1]), share.sum() / 2)) + 1
    note = (
        f"The parts of the {one.units} units of {one.name} add up to the network's output (to "
        f"{numbers['remainder']:.0e}). {half} of them make up half of what is added, {silent} add nothing."
    )
    return Reading("units", numbers, arrays, _draw, note)


def _plane(of: Any, seen: Subject, size: int) -> tuple[np.ndarray, tuple[int, int]]:
    """Points of a plane row by row, as a picture has them, or over the range of the training inputs."""
    if isinstance(size, bool) or not isinstance(size, int) or not 2 <= size <= 512:
        raise RecipeError(f"size={size!r}", wanted="2 to 512 pixels", way_out="Leave it out for 64.")
    source = getattr(of, "about", {}).get("dataset", {}).get("source", {})
    if "picture" in source or not hasattr(of, "dataset"):
        sides = source.get("picture", {"height": 1, "width": 1})
        longer = max(sides["height"], sides["width"])
        shape = tuple(max(1, round(size * sides[side] / longer)) for side in ("height", "width"))
        return coordinates(*shape).reshape(-1, *seen.inputs), shape  # type: ignore[return-value]
    inputs = np.asarray(of.dataset.train.inputs, np.float32).reshape(-1, 2)
    (left, low), (right, high) = inputs.min(axis=0), inputs.max(axis=0)
    # Upwards is up: the first row is the top.
    grid = np.meshgrid(np.linspace(left, right, size), np.linspace(high, low, size))
    return np.stack(grid, axis=-1).reshape(-1, *seen.inputs).astype(np.float32), (size, size)


def _draw(reading: Reading) -> Any:
    if "parts" in reading.arrays:
        return sheet(reading.arrays["parts"].mean(axis=-1))
    return _table(reading)


def sheet(parts: np.ndarray, *, columns: int = 10) -> Any:
    """Panels ``(units, H, W)`` of what each unit adds, on one scale: red raises the output, blue lowers it."""
    order = np.arange(len(parts))
    if len(parts) > SHOWN:
        order = np.sort(np.argsort(-np.abs(parts).mean(axis=(1, 2)), kind="stable")[:SHOWN])
    columns = min(columns, len(order))
    rows = -(-len(order) // columns)
    height, width = parts.shape[1:]
    figure, ax = draw.new(width=7.4, height=0.35 + 6.6 * rows * (height + 1) / (columns * (width + 1)))
    limit = float(np.quantile(np.abs(parts[order]), 0.995)) or 1.0
    picture = ax.imshow(draw.tiles(parts[order], columns), cmap=draw.DIVERGING, vmin=-limit, vmax=limit)
    draw.bare(ax)
    bar = figure.colorbar(picture, ax=ax, fraction=0.03, pad=0.02, aspect=30, extend="both")
    bar.outline.set_visible(False)
    bar.set_label("added to the output", color=draw.INK)
    return figure


def _table(reading: Reading) -> Any:
    rise, unit = reading.arrays["loss_rise"], reading.arrays["unit"]
    pictured = "class_fall" in reading.arrays
    rows, height = (2, 5.0) if pictured else (1, 3.0)
    figure, axes = draw.new(rows, 1, width=7.4, height=height, squeeze=False, height_ratios=(1, 1.3)[:rows])
    top = axes[0, 0]
    top.bar(np.arange(len(rise)), rise, width=0.85, color=draw.PALETTE[0])
    top.set(ylabel="loss rises by", xlim=(-0.6, len(rise) - 0.4))
    top.grid(False, axis="x")
    below = axes[-1, 0]
    if pictured:
        fall, names = 100 * reading.arrays["class_fall"], reading.arrays["class"]
        limit = max(float(np.abs(fall).max()), 1.0)
        sheet = below.imshow(fall.T, aspect="auto", cmap=draw.DIVERGING, vmin=-limit, vmax=limit)
        few = np.arange(0, len(names), -(-len(names) // 12))
        below.set_yticks(few, [draw.shorten(str(names[k]), 14) for k in few], fontsize=8)
        below.grid(False)
        bar = figure.colorbar(sheet, ax=axes.ravel().tolist(), fraction=0.035, pad=0.02, aspect=30)
        bar.outline.set_visible(False)
        bar.set_label("accuracy lost in the class (points)", color=draw.INK)
        top.tick_params(labelbottom=False)
        below.sharex(top)
    most = max(1, -(-len(unit) // 30))
    below.set_xticks(np.arange(0, len(unit), most), [str(u) for u in unit[::most]], fontsize=7.5, rotation=90)
    below.set_xlabel(
        "unit deleted, the most needed first" if most == 1 else "unit deleted, the most needed first (numbers of some)"
    )
    return figure


@units.known_case
def two_units_of_which_one_idles() -> None:
    """Of outputs (2a, -2a) made from a = |x| and an idle unit, only a's deletion costs anything: ln 2 at last."""
    seen = _known(np.array([[1.0, 0.0]]), np.array([[2.0, -2.0], [0.0, 0.0]]))
    x = np.linspace(1, 3, 20, dtype=np.float32)[:, None]
    found = units(seen, (x, np.zeros(20, np.int32)))
    assert found.numbers["units"] == 2
    assert found.arrays["unit"].tolist() == [0, 1]
    whole = np.log1p(np.exp(-4 * x.astype(float))).mean()
    assert abs(found.arrays["loss_rise"][0] - (np.log(2) - whole)) < 1e-5
    assert found.arrays["loss_rise"][1] == 0
    assert found.arrays["idle"].tolist() == [True, True]  # equal logits name the first class, which is right


def _known(into: np.ndarray, out: np.ndarray) -> Subject:
    from flax import nnx

    from snarc.models.mlp import MLP

    layout = f"{into.shape[0]}-{into.shape[1]}-{out.shape[1]}"
    net = MLP(inputs=(into.shape[0],), outputs=out.shape[1], rngs=nnx.Rngs(0), layers=layout)
    layers: Any = net.layers
    for part, kernel in zip(layers, (into, out)):
        part.kernel[...] = np.asarray(kernel, np.float32)
        part.bias[...] = np.zeros(kernel.shape[1], np.float32)
    return subject(net, input_shape=(into.shape[0],), classes=out.shape[1])


@units.known_case
def parts_add_up() -> None:
    """|x| is the sum of two rectified halves."""
    seen = _known(np.array([[1.0, -1.0], [0.0, 0.0]]), np.array([[1.0], [1.0]]))
    found = units(seen, what="alone", size=8)
    x = coordinates(8, 8)[:, 0].reshape(8, 8)
    assert np.allclose(found.arrays["sum"][..., 0], np.abs(x), atol=1e-7)
    assert np.allclose(found.arrays["parts"][0, ..., 0], np.maximum(x, 0), atol=1e-7)
    assert float(found.numbers["remainder"]) < 1e-6
