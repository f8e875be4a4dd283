"""Layered networks as matrices: to a digraph and back, to a NumPy batch, to an nnx network and back."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from snarc import keys
from snarc.errors import FormalError

from .activations import activation
from .network import Network, from_edges, neurons_allowed

if TYPE_CHECKING:
    from flax import nnx


ROWS = 256  # of a batch at once: small enough for the processor's cache


class Layer(NamedTuple):
    """A dense layer: ``kernel`` ``(in, out)``, ``bias`` ``(out,)`` and the name of its activation."""

    kernel: np.ndarray
    bias: np.ndarray
    activation: str = "step"


def from_layers(layers: Sequence[Layer], *, rational: bool = False, limit: int | None = None) -> Network:
    """The digraph of dense layers; every unit is a neuron and every weight that is not 0 an edge.

    >>> from_layers([Layer(np.ones((2, 3)), np.zeros(3)), Layer(np.ones((3, 1)), np.zeros(1))])
    Network(6 neurons, 9 edges, 2 inputs, 1 outputs, float64)

    Raises
    ------
    FormalError: layers that do not fit one another.
    LimitError: more neurons than allowed.
    """
    if not layers:
        raise FormalError("no layers", wanted="one at least", way_out="Give a list of Layer.")
    widths = [int(np.shape(layers[0].kernel)[0])]
    for k, layer in enumerate(layers):
        kernel, bias = np.asarray(layer.kernel), np.asarray(layer.bias)
        if kernel.ndim != 2 or kernel.shape[0] != widths[-1] or bias.shape != (kernel.shape[1],):
            raise FormalError(
                f"layer {k} has a kernel {kernel.shape} and a bias {bias.shape}",
                wanted=f"a kernel ({widths[-1]}, units) and a bias (units,)",
                way_out="Transpose the kernel if it is (units, inputs).",
            )
        widths.append(kernel.shape[1])
    neurons_allowed(sum(widths), limit, "the layered network")
    start = np.cumsum([0, *widths])
    sources, targets, weights = [], [], []
    biases: list[Any] = [0] * widths[0]
    activations = ["identity"] * widths[0]
    for k, layer in enumerate(layers):
        kernel = np.asarray(layer.kernel)
        rows, columns = np.nonzero(kernel)
        sources.append(rows + start[k])
        targets.append(columns + start[k + 1])
        weights.append(kernel[rows, columns])
        biases += np.asarray(layer.bias).tolist()
        activations += [layer.activation] * widths[k + 1]
    return from_edges(
        int(start[-1]),
        np.concatenate(sources),
        np.concatenate(targets),
        np.concatenate(weights),
        biases,
        activations,
        inputs=range(widths[0]),
        outputs=range(int(start[-2]), int(start[-1])),
        rational=rational,
    )


def to_layers(network: Network) -> list[Layer]:
    """The dense layers of a network whose edges all lead from one layer to the next.

    Raises
    ------
    FormalError: the network is cyclic, an edge skips a layer, a layer mixes activations, has distance neurons
        or holds hidden and output neurons at once.
    """
    levels = network.levels
    if levels is None:
        raise FormalError("a cyclic network", wanted="a layered one", way_out="Run it with run() instead.")
    levels = np.where(network.held, 0, np.maximum(levels, 1))
    skips = levels[network.targets] - levels[network.sources] != 1
    if skips.any():
        k = int(np.flatnonzero(skips)[0])
        raise FormalError(
            f"edge {network.name(int(network.sources[k]))} -> {network.name(int(network.targets[k]))} skips a layer",
            wanted="edges from one layer to the next",
            way_out="Relay the value through identity neurons.",
        )
    depth = int(levels.max(initial=0))
    members = [np.array(network.inputs, int)]
    members += [np.flatnonzero(levels == k) for k in range(1, depth)] + [np.array(network.outputs, int)]
    if depth < 1 or sorted(np.concatenate(members).tolist()) != list(range(network.size)):
        raise FormalError(
            "inputs and outputs are not the first and the last layer",
            wanted="all outputs, and nothing else, in the last layer",
            way_out="Choose the outputs anew.",
        )
    place = np.empty(network.size, int)
    for group in members:
        place[group] = np.arange(len(group))
    layers = []
    for k in range(1, depth + 1):
        names = {network.activations[network.kinds[j]] for j in members[k]}
        if len(names) != 1 or network.balls & set(members[k].tolist()):
            raise FormalError(
                f"layer {k} has activations {sorted(names)} or distance neurons",
                wanted="one activation a layer and weighted sums",
                way_out="Split the layer.",
            )
        kernel = np.zeros((len(members[k - 1]), len(members[k])))
        here = levels[network.targets] == k
        np.add.at(
            kernel,
            (place[network.sources[here]], place[network.targets[here]]),
            np.asarray(network.weights[here], float),
        )
        layers.append(Layer(kernel, np.asarray(network.biases[members[k]], float), names.pop()))
    return layers


def forward(layers: Sequence[Layer], x: np.ndarray) -> np.ndarray:
    """Outputs ``(batch, out)`` of dense layers for inputs ``(batch, in)``: one matrix product a layer."""
    if len(x) > ROWS:
        return np.concatenate([forward(layers, x[k : k + ROWS]) for k in range(0, len(x), ROWS)])
    for kernel, bias, name in layers:
        x = activation(name).function(x @ kernel + bias)
    return x


def random_layers(
    widths: Sequence[int], *, activation: str = "logistic", scale: float = 1.0, seed: int = 0
) -> list[Layer]:
    """Dense layers whose weights and biases are uniform in (-scale, scale).

    Parameters
    ----------
    widths: units from input to output, such as ``(2, 30, 30, 1)``.
    """
    generator = keys.generator(seed, "random layers", *widths)
    return [
        Layer(generator.uniform(-scale, scale, (a, b)), generator.uniform(-scale, scale, b), activation)
        for a, b in itertools.pairwise(widths)
    ]


def to_nnx(network: Network) -> nnx.Module:
    """The layered network as the engine's ``mlp``, ready to be trained further; JAX is imported here.

    Raises
    ------
    FormalError: the network is not layered, see :func:`to_layers`.
    """
    import jax.numpy as jnp

    from snarc.registry import models

    layers = to_layers(network)
    widths = [layers[0].kernel.shape[0], *(layer.kernel.shape[1] for layer in layers)]
    layout = "-".join([str(widths[0]), *(f"{w}:{layer.activation}" for w, layer in zip(widths[1:-1], layers))])
    module = models.get("mlp").thing(
        inputs=(widths[0],),
        outputs=widths[-1],
        rngs=keys.rngs(0),
        layers=f"{layout}-{widths[-1]}",
        output=layers[-1].activation,
    )
    for linear, layer in zip(module.layers, layers, strict=True):
        linear.kernel[...] = jnp.asarray(layer.kernel, jnp.float32)
        linear.bias[...] = jnp.asarray(layer.bias, jnp.float32)
    return module


def from_nnx(module: nnx.Module) -> Network:
    """The digraph of an ``mlp`` of the engine.

    Raises
    ------
    FormalError: not an ``mlp``, or one with an activation that formal networks do not have.
    """
    linears, names = getattr(module, "layers", None), getattr(module, "activation_names", None)
    if linears is None or names is None:
        raise FormalError(
            f"a module of type {type(module).__name__}", wanted="the engine's mlp", way_out="Build it with model mlp."
        )
    return from_layers(
        [
            Layer(np.asarray(linear.kernel[...], float), np.asarray(linear.bias[...], float), name)
            for linear, name in zip(linears, names, strict=True)
        ]
    )
