"""Twins of a network: weights that differ and say the same, and how far two replicas are twins of one another."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from snarc import draw, keys
from snarc.errors import ModelError, RecipeError
from snarc.formal.layered import Layer, forward
from snarc.formal.symmetry import homogeneous, mirror, twin, twins
from snarc.reading import Estimate, Reading
from snarc.registry import instrument
from snarc.subjects import subject
from snarc.training.sample import Sample, sample

_EXACT = 200
# Pairs of replicas that are compared, each with the first.
_PAIRS = 3


@instrument("symmetries", asks="How many twins has the network, and are two replicas twins of one another?")
def symmetries(
    of: Any, data: Any = "test", *, draws: int = 10, points: int = 11, count: int = 1000, seed: int = 0
) -> Reading:
    """Exchanged hidden units, turned signs and rescaled units; and the straight line between two replicas.

    Hidden units of two replicas are matched, layer by layer, by the correlation of what they say (up to the sign, where
    signs may be turned), so that the sum over pairs is largest; then the loss is followed along the straight line
    between the weights, before and after.

    Parameters
    ----------
    of: a run of a multilayer perceptron, of several replicas for the line; or a subject.
    data: the name of a split of a run, a ``Split`` or a pair ``(x, y)``.
    draws: random twins that are checked.
    points: of the line, ends included.
    count: examples, at even distances in the split.

    Returns
    -------
    Numbers: ``change``, the largest difference of any output of any twin, relative to the largest output, in float64;
    ``log10_twins`` of n! or n! 2^n over the hidden layers; ``distance``, smallest of a twin's weights over their
    length.  With replicas, over pairs with the first: ``correlation`` of matched units, ``correlation_unmatched``,
    ``barrier`` and ``barrier_matched``, the largest rise of the loss over the straight line between that of the two
    ends; ``apart`` and ``apart_matched``, distance over the first's length.  Arrays: ``units`` and ``odd``,
    ``rescaled`` of each hidden layer; ``along`` ``(points,)``, ``loss`` and ``loss_matched`` ``(pairs, points)``,
    ``score`` and ``score_matched``; ``match`` ``(pairs, units)`` of the first hidden layer.

    Raises
    ------
    ModelError: no chain of dense layers without normalisation.
    RecipeError: fewer than one draw or three points.

    Source: Hecht-Nielsen 1990; Sussmann, Neural Networks 5 (1992) 589; Ainsworth, Hayase, Srinivasa, ICLR 2023.
    """
    for name, value, least in (("draws", draws, 1), ("points", points, 3)):
        if isinstance(value, bool) or not isinstance(value, int) or value < least:
            raise RecipeError(f"{name}={value!r}", wanted=f"at least {least}", way_out="Leave it out.")
    seen = subject(of)
    seen.parameters()  # refuses a plain function
    networks = list(of.networks) if hasattr(of, "networks") else [seen.network]
    replicas = [dense(network) for network in networks[: _PAIRS + 1]]
    own, stage = replicas[0]
    some = sample(of, seen.task, data, count)
    x = stage(some.x)
    truth = forward(own, x[:_EXACT])
    length = _length(own)
    change, apart = 0.0, math.inf
    for k in range(draws):
        rng = keys.generator(seed, "symmetries", k)
        other = twin(own, *_random(own, rng))
        change = max(change, float(np.abs(forward(other, x[:_EXACT]) - truth).max() / max(np.abs(truth).max(), 1e-300)))
        apart = min(apart, _distance(own, other) / length)
    names = [layer.activation for layer in own[:-1]]
    number = twins(own)
    numbers: dict[str, Any] = {
        "change": change, "log10_twins": _log10(number), "distance": apart, "replicas": len(networks),
    }  # fmt: skip
    arrays: dict[str, np.ndarray] = {
        "units": np.array([len(layer.bias) for layer in own[:-1]]),
        "odd": np.array([mirror(name) is not None for name in names]),
        "rescaled": np.array([homogeneous(name) for name in names]),
    }
    note = (
        f"10^{numbers['log10_twins']:.0f} weights make this network by exchanging hidden units"
        f"{' and turning signs' if arrays['odd'].any() else ''} ({draws} tried, outputs equal to {change:.0e})"
        f"{', and rescaled units make infinitely many more' if arrays['rescaled'].any() else ''}."
    )
    if len(replicas) > 1:
        found = _lines(replicas, some, x, points)
        numbers |= found[0]
        arrays |= found[1]
        note += (
            f" On the straight line between two replicas the loss rises by {float(numbers['barrier']):.3g}, after "
            f"matching their units by {float(numbers['barrier_matched']):.3g}."
        )
    return Reading("symmetries", numbers, arrays, _draw, note)


def dense(network: Any) -> tuple[list[Layer], Any]:
    """The layers of a multilayer perceptron in float64, and what brings inputs to them.

    Raises
    ------
    ModelError: another network, or one that normalises.
    """
    body = getattr(network, "body", network)
    names = getattr(body, "activation_names", None)
    if names is None or getattr(body, "normalisers", None) is not None:
        raise ModelError(
            f"the symmetries of {type(body).__name__}",
            wanted="a multilayer perceptron without normalisation, as 784-300-10",
            way_out="Train one with replicas=2.",
        )
    found = []
    for layer, name in zip(body.layers, names):
        kernel = np.asarray(layer.kernel[...], np.float64)
        bias = np.zeros(kernel.shape[1]) if layer.bias is None else np.asarray(layer.bias[...], np.float64)
        found.append(Layer(kernel, bias, name))
    stage = getattr(network, "inputs", None) if body is not network else None
    return found, lambda x: np.asarray(x if stage is None else stage(x), np.float64).reshape(len(x), -1)


def hidden(layers: list[Layer], x: np.ndarray) -> list[np.ndarray]:
    """What the units of each hidden layer say, ``(N, units)``."""
    return [forward(layers[:k], x) for k in range(1, len(layers))]


def matched(first: list[Layer], second: list[Layer], x: np.ndarray, y: np.ndarray | None = None) -> tuple[Any, ...]:
    """The second network with its hidden units in the order, and of the sign, of those of the first.

    Parameters
    ----------
    x, y: what the first and the second network get, ``(N, inputs)``; both get ``x`` if ``y`` is left out.

    Returns
    -------
    The layers; for each hidden layer the unit of the second that stands for each of the first; and the correlations of
    the pairs.
    """
    from scipy.optimize import linear_sum_assignment

    orders, factors, agreement = [], [], []
    for layer, a, b in zip(first[:-1], hidden(first, x), hidden(second, x if y is None else y)):
        table = _correlation(a, b)
        odd = mirror(layer.activation) is not None
        _, order = linear_sum_assignment(-np.abs(table) if odd else -table)
        pairs = table[np.arange(len(order)), order]
        orders.append(order)
        factors.append(np.where(pairs < 0, -1.0, 1.0) if odd else np.ones(len(order)))
        agreement.append(np.abs(pairs) if odd else pairs)
    return twin(second, orders, factors), orders, agreement


def _correlation(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Correlations of columns; 0 for columns that never change."""
    parts = []
    for values in (a, b):
        apart = values - values.mean(axis=0)
        parts.append(apart / np.maximum(np.linalg.norm(apart, axis=0), 1e-12))
    return np.asarray(parts[0].T @ parts[1])


def _lines(
    replicas: list[tuple[list[Layer], Any]], some: Sample, x: np.ndarray, points: int
) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    first, _ = replicas[0]
    along = np.linspace(0, 1, points)
    rows: dict[str, list[Any]] = {
        name: []
        for name in (
            "loss",
            "score",
            "loss_matched",
            "score_matched",
            "match",
            "fit",
            "unfit",
            "apart",
            "apart_matched",
        )
    }
    for second, stage in replicas[1:]:
        y = stage(some.x)
        near, orders, agreement = matched(first, second, x, y)
        rows["fit"].append(float(np.mean(np.concatenate(agreement))))
        tables = [_correlation(a, b) for a, b in zip(hidden(first, x), hidden(second, y))]
        rows["unfit"].append(float(np.mean(np.concatenate([np.diagonal(table) for table in tables]))))
        rows["match"].append(orders[0])
        for name, other in (("", second), ("_matched", near)):
            outputs = np.stack([forward(_between(first, other, t), x) for t in along])
            rows[f"loss{name}"].append(some.losses(outputs))
            rows[f"score{name}"].append(some.scores(outputs))
            rows[f"apart{name}"].append(_distance(first, other) / _length(first))
    arrays = {name: np.array(values) for name, values in rows.items() if name.startswith(("loss", "score", "match"))}
    numbers: dict[str, Any] = {
        f"barrier{name}": Estimate.over([_barrier(loss, along) for loss in rows[f"loss{name}"]])
        for name in ("", "_matched")
    }
    numbers |= {"correlation": Estimate.over(rows["fit"]), "correlation_unmatched": Estimate.over(rows["unfit"])}
    numbers |= {name: Estimate.over(rows[name]) for name in ("apart", "apart_matched")}
    return numbers, arrays | {"along": along, "label": np.array(some.label)}


def _between(first: list[Layer], second: list[Layer], t: float) -> list[Layer]:
    return [
        Layer((1 - t) * a.kernel + t * b.kernel, (1 - t) * a.bias + t * b.bias, a.activation)
        for a, b in zip(first, second)
    ]


def _barrier(loss: np.ndarray, along: np.ndarray) -> float:
    return float((loss - ((1 - along) * loss[0] + along * loss[-1])).max())


def _random(layers: list[Layer], rng: np.random.Generator) -> tuple[list[np.ndarray], list[np.ndarray]]:
    orders, factors = [], []
    for layer in layers[:-1]:
        size = len(layer.bias)
        orders.append(rng.permutation(size))
        factor = np.ones(size)
        if mirror(layer.activation) is not None:
            factor = rng.choice([-1.0, 1.0], size)
        elif homogeneous(layer.activation):
            factor = np.exp(rng.normal(size=size))
        factors.append(factor)
    return orders, factors


def _log10(number: int) -> float:
    """Of whole numbers beyond the range of floats too."""
    digits = len(str(number)) - 1 if number < 10**4000 else int(number.bit_length() * math.log10(2))
    return digits + math.log10(number // 10 ** max(digits - 15, 0) / 10 ** min(digits, 15))


def _length(layers: list[Layer]) -> float:
    return math.sqrt(sum(float(np.sum(part**2)) for layer in layers for part in layer[:2]))


def _distance(first: list[Layer], second: list[Layer]) -> float:
    return math.sqrt(sum(float(np.sum((p - q) ** 2)) for a, b in zip(first, second) for p, q in zip(a[:2], b[:2])))


def _draw(reading: Reading) -> Any:
    arrays = reading.arrays
    if "along" not in arrays:
        figure, ax = draw.new(width=5.0, height=2.6)
        units = arrays["units"]
        logs = [
            (math.lgamma(n + 1) + n * math.log(2) * bool(odd)) / math.log(10) for n, odd in zip(units, arrays["odd"])
        ]
        ax.barh(np.arange(len(units)), logs, color=draw.PALETTE[0], height=0.6)
        ax.set_yticks(np.arange(len(units)), [f"layer {k}: {n} units" for k, n in enumerate(units, start=1)])
        ax.invert_yaxis()
        ax.set(xlabel="twins (power of ten)")
        return figure
    factor = 100.0 if str(arrays["label"]).endswith("(%)") else 1.0
    figure, axes = draw.new(1, 2, width=8.2, height=3.4)
    for ax, name, scale, label in zip(axes, ("loss", "score"), (1.0, factor), ("loss", str(arrays["label"]))):
        for ending, colour, text in (("", 1, "as they are"), ("_matched", 0, "units matched")):
            values = scale * arrays[name + ending]
            ax.plot(arrays["along"], values.T, color=draw.PALETTE[colour], linewidth=1.0, alpha=0.5)
            ax.plot(arrays["along"], values.mean(axis=0), "o-", color=draw.PALETTE[colour], markersize=3.6, label=text)
        ax.set(xlabel="from one replica (0) to the other (1)", ylabel=label)
    draw.legend(axes[0], loc="upper right")
    return figure


@symmetries.known_case
def a_network_and_its_twin() -> None:
    """A twin is matched with its network exactly, whatever order and signs it has, and 3! 2^3 = 48."""
    rng = np.random.default_rng(0)
    for name in ("tanh", "logistic", "relu"):
        layers = [
            Layer(rng.normal(size=(4, 3)), rng.normal(size=3), name),
            Layer(rng.normal(size=(3, 2)), rng.normal(size=2), "identity"),
        ]  # fmt: skip
        assert twins(layers) == (6 if name == "relu" else 48)
        signs = np.ones(3) if name == "relu" else np.array([-1.0, 1.0, -1.0])
        order = np.array([2, 0, 1])
        other = twin(layers, [order], [signs])
        x = rng.normal(size=(300, 4))
        assert np.abs(forward(other, x) - forward(layers, x)).max() < 1e-12
        back, orders, agreement = matched(layers, other, x)
        assert orders[0].tolist() == np.argsort(order).tolist()
        assert np.allclose(agreement[0], 1)
        assert _distance(layers, back) < 1e-12
    assert abs(_log10(math.factorial(300)) - math.lgamma(301) / math.log(10)) < 1e-9
