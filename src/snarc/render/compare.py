"""Runs side by side: their curves in one picture, what differs in their recipes, what came of it."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Sequence
from typing import Any

from markupsafe import Markup

from snarc import draw
from snarc.errors import DataError, DownloadError, RunError
from snarc.models.summary import summary
from snarc.see.learning import learning, overlay, quantities
from snarc.training import Evaluation, Run

from . import chance, page, record, words

_TITLES = {"loss": "Loss", "accuracy": "Accuracy", "rmse": "Root mean square error", "r2": "R²"}


def compare(runs: Sequence[Run], *, made: str | None = None) -> str:
    """Two runs or more side by side, as the text of one HTML file.

    Parameters
    ----------
    runs: opened runs; what is shown of each comes from its own folder.
    made: when, for the one place that differs between two comparisons of the same runs; now by default.

    Raises
    ------
    RunError: there are fewer than two.
    """
    names = _names(runs)
    if made is None:
        made = datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d %H:%M UTC")
    evaluations = [_evaluate(run) for run in runs]
    head = ["", *names]
    sections = [
        ("numbers", "Numbers", page.card("", page.table(head, _numbers(runs, evaluations)), note=_note(runs))),
        ("chance", "Difference or chance", chance.section(runs, names)),
        ("learning", "Learning", _curves(runs, names)),
        ("recipes", "What differs", _differences(runs, head)),
    ]
    body = page.join(*(page.section(title, content, id=name) for name, title, content in sections if content))
    lead = ", ".join(f"{name}: {run.name}" for name, run in zip(names, runs))
    contents = [(name, title) for name, title, content in sections if content]
    return page.page("Runs compared", body, eyebrow="snarc comparison", lead=lead, contents=contents, made=made)


def text(runs: Sequence[Run]) -> str:
    """The same as plain lines: numbers, the fields that differ, and whether chance explains the difference.

    Raises
    ------
    RunError: there are fewer than two.
    """
    names = _names(runs)
    rows = [["", *names], *_numbers(runs, [_evaluate(run) for run in runs])]
    rows += [[name, *values] for name, values, same in _fields(runs) if not same]
    said = [found if isinstance(found, str) else found.note for found in chance.differences(runs, names)]
    plain = [[str(cell).replace(words.NBSP, " ") for cell in row] for row in rows]
    widths = [max(len(row[k]) for row in plain) for k in range(len(names) + 1)]
    table = ["  ".join(cell.ljust(w) for cell, w in zip(row, widths)).rstrip() for row in plain]
    return "\n".join([*table, "", *said])


def _names(runs: Sequence[Run]) -> list[str]:
    if len(runs) < 2:
        raise RunError(f"{len(runs)} run to compare", wanted="two or more", way_out="Name two folders of runs.")
    names = [run.path.name if run.path is not None else run.name for run in runs]
    # Equal folder names from different places are told apart by their order.
    return [f"{name} ({k})" if names.count(name) > 1 else name for k, name in enumerate(names, start=1)]


def _evaluate(run: Run) -> Evaluation | None:
    try:
        return run.evaluate("test")
    except (RunError, DataError, DownloadError):
        return None


_FORMS: dict[str, tuple[str, Callable[..., str]]] = {
    "accuracy": ("test accuracy", words.percent), "error": ("test error", words.percent),
    "loss": ("test loss", words.significant), "rmse": ("test RMSE", words.significant),
    "r2": ("test R²", words.significant),
}  # fmt: skip


def _numbers(runs: Sequence[Run], evaluations: Sequence[Evaluation | None]) -> list[list[str]]:
    rows = []
    for name, (label, form) in _FORMS.items():
        found = [e.numbers.get(name) if e is not None else None for e in evaluations]
        if any(value is not None for value in found):
            rows.append([label, *("—" if value is None else form(value) for value in found)])
    if any(e is not None and "accuracy" in e.numbers for e in evaluations):
        rows.append(["95 % interval (Wilson)", *map(_interval, evaluations)])
    rows.append(["test examples", *("—" if e is None else f"{e.examples:,}" for e in evaluations)])
    readings = [learning(run) for run in runs]
    rows.append(["epochs", *(f"{len(run.history)} of {run.recipe.epochs}" for run in runs)])
    if all("best_epoch" in r.numbers for r in readings):
        rows.append(["epoch of smallest loss", *(words.whole(r.numbers["best_epoch"]) for r in readings)])
    if all("seconds" in r.numbers for r in readings):
        rows.append(["training time", *(words.duration(float(r.numbers["seconds"])) for r in readings)])
    rows.append(["weights", *(f"{summary(run.networks[0], run.inputs).parameters:,}" for run in runs)])
    rows.append(["how it ended", *map(record.ending, runs)])
    return rows


def _interval(evaluation: Evaluation | None) -> str:
    if evaluation is None or "accuracy" not in evaluation.numbers:
        return "—"
    low, high = (words.percent(v, evaluation.examples, sign="") for v in evaluation.interval)
    return f"{low} to {high}{words.NBSP}%"


def _note(runs: Sequence[Run]) -> str:
    note = "Numbers with ± are means and standard errors over replicas."
    if len({run.about["dataset"]["checksum"] for run in runs}) > 1:
        note += " The runs were not trained on the same data: their numbers are not of the same question."
    return note


def _curves(runs: Sequence[Run], names: Sequence[str]) -> Markup | None:
    readings = {name: learning(run) for name, run in zip(names, runs) if len(run.history)}
    if not readings:
        return None
    shown = [q for q in quantities(next(iter(readings.values()))) if all(q in quantities(r) for r in readings.values())]
    cards = [
        page.card(_TITLES[q], page.figure(draw.svg(overlay(readings, q)), alt=f"{_TITLES[q]} of each run by epoch"))
        for q in shown
        if q != "r2"
    ]
    note = "Solid: validation; dashed: training. Lines are means over replicas; bands reach from the lowest to the "
    note += "highest replica, on validation where there is one."
    return page.join(page.grid(*cards), page.note(note))


def _fields(runs: Sequence[Run]) -> list[tuple[str, list[str], bool]]:
    """Every field of recipe, data and environment: its name, a value for each run, whether all are the same."""
    flat = [_flat(run) for run in runs]
    names = list(dict.fromkeys(name for one in flat for name in one))
    rows = []
    for name in names:
        values = [one.get(name, "—") for one in flat]
        rows.append((name, values, len(set(values)) == 1))
    return rows


def _flat(run: Run) -> dict[str, str]:
    spot, dataset = run.about["environment"], run.about["dataset"]
    found = {name.replace("_", " "): words.value(value) for name, value in run.recipe.model_dump().items()}
    found |= {"data": str(dataset["name"]), "data checksum": str(dataset["checksum"])[:16]}
    found |= {f"{name} examples": f"{size:,}" for name, size in dataset["sizes"].items()}
    found |= {"snarc": str(spot.get("snarc")), "Python": str(spot.get("python"))}
    found |= {str(name): str(version) for name, version in spot.get("packages", {}).items()}
    found |= {"processor": str(spot.get("processor")), "devices": ", ".join(map(str, spot.get("devices", [])))}
    return found


def _differences(runs: Sequence[Run], head: list[str]) -> Markup:
    rows = _fields(runs)
    other = [[name, *(Markup("<mark>{}</mark>").format(v) for v in values)] for name, values, same in rows if not same]
    alike = [(name, values[0]) for name, values, same in rows if same]
    parts: list[Any] = []
    if other:
        parts.append(page.card("Recipe, data and machine", page.table(head, other)))
    else:
        parts.append(page.notice("Recipe, data, versions and machine are the same.", "plain"))
    title = f"The same in all: {words.plural(len(alike), 'field')}"
    parts.append(page.card("", page.details(title, page.facts(alike))))
    return page.stack(*parts)
