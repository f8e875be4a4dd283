"""First-order optimisers as their papers write them, in NumPy; and the same by the engine, from the same start.

Nothing here is shared with :mod:`snarc.training.optimizers`: the experiments hold one against the other.
"""

import numpy as np


def sgd(gradient, w, steps, rate):
    """w ← w − ε ∇E(w), the path ``(steps + 1, n)`` from w on."""
    path = [w]
    for _ in range(steps):
        w = w - rate * gradient(w)
        path.append(w)
    return np.array(path)


def momentum(gradient, w, steps, rate, alpha=0.9):
    """v ← α v − ε ∇E(w), w ← w + v (Polyak 1964)."""
    v, path = np.zeros_like(w), [w]
    for _ in range(steps):
        v = alpha * v - rate * gradient(w)
        w = w + v
        path.append(w)
    return np.array(path)


def nesterov(gradient, w, steps, rate, alpha=0.9):
    """v ← α v − ε ∇E(w + α v), w ← w + v (Sutskever et al. 2013); the path is that of w + α v, where E is looked at."""
    v, path = np.zeros_like(w), [w]
    for _ in range(steps):
        v = alpha * v - rate * gradient(w + alpha * v)
        w = w + v
        path.append(w + alpha * v)
    return np.array(path)


def adagrad(gradient, w, steps, rate, delta=1e-8):
    """r ← r + g², w ← w − ε g / (δ + √r) (Duchi, Hazan, Singer 2011)."""
    r, path = np.zeros_like(w), [w]
    for _ in range(steps):
        g = gradient(w)
        r = r + g * g
        w = w - rate * g / (delta + np.sqrt(r))
        path.append(w)
    return np.array(path)


def rmsprop(gradient, w, steps, rate, rho=0.9, delta=1e-8, alpha=0.0):
    """r ← ρ r + (1 − ρ) g², v ← α v − ε g / (δ + √r), w ← w + v (Tieleman, Hinton 2012); α = 0 is without momentum."""
    r, v, path = np.zeros_like(w), np.zeros_like(w), [w]
    for _ in range(steps):
        g = gradient(w)
        r = rho * r + (1 - rho) * g * g
        v = alpha * v - rate * g / (delta + np.sqrt(r))
        w = w + v
        path.append(w)
    return np.array(path)


def rmsprop_momentum(gradient, w, steps, rate):
    """:func:`rmsprop` with α = 0.9."""
    return rmsprop(gradient, w, steps, rate, alpha=0.9)


def adadelta(gradient, w, steps, rate=1.0, rho=0.9, epsilon=1e-6):
    """Steps as long as the root mean square of earlier steps, by that of the gradients (Zeiler 2012)."""
    gg, ss, path = np.zeros_like(w), np.zeros_like(w), [w]
    for _ in range(steps):
        g = gradient(w)
        gg = rho * gg + (1 - rho) * g * g
        s = -np.sqrt(ss + epsilon) / np.sqrt(gg + epsilon) * g
        ss = rho * ss + (1 - rho) * s * s
        w = w + rate * s
        path.append(w)
    return np.array(path)


def adam(gradient, w, steps, rate, beta1=0.9, beta2=0.999, epsilon=1e-8):
    """Means of g and g² corrected for their start at zero, w ← w − ε m̂ / (√v̂ + 1e-8) (Kingma, Ba 2015)."""
    m, v, path = np.zeros_like(w), np.zeros_like(w), [w]
    for t in range(1, steps + 1):
        g = gradient(w)
        m = beta1 * m + (1 - beta1) * g
        v = beta2 * v + (1 - beta2) * g * g
        w = w - rate * (m / (1 - beta1**t)) / (np.sqrt(v / (1 - beta2**t)) + epsilon)
        path.append(w)
    return np.array(path)


RULES = {
    "sgd": sgd,
    "momentum": momentum,
    "nesterov": nesterov,
    "adagrad": adagrad,
    "rmsprop": rmsprop,
    "rmsprop-momentum": rmsprop_momentum,
    "adadelta": adadelta,
    "adam": adam,
}


def beale(w):
    """Beale's function of ``(..., 2)``; its minimum, 0, is at (3, 0.5)."""
    x, y = w[..., 0], w[..., 1]
    return (1.5 - x + x * y) ** 2 + (2.25 - x + x * y**2) ** 2 + (2.625 - x + x * y**3) ** 2


def beale_gradient(w):
    """Its gradient, by hand."""
    x, y = w
    a, b, c = 1.5 - x + x * y, 2.25 - x + x * y**2, 2.625 - x + x * y**3
    by_x = 2 * a * (y - 1) + 2 * b * (y**2 - 1) + 2 * c * (y**3 - 1)
    return np.array([by_x, 2 * a * x + 4 * b * x * y + 6 * c * x * y**2])


def valley(w):
    """Rosenbrock's curved valley (1 − x)² + 100 (y − x²)² of ``(..., 2)``; its minimum, 0, is at (1, 1)."""
    x, y = w[..., 0], w[..., 1]
    return (1 - x) ** 2 + 100 * (y - x * x) ** 2


def off_by_hand(name, rate, steps=3):
    """The largest difference of the engine's first steps from the rule's, in float64, on Beale's function."""
    start = np.array([1.0, 1.5])
    return float(np.abs(ours(name, beale, start, steps, rate) - RULES[name](beale_gradient, start, steps, rate)).max())


def off_optax(name, rate, steps=100):
    """The largest difference of the engine's steps from Optax's own optimiser, in float32, as networks learn."""
    import jax
    import optax

    their = {
        "sgd": lambda: optax.sgd(rate),
        "momentum": lambda: optax.sgd(rate, momentum=0.9),
        "nesterov": lambda: optax.sgd(rate, momentum=0.9, nesterov=True),
        "adagrad": lambda: optax.adagrad(rate, initial_accumulator_value=0.0, eps=1e-16),
        "rmsprop": lambda: optax.rmsprop(rate, decay=0.9, eps=1e-8, eps_in_sqrt=False),
        "rmsprop-momentum": lambda: optax.rmsprop(rate, decay=0.9, eps=1e-8, eps_in_sqrt=False, momentum=0.9),
        "adadelta": lambda: optax.adadelta(rate, rho=0.9, eps=1e-6),
        "adam": lambda: optax.adam(rate),
    }[name]()
    start = np.array([1.0, 1.5], np.float32)

    def one(carry, _):
        w, memory = carry
        change, memory = their.update(jax.grad(beale)(w), memory, w)
        w = optax.apply_updates(w, change)
        return (w, memory), w

    path = jax.jit(lambda w: jax.lax.scan(one, (w, their.init(w)), None, length=steps)[1])(start)
    return float(np.abs(np.asarray(path) - ours(name, beale, start, steps, rate)[1:]).max())


def ours(name, loss, start, steps, rate, stream=None, **fields):
    """The path by ``snarc.training.optimizers.direction``, in the precision of ``start``.

    Parameters
    ----------
    name: of the optimiser, as in a recipe; ``fields`` are other fields of the recipe.
    loss: from weights ``(n,)`` to a number; with a stream, from weights and the example of the step.
    start: weights ``(n,)``, or ``(..., n)`` for many runs at once.
    rate: the learning rate, or rates that broadcast against ``start.shape[:-1]``.
    stream: examples ``(..., steps, m)``, one for each step of each run.

    Returns
    -------
    ``(steps + 1, ..., n)``.
    """
    import contextlib

    import jax

    from snarc.training.optimizers import Optimizer, direction
    from snarc.training.recipe import Recipe

    how = direction(Optimizer.of(Recipe(optimizer=name, **fields)))
    stream = np.zeros((steps, 0), start.dtype) if stream is None else stream.astype(start.dtype)
    slope = jax.grad(loss if stream.shape[-1] else lambda w, _: loss(w))
    lanes = np.broadcast_shapes(start.shape[:-1], np.shape(rate), stream.shape[:-2])
    count = int(np.prod(lanes))
    starts = np.broadcast_to(start, (*lanes, start.shape[-1])).reshape(count, -1)
    rates = np.broadcast_to(np.asarray(rate, start.dtype), lanes).reshape(count)
    streams = np.broadcast_to(stream, (*lanes, *stream.shape[-2:])).reshape(count, *stream.shape[-2:])

    def one(w, rate, examples):
        def move(carry, example):
            w, memory = carry
            change, memory = how.update(slope(w, example), memory, w)
            w = w - rate * change
            return (w, memory), w

        return jax.lax.scan(move, (w, how.init(w)), examples)[1]

    with jax.enable_x64(True) if start.dtype == np.float64 else contextlib.nullcontext():
        found = np.asarray(jax.jit(jax.vmap(one, out_axes=1))(starts, rates, streams))
    return np.concatenate([starts[None], found]).reshape(steps + 1, *lanes, -1)
