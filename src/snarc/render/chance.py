"""Whether two runs differ by more than chance: the block of a comparison that shows it and says it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from markupsafe import Markup

from snarc import draw
from snarc.errors import SnarcError
from snarc.reading import Reading
from snarc.training import Run
from snarc.trust._paired import holm
from snarc.trust.difference import difference, show_p, signed

from . import page, words

_PAIRS = 20


def differences(runs: Sequence[Run], names: Sequence[str]) -> list[Reading | str]:
    """Each run beside the first: what :func:`snarc.trust.difference` reads, or why it cannot."""
    found: list[Reading | str] = []
    for run, name in zip(runs[1:], names[1:]):
        try:
            found.append(difference(runs[0], run, names=(names[0], name)))
        except SnarcError as error:
            found.append(f"{name} and {names[0]} cannot be compared: {error.came}. {error.way_out}")
    return found


def section(runs: Sequence[Run], names: Sequence[str]) -> Markup:
    """A card for each run but the first."""
    found = differences(runs, names)
    readings = [one for one in found if isinstance(one, Reading)]
    cards: list[Any] = []
    for one, name in zip(found, names[1:]):
        if isinstance(one, str):
            cards.append(page.notice(one, "plain"))
            continue
        title = f"{name} against {names[0]}"
        picture = page.figure(draw.svg(one.plot()), alt=one.note)
        cards.append(page.card(title, _sentences(one.note), picture, _pairs(one), wide=True))
    if len(readings) > 1:
        cards.append(page.card("Asked together", _together(readings, names[1:], found), wide=True))
    note = (
        "Over seeds: replicas with the same seed are pairs. Over examples: what the same two networks would do on "
        "another test set of this size. Both are asked because a difference can be certain for these test examples "
        "and still be the luck of the seed, and the other way round."
    )
    return page.join(page.grid(*cards), page.note(note) if readings else None)


def _sentences(note: str) -> Markup:
    first, stop, rest = note.partition(" Of ")
    parts = [first, f"Of {rest}"] if stop else [note]
    return page.join(*(Markup("<p>{}</p>").format(part) for part in parts))


def _pairs(reading: Reading) -> Markup | None:
    """Every pair of networks with McNemar's test, folded away."""
    arrays = reading.arrays
    if "example_p" not in arrays or not len(arrays["seeds"]):
        return None
    rows = [
        [str(seed), words.percent(first), words.percent(second), f"{only_first:,}", f"{only_second:,}", show_p(p)]
        for seed, first, second, only_first, only_second, p in zip(
            arrays["seeds"],
            *(arrays[n][[list(arrays[f"{n}_seeds"]).index(s) for s in arrays["seeds"]]] for n in ("first", "second")),
            arrays["only_first_right"],
            arrays["only_second_right"],
            arrays["example_p"],
        )
    ][:_PAIRS]
    head = ["seed", "accuracy, first", "accuracy, second", "only first right", "only second right", "McNemar, exact"]
    more = len(arrays["seeds"]) - len(rows)
    note = f"{more} more pairs are not shown." if more > 0 else ""
    note += " Each p is for its own two networks; one such pair in twenty is below 0.05 by chance alone."
    return page.details("Pair by pair", page.table(head, rows), page.note(note.strip()))


def _together(readings: Sequence[Reading], names: Sequence[str], found: Sequence[Reading | str]) -> Markup:
    """All differences to the first run, with probabilities adjusted for having been asked together."""
    names = [name for name, one in zip(names, found) if isinstance(one, Reading)]
    seeds = holm([float(r.numbers["p"]) for r in readings])
    rows = []
    for name, reading, p in zip(names, readings, seeds):
        scale, unit = (100, " points") if "example_p" in reading.numbers else (1, "")
        low, middle, high = (scale * float(reading.numbers[n]) for n in ("low", "difference", "high"))
        known = p == p
        interval = f"{signed(low, bool(unit))} to {signed(high, bool(unit))}{unit}" if known else "—"
        rows.append([name, signed(middle, bool(unit)) + unit, interval, show_p(p) if known else "—"])
    head = ["run", "difference", "95 % interval", "over seeds, after Holm"]
    note = (
        "The more differences are looked at, the more often one of them is large by chance. Holm's adjustment makes up "
        "for that; the intervals are each for themselves."
    )
    return page.join(page.table(head, rows), page.note(note))
