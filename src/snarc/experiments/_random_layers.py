"""Signals that pass random layers, forwards and backwards: what the experiments on initial weights have in common."""

import itertools

import numpy as np

from snarc import keys


def weights(name, widths, seed):
    """The weights of each layer, float32, drawn by the initialiser of that name; each layer has its own key."""
    import jax.numpy as jnp

    from snarc.layers.initialisers import initializer

    draw = initializer("identity", name)
    shapes = enumerate(itertools.pairwise(widths))
    return [np.asarray(draw(keys.key(seed, "layer", k), shape, jnp.float32)) for k, shape in shapes]


def mean_squares(activation, name, *, width, depth, seed, rows=256):
    """Mean square of the activities before the first of ``depth`` layers and after each: ``(depth + 1,)``."""
    import jax

    from snarc.layers import activation as named

    function = named(activation)
    layer = jax.jit(lambda x, w: function(x @ w))
    x = jax.random.normal(keys.key(seed, "inputs"), (rows, width))
    seen = [x]
    for w in weights(name, [width] * (depth + 1), seed):
        seen.append(layer(seen[-1], w))
    # In float64 on the host: the squares of activities of 1e-25 are no numbers of float32 any more.
    return np.array([np.mean(np.square(np.asarray(x, np.float64))) for x in seen])
