"""Augmentation: another version of each example at every step, made inside the compiled program."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from snarc import keys

from . import _draws
from ._grammar import Part, parse
from .resample import affine, move, resample, smooth

_AFFINE = ("shift", "rotate", "scale", "shear")
# What red, green and blue add to the brightness that is seen (ITU-R BT.601).
_GREY = (0.299, 0.587, 0.114)


def augment(specs: Sequence[str], inputs: tuple[int, ...], rngs: nnx.Rngs) -> Augment | None:
    """The module that the texts of a recipe's ``augment`` ask for; none where there are none.

    Parameters
    ----------
    specs: see :func:`snarc.layers.parse`.
    inputs: shape of one example, ``(H, W, C)`` for images.
    rngs: has a stream ``augment``.

    Raises
    ------
    RecipeError: a part is unknown, does not suit the inputs or has an impossible value.
    """
    # A part of strength 0 changes nothing, so it costs nothing either.
    parts = [part for part in parse(specs, tuple(inputs)) if not part.values or part.values[-1]]
    return Augment(parts, tuple(inputs), rngs=rngs) if parts else None


class Augment(nnx.Module):
    """Changes examples at random while training; in evaluation mode it returns them as they are.

    It is applied to raw inputs, before they are standardised.  Images ``(N, H, W, C)`` of bytes are flipped, moved
    and cut out as bytes; for everything else they become numbers in [0, 1] first.  Shifts, turns, scalings, slants
    and elastic distortion are one bilinear resampling.  The order is: flip, crop, resampling, colour, occlusion,
    noise, dropped values.  What an example becomes depends on the key of the step, on its place in the batch and on
    the part's name; not on the device, on other parts, or on the padding of the batch.

    Parameters
    ----------
    parts: from :func:`snarc.layers.parse`.
    inputs: shape of one example.
    rngs: has a stream ``augment``; its counter goes into checkpoints, so that a resumed run draws the same numbers.

    Sources: Simard, Steinkraus and Platt, ICDAR 2003 (elastic, affine); He et al., CVPR 2016 (crop, flip); DeVries
    and Taylor, arXiv:1708.04552 (occlude); Vincent et al., ICML 2008 (drop).
    """

    def __init__(self, parts: Sequence[Part], inputs: tuple[int, ...], *, rngs: nnx.Rngs) -> None:
        self.parts, self.size = tuple(parts), tuple(inputs)
        self.deterministic = False
        self.rngs = rngs["augment"].fork()

    def __call__(self, x: Any, mean: Any = 0.0, scale: Any = 1.0) -> jax.Array:
        """Other versions of a batch ``(N, ...)``.

        Parameters
        ----------
        mean, scale: of the columns of a table, ``(features,)``: what a dropped value becomes, and the unit of noise.
        """
        if self.deterministic:
            return x
        x, key = jnp.asarray(x), self.rngs()
        found = {part.name: part.values for part in self.parts}

        def key_of(name: str) -> jax.Array:
            return jax.random.fold_in(key, keys.number(name))

        if len(self.size) == 3:
            return _images(x, found, key_of)
        return _table(x, found, key_of, mean, scale)


def augmented(specs: Sequence[str], x: Any, *, copies: int = 1, seed: int = 0) -> np.ndarray:
    """What augmentation makes of examples, to look at.

    Parameters
    ----------
    x: raw inputs ``(N, ...)``.
    copies: versions of each.

    Returns
    -------
    ``(copies, N, ...)``; bytes where nothing had to be computed between them, else numbers.

    >>> augmented(["flip"], np.arange(4, dtype=np.uint8).reshape(1, 2, 2, 1)).shape
    (1, 1, 2, 2, 1)
    """
    x = np.asarray(x)
    module = augment(specs, x.shape[1:], nnx.Rngs(augment=keys.key(seed, "augment")))
    if module is None:
        return np.stack([x] * copies)
    # All copies in one batch, so that each example draws by its place.
    graph, state = nnx.split(module)
    made = jax.jit(lambda state, x: nnx.merge(graph, state)(x))(state, np.concatenate([x] * copies))
    return np.asarray(made).reshape(copies, *x.shape)


def _images(x: jax.Array, found: dict[str, tuple[float, ...]], key_of: Any) -> jax.Array:
    count, height, width, channels = x.shape
    bytes_in = jnp.issubdtype(x.dtype, jnp.integer)

    def between(name: str, how_many: int) -> jax.Array:
        return 2 * _draws.uniform(key_of(name), count, how_many) - 1

    if "flip" in found:
        turned = _draws.uniform(key_of("flip"), count, 1)[:, :, None, None] < 0.5
        x = jnp.where(turned, x[:, :, ::-1], x)
    if "crop" in found:
        most = int(found["crop"][0])
        x = move(x, *_whole(_draws.uniform(key_of("crop"), count, 2), most), most, mirror=True)
    shift = found.get("shift", (0.0,))[0]
    plain = shift == int(shift) and not {"rotate", "scale", "shear", "elastic"} & found.keys()
    if shift and plain:
        x = move(x, *_whole(_draws.uniform(key_of("shift"), count, 2), int(shift)), int(shift))
    rest = found.keys() - {"flip", "crop"} - ({"shift"} if plain else set())
    if not rest:
        return x
    x = _numbers(x)
    if not plain:
        x = resample(x, *_places(found, (height, width), count, between, key_of))
    if "colour" in found:
        x = _recoloured(x, 1 + found["colour"][0] * between("colour", 3), clip=bytes_in)
    if "occlude" in found:
        x = _occluded(x, int(found["occlude"][0]), _draws.uniform(key_of("occlude"), count, 2))
    if "noise" in found:
        drawn = _draws.normal(key_of("noise"), count, height * width * channels).reshape(x.shape)
        x = x + found["noise"][0] * drawn.astype(x.dtype)
    if "drop" in found:
        x = jnp.where(_kept(found["drop"][0], key_of("drop"), x.shape), x, 0)
    return x


def _table(x: jax.Array, found: dict[str, tuple[float, ...]], key_of: Any, mean: Any, scale: Any) -> jax.Array:
    x = _numbers(x)
    mean, scale = jnp.asarray(mean, x.dtype), jnp.asarray(scale, x.dtype)
    if "noise" in found:
        drawn = _draws.normal(key_of("noise"), len(x), x[0].size).reshape(x.shape)
        x = x + found["noise"][0] * scale * drawn.astype(x.dtype)
    if "drop" in found:
        x = jnp.where(_kept(found["drop"][0], key_of("drop"), x.shape), x, mean)
    return x


def _numbers(x: jax.Array) -> jax.Array:
    """Numbers in [0, 1] from bytes, by the same product as the input stage has."""
    return x.astype(jnp.float32) * (1 / 255) if jnp.issubdtype(x.dtype, jnp.integer) else x


def _whole(drawn: jax.Array, most: int) -> tuple[jax.Array, jax.Array]:
    """Two whole numbers from ``-most`` to ``most`` each."""
    steps = jnp.floor(drawn * (2 * most + 1)).astype(jnp.int32) - most
    return steps[:, 0], steps[:, 1]


def _places(
    found: dict[str, tuple[float, ...]], size: tuple[int, int], count: int, between: Any, key_of: Any
) -> tuple[jax.Array, jax.Array]:
    """Where the pixels of the distorted images come from, rows and columns ``(N, H, W)``."""
    none = jnp.zeros(count, jnp.float32)
    down = right = none
    strength = {name: found.get(name, (0.0,))[0] for name in _AFFINE}
    if strength["shift"]:
        shift = strength["shift"]
        if shift == int(shift):
            down, right = _whole(_draws.uniform(key_of("shift"), count, 2), int(shift))
        else:
            down, right = (shift * between("shift", 2)).T
    degrees = np.pi / 180
    rows, columns = affine(
        size,
        angle=strength["rotate"] * degrees * between("rotate", 1)[:, 0] if strength["rotate"] else none,
        factor=1 + strength["scale"] * between("scale", 1)[:, 0] if strength["scale"] else none + 1,
        slant=strength["shear"] * degrees * between("shear", 1)[:, 0] if strength["shear"] else none,
        down=down,
        right=right,
    )
    if "elastic" in found:
        sigma, alpha = found["elastic"]
        fields = _draws.coarse(key_of("elastic"), count, 2 * size[0] * size[1]).reshape(count, 2, *size)
        fields = alpha * smooth(fields, sigma)
        rows, columns = rows + fields[:, 0], columns + fields[:, 1]
    return rows, columns


def _recoloured(x: jax.Array, factors: jax.Array, *, clip: bool) -> jax.Array:
    brightness, contrast, saturation = (factors[:, k, None, None, None].astype(x.dtype) for k in range(3))
    x = x * brightness
    grey = x @ jnp.asarray(_GREY, x.dtype)[:, None] if x.shape[-1] == 3 else x.mean(-1, keepdims=True)
    middle = grey.mean((1, 2), keepdims=True)
    if x.shape[-1] == 3:
        x = grey + (x - grey) * saturation
    x = middle + (x - middle) * contrast
    return jnp.clip(x, 0, 1) if clip else x


def _occluded(x: jax.Array, side: int, drawn: jax.Array) -> jax.Array:
    height, width = x.shape[1:3]
    # The patch may lie partly outside, as else the middle would be hidden far more often than the border.
    top = jnp.floor(drawn[:, 0] * (height + side - 1)) - (side - 1)
    left = jnp.floor(drawn[:, 1] * (width + side - 1)) - (side - 1)
    row, column = jnp.arange(height) - top[:, None], jnp.arange(width) - left[:, None]
    inside = ((row >= 0) & (row < side))[:, :, None] & ((column >= 0) & (column < side))[:, None]
    return jnp.where(inside[..., None], 0, x)


def _kept(probability: float, key: jax.Array, shape: tuple[int, ...]) -> jax.Array:
    count = int(np.prod(shape[1:]))
    return (_draws.uniform(key, shape[0], count) >= probability).reshape(shape)
