"""A contest between a person and a network on the same examples."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from snarc import draw, keys
from snarc.errors import DataError
from snarc.reading import Reading, wilson
from snarc.registry import instrument
from snarc.subjects import Predictions, predictions

from ._paired import mcnemar

COURSES = ("even", "hard")


def course(of: Any, data: Any = "test", *, count: int = 20, kind: str = "even", seed: int = 0) -> np.ndarray:
    """Which examples to play: drawn evenly, or those whose right class the network finds least likely.

    Parameters
    ----------
    kind: ``even`` or ``hard``.

    Returns
    -------
    Positions ``(count,)`` in the data.
    """
    seen = predictions(of, data)
    seen.need("classes", "duel")
    rng = keys.generator(seed, "duel", kind)
    count = min(count, len(seen))
    if kind == "even":
        return rng.permutation(len(seen))[:count]
    # Hard for a network is where its mean probability of the right class is small, not where it doubts itself.
    right = seen.probabilities.mean(axis=0)[np.arange(len(seen)), seen.targets]
    return rng.permutation(np.argsort(right, kind="stable")[:count])


@instrument("duel", asks="Is it better than a person on the same examples?")
def duel(
    of: Any, other: Sequence[Sequence[int]], data: Any = "test", *, index: Sequence[int] | None = None, top: int = 1
) -> Reading:
    """The errors of a person and of a network on the same examples, with McNemar's exact test.

    Parameters
    ----------
    of, data: as :func:`snarc.subjects.predictions` takes them; of several replicas the probabilities are averaged.
    other: for each example the classes that the person named, the likeliest first; none of them counts as wrong.
    index: positions of the examples in the data; by default the first ones.
    top: how many names count: the answer is right if the true class is among the first so many.

    Returns
    -------
    Numbers: ``person`` and ``network``, shares of wrong answers, with 95 % Wilson intervals ``person_low`` to
    ``network_high``; ``p`` (two-sided), the chance of so large a difference between equals; ``examples``.  Arrays:
    ``index``, ``person_right``, ``network_right``.

    Raises
    ------
    DataError: no examples, or not as many answers as examples.

    The idea: A. Karpathy, What I learned from competing against a ConvNet on ImageNet (2014).
    """
    seen = predictions(of, data)
    seen.need("classes", "duel")
    where = np.arange(len(other)) if index is None else np.asarray(index)
    if len(where) != len(other) or not len(where):
        raise DataError(
            f"{len(other)} answers to {len(where)} examples", wanted="one answer for each, and at least one",
            way_out="Play at least one round.",
        )  # fmt: skip
    truth = seen.targets[where]
    person = np.array([t in list(named)[:top] for named, t in zip(other, truth)])
    network = (ranked(seen)[where, :top] == truth[:, None]).any(axis=1)
    table, n = mcnemar(person, network), len(where)
    numbers: dict[str, Any] = {"examples": n, "p": table.p}
    for who, right in (("person", person), ("network", network)):
        low, high = wilson(float((~right).sum()), n)
        numbers |= {who: float((~right).mean()), f"{who}_low": low, f"{who}_high": high}
    apart = table.only_first + table.only_second
    luck = "which is no proof" if table.p >= 0.05 else f"which chance does in {100 * table.p:.2g} % of cases"
    note = (
        f"The person errs on {int((~person).sum())} of {n}, the network on {int((~network).sum())}; on {apart} one of "
        f"them alone is right (p = {table.p:.2g}, {luck})."
    )
    arrays = {"index": where, "person_right": person, "network_right": network}
    return Reading("duel", numbers, arrays, _draw, note)


def ranked(seen: Predictions) -> np.ndarray:
    """The classes of each example from the likeliest on, ``(N, classes)``, by the replicas' mean probability."""
    return np.argsort(-seen.probabilities.mean(axis=0), axis=1, kind="stable")


def _draw(reading: Reading) -> Any:
    figure, ax = draw.new(width=6.0, height=2.2)
    for k, who in enumerate(("network", "person")):
        value, low, high = (100 * float(reading.numbers[name]) for name in (who, f"{who}_low", f"{who}_high"))
        ax.barh([k], [value], color=draw.PALETTE[k], height=0.6)
        # Where all or none is wrong the interval ends at the value, give or take the last bit.
        span = [[max(0.0, value - low)], [max(0.0, high - value)]]
        ax.errorbar([value], [k], xerr=span, color=draw.INK, capsize=4, linewidth=1.4)
    ax.set_yticks([0, 1], ["network", "person"])
    ax.set(xlabel="wrong answers (%), 95 % interval", xlim=(0, None))
    return figure


@duel.known_case
def a_person_who_is_never_right() -> None:
    """Ten answers, the network right on all and the person on none: two-sided p is 2 / 2^10."""
    logits, labels = np.tile([3.0, 1.0, 0.0], (10, 1)), np.zeros(10, int)
    found = duel(logits, [(1,)] * 10, labels)
    assert (float(found.numbers["person"]), float(found.numbers["network"])) == (1.0, 0.0)
    assert float(found.numbers["p"]) == 2 / 2**10
    second = duel(logits, [(1, 0)] * 10, labels, top=2)
    assert float(second.numbers["person"]) == 0.0
