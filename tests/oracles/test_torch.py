"""Networks, gradients and optimiser steps against PyTorch, from the same weights."""

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="PyTorch is installed apart: make oracles")

import jax  # noqa: E402
import jax.numpy as jnp  # noqa: E402
from flax import nnx  # noqa: E402

from snarc.layers.standardise import Standardise  # noqa: E402
from snarc.models.network import Network, build  # noqa: E402
from snarc.training import losses  # noqa: E402
from snarc.training.optimizers import Optimizer  # noqa: E402
from snarc.training.recipe import Recipe  # noqa: E402
from snarc.training.step import LOSS, begin, step  # noqa: E402

pytestmark = pytest.mark.oracle


def dense(layer):
    found = torch.nn.Linear(layer.in_features, layer.out_features)
    with torch.no_grad():
        found.weight.copy_(torch.tensor(np.asarray(layer.kernel[...]).T))
        found.bias.copy_(torch.tensor(np.asarray(layer.bias[...])))
    return found


def convolution(layer, padding):
    kernel = np.asarray(layer.kernel[...])
    found = torch.nn.Conv2d(kernel.shape[2], kernel.shape[3], kernel.shape[:2], padding=padding)
    with torch.no_grad():
        found.weight.copy_(torch.tensor(kernel.transpose(3, 2, 0, 1)))
        found.bias.copy_(torch.tensor(np.asarray(layer.bias[...])))
    return found


class Channels(torch.nn.Module):
    """From (N, C, H, W) to flattened (N, H * W * C), the order of our dense layers."""

    def forward(self, x):
        return x.permute(0, 2, 3, 1).flatten(1)


def lenet5():
    body = build("lenet5", inputs=(28, 28, 1), outputs=10, seed=3)
    relu, pool = torch.nn.ReLU(), torch.nn.MaxPool2d(2)
    twin = torch.nn.Sequential(
        convolution(body.conv1, 2), relu, pool, convolution(body.conv2, 0), relu, pool, Channels(),
        dense(body.dense1), relu, dense(body.dense2), relu, dense(body.output),
    )  # fmt: skip
    return body, twin, (28, 28, 1)


def convnet():
    body = build("convnet", inputs=(28, 28, 1), outputs=10, seed=3, options={"dropout": 0.0})
    relu, pool = torch.nn.ReLU(), torch.nn.MaxPool2d(2)
    first, second = body.convolutions
    twin = torch.nn.Sequential(
        convolution(first, 0), relu, pool, convolution(second, 0), relu, pool, Channels(),
        dense(body.dense[0]), relu, dense(body.dense[1]), relu, dense(body.output),
    )  # fmt: skip
    return body, twin, (28, 28, 1)


def mlp():
    body = build("784-60:tanh-40-10", inputs=(28, 28, 1), outputs=10, seed=3)
    a, b, c = body.layers
    twin = torch.nn.Sequential(
        torch.nn.Flatten(), dense(a), torch.nn.Tanh(), dense(b), torch.nn.ReLU(), dense(c)
    )  # fmt: skip
    return body, twin, (28, 28, 1)


def linear():
    body = build("linear", inputs=(28, 28, 1), outputs=10, seed=3)
    return body, torch.nn.Sequential(torch.nn.Flatten(), dense(body.output)), (28, 28, 1)


NETWORKS = {"lenet5": lenet5, "convnet": convnet, "mlp": mlp, "linear": linear}
OPTIMIZERS = {
    "sgd": lambda p, rate: torch.optim.SGD(p, rate),
    "momentum": lambda p, rate: torch.optim.SGD(p, rate, momentum=0.9),
    "nesterov": lambda p, rate: torch.optim.SGD(p, rate, momentum=0.9, nesterov=True),
    "adam": lambda p, rate: torch.optim.Adam(p, rate),
    "adamw": lambda p, rate: torch.optim.AdamW(p, rate, weight_decay=0.01),
    "adagrad": lambda p, rate: torch.optim.Adagrad(p, rate),
    "adadelta": lambda p, rate: torch.optim.Adadelta(p, rate),
}


def batches(shape, count=3):
    rng = np.random.default_rng(1)
    for _ in range(count):
        yield rng.uniform(size=(20, *shape)).astype(np.float32), rng.integers(0, 10, 20).astype(np.int32)


def as_torch(x):
    return torch.tensor(x.transpose(0, 3, 1, 2))


@pytest.mark.parametrize("name", NETWORKS)
def test_forward_of_each_network(name):
    body, twin, shape = NETWORKS[name]()
    body.eval()
    for x, _ in batches(shape):
        with torch.no_grad():
            np.testing.assert_allclose(body(jnp.asarray(x)), twin(as_torch(x)).numpy(), rtol=1e-4, atol=2e-5)


# Every optimiser on one network, two of them on all.
PAIRS = [(n, o) for n in NETWORKS for o in OPTIMIZERS if n == "mlp" or o in ("momentum", "adam")]


@pytest.mark.parametrize(("name", "optimizer"), PAIRS)
def test_three_optimiser_steps_from_the_same_weights(name, optimizer):
    body, twin, shape = NETWORKS[name]()
    rate = 0.01
    recipe = Recipe(optimizer=optimizer, weight_decay=0.01 if optimizer == "adamw" else 0.0)
    network = Network(Standardise(shape[-1]), body)
    program, state = begin(
        network, losses.cross_entropy, Optimizer.of(recipe), classification=True, precision="float32"
    )
    peer = OPTIMIZERS[optimizer](twin.parameters(), rate)
    run = jax.jit(step, static_argnums=0)
    for x, y in batches(shape):
        state, sums = run(program, state, x, y, np.ones(len(x), np.float32), np.float32(rate))
        peer.zero_grad()
        loss = torch.nn.functional.cross_entropy(twin(as_torch(x)), torch.tensor(y, dtype=torch.long))
        loss.backward()
        peer.step()
        assert float(sums[LOSS]) / len(x) == pytest.approx(float(loss.detach()), rel=2e-4)
    nnx.update(network, state.weights, state.rest)
    network.eval()
    x, _ = next(batches(shape))
    with torch.no_grad():
        np.testing.assert_allclose(network(jnp.asarray(x)), twin(as_torch(x)).numpy(), rtol=2e-3, atol=2e-3)
