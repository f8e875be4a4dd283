"""How many hidden units a network needs: its score against the share deleted, by what tells which go first."""

from __future__ import annotations

from typing import Any

import numpy as np

from snarc import draw, keys
from snarc.errors import RecipeError, nearest
from snarc.models.hidden import Hidden, hidden_of
from snarc.reading import Reading
from snarc.registry import instrument
from snarc.subjects import subject
from snarc.training.again import check_again, learn_again
from snarc.training.deletion import outputs_without
from snarc.training.sample import Sample, sample

RANKINGS = ("weights", "activity", "contribution", "loss", "random")
SHARES = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)


@instrument("pruning", asks="How many hidden units does it need, and which tell best that they can go?")
def pruning(
    of: Any,
    data: Any = "test",
    *,
    by: tuple[str, ...] = RANKINGS,
    shares: tuple[float, ...] = SHARES,
    retrain: int = 0,
    allowed: float = 0.01,
    count: int = 1000,
    draws: int = 3,
    seed: int = 0,
    replica: int = 0,
) -> Reading:
    """The score of a network with the least of its hidden units deleted, the same share in each hidden layer.

    Parameters
    ----------
    of: a run or a subject whose layers can be seen.
    data: the name of a split of a run, a ``Split`` or a pair ``(x, y)``; half of the examples rank, the others judge.
    by: rankings, of which the lowest go first: ``weights``, norm of the weights in times norm of the weights out;
        ``activity``, root mean square of what it says; ``contribution``, spread of what it says times norm of the
        weights out; ``loss``, rise of the loss when it alone is deleted; ``random``.
    shares: of the units of each layer deleted, rising.
    retrain: epochs for which the network learns again after the deletion, by the last ranking of ``by`` that is not
        random, at each second share; of a run only.
    allowed: fall of the score that counts as none (of PSNR: dB times 100, so that 0.01 is 1 dB).
    count: examples, at even distances in the split.
    draws: of the random ranking.

    Returns
    -------
    Numbers: ``score`` of the whole, and for each ranking ``RANKING_free``, the largest share that costs no more than
    ``allowed``; ``retrained_free`` likewise.  Arrays: ``share`` ``(S,)``; for each ranking its scores ``(S,)``; with
    ``retrain`` ``retrained_share`` and ``retrained``.

    Raises
    ------
    RecipeError: an unknown ranking, shares that are none, or ``retrain`` without a run.
    ModelError: no hidden units.
    DataError: no examples.

    Source: Mozer and Smolensky, NIPS 1 (1989) 107 (what the network loses without a unit); Hu et al. 2016 (activity).
    """
    _check(by, shares, draws)
    if retrain:
        check_again(of, retrain)
    seen = of.subject(replica) if hasattr(of, "recipe") else subject(of)
    seen.parameters()  # refuses a plain function
    network: Any = seen.network
    found = hidden_of(network, seen.inputs)
    whole = sample(of, seen.task, data, count)
    rank, judge = (
        Sample(whole.x[k::2], whole.y[k::2], whole.task, whole.loss, whole.score) if len(whole) > 3 else whole
        for k in (0, 1)
    )  # fmt: skip
    scores: dict[str, np.ndarray] = {}
    for name in by:
        tables = [
            {one.own: values for one, values in zip(found, _ranking(name, seen, found, rank, seed + d))}
            for d in range(draws if name == "random" else 1)
        ]
        kept = {
            one.own: np.stack([_kept(table[one.own], share) for table in tables for share in shares]) for one in found
        }
        outputs = outputs_without(network, found, kept, judge.x)
        scores[name] = judge.scores(outputs).reshape(len(tables), len(shares)).mean(axis=0)
    base = float(
        judge.scores(outputs_without(network, found, {found[0].own: np.ones((1, found[0].units))}, judge.x))[0]
    )
    fall = allowed * (100 if judge.score == "psnr" else 1)
    numbers: dict[str, Any] = {"score": base, "units": sum(one.units for one in found), "examples": len(judge)}
    arrays: dict[str, np.ndarray] = {"share": np.array(shares), "label": np.array(judge.label), "whole": np.array(base)}
    for name, values in scores.items():
        arrays[name] = values
        numbers[f"{name}_free"] = _free(shares, values, base - fall)
    if retrain:
        ranking = next((name for name in reversed(by) if name != "random"), "random")
        some = tuple(share for share in shares if share)[::2]
        arrays["retrained_share"] = np.array(some)
        arrays["retrained"] = _again(of, seen, found, rank, judge, ranking, some, retrain, seed)
        numbers["retrained_free"] = _free(some, arrays["retrained"], base - fall)
    best = max(scores, key=lambda name: (numbers[f"{name}_free"], float(scores[name].mean())))
    cost = f"{fall * judge.factor:g}"
    unit = {"accuracy": "point" if cost == "1" else "points", "psnr": "dB", "r2": "of R²"}[judge.score]
    note = (
        f"{100 * numbers[f'{best}_free']:.0f} % of the {numbers['units']} hidden units can go at a cost of "
        f"at most {cost} {unit} when those go first that are least by {best}"
    )
    if "random" in scores and best != "random":
        note += f"; drawn at random, {100 * numbers['random_free']:.0f} %"
    if retrain:
        note += f". After learning again, {100 * numbers['retrained_free']:.0f} %"
    return Reading("pruning", numbers, arrays, _draw, note + ".")


def _ranking(name: str, seen: Any, found: list[Hidden], some: Sample, seed: int) -> list[np.ndarray]:
    """How much each unit of each layer matters by one ranking."""
    weights = seen.parameters()
    if name == "random":
        return [keys.generator(seed, "pruning", one.own).random(one.units) for one in found]
    if name == "loss":
        tables = []
        for one in found:
            masks = np.concatenate([np.ones((1, one.units)), 1 - np.eye(one.units)])
            losses = some.losses(outputs_without(seen.network, found, {one.own: masks}, some.x))
            tables.append(losses[1:] - losses[0])
        return tables
    out = [_norm(weights, one.next, -2, one.units) for one in found]
    if name == "weights":
        return [_norm(weights, one.own, -1, one.units) * o for one, o in zip(found, out)]
    received = seen.received(some.x)
    activity = [one.by_unit(received[one.next]).astype(np.float64) for one in found]
    if name == "activity":
        return [np.sqrt((a**2).mean(axis=(0, 1))) for a in activity]
    return [a.std(axis=(0, 1)) * o for a, o in zip(activity, out)]


def _norm(weights: dict[str, np.ndarray], path: str, axis: int, units: int) -> np.ndarray:
    """Norm of a layer's weights for each of its units (-1), or for each that it listens to (-2)."""
    own = [value for name, value in weights.items() if name.rpartition(".")[0] == path and value.ndim >= 2]
    if not own or own[0].shape[axis] % units:
        return np.ones(units)  # weights that are shared in ways of their own tell nothing
    kernel = np.moveaxis(own[0].astype(np.float64), axis, 0)
    return np.sqrt((kernel.reshape(-1, units, kernel[0].size) ** 2).sum(axis=(0, 2)))


def _kept(values: np.ndarray, share: float) -> np.ndarray:
    kept = np.ones(len(values), np.float32)
    kept[np.argsort(values, kind="stable")[: round(share * len(values))]] = 0
    return kept


def _free(shares: tuple[float, ...], scores: np.ndarray, least: float) -> float:
    """The largest share up to which no score falls below the least."""
    good = np.append(scores >= least, False)
    number = int(good.argmin())
    return float(shares[number - 1]) if number else 0.0


def _again(
    run: Any, seen: Any, found: list[Hidden], rank: Sample, judge: Sample, ranking: str, shares: tuple[float, ...],
    epochs: int, seed: int,
) -> np.ndarray:  # fmt: skip
    scores = []
    tables = _ranking(ranking, seen, found, rank, seed)
    for share in shares:
        kept = {one.own: _kept(table, share) for one, table in zip(found, tables)}
        healed = learn_again(run, seen.network, found, kept, epochs)
        ones = {found[0].own: np.ones((1, found[0].units))}
        scores.append(float(judge.scores(outputs_without(healed, found, ones, judge.x))[0]))
    return np.array(scores)


def _check(by: Any, shares: Any, draws: int) -> None:
    if isinstance(by, str) or not by:
        raise RecipeError(f"by={by!r}", wanted="a tuple of rankings", way_out="Write by=('loss',).")
    for name in by:
        if name not in RANKINGS:
            raise RecipeError(
                f"ranking {name!r}", wanted=", ".join(RANKINGS), way_out=nearest(str(name), RANKINGS)
            )  # fmt: skip
    rising = all(isinstance(s, int | float) and 0 <= s < 1 for s in shares) and list(shares) == sorted(set(shares))
    if not len(shares) or not rising:
        raise RecipeError(f"shares={shares!r}", wanted="from 0 to below 1, rising", way_out="Write shares=(0.1, 0.5).")
    if isinstance(draws, bool) or not isinstance(draws, int) or draws < 1:
        raise RecipeError(f"draws={draws!r}", wanted="at least 1", way_out="Leave it out.")


def _draw(reading: Reading) -> Any:
    arrays = reading.arrays
    factor = 100.0 if str(arrays["label"]).endswith("(%)") else 1.0
    figure, ax = draw.new(width=6.4, height=3.8)
    percent = 100 * arrays["share"]
    names = {"weights": "weights in and out", "loss": "loss without it", "random": "at random"}
    for k, name in enumerate(n for n in RANKINGS if n in arrays):
        line = (0, (2, 2)) if name == "random" else "-"
        color = draw.MUTED if name == "random" else draw.PALETTE[k]
        label = names.get(name, name)
        ax.plot(percent, factor * arrays[name], marker="o", markersize=3.4, linestyle=line, color=color, label=label)
    if "retrained" in arrays:
        x, y = 100 * arrays["retrained_share"], factor * arrays["retrained"]
        ax.plot(x, y, "D-", color=draw.INK, markersize=5, label="and learnt again")
    ax.axhline(factor * arrays["whole"], color=draw.MUTED, linewidth=0.9)
    low, high = factor * min(arrays[n].min() for n in RANKINGS if n in arrays), factor * float(arrays["whole"])
    if str(arrays["label"]) == "R²":
        ax.set_ylim(max(low, -1) - 0.05, high + 0.05)
    ax.set(xlabel="hidden units deleted (%)", ylabel=str(arrays["label"]))
    draw.legend(ax, loc="lower left", title="those go first that are least by")
    return figure


@pruning.known_case
def half_of_the_units_idle() -> None:
    """Of six units of which three have no weights out, all rankings but chance let those three go for nothing."""
    from flax import nnx

    from snarc.models.mlp import MLP

    net = MLP(inputs=(1,), outputs=2, rngs=nnx.Rngs(0), layers="1-6:tanh-2", bias=False)
    net.layers[0].kernel[...] = np.array([[3, 0.01, 3, 0.01, 3, 0.01]], np.float32)
    net.layers[1].kernel[...] = np.outer([1, 0, 1, 0, 1, 0], [1, -1]).astype(np.float32)
    x = np.linspace(-1, 1, 40, dtype=np.float32)[:, None]
    y = (x[:, 0] < 0).astype(np.int32)
    seen = subject(net, input_shape=(1,), classes=2)
    found = pruning(seen, (x, y), shares=(0.0, 0.5), by=("weights", "activity", "contribution", "loss"))
    for name in ("weights", "activity", "contribution", "loss"):
        assert found.numbers[f"{name}_free"] == 0.5
        assert found.arrays[name].tolist() == [1.0, 1.0]
