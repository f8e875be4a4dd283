"""Activations, initial weights and normalisation against PyTorch, values and gradients."""

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="PyTorch is installed apart: make oracles")

import jax  # noqa: E402
import jax.numpy as jnp  # noqa: E402
from flax import nnx  # noqa: E402
from torch.nn import functional as F  # noqa: E402

from snarc.layers import BatchNorm, LayerNorm, activation, derivative, present  # noqa: E402
from snarc.layers.initialisers import initializer, variance  # noqa: E402

pytestmark = pytest.mark.oracle

TWINS = {
    "logistic": torch.sigmoid,
    "tanh": torch.tanh,
    "scaled-tanh": lambda x: 1.7159 * torch.tanh(2 * x / 3),
    "saturated-linear": lambda x: torch.clamp(x, 0, 1),
    "relu": F.relu,
    "leaky-relu": F.leaky_relu,
    "leaky-relu(0.2)": lambda x: F.leaky_relu(x, 0.2),
    "elu": F.elu,
    "elu(1.5)": lambda x: F.elu(x, 1.5),
    "selu": F.selu,
    "gelu": F.gelu,
    "softplus": lambda x: F.softplus(x, threshold=100),
    "logistic(0.5)": lambda x: torch.sigmoid(0.5 * x),
}


@pytest.mark.parametrize("name", TWINS)
def test_activations_and_their_derivatives(name):
    x = np.setdiff1d(np.linspace(-8, 8, 1001), [0.0, 1.0])
    theirs = torch.tensor(x, requires_grad=True)
    y = TWINS[name](theirs)
    y.sum().backward()
    with jax.enable_x64(True):
        np.testing.assert_allclose(activation(name)(jnp.asarray(x)), y.detach().numpy(), rtol=1e-12, atol=1e-14)
        np.testing.assert_allclose(derivative(name)(jnp.asarray(x)), theirs.grad.numpy(), rtol=1e-9, atol=1e-13)


def test_softmax_and_its_derivatives():
    x = np.random.default_rng(0).normal(size=(3, 5))
    theirs = torch.autograd.functional.jacobian(lambda row: torch.softmax(row, 0), torch.tensor(x[0]))
    with jax.enable_x64(True):
        np.testing.assert_allclose(activation("softmax")(jnp.asarray(x)), torch.softmax(torch.tensor(x), 1), rtol=1e-12)
        np.testing.assert_allclose(derivative("softmax")(jnp.asarray(x))[0], theirs, rtol=1e-10, atol=1e-15)


NORMAL = {
    "he-normal": lambda w: torch.nn.init.kaiming_normal_(w),
    "he-uniform": lambda w: torch.nn.init.kaiming_uniform_(w),
    "glorot-normal": lambda w: torch.nn.init.xavier_normal_(w),
    "glorot-uniform": lambda w: torch.nn.init.xavier_uniform_(w),
    "lecun-normal": lambda w: torch.nn.init.kaiming_normal_(w, nonlinearity="linear"),
    "lecun-uniform": lambda w: torch.nn.init.kaiming_uniform_(w, nonlinearity="linear"),
    "orthogonal": lambda w: torch.nn.init.orthogonal_(w),
    "normal(0.2)": lambda w: torch.nn.init.normal_(w, 0, 0.2),
    "uniform(0.2)": lambda w: torch.nn.init.uniform_(w, -0.2, 0.2),
}


@pytest.mark.parametrize("shape", [(400, 300), (5, 5, 20, 60)])
@pytest.mark.parametrize("name", NORMAL)
def test_initial_weights_have_the_variance_of_those_of_pytorch(name, shape):
    """Both drawn; the difference of the variances within five standard errors of it (weights of kurtosis at most 3)."""
    torch.manual_seed(0)
    turned = (shape[-1], shape[-2], *shape[:-2])
    theirs = NORMAL[name](torch.empty(turned)).double().numpy()
    ours = np.asarray(initializer("relu", name)(jax.random.key(0), shape, np.float32), np.float64)
    patch = int(np.prod(shape[:-2]))
    if name != "orthogonal" or len(shape) == 2:
        expected = variance(name, shape[-2] * patch, shape[-1] * patch)
        assert ours.var() == pytest.approx(expected, rel=5 * np.sqrt(2 / ours.size))
    assert ours.var() == pytest.approx(theirs.var(), rel=5 * np.sqrt(4 / ours.size))
    if "uniform" in name:
        assert abs(ours).max() == pytest.approx(abs(theirs).max(), rel=2e-3)


def twin_of(layer, kind, units, momentum=0.1):
    found = kind(units, momentum=momentum) if kind is not torch.nn.LayerNorm else kind(units)
    with torch.no_grad():
        found.weight.copy_(torch.tensor(np.asarray(layer.scale[...])))
        found.bias.copy_(torch.tensor(np.asarray(layer.bias[...])))
    return found


def randomised(layer):
    rng = np.random.default_rng(1)
    layer.scale[...] = jnp.asarray(rng.uniform(0.5, 2, layer.scale.shape), jnp.float32)
    layer.bias[...] = jnp.asarray(rng.normal(size=layer.bias.shape), jnp.float32)
    layer.train()
    return layer


def gradients(layer, x, weight):
    """Outputs, and gradients of a weighted sum of their squares by input, scale and shift."""
    graph, parameters, rest = nnx.split(layer, nnx.Param, ...)

    def value(parameters, x):
        network = nnx.merge(graph, parameters, jax.tree.map(lambda leaf: leaf, rest))
        y = network(x)
        return jnp.sum(y**2 * weight), (y, nnx.state(network, nnx.BatchStat))

    (_, (y, statistics)), (by_parameters, by_x) = jax.value_and_grad(value, (0, 1), has_aux=True)(parameters, x)
    nnx.update(layer, statistics)
    return y, by_x, by_parameters["scale"][...], by_parameters["bias"][...]


def channels_first(x):
    return np.moveaxis(x, -1, 1) if x.ndim == 4 else x


@pytest.mark.parametrize("shape", [(30, 7), (6, 5, 4, 7)])
def test_batch_norm(shape):
    """Three batches in training, then evaluation: outputs, gradients, running mean and (unbiased) variance."""
    layer = randomised(BatchNorm(7, rngs=nnx.Rngs(0)))
    theirs = twin_of(layer, torch.nn.BatchNorm1d if len(shape) == 2 else torch.nn.BatchNorm2d, 7)
    rng = np.random.default_rng(2)
    for _ in range(3):
        x, weight = rng.normal(2, 3, size=shape).astype(np.float32), rng.normal(size=shape).astype(np.float32)
        y, by_x, by_scale, by_bias = gradients(layer, jnp.asarray(x), weight)
        image = torch.tensor(channels_first(x), requires_grad=True)
        theirs.zero_grad()
        out = theirs(image)
        (out**2 * torch.tensor(channels_first(weight))).sum().backward()
        np.testing.assert_allclose(channels_first(np.asarray(y)), out.detach(), rtol=1e-4, atol=1e-5)
        np.testing.assert_allclose(channels_first(np.asarray(by_x)), image.grad, rtol=1e-3, atol=1e-4)
        np.testing.assert_allclose(by_scale, theirs.weight.grad, rtol=1e-4, atol=1e-3)
        np.testing.assert_allclose(by_bias, theirs.bias.grad, rtol=1e-4, atol=1e-3)
        np.testing.assert_allclose(layer.mean[...], theirs.running_mean, rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(layer.var[...], theirs.running_var, rtol=1e-5)
    layer.eval()
    theirs.eval()
    x = rng.normal(2, 3, size=shape).astype(np.float32)
    with torch.no_grad():
        expected = theirs(torch.tensor(channels_first(x)))
    np.testing.assert_allclose(channels_first(np.asarray(layer(x))), expected, rtol=1e-4, atol=1e-5)


def test_batch_norm_of_a_padded_batch_is_pytorchs_of_the_rows_that_are_there():
    layer = randomised(BatchNorm(7, rngs=nnx.Rngs(0)))
    theirs = twin_of(layer, torch.nn.BatchNorm1d, 7)
    x = np.random.default_rng(3).normal(2, 3, size=(20, 7)).astype(np.float32)
    with present.batch((jnp.arange(20) < 13).astype(jnp.float32)):
        y = np.asarray(layer(x))
    with torch.no_grad():
        np.testing.assert_allclose(y[:13], theirs(torch.tensor(x[:13])), rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(layer.mean[...], theirs.running_mean, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(layer.var[...], theirs.running_var, rtol=1e-5)


def test_layer_norm():
    layer = randomised(LayerNorm(7, rngs=nnx.Rngs(0)))
    theirs = twin_of(layer, torch.nn.LayerNorm, 7)
    rng = np.random.default_rng(2)
    x, weight = rng.normal(2, 3, size=(30, 7)).astype(np.float32), rng.normal(size=(30, 7)).astype(np.float32)
    y, by_x, by_scale, by_bias = gradients(layer, jnp.asarray(x), weight)
    image = torch.tensor(x, requires_grad=True)
    out = theirs(image)
    (out**2 * torch.tensor(weight)).sum().backward()
    np.testing.assert_allclose(y, out.detach(), rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(by_x, image.grad, rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(by_scale, theirs.weight.grad, rtol=1e-4, atol=1e-3)
    np.testing.assert_allclose(by_bias, theirs.bias.grad, rtol=1e-4, atol=1e-3)


def test_layer_norm_of_images_is_pytorchs_group_norm_of_one_group():
    layer = randomised(LayerNorm(6, axes=(-3, -2, -1), rngs=nnx.Rngs(0)))
    theirs = torch.nn.GroupNorm(1, 6)
    with torch.no_grad():
        theirs.weight.copy_(torch.tensor(np.asarray(layer.scale[...])))
        theirs.bias.copy_(torch.tensor(np.asarray(layer.bias[...])))
    x = np.random.default_rng(4).normal(2, 3, size=(5, 8, 9, 6)).astype(np.float32)
    with torch.no_grad():
        expected = theirs(torch.tensor(channels_first(x)))
    np.testing.assert_allclose(channels_first(np.asarray(layer(x))), expected, rtol=1e-4, atol=1e-5)
