"""What the commands that work with whole trainings share: their options, and how their results are shown."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .options import DATA, LEARNING, OUTPUT

if TYPE_CHECKING:
    from snarc.data import Dataset
    from snarc.reading import Reading

Data = Annotated[
    str,
    typer.Argument(metavar="DATA", help="As for `snarc train`: a name that `snarc list datasets` prints, or a path."),
]
Model = Annotated[
    str | None,
    typer.Option(
        "--model",
        "-m",
        help="A name that `snarc list models` prints, or a layout as 784-300-10.",
        rich_help_panel=LEARNING,
    ),
]
Epochs = Annotated[
    int | None, typer.Option("--epochs", "-e", help="Passes over the training split.", rich_help_panel=LEARNING)
]
Settings = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="NAME=VALUE",
        help="Any recipe field; model.NAME=VALUE is an option of the model. Repeatable.",
        rich_help_panel=LEARNING,
    ),
]
RecipeFile = Annotated[
    Path | None,
    typer.Option(
        "--recipe", metavar="FILE", help="Recipe fields from .toml, .yaml or .json.", rich_help_panel=LEARNING
    ),
]
Target = Annotated[
    str | None, typer.Option(metavar="COLUMN", help="The column of a CSV file to be predicted.", rich_help_panel=DATA)
]
Validation = Annotated[
    str | None,
    typer.Option(
        metavar="PART", help="How much to hold out for validation: a fraction or a count.", rich_help_panel=DATA
    ),
]
Test = Annotated[
    str | None, typer.Option(metavar="PART", help="How much to hold out as the test split.", rich_help_panel=DATA)
]
DataOptions = Annotated[
    list[str] | None,
    typer.Option(
        "--data-option",
        metavar="NAME=VALUE",
        help="What the reader of the data takes besides, as train=5000. Repeatable.",
        rich_help_panel=DATA,
    ),
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
