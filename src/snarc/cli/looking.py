"""``snarc see`` and ``snarc trust``: one instrument by name, or all of a room."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ._whole import check_out, show
from .options import OUTPUT, Json, RunFolder

if TYPE_CHECKING:
    from snarc.registry import Instrument

What = Annotated[str | None, typer.Argument(metavar="WHAT", help="The instrument; without it all are asked.")]
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
        help="Write the picture here: .svg, .png or .pdf; .csv for its data, .html for a page.  Else into the run.",
        rich_help_panel=OUTPUT,
    ),
]


List = Annotated[bool, typer.Option("--list", help="List the instruments with what they ask, and do nothing else.")]


def see(
    run: RunFolder,
    what: What = None,
    settings: Settings = None,
    out: Out = None,
    json: Json = False,
    listing: List = False,
) -> None:
    """Look into a network: what its units look for, what moves it, where it decides.

    Without WHAT every instrument is asked that needs nothing but the run, and the report shows what they saw.

    [bold]Examples[/bold]

      snarc see runs/mnist-lenet5-1                       all of them, into the run's report
      snarc see runs/mnist-lenet5-1 --list                what there is
      snarc see runs/mnist-lenet5-1 filters
      snarc see runs/mnist-lenet5-1 filters --set count=16 --out filters.png
    """
    look("see", run, what, settings or [], out, json, listing)


def trust(
    run: RunFolder,
    what: What = None,
    settings: Settings = None,
    out: Out = None,
    json: Json = False,
    listing: List = False,
) -> None:
    """Doubt a network: whether its confidence means anything, what it should refuse, what breaks it.

    Without WHAT every instrument is asked that needs nothing but the run (about a minute for LeNet-5 on MNIST with
    two cores), and the report gets a verdict: what the network can be trusted with, at which threshold, where it fails.

    [bold]Examples[/bold]

      snarc trust runs/mnist-lenet5-1                     the verdict, into the run's report
      snarc trust runs/mnist-lenet5-1 --list              what there is
      snarc trust runs/mnist-lenet5-1 calibration
      snarc trust runs/mnist-lenet5-1 rejection --set error=0.005 --json
    """
    look("trust", run, what, settings or [], out, json, listing)


def look(
    room: str, run: Path, what: str | None, settings: list[str], out: Path | None, json: bool, listing: bool
) -> None:
    """Run one instrument of a room on a run and show what it saw, or all of them."""
    from snarc.errors import RecipeError, UnknownNameError, nearest
    from snarc.registry import instruments
    from snarc.verdict import room_of

    known = {entry.name: entry.thing for entry in instruments if room_of(entry.name) == room}
    if listing:
        from .output import put, table

        put(table(("instrument", "asks"), [(name, one.asks) for name, one in known.items()]))
        return
    if what is None:
        if settings:
            raise RecipeError(
                f"--set {settings[0]} without an instrument",
                wanted="the name of one",
                way_out=f"Write `snarc {room} RUN WHAT --set ...`; `snarc {room} RUN --list` says what there is.",
            )
        from ._examining import whole

        whole(room, run, out, json)
        return
    if what not in known:
        raise UnknownNameError(
            f"no instrument of snarc.{room} is called {what!r}",
            wanted=f"one that `snarc {room} RUN --list` prints",
            way_out=nearest(what, known),
        )
    check_out(out)
    options = _options(known[what], settings)
    from snarc.training import open as open_run
    from snarc.training.readings import Kept, keep

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
    if out is None:
        keep(run, Kept(what, found, options=options, epochs=len(opened.history)))
        if found.draw is not None:
            out = run / "figures" / f"{what}.svg"
            out.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    show(found, out, json, f"{what} of {opened.name}")


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
