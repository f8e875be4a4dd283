"""What the commands that work with whole trainings share: their options, and how their results are shown."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .options import OUTPUT

if TYPE_CHECKING:
    from snarc.data import Dataset
    from snarc.reading import Reading

Data = Annotated[
    str,
    typer.Argument(metavar="DATA", help="As for `snarc train`: a name that `snarc list datasets` prints, or a path."),
]
Out = Annotated[
    Path | None,
    typer.Option(
        "--out",
        "-o",
        metavar="FILE",
        help="Write a page (.html), the picture (.svg, .png, .pdf) or the numbers behind it (.csv).",
        rich_help_panel=OUTPUT,
    ),
]


def prepare(
    data: str, model: str | None, flags: dict[str, Any], settings: list[str] | None, recipe: Path | None,
    target: str | None, validation: str | None, test: str | None, options: list[str] | None, quiet: bool,
) -> tuple[str, dict[str, Any], Dataset]:  # fmt: skip
    """Model, recipe fields and data, as `snarc train` makes them of the same flags."""
    from .output import say
    from .settings import part, recipe_fields, values
    from .training import _together

    name, fields, used = recipe_fields(recipe, {"model": model, **flags}, settings or [])
    for field, variable in used.items():
        if not quiet:
            say(f"snarc: {field} comes from {variable}")
    parts = {"validation": part(validation, "--validation"), "test": part(test, "--test"), "target": target}
    from snarc.data import load

    return name, fields, load(data, **_together(parts, values(options or [], "--data-option")))


def check_out(out: Path | None) -> None:
    if out is not None:
        from snarc.render.reading import check_out

        check_out(out)


def show(found: Reading, out: Path | None, json: bool, title: str, command: str = "") -> None:
    from .output import put, put_json

    if out is not None:
        from snarc.render.reading import write

        write(found, out, title=title, command=command)
    if json:
        put_json({**found.to_json(), "file": str(out) if out else None})
        return
    from snarc.render.reading import number

    put(found.note)
    for name, value in found.numbers.items():
        put(f"  {name.replace('_', ' ')}  {number(value)}")
    if command:
        put(f"next {command}")
    if out is not None:
        put(str(out))


def stopped(done: Any, wanted: int, what: str) -> None:
    """End with the status of Ctrl-C where not all was done; what was done has been shown."""
    if done < wanted:
        from .output import say

        say(f"snarc: stopped after {done} of {wanted} {what}; the numbers are of these.")
        raise typer.Exit(130)


def plain(text: str) -> str:
    import re

    return re.sub(r"[^\w.-]+", "-", text, flags=re.ASCII)[:90].strip("-._") or "search"
