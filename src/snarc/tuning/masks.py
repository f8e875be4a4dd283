"""Which weights of a network are deleted: scores, masks, and a body that keeps them at zero while it learns."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from snarc import keys
from snarc.errors import ModelError
from snarc.layers.standardise import Fixed
from snarc.training.step import parts

Masks = dict[str, np.ndarray]


class Masked(nnx.Module):
    """A body some of whose weights are zero and stay so: they are multiplied by a mask before each use.

    A weight under a zero of its mask has the gradient zero, so no optimiser moves it.

    Parameters
    ----------
    body: the network without its input stage.
    masks: by path of a weight, as ``layers.0.kernel``, zeros and ones of its shape.
    """

    def __init__(self, body: nnx.Module, masks: Masks) -> None:
        self.body = body
        self.names = tuple(masks)
        self.masks = nnx.List([Fixed(jnp.asarray(mask, jnp.float32)) for mask in masks.values()])

    def __call__(self, x: jax.Array) -> jax.Array:
        self.apply()
        return self.body(x)  # type: ignore[operator]

    def apply(self) -> None:
        """Set the deleted weights to zero."""
        weights = weights_of(self.body)
        for name, mask in zip(self.names, self.masks):
            weights[name][...] = weights[name][...] * mask[...].astype(weights[name][...].dtype)


def weights_of(body: nnx.Module) -> dict[str, Any]:
    """The trained variables of a module by path."""
    state = nnx.to_flat_state(nnx.state(body, nnx.Param))
    found = {".".join(map(str, path)): leaf for path, leaf in state}
    return {name: _variable(body, name) for name in found}


def _variable(module: Any, path: str) -> Any:
    for part in path.split("."):
        module = module[int(part)] if part.isdigit() else getattr(module, part)
    return module


def kernels_of(body: nnx.Module) -> list[str]:
    """Paths of the weights that are not biases, scales or shifts."""
    return [name for name, variable in weights_of(body).items() if variable[...].ndim >= 2]


def hidden_layers(body: nnx.Module) -> list[tuple[str, str]]:
    """For each hidden layer of a multilayer perceptron the paths of its own dense layer and of the next.

    Raises
    ------
    ModelError: the network is no chain of dense layers.
    """
    layers: Any = getattr(body, "layers", None)
    chain = layers is not None and len(layers) >= 2 and all(isinstance(layer, nnx.Linear) for layer in layers)
    if not chain:
        raise ModelError(
            f"the hidden units of {type(body).__name__}",
            wanted="a chain of at least two dense layers, as 784-300-10",
            way_out="Prune its weights: what='weights'.",
        )
    return [(f"layers.{k}", f"layers.{k + 1}") for k in range(len(layers) - 1)]


def unit_masks(body: nnx.Module, gone: list[np.ndarray]) -> Masks:
    """Masks that delete hidden units: their weights in and out, and their biases.

    Parameters
    ----------
    gone: for each hidden layer the numbers of the units to delete.
    """
    weights = weights_of(body)
    masks: Masks = {}
    for (own, following), units in zip(hidden_layers(body), gone):
        for name, axis in ((f"{own}.kernel", 1), (f"{own}.bias", 0), (f"{following}.kernel", 0)):
            if name in weights:
                mask = masks.setdefault(name, np.ones(weights[name][...].shape, np.float32))
                np.moveaxis(mask, axis, 0)[units] = 0
    return masks


def unit_scores(network: nnx.Module, by: str, loss: Callable[..., Any], x: Any, y: Any, seed: int) -> list[np.ndarray]:
    """For each hidden layer how much each unit matters.

    ``magnitude``: norm of its weights in times norm of its weights out; ``loss``: how much the mean loss of the
    examples rises when it alone is deleted, measured; ``random``.
    """
    body: Any = network.body  # type: ignore[attr-defined]
    found = []
    for own, following in hidden_layers(body):
        weights = weights_of(body)
        into, out = np.asarray(weights[f"{own}.kernel"][...]), np.asarray(weights[f"{following}.kernel"][...])
        if by == "magnitude":
            found.append(np.linalg.norm(into, axis=0) * np.linalg.norm(out, axis=1))
        elif by == "random":
            found.append(keys.generator(seed, "prune", own).random(into.shape[1]))
        else:
            found.append(_ablations(network, f"{following}.kernel", loss, x, y))
    return found


def _ablations(network: nnx.Module, path: str, loss: Callable[..., Any], x: Any, y: Any) -> np.ndarray:
    """Rise of the mean loss when one row of a kernel is set to zero, for every row."""
    graph, state = nnx.split(network)
    rows = weights_of(network)["body." + path][...].shape[0]

    @jax.jit
    def mean(state: Any, x: jax.Array, y: jax.Array, row: jax.Array) -> jax.Array:
        model: Any = nnx.merge(graph, jax.tree.map(lambda leaf: leaf, state))
        variable = _variable(model, "body." + path)
        variable[...] = variable[...] * (jnp.arange(rows) != row).astype(variable[...].dtype)[:, None]
        return jnp.mean(loss(model(x), y))

    x, y = jnp.asarray(x), jnp.asarray(y)
    whole = mean(state, x, y, jnp.asarray(-1))
    return np.array([float(mean(state, x, y, jnp.asarray(k)) - whole) for k in range(rows)])


def weight_scores(
    network: nnx.Module, by: str, loss: Callable[..., Any], x: Any, y: Any, seed: int
) -> dict[str, np.ndarray]:
    """By path of each kernel how much each weight matters.

    ``magnitude``: its size; ``loss``: the rise of the loss that its second derivative foretells, h w^2 / 2, with the
    diagonal of the Gauss-Newton matrix for h (LeCun, Denker and Solla, Optimal brain damage, NIPS 2 (1990) 598);
    ``random``.
    """
    body: Any = network.body  # type: ignore[attr-defined]
    names = kernels_of(body)
    values = {name: np.asarray(weights_of(body)[name][...], np.float64) for name in names}
    if by == "magnitude":
        return {name: np.abs(value) for name, value in values.items()}
    if by == "random":
        return {name: keys.generator(seed, "prune", name).random(value.shape) for name, value in values.items()}
    curvature = gauss_newton(network, loss, x, y)
    return {name: 0.5 * curvature["body." + name] * value**2 for name, value in values.items()}


def gauss_newton(network: nnx.Module, loss: Callable[..., Any], x: Any, y: Any) -> dict[str, np.ndarray]:
    """The diagonal of the Gauss-Newton matrix of the mean loss, by path: the mean of J' H J over the examples."""
    network.eval()
    graph, weights, rest = parts(network)

    def one(total: Any, example: Any) -> tuple[Any, None]:
        inputs, target = example

        def out(w: Any) -> jax.Array:
            model: Any = nnx.merge(graph, w, rest)
            return model(inputs[None])[0]

        z = out(weights)
        bend = jax.hessian(lambda o: loss(o[None], target[None])[0])(z)
        jacobian = jax.jacrev(out)(weights)
        size = z.shape[0]

        def diagonal(j: jax.Array) -> jax.Array:
            flat = j.reshape(size, -1)
            return jnp.sum(flat * (bend @ flat), axis=0).reshape(j.shape[1:])

        return jax.tree.map(lambda t, j: t + diagonal(j), total, jacobian), None

    zero = jax.tree.map(jnp.zeros_like, weights)
    total, _ = jax.jit(lambda xs: jax.lax.scan(one, zero, xs))((jnp.asarray(x), jnp.asarray(y)))
    flat = nnx.to_flat_state(total)
    return {".".join(map(str, path)): np.asarray(leaf[...], np.float64) / len(x) for path, leaf in flat}


def least(scores: np.ndarray, part: float) -> np.ndarray:
    """Positions of the given part of the lowest scores, of equal ones the first."""
    return np.sort(np.argsort(scores.ravel(), kind="stable")[: round(part * scores.size)])
