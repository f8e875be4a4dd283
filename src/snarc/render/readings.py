"""The blocks of a report that show what instruments saw, and the verdict that follows from it."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from markupsafe import Markup

from snarc.registry import instruments
from snarc.training.readings import Kept
from snarc.verdict import Sentence, room_of, sentences
from snarc.verdict.sentences import POINTS_LOST, SURE, TITLES

from . import page, scatter, words
from .reading import number

# Readings that the report shows at places of their own.
ELSEWHERE = {
    "confusion": "results", "residuals": "results", "mistakes": "mistakes", "calibration": "confidence",
    "filters": "network", "learning": "learning", "health": "health", "picture": "picture",
    "augmentation": "augmentation",
}  # fmt: skip
_MARKS = {"can": ("good", "✓"), "when": ("plain", "→"), "fails": ("bad", "✗"), "note": ("plain", "·")}


def place(name: str) -> str:
    """The id of the block that shows a reading."""
    return ELSEWHERE.get(name, f"reading-{name}")


def verdict(kept: Mapping[str, Kept], epochs: int | None = None) -> Markup | None:
    """What the network can be trusted with, at which threshold, and where it fails; nothing before it was asked.

    Parameters
    ----------
    epochs: that the network has learnt for by now; what was seen at another time is named.
    """
    doubts = {name: one for name, one in kept.items() if _room(name) == "trust"}
    found = sentences(doubts)
    if not found:
        return None
    cards = []
    for kind, title in TITLES.items():
        of_kind = [sentence for sentence in found if sentence.kind == kind]
        if of_kind:
            cards.append(page.card(title, _listed(of_kind)))
    note = (
        f"Under “{TITLES['fails']}” stands what costs more than {100 * POINTS_LOST:g} points, foreign inputs of which "
        f"more than {100 * SURE:g} % are taken with over 90 % confidence, and promises that are not kept. "
        "What was not tried here is not promised."
    )
    said = dict.fromkeys(sentence.evidence for sentence in found)
    old = [name.replace("-", " ") for name in said if epochs is not None and doubts[name].epochs != epochs]
    stale = None
    if old:
        stale = page.notice(f"The network has learnt on since it was asked for {', '.join(old)}: ask it again.")
    return page.join(stale, page.grid(*cards), page.note(note))


def section(
    kept: Mapping[str, Kept], room: str, pictures: Callable[..., str], epochs: int | None = None
) -> Markup | None:
    """A card for every reading of a room that has no place of its own; refusals and unreadable files folded away."""
    here = {name: one for name, one in kept.items() if _room(name) == room and name not in ELSEWHERE}
    cards = [_card(one, pictures, epochs) for one in here.values() if one.reading is not None]
    refused = [(name, one.refused) for name, one in kept.items() if _room(name) == room and one.refused]
    if not cards and not refused:
        return None
    folded = page.details(f"{len(refused)} without an answer", page.facts(refused)) if refused else None
    return page.join(page.grid(*cards) if cards else None, folded)


def _card(one: Kept, pictures: Callable[..., str], epochs: int | None) -> Markup:
    reading = one.reading
    assert reading is not None
    figure = reading.plot() if reading.draw is not None else None
    # Pictures of many panels need the whole width.
    wide = figure is not None and figure.get_size_inches()[0] > 6.8
    svg = pictures(one.name, reading, figure)
    drawn = page.figure(svg, alt=reading.note, width=1000 if wide else None) if figure is not None else None
    numbers = page.facts([(name.replace("_", " "), number(value)) for name, value in reading.numbers.items()])
    asked = [(name.replace("_", " "), words.value(value)) for name, value in one.options.items()]
    stale = None
    if epochs is not None and one.epochs != epochs:
        then = words.plural(one.epochs, "epoch")
        stale = page.notice(f"Seen after {then} of training; the network has learnt on since.")
    if scatter.fits(reading):
        # Points that show their example under the pointer say more than their picture.
        folded = page.join(page.details("Numbers", numbers), _options(asked))
        own = scatter.card(reading, _asks(one.name), id=place(one.name))
        return Markup('<div class="wide">{}</div>').format(page.join(stale, own, page.note(reading.note), folded))
    return page.card(
        _asks(one.name), stale, page.note(reading.note), drawn, page.details("Numbers", numbers),
        _options(asked), id=place(one.name), wide=wide,
    )  # fmt: skip


def _options(asked: list[tuple[str, str]]) -> Markup | None:
    return page.details("Options", page.facts(asked)) if asked else None


def _listed(found: list[Sentence]) -> Markup:
    items = []
    for sentence in found:
        mark, sign = _MARKS[sentence.kind]
        items.append(
            Markup('<li class="{}"><span aria-hidden="true">{}</span><p>{} <a href="#{}">{}</a></p></li>').format(
                mark, sign, sentence.text, place(sentence.evidence), sentence.evidence.replace("-", " ")
            )
        )
    return Markup('<ul class="said">{}</ul>').format(page.join(*items))


def _room(name: str) -> str:
    # What is not installed has no room; that it is missing is said among the others.
    return room_of(name) if name in instruments else "see"


def _asks(name: str) -> str:
    return str(instruments.get(name).about["asks"])
