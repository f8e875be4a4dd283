"""A finding on disk: one folder with finding.json and its figures as SVG and PNG."""

from __future__ import annotations

import math
import shutil
from fractions import Fraction
from pathlib import Path
from typing import Any

from snarc.reading import Estimate

from .claims import Claim
from .finding import Erratum, Figure, Finding, Item, Note, Table

FORMAT = 1
FILE = "finding.json"

# A picture that is opened by itself, or shown by <img>, brings the colours that a page would give it.
_THEME = """<style>
svg{--ink:#1b1f24;--muted:#6b7280;--grid:#d9dee5;--paper:#ffffff}
@media (prefers-color-scheme:dark){svg{--ink:#e6e9ee;--muted:#9aa4b2;--grid:#343c48;--paper:#14181d}}
</style>"""


def write(finding: Finding, out: Path | str) -> Path:
    """Write a finding into ``out/<its name>``, in the place of an earlier one, and return that folder.

    The figures are written first, finding.json last and whole.

    Raises
    ------
    DiskFullError, RunError: it could not be written.
    """
    from snarc.training.files import write_atomic, write_json

    folder = Path(out) / finding.name
    figures = folder / "figures"
    shutil.rmtree(figures, ignore_errors=True)
    figures.mkdir(parents=True, exist_ok=True)
    for figure in finding.figures:
        text = figure.svg()
        head, body = text[: text.index(">") + 1], text[text.index(">") + 1 :]
        write_atomic(figures / f"{figure.name}.svg", head + _THEME + body)
        if not isinstance(figure.drawing, str):
            from snarc import draw

            draw.save(figure.drawing, str(figures / f"{figure.name}.png"))
    write_json(folder / FILE, to_json(finding))
    return folder


def read(folder: Path | str) -> Finding:
    """The finding kept in a folder, with its figures as SVG text.

    Raises
    ------
    RunError: the folder holds no finding, or a damaged one.
    """
    from snarc.errors import RunError
    from snarc.training.files import read_json

    folder = Path(folder)
    kept = read_json(folder / FILE)
    try:
        if kept["format"] != FORMAT:
            raise ValueError(f"format {kept['format']}")
        return from_json(kept, folder)
    except (KeyError, TypeError, ValueError, OSError) as error:
        raise RunError(
            f"{folder / FILE} is not a finding of this version: {error}",
            wanted=f"a finding of format {FORMAT}",
            way_out="Run `snarc reproduce` again.",
        ) from error


def read_all(out: Path | str) -> list[Finding]:
    """Every finding kept under a folder, by name."""
    return [read(path.parent) for path in sorted(Path(out).glob(f"*/{FILE}"))]


def to_json(finding: Finding) -> dict[str, Any]:
    """Plain JSON values; claims carry their verdict, figures the names of their files."""
    return {
        "format": FORMAT,
        "name": finding.name,
        "rows": list(finding.rows),
        "question": finding.question,
        "source": finding.source,
        "budget": finding.budget,
        "replicas": finding.replicas,
        "status": finding.status,
        "reason": finding.reason,
        "verdict": finding.verdict,
        "claims_holding": finding.holding,
        "claims_judged": finding.judged,
        "claims": len(finding.claims),
        "seconds": finding.seconds,
        "when": finding.when,
        "about": finding.about,
        "environment": dict(finding.environment),
        "items": [_item(item, finding) for item in finding.items],
        "code": finding.code,
    }


def from_json(kept: dict[str, Any], folder: Path) -> Finding:
    """The finding of these JSON values; figures are read from the folder."""
    return Finding(
        **{n: kept[n] for n in ("name", "question", "source", "budget", "replicas", "status", "reason", "seconds")},
        **{n: kept[n] for n in ("when", "about", "environment", "code")},
        rows=tuple(kept["rows"]),
        items=tuple(_restore(item, folder) for item in kept["items"]),
    )


def _item(item: Item, finding: Finding) -> dict[str, Any]:
    if isinstance(item, Claim):
        rules = {n: _value(getattr(item, n)) for n in ("within", "at_least", "at_most") if getattr(item, n) is not None}
        if item.between is not None:
            rules["between"] = [_value(v) for v in item.between]
        if item.passing is not None:
            rules["passing"] = list(item.passing)
        measured = item.measured
        return {
            "kind": "claim",
            "text": item.text,
            "published": _value(item.published),
            "source": item.source,
            "measured": _estimate(measured) if isinstance(measured, Estimate) else _value(measured),
            **rules,
            "exact": item.exact,
            "unit": item.unit,
            "digits": item.digits,
            "note": item.note,
            "wanted": item.wanted_text,
            "judged": item.judged(finding.budget),
            "holds": item.holds,
        }
    if isinstance(item, Figure):
        files = [f"figures/{item.name}.svg"] + ([] if isinstance(item.drawing, str) else [f"figures/{item.name}.png"])
        return {"kind": "figure", "name": item.name, "caption": item.caption, "files": files}
    if isinstance(item, Table):
        rows = [[_value(cell) for cell in row] for row in item.rows]
        return {"kind": "table", "columns": list(item.columns), "rows": rows, "caption": item.caption}
    if isinstance(item, Erratum):
        return {"kind": "erratum", "written": item.written, "correct": item.correct, "source": item.source}
    return {"kind": "note", "text": item.text}


def _restore(kept: dict[str, Any], folder: Path) -> Item:
    kind = kept["kind"]
    if kind == "claim":
        fields = {n: kept[n] for n in ("source", "exact", "unit", "digits", "note")}
        fields |= {n: _number(kept[n]) for n in ("published", "within", "at_least", "at_most") if n in kept}
        if "between" in kept:
            fields["between"] = tuple(map(_number, kept["between"]))
        if "passing" in kept:
            fields["passing"] = tuple(kept["passing"])
        measured = kept["measured"]
        is_estimate = isinstance(measured, dict) and "mean" in measured
        fields["measured"] = _restored(measured) if is_estimate else _number(measured)
        return Claim(kept["text"], **fields)
    if kind == "figure":
        figure = Figure("", kept["caption"], kept["name"])
        text = (folder / "figures" / f"{figure.name}.svg").read_text(encoding="utf-8")
        return Figure(text.replace(_THEME, "", 1), figure.caption, figure.name)
    if kind == "table":
        return Table(kept["columns"], [[_number(cell) for cell in row] for row in kept["rows"]], kept["caption"])
    if kind == "erratum":
        return Erratum(kept["written"], kept["correct"], kept["source"])
    return Note(kept["text"])


def _estimate(value: Estimate) -> dict[str, Any]:
    return {
        "mean": _value(value.mean),
        "standard_error": _value(value.standard_error),
        "values": [_value(v) for v in value.values],
        "unit": value.unit,
    }


def _restored(kept: dict[str, Any]) -> Estimate:
    error = None if kept["standard_error"] is None else _number(kept["standard_error"])
    return Estimate(_number(kept["mean"]), error, tuple(map(_number, kept["values"])), kept["unit"])


def _value(value: Any) -> Any:
    """JSON has no fractions, infinities and estimates: each becomes an object that says which."""
    if isinstance(value, Estimate):
        return {"estimate": _estimate(value)}
    if isinstance(value, Fraction):
        return {"fraction": f"{value.numerator}/{value.denominator}"}
    if hasattr(value, "item"):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return {"number": str(value)}
    return value


def _number(kept: Any) -> Any:
    if isinstance(kept, dict) and "estimate" in kept:
        return _restored(kept["estimate"])
    if isinstance(kept, dict):
        return Fraction(kept["fraction"]) if "fraction" in kept else float(kept["number"])
    return kept
