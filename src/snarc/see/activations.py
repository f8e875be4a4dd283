"""What hidden units say: how their activity is spread, and how many are silent, dead or saturated."""

from __future__ import annotations

from typing import Any

import numpy as np
from flax import nnx

from snarc import draw
from snarc.errors import RecipeError
from snarc.models.hidden import hidden_of
from snarc.reading import Reading
from snarc.registry import instrument
from snarc.subjects import Subject, subject
from snarc.training.probe import COLUMNS, measure
from snarc.training.sample import Sample, sample
from snarc.training.step import Program, parts

# Examples on which slopes of activations are looked at; as many as a look of training takes.
_SLOPES = 128


@instrument("activations", asks="How active are the hidden units, and how many are dead or saturated?")
def activations(of: Any, data: Any = "test", *, count: int = 500, bins: int = 50, replica: int = 0) -> Reading:
    """Histograms of the activity of every hidden layer, as the next layer gets it.

    Parameters
    ----------
    of: a run or a subject whose layers can be seen.
    data: the name of a split of a run, a ``Split`` or a pair ``(x, y)``.
    count: examples, at even distances in the split.
    bins: of each histogram, from the smallest to the largest activity of the layer.

    Returns
    -------
    Numbers: ``layers``, ``units``, and the largest over layers of ``dead``, ``saturated``, ``zero``.
    Arrays: ``layer`` names; by layer ``mean``, ``deviation``, ``zero`` (share of activities that are exactly 0),
    ``silent`` (share of units that are 0 on every example), ``constant`` (share whose activity never changes),
    ``dead`` (share of units whose activation is flat on each of the first 128 examples), ``saturated`` (share of
    activities where its slope is under 6 % of the largest), ``dimension`` (participation ratio of the covariance's
    eigenvalues: how many directions the activity fills); ``edges`` ``(layers, bins + 1)``, ``share`` ``(layers,
    bins)``; for every unit ``unit_layer`` and ``unit_active``, the share of examples for which it is not 0.

    Raises
    ------
    ModelError: a plain function, or no hidden units.
    DataError: no examples.

    Source: Glorot and Bengio, AISTATS 2010, figures 2 to 4.
    """
    if isinstance(bins, bool) or not isinstance(bins, int) or bins < 2:
        raise RecipeError(f"bins={bins!r}", wanted="at least 2", way_out="Leave it out.")
    seen = of.subject(replica) if hasattr(of, "recipe") else subject(of)
    seen.parameters()  # refuses a plain function
    network: Any = seen.network
    found = hidden_of(network, seen.inputs)
    some = sample(of, seen.task, data, count)
    received = seen.received(some.x)
    slopes = _slopes(seen, some)
    rows: dict[str, list[float]] = {
        name: [] for name in ("mean", "deviation", "zero", "silent", "constant", "dead", "saturated", "dimension")
    }
    edges, shares, unit_layer, unit_active = [], [], [], []
    for number, one in enumerate(found):
        by_unit = one.by_unit(received[one.next]).astype(np.float64)
        flat = by_unit.reshape(-1, one.units)
        active = (by_unit != 0).any(axis=1).mean(axis=0)
        rows["mean"].append(float(flat.mean()))
        rows["deviation"].append(float(flat.std()))
        rows["zero"].append(float((flat == 0).mean()))
        rows["silent"].append(float((active == 0).mean()))
        rows["constant"].append(float((np.ptp(flat, axis=0) == 0).mean()))
        rows["dead"].append(slopes.get(one.own, {}).get("dead", np.nan))
        rows["saturated"].append(slopes.get(one.own, {}).get("saturated", np.nan))
        rows["dimension"].append(_dimension(flat))
        counts, edge = np.histogram(flat, bins)
        edges.append(edge)
        shares.append(counts / flat.size)
        unit_layer += [number] * one.units
        unit_active.append(active)
    arrays: dict[str, np.ndarray] = {"layer": np.array([one.name for one in found])}
    arrays |= {name: np.array(values) for name, values in rows.items()}
    arrays |= {"edges": np.array(edges), "share": np.array(shares)}
    arrays |= {"unit_layer": np.array(unit_layer), "unit_active": np.concatenate(unit_active)}
    worst = {name: float(np.nan_to_num(arrays[name], nan=0.0).max()) for name in ("dead", "saturated", "zero")}
    numbers: dict[str, Any] = {"layers": len(found), "units": len(unit_layer), "examples": len(some), **worst}
    each = [
        f"{name}: {100 * zero:.0f} % of the activities are 0, {100 * dead:.0f} % of the units are dead"
        for name, zero, dead in zip(arrays["layer"], arrays["zero"], np.nan_to_num(arrays["dead"]))
    ]
    note = "; ".join(each[:4]) + (f"; {len(each) - 4} layers more" if len(each) > 4 else "") + "."
    return Reading("activations", numbers, arrays, _draw, note)


def _slopes(seen: Subject, some: Sample) -> dict[str, dict[str, float]]:
    """Shares of dead units and of saturated activities by layer, as the looks of training measure them."""
    classes = some.score == "accuracy"
    graph, weights, rest = parts(seen.network)  # type: ignore[arg-type]
    program = Program(graph, some.loss, None, classes)  # type: ignore[arg-type]
    order, _, values = measure(program, weights, rest, weights, some.x[:_SLOPES], some.y[:_SLOPES])
    return {path: dict(zip(COLUMNS, map(float, row))) for path, row in zip(order, values)}


def _dimension(flat: np.ndarray) -> float:
    """(sum of the covariance's eigenvalues) squared over the sum of their squares; 0 where nothing changes."""
    apart = flat - flat.mean(axis=0)
    gram = apart.T @ apart / len(apart)
    squares = float((gram**2).sum())
    return float(np.trace(gram)) ** 2 / squares if squares > 0 else 0.0


def _draw(reading: Reading) -> Any:
    layers = reading.arrays["layer"][:12]
    columns = min(4, len(layers))
    rows = -(-len(layers) // columns)
    figure, axes = draw.new(rows, columns, width=max(4.2, 2.35 * columns), height=2.5 * rows, squeeze=False)
    for k, (ax, name) in enumerate(zip(axes.flat, layers)):
        edge, share, zero = (reading.arrays[n][k] for n in ("edges", "share", "zero"))
        # Zeros would dwarf all others; a logarithmic axis shows both.
        ax.stairs(100 * share, edge, fill=True, color=draw.PALETTE[0], alpha=0.85)
        ax.set_yscale("log")
        ax.set_title(draw.shorten(str(name), 18), fontsize=10)
        dead, saturated = (100 * np.nan_to_num(reading.arrays[n][k]) for n in ("dead", "saturated"))
        text = f"{100 * zero:.0f} % zero\n{dead:.0f} % dead\n{saturated:.0f} % saturated"
        ax.text(0.97, 0.96, text, transform=ax.transAxes, ha="right", va="top", fontsize=8, color=draw.INK)
        low = 100 * share[share > 0].min()
        ax.set(ylim=(low / 2, 3000 * share.max()), yticks=10.0 ** np.arange(np.ceil(np.log10(low)), 3))
        ax.minorticks_off()
        ax.set_xlabel("activity")
    for ax in axes.flat[len(layers) :]:
        ax.set_visible(False)
    for row in axes:
        row[0].set_ylabel("share (%)")
    return figure


@activations.known_case
def a_dead_a_silent_and_a_steady_unit() -> None:
    """Rectified units of x, -1 - |x| (dead), -x and 1: half of the activities of x and -x are 0."""
    from snarc.models.mlp import MLP

    net = MLP(inputs=(1,), outputs=2, rngs=nnx.Rngs(0), layers="1-4-2")
    first: Any = net.layers[0]
    first.kernel[...] = np.array([[1, 0, -1, 0]], np.float32)
    first.bias[...] = np.array([0, -1, 0, 1], np.float32)
    x = np.linspace(-1, 1, 40, dtype=np.float32)[:, None]
    found = activations(subject(net, input_shape=(1,), classes=2), (x, (x[:, 0] < 0).astype(np.int32)))
    assert found.arrays["zero"].tolist() == [0.5]
    assert found.arrays["silent"].tolist() == [0.25]
    assert found.arrays["constant"].tolist() == [0.5]
    assert found.arrays["dead"].tolist() == [0.25]
    assert found.arrays["unit_active"].tolist() == [0.5, 0, 0.5, 1]
    assert abs(found.arrays["share"].sum() - 1) < 1e-12
