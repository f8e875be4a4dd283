"""Evolution of inputs by what a network says of them: one champion for each class, and two ways to write an image.

The champions of all classes live side by side (MAP-Elites, Mouret and Clune 2015): in each generation children of
random champions are shown to the network, and a child that a class is surer of takes that class's place.  Only outputs
are needed, so that any network that can be called can be fooled.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

import jax
import jax.numpy as jnp
import numpy as np
from scipy.special import log_softmax

Genomes = Any  # arrays with one row an individual


class Encoding(Protocol):
    """How an image is written down, begun, changed and read."""

    def start(self, key: jax.Array, count: int) -> Genomes:
        """``count`` random individuals."""

    def mutate(self, key: jax.Array, genomes: Genomes) -> Genomes:
        """A child of each."""

    def express(self, genomes: Genomes) -> jax.Array:
        """Their images ``(count, H, W, C)`` in [0, 1]."""


class Direct:
    """Each pixel is a gene: uniform noise at first, then every tenth gene changed by polynomial mutation.

    Source: Nguyen, Yosinski and Clune, CVPR 2015; polynomial mutation with strength 15: Deb and Agrawal (1995).
    """

    def __init__(self, shape: tuple[int, ...], share: float = 0.1, strength: float = 15.0) -> None:
        self.shape, self.share, self.strength = shape, share, strength

    def start(self, key: jax.Array, count: int) -> jax.Array:
        return jax.random.uniform(key, (count, *self.shape))

    def mutate(self, key: jax.Array, genomes: jax.Array) -> jax.Array:
        which, how = jax.random.split(key)
        u = jax.random.uniform(how, genomes.shape)
        power = 1 / (self.strength + 1)
        step = jnp.where(u < 0.5, (2 * u) ** power - 1, 1 - (2 * (1 - u)) ** power)
        struck = jax.random.uniform(which, genomes.shape) < self.share
        return jnp.clip(genomes + struck * step, 0, 1)

    def express(self, genomes: jax.Array) -> jax.Array:
        return genomes


class Pattern(NamedTuple):
    """Pattern-producing networks: weights ``(n, nodes, nodes)`` of edges from lower to higher nodes, which of them are
    there, and the function of each node ``(n, nodes)``."""

    weights: jax.Array
    edges: jax.Array
    kinds: jax.Array


_INPUTS = 4  # x, y, distance from the centre, one
_KINDS = 4  # sine, sigmoid, Gaussian, linear
_AT_ONCE = 16  # images


class Patterns:
    """Images drawn by small networks from the place of a pixel to its value, whose parts evolution adds one by one.

    Compositional pattern-producing networks (Stanley 2007) that begin without hidden nodes; a child has its weights
    moved, and now and then an edge more, a node put into an edge, or another function in a node.  Nodes keep their
    order, so that no edge leads back.

    Source: Nguyen, Yosinski and Clune, CVPR 2015; Stanley and Miikkulainen (2002) for growth by adding parts.
    """

    def __init__(self, shape: tuple[int, ...], hidden: int = 16) -> None:
        self.shape, self.hidden = shape, hidden
        self.nodes = _INPUTS + hidden + shape[2]
        rows, columns = (np.linspace(-1, 1, n) if n > 1 else np.zeros(1) for n in shape[:2])
        y, x = np.meshgrid(rows, columns, indexing="ij")
        self.places = np.stack([x, y, np.hypot(x, y), np.ones_like(x)], axis=-1).reshape(-1, _INPUTS).astype(np.float32)

    def start(self, key: jax.Array, count: int) -> Pattern:
        weights = jax.random.normal(key, (count, self.nodes, self.nodes))
        edges = np.zeros((self.nodes, self.nodes), bool)
        edges[:_INPUTS, _INPUTS + self.hidden :] = True
        kinds = jax.random.randint(jax.random.fold_in(key, 1), (count, self.nodes), 0, _KINDS)
        return Pattern(weights, jnp.broadcast_to(edges, weights.shape), kinds)

    def mutate(self, key: jax.Array, genomes: Pattern) -> Pattern:
        return jax.vmap(self._child)(jax.random.split(key, len(genomes.kinds)), genomes)

    def _child(self, key: jax.Array, one: Pattern) -> Pattern:
        chance, moved, which, edge, node, place, kind = jax.random.split(key, 7)
        weights, edges, kinds = one
        grow, split, change = jax.random.uniform(chance, (3,)) < jnp.array([0.15, 0.1, 0.1])
        struck = jax.random.uniform(which, weights.shape) < 0.5
        weights = weights + 0.5 * struck * jax.random.normal(moved, weights.shape)
        index = jnp.arange(self.nodes)
        used = (index < _INPUTS) | (index >= _INPUTS + self.hidden) | edges.any(axis=0)
        # An edge more, between two nodes that are there.
        free = ~edges & used[:, None] & used & (index[:, None] < index) & (index >= _INPUTS)
        free &= ~((index[:, None] >= _INPUTS + self.hidden) & (index >= _INPUTS + self.hidden))
        edges = jnp.where(grow & free.any(), edges | _one_of(edge, free), edges)
        # A node into an edge: the old edge goes, and two lead through the new node, if there is room in the order.
        old = _one_of(node, edges)
        low, high = jnp.argmax(old.any(axis=1)), jnp.argmax(old.any(axis=0))
        room = ~used & (index > low) & (index < high)
        new = _one_of(place, room)
        split &= room.any()
        into, out = (index == low)[:, None] & new, new[:, None] & (index == high)
        edges = jnp.where(split, (edges & ~old) | into | out, edges)
        carried = jnp.where(into, 1.0, jnp.where(out, (weights * old).sum(), weights))
        weights = jnp.where(split, carried, weights)
        other = jax.random.randint(kind, kinds.shape, 0, _KINDS)
        kinds = jnp.where(change & (jax.random.uniform(jax.random.fold_in(kind, 1), kinds.shape) < 0.3), other, kinds)
        return Pattern(weights, edges, kinds)

    def express(self, genomes: Pattern) -> jax.Array:
        # A few at a time, whose nodes' values stay in the cache.
        return jax.lax.map(self._drawn, jax.tree.map(jnp.asarray, genomes), batch_size=_AT_ONCE)

    def _drawn(self, one: Pattern) -> jax.Array:
        linked = jnp.where(one.edges, one.weights, 0.0)
        values = jnp.zeros((self.nodes, len(self.places))).at[:_INPUTS].set(self.places.T)
        functions = (lambda v: jnp.sin(3 * v), jax.nn.sigmoid, lambda v: jnp.exp(-(v**2)), lambda v: v)

        def node(k: jax.Array, values: jax.Array) -> jax.Array:
            total = linked[:, k] @ values
            made = jnp.select([one.kinds[k] == n for n in range(_KINDS)], [of(total) for of in functions])
            return values.at[k].set(jnp.where(linked[:, k].any(), made, 0.0))

        values = jax.lax.fori_loop(_INPUTS, self.nodes, node, values)
        drawn = values[_INPUTS + self.hidden :].T.reshape(self.shape)
        return jnp.clip(0.5 + 0.5 * drawn, 0, 1)


def _one_of(key: jax.Array, mask: jax.Array) -> jax.Array:
    """A random one of the places where the mask holds, as a mask; none where it is empty."""
    scores = jnp.where(mask, jax.random.uniform(key, mask.shape), -1.0)
    return mask & (scores == scores.max())


class Evolved(NamedTuple):
    """``images`` ``(populations, classes, H, W, C)``, the network's ``confidence`` in them ``(populations, classes)``,
    and its ``history`` ``(generations + 1, populations, classes)``."""

    images: np.ndarray
    confidence: np.ndarray
    history: np.ndarray


def evolve(
    logits: Callable[[Any], Any],
    encoding: Encoding,
    classes: int,
    *,
    generations: int,
    offspring: int,
    populations: int = 1,
    seed: int = 0,
) -> Evolved:
    """Champions of every class, in several populations that know nothing of each other.

    Parameters
    ----------
    logits: images ``(n, H, W, C)`` in [0, 1] to logits ``(n, outputs)``.
    classes: how many of the outputs, from the first, have a champion.
    generations, offspring: rounds, and children in each of them for each population.
    """
    count = populations * offspring
    key = jax.random.key(seed)
    begin = jax.jit(lambda key: encoding.start(key, count))
    change = jax.jit(encoding.mutate)
    express = jax.jit(encoding.express)

    def judged(genomes: Genomes) -> tuple[np.ndarray, np.ndarray]:
        images = express(genomes)
        found = log_softmax(np.asarray(logits(images), np.float64), axis=1)[:, :classes]
        return np.asarray(images), found

    rng = np.random.default_rng(seed)
    genomes = begin(key)
    images, scores = judged(genomes)
    first = _best(scores, populations)
    best = np.take_along_axis(scores.reshape(populations, offspring, classes), first[:, None], 1)[:, 0]
    index = _flat(first, offspring)
    genomes, images = _rows(genomes, index), images[index]
    history = np.empty((generations + 1, populations, classes))
    history[0] = np.exp(best)
    for generation in range(1, generations + 1):
        parent = rng.integers(classes, size=(populations, offspring)) + classes * np.arange(populations)[:, None]
        children = change(jax.random.fold_in(key, generation), _rows(genomes, parent.reshape(-1)))
        pictures, scores = judged(children)
        first = _best(scores, populations)
        top = np.take_along_axis(scores.reshape(populations, offspring, classes), first[:, None], 1)[:, 0]
        better, index = (top > best).reshape(-1), _flat(first, offspring)
        genomes = _where(better, _rows(children, index), genomes)
        images = _where(better, pictures[index], images)
        best = np.maximum(best, top)
        history[generation] = np.exp(best)
    return Evolved(images.reshape(populations, classes, *images.shape[1:]), np.exp(best), history)


def _best(scores: np.ndarray, populations: int) -> np.ndarray:
    """The best child for each class in each population, ``(populations, classes)``."""
    return scores.reshape(populations, -1, scores.shape[-1]).argmax(axis=1)


def _flat(first: np.ndarray, offspring: int) -> np.ndarray:
    """Positions among all children, ``(populations * classes,)``."""
    return (first + offspring * np.arange(len(first))[:, None]).reshape(-1)


def _rows(genomes: Genomes, index: np.ndarray) -> Genomes:
    return jax.tree.map(lambda g: np.asarray(g)[index], genomes)


def _where(better: np.ndarray, new: Genomes, old: Genomes) -> Genomes:
    return jax.tree.map(lambda a, b: np.where(better.reshape(-1, *[1] * (a.ndim - 1)), a, b), new, old)
