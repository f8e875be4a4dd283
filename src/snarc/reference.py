"""Backpropagation by hand: forward, backward and update in under a hundred lines of NumPy, to be read and checked.

A network is a function y = F(x; w); to learn by descent is to need dE/dw for
every weight of it.  Both forms of the algorithm that finds them are here:

- **vectors**: a layer is a matrix; :func:`forward`, :func:`backward`, :func:`update`;
- **graph**: a unit knows its incoming edges and nothing else; :func:`graph_forward`, :func:`graph_backward`.

They agree with each other, with central differences, and with the engine,
whose tests compare it with this file.  Both count what they do, so that the
cost can be read off instead of believed.  docs/backpropagation.md walks
through the file.

>>> net = network("2-4-1", activation="tanh")
>>> x, d = np.array([[0, 0], [0, 1], [1, 0], [1, 1]]), np.array([[0], [1], [1], [0]])
>>> errors = [step(net, x, d, squared_error, rate=0.2) for _ in range(2000)]
>>> bool(abs(forward(net, x)[1][-1] - d).max() < 0.01)
True

Source: D. Rumelhart, G. Hinton, R. Williams, Nature 323 (1986) 533; the graph
form is that of Y. LeCun, Y. Bengio, G. Hinton, Nature 521 (2015) 436.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from snarc import errors, keys

ALPHA, SCALE = 1.6732632423543772, 1.0507009873554805  # of the self-normalising unit


def logistic(z: np.ndarray) -> np.ndarray:
    """1 / (1 + exp(-z)), with all its digits at both ends."""
    return np.exp(-np.logaddexp(0, -z))


def elu(z: np.ndarray, alpha: float = 1.0) -> np.ndarray:
    """z above 0, alpha (exp(z) - 1) below."""
    return np.maximum(z, 0) + alpha * np.expm1(np.minimum(z, 0))


def gate(z: np.ndarray) -> np.ndarray:
    """The normal distribution function, the factor of z in the Gaussian error linear unit."""
    return (np.vectorize(math.erfc)(-z / 2**0.5) / 2).astype(np.result_type(z))


# f and f' by name.  At a kink f' is one of the two slopes that meet there.
ACTIVATIONS: dict[str, tuple[Callable, Callable]] = {
    "identity": (lambda z: z, np.ones_like),
    "logistic": (logistic, lambda z: logistic(z) * logistic(-z)),
    "tanh": (np.tanh, lambda z: 1 - np.tanh(z) ** 2),
    "scaled-tanh": (lambda z: 1.7159 * np.tanh(z / 1.5), lambda z: 1.7159 / 1.5 * (1 - np.tanh(z / 1.5) ** 2)),
    "saturated-linear": (lambda z: np.clip(z, 0, 1), lambda z: np.heaviside(z, 0) * np.heaviside(1 - z, 0)),
    "relu": (lambda z: np.maximum(z, 0), lambda z: np.heaviside(z, 0)),
    "leaky-relu": (lambda z: np.maximum(z, 0.01 * z), lambda z: 0.01 + 0.99 * np.heaviside(z, 1)),
    "elu": (elu, lambda z: np.exp(np.minimum(z, 0))),
    "selu": (lambda z: SCALE * elu(z, ALPHA), lambda z: SCALE * np.where(z > 0, 1, elu(z, ALPHA) + ALPHA)),
    "gelu": (lambda z: z * gate(z), lambda z: gate(z) + z * np.exp(-(z**2) / 2) / (2 * np.pi) ** 0.5),
    "softplus": (lambda z: np.logaddexp(z, 0), logistic),
}


def squared_error(y: np.ndarray, d: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """E = mean of (y - d)^2 over examples and outputs, and dE/dy; ``(N, outputs)`` both."""
    return np.mean((y - d) ** 2, axis=(-2, -1)), 2 * (y - d) / (y.shape[-2] * y.shape[-1])


def cross_entropy(y: np.ndarray, d: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """E = mean over examples of -sum_i d_i ln p_i in nats, p = softmax(y), and dE/dy = (p - d) / N.

    ``d`` are probabilities, 1 for the class and 0 for the others.
    """
    log_p = y - np.logaddexp.reduce(y, axis=-1, keepdims=True)
    return -np.mean((d * log_p).sum(axis=-1), axis=-1), (np.exp(log_p) - d) / y.shape[-2]


# Vectors


@dataclass
class Layer:
    """A matrix ``(inputs, units)``, biases ``(units,)``, an activation, and how much it has been multiplied so far.

    With a leading axis ``(networks, inputs, units)`` they are as many networks, which learn side by side.
    """

    weights: np.ndarray
    biases: np.ndarray
    activation: str
    multiplications: int = 0


def network(layout: str, activation: str = "tanh", output: str = "identity", seed: int = 0) -> list[Layer]:
    """A network as ``"784-30-10"`` says; weights are normal with variance 1 / inputs (LeCun 1998), biases 0, float64.

    Raises
    ------
    ModelError: the layout is not whole numbers joined by hyphens; no activation of that name has a derivative.
    """
    units = [int(n) for n in layout.split("-") if n.isdecimal() and int(n)]
    if len(units) < 2 or len(units) <= layout.count("-"):
        raise errors.ModelError(f"layout {layout!r}", wanted="units of each layer", way_out="Write, say, 784-30-10.")
    for name in {activation, output} - set(ACTIVATIONS):
        raise errors.ModelError(f"activation {name!r}", wanted="a known one", way_out=errors.nearest(name, ACTIVATIONS))
    draw = keys.generator(seed, "reference").normal
    layers = zip(units, units[1:], [activation] * (len(units) - 2) + [output])
    return [Layer(draw(0, a**-0.5, (a, b)), np.zeros(b), name) for a, b, name in layers]


def forward(net: list[Layer], x: np.ndarray) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """z of each layer, and y of the inputs and of each layer: z = y w + b, y = f(z).

    ``x`` are examples ``(N, inputs)``.

    Raises
    ------
    DataError: they have another number of inputs.
    """
    if np.ndim(x) < 2 or np.shape(x)[-1] != net[0].weights.shape[-2]:
        raise errors.DataError(f"inputs of shape {np.shape(x)}", wanted="(N, inputs)", way_out="One row an example.")
    zs, ys = [], [x]
    for layer in net:
        zs.append(ys[-1] @ layer.weights + layer.biases[..., None, :])
        ys.append(ACTIVATIONS[layer.activation][0](zs[-1]))
        layer.multiplications += zs[-1].size * layer.weights.shape[-2]
    return zs, ys


def backward(net: list[Layer], zs: list, ys: list, slope: np.ndarray) -> tuple[list[tuple], np.ndarray]:
    """(dE/dw, dE/db) of each layer, and dE/dx, from what :func:`forward` found and ``slope`` = dE/dy of the outputs.

    The last layer comes first: delta = dE/dz = dE/dy f'(z).  Then dE/dw = y^T delta, dE/db = sum of delta, and
    delta w^T is dE/dy of the layer below.
    """
    gradients = []
    for layer, z, y in zip(net[::-1], zs[::-1], ys[-2::-1]):
        delta = slope * ACTIVATIONS[layer.activation][1](z)
        gradients.append((np.swapaxes(y, -1, -2) @ delta, delta.sum(axis=-2)))
        slope = delta @ np.swapaxes(layer.weights, -1, -2)
        layer.multiplications += 2 * delta.size * layer.weights.shape[-2]
    return gradients[::-1], slope


def update(net: list[Layer], gradients: list[tuple], rate: float) -> None:
    """w <- w - rate dE/dw and b <- b - rate dE/db, in place."""
    for layer, (dw, db) in zip(net, gradients):
        layer.weights -= rate * dw
        layer.biases -= rate * db


def step(net: list[Layer], x: np.ndarray, d: np.ndarray, loss: Callable, rate: float) -> np.ndarray:
    """Forward, backward, update; returns the error before it."""
    zs, ys = forward(net, x)
    error, slope = loss(ys[-1], d)
    update(net, backward(net, zs, ys, slope)[0], rate)
    return error


# The graph


@dataclass
class Unit:
    """Its incoming edges (number of the source, weight), bias, activation, and how often an edge was visited so far."""

    incoming: list[tuple[int, float]]
    bias: float
    activation: str
    visits: int = 0


def graph(net: list[Layer]) -> list[Unit]:
    """The same network unit by unit.  Numbers count the inputs first, which are no :class:`Unit`."""
    first, units = 0, list[Unit]()
    for layer in net:
        units += [Unit(list(enumerate(w, first)), b, layer.activation) for w, b in zip(layer.weights.T, layer.biases)]
        first += len(layer.weights)
    return units


def graph_forward(units: list[Unit], x: np.ndarray) -> tuple[list[float], list[float]]:
    """z of each unit, and y of each input and unit, for one example; a unit stands after its sources."""
    zs, ys = [], list(x)
    for unit in units:
        zs.append(unit.bias + sum(w * ys[j] for j, w in unit.incoming))
        ys.append(ACTIVATIONS[unit.activation][0](zs[-1]))
        unit.visits += len(unit.incoming)
    return zs, ys


def graph_backward(units: list[Unit], zs: list, ys: list, slope: np.ndarray) -> tuple[list[tuple], list[float]]:
    """(dE/dw of its edges, dE/db) of each unit, and dE/dx; ``slope`` is dE/dy of the last units, which E sees.

    dE/dy_j = sum of w_jk dE/dz_k over the edges j -> k.  Going backwards, the sum is complete when unit j has its
    turn, and each edge is visited once.
    """
    dys, gradients = [0.0] * (len(ys) - len(slope)) + list(slope), []
    for unit, z in zip(units[::-1], zs[::-1]):
        dz = dys.pop() * ACTIVATIONS[unit.activation][1](z)
        gradients.append(([ys[j] * dz for j, _ in unit.incoming], dz))
        for j, w in unit.incoming:
            dys[j] += w * dz
            unit.visits += 1
    return gradients[::-1], dys
