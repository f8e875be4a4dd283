"""All instruments of a room, one after another, with the verdict that follows."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from snarc.training.readings import Kept
    from snarc.verdict import Sentence


def whole(room: str, run: Path, out: Path | None, json: bool) -> None:
    """Ask them all, write the report, and say the verdict."""
    from snarc.errors import RecipeError

    if out is not None and out.suffix.lower() != ".html":
        raise RecipeError(
            f"--out {out} for all instruments", wanted="a name that ends in .html", way_out="Or name one instrument."
        )
    from snarc.training import open as open_run
    from snarc.tuning.progress import tally
    from snarc.verdict import examine, sentences, set_of

    from .output import put, put_json, say
    from .reporting import write

    opened = open_run(run)
    answers: list[Kept] = []
    names = set_of(room)
    with tally(room, len(names), False if json else "auto") as count:
        try:
            for answer in examine(opened, room):
                answers.append(answer)
                count.add(f"{answer.name}, {answer.seconds:.1f} s")
        except KeyboardInterrupt:
            say(f"snarc: stopped after {len(answers)} of {len(names)} instruments; what they saw is kept.")
    page = write(opened, out)
    said = sentences(answers) if room == "trust" else []
    if json:
        put_json(
            {
                "report": str(page),
                "verdict": [{"kind": s.kind, "text": s.text, "evidence": s.evidence} for s in said],
                "readings": [a.reading.to_json() for a in answers if a.reading is not None],
                "refused": {a.name: a.refused for a in answers if a.refused},
            }
        )
    else:
        _tell(answers, said, put)
        put(f"report {page}")
    if len(answers) < len(names):
        raise typer.Exit(130)


def _tell(answers: list[Kept], said: list[Sentence], put: Callable[[str], None]) -> None:
    from snarc.verdict.sentences import TITLES

    for kind, title in TITLES.items():
        of_kind = [sentence for sentence in said if sentence.kind == kind]
        if of_kind:
            put(title)
            for sentence in of_kind:
                put(f"  {sentence.text} [{sentence.evidence}]")
    if not said:
        for answer in answers:
            if answer.reading is not None:
                put(f"{answer.name}: {answer.reading.note}")
    refused = [answer for answer in answers if answer.refused]
    if refused:
        put(f"not for this run: {', '.join(answer.name for answer in refused)} (the report says why)")
