"""``snarc evaluate`` and ``snarc report``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .options import Json, RunFolder


def evaluate(
    run: RunFolder,
    split: Annotated[str, typer.Option("--split", "-s", help="test, validation or train.")] = "test",
    json: Json = False,
) -> None:
    """Say how well a run does on a split of its data; results.json of the run keeps it.

    [bold]Examples[/bold]

      snarc evaluate runs/digits-mlp-1
      snarc evaluate runs/digits-mlp-1 --split validation --json
    """
    from snarc.errors import UnknownNameError, nearest

    splits = ("test", "validation", "train")
    if split not in splits:
        way_out = nearest(split, splits)
        raise UnknownNameError(f"no split is called {split!r}", wanted="test, validation or train", way_out=way_out)
    from snarc.training import open as open_run

    from . import verdict
    from .output import put, put_json

    opened = open_run(run)
    found = opened.evaluate(split)
    verdict.save(opened.path, {split: found})
    if json:
        put_json({**verdict.about(opened), "split": split, split: found.to_json()})
    else:
        put(verdict.sentence(found))


def report(
    run: RunFolder,
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", metavar="FILE", help="Write the page here instead of into the run."),
    ] = None,
) -> None:
    """Write the report of a run, one HTML file that opens offline, and print its path.

    [bold]Examples[/bold]

      snarc report runs/digits-mlp-1
      snarc report runs/digits-mlp-1 --out digits.html
    """
    from snarc.training import open as open_run

    from .output import put
    from .reporting import write

    put(str(write(open_run(run), out)))
