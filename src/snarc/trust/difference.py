"""Two runs: is one better, or is it the luck of the seed or of the test examples?"""

from __future__ import annotations

import functools
import math
from typing import TYPE_CHECKING, Any

import numpy as np

from snarc import draw
from snarc.errors import DataError
from snarc.reading import Estimate, Reading
from snarc.registry import instrument
from snarc.subjects import Predictions, predictions

from ._paired import Effect, Table, mcnemar, paired_t, welch

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Fewer pairs than this and the interval is so wide that only a gross difference could be seen.
FEW = 5


@instrument("difference", asks="Is one of two networks better, or is it chance?")
def difference(
    of: Any, other: Any = None, data: Any = "test", *, names: tuple[str, str] = ("the first", "the second")
) -> Reading:
    """The second network's result minus the first's, over seeds and over the same examples.

    Over seeds: replicas with the same seed are pairs (Student's paired t-test) where at least two seeds are in both;
    else the two groups are compared as they are (Welch's t-test).  Over examples, for classes: McNemar's exact test
    for each pair of networks.  The first says what other seeds would change, the second what other test examples
    would.

    Parameters
    ----------
    of, other: two runs; or what else :func:`snarc.subjects.predictions` takes.  Replica k of logits
        ``(replicas, N, outputs)`` counts as seed k.
    data: what both are judged on, as for :func:`snarc.subjects.predictions`.
    names: how to call the two in words and picture.

    Returns
    -------
    Numbers: ``first`` and ``second``, accuracy or RMSE over replicas; ``difference`` with ``low``, ``high`` (95 %)
    and ``p`` (NaN where there are too few replicas), ``degrees`` of freedom, ``pairs`` (0: Welch's test).  For classes
    also, of the networks of the first pair, ``both_right``, ``only_first_right``, ``only_second_right``,
    ``both_wrong`` and ``example_difference``, ``example_low``, ``example_high``, ``example_p``.  Arrays: ``first`` and
    ``second`` ``(replicas,)``, ``first_seeds`` and ``second_seeds``, ``seeds`` that are pairs, and for classes
    ``only_first_right``, ``only_second_right`` and ``example_p`` of each pair.

    Raises
    ------
    DataError: there is no second, the two were not judged on the same examples, or their tasks differ.

    >>> one = np.array([[[2.0, 0], [2.0, 0], [2.0, 0]]] * 2)
    >>> found = difference(one, -one, np.array([0, 0, 1]))
    >>> found.numbers["only_first_right"], round(found.numbers["difference"], 3)
    (2, -0.333)
    """
    if other is None:
        raise DataError(
            "one network alone", wanted="a second one to tell it from", way_out="Use snarc runs --compare RUN RUN."
        )
    first, second = predictions(of, data), predictions(other, data)
    _same_examples(first, second)
    seeds = _seeds(of, first), _seeds(other, second)
    classes = first.task.kind in ("classification", "sequence")
    name = "accuracy" if classes else "rmse"
    values = [_scores(p, classes) for p in (first, second)]
    shared = [seed for seed in seeds[0] if seed in seeds[1]]
    places = [[own.index(seed) for seed in shared] for own in seeds]
    paired = len(shared) >= 2
    effect = paired_t(values[0][places[0]], values[1][places[1]]) if paired else welch(*values)
    numbers: dict[str, Any] = {n: Estimate.over(v.tolist()) for n, v in zip(("first", "second"), values)}
    numbers |= {**effect._asdict(), "pairs": len(shared) if paired else 0}
    arrays = {"first": values[0], "second": values[1], "seeds": np.array(shared, int)}
    arrays |= {"first_seeds": np.array(seeds[0]), "second_seeds": np.array(seeds[1])}
    note = _seeds_note(name, names, effect, numbers["pairs"], tuple(map(len, seeds)))
    if classes:
        right = [p.predicted == p.targets for p in (first, second)]
        pairs = list(zip(*places)) or [(0, 0)]
        tables = [mcnemar(right[0][i], right[1][j]) for i, j in pairs]
        one = tables[0]
        numbers |= {"both_right": one.both, "only_first_right": one.only_first}
        numbers |= {"only_second_right": one.only_second, "both_wrong": one.neither}
        numbers |= {f"example_{n}": getattr(one, n) for n in ("difference", "low", "high", "p")}
        for column, wanted in (("only_first_right", "only_first"), ("only_second_right", "only_second")):
            arrays[column] = np.array([getattr(t, wanted) for t in tables])
        arrays["example_p"] = np.array([t.p for t in tables])
        note += " " + _examples_note(one, names, len(first), int(shared[0]) if shared else None)
    return Reading("difference", numbers, arrays, functools.partial(_draw, names=names), note)


def _same_examples(first: Predictions, second: Predictions) -> None:
    same = first.targets.shape == second.targets.shape and np.array_equal(first.targets, second.targets)
    if same and first.split is not None and second.split is not None and hasattr(first.split, "inputs"):
        a, b = first.split.inputs, second.split.inputs
        same = not isinstance(a, np.ndarray) or not isinstance(b, np.ndarray) or np.array_equal(a, b)
    if first.task.kind != second.task.kind or first.task.classes != second.task.classes or not same:
        raise DataError(
            f"answers to {len(first):,} and to {len(second):,} examples that are not the same",
            wanted="two networks judged on the same test examples",
            way_out="Train both on the same data with the same split seed, or pass data=(x, y).",
        )


def _seeds(of: Any, found: Predictions) -> list[int]:
    recipe = getattr(of, "recipe", None)
    start = 0 if recipe is None else recipe.seed
    return [start + k for k in range(found.replicas)]


def _scores(found: Predictions, classes: bool) -> np.ndarray:
    if classes:
        return (found.predicted == found.targets).mean(axis=1)
    residual = found.logits.reshape(found.replicas, *found.targets.shape).astype(np.float64) - found.targets
    return np.sqrt((residual**2).reshape(found.replicas, -1).mean(axis=1))


def _seeds_note(name: str, names: tuple[str, str], effect: Effect, pairs: int, sizes: tuple[int, ...]) -> str:
    scale, unit = (100, " points") if name == "accuracy" else (1, "")
    quantity = "accuracy" if name == "accuracy" else "RMSE"
    size = scale * effect.difference
    if size == 0:
        what = f"The {quantity} of {names[1]} is that of {names[0]}"
    else:
        more = "higher" if effect.difference > 0 else "lower"
        what = f"The {quantity} of {names[1]} is {more} than that of {names[0]} by {signed(size, bool(unit))[1:]}{unit}"
    if min(sizes) < 2:
        return f"{what}. One replica says nothing of other seeds: train both with replicas=5 or more."
    over = f"{pairs} seeds that both have" if pairs else f"{sizes[0]} and {sizes[1]} seeds"
    if not math.isfinite(effect.p):
        return f"{what} over {over}, in every one alike: there is no spread to judge it by."
    low, high = scale * effect.low, scale * effect.high
    ends = " to ".join(signed(end, bool(unit)) for end in (low, high))
    test = "paired t-test" if pairs else "Welch's t-test, as the two have no seeds in common"
    text = f"{what} over {over} (95 % interval {ends}{unit}, {show_p(effect.p)}, {test}): "
    if effect.p < 0.05:
        text += "more than the luck of the seed explains."
    else:
        text += "the luck of the seed explains as much; that proves neither a difference nor that there is none."
    if (pairs or min(sizes)) < FEW:
        text += f" So few seeds show only a difference of more than about {abs(high - low) / 2:.2g}{unit}."
    return text


def _examples_note(table: Table, names: tuple[str, str], count: int, seed: int | None) -> str:
    apart = table.only_first + table.only_second
    which = "their first networks" if seed is None else f"their networks of seed {seed}"
    if apart == 0:
        return f"Of {count:,} examples {which} are right and wrong on the same."
    text = f"Of {count:,} examples {names[0]} alone is right on {table.only_first}, {names[1]} alone on "
    text += f"{table.only_second} ({which}; McNemar's exact test, {show_p(table.p)}): "
    return text + (
        "more than the luck of these test examples explains."
        if table.p < 0.05
        else "no more than the luck of these test examples explains."
    )


def signed(value: float, points: bool) -> str:
    """A difference with its sign: of accuracies in hundredths of a point, of others with three digits.

    >>> signed(0.1234, True), signed(-0.001234, False)
    ('+0.12', '−0.00123')
    """
    return (f"{value:+.2f}" if points else f"{value:+.3g}").replace("-", "−")


def show_p(p: float) -> str:
    """A probability as it is quoted.

    >>> show_p(0.0432), show_p(3e-7), show_p(0.6)
    ('p = 0.043', 'p < 0.0001', 'p = 0.60')
    """
    if p < 1e-4:
        return "p < 0.0001"
    return f"p = {p:.2f}" if p >= 0.1 else f"p = {p:.2g}"


def _draw(reading: Reading, names: tuple[str, str]) -> Figure:
    """Left each replica, pairs joined; right the difference with its interval."""
    numbers, arrays = reading.numbers, reading.arrays
    classes = "example_p" in numbers
    scale = 100.0 if classes else 1.0
    figure, (left, right) = draw.new(1, 2, width=7.0, height=3.1, width_ratios=(2, 1.4))
    with draw.style():
        own = [dict(zip(arrays[f"{n}_seeds"].tolist(), scale * arrays[n])) for n in ("first", "second")]
        for seed in arrays["seeds"].tolist():
            left.plot([0, 1], [own[0][seed], own[1][seed]], color=draw.MUTED, linewidth=0.8, alpha=0.7, zorder=1)
        for place, values, colour in zip((0, 1), own, draw.PALETTE):
            spots = np.array(list(values.values()))
            left.plot(np.full(len(spots), place), spots, "o", color=colour, markersize=5, alpha=0.75)
            left.plot([place - 0.12, place + 0.12], [spots.mean()] * 2, color=colour, linewidth=2.4)
        left.set(xlim=(-0.35, 1.35), ylabel="accuracy (%)" if classes else "RMSE")
        left.set_xticks([0, 1], [draw.shorten(name, 22) for name in names])
        left.grid(axis="x", visible=False)
        middle = scale * float(numbers["difference"])
        low, high = (scale * float(numbers[n]) for n in ("low", "high"))
        rows = [(1.0 if classes else 0.0, middle, low, high, "over seeds")]
        if classes:
            centre, start, end = (scale * float(numbers[f"example_{n}"]) for n in ("difference", "low", "high"))
            rows.append((0.0, centre, start, end, "over examples"))
        for y, centre, start, end, _ in rows:
            if math.isfinite(start):
                right.plot([start, end], [y, y], color=draw.PALETTE[2], linewidth=2.4, solid_capstyle="butt")
            right.plot(centre, y, "o", color=draw.PALETTE[2], markersize=7)
        right.axvline(0, color=draw.INK, linewidth=1)
        right.set_yticks([row[0] for row in rows], [row[-1] for row in rows])
        right.set(ylim=(-0.6, len(rows) - 0.4), xlabel="difference" + (" (points)" if classes else ""))
        right.grid(axis="y", visible=False)
    return figure


@difference.known_case
def equal_seeds_are_pairs_and_a_coin_decides() -> None:
    # One of four examples changes hands in each of two replicas: the difference is the same in both.
    right, wrong = [1.0, 0.0], [0.0, 1.0]
    first = np.array([[right, right, wrong, wrong], [right, wrong, wrong, wrong]])
    second = np.array([[right, right, right, wrong], [right, right, wrong, wrong]])
    found = difference(first, second, np.zeros(4, int))
    assert found.numbers["difference"] == 0.25
    assert found.numbers["pairs"] == 2
    assert math.isnan(found.numbers["p"])
    # One discordant example: heads or tails are equally likely, so that p is 1.
    assert (found.numbers["only_first_right"], found.numbers["only_second_right"]) == (0, 1)
    assert found.numbers["example_p"] == 1.0
