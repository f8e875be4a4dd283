"""The blocks of a report that say how a run was made: recipe, data, machine, warnings, and how to repeat it."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import Any

from markupsafe import Markup

from snarc.training import Evaluation, Run

from . import page, words
from .repeat import changed, command, python

_ENDINGS = {
    "finished": "finished", "interrupted": "interrupted before its end", "diverged": "diverged",
    "running": "not finished",
}  # fmt: skip


def ending(run: Run) -> str:
    """How the training ended, in words."""
    early = [text for text in run.about.get("ended", []) if text.startswith("stopped early")]
    return "stopped early" if run.status == "finished" and early else _ENDINGS.get(run.status, run.status)


def warnings(run: Run, evaluation: Evaluation | None) -> list[tuple[str, str]]:
    """What a reader must know before believing a number: (text, kind)."""
    found = []
    if run.status == "interrupted":
        found.append(
            (f"The training was interrupted after {words.plural(len(run.history), 'epoch')} of {run.recipe.epochs}; "
             "snarc resume goes on with it.", "warning")
        )  # fmt: skip
    ended = [(k, text) for k, text in enumerate(run.about.get("ended", [])) if text.startswith("diverged")]
    for k, text in ended:
        who = f"Replica {k}" if len(run.networks) > 1 else "The training"
        found.append((f"{who} {text}. Its last finite weights are part of every number below.", "bad"))
    if evaluation is not None and evaluation.split != "test":
        kind = "training" if evaluation.split == "train" else evaluation.split
        text = f"There is no test split: numbers are of the {kind} split, which had a part in the learning."
        found.append((text, "warning"))
    if run.recipe.replicas == 1:
        text = "One network was trained: how much another seed would change is not known (--replicas 5 tells)."
        found.append((text, "plain"))
    return found


def section(run: Run) -> Markup:
    """Recipe, data and environment as cards."""
    return page.grid(_recipe(run), page.stack(_data(run.about["dataset"]), _environment(run.about["environment"])))


def repeat(run: Run) -> Markup:
    """The command and the lines of Python that train the same network."""
    line = command(run)
    parts = []
    if line is not None:
        parts.append(page.card("On the command line", page.code(line)))
    parts.append(page.card("In Python", page.code(python(run))))
    made = run.about["environment"].get("command")
    note = "With the same versions on the same kind of machine the weights come out the same, bit for bit." + (
        f" This run was made by: {shlex.join(made)}" if made else ""
    )
    return page.join(page.stack(*parts), page.note(note))


def _recipe(run: Run) -> Markup:
    special = changed(run.recipe)
    rows: list[tuple[Any, Any]] = []
    for name, value in run.recipe.model_dump().items():
        text = words.value(value)
        label = name.replace("_", " ")
        rows.append((label, Markup("<mark>{}</mark>").format(text) if name in special else text))
    note = "Marked fields are not at their default." if special else ""
    return page.card("Recipe", page.facts(rows), note=note)


def _data(about: Mapping[str, Any]) -> Markup:
    task, sizes = about["task"], about["sizes"]
    rows: list[tuple[Any, Any]] = [
        ("name", about["name"]),
        ("task", task["kind"]),
        ("one example", words.shape(about["inputs"])),
        *((label, f"{sizes[name]:,}") for name, label in _SIZES if sizes[name]),
    ]
    if task["classes"]:
        rows.append((f"classes ({len(task['classes'])})", _some(task["classes"])))
    if task["targets"]:
        rows.append((f"targets ({len(task['targets'])})", _some(task["targets"])))
    if about.get("columns"):
        rows.append((f"columns ({len(about['columns'])})", _some(about["columns"])))
    source = dict(about.get("source", {}))
    rows += [(_label(name), words.value(value)) for name, value in source.items() if name not in _OWN]
    rows.append(("SHA-256 of all", Markup("<code>{}</code>").format(about["checksum"])))
    files = [_file(one) for one in source.get("files", []) if isinstance(one, Mapping)]
    return page.card("Data", page.facts(rows), page.join(*files))


_SIZES = (("train", "training examples"), ("validation", "validation examples"), ("test", "test examples"))
# Where files lie on the machine that trained is nobody else's business.
_OWN = ("files", "load", "path", "paths", "root")


def _file(one: Mapping[str, Any]) -> Markup:
    rows = [(_label(name), words.value(value)) for name, value in one.items() if name not in (*_OWN, "file", "sha256")]
    if "sha256" in one:
        rows.insert(0, ("SHA-256", Markup("<code>{}</code>").format(one["sha256"])))
    name = str(one.get("file", "file"))
    return page.details(name, page.facts(rows))


def _environment(spot: Mapping[str, Any]) -> Markup:
    packages = ", ".join(f"{name} {version}" for name, version in spot.get("packages", {}).items())
    rows = [
        ("snarc", spot.get("snarc", "")),
        ("Python", spot.get("python", "")),
        ("packages", packages),
        ("system", f"{spot.get('system', '')}, {spot.get('machine', '')}"),
        ("processor", f"{spot.get('processor', '')}, {words.plural(int(spot.get('cores') or 1), 'core')}"),
        ("devices", f"{spot.get('backend', '')}: {', '.join(spot.get('devices', []))}"),
    ]
    return page.card("Environment", page.facts(rows))


def _label(name: str) -> str:
    return name.replace("_", " ")


def _some(names: Any, most: int = 30) -> str:
    text = ", ".join(map(str, names[:most]))
    return text + (f" and {len(names) - most} more" if len(names) > most else "")
