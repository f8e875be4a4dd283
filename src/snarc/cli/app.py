"""The commands and their help; loads nothing but Typer."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Sequence
from typing import Annotated

import typer

from . import (
    beating,
    evaluating,
    experimenting,
    helping,
    listing,
    looking,
    painting,
    predicting,
    running,
    training,
    trying,
    tuning,
)

HELP = """Train a neural network, see into it, find out whether to trust it, and reproduce the field's classics.

[bold]Examples[/bold]

  snarc train digits                       scikit-learn's bundled digits
  snarc train mnist --model lenet5         a convolutional network on MNIST
  snarc train flowers/ --model convnet     a folder of images, a folder a class
  snarc train table.csv --target price     a CSV file: classes or numbers
  snarc predict runs/digits-mlp-1 7.png    use what was trained
  snarc try runs/mnist-lenet5-1            draw a digit in the browser, and see what it makes of it
  snarc beat runs/mnist-lenet5-1 --hard    play against it on its own test images
  snarc see runs/digits-mlp-1 filters      look into a network
  snarc trust runs/digits-mlp-1            the verdict: what it can be trusted with, and where it fails
  snarc search digits 'learning_rate=log(1e-4, 1e-1)'   find good settings, judged on validation
  snarc runs                               what was trained so far
  snarc reproduce --all --budget smoke     the field's classics

`snarc COMMAND --help` shows the options and more examples of a command.
Data go to stdout, talk to stderr. `--debug` (or SNARC_DEBUG=1) shows the traceback of an error.
"""

# Groups of commands that live in modules of their own, loaded when they are called.
ROOMS = {
    "formal": "Threshold neurons, Boolean synthesis, digraph networks and Turing machines, exactly.",
}


def build(arguments: Sequence[str] = ()) -> typer.Typer:
    """The application; of the rooms, the one that these arguments enter is loaded."""
    app = typer.Typer(
        name="snarc",
        help=HELP,
        rich_markup_mode="rich",
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(_options)
    app.command("train")(training.train)
    app.command("resume")(training.resume)
    app.command("evaluate")(evaluating.evaluate)
    app.command("predict")(predicting.predict)
    app.command("report")(evaluating.report)
    app.command("see")(looking.see)
    app.command("trust")(looking.trust)
    app.command("paint")(painting.paint)
    app.command("try")(trying.try_)
    app.command("beat")(beating.beat)
    app.command("runs")(running.runs)
    app.command("list")(listing.list_)
    app.command("summary")(listing.summary)
    app.command("find-rate")(tuning.find_rate)
    app.command("search")(tuning.search)
    app.command("cross-validate")(tuning.cross_validate)
    app.command("committee")(tuning.committee)
    app.command("prune")(tuning.prune)
    app.command("reproduce")(experimenting.reproduce)
    app.command("help")(helping.help_)
    entered = next((a for a in arguments if not a.startswith("-")), None)
    for name, about in ROOMS.items():
        module = f"snarc.cli.{name}"
        if importlib.util.find_spec(module) is None:
            continue
        if entered == name:
            app.add_typer(importlib.import_module(module).app, name=name, help=about)
        else:
            app.command(name, help=about)(_elsewhere)
    return app


def _version(wanted: bool) -> None:
    if wanted:
        from snarc import __version__

        from .output import put

        put(f"snarc {__version__}")
        raise typer.Exit


def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
) -> None:
    # --debug is taken by main before the parser sees it, so that it may stand anywhere; here it is only described.
    pass


def _elsewhere() -> None:
    """Stands for a room in the help; `build` puts the room itself in its place when it is entered."""
