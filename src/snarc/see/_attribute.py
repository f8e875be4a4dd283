"""What part of an input an output is due to: by gradients, by paths, by covering, by maps of activation."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from snarc.errors import ModelError
from snarc.models.inside import edited, layers_of
from snarc.subjects import Subject

Outputs = Callable[[jax.Array], jax.Array]


def picked(outputs: jax.Array, classes: jax.Array) -> jax.Array:
    """The logit of its class for each example, ``(N,)``."""
    return jnp.take_along_axis(outputs, classes[:, None], axis=1)[:, 0]


def gradient(of: Outputs, x: jax.Array, classes: jax.Array) -> jax.Array:
    """Derivative of the logit of each example's class by its input, ``(N, *inputs)`` (Simonyan et al. 2014)."""
    return jax.grad(lambda x: picked(of(x), classes).sum())(x)


def integrated(of: Outputs, x: jax.Array, classes: jax.Array, baseline: jax.Array, steps: int) -> jax.Array:
    """Integrated gradients along the straight line from a baseline, ``(N, *inputs)`` (Sundararajan et al. 2017).

    The mean of the gradient at the midpoints of ``steps`` equal parts, times the way; the sum over the input is the
    difference of the logits at both ends, to the error of the midpoint rule.
    """
    way = x - baseline

    def add(k: jax.Array, total: jax.Array) -> jax.Array:
        return total + gradient(of, baseline + (k + 0.5) / steps * way, classes)

    return way * jax.lax.fori_loop(0, steps, add, jnp.zeros_like(x)) / steps


def smooth(of: Outputs, x: jax.Array, classes: jax.Array, spread: float, samples: int, key: jax.Array) -> jax.Array:
    """Mean gradient at inputs with normal noise of standard deviation ``spread``, ``(N, *inputs)`` (Smilkov 2017)."""

    def add(k: jax.Array, total: jax.Array) -> jax.Array:
        noise = spread * jax.random.normal(jax.random.fold_in(key, k), x.shape, x.dtype)
        return total + gradient(of, x + noise, classes)

    return jax.lax.fori_loop(0, samples, add, jnp.zeros_like(x)) / samples


def occlusion(
    of: Callable[[Any], Any], x: np.ndarray, classes: np.ndarray, filling: np.ndarray, patch: int, stride: int
) -> np.ndarray:
    """How much the logit falls where a square of the image is covered, ``(N, H, W)``; needs outputs only.

    A pixel gets the mean over the squares that cover it (Zeiler, Fergus 2014).  The last square of a row ends at the
    border, so that every pixel is covered.  Of inputs that are no images every column is covered alone, ``(N, D)``.
    """
    # One shape for every call, so that a compiled network is compiled once.
    whole = np.asarray(of(x))[np.arange(len(x)), classes]
    if x.ndim != 4:
        flat = x.reshape(len(x), -1)
        fill = np.broadcast_to(filling, x.shape).reshape(len(x), -1)
        found = np.zeros(flat.shape)
        for column in range(flat.shape[1]):
            covered = flat.copy()
            covered[:, column] = fill[:, column]
            found[:, column] = whole - np.asarray(of(covered.reshape(x.shape)))[np.arange(len(x)), classes]
        return found.reshape(x.shape)
    height, width = x.shape[1:3]
    total, times = np.zeros(x.shape[:3]), np.zeros(x.shape[1:3])
    fill = np.broadcast_to(filling, x.shape)
    for top in starts(height, patch, stride):
        for left in starts(width, patch, stride):
            here = (slice(None), slice(top, top + patch), slice(left, left + patch))
            covered = x.copy()
            covered[here] = fill[here]
            fall = whole - np.asarray(of(covered))[np.arange(len(x)), classes]
            total[here] += fall[:, None, None]
            times[here[1:]] += 1
    return total / times


def starts(side: int, patch: int, stride: int) -> list[int]:
    """Where squares begin along a side; the last ends at the border."""
    last = max(0, side - patch)
    return sorted({*range(0, last + 1, stride), last})


Program = Callable[[Any, jax.Array, jax.Array], jax.Array]


def function_of(seen: Subject) -> tuple[Callable[[Any, jax.Array], jax.Array], Any]:
    """A function of (state, inputs) to logits and the state: one program serves all networks of one kind."""
    if seen.network is None:
        return (lambda _, x: seen.logits(x)), None
    seen.network.eval()
    graph, state = nnx.split(seen.network)
    return (lambda state, x: nnx.merge(graph, state)(x)), state


def grad_cam(seen: Subject, path: str, rectified: bool) -> Program:
    """The program of (state, inputs, classes) to a layer's maps weighed by the mean gradient of the logit in each.

    Returns ``(N, h, w)``; what lies below zero is cut off (Selvaraju et al. 2017).  The maps are the layer's output,
    before any activation that comes after it, or with ``rectified`` its positive part.
    """
    assert seen.network is not None  # its layers were found
    seen.network.eval()
    graph, _ = nnx.split(seen.network)

    def run(state: Any, x: jax.Array, classes: jax.Array) -> jax.Array:
        maps = layers_of(nnx.merge(graph, state), x)[path]

        def logit(added: jax.Array) -> jax.Array:
            return picked(edited(nnx.merge(graph, state), {path: lambda a: a + added})(x), classes).sum()

        weights = jax.grad(logit)(jnp.zeros_like(maps)).mean(axis=(1, 2))
        return jax.nn.relu(jnp.einsum("nhwk,nk->nhw", jax.nn.relu(maps) if rectified else maps, weights))

    return run


# What may stand between a layer of maps and their mean.
_BETWEEN: dict[str, Callable[[jax.Array], jax.Array]] = {
    "identity": lambda a: a, "relu": jax.nn.relu, "tanh": jnp.tanh, "gelu": lambda a: jax.nn.gelu(a, approximate=False),
    "elu": jax.nn.elu, "silu": jax.nn.silu, "softplus": jax.nn.softplus, "sigmoid": jax.nn.sigmoid,
    "leaky_relu": jax.nn.leaky_relu,
}  # fmt: skip


def class_map(seen: Subject, x: np.ndarray, classes: np.ndarray, maps: list[str], last: str) -> np.ndarray:
    """Class activation maps ``(N, h, w)``: the last layer's weights on maps whose mean it gets (Zhou et al. 2016).

    The mean of a map over its places plus the class's bias is the logit.

    Raises
    ------
    ModelError: what the last layer gets is not the mean over the places of a layer's maps.
    """
    outputs, gets = seen.activations(x), np.asarray(seen.received(x)[last])
    for path in reversed(maps):
        found = outputs[path]
        if gets.shape != (len(x), found.shape[-1]):
            continue
        for between in _BETWEEN.values():
            values = between(found)
            if np.allclose(values.mean(axis=(1, 2)), gets, rtol=1e-3, atol=1e-4 * max(1.0, float(np.abs(gets).max()))):
                kernel = seen.parameters()[f"{last}.kernel"]
                return np.einsum("nhwk,kn->nhw", np.asarray(values), kernel[:, classes])
    raise ModelError(
        f"{seen.name} takes no mean over whole maps before its last layer",
        wanted="global average pooling after the last convolution",
        way_out="Use the method grad-cam, which works for every convolutional network.",
    )


def enlarged(maps: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Maps ``(N, h, w)`` at the size of the image, bilinear, ``(N, H, W)``."""
    return np.asarray(jax.image.resize(jnp.asarray(maps), (len(maps), *size), "bilinear"))


def shuffled(seen: Subject, rng: np.random.Generator) -> Subject:
    """The same network with the entries of every weight array in random order, for the control of Adebayo et al."""
    from snarc.subjects import of_module

    assert seen.network is not None  # the caller asked
    graph, state = nnx.split(seen.network)

    def shuffle(leaf: Any) -> Any:
        if isinstance(leaf, nnx.Param) and leaf[...].ndim:
            value = np.asarray(leaf[...])
            return leaf.replace(jnp.asarray(rng.permutation(value.ravel()).reshape(value.shape)))
        return leaf

    state = jax.tree.map(shuffle, state, is_leaf=lambda leaf: isinstance(leaf, nnx.Variable))
    return of_module(nnx.merge(graph, state), seen.inputs, seen.task, seen.name, range=seen.range)


def likeness(one: np.ndarray, other: np.ndarray) -> float:
    """Mean over examples of Spearman's rank correlation of absolute maps."""
    from scipy.stats import spearmanr

    found = []
    for a, b in zip(np.abs(one).reshape(len(one), -1), np.abs(other).reshape(len(other), -1)):
        if np.ptp(a) > 0 and np.ptp(b) > 0:
            found.append(float(spearmanr(a, b).statistic))
    return math.fsum(found) / len(found) if found else float("nan")
