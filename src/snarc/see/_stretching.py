"""How much a network stretches small differences of its inputs: the maths of Lyapunov exponents."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from snarc import keys
from snarc.errors import ModelError, RecipeError
from snarc.models.hidden import hidden_of
from snarc.subjects import Subject
from snarc.training.compiling import options

# The smaller side of a Jacobian up to which it is formed; beyond it products with vectors have to do.
FORMED = 64
ROWS = 16_384
# The vectors that are carried beside a piece of the points hold about so many numbers (128 MB), for wide inputs too.
_NUMBERS, _LEAST = 1 << 25, 64
_WRITTEN_OUT = 3  # inputs, as of a plane or of space
_ROUNDS = 8  # there and back, for all exponents
_TINY = 1e-30


@dataclass(frozen=True, eq=False)
class Way:
    """From the inputs to a layer, with the weights that the network had when exponents were first asked for.

    ``maps`` lead there one after another, and are one map for a network that does not tell its layers one by one;
    ``layers`` is the number L of layers with weights on the way; ``backwards``, derivatives are had in reverse only.
    """

    maps: tuple[Callable[[jax.Array], jax.Array], ...]
    layers: int
    backwards: bool = False
    # Compiled once, as films and grids call for, and gone with the way.
    programs: dict[bool, Callable[..., Any]] = field(default_factory=dict, repr=False)

    def end(self, x: jax.Array) -> jax.Array:
        """What the layer returns, ``(N, outputs)``, for inputs ``(N, n)``."""
        for one in self.maps:
            x = one(x)
        return x

    def exponents(self, x: np.ndarray, spectrum: bool = False) -> tuple[np.ndarray | None, np.ndarray, np.ndarray]:
        """Spectrum ``(N, k)`` if asked for, maximal exponents ``(N,)``, directions ``(N, n)`` at inputs ``(N, n)``."""
        if spectrum not in self.programs:
            self.programs[spectrum] = jax.jit(functools.partial(_piece, self, spectrum), compiler_options=options())
        run, (count, inputs) = self.programs[spectrum], x.shape
        outputs = jax.eval_shape(self.end, jax.ShapeDtypeStruct((1, inputs), jnp.float32)).shape[-1]
        vectors = outputs if self.backwards else min(outputs, inputs, *(() if spectrum else (FORMED,)))
        rows = min(ROWS, count, max(_LEAST, _NUMBERS // (vectors * inputs)))
        # All pieces are set going before the first is waited for.
        made = [
            run(x[first : first + rows] if first + rows <= count else x[np.arange(first, first + rows) % count])
            for first in range(0, count, rows)
        ]
        largest, direction, whole = (
            np.concatenate([np.asarray(part) for part in parts])[:count] for parts in zip(*made)
        )
        return (whole if spectrum else None), largest, direction


def way(of: Subject, layer: int | None = None) -> Way:
    """The way through ``layer`` layers of weights, the output layer included; through all hidden ones by default.

    A function whose layers cannot be seen is taken as one layer.

    Raises
    ------
    RecipeError: the network has fewer layers.
    """
    if _tells(of):
        every = tuple(stages(of))
        layers = _depth(layer, len(every))
        return Way(every[:layers], layers)
    try:
        hidden = [] if of.network is None else hidden_of(of.network, of.inputs)
    except ModelError:
        hidden = []
    layers = _depth(layer, len(hidden) + 1)

    def whole(flat: jax.Array) -> jax.Array:
        batch = flat.reshape(len(flat), *of.inputs)
        end = of.logits(batch) if layers > len(hidden) else of.received(batch)[hidden[layers - 1].next]
        return jnp.asarray(end).reshape(len(flat), -1)

    # Other libraries' networks come with backpropagation, and without products with tangents.
    return Way((whole,), layers, of.network is None)


def _depth(layer: int | None, most: int) -> int:
    layers = max(1, most - 1) if layer is None else layer
    if not 1 <= layers <= most:
        raise RecipeError(f"layer {layer} of a network of {most}", wanted=f"1 to {most}", way_out="Leave it out.")
    return layers


def _tells(of: Subject) -> bool:
    return of.network is not None and hasattr(getattr(of.network, "body", of.network), "stages")


def stages(of: Subject) -> list[Callable[[jax.Array], jax.Array]]:
    """The maps of a network from layer to layer, the input stage with the first; with the weights that it has now.

    Raises
    ------
    ModelError: the network does not tell its stages.
    """
    if not _tells(of):
        raise ModelError(
            f"{of.name} does not tell its layers one by one",
            wanted="a multilayer perceptron, or a module with a method stages()",
            way_out="Give it stages() -> list of maps from layer to layer.",
        )
    network: Any = of.network
    body = getattr(network, "body", network)
    network.eval()
    maps: list[Callable[[jax.Array], jax.Array]] = list(body.stages())
    inputs = getattr(network, "inputs", None) if body is not network else None
    if inputs is not None:
        first, shape = maps[0], of.inputs
        maps[0] = lambda x: first(inputs(x.reshape(-1, *shape)).reshape(len(x), -1))
    return maps


def _piece(along: Way, spectrum: bool, x: jax.Array) -> tuple[jax.Array, jax.Array, jax.Array]:
    chain, depth = along.end, along.layers
    inputs, outputs = x.shape[-1], jax.eval_shape(chain, x).shape[-1]
    if inputs <= min(outputs, FORMED) and not along.backwards:
        # A tangent for each input; the vectors go through all layers beside the point itself.
        basis = jnp.eye(inputs, dtype=x.dtype)

        def pushed(v: jax.Array) -> jax.Array:
            return jax.jvp(chain, (x,), (jnp.broadcast_to(v, x.shape),))[1]

        if inputs <= _WRITTEN_OUT:
            # A product for each vector, and sums for their few products, run twice as fast here as batched ones.
            columns = [pushed(v) for v in basis]
            gram = jnp.stack([jnp.stack([(a * b).sum(axis=1) for b in columns], axis=-1) for a in columns], axis=1)
        else:
            batched = jax.vmap(pushed)(basis)
            gram = jnp.einsum("ino,jno->nij", batched, batched)
        length, direction = _gram(gram, depth)
    elif outputs <= FORMED or along.backwards:
        _, back = jax.vjp(chain, x)
        rows = jax.vmap(lambda e: back(jnp.broadcast_to(e, (len(x), outputs)))[0])(jnp.eye(outputs, dtype=x.dtype))
        length, left = _gram(jnp.einsum("anj,bnj->nab", rows, rows), depth)
        direction = jnp.einsum("anj,na->nj", rows, left)
        direction = direction / jnp.maximum(jnp.linalg.norm(direction, axis=1, keepdims=True), _TINY)
        if along.backwards and spectrum:
            values = jnp.linalg.svd(rows.transpose(1, 0, 2), compute_uv=False)
            return length, direction, jnp.log(jnp.maximum(values, _TINY)) / depth
    else:
        length, direction = _power(chain, x, depth)
    whole = _spectrum(along.maps, x) / depth if spectrum else jnp.zeros((len(x), 0))
    return length, direction, whole


def _gram(gram: jax.Array, depth: int) -> tuple[jax.Array, jax.Array]:
    """log of the root of the largest eigenvalue over the depth, and its eigenvector."""
    if gram.shape[-1] == 2:
        a, b, d = gram[:, 0, 0], gram[:, 0, 1], gram[:, 1, 1]
        root = jnp.sqrt(jnp.square((a - d) / 2) + jnp.square(b))
        value = (a + d) / 2 + root
        angle = 0.5 * jnp.arctan2(2 * b, a - d)
        vector = jnp.stack([jnp.cos(angle), jnp.sin(angle)], axis=1)
    else:
        values, vectors = jnp.linalg.eigh(gram)
        value, vector = values[:, -1], vectors[:, :, -1]
    return 0.5 * jnp.log(jnp.maximum(value, _TINY)) / depth, vector


def _power(chain: Any, x: jax.Array, depth: int, steps: int = 40) -> tuple[jax.Array, jax.Array]:
    """Power iteration with J^T J, which is never formed."""
    _, forward = jax.linearize(chain, x)
    _, back = jax.vjp(chain, x)
    v = jnp.broadcast_to(jnp.linspace(1.0, 2.0, x.shape[1], dtype=x.dtype), x.shape)

    def once(_: Any, v: jax.Array) -> jax.Array:
        w = back(forward(v))[0]
        return w / jnp.maximum(jnp.linalg.norm(w, axis=1, keepdims=True), _TINY)

    v = jax.lax.fori_loop(0, steps, once, v / jnp.linalg.norm(v, axis=1, keepdims=True))
    return jnp.log(jnp.maximum(jnp.linalg.norm(forward(v), axis=1), _TINY)) / depth, v


def _spectrum(maps: Sequence[Any], x: jax.Array) -> jax.Array:
    """Logarithms of all singular values, largest first, ``(N, k)``, k the narrowest layer.

    Vectors are made orthonormal after each layer, so that small singular values do not drown in the large ones.  What
    that finds depends on the vectors that go in; it is the singular values for those that the map itself sends to
    orthogonal ones, so that these are found first.
    """
    forth: list[Any] = []
    back: list[Any] = []
    inputs, widths, y = x.shape[-1], [x.shape[-1]], x
    for one in maps:
        _, pull = jax.vjp(one, y)
        y, push = jax.linearize(one, y)
        widths.append(y.shape[-1])
        forth.append(push)
        back.insert(0, lambda v, pull=pull: pull(v)[0])
    count = min(widths)
    start = np.linalg.qr(keys.generator(0, "spectrum").normal(size=(inputs, count)))[0]
    q = jnp.broadcast_to(jnp.asarray(start.T[:, None], x.dtype), (count, len(x), inputs))
    # There and back once: the derivative has no more than count dimensions, and these are now theirs.
    q = _carried(back, _carried(forth, q)[0])[0]
    whole = q
    for push in forth:
        whole = jax.vmap(push)(whole)
    _, turn = jnp.linalg.eigh(jnp.einsum("ano,bno->nab", whole, whole))
    q = jnp.einsum("ani,nab->bni", q, turn[:, :, ::-1])
    # What the squares of rounded numbers cannot tell apart, further rounds can.
    q = jax.lax.fori_loop(0, _ROUNDS, lambda _, q: _carried(back, _carried(forth, q)[0])[0], q)
    return -jnp.sort(-_carried(forth, q)[1], axis=1)


def _carried(maps: Sequence[Any], q: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Vectors ``(k, N, n)`` made orthonormal after each linear map, and the sums of the logarithms of their growth."""
    total = jnp.zeros((q.shape[1], len(q)), q.dtype)
    for one in maps:
        frame, upper = jnp.linalg.qr(jax.vmap(one)(q).transpose(1, 2, 0))
        total = total + jnp.log(jnp.maximum(jnp.abs(jnp.diagonal(upper, axis1=1, axis2=2)), _TINY))
        q = frame.transpose(2, 0, 1)
    return q, total
