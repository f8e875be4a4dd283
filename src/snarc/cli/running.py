"""``snarc runs``: what was trained, as a table; runs side by side."""

from __future__ import annotations

import datetime
import os
import platform
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from .options import Json


def runs(
    folders: Annotated[
        list[Path] | None,
        typer.Argument(metavar="[DIR | RUN...]", help="The folder of runs, else runs/ (or SNARC_RUNS); or runs."),
    ] = None,
    compare: Annotated[
        bool, typer.Option("--compare", help="Set the runs named side by side: what differs, and what came of it.")
    ] = False,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out", "-o", metavar="FILE", help="Of --compare: write a page with curves and tests of the difference."
        ),
    ] = None,
    json: Json = False,
) -> None:
    """List the runs in a folder, or compare some.

    [bold]Examples[/bold]

      snarc runs
      snarc runs /data/experiments --json
      snarc runs --compare runs/mnist-lenet5-1 runs/mnist-lenet5-2
      snarc runs --compare runs/digits-mlp-1 runs/digits-linear-1 runs/digits-mlp-2 --out three.html
    """
    from snarc.errors import RunError

    from .output import put, put_json, say, table

    given = folders or []
    if compare:
        if len(given) < 2:
            came = f"--compare with {len(given)} run{'s' if len(given) != 1 else ''}"
            raise RunError(came, wanted="two runs or more", way_out="Name their folders: --compare RUN RUN.")
        found = [_details(path) for path in given]
        if out is not None:
            _page(given, out)
        if json:
            put_json({"compare": found})
        else:
            put(table(("", *map(str, given)), _differences(found)))
            if out is None:
                say("snarc: --out FILE writes a page with curves, and whether chance explains the difference.")
        return
    if len(given) > 1:
        wanted = "one folder to list, or --compare and runs"
        raise RunError(f"{len(given)} folders", wanted=wanted, way_out="Add --compare, or name one folder.")
    if out is not None:
        raise RunError(f"--out {out} without --compare", wanted="runs to compare", way_out="Add --compare RUN RUN.")
    folder = given[0] if given else None
    where = folder if folder is not None else Path(os.environ.get("SNARC_RUNS") or "runs")
    if folder is not None and not where.is_dir():
        way_out = "`snarc train digits` makes runs/ and a run in it."
        raise RunError(f"{where} is no folder", wanted="a folder of runs", way_out=way_out)
    rows = [_row(path) for path in _find(where)]
    rows.sort(key=lambda row: row["when"] or "")
    if json:
        put_json({"folder": str(where), "runs": rows})
    elif rows:
        head = ("run", "model", "data", "test", "epochs", "status", "when")
        cells = [[_test(row) if name == "test" else row[name] for name in head] for row in rows]
        put(table(head, cells, right=("test", "epochs")))
    else:
        say(f"snarc: no runs in {where}. `snarc train digits` makes one.")


def _find(where: Path) -> list[Path]:
    if (where / "recipe.json").is_file():
        return [where]
    try:
        return sorted(p for p in where.iterdir() if (p / "recipe.json").is_file())
    except FileNotFoundError:
        return []


def _row(path: Path) -> dict[str, Any]:
    """One line of the table; a run that cannot be read says so and hides no other."""
    from snarc.errors import SnarcError
    from snarc.training.files import read_json, read_lines

    row: dict[str, Any] = dict.fromkeys(("run", "model", "data", "test", "epochs", "status", "when"))
    row["run"] = str(path)
    try:
        status = path / "status.json"
        at = datetime.datetime.fromtimestamp((status if status.exists() else path).stat().st_mtime)
        row["when"] = at.isoformat(" ", "seconds")
        recipe = read_json(path / "recipe.json")
        row["model"], row["data"] = recipe["model"], read_json(path / "dataset.json")["name"]
        row["status"] = read_json(status)["status"]
        if row["status"] == "running" and not _alive(path):
            row["status"] = "stopped"
        epochs = max((line["epoch"] for line in read_lines(path / "metrics.jsonl")), default=0)
        row["epochs"] = f"{epochs}/{recipe['epochs']}"
        from .verdict import results

        row["test"] = results(path).get("test")
    except (SnarcError, OSError, KeyError, TypeError) as error:
        row["status"] = "damaged: " + (str(error).partition(";")[0] if isinstance(error, SnarcError) else repr(error))
    return row


def _alive(path: Path) -> bool:
    """Whether the process that writes the run still lives; one on another host is believed to."""
    from snarc.errors import SnarcError
    from snarc.training.files import read_json

    try:
        holder = read_json(path / "lock")
        if holder["host"] != platform.node():
            return True
        os.kill(holder["pid"], 0)
    except ProcessLookupError:
        return False
    except (SnarcError, OSError, KeyError, TypeError):
        return True
    return True


def _test(row: dict[str, Any]) -> str:
    found = row["test"]
    if not isinstance(found, dict):
        return ""
    name = "accuracy" if "accuracy" in found else "rmse"
    number = found.get(name) or {}
    mean, error = number.get("mean"), number.get("standard_error")
    if mean is None:
        return ""
    if name == "rmse":
        return f"RMSE {mean:.4g}" + (f" ± {error:.2g}" if error is not None else "")
    return f"{100 * mean:.2f}" + (f" ± {100 * error:.2f}" if error is not None else "") + " %"


def _details(path: Path) -> dict[str, Any]:
    from snarc.training.files import read_json
    from snarc.training.folder import read_recipe

    recipe = read_recipe(path)  # refuses what is no run
    row = _row(path)
    environment = read_json(path / "environment.json")
    versions = {"snarc": environment.get("snarc"), **environment.get("packages", {})}
    return {**row, "recipe": recipe.model_dump(), "versions": versions, "processor": environment.get("processor")}


def _differences(found: Sequence[dict[str, Any]]) -> list[tuple[Any, ...]]:
    """Rows of name and a value for each run: what always matters, then only what differs."""
    rows: list[tuple[Any, ...]] = [("test", *map(_test, found))]
    rows += [(name, *(one[name] for one in found)) for name in ("data", "model", "epochs", "status", "when")]
    for group in ("recipe", "versions"):
        for name in dict.fromkeys(name for one in found for name in one[group]):
            values = [one[group].get(name) for one in found]
            if any(value != values[0] for value in values) and name not in ("model", "epochs"):
                rows.append((name, *values))
    processors = [one["processor"] for one in found]
    if len(set(processors)) > 1:
        rows.append(("processor", *processors))
    return rows


def _page(paths: Sequence[Path], out: Path) -> None:
    from snarc.render.compare import compare
    from snarc.training import open as open_run
    from snarc.training.files import write_atomic

    from .output import say

    write_atomic(out, compare([open_run(path) for path in paths]))
    say(f"snarc: wrote {out}")
