"""Four small tasks for optimisers, and a trainer that runs many rates and seeds of one optimiser at once."""

from typing import NamedTuple

import numpy as np

import snarc
from snarc import keys


class RaceTask(NamedTuple):
    """Inputs ``(N, n)``, targets, layout of the network, its steps, and whether targets are class labels."""

    x: np.ndarray
    y: np.ndarray
    layout: str
    classes: bool


def digits():
    """The bundled digits of 8 x 8 pixels, ten classes, rectified units."""
    train = snarc.load("digits").train
    return RaceTask(_standard(train.inputs.reshape(len(train), -1)), train.targets, "64-30-10", True)


def spirals(count=400):
    """Two spirals of one and a half turns with little noise, two classes, two hidden layers of tanh units."""
    rng = keys.generator(0, "race", "spirals")
    t = 1.5 * 2 * np.pi * np.sqrt(rng.random(count))
    arm = np.arange(count) % 2
    x = np.stack([t * np.cos(t + np.pi * arm), t * np.sin(t + np.pi * arm)], axis=1) + 0.1 * rng.normal(size=(count, 2))
    return RaceTask(_standard(x), arm.astype(np.int32), "2-20:tanh-20:tanh-2", True)


def wave(count=400):
    """sin(2πx) + x of one input and 0.1 of noise, one output, tanh units, squared error."""
    rng = keys.generator(0, "race", "wave")
    x = rng.uniform(-1, 1, size=(count, 1))
    y = np.sin(2 * np.pi * x) + x + 0.1 * rng.normal(size=x.shape)
    return RaceTask(_standard(x), y.astype(np.float32), "1-30:tanh-1", False)


def autoencoder():
    """The digits through eight tanh units in the middle and back, squared error."""
    train = snarc.load("digits").train
    x = _standard(train.inputs.reshape(len(train), -1))
    return RaceTask(x, x, "64-30:tanh-8:tanh-30:tanh-64", False)


TASKS = {"digits": digits, "two spirals": spirals, "a wave": wave, "autoencoder": autoencoder}


def _standard(x):
    scale = x.std(axis=0)
    return ((x - x.mean(axis=0)) / np.where(scale > 0, scale, 1)).astype(np.float32)


def trainer(task, optimizer, steps, batch_size=32):
    """A function from rates and seeds ``(L,)`` to training losses of the whole set ``(L, 17)`` along the way.

    Each lane is a network of its own: its seed decides its first weights and its batches, drawn with replacement.
    """
    import jax
    import jax.numpy as jnp
    from flax import nnx

    from snarc.models.network import build
    from snarc.training.losses import cross_entropy, squared_error
    from snarc.training.optimizers import Optimizer, direction
    from snarc.training.recipe import Recipe

    how = direction(Optimizer.of(Recipe(optimizer=optimizer)))
    outputs = int(task.layout.rsplit("-", 1)[-1])
    loss = cross_entropy if task.classes else squared_error
    graph = nnx.graphdef(build(task.layout, inputs=task.x.shape[1:], outputs=outputs, seed=0))

    def risk(weights, x, y):
        return jnp.mean(loss(nnx.merge(graph, weights)(x), y))

    def one(weights, rate, key):
        def move(carry, key):
            weights, memory = carry
            rows = jax.random.randint(key, (batch_size,), 0, len(task.x))
            change, memory = how.update(jax.grad(risk)(weights, x[rows], y[rows]), memory, weights)
            return (jax.tree.map(lambda w, c: w - rate * c, weights, change), memory), None

        def stretch(carry, keys):
            carry, _ = jax.lax.scan(move, carry, keys)
            return carry, risk(carry[0], x, y)

        pieces = jax.random.split(key, steps).reshape(POINTS - 1, -1)
        _, found = jax.lax.scan(stretch, (weights, how.init(weights)), pieces)
        return jnp.concatenate([risk(weights, x, y)[None], found])

    x, y = jnp.asarray(task.x), jnp.asarray(task.y)
    compiled = jax.jit(jax.vmap(one))

    def run(rates, seeds):
        networks = [build(task.layout, inputs=task.x.shape[1:], outputs=outputs, seed=int(s)) for s in seeds]
        weights = jax.tree.map(lambda *leaves: jnp.stack(leaves), *(nnx.state(net) for net in networks))
        order = jnp.stack([keys.key(int(s), "race") for s in seeds])
        found = np.asarray(compiled(weights, np.asarray(rates, np.float32), order), np.float64)
        return np.where(np.isfinite(found), found, np.inf)

    return run


POINTS = 17  # losses on the way, the first and the last included
