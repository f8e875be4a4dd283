"""What part of an input an answer is due to: gradients, integrated gradients, covering, class activation maps."""

from __future__ import annotations

import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from snarc import draw, keys
from snarc.errors import DataError, RecipeError, nearest
from snarc.reading import Reading
from snarc.registry import instrument
from snarc.subjects import Subject, subject
from snarc.training.compiling import options

from . import _attribute as by
from ._layers import chosen, examples, weighted

METHODS = ("gradient", "gradient-input", "integrated", "smooth", "occlusion", "grad-cam", "cam")
_MAPS = ("grad-cam", "cam")


@instrument("attribution", asks="Which part of an input is its answer due to?")
def attribution(
    of: Any,
    data: Any = "test",
    *,
    methods: tuple[str, ...] = (),
    explain: str = "predicted",
    layer: str = "",
    rectified: bool = True,
    count: int = 6,
    steps: int = 64,
    samples: int = 25,
    noise: float = 0.15,
    patch: int = 4,
    stride: int = 2,
    baseline: float | None = None,
    control: bool = True,
    seed: int = 0,
) -> Reading:
    """Maps over the input that say what an output is due to, by up to seven methods, and how much of them is learnt.

    Parameters
    ----------
    of: a run (its first replica), a subject, or for ``occlusion`` one that is a plain function.
    data: the name of a split of a run, a ``Split``, a pair ``(x, y)`` or inputs ``(N, *inputs)``.
    methods: of ``gradient`` (saliency), ``gradient-input``, ``integrated``, ``smooth`` (SmoothGrad), ``occlusion``,
        ``grad-cam`` and ``cam`` (after global average pooling only); by default all but the second and the last that
        the network allows.
    explain: ``predicted`` for the logit of the answer, ``label`` for that of the right class, or a class by name.
    layer: of maps, for ``grad-cam``; by default the last convolution.
    rectified: let ``grad-cam`` weigh the positive outputs of the layer only, which rectified units pass on; with False
        its outputs as they are.
    count: how many examples, the first of ``data``.
    steps: of the path of integrated gradients.
    samples, noise: of SmoothGrad; the noise as a share of the range of the inputs, or of their standard deviation where
        no range is known.
    patch, stride: side of the covered squares and step between them, in pixels.
    baseline: what covers, and where paths begin; by default the smallest possible input, or 0.
    control: compare with the same network with all weights shuffled.
    seed: of the noise and of the shuffling.

    Returns
    -------
    Numbers: ``completeness``, for integrated gradients the largest |sum - difference of logits| over the largest
    |difference|; ``METHOD_shuffled``, the mean rank correlation of absolute maps with those of the shuffled network (a
    method whose maps stay the same shows the input, not what was learnt: Adebayo et al. 2018).  Arrays: ``input``
    ``(N, *inputs)``, ``explained`` class names ``(N,)``, ``score`` logits ``(N,)``, and for each method its maps
    ``(N, *inputs)``, or ``(N, H, W)`` for occlusion and class activation maps.

    Raises
    ------
    ModelError: a plain function whose gradients or layers a method needs; no global average pooling.
    RecipeError: no such method or class, or an option out of its range.
    DataError: no data, no labels where they are wanted, or no classes.
    """
    seen = subject(of)
    chosen_methods, path = _methods(seen, methods, layer)
    if min(count, steps, samples, patch, stride) < 1 or noise < 0:
        raise RecipeError("attribution of nothing", wanted="positive numbers", way_out="Leave the option out.")
    x, y = examples(of, seen, data, count)
    names = seen.task.classes or seen.task.targets
    classes = _explained(seen, explain, x, y, names)
    low = (seen.range[0] if seen.range else 0.0) if baseline is None else baseline
    width = (seen.range[1] - seen.range[0]) if seen.range else float(np.std(x)) or 1.0
    filling = np.full(x.shape[1:], low, np.float32)
    made = _Maps(
        x, classes, filling, path, steps=steps, samples=samples, spread=noise * width, patch=patch, stride=stride,
        seed=seed, rectified=rectified,
    )  # fmt: skip
    maps = {m: made.of(m, seen) for m in chosen_methods}
    numbers: dict[str, Any] = {"examples": len(x)}
    score = np.asarray(seen.logits(x))[np.arange(len(x)), classes]
    parts = []
    if "integrated" in maps:
        began = np.asarray(seen.logits(np.broadcast_to(filling, x.shape)))[np.arange(len(x)), classes]
        sums = maps["integrated"].reshape(len(x), -1).sum(axis=1, dtype=np.float64)
        apart = float(np.abs(sums - (score - began)).max())
        numbers["completeness"] = apart / max(float(np.abs(score - began).max()), 1e-12)
        parts.append(
            f"Integrated gradients add up to the difference of the logits to {100 * numbers['completeness']:.2g} %."
        )
    if control and seen.network is not None:
        other = by.shuffled(seen, keys.generator(seed, "shuffled"))
        for m in chosen_methods:
            numbers[f"{m}_shuffled"] = by.likeness(maps[m], made.of(m, other))
        most = max(chosen_methods, key=lambda m: np.nan_to_num(numbers[f"{m}_shuffled"], nan=-1))
        parts.append(
            f"With all weights shuffled the maps of {most} stay most alike, with a rank correlation of "
            f"{numbers[f'{most}_shuffled']:.2f}: so much of them shows the input, not what was learnt."
        )
    arrays = {"input": x, "explained": np.array(names)[classes], "score": score, "method": np.array(chosen_methods)}
    arrays |= {m: np.asarray(found) for m, found in maps.items()}
    note = " ".join(parts) or f"What {len(x)} answers are due to, by {', '.join(chosen_methods)}."
    return Reading("attribution", numbers, arrays, _draw if x.ndim == 4 else None, note)


def _methods(seen: Subject, methods: tuple[str, ...], layer: str) -> tuple[tuple[str, ...], str]:
    """Those that were asked for, or that the network allows, and the layer of maps that they need."""
    for m in methods:
        if m not in METHODS:
            raise RecipeError(f"method {m!r}", wanted="one of " + ", ".join(METHODS), way_out=nearest(m, METHODS))
    images = len(seen.inputs) == 3
    convolutions = (
        [p for p, shape in weighted(seen).items() if len(shape) == 3] if seen.network is not None and images else []
    )
    if not methods:
        gradients = ("gradient", "integrated", "smooth") if seen.differentiable else ()
        methods = (*gradients, "occlusion", *(("grad-cam",) if convolutions else ()))
    if set(methods) - {"occlusion"}:
        seen.need_gradients("attribution by " + next(m for m in methods if m != "occlusion"))
    path = ""
    if set(methods) & set(_MAPS):
        if seen.network is None:
            seen.parameters()  # says that a plain function has no layers
        path = chosen(weighted(seen), layer, maps=True)
    return methods, path


def _explained(seen: Subject, explain: str, x: np.ndarray, y: np.ndarray | None, names: tuple[str, ...]) -> np.ndarray:
    if explain == "predicted":
        return np.asarray(seen.logits(x)).argmax(axis=1)
    if explain == "label":
        if y is None or y.ndim != 1 or not np.issubdtype(y.dtype, np.integer):
            raise DataError("no labels", wanted="a pair (x, y)", way_out="Use explain='predicted'.")
        return y.astype(int)
    if str(explain) not in names:
        raise RecipeError(
            f"explain={explain!r}",
            wanted="predicted, label, or the name of a class",
            way_out=nearest(str(explain), names),
        )
    return np.full(len(x), names.index(str(explain)))


class _Maps:
    """Maps by every method; programs are compiled once and serve the network with shuffled weights too."""

    def __init__(self, x: np.ndarray, classes: np.ndarray, filling: np.ndarray, path: str, **settings: Any) -> None:
        self.x, self.classes, self.filling, self.path, self.settings = x, classes, filling, path, settings
        self.programs: dict[str, Any] = {}

    def of(self, method: str, seen: Subject) -> np.ndarray:
        x, classes = self.x, self.classes
        if method == "cam":
            layers = weighted(seen)
            maps = [path for path, shape in layers.items() if len(shape) == 3]
            return by.enlarged(by.class_map(seen, x, classes, maps, list(layers)[-1]), (x.shape[1], x.shape[2]))
        if method == "occlusion" and not seen.differentiable:
            return self._covered(seen.logits)
        function, state = by.function_of(seen)
        if method not in self.programs:
            self.programs[method] = jax.jit(self._program(method, seen, function), compiler_options=options())
        program = self.programs[method]
        if method == "occlusion":
            return self._covered(lambda covered: program(state, covered))
        found = np.asarray(program(state, jnp.asarray(x), jnp.asarray(classes)))
        return by.enlarged(found, (x.shape[1], x.shape[2])) if method == "grad-cam" else found

    def _covered(self, logits: Any) -> np.ndarray:
        patch, stride = self.settings["patch"], self.settings["stride"]
        return by.occlusion(logits, self.x, self.classes, self.filling, patch, stride)

    def _program(self, method: str, seen: Subject, function: Any) -> Any:
        if method == "grad-cam":
            return by.grad_cam(seen, self.path, self.settings["rectified"])
        if method == "occlusion":
            return function
        settings = self.settings

        def run(state: Any, x: jax.Array, classes: jax.Array) -> jax.Array:
            logits = functools.partial(function, state)
            if method == "integrated":
                return by.integrated(logits, x, classes, jnp.asarray(self.filling), settings["steps"])
            if method == "smooth":
                key = keys.key(settings["seed"], "smooth")
                return by.smooth(logits, x, classes, settings["spread"], settings["samples"], key)
            slope = by.gradient(logits, x, classes)
            return slope * x if method == "gradient-input" else slope

        return run


def _draw(reading: Reading) -> Any:
    found = reading.arrays
    methods = [str(m) for m in found["method"]]
    count = min(6, len(found["input"]))
    figure, axes = draw.new(
        count, 1 + len(methods), width=1.25 * (1 + len(methods)), height=0.3 + 1.22 * count, squeeze=False
    )
    images = draw.pixels(found["input"][:count])
    for k, row in enumerate(axes):
        ax = draw.bare(row[0])
        ax.imshow(images[k], cmap="gray", vmin=0, vmax=255, interpolation="none")
        ax.set_ylabel(draw.shorten(str(found["explained"][k]), 12), fontsize=9)
        for ax, method in zip(row[1:], methods):
            one = found[method][k]
            # Of several channels the sum, which keeps completeness.
            one = one.sum(axis=-1) if one.ndim == 3 else one
            limit = float(np.quantile(np.abs(one), 0.995)) or 1.0
            draw.bare(ax).imshow(one, cmap=draw.DIVERGING, vmin=-limit, vmax=limit, interpolation="none")
    for ax, title in zip(axes[0], ("input", *methods)):
        ax.set_title(title, fontsize=9, loc="center")
    return figure


@attribution.known_case
def a_linear_network() -> None:
    """Of a linear network the gradient is the weights, and what each input adds is its weight times its way."""
    rng = np.random.default_rng(0)
    w = rng.normal(size=(12, 3)).astype(np.float32)
    seen = subject(lambda v: v.reshape(len(v), -1) @ jnp.asarray(w), input_shape=(2, 6, 1), classes=3)
    x = rng.normal(size=(5, 2, 6, 1)).astype(np.float32)
    found = attribution(
        seen, x, methods=("gradient", "integrated", "smooth", "occlusion"), explain="1", patch=1, stride=1
    )
    own = w[:, 1].reshape(2, 6)
    assert np.array_equal(found.arrays["gradient"], np.broadcast_to(own[..., None], x.shape))
    for method in ("integrated", "occlusion"):
        assert np.allclose(found.arrays[method].reshape(5, 2, 6), x[..., 0] * own, atol=1e-5)
    assert np.allclose(found.arrays["smooth"], own[..., None], atol=1e-5)
    assert float(found.numbers["completeness"]) < 1e-5


@attribution.known_case
def a_network_with_global_average_pooling() -> None:
    """The class activation map has the logit, less the bias, as its mean; Grad-CAM is its positive part over places."""
    from flax import nnx

    class Net(nnx.Module):
        def __init__(self) -> None:
            self.conv = nnx.Conv(1, 4, (3, 3), padding="SAME", rngs=nnx.Rngs(0))
            self.output = nnx.Linear(4, 2, rngs=nnx.Rngs(1))
            bias: Any = self.output.bias
            bias[...] = jnp.array([0.5, -1.0])

        def __call__(self, x: Any) -> Any:
            return self.output(self.conv(x).mean((1, 2)))

    seen = subject(Net(), input_shape=(6, 6, 1), classes=2)
    x = np.random.default_rng(0).normal(size=(3, 6, 6, 1)).astype(np.float32)
    found = attribution(seen, x, methods=("cam", "grad-cam"), explain="0", control=False, rectified=False).arrays
    assert np.allclose(found["cam"].mean((1, 2)) + 0.5, np.asarray(seen.logits(x))[:, 0], atol=1e-4)
    assert np.allclose(found["grad-cam"], np.maximum(found["cam"], 0) / 36, atol=1e-5)
