"""What several networks, or several draws of one, say of the same examples."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from typing import Any, Literal

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from snarc import keys
from snarc.data import Split
from snarc.errors import DataError, RecipeError, SnarcError, nearest
from snarc.subjects import Predictions, predictions
from snarc.training.compiling import compiled
from snarc.training.evaluate import outputs, rows_for
from snarc.training.step import apply, cast, parts

from ._laplace import Hessian, LastLayer, Posterior, of_classes, of_numbers

Method = Literal["auto", "ensemble", "dropout", "laplace"]
METHODS = ("auto", "ensemble", "dropout", "laplace")


@dataclass(frozen=True)
class Asked:
    """A network, or several, with the examples that they are asked about.

    Attributes
    ----------
    seen: what each of them says in evaluation mode.
    networks: the nnx modules behind it; none where only outputs are known.
    precision: of their arithmetic.
    """

    of: Any
    seen: Predictions
    networks: tuple[nnx.Module, ...]
    precision: str = "float32"

    @property
    def dtype(self) -> Any:
        """The type of the inputs."""
        return np.asarray(self.seen.split.inputs[:1]).dtype if self.seen.split is not None else np.float32

    @property
    def inputs(self) -> tuple[int, ...]:
        """The shape of one example."""
        return tuple(self.seen.split.inputs.shape[1:])


def asked(of: Any, data: Any) -> Asked:
    """The networks in a run, a subject, a committee or logits, and what they say of data.

    The members of a committee count one by one, as replicas do.

    Raises
    ------
    DataError: of and data do not fit each other.
    """
    if hasattr(of, "members") and hasattr(of, "subject"):
        seen = predictions(of.subject(), data)
        logits = np.stack([outputs(member, seen.split) for member in of.members])
        return Asked(of, dataclasses.replace(seen, logits=logits), tuple(of.networks))
    seen = predictions(of, data)
    if hasattr(of, "evaluate"):
        return Asked(of, seen, tuple(of.networks), of.recipe.precision)
    network = getattr(of, "network", None)
    return Asked(of, seen, () if network is None else (network,))


def choose(method: str, who: Asked, instrument: str) -> str:
    """The method that was asked for, or the best that there is: several networks, dropout, Laplace.

    Raises
    ------
    RecipeError: it is unknown, or cannot be had from this network.
    """
    if method not in METHODS:
        raise RecipeError(
            f"method={method!r}", wanted="one of " + ", ".join(METHODS), way_out=nearest(str(method), METHODS)
        )
    offers = {
        "ensemble": who.seen.replicas > 1,
        "dropout": bool(who.networks) and all(dropping(network) for network in who.networks),
        "laplace": bool(who.networks),
    }
    if method == "auto":
        for name, there in offers.items():
            if there:
                return name
        raise RecipeError(
            f"{instrument} of one network of which only outputs are known",
            wanted="several replicas, dropout layers, or an nnx module",
            way_out="Train with replicas=5, or give the run.",
        )
    if not offers[method]:
        name = getattr(who.of, "name", "this network")
        came, way_out = {
            "ensemble": ("there is one network only", "Train with replicas=5, or use method='laplace'."),
            "dropout": (
                "no unit of it is dropped",
                "Train with model_options={'dropout': 0.2}, or use another method.",
            ),
            "laplace": ("its layers are not known", "Give the run, or a subject made of an nnx module."),
        }[method]
        raise RecipeError(f"method={method!r} for {name}: {came}", wanted="another method", way_out=way_out)
    return method


def dropping(network: nnx.Module) -> list[nnx.Dropout]:
    """The layers of a network that drop units while training, in the order in which it holds them."""
    found = [module for _, module in nnx.iter_modules(network) if isinstance(module, nnx.Dropout)]
    return [module for module in found if module.rate > 0]


def dropout_draws(
    network: nnx.Module, split: Any, draws: int, *, seed: int = 0, precision: str = "float32"
) -> np.ndarray:
    """Logits ``(draws, N, outputs)`` with dropout kept on, everything else in evaluation mode.

    All draws of a batch are one program, and what comes before the first dropout is computed once in it.

    Source: Gal, Ghahramani, ICML 2016.
    """
    check_draws(draws)
    network.eval()
    graph, weights, rest = parts(network)
    count, shape = len(split), tuple(split.inputs.shape[1:])
    rows = min(max(1, 8 * rows_for(shape) // draws), 2 ** math.ceil(math.log2(max(count, 1))))
    program, found = compiled(_dropped, (0, 1)), []
    every = jax.random.split(keys.key(seed, "dropout-draws"), draws)
    for number, (x, _) in enumerate(split.batches(np.arange(count), rows)):
        padded = np.resize(x, (rows, *x.shape[1:])) if len(x) < rows else x
        folded = jax.vmap(lambda key, k: jax.random.fold_in(key, k), (0, None))(every, number)
        found.append(np.asarray(program(graph, precision, weights, rest, padded, folded))[:, : len(x)])
    return np.concatenate(found, axis=1)


def _dropped(graph: nnx.GraphDef, precision: str, weights: Any, rest: Any, x: jax.Array, every: jax.Array) -> jax.Array:
    def one(key: jax.Array) -> jax.Array:
        network = nnx.merge(graph, cast(weights, precision), rest)
        for place, layer in enumerate(dropping(network)):
            layer.deterministic = False
            layer.rngs = nnx.RngStream(jax.random.fold_in(key, place), tag="dropout")
        found = apply(network, x, precision)
        return found.astype(jnp.promote_types(found.dtype, jnp.float32))

    return jax.vmap(one)(every)


def posterior(
    who: Asked, replica: int, train: Any, *, hessian: Hessian = "auto", prior: float | None = None,
    noise: float | None = None,
) -> tuple[LastLayer, Posterior]:  # fmt: skip
    """The last layer of one of the networks, and its posterior given the examples that it learnt from.

    Raises
    ------
    DataError: the examples are not known.
    ModelError: the network does not end with a dense layer.
    """
    last = LastLayer(who.networks[replica], who.inputs, who.dtype)
    learnt = examples(who, train)
    if who.seen.task.kind == "classification":
        return last, of_classes(last, learnt, hessian=hessian, prior=prior)
    return last, of_numbers(last, learnt, prior=prior, noise=noise)


def examples(who: Asked, data: Any) -> Any:
    """A split by name, or made of a pair.

    Raises
    ------
    DataError: there is no such split.
    """
    if isinstance(data, str):
        if not hasattr(who.of, "dataset"):
            raise DataError(
                f"the split {data!r} for {getattr(who.of, 'name', 'a network')}, which is no run and knows no data",
                wanted="the examples that it learnt from",
                way_out="Pass train=(x, y).",
            )
        split = who.of.dataset.split(data)
    else:
        split = data if hasattr(data, "gather") else Split(np.asarray(data[0]), np.asarray(data[1]))
    if len(split) == 0:
        raise DataError("no example", wanted="at least one", way_out="Use a split that is not empty.")
    return split


def check_draws(draws: Any, most: int = 10_000) -> int:
    """A whole number of draws, at least two.

    Raises
    ------
    RecipeError: it is none.
    """
    if isinstance(draws, bool) or not isinstance(draws, int) or not 2 <= draws <= most:
        raise RecipeError(f"draws={draws!r}", wanted=f"a whole number from 2 to {most:,}", way_out="Use draws=30.")
    return draws


def need_split(seen: Predictions, what: str) -> None:
    """Refuse logits alone where the inputs are wanted.

    Raises
    ------
    DataError: the examples are not known.
    """
    if seen.split is None:
        error: SnarcError = DataError(
            f"{what} of logits alone", wanted="the inputs too", way_out="Give a run or a subject."
        )
        raise error
