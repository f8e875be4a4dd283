"""``snarc see`` and ``snarc trust``: one instrument at a time, by name."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .options import OUTPUT, Json, RunFolder

if TYPE_CHECKING:
    from snarc.reading import Reading
    from snarc.registry import Instrument

Settings = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="NAME=VALUE", help="An option of the instrument. Repeatable."),
]
Out = Annotated[
    Path | None,
    typer.Option(
        "--out",
        "-o",
        metavar="FILE",
        help="Write the picture here: .svg, .png or .pdf; .csv for its numbers.  Else into the run's figures folder.",
        rich_help_panel=OUTPUT,
    ),
]


def see(
    run: RunFolder,
    what: Annotated[
        str | None, typer.Argument(metavar="WHAT", help="The instrument; without it they are listed.")
    ] = None,
    settings: Settings = None,
    out: Out = None,
    json: Json = False,
) -> None:
    """Look into a network: what its units look for, what moves it, where it decides.

    [bold]Examples[/bold]

      snarc see runs/mnist-lenet5-1                       the instruments there are
      snarc see runs/mnist-lenet5-1 filters
      snarc see runs/mnist-lenet5-1 filters --set count=16 --out filters.png
    """
    look("see", run, what, settings or [], out, json)


def trust(
    run: RunFolder,
    what: Annotated[
        str | None, typer.Argument(metavar="WHAT", help="The instrument; without it they are listed.")
    ] = None,
    settings: Settings = None,
    out: Out = None,
    json: Json = False,
) -> None:
    """Doubt a network: whether its confidence means anything, what it should refuse, what breaks it.

    [bold]Examples[/bold]

      snarc trust runs/mnist-lenet5-1                     the instruments there are
      snarc trust runs/mnist-lenet5-1 calibration
      snarc trust runs/mnist-lenet5-1 rejection --set error=0.005 --json
    """
    look("trust", run, what, settings or [], out, json)


def look(room: str, run: Path, what: str | None, settings: list[str], out: Path | None, json: bool) -> None:
    """Run one instrument of a room on a run and show what it saw; list them where none is named."""
    from snarc.errors import RecipeError, UnknownNameError, nearest
    from snarc.registry import instruments

    known = {entry.name: entry.thing for entry in instruments if entry.thing.__module__.startswith(f"snarc.{room}.")}
    from .output import put, put_json, table

    if what is None:
        put(table(("instrument", "asks"), [(name, one.asks) for name, one in known.items()]))
        return
    if what not in known:
        raise UnknownNameError(
            f"no instrument of snarc.{room} is called {what!r}",
            wanted=f"one that `snarc {room} RUN` lists",
            way_out=nearest(what, known),
        )
    if out is not None and out.suffix.lower() not in (".svg", ".png", ".pdf", ".csv"):
        raise RecipeError(
            f"--out {out}", wanted="a name that ends in .svg, .png, .pdf or .csv", way_out=f"Write --out {what}.png."
        )
    options = _options(known[what], settings)
    from snarc.training import open as open_run

    opened = open_run(run)
    try:
        found = known[what](opened, **options)
    except (TypeError, ValueError) as error:
        if not options:
            raise
        raise RecipeError(
            f"instrument {what!r} refused {', '.join(settings)}: {error}",
            wanted="options as its help says",
            way_out=f"See `python -c 'import snarc; help(snarc.{room}.{known[what].__name__})'`.",
        ) from error
    place = _write(found, what, out if out is not None else run / "figures" / f"{what}.svg")
    if json:
        put_json({**found.to_json(), "figure": str(place) if place else None})
        return
    put(found.note)
    for name, number in found.numbers.items():
        put(f"  {name.replace('_', ' ')}  {number if isinstance(number, int | str) else format_number(number)}")
    if place is not None:
        put(str(place))


def format_number(number: Any) -> str:
    """A number, or an estimate with its standard error, in few characters."""
    return f"{number:.4g}" if isinstance(number, float) else str(number)


def _options(instrument: Instrument[Any, Any], settings: list[str]) -> dict[str, Any]:
    from snarc.errors import RecipeError, nearest

    from .settings import values

    given = values(settings, "--set")
    known = [name for name, p in inspect.signature(instrument).parameters.items() if p.kind is p.KEYWORD_ONLY]
    known += [name for name in ("data",) if name in inspect.signature(instrument).parameters]
    for name in given:
        if name not in known:
            raise RecipeError(
                f"instrument {instrument.name!r} has no option {name!r}",
                wanted="one of its options" if known else "no option",
                way_out=nearest(name, known),
            )
    return given


def _write(found: Reading, name: str, place: Path) -> Path | None:
    """Write the picture, or the numbers behind it; nothing where there is no picture."""
    import io

    from snarc import draw
    from snarc.render.export import csv_text
    from snarc.training.files import write_atomic

    if place.suffix.lower() == ".csv":
        write_atomic(place, csv_text(found))
        return place
    if found.draw is None:
        return None
    place.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    drawn = io.BytesIO()
    draw.save(found.plot(), drawn, format=place.suffix.lower().lstrip("."))
    write_atomic(place, drawn.getvalue())
    return place
