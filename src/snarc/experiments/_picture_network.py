"""The network of the lectures that has learnt a picture, which several experiments take apart."""

import numpy as np

import snarc
from snarc.experiments import fit

LECTURE = "F. Marquardt, Machine Learning for Physicists, lecture 3: what the neurons of a picture network do"
LAYOUT = "2-150-150-100-1"
FALLING = {"optimizer": "adam", "learning_rate": 3e-3, "schedule": "1cycle", "batch_size": 256}


def trained(budget, **fields):
    """2-150-150-100-1 with rectified units on the lighthouse, and the picture."""
    lighthouse = snarc.load("lighthouse", size=budget(24, 48, 48))
    samples = budget(smoke=8_000, quick=600_000, full=600_000)
    epochs = max(1, round(samples / len(lighthouse.train)))
    return fit(LAYOUT, lighthouse, epochs=epochs, **{**FALLING, **fields}), snarc.data.picture.pixels_of(lighthouse)


def layers(network):
    """The dense layers of a network in float64, its input stage in the first."""
    from snarc import formal

    found = [
        formal.Layer(np.asarray(one.kernel[...], np.float64), np.asarray(one.bias[...], np.float64), name)
        for one, name in zip(network.body.layers, network.body.activation_names)
    ]
    # Standardisation is (x - mean) / scale, which the first weights can do.
    where = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]], np.float32)
    shifted = np.asarray(network.inputs(where), np.float64)
    slope = shifted[1:] - shifted[0]
    first = found[0]
    found[0] = first._replace(kernel=slope @ first.kernel, bias=shifted[0] @ first.kernel + first.bias)
    return found


def silenced(network, kept):
    """The layers with hidden units that say nothing: ``kept`` maps the number of a hidden layer to who still speaks."""
    found = layers(network)
    for k, units in kept.items():
        kernel = np.zeros_like(found[k].kernel)
        kernel[units] = found[k].kernel[units]
        found[k] = found[k]._replace(kernel=kernel)
    return found
