"""``snarc predict``: new files through a trained network."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .options import OUTPUT, Json, RunFolder

if TYPE_CHECKING:
    import numpy as np

    from snarc.training import Run

_RISKY = ("=", "+", "-", "@", "\t", "\r")  # a spreadsheet takes a cell that begins so for a formula


def predict(
    run: RunFolder,
    files: Annotated[
        list[Path], typer.Argument(metavar="FILE...", help="Images, CSV files, .npy files, or folders of them.")
    ],
    invert: Annotated[
        bool,
        typer.Option(
            "--invert",
            help="Turn images to their negative first: dark ink on white paper, for a network that learnt white on "
            "black, as on MNIST.",
        ),
    ] = False,
    csv_: Annotated[
        bool, typer.Option("--csv", help="Print CSV with every probability instead.", rich_help_panel=OUTPUT)
    ] = False,
    json: Json = False,
) -> None:
    """Predict the class (or the numbers) of new images or rows.

    The replicas of a run vote with their probabilities; numbers are averaged over replicas.

    [bold]Examples[/bold]

      snarc predict runs/mnist-lenet5-1 --invert seven.png
      snarc predict runs/flowers-convnet-1 new-photos/
      snarc predict runs/table-mlp-1 more.csv --csv > predicted.csv
    """
    from snarc.errors import DataError

    from .output import put, put_json, table

    if csv_ and json:
        raise DataError("--csv and --json", wanted="one of the two", way_out="Drop one.")
    missing = next((path for path in files if not path.exists()), None)
    if missing is not None:
        raise DataError(f"{missing} does not exist", wanted="a file or a folder", way_out="Check the path.")
    from snarc.training import open as open_run

    opened = open_run(run)
    found = [row for path in _expand(files, opened.inputs) for row in _rows(opened, path, invert)]
    classes = list(opened.task.classes)
    if json:
        put_json({"run": str(opened.path), "task": opened.task.kind, "classes": classes, "predictions": found})
    elif csv_:
        put(_as_csv(found, opened).removesuffix("\n"))
    elif classes:
        rows = [(r["file"], r["row"], r["prediction"], f"{r['probability']:.4f}", _second(r)) for r in found]
        put(table(("file", "row", "prediction", "probability", "next"), rows, right=("row", "probability")))
    else:
        names = list(opened.task.targets) or ["output"]
        rows = [(r["file"], r["row"], *(f"{v:.6g}" for v in r["prediction"].values())) for r in found]
        put(table(("file", "row", *names), rows, right=("row", *names)))


def _expand(files: list[Path], shape: tuple[int, ...]) -> list[Path]:
    """The files, and in place of a folder the images or tables below it."""
    from snarc.data.images import SUFFIXES
    from snarc.errors import DataError

    endings = SUFFIXES if len(shape) == 3 else (".csv", ".tsv")
    found = []
    for path in files:
        if not path.is_dir():
            found.append(path)
            continue
        inside = sorted(p for p in path.rglob("*") if p.suffix.lower() in endings and p.is_file())
        if not inside:
            wanted = "files ending in " + ", ".join(endings)
            raise DataError(f"{path} holds no file of this kind", wanted=wanted, way_out="Name the files.")
        found += inside
    return found


def _rows(run: Run, path: Path, invert: bool) -> Iterator[dict[str, Any]]:
    from snarc.data import read_like
    from snarc.errors import DataError

    about = run.about["dataset"]
    x = read_like([path], {"inputs": run.inputs, "dtype": about["dtype"], "reader": about["source"].get("reader")})
    if invert:
        if len(run.inputs) != 3:
            raise DataError("--invert for a table", wanted="images", way_out="Drop --invert.")
        x = 255 - x if x.dtype == "uint8" else 1 - x
    if run.task.kind != "classification":
        for n, values in enumerate(run.predict(x), 1):
            yield {"file": str(path), "row": n, "prediction": _named(run, values)}
        return
    for n, probabilities in enumerate(run.probabilities(x), 1):
        best = int(probabilities.argmax())
        yield {
            "file": str(path),
            "row": n,
            "prediction": run.task.classes[best],
            "probability": float(probabilities[best]),
            "probabilities": {name: float(p) for name, p in zip(run.task.classes, probabilities)},
        }


def _named(run: Run, values: np.ndarray) -> dict[str, float]:
    flat = values.reshape(-1)
    names = run.task.targets if len(run.task.targets) == len(flat) else tuple(str(k) for k in range(len(flat)))
    return {name: float(v) for name, v in zip(names, flat)}


def _second(row: dict[str, Any]) -> str:
    others = {name: p for name, p in row["probabilities"].items() if name != row["prediction"]}
    if not others:
        return ""
    name = max(others, key=others.__getitem__)
    return f"{name} {others[name]:.4f}"


def _as_csv(found: list[dict[str, Any]], run: Run) -> str:
    out = io.StringIO()
    write = csv.writer(out, lineterminator="\n").writerow
    if run.task.kind == "classification":
        write(["file", "row", "prediction", "probability", *(escaped(f"p({name})") for name in run.task.classes)])
        for row in found:
            rest = (f"{p:.6g}" for p in row["probabilities"].values())
            write([escaped(row["file"]), row["row"], escaped(row["prediction"]), f"{row['probability']:.6g}", *rest])
    else:
        names = list(found[0]["prediction"]) if found else []
        write(["file", "row", *map(escaped, names)])
        for row in found:
            write([escaped(row["file"]), row["row"], *(f"{v:.9g}" for v in row["prediction"].values())])
    return out.getvalue()


def escaped(text: str) -> str:
    """Text that no spreadsheet takes for a formula.

    >>> escaped("=1+1"), escaped("rose")
    ("'=1+1", 'rose')
    """
    return "'" + text if text.startswith(_RISKY) else text
