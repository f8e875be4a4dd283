"""Every instrument of a room asked about one run, one after another."""

from __future__ import annotations

import inspect
import time
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from snarc.errors import SnarcError
from snarc.registry import Instrument, instruments
from snarc.training.readings import Kept, keep

if TYPE_CHECKING:
    from snarc.training import Run

# What is asked first, so that a set that is stopped has the most useful part.
FIRST = (
    "calibration", "rejection", "conformal", "scaling", "confusion", "mistakes", "residuals", "intervals",
    "unfamiliar", "shift", "adversarial", "uncertainty",
)  # fmt: skip
# Sets of images, with the folder of their files: those that are on this machine are shown to a network of images.
OTHERS = {"usps": "usps", "notmnist": "letters", "fashion-mnist": "fashion-mnist", "mnist": "mnist"}
DIGITS = ("mnist", "usps", "digits")  # of the same ten classes: shifted, but not unfamiliar
WANTED = (0.2, 0.1, 0.05, 0.02, 0.01, 0.005, 0.002, 0.001)  # errors that one may want


def room_of(name: str) -> str:
    """``see`` or ``trust``: the room that an instrument belongs to; another package's belong to ``trust``."""
    return "see" if instruments.get(name).thing.__module__.startswith("snarc.see.") else "trust"


def set_of(room: str) -> list[str]:
    """The instruments of a room that need nothing but a run, the most useful ones first."""
    names = [entry.name for entry in instruments if room_of(entry.name) == room and _alone(entry.thing)]
    return sorted(names, key=lambda name: (FIRST.index(name) if name in FIRST else len(FIRST), name))


def examine(
    run: Run,
    room: str = "trust",
    *,
    options: Mapping[str, Mapping[str, Any]] | None = None,
    tell: Callable[[str, Kept | None], None] = lambda name, kept: None,
) -> Iterator[Kept]:
    """Ask every instrument of a room; each answer is kept in the run's folder before the next is asked.

    Parameters
    ----------
    options: for an instrument's name, options other than its defaults.
    tell: is called with the name before an instrument is asked, and with the name and the answer after it.

    Yields
    ------
    The readings, and the refusals of those that the run does not suit.
    """
    options = options or {}
    for name in set_of(room):
        tell(name, None)
        answer = ask(run, name, **{**_suited(run, name), **options.get(name, {})})
        if run.path is not None:
            keep(run.path, answer)
        tell(name, answer)
        yield answer


def ask(run: Run, name: str, **options: Any) -> Kept:
    """One instrument's reading of a run, or the sentence with which it refused."""
    began = time.monotonic()
    reading, refused = None, ""
    try:
        reading = instruments.get(name).thing(run, **options)
    except SnarcError as error:
        refused = str(error)
    return Kept(name, reading, refused, options, len(run.history), time.monotonic() - began)


def _alone(thing: Instrument[Any, Any]) -> bool:
    parameters = list(inspect.signature(thing).parameters.values())
    given = all(p.default is not p.empty or p.kind is p.VAR_KEYWORD for p in parameters[1:])
    return given and not any(p.name == "other" for p in parameters)  # a second network


def _suited(run: Run, name: str) -> dict[str, Any]:
    """Options that the run's own data and error suggest."""
    if name == "rejection" and run.task.kind == "classification" and run.about["dataset"]["sizes"]["validation"]:
        # An error to be had by refusing: clearly below what it has without.
        try:
            error = float(run.evaluate("validation").error)
        except SnarcError:  # its data are gone: the instrument says so itself
            return {}
        return {"error": next((one for one in WANTED if one < 0.6 * error), WANTED[-1])}
    if name not in ("unfamiliar", "shift") or len(run.inputs) != 3:
        return {}
    from snarc.data.canonical import at_hand

    own = run.about["dataset"]["name"]
    there = [other for other, folder in OTHERS.items() if other != own and at_hand(folder)]
    alike = [other for other in (*there, "digits") if own in DIGITS and other in DIGITS and other != own]
    if name == "unfamiliar":
        return {"others": ("noise", *(other for other in there if other not in alike))}
    from snarc.trust.shift import CHANGES

    return {"sets": tuple(alike), "changes": tuple(CHANGES)} if alike else {}
