"""Gradients the slow way, by moving one weight at a time: what backpropagation is held against."""

import numpy as np

from snarc import reference


def error(net, x, d, loss):
    return float(loss(reference.forward(net, x)[1][-1], d)[0])


def gradient(net, x, d, loss):
    """The gradient by backpropagation, as the list of arrays of :func:`arrays`."""
    zs, ys = reference.forward(net, x)
    return [part for pair in reference.backward(net, zs, ys, loss(ys[-1], d)[1])[0] for part in pair]


def arrays(net):
    """Weights and biases, layer by layer."""
    return [part for layer in net for part in (layer.weights, layer.biases)]


def central(net, x, d, loss, h=1e-5):
    """dE/dw = (E(w + h) - E(w - h)) / 2h for each weight and bias, two errors each; the network is left as it was."""
    found = [np.empty_like(array) for array in arrays(net)]
    for array, slopes in zip(arrays(net), found):
        for k, before in np.ndenumerate(array.copy()):
            sides = []
            for array[k] in (before + h, before - h):
                sides.append(error(net, x, d, loss))
            array[k] = before
            slopes[k] = (sides[0] - sides[1]) / (2 * h)
    return found
