"""How gradients flow back through the layers: their size for each example, beside that of the weights."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from snarc import draw
from snarc.reading import Reading
from snarc.registry import instrument
from snarc.subjects import subject
from snarc.training.compiling import options
from snarc.training.probe import watched
from snarc.training.sample import sample
from snarc.training.step import parts

_TINY = 1e-300
# Gradients held at a time: numbers in all of them.
_ELEMENTS = 1 << 23


@instrument("gradients", asks="Does the gradient reach every layer, or does it vanish or explode on the way?")
def gradients(of: Any, data: Any = "test", *, count: int = 256, replica: int = 0) -> Reading:
    """The gradient of the loss of each example alone, by layer.

    Parameters
    ----------
    of: a run or a subject whose layers can be seen; of a run its own loss is taken.
    data: the name of a split of a run, a ``Split`` or a pair ``(x, y)``.
    count: examples, at even distances in the split.

    Returns
    -------
    Numbers: ``layers``, ``ratio``, the root mean square of a weight's gradient in the first layer over that in the last
    (medians over examples): far below 1 where gradients vanish on their way back, far above where they explode.
    Arrays, in the order of the layers: ``layer``, ``weights`` (how many), ``norm`` ``(layers, N)`` of each example's
    gradient, ``per_weight`` ``(layers, N)``, its root mean square, ``mean_norm``, the norm of the mean gradient,
    ``weight_norm``, ``relative``, mean gradient over weights, ``agreement``, |mean gradient|^2 over the mean of
    |gradient|^2: 1 where all examples pull alike, about 1 / N where they pull at random.

    Raises
    ------
    ModelError: a plain function, or one that JAX cannot differentiate.
    DataError: no examples.

    Source: Hochreiter 1991; Glorot and Bengio, AISTATS 2010, figure 7.
    """
    seen = of.subject(replica) if hasattr(of, "recipe") else subject(of)
    seen.parameters()  # refuses a plain function
    seen.need_gradients("gradients")
    network: Any = seen.network
    some = sample(of, seen.task, data, count)
    network.eval()
    graph, weights, rest = parts(network)
    order = list(watched(network))
    seen_order = [path for path in seen.received(some.x[:1]) if path in order]
    names = seen_order + [path for path in order if path not in seen_order]
    owners = [_owner(path, names) for path, _ in nnx.to_flat_state(weights)]
    sizes = np.array([sum(int(np.size(_value(v))) for (_, v), o in _with(weights, owners) if o == n) for n in names])

    def loss(w: Any, x: jax.Array, y: jax.Array) -> jax.Array:
        return jnp.sum(some.loss(nnx.merge(graph, w, rest)(x[None]), y[None]))

    def look(w: Any, xs: jax.Array, ys: jax.Array) -> tuple[jax.Array, Any]:
        each = jax.vmap(jax.grad(loss), (None, 0, 0))(w, xs, ys)
        flat = [_value(leaf).astype(jnp.float32) for _, leaf in nnx.to_flat_state(each)]
        squares = [jnp.sum(jnp.square(g.reshape(len(g), -1)), axis=1) for g in flat]
        norms = jnp.stack([sum(s for s, o in zip(squares, owners) if o == n) for n in names])  # type: ignore[misc]
        return norms, [jnp.sum(g, axis=0) for g in flat]

    most = int(np.clip(_ELEMENTS // max(int(sizes.sum()), 1), 1, len(some)))
    # Pieces of one size, so that one program serves all; the few examples beyond them are left out.
    rows = len(some) // -(-len(some) // most)
    program = jax.jit(look, compiler_options=options())
    squares, total = [], None
    for first in range(0, len(some) - len(some) % rows, rows):
        norms, sums = program(weights, some.x[first : first + rows], some.y[first : first + rows])
        squares.append(np.asarray(norms, np.float64))
        sums = [np.asarray(s, np.float64) for s in sums]
        total = sums if total is None else [a + b for a, b in zip(total, sums)]
    norm = np.sqrt(np.concatenate(squares, axis=1))
    assert total is not None
    number = norm.shape[1]
    mean = np.array([_length([t / number for t, o in zip(total, owners) if o == n]) for n in names])
    own = np.array([_length([_value(v) for (_, v), o in _with(weights, owners) if o == n]) for n in names])
    per_weight = norm / np.sqrt(sizes)[:, None]
    middle = np.median(per_weight, axis=1)
    ratio = float(middle[0] / max(middle[-1], _TINY))
    numbers: dict[str, Any] = {"layers": len(names), "ratio": ratio, "examples": number}
    arrays = {
        "layer": np.array([name.removeprefix("body.") for name in names]), "weights": sizes, "norm": norm,
        "per_weight": per_weight, "mean_norm": mean, "weight_norm": own, "relative": mean / np.maximum(own, _TINY),
        "agreement": mean**2 / np.maximum((norm**2).mean(axis=1), _TINY),
    }  # fmt: skip
    word = "vanishes" if ratio < 1e-3 else "explodes" if ratio > 1e3 else "reaches the first layer"
    note = (
        f"The gradient {word}: a weight of the first layer gets {ratio:.2g} times the gradient of one of the last. The "
        f"examples agree to {100 * float(arrays['agreement'].mean()):.1f} %."
    )
    return Reading("gradients", numbers, arrays, _draw, note)


def _owner(path: tuple[Any, ...], names: list[str]) -> str:
    """The layer that a weight belongs to."""
    text = ".".join(map(str, path))
    fitting = [name for name in names if text.startswith(name + ".") or name == ""]
    return max(fitting, key=len) if fitting else ""


def _with(weights: Any, owners: list[str]) -> Any:
    return zip(nnx.to_flat_state(weights), owners)


def _value(leaf: Any) -> Any:
    return leaf[...] if isinstance(leaf, nnx.Variable) else leaf


def _length(parts: list[Any]) -> float:
    return float(np.sqrt(sum(np.sum(np.asarray(part, np.float64) ** 2) for part in parts)))


def _draw(reading: Reading) -> Any:
    arrays = reading.arrays
    layers = [draw.shorten(str(name), 16) for name in arrays["layer"]]
    places = np.arange(len(layers))
    figure, (left, right) = draw.new(1, 2, width=8.4, height=3.6)
    values = np.maximum(arrays["per_weight"], 1e-12 * max(float(arrays["per_weight"].max()), 1e-30))
    low, first, middle, third, high = np.quantile(values, (0.05, 0.25, 0.5, 0.75, 0.95), axis=1)
    left.vlines(places, low, high, color=draw.PALETTE[0], linewidth=1.2, label="5 to 95 % of the examples")
    left.vlines(places, first, third, color=draw.PALETTE[0], linewidth=7, alpha=0.5, label="the middle half")
    left.plot(places, middle, "o", color=draw.PALETTE[0], markersize=5, label="median")
    left.set(ylabel="gradient of a weight (RMS)")
    for name, style, colour, label in (
        ("relative", "o-", 1, "mean gradient / weights"), ("agreement", "s--", 2, "agreement of the examples"),
    ):  # fmt: skip
        right.plot(places, np.maximum(arrays[name], 1e-30), style, color=draw.PALETTE[colour], label=label)
    right.axhline(1 / arrays["norm"].shape[1], color=draw.MUTED, linewidth=0.9, linestyle=(0, (2, 2)))
    right.set(ylabel="ratio")
    for ax in (left, right):
        ax.set_yscale("log")
        slanted = len(layers) > 3
        ax.set_xticks(places, layers, rotation=30 if slanted else 0, ha="right" if slanted else "center")
        ax.set_xlim(-0.6, len(layers) - 0.4)
        low, high = ax.get_ylim()
        ax.set_ylim(low, high * (high / low) ** 0.35)
        draw.legend(ax, loc="upper center", fontsize=8)
    return figure


@gradients.known_case
def a_chain_of_two_weights() -> None:
    """Of (v w x - t)^2 the gradients are 2 (v w x - t) v x and 2 (v w x - t) w x."""
    import dataclasses

    from snarc.data import Task
    from snarc.models.mlp import MLP

    net = MLP(inputs=(1,), outputs=1, rngs=nnx.Rngs(0), layers="1-1:identity-1", bias=False)
    for layer, value in zip(net.layers, (3.0, 0.5)):
        part: Any = layer
        part.kernel[...] = np.array([[value]], np.float32)
    seen = dataclasses.replace(subject(net, input_shape=(1,), classes=1), task=Task("regression", targets=("t",)))
    x, t = np.array([[1.0], [2.0]], np.float32), np.array([[1.0], [5.0]], np.float32)
    found = gradients(seen, (x, t))
    rest = 2 * (1.5 * x - t)[:, 0]
    assert np.allclose(found.arrays["norm"], np.abs([rest * 0.5 * x[:, 0], rest * 3 * x[:, 0]]), rtol=1e-6)
    assert np.allclose(found.arrays["mean_norm"], np.abs([np.mean(rest * 0.5 * x[:, 0]), np.mean(rest * 3 * x[:, 0])]))
    assert found.arrays["weight_norm"].tolist() == [3.0, 0.5]
    assert abs(float(found.numbers["ratio"]) - 1 / 6) < 1e-6
