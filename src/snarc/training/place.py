"""Where a run is put: a fresh folder, or the one that was asked for, if nothing is in it."""

from __future__ import annotations

import os
import re
from pathlib import Path

from snarc.errors import RunError

from .disk import told
from .files import fresh_folder


def check_out(out: str | Path | None) -> None:
    """Refuse a folder that a run cannot be put into; nothing is written.

    Raises
    ------
    RunError: it is a file, or not empty, or may not be written to.
    """
    path = Path(out if out is not None else _parent()).resolve()
    if out is not None and path.exists() and (not path.is_dir() or any(_entries(path))):
        is_run = (path / "recipe.json").is_file()
        raise RunError(
            f"{path} is there and is not empty",
            wanted="a new or an empty folder; no run overwrites another",
            way_out="Choose another --out" + (f", or go on with it: snarc resume {path}" if is_run else "."),
        )
    first = next(p for p in (path, *path.parents) if p.exists())
    if not first.is_dir() or not os.access(first, os.W_OK | os.X_OK):
        raise RunError(
            f"{path} cannot be made: {first} is {'read-only' if first.is_dir() else 'a file'}",
            wanted="a folder that may be written to",
            way_out="Name another with --out, or set SNARC_RUNS.",
        )


def make_out(out: str | Path | None, name: str) -> Path:
    """The run's folder: ``out``, or a fresh one for this name under ``SNARC_RUNS``, else ``runs``.

    Raises
    ------
    RunError: as :func:`check_out`.
    """
    check_out(out)
    if out is None:
        plain = re.sub(r"[^\w.-]+", "-", name, flags=re.ASCII)[:90].strip("-._") or "run"
        return fresh_folder(_parent(), plain).resolve()
    path = Path(out).resolve()
    with told(path):
        path.mkdir(parents=True, exist_ok=True, mode=0o700)
    return path


def _parent() -> Path:
    return Path(os.environ.get("SNARC_RUNS") or "runs")


def _entries(path: Path) -> list[Path]:
    with told(path):
        return list(path.iterdir())
