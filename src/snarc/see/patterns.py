"""The input that excites each unit most, found by gradient ascent: activation maximisation."""

from __future__ import annotations

from typing import Any

import jax
import numpy as np

from snarc import draw, keys
from snarc.errors import DataError, ModelError, RecipeError
from snarc.reading import Reading
from snarc.registry import instrument
from snarc.subjects import Subject, subject

from ._ascent import Settings, ascend, excitement
from ._ascent import polish as polished
from ._layers import batches, chosen, examples, framed, output_of, short, weighted


@instrument("patterns", asks="Which input, of all that there could be, excites each unit most?")
def patterns(
    of: Any,
    data: Any = "train",
    *,
    layer: str = "",
    units: tuple[int, ...] = (),
    count: int = 16,
    copies: int = 1,
    objective: str = "mean",
    steps: int = 128,
    learning_rate: float = 0.1,
    jitter: int = 1,
    rotation: float = 5.0,
    scale: float = 0.05,
    total_variation: float = 0.3,
    l2: float = 0.1,
    diversity: float = 1.0,
    polish: int = 0,
    first: int = 5_000,
    seed: int = 0,
) -> Reading:
    """Inputs that excite units of a layer as much as possible, within the range of the inputs, beside the best example.

    Images are climbed to in Fourier space, each frequency scaled by 1/f, while they are shifted, turned and scaled a
    little at random in every step, so that what excites the unit only just so is not found.

    Parameters
    ----------
    of: a run (its first replica) or a subject whose network is an nnx module.
    data: what the unit's activation is compared with: the name of a split of a run, a ``Split``, a pair ``(x, y)`` or
        inputs ``(N, *inputs)``.
    layer: path of a dense or convolutional layer; by default the last convolution, else the first dense layer.
    units: which maps or units; by default the ``count`` that vary most over the data.
    copies: how many optima of each, pushed apart by ``diversity``.
    objective: of a map, ``mean`` of its positive outputs over the image (Graetz), or ``place``: its largest output
        anywhere, by climbing at its centre.
    steps, learning_rate: of Adam.
    jitter, rotation, scale: largest random shift in pixels, turn in degrees, and relative change of size.
    total_variation, l2: weights of the mean step between neighbouring pixels, and of the mean squared distance from
        the middle of the range, beside the activation in units of that of the best example.
    polish: steps of plain ascent, pixel by pixel, from what was found and from the best example; what excites most
        stays.  For the largest activation that there is; pictures become grainy.
    diversity: weight of the cosine between the copies' Gram matrices (maps) or inputs (dense layers).
    first: how many examples of ``data`` to compare with.

    Returns
    -------
    Numbers: ``ratio``, the median over units of the optimum's activation over that of the best example (units that
    no example excites are left out), ``smallest_ratio``, ``above_three``, the share of units where it is at least 3,
    ``units`` and ``silent``.  Arrays: ``unit`` ``(U,)``; ``optimum`` ``(U, copies, *inputs)``, the best copy first;
    ``activation`` ``(U, copies)``, untransformed; ``best_example`` ``(U, *inputs)`` and ``best_activation`` ``(U,)``;
    ``random_activation`` ``(U,)``, of the best of a thousand inputs of uniform noise.

    Raises
    ------
    ModelError: a plain function, or no layer with a kernel.
    RecipeError: an option out of its range, no such layer or unit.
    DataError: inputs without bounds and no data to take them from.

    Source: Erhan, Bengio, Courville, Vincent 2009; Olah, Mordvintsev, Schubert, Distill 2017; F. Graetz 2019.
    """
    if objective not in ("mean", "place"):
        raise RecipeError(f"objective {objective!r}", wanted="mean or place", way_out="Use objective='mean'.")
    if min(count, copies, steps, first) < 1 or min(jitter, rotation, scale, total_variation, l2, diversity, polish) < 0:
        raise RecipeError(
            "a negative option, or nothing to do", wanted="positive numbers", way_out="Leave the option out."
        )
    seen = subject(of)
    seen.need_gradients("patterns")
    layers = weighted(seen)
    path = chosen(layers, layer)
    x, _ = examples(of, seen, data, first)
    place = objective == "place"
    best = _activations(seen, path, x, place)
    total = best.shape[1]
    if units and not all(0 <= u < total for u in units):
        raise RecipeError(f"units {units} of {total}", wanted=f"0 to {total - 1}", way_out="Leave units out.")
    picked = np.array(units, int) if units else np.sort(np.argsort(-best.std(axis=0), kind="stable")[:count])
    top = best[:, picked].argmax(axis=0)
    reference = best[top, picked]
    bounds = _bounds(seen, x)
    output, state = output_of(seen, path)
    settings = Settings(steps, learning_rate, jitter, rotation, scale, total_variation, l2, diversity, place)
    by = np.where(reference > 0, reference, np.abs(best[:, picked]).max(axis=0) + 1e-6)
    found = ascend(output, state, seen.inputs, bounds, picked, by, copies, settings, keys.generator(seed, "patterns"))
    if polish:
        starts = np.concatenate([found, x[top][:, None]], axis=1)
        flat, whose = starts.reshape(-1, *seen.inputs), np.repeat(picked, starts.shape[1])
        finer = polished(output, state, flat, bounds, whose, place, polish).reshape(starts.shape)
        found = np.concatenate([found, finer], axis=1)
    reached = _activations(seen, path, found.reshape(-1, *seen.inputs), place).reshape(*found.shape[:2], -1)
    reached = np.take_along_axis(reached, picked[:, None, None], axis=2)[..., 0]
    order = np.argsort(-reached, axis=1, kind="stable")[:, :copies]
    reached = np.take_along_axis(reached, order, axis=1)
    found = np.stack([one[rank] for one, rank in zip(found, order)])
    noise = keys.generator(seed, "noise").uniform(bounds[0], bounds[1], (1000, *seen.inputs)).astype(np.float32)
    excited = reference > 0
    ratio = reached[excited, 0] / reference[excited]
    if not len(ratio):
        raise ModelError(
            f"no example excites any unit of {short(path)}",
            wanted="a layer whose units are above zero for some example",
            way_out="See snarc.see.health, or choose another layer.",
        )
    numbers: dict[str, Any] = {
        "ratio": float(np.median(ratio)),
        "smallest_ratio": float(ratio.min()),
        "above_three": float((ratio >= 3).mean()),
        "units": len(picked),
        "silent": int((~excited).sum()),
    }
    arrays = {
        "unit": picked,
        "optimum": found,
        "activation": reached,
        "best_example": x[top],
        "best_activation": reference,
        "random_activation": _activations(seen, path, noise, place)[:, picked].max(axis=0),
    }
    what = "" if len(layers[path]) == 1 else (" (largest output)" if place else " (mean over the map)")
    note = (
        f"Inputs made for them excite {len(picked)} units of {short(path)}{what} {numbers['ratio']:.1f} times as much "
        f"as the best of {len(x):,} examples in the median, at least {numbers['smallest_ratio']:.1f} times."
    )
    return Reading("patterns", numbers, arrays, _draw if len(seen.inputs) == 3 else None, note)


def _activations(seen: Subject, path: str, x: np.ndarray, place: bool) -> np.ndarray:
    """How much each example excites each map or unit, ``(N, units)``."""
    output, state = output_of(seen, path)
    run = jax.jit(lambda state, part: excitement(output(state, part), place))
    return np.concatenate([np.asarray(run(state, part))[: len(x) - begin] for begin, part in batches(x)])


def _bounds(seen: Subject, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Between what an input may lie: the subject's range, else that of the examples, column by column."""
    if seen.range is not None:
        return np.float32(seen.range[0]), np.float32(seen.range[1])  # type: ignore[return-value]
    low, high = x.min(axis=0), x.max(axis=0)
    if len(seen.inputs) == 3:
        low, high = low.min(axis=(0, 1)), high.max(axis=(0, 1))
    if not np.all(high > low):
        if len(x) < 2:
            raise DataError(
                f"inputs of {seen.name} without a range",
                wanted="examples to take it from",
                way_out="Say range=(0, 1) to snarc.subject.",
            )
        high = np.where(high > low, high, low + 1e-6).astype(np.float32)
    return low, high


def _draw(reading: Reading) -> Any:
    found = reading.arrays
    units, copies, height, width = found["optimum"].shape[:4]
    strip = np.concatenate([found["optimum"], found["best_example"][:, None]], axis=1)
    low, high = float(strip.min()), float(strip.max())
    strip = (strip - low) / max(high - low, 1e-12)
    if strip.shape[-1] != 3:
        strip = np.repeat(strip.mean(axis=-1, keepdims=True), 3, axis=-1)
    rows, parts = -(-units // 8), copies + 1
    across = -(-units // rows)
    each = 6.6 / across * parts * (height + 1) / (width + 1) + 0.35
    figure, axes = draw.new(rows, 1, width=min(7.4, 0.8 + 1.2 * across), height=rows * each + 0.1, squeeze=False)
    for row, ax in enumerate(axes[:, 0]):
        part = slice(row * across, (row + 1) * across)
        draw.bare(ax)
        some = strip[part]
        # The optima of a unit above one another, the best example last.
        sheet = np.full((parts, across, *some.shape[2:]), np.nan)
        sheet[:, : len(some)] = np.moveaxis(some, 1, 0)
        tiled = draw.tiles(sheet.reshape(-1, *some.shape[2:]), across)
        ax.imshow(framed(tiled), interpolation="none")
        best = found["best_activation"][part]
        ratio = found["activation"][part, 0] / np.where(best > 0, best, np.nan)
        words = [f"{u}: {r:.1f} x" if np.isfinite(r) else f"{u}: silent" for u, r in zip(found["unit"][part], ratio)]
        ax.set_xticks(np.arange(len(some)) * (width + 1) + (width - 1) / 2, words, fontsize=8)
        middles = np.array([(copies - 1) / 2, copies]) * (height + 1) + (height - 1) / 2
        ax.set_yticks(middles, ["made", "example"], fontsize=8)
        ax.tick_params(length=0)
    return figure


@patterns.known_case
def a_layer_of_weighted_sums() -> None:
    """A unit w x + b with inputs in [0, 1] is excited most by 1 where w > 0 and 0 elsewhere, by the sum of those w."""
    import jax.numpy as jnp
    from flax import nnx

    class Flat(nnx.Module):
        def __init__(self) -> None:
            self.dense = nnx.Linear(36, 3, rngs=nnx.Rngs(0))

        def __call__(self, x: Any) -> Any:
            return self.dense(x.reshape(len(x), -1))

    net = Flat()
    w = np.random.default_rng(0).normal(size=(36, 3)).astype(np.float32)
    net.dense.kernel[...] = jnp.asarray(w)
    seen = subject(net, input_shape=(6, 6, 1), classes=3, range=(0, 1))
    x = np.random.default_rng(1).uniform(size=(50, 6, 6, 1)).astype(np.float32)
    plain: dict[str, Any] = {"jitter": 0, "rotation": 0.0, "scale": 0.0, "total_variation": 0.0, "l2": 0.0}
    found = patterns(seen, x, units=(0, 1, 2), steps=200, first=50, **plain)
    most = np.maximum(w, 0).sum(axis=0)
    reached = found.arrays["activation"][:, 0]
    assert (reached <= most * 1.00001).all()
    assert (reached >= 0.97 * most).all()
    polished = patterns(seen, x, units=(0, 1, 2), steps=20, polish=20, first=50, **plain)
    assert np.allclose(polished.arrays["activation"][:, 0], most, rtol=1e-5)
    assert ((found.arrays["optimum"][0, 0].ravel() > 0.5) == (w[:, 0] > 0)).mean() > 0.9
