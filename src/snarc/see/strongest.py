"""The training examples, or the patches of them, that excite each unit most."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from snarc import draw
from snarc.errors import ModelError, RecipeError
from snarc.reading import Reading
from snarc.registry import instrument
from snarc.subjects import Subject, subject

from ._layers import batches, chosen, examples, framed, output_of, short, weighted


@instrument("strongest", asks="Which examples, and which part of them, excite each unit most?")
def strongest(
    of: Any,
    data: Any = "train",
    *,
    layer: str = "",
    units: tuple[int, ...] = (),
    count: int = 8,
    first: int = 10_000,
) -> Reading:
    """The patches that excite each map of a layer most, one of an image; of dense layers the whole examples.

    Parameters
    ----------
    of: a run (its first replica) or a subject whose network is an nnx module.
    data: the name of a split of a run, a ``Split``, a pair ``(x, y)`` or inputs ``(N, *inputs)``.
    layer: path of a dense or convolutional layer; by default the last convolution, else the first dense layer.
    units: which maps or units; by default the twelve that vary most over the examples.
    count: examples of each.
    first: how many examples of ``data`` to look through.

    Returns
    -------
    Numbers: ``field_height`` and ``field_width`` in pixels of what one unit sees (convolutions), ``units``, ``silent``
    units of the layer that no example brings above 0.  Arrays: ``unit`` ``(U,)``; ``activation`` ``(U, count)``, the
    layer's output there, before its activation; ``example`` ``(U, count)`` which; ``place`` ``(U, count, 2)`` row and
    column in the map; ``box`` ``(U, count, 4)`` top, left, bottom and right pixel of what the unit sees, ends
    excluded; ``patch`` ``(U, count, h, w, C)`` those pixels, not a number beyond the border of the image; of dense
    layers ``patch`` ``(U, count, *inputs)`` and neither place nor box.

    Raises
    ------
    ModelError: a plain function, no layer with a kernel, or a receptive field that cannot be found.
    RecipeError: no such layer or unit.
    """
    seen = subject(of)
    layers = weighted(seen)
    path = chosen(layers, layer)
    shape = layers[path]
    x, _ = examples(of, seen, data, first)
    best, where = _largest(seen, path, x)
    total = best.shape[1]
    if units and not all(0 <= u < total for u in units):
        raise RecipeError(f"units {units} of {total}", wanted=f"0 to {total - 1}", way_out="Leave units out.")
    picked = np.array(units, int) if units else np.sort(np.argsort(-best.std(axis=0), kind="stable")[:12])
    count = min(count, len(x))
    order = np.argsort(-best[:, picked], axis=0, kind="stable")[:count].T
    arrays: dict[str, np.ndarray] = {
        "unit": picked,
        "activation": np.take_along_axis(best[:, picked], order.T, axis=0).T,
        "example": order,
    }
    numbers: dict[str, Any] = {"units": total, "silent": int((best.max(axis=0) <= 0).sum())}
    if len(shape) == 3:
        rows, columns = receptive_field(seen, path)
        place = np.stack(np.unravel_index(where[order, picked[:, None]], shape[:2]), axis=-1)
        box = np.stack(
            [rows[place[..., 0], 0], columns[place[..., 1], 0], rows[place[..., 0], 1], columns[place[..., 1], 1]], -1
        )
        height, width = int(np.ptp(rows, axis=1).max()), int(np.ptp(columns, axis=1).max())
        arrays |= {"place": place, "box": box, "patch": _patches(x, order, place, rows, columns)}
        numbers |= {"field_height": height, "field_width": width}
        what = f"A unit of {short(path)} sees {height} x {width} of the {x.shape[1]} x {x.shape[2]} pixels"
    else:
        arrays["patch"] = x[order]
        what = f"A unit of {short(path)} sees the whole input"
    note = f"{what}; {numbers['silent']} of {total} are brought above zero by none of {len(x):,} examples."
    return Reading("strongest", numbers, arrays, _draw if arrays["patch"].ndim == 5 else None, note)


def _largest(seen: Subject, path: str, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """For each example and map the largest output and the flat place where it is, both ``(N, units)``."""
    output, state = output_of(seen, path)

    @jax.jit
    def run(state: Any, part: jax.Array) -> tuple[jax.Array, jax.Array]:
        found = output(state, part)
        flat = found.reshape(len(part), -1, found.shape[-1])
        return flat.max(axis=1), flat.argmax(axis=1)

    pieces = []
    for begin, part in batches(x):
        pieces.append([np.asarray(a)[: len(x) - begin] for a in run(state, part)])
    best, where = (np.concatenate(parts) for parts in zip(*pieces))
    return best, where


def receptive_field(of: Any, layer: str, *, tries: int = 32) -> tuple[np.ndarray, np.ndarray]:
    """First pixel and the pixel after the last that each row, and each column, of a layer's maps depends on.

    It is where gradients arrive in a copy of the network whose kernels are all positive, so that nothing cancels and
    rectified units are all on; every place of a pooling window is the largest in one of many random inputs.

    Parameters
    ----------
    of: a run or a subject.
    layer: path of a layer of maps.
    tries: random inputs.

    Returns
    -------
    ``(rows, 2)`` and ``(columns, 2)``, in pixels of the input.
    """
    seen = subject(of)
    path = chosen(weighted(seen), layer, maps=True)
    output, state = output_of(seen, path)
    rng = np.random.default_rng(0)

    def positive(leaf: Any) -> Any:
        if isinstance(leaf, nnx.Param):
            value = leaf[...]
            fan = max(1, value.size // value.shape[-1]) if value.ndim else 1
            drawn = rng.uniform(0.5, 1.0, value.shape) / fan if value.ndim > 1 else np.full(value.shape, 0.1)
            return leaf.replace(jnp.asarray(drawn, value.dtype))
        return leaf

    state = jax.tree.map(positive, state, is_leaf=lambda leaf: isinstance(leaf, nnx.Variable))
    low, high = seen.range or (0.0, 1.0)
    x = jnp.asarray(rng.uniform(low, high, (tries, *seen.inputs)), jnp.float32)

    @jax.jit
    def support(state: Any, x: jax.Array) -> tuple[jax.Array, jax.Array]:
        found, back = jax.vjp(lambda x: output(state, x), x)
        down, along = found.shape[1:3]

        def reach(index: int | jax.Array, axis: int) -> jax.Array:
            asked = jnp.expand_dims(jnp.arange(found.shape[axis]) == index, [a for a in range(4) if a != axis])
            (gradient,) = back(jnp.broadcast_to(asked, found.shape).astype(found.dtype))
            return (gradient != 0).any(axis=(0, 3, 3 - axis))

        return (
            jax.lax.map(lambda k: reach(k, 1), jnp.arange(down)),
            jax.lax.map(lambda k: reach(k, 2), jnp.arange(along)),
        )

    down, along = support(state, x)
    return _ends(np.asarray(down), path), _ends(np.asarray(along), path)


def _ends(hit: np.ndarray, path: str) -> np.ndarray:
    if not hit.any(axis=1).all():
        raise ModelError(
            f"no gradient of {short(path)} reaches the input",
            wanted="activations that have one for positive sums",
            way_out="Choose an earlier layer.",
        )
    return np.stack([hit.argmax(axis=1), hit.shape[1] - hit[:, ::-1].argmax(axis=1)], axis=1)


def _patches(x: np.ndarray, order: np.ndarray, place: np.ndarray, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """The pixels that each unit sees; units at the border see less, and are shown at their place in the full field."""
    spans = []
    for ends, side in ((rows, x.shape[1]), (columns, x.shape[2])):
        size = int(np.ptp(ends, axis=1).max())
        # The field of a unit at the top or left border lacks its beginning, one at the other border its end.
        start = np.where(ends[:, 0] > 0, ends[:, 0], ends[:, 1] - size)
        start = np.where(ends[:, 1] < side, np.minimum(start, ends[:, 1] - size), start)
        spans.append((start, size))
    (top, height), (left, width) = spans
    pad = ((0, 0), (height, height), (width, width), (0, 0))
    found = np.empty((*order.shape, height, width, x.shape[3]), np.float32)
    for at in np.ndindex(order.shape):
        image = np.pad(x[order[at]][None], pad, constant_values=np.nan)[0]
        r, c = top[place[at][0]] + height, left[place[at][1]] + width
        found[at] = image[r : r + height, c : c + width]
    return found


def _draw(reading: Reading) -> Any:
    patches, unit, value = (reading.arrays[n] for n in ("patch", "unit", "activation"))
    rows, columns, height, width = patches.shape[:4]
    low, high = float(np.nanmin(patches)), float(np.nanmax(patches))
    patches = (patches - low) / max(high - low, 1e-12)
    halves = 2 if rows > 6 and columns <= 10 else 1
    each = -(-rows // halves)
    figure, axes = draw.new(
        1, halves, width=3.9 * halves, height=0.3 + each * 3.0 / columns * (height + 1) / (width + 1), squeeze=False
    )
    for k, ax in enumerate(axes[0]):
        part = slice(k * each, (k + 1) * each)
        draw.bare(ax)
        found = patches[part]
        if not len(found):
            continue
        sheet = draw.tiles(found.reshape(-1, *found.shape[2:]), columns)
        colour = sheet if sheet.shape[-1] == 3 else np.repeat(sheet.mean(axis=-1, keepdims=True), 3, -1)
        ax.imshow(framed(colour), interpolation="none")
        middles = np.arange(len(found)) * (height + 1) + (height - 1) / 2
        ax.set_yticks(middles, [str(u) for u in unit[part]], fontsize=8)
        ax.tick_params(length=0)
        for y, values in zip(middles, value[part]):
            ax.text(
                sheet.shape[1] + 0.02 * sheet.shape[1], y, f"{values[0]:.3g}", va="center", fontsize=8, color=draw.MUTED
            )
        ax.text(sheet.shape[1] * 1.02, -0.8, "largest", va="bottom", fontsize=8, color=draw.MUTED)
        ax.set_ylabel("map or unit", fontsize=9)
    return figure


@strongest.known_case
def a_mark_that_was_put_there() -> None:
    """A kernel that looks for a mark finds it where it was put, and sees as many pixels as arithmetic says."""

    class Net(nnx.Module):
        def __init__(self) -> None:
            rngs = nnx.Rngs(0)
            self.conv1 = nnx.Conv(1, 1, (3, 3), padding="VALID", use_bias=False, rngs=rngs)
            self.conv1.kernel[...] = np.eye(3, dtype=np.float32)[:, :, None, None]
            self.conv2 = nnx.Conv(1, 1, (3, 3), padding="VALID", strides=2, rngs=rngs)
            self.output = nnx.Linear(1, 2, rngs=rngs)

        def __call__(self, x: Any) -> Any:
            x = nnx.max_pool(nnx.relu(self.conv1(x)), (2, 2), (2, 2))
            return self.output(self.conv2(x).mean((1, 2)))

    x = np.random.default_rng(0).uniform(0, 0.2, (6, 16, 16, 1)).astype(np.float32)
    x[3, 5:8, 9:12, 0] = np.eye(3)
    seen = subject(Net(), input_shape=(16, 16, 1), classes=2)
    found = strongest(seen, x, layer="conv1", count=1).arrays
    assert found["example"].tolist() == [[3]]
    assert found["place"].tolist() == [[[5, 9]]]
    assert found["box"].tolist() == [[[5, 9, 8, 12]]]
    assert np.allclose(found["patch"][0, 0, ..., 0], np.eye(3))
    rows, _ = receptive_field(seen, "conv2")
    # 3 pixels; pooled pairs of them 4, two pixels apart; three of those 8, four pixels apart.
    assert rows.tolist() == [[0, 8], [4, 12], [8, 16]]
