"""``snarc list`` and ``snarc summary``."""

from __future__ import annotations

import dataclasses
import inspect
from pathlib import Path
from typing import Annotated, Any

import typer

from .options import Json

KINDS = ("models", "datasets", "experiments", "instruments")


def list_(
    kind: Annotated[str, typer.Argument(metavar="KIND", help="models, datasets, experiments or instruments.")],
    json: Json = False,
) -> None:
    """List the models, data sets, experiments or instruments there are, those of other packages included.

    [bold]Examples[/bold]

      snarc list models
      snarc list experiments --json
    """
    from snarc.errors import UnknownNameError, nearest

    from .output import put, put_json, table

    if kind not in KINDS:
        raise UnknownNameError(f"there is no list of {kind!r}", wanted=", ".join(KINDS), way_out=nearest(kind, KINDS))
    found = _experiments() if kind == "experiments" else _entries(kind)
    if json:
        put_json({kind: found})
    elif kind == "experiments":
        rows = [(e["name"], ", ".join(e["rows"]), _seconds(e), e["question"]) for e in found]
        put(table(("experiment", "rows", "smoke / quick / full", "question"), rows))
    else:
        put(table((kind.removesuffix("s"), "what it is"), [(e["name"], e["summary"]) for e in found]))


def summary(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="A model's name or layout, or the folder of a run.")],
    inputs: Annotated[
        str | None, typer.Option(metavar="SHAPE", help="Shape of one example: 28x28x1, or 4 for a row of a table.")
    ] = None,
    classes: Annotated[int | None, typer.Option(min=1, help="How many outputs the network has.")] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="model.NAME=VALUE", help="An option of the model. Repeatable."),
    ] = None,
    json: Json = False,
) -> None:
    """Show the layers of a network: output shapes, parameters and multiply-adds of one forward pass.

    [bold]Examples[/bold]

      snarc summary lenet5 --inputs 28x28x1 --classes 10
      snarc summary 784-300-10 --inputs 28x28x1 --classes 10
      snarc summary runs/digits-mlp-1
    """
    from .output import put, put_json

    found, shape = _network(model, inputs, classes, settings or [])
    from snarc.models import summary as summarise

    rows = summarise(found, shape)
    if json:
        layers = [dataclasses.asdict(layer) for layer in rows.layers]
        totals = {"parameters": rows.parameters, "multiply_adds": rows.multiply_adds}
        put_json({"model": model, "inputs": list(shape), "layers": layers, **totals})
    else:
        put(str(rows))


def _network(model: str, inputs: str | None, classes: int | None, settings: list[str]) -> tuple[Any, tuple[int, ...]]:
    from snarc.errors import ModelError

    from .settings import shape, values

    if (Path(model) / "recipe.json").is_file():
        if inputs is not None or classes is not None or settings:
            wanted = "its path alone; it knows its inputs and classes"
            raise ModelError(f"{model} is a run", wanted=wanted, way_out="Drop the options.")
        from snarc.training import open as open_run

        run = open_run(model)
        return run.networks[0].body, run.inputs
    if inputs is None or classes is None:
        raise ModelError(
            f"a summary of {model!r} without {'--inputs' if inputs is None else '--classes'}",
            wanted="the shape of one example and the number of outputs",
            way_out=f"Write for example: snarc summary {model} --inputs 28x28x1 --classes 10",
        )
    options = {}
    for name, value in values(settings, "--set").items():
        if not name.startswith("model."):
            way_out = "A summary depends on the options of the model alone."
            raise ModelError(f"--set {name}=...", wanted="model.NAME=VALUE", way_out=way_out)
        options[name.removeprefix("model.")] = value
    from snarc.models.network import build

    size = shape(inputs)
    return build(model, inputs=size, outputs=classes, options=options), size


def _entries(kind: str) -> list[dict[str, Any]]:
    from snarc import registry

    found = []
    for entry in getattr(registry, kind):
        about = {"name": entry.name, "summary": entry.summary, **entry.about}
        if kind == "models":
            about["options"] = _options(entry.thing)
        found.append(about)
    return found


def _options(thing: Any) -> dict[str, Any]:
    parameters = inspect.signature(thing.__init__ if inspect.isclass(thing) else thing).parameters
    own = ("self", "inputs", "outputs", "rngs")
    return {n: None if p.default is p.empty else p.default for n, p in parameters.items() if n not in own}


def _experiments() -> list[dict[str, Any]]:
    from snarc.experiments import describe, entries

    return [describe(entry) for entry in entries()]


def _seconds(experiment: dict[str, Any]) -> str:
    return " / ".join(_time(budget["seconds"]) for budget in experiment["budgets"].values())


def _time(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
