"""What readings mean, in plain sentences with numbers, each with the reading that it rests on."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from snarc.reading import Reading
from snarc.training.readings import Kept

Kind = Literal["can", "when", "fails", "note"]
TITLES: dict[Kind, str] = {
    "can": "What it can be trusted with",
    "when": "At which threshold",
    "fails": "Where it fails",
    "note": "Also seen",
}
# Where a sentence begins to be a warning; the page says so.
POINTS_LOST, SURE, TOLD_APART = 0.05, 0.1, 0.9


@dataclass(frozen=True)
class Sentence:
    """One statement: what kind it is, its text, and the name of the reading that shows it."""

    kind: Kind
    text: str
    evidence: str


Rule = Callable[[Reading], Iterator[Sentence]]
RULES: dict[str, Rule] = {}


def rule(name: str) -> Callable[[Callable[[Reading], Iterator[tuple[Kind, str]]]], Rule]:
    """Say how the readings of an instrument are put into words; one without a rule says its own note."""

    def register(function: Callable[[Reading], Iterator[tuple[Kind, str]]]) -> Rule:
        def made(reading: Reading) -> Iterator[Sentence]:
            return (Sentence(kind, text, name) for kind, text in function(reading))

        RULES[name] = made
        return made

    return register


def sentences(kept: Mapping[str, Kept] | Iterable[Kept]) -> list[Sentence]:
    """The sentences of all readings, in the order of :data:`TITLES`."""
    found: list[Sentence] = []
    for one in kept.values() if isinstance(kept, Mapping) else kept:
        if one.reading is None:
            continue
        own = RULES.get(one.name)
        if own is not None:
            found += own(one.reading)
        elif one.reading.note:
            found.append(Sentence("note", one.reading.note, one.name))
    return sorted(found, key=lambda sentence: list(TITLES).index(sentence.kind))


def percent(value: Any, digits: int = 1) -> str:
    """A fraction as a percentage that is not rounded to certainty.

    >>> percent(0.98756), percent(0.9995), percent(0.00002), percent(1.0)
    ('98.8 %', '> 99.9 %', '< 0.1 %', '100 %')
    """
    share, unit = 100 * float(value), 10.0**-digits
    if share in (0.0, 100.0):
        return f"{share:.0f} %"
    if share >= 100 - unit / 2:
        return f"> {100 - unit:.{digits}f} %"
    return f"< {unit:.{digits}f} %" if share < unit / 2 else f"{share:.{digits}f} %"


def points(value: Any) -> str:
    """A difference of fractions in percentage points."""
    return f"{100 * float(value):.1f} points"


@rule("calibration")
def _calibration(reading: Reading) -> Iterator[tuple[Kind, str]]:
    n = {name: float(value) for name, value in reading.numbers.items()}
    chance = f"{points(n['ece_by_chance'])} would be chance with so many examples"
    apart = f"confidence and accuracy differ by {points(n['ece'])} on average ({chance})"
    if n["ece"] <= max(2 * n["ece_by_chance"], 0.01):
        yield "can", f"Its confidence means what it says: {apart}."
    else:
        word = "surer" if n["overconfidence"] > 0 else "less sure"
        yield "fails", f"Its confidence is not to be taken at its word: {apart}; it is {word} than it is right."


@rule("scaling")
def _scaling(reading: Reading) -> Iterator[tuple[Kind, str]]:
    n = {name: float(value) for name, value in reading.numbers.items()}
    if n["ece_before"] - n["ece_after"] <= 0.005:
        return
    method = str(reading.arrays.get("method", "temperature"))
    how = f"logits divided by {n['temperature']:.3g}" if method == "temperature" else f"logits under {method} scaling"
    answers = f"{percent(n['changed'], 2)} of its answers changed" if n["changed"] else "every answer the same"
    yield (
        "can",
        f"With its {how} the calibration error goes from {points(n['ece_before'])} to {points(n['ece_after'])}, with "
        f"{answers}.",
    )


@rule("conformal")
def _conformal(reading: Reading) -> Iterator[tuple[Kind, str]]:
    n = {name: float(value) for name, value in reading.numbers.items()}
    text = (
        f"Sets of {n['size']:.2f} classes on average hold the right one in {percent(n['coverage'])} of cases; "
        f"{percent(n['promised'])} were promised, and {percent(n['low'])} to {percent(n['high'])} are chance."
    )
    if n["coverage"] < n["low"]:
        yield "fails", text + " The calibration data are not like the test data."
    elif n["coverage"] > n["high"]:  # the promise is kept, by sets that are larger than need be
        yield "when", text + " The calibration data are harder than the test data."
    else:
        yield "when", text


@rule("shift")
def _shift(reading: Reading) -> Iterator[tuple[Kind, str]]:
    from snarc.trust.shift import CHANGES

    arrays = reading.arrays
    bears, fails = [], []
    for name, strengths, accuracy in zip(arrays["change"], arrays["strength"], arrays["accuracy"]):
        unit = CHANGES[str(name)][1]
        lost = np.flatnonzero(accuracy[0] - accuracy[1:] > POINTS_LOST)
        last = len(strengths) if not len(lost) else lost[0]
        if last:
            bears.append(f"{name} ({unit} up to {strengths[last - 1]:g})")
        if last < len(strengths):
            fails.append(f"{name} ({unit} {strengths[last]:g}: {percent(accuracy[last + 1], 0)} right)")
    if bears:
        yield "can", f"It loses at most {points(POINTS_LOST)} under {_list(bears)}."
    if fails:
        yield "fails", f"It loses more than {points(POINTS_LOST)} under {_list(fails)}."
    yield from _other_hands(reading)
    over = float(reading.numbers["overconfidence"])
    if over > POINTS_LOST:
        yield "fails", f"On changed images it is {points(over)} surer than it is right, on average over all changes."


def _other_hands(reading: Reading) -> Iterator[tuple[Kind, str]]:
    """Sets of the same classes from elsewhere, each as it is and, where that can be, centred as MNIST's digits are."""
    n = {name: float(value) for name, value in reading.numbers.items()}
    names = [str(name) for name in reading.arrays.get("set", ())[1:]]
    for name in names:
        if name.removesuffix("_centred") in names and name.endswith("_centred"):
            continue
        best = max((one for one in (name, f"{name}_centred") if one in names), key=lambda one: n[f"accuracy_{one}"])
        way = ", centred by mass" if best != name else ""
        text = f"Of {name} it gets {percent(n[f'accuracy_{best}'])} right{way}"
        if best != name:
            text += f" ({percent(n[f'accuracy_{name}'])} as they are)"
        wrong = n[f"confidence_wrong_{best}"]
        text += f"; where it is wrong it is {percent(wrong)} sure." if math.isfinite(wrong) else "."
        lost = n["accuracy"] - n[f"accuracy_{best}"]
        yield ("fails" if lost > POINTS_LOST else "can"), text


@rule("unfamiliar")
def _unfamiliar(reading: Reading) -> Iterator[tuple[Kind, str]]:
    n = reading.numbers
    for kind in (name.removesuffix("_confidence") for name in n if name.endswith("_confidence")):
        scores = {
            name.removeprefix(kind + "_").removesuffix("_auroc"): float(value)
            for name, value in n.items()
            if name.startswith(kind + "_") and name.endswith("_auroc")
        }
        sure = float(n[f"{kind}_sure"])
        what = "pure noise" if kind == "noise" else f"{kind} pictures"
        text = f"Of {what} it is more than 90 % sure in {percent(sure, 0)} of cases"
        if scores:
            best = max(scores, key=scores.__getitem__)
            by, value = best.replace("-", " "), scores[best]
            text += f"; the score that tells them best from its own kind is {by} (AUROC {value:.3f})"
            if value >= TOLD_APART and sure < SURE:
                yield "can", f"It notices {what}: {text[0].lower()}{text[1:]}."
                continue
        yield ("fails" if sure >= SURE else "note"), text + "."


@rule("adversarial")
def _adversarial(reading: Reading) -> Iterator[tuple[Kind, str]]:
    epsilon, left, random = (reading.arrays[name] for name in ("epsilon", "pgd", "random"))
    clean = left[0]
    below = np.flatnonzero(left < clean / 2)
    k = below[0] if len(below) else len(left) - 1
    if clean - left[k] > POINTS_LOST:
        yield (
            "fails",
            f"A change of at most {epsilon[k]:g} of each input, chosen against it, leaves {percent(left[k])} right "
            f"({percent(random[k])} under random changes of that size).",
        )
    else:
        yield (
            "can",
            f"Changes of up to {epsilon[-1]:g} of each input leave {percent(left[-1])} right under this attack, "
            "which is no proof against others.",
        )
    distance = float(reading.numbers["relative"])
    if math.isfinite(distance):
        yield "note", f"The nearest boundary lies {percent(distance)} of an input's length away in the median."


@rule("rejection")
def _rejection(reading: Reading) -> Iterator[tuple[Kind, str]]:
    n = {name: float(value) for name, value in reading.numbers.items()}
    wanted = float(reading.arrays["wanted"])
    if "chosen_coverage" not in n:
        yield "note", reading.note
        return
    if not n["chosen_coverage"]:
        yield (
            "fails",
            f"No threshold on other examples leaves an error of {percent(wanted)}: nothing would be accepted.",
        )
        return
    text = (
        f"Accept an answer where its {_score(reading)} is at least {n['chosen_threshold']:.3g}, a "
        f"threshold found on other examples: {percent(n['chosen_coverage'])} of the answers are accepted, and of those "
        f"{percent(n['chosen_error'], 2)} are wrong (95 %: {percent(n['chosen_low'], 2)} to "
        f"{percent(n['chosen_high'], 2)}; {percent(wanted, 2)} were wanted)."
    )
    yield ("when", text) if n["chosen_low"] <= wanted else ("fails", text)


def _score(reading: Reading) -> str:
    name = str(reading.arrays["score"])
    words = {"margin": "margin between the two largest outputs", "activity": "largest output"}
    return words.get(name, name.replace("-", " "))


@rule("intervals")
def _intervals(reading: Reading) -> Iterator[tuple[Kind, str]]:
    n = {name: float(value) for name, value in reading.numbers.items()}
    text = (
        f"Intervals of width {n['width']:.3g} on average hold the true number in {percent(n['coverage'])} of cases; "
        f"{percent(n['promised'])} were promised"
    )
    if "low" in n and n["coverage"] < n["low"]:
        yield "fails", f"{text}, and {percent(n['low'])} to {percent(n['high'])} would be chance."
    else:
        yield "when", text + "."


@rule("bands")
def _bands(reading: Reading) -> Iterator[tuple[Kind, str]]:
    n = {name: float(value) for name, value in reading.numbers.items()}
    short = n["promised"] - n["coverage"]
    yield ("fails" if short > POINTS_LOST else "can"), reading.note


@rule("uncertainty")
def _uncertainty(reading: Reading) -> Iterator[tuple[Kind, str]]:
    auroc = float(reading.numbers["auroc"])
    if not math.isfinite(auroc):
        yield "note", reading.note
        return
    text = f"its entropy is larger for a wrong answer than for a right one in {percent(auroc)} of pairs (AUROC)"
    if auroc >= TOLD_APART:
        yield "can", f"It knows where it is weak: {text}."
    else:
        yield "note", f"It half knows where it is weak: {text}."


@rule("damage")
def _damage(reading: Reading) -> Iterator[tuple[Kind, str]]:
    whole = float(reading.numbers["score"])
    bears, fails = [], []
    for kind, what in (("units", "of its hidden units"), ("weights", "of its weights")):
        if kind not in reading.arrays:
            continue
        strength, score = reading.arrays[f"{kind}_strength"], reading.arrays[kind].mean(axis=1)
        lost = np.flatnonzero(whole - score > POINTS_LOST * abs(whole))
        if len(lost) == 0 or lost[0] > 0:
            last = strength[-1] if not len(lost) else strength[lost[0] - 1]
            if last > 0:
                bears.append(f"{percent(last, 0)} {what}")
        if len(lost):
            fails.append(f"{percent(strength[lost[0]], 0)} {what}")
    if bears:
        yield "can", f"Deleting {_list(bears)} at random costs it at most a twentieth of its score."
    if fails:
        yield "fails", f"Deleting {_list(fails)} at random costs it more than a twentieth of its score."


@rule("transfer")
def _transfer(reading: Reading) -> Iterator[tuple[Kind, str]]:
    n = {name: float(value) for name, value in reading.numbers.items()}
    kind: Kind = "fails" if n["others"] - n["random"] > POINTS_LOST else "note"
    yield kind, reading.note


@rule("universal")
def _universal(reading: Reading) -> Iterator[tuple[Kind, str]]:
    n = {name: float(value) for name, value in reading.numbers.items()}
    yield ("fails" if n["fooled"] > n["random"] + POINTS_LOST else "can"), reading.note


@rule("sticker")
def _sticker(reading: Reading) -> Iterator[tuple[Kind, str]]:
    n = {name: float(value) for name, value in reading.numbers.items()}
    yield ("fails" if n["success"] > n["random"] + POINTS_LOST else "can"), reading.note


@rule("fooling")
def _fooling(reading: Reading) -> Iterator[tuple[Kind, str]]:
    yield ("fails" if float(reading.numbers["confidence"]) > TOLD_APART else "can"), reading.note


def _list(parts: list[str]) -> str:
    return parts[0] if len(parts) == 1 else ", ".join(parts[:-1]) + " and " + parts[-1]
