"""Inputs that excite units most, found by gradient ascent: all units of a layer in one compiled loop."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

from snarc.layers.resample import affine, resample

FIRST_STEP = 0.2  # of polishing, as a share of the range


@dataclass(frozen=True)
class Settings:
    """What the ascent is told; see :func:`snarc.see.patterns`."""

    steps: int
    learning_rate: float
    jitter: int
    rotation: float
    scale: float
    total_variation: float
    l2: float
    diversity: float
    place: bool


def excitement(found: jax.Array, place: bool) -> jax.Array:
    """How much each map or unit is excited, ``(N, units)``: a unit's output; of a map the largest or the mean.

    The mean is that of what rectified units pass on: outputs below 0 count as 0.
    """
    if found.ndim == 2:
        return found
    flat = found.reshape(len(found), -1, found.shape[-1])
    return flat.max(axis=1) if place else jnp.maximum(flat, 0).mean(axis=1)


def frequencies(height: int, width: int) -> np.ndarray:
    """1/f over the half plane of spatial frequencies of an image ``(H, W // 2 + 1)``, the mean at the lowest one."""
    f = np.hypot(np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width)[None])
    return (1 / np.maximum(f, 1 / max(height, width))).astype(np.float32)


def picture(spectrum: jax.Array, size: tuple[int, int]) -> jax.Array:
    """Images ``(N, H, W, C)`` of real and imaginary parts ``(2, N, H, W // 2 + 1, C)``, scaled by 1/f."""
    scale = frequencies(*size)[None, :, :, None]
    whole = jax.lax.complex(spectrum[0], spectrum[1]) * scale
    return jnp.fft.irfft2(whole, s=size, axes=(1, 2), norm="ortho")


def ascend(
    output: Callable[[Any, jax.Array], jax.Array],
    state: Any,
    inputs: tuple[int, ...],
    bounds: tuple[np.ndarray, np.ndarray],
    units: np.ndarray,
    reference: np.ndarray,
    copies: int,
    settings: Settings,
    rng: np.random.Generator,
) -> np.ndarray:
    """Inputs ``(units, copies, *inputs)`` that excite the units.

    Parameters
    ----------
    output: the layer's output from its state and inputs ``(N, *inputs)``.
    bounds: smallest and largest value of inputs, each broadcast against ``inputs``.
    units, reference: which, and the activation by which each one's is divided, so that the penalties weigh alike.
    """
    count = len(units) * copies
    image = len(inputs) == 3
    shape = (2, count, inputs[0], inputs[1] // 2 + 1, inputs[2]) if image else (count, *inputs)
    start = 0.1 * rng.normal(size=shape).astype(np.float32)
    if image:
        # Amplitudes as 1/sqrt(f) once they are scaled: between noise without a scale and pictures, whose fall as 1/f.
        start = start / frequencies(inputs[0], inputs[1])[None, None, :, :, None] ** 0.5
    # Drawn here, since generators of random numbers in the loop take longer to compile than all the rest.
    moves = rng.uniform(-1, 1, (settings.steps, 4, count)).astype(np.float32)
    loop = jax.jit(functools.partial(_loop, output, tuple(inputs), copies, settings))
    found = loop(state, units, np.asarray(reference, np.float32), bounds, start, moves)
    return np.asarray(found).reshape(len(units), copies, *inputs)


def polish(
    output: Callable[[Any, jax.Array], jax.Array],
    state: Any,
    start: np.ndarray,
    bounds: tuple[np.ndarray, np.ndarray],
    units: np.ndarray,
    place: bool,
    steps: int,
) -> np.ndarray:
    """Inputs ``(N, *inputs)`` from which the units ``(N,)`` were climbed further, each number of an input by itself.

    Steepest ascent in the maximum norm, in steps that become shorter: it finds the fine patterns that are out of reach
    of an ascent which begins with the coarse ones.
    """
    low, high = bounds

    @jax.jit
    def run(state: Any, x: jax.Array) -> jax.Array:
        def value(x: jax.Array) -> jax.Array:
            return jnp.take_along_axis(excitement(output(state, x), place), jnp.asarray(units)[:, None], axis=1).sum()

        def step(k: jax.Array, x: jax.Array) -> jax.Array:
            stride = FIRST_STEP * (1 - k / steps) * (high - low)
            return jnp.clip(x + stride * jnp.sign(jax.grad(value)(x)), low, high)

        return jax.lax.fori_loop(0, steps, step, x)

    return np.asarray(run(state, jnp.asarray(start)))


def _loop(
    output: Any, inputs: tuple[int, ...], copies: int, settings: Settings,
    state: Any, units: jax.Array, reference: jax.Array, bounds: tuple[jax.Array, jax.Array], start: jax.Array,
    moves: jax.Array,
) -> jax.Array:  # fmt: skip
    count = len(units) * copies
    unit, by = jnp.repeat(units, copies), jnp.repeat(reference, copies)
    low, high = bounds
    image = len(inputs) == 3

    def inputs_of(free: jax.Array) -> jax.Array:
        raw = picture(free, (inputs[0], inputs[1])) if image else free
        # Within the bounds by construction, with a gradient everywhere.
        return low + (high - low) * jax.nn.sigmoid(raw)

    def value(free: jax.Array, move: jax.Array) -> jax.Array:
        x = inputs_of(free)
        moved = _moved(x, low, settings, move) if image else x
        found = output(state, moved)
        score = jnp.take_along_axis(_smooth(found, settings.place), unit[:, None], axis=1)[:, 0] / by
        unitless = (x - low) / (high - low)
        cost = settings.l2 * jnp.square(unitless - 0.5).reshape(count, -1).mean(axis=1)
        if image:
            steps = [
                jnp.abs(jnp.diff(unitless, axis=a)).reshape(count, -1).mean(axis=1) for a in (1, 2) if inputs[a - 1] > 1
            ]
            cost += settings.total_variation * sum(steps)
        if copies > 1 and settings.diversity:
            cost += settings.diversity * _likeness(found if found.ndim == 4 else x, copies)
        return (score - cost).sum()

    optimizer = optax.adam(settings.learning_rate)

    def step(carry: Any, move: jax.Array) -> Any:
        free, moments = carry
        gradient = jax.grad(value)(free, move)
        change, moments = optimizer.update(jax.tree.map(jnp.negative, gradient), moments)
        return (optax.apply_updates(free, change), moments), None

    (free, _), _ = jax.lax.scan(step, (start, optimizer.init(start)), moves)
    return inputs_of(free)


def _smooth(found: jax.Array, place: bool) -> jax.Array:
    """What is climbed: the unit at the centre of its map, or the mean with a slope where units are silent."""
    if found.ndim == 2:
        return found
    if place:
        return found[:, found.shape[1] // 2, found.shape[2] // 2]
    return jax.nn.leaky_relu(found, 0.1).mean(axis=(1, 2))


def _moved(x: jax.Array, low: jax.Array, settings: Settings, move: jax.Array) -> jax.Array:
    """Every image turned, scaled and shifted a little, each otherwise; beyond the border lies the smallest value."""
    if not (settings.jitter or settings.rotation or settings.scale):
        return x
    turn, size, down, along = move
    rows, columns = affine(
        (x.shape[1], x.shape[2]),
        angle=jnp.radians(settings.rotation) * turn,
        factor=1 + settings.scale * size,
        slant=jnp.zeros(len(x)),
        down=jnp.round(settings.jitter * down),
        right=jnp.round(settings.jitter * along),
    )
    return resample(x - low, rows, columns) + low


def _likeness(found: jax.Array, copies: int) -> jax.Array:
    """Mean cosine to the other optima of the same unit, ``(N,)``: of the maps' Gram matrices, or of the inputs."""
    if found.ndim == 4 and found.shape[-1] > 3:
        flat = found.reshape(len(found), -1, found.shape[-1])
        found = jnp.einsum("npk,npl->nkl", flat, flat)
    flat = found.reshape(-1, copies, int(np.prod(found.shape[1:])))
    flat = flat - flat.mean(axis=-1, keepdims=True)
    flat = flat / jnp.sqrt(jnp.square(flat).sum(axis=-1, keepdims=True) + 1e-8)
    cosine = jnp.einsum("ucf,udf->ucd", flat, flat)
    return ((cosine.sum(axis=-1) - 1) / (copies - 1)).reshape(-1)
