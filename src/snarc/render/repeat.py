"""How to repeat a run: the command, and the same in Python."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from typing import Any

from snarc.registry import models
from snarc.training import Recipe, Run

_FLAGS = (
    "epochs", "batch_size", "learning_rate", "optimizer", "schedule", "early_stopping", "seed", "replicas",
)  # fmt: skip
_DATA_FLAGS = ("target", "validation", "test")


def changed(recipe: Recipe) -> dict[str, Any]:
    """The fields that are not at the default of a recipe."""
    usual = Recipe(model=recipe.model).model_dump()
    return {name: value for name, value in recipe.model_dump().items() if value != usual[name]}


def needed(recipe: Recipe) -> dict[str, Any]:
    """The fields to be given so that ``fit`` comes to this recipe, whatever the model or the data suggest."""
    about = models.get(recipe.model).about.get("recipe", {}) if recipe.model in models else {}
    fields = recipe.model_dump()
    # A given learning rate keeps `fit` from following the model's suggestions about optimiser and schedule.
    always = {"epochs", "batch_size", "learning_rate", *about} - {"model"}
    kept = {*changed(recipe), *always} - {"model"}
    return {name: value for name, value in fields.items() if name in kept and value is not None}


def command(run: Run) -> str | None:
    """The command line that trains the same network again; none if data or network are not to be had by name."""
    how = run.about["dataset"].get("load")
    if how is None or "start" in run.about or run.recipe.model not in models or not isinstance(how.get("what"), str):
        return None
    parts = ["snarc", "train", how["what"], "--model", run.recipe.model]
    fields = needed(run.recipe)
    for name in _FLAGS:
        if fields.get(name) is not None:
            parts += ["--" + name.replace("_", "-"), _text(fields.pop(name))]
    for option, value in fields.pop("model_options", {}).items():
        parts += ["--set", f"model.{option}={_setting(value)}"]
    for name, value in fields.items():
        parts += ["--set", f"{name}={_setting(value)}"]
    parts += _data(how)
    return _wrapped([shlex.quote(part) for part in parts])


def python(run: Run) -> str:
    """The lines of Python that train the same network again."""
    how = run.about["dataset"].get("load")
    lines = ["import snarc", ""]
    if how is None:
        data = "(x, y)"
        lines.append(f"# {run.about['dataset']['name']!r} was given as arrays; (x, y) stands for them.")
    else:
        what, rest = how["what"], {k: v for k, v in how.items() if k != "what" and (k, v) != ("seed", 0)}
        options = "".join(f", {name}={_literal(value)}" for name, value in rest.items())
        data = f"snarc.load({_literal(what)}{options})"
    model = _literal(run.recipe.model)
    if run.recipe.model not in models:
        model = "network"
        lines.append(f"# The network is code of your own ({run.recipe.model}); network stands for it.")
    given = [f"{name}={_literal(value)}" for name, value in needed(run.recipe).items()]
    if "start" in run.about:
        lines.append(f"# It started from {run.about['start']['from']!r}; start stands for that run.")
        given.append("start=start")
        if run.about["start"]["fresh"]:
            given.append(f"fresh={_literal(run.about['start']['fresh'])}")
    call = f"run = snarc.fit({', '.join([model, data, *given])})"
    if len(call) > 96:
        call = "run = snarc.fit(\n" + "".join(f"    {part},\n" for part in [model, data, *given]) + ")"
    lines += [call, "print(run.test.numbers)", "run.report()"]
    return "\n".join(lines)


def _data(how: Mapping[str, Any]) -> list[str]:
    parts: list[str] = []
    for name, value in how.items():
        if name in _DATA_FLAGS:
            parts += [f"--{name}", _text(value)]
        elif name != "what" and (name, value) != ("seed", 0):
            parts += ["--data-option", f"{name}={_setting(value)}"]
    return parts


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _setting(value: Any) -> str:
    # NAME=VALUE is read as JSON where it can be: the text "300" needs its quotes.
    try:
        json.loads(value)
    except (TypeError, ValueError):
        return _text(value)
    return json.dumps(value)


def _literal(value: Any) -> str:
    return repr(tuple(value)) if isinstance(value, list) else repr(value)


def _wrapped(parts: list[str]) -> str:
    lines, line = [], parts[0]
    for n, part in enumerate(parts[1:], start=1):
        # A flag stays on the line of its value.
        width = len(part) + (len(parts[n + 1]) + 1 if part.startswith("--") and n + 1 < len(parts) else 0)
        if len(line) + 1 + width > 92 and (part.startswith("--") or not parts[n - 1].startswith("--")):
            lines.append(line + " \\")
            line = "    " + part
        else:
            line += " " + part
    return "\n".join([*lines, line])
