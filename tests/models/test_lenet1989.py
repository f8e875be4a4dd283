"""LeNet of 1989 against a direct sum over its connections, written from the paper's text."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from snarc.errors import ModelError
from snarc.models import build, summary
from snarc.models.lenet1989 import BLOCKS, FeatureMaps


def squash(x):
    return 1.7159 * np.tanh(2 / 3 * x)


def by_hand(x, kernel, bias, sees):
    """Maps of half the size: at every second pixel a window of 5 x 5 that reaches two pixels out; outside is -1."""
    side = x.shape[0] // 2
    out = np.zeros((side, side, kernel.shape[3]))
    for row in range(side):
        for column in range(side):
            for m in range(kernel.shape[3]):
                total = bias[row, column, m]
                for i in range(5):
                    for j in range(5):
                        y, z = 2 * row + i - 2, 2 * column + j - 2
                        inside = 0 <= y < x.shape[0] and 0 <= z < x.shape[1]
                        for k, seen in enumerate(sees[m]):
                            total += kernel[i, j, k, m] * (x[y, z, seen] if inside else -1.0)
                out[row, column, m] = total
    return out


def test_the_network_is_the_sum_over_its_connections():
    net = build("lenet-1989", inputs=(16, 16, 1), outputs=10, seed=3)
    rng = np.random.default_rng(0)
    for layer in (net.h1, net.h2):
        layer.bias[...] = jnp.asarray(rng.normal(0, 0.3, layer.bias[...].shape), jnp.float32)
        layer.kernel[...] = jnp.asarray(rng.normal(0, 0.3, layer.kernel[...].shape), jnp.float32)
    x = rng.uniform(size=(2, 16, 16, 1)).astype(np.float32)
    thirds = [range(4), range(4, 8), range(8, 12)]
    sees = [[m for block in BLOCKS[m_out // 4] for m in thirds[block]] for m_out in range(12)]
    weights = [np.asarray(v[...], np.float64) for v in (net.h1.kernel, net.h1.bias, net.h2.kernel, net.h2.bias)]
    dense = [np.asarray(v[...], np.float64) for v in (net.h3.kernel, net.h3.bias, net.output.kernel, net.output.bias)]
    for image, found in zip(x, np.asarray(net(x))):
        h1 = squash(by_hand(2 * image.astype(np.float64) - 1, weights[0], weights[1], [[0]] * 12))
        h2 = squash(by_hand(h1, weights[2], weights[3], sees))
        h3 = squash(h2.reshape(-1) @ dense[0] + dense[1])
        np.testing.assert_allclose(found, squash(h3 @ dense[2] + dense[3]), rtol=0, atol=2e-5)


def test_counts_are_those_of_the_paper():
    net = build("lenet-1989", inputs=(16, 16, 1), outputs=10)
    made = summary(net, (16, 16, 1))
    computing = sum(math.prod(layer.outputs) for layer in made.layers)
    assert (256 + computing, made.multiply_adds + computing, made.parameters) == (1256, 64_660, 9_760)
    by_layer = {layer.path: (layer.outputs, layer.parameters) for layer in made.layers}
    assert by_layer["h1"] == ((8, 8, 12), 1068)
    assert by_layer["h2"] == ((4, 4, 12), 2592)
    assert by_layer["h3"] == ((30,), 5790)
    assert by_layer["output"] == ((10,), 310)


def test_each_map_of_h2_sees_eight_of_h1():
    layer = FeatureMaps(8, 12, 12, blocks=BLOCKS, rngs=nnx.Rngs(0))
    x = jnp.zeros((1, 8, 8, 12))
    reach = jax.jacobian(lambda x: layer(x)[0].sum(axis=(0, 1)))(x)[:, 0]  # (maps out, 8, 8, maps in)
    seen = np.abs(np.asarray(reach)).sum(axis=(1, 2)) > 0
    assert seen.sum(axis=1).tolist() == [8] * 12
    assert seen.sum(axis=0).tolist() == [8] * 12


def test_weights_start_as_the_paper_says():
    net = build("lenet-1989", inputs=(16, 16, 1), outputs=10)
    for layer, fan_in in ((net.h1, 25), (net.h2, 200), (net.h3, 192), (net.output, 30)):
        kernel = np.abs(np.asarray(layer.kernel[...]))
        assert 0.9 * 2.4 / fan_in < kernel.max() <= 2.4 / fan_in
        assert not np.asarray(layer.bias[...]).any()


@pytest.mark.parametrize("inputs", [(16, 20, 1), (14, 14, 1), (256,), (18, 18, 1)])
def test_images_it_cannot_halve_twice_are_refused(inputs):
    with pytest.raises(ModelError):
        build("lenet-1989", inputs=inputs, outputs=10)


def test_other_sizes_channels_and_classes_work():
    net = build("lenet-1989", inputs=(28, 28, 3), outputs=4)
    assert net(jnp.zeros((5, 28, 28, 3))).shape == (5, 4)
