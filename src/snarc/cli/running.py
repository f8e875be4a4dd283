"""``snarc runs``: what was trained, as a table; two runs side by side."""

from __future__ import annotations

import datetime
import os
import platform
from pathlib import Path
from typing import Annotated, Any

import typer

from .options import Json


def runs(
    folder: Annotated[
        Path | None, typer.Argument(metavar="DIR", help="The folder of runs; else runs/ (or SNARC_RUNS).")
    ] = None,
    compare: Annotated[
        tuple[Path, Path] | None,
        typer.Option("--compare", metavar="A B", help="Two runs side by side: what differs, and what came of it."),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", metavar="FILE", help="Of --compare: write a page with curves side by side."),
    ] = None,
    json: Json = False,
) -> None:
    """List the runs in a folder, or compare two.

    [bold]Examples[/bold]

      snarc runs
      snarc runs /data/experiments --json
      snarc runs --compare runs/mnist-lenet5-1 runs/mnist-lenet5-2
      snarc runs --compare runs/digits-mlp-1 runs/digits-linear-1 --out two.html
    """
    from snarc.errors import RunError

    from .output import put, put_json, say, table

    if compare is not None:
        if folder is not None:
            wanted = "a folder to list, or two runs to compare"
            raise RunError(f"{folder} and --compare", wanted=wanted, way_out="Drop one of them.")
        found = [_details(path) for path in compare]
        if out is not None:
            _page(compare, out)
        if json:
            put_json({"compare": found})
        else:
            put(table(("", *map(str, compare)), _differences(*found)))
        return
    if out is not None:
        raise RunError(f"--out {out} without --compare", wanted="two runs to compare", way_out="Add --compare A B.")
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


def _differences(a: dict[str, Any], b: dict[str, Any]) -> list[tuple[str, Any, Any]]:
    """Rows of name and two values: what always matters, then only what differs."""
    rows = [("test", _test(a), _test(b))]
    rows += [(name, a[name], b[name]) for name in ("data", "model", "epochs", "status", "when")]
    for group in ("recipe", "versions"):
        for name in {**a[group], **b[group]}:
            one, two = a[group].get(name), b[group].get(name)
            if one != two and name not in ("model", "epochs"):
                rows.append((name, one, two))
    if a["processor"] != b["processor"]:
        rows.append(("processor", a["processor"], b["processor"]))
    return rows


def _page(paths: tuple[Path, Path], out: Path) -> None:
    from snarc.render.compare import compare
    from snarc.training import open as open_run
    from snarc.training.files import write_atomic

    from .output import say

    write_atomic(out, compare([open_run(path) for path in paths]))
    say(f"snarc: wrote {out}")
