"""A page, or a picture, of one reading."""

from __future__ import annotations

import datetime
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from snarc import draw
from snarc.errors import RecipeError
from snarc.reading import Estimate, Reading
from snarc.training.files import write_atomic

from . import page, scatter
from .export import csv_text

KINDS = (".html", ".svg", ".png", ".pdf", ".csv")


def check_out(path: Path) -> None:
    """Refuse a file whose name does not say what it should be.

    Raises
    ------
    RecipeError: it ends otherwise than in .html, .svg, .png, .pdf or .csv.
    """
    if path.suffix.lower() not in KINDS:
        raise RecipeError(
            f"--out {path}",
            wanted="a name that ends in .html, .svg, .png, .pdf or .csv",
            way_out=f"Write --out {path.stem or 'found'}.html.",
        )


def write(
    reading: Reading,
    path: Path,
    *,
    title: str,
    lead: str = "",
    head: Sequence[str] = (),
    rows: Sequence[Sequence[Any]] = (),
    command: str = "",
) -> Path:
    """Write a reading as the suffix of the path says: a page, a picture, or its arrays as CSV.

    Parameters
    ----------
    title, lead: of the page.
    head, rows: a table for the page.
    command: what to type next, for the page.
    """
    check_out(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    kind = path.suffix.lower()
    if kind == ".csv":
        write_atomic(path, csv_text(reading))
    elif kind == ".html":
        write_atomic(path, html(reading, title=title, lead=lead, head=head, rows=rows, command=command))
    else:
        drawn = io.BytesIO()
        draw.save(reading.plot(), drawn, format=kind.lstrip("."))
        write_atomic(path, drawn.getvalue())
    return path


def html(
    reading: Reading,
    *,
    title: str,
    lead: str = "",
    head: Sequence[str] = (),
    rows: Sequence[Sequence[Any]] = (),
    command: str = "",
    made: str | None = None,
) -> str:
    """The page of a reading as the text of one HTML file.

    Parameters
    ----------
    made: when, for the one place that differs between two pages of the same reading; now by default.
    """
    if made is None:
        made = datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d %H:%M UTC")
    picture = page.figure(draw.svg(reading.plot()), alt=reading.note) if reading.draw is not None else None
    points = None
    if scatter.fits(reading):
        points = scatter.card(reading)
        picture = page.details("As a picture that stands still", picture) if picture else None
    numbers = page.facts([(name.replace("_", " "), number(value)) for name, value in reading.numbers.items()])
    body = page.join(
        page.section("What was found", points, page.card("", page.note(reading.note), picture), id="found"),
        page.section("Numbers", page.card("", numbers), id="numbers"),
        page.section("One by one", page.card("", page.table(head, rows)), id="table") if rows else None,
        page.section("Next", page.card("", page.code(command)), id="next") if command else None,
    )
    return page.page(title, body, eyebrow=f"snarc {reading.name}", lead=lead, made=made)


def number(value: Any) -> str:
    """A number, or an estimate with its standard error, in few characters."""
    if isinstance(value, Estimate):
        return str(value)
    return f"{value:.4g}" if isinstance(value, float) else f"{value:,}"
