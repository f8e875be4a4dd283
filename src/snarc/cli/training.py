"""``snarc train`` and ``snarc resume``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .options import (
    LEARNING,
    RUN,
    CheckpointEvery,
    Coordinator,
    DataOptions,
    Devices,
    Epochs,
    Health,
    Json,
    Listen,
    Model,
    NoReport,
    Process,
    Processes,
    Quiet,
    RecipeFile,
    Settings,
    Target,
    Test,
    Validation,
)

if TYPE_CHECKING:
    from snarc.training import Run


def train(
    data: Annotated[
        str,
        typer.Argument(
            metavar="DATA",
            help="A name that `snarc list datasets` prints, or a path: a folder of images, a picture, CSV, .npz, idx.",
        ),
    ],
    model: Model = None,
    epochs: Epochs = None,
    batch_size: Annotated[
        int | None, typer.Option("--batch-size", "-b", help="Examples per step.", rich_help_panel=LEARNING)
    ] = None,
    learning_rate: Annotated[
        float | None, typer.Option("--learning-rate", "-l", help="Peak learning rate.", rich_help_panel=LEARNING)
    ] = None,
    loss: Annotated[
        str | None,
        typer.Option(
            help="cross-entropy (or -bits), binary-cross-entropy, logistic, (squared-)hinge, squared-error or pinball.",
            rich_help_panel=LEARNING,
        ),
    ] = None,
    optimizer: Annotated[
        str | None,
        typer.Option(
            help="sgd, momentum, nesterov, adam, adamw, rmsprop, rmsprop-momentum, adagrad, adadelta or lbfgs.",
            rich_help_panel=LEARNING,
        ),
    ] = None,
    schedule: Annotated[
        str | None,
        typer.Option(
            help="constant, cosine, linear, exponential, power, piecewise or 1cycle.", rich_help_panel=LEARNING
        ),
    ] = None,
    augment: Annotated[
        str | None,
        typer.Option(
            metavar="CHANGES",
            help="Random changes to training inputs, as shift:1,rotate:15,noise:0.1.",
            rich_help_panel=LEARNING,
        ),
    ] = None,
    start: Annotated[
        Path | None,
        typer.Option(
            metavar="RUN",
            help="A run's folder: begin with its weights. With --set freeze=layers.0 that layer does not learn.",
            rich_help_panel=LEARNING,
        ),
    ] = None,
    fresh: Annotated[
        str | None,
        typer.Option(
            metavar="LAYERS",
            help="With --start: layers that begin at random all the same, as layers.1.",
            rich_help_panel=LEARNING,
        ),
    ] = None,
    early_stopping: Annotated[
        int | None,
        typer.Option(
            metavar="EPOCHS",
            help="Stop after so many epochs without a better validation loss; the best weights come back.",
            rich_help_panel=LEARNING,
        ),
    ] = None,
    seed: Annotated[
        int | None, typer.Option(help="Of weights, shuffles and dropout.", rich_help_panel=LEARNING)
    ] = None,
    replicas: Annotated[
        int | None,
        typer.Option(
            help="Networks trained, with seeds seed, seed + 1, ...; every number gets an error bar.",
            rich_help_panel=LEARNING,
        ),
    ] = None,
    settings: Settings = None,
    recipe: RecipeFile = None,
    target: Target = None,
    validation: Validation = None,
    test: Test = None,
    data_options: DataOptions = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            "-o",
            metavar="DIR",
            help="The run's folder; else a fresh one under runs/ (or SNARC_RUNS).",
            rich_help_panel=RUN,
        ),
    ] = None,
    devices: Devices = 1,
    checkpoint_every: CheckpointEvery = 30.0,
    coordinator: Coordinator = None,
    process: Process = 0,
    processes: Processes = 1,
    listen: Listen = None,
    health: Health = True,
    no_report: NoReport = False,
    quiet: Quiet = False,
    json: Json = False,
) -> None:
    """Train a network on data; evaluate it on the test split and write a report.

    [bold]Examples[/bold]

      snarc train digits
      snarc train mnist --model lenet5 --epochs 5 --replicas 5
      snarc train mnist --model 784-300:tanh-10 --optimizer nesterov
      snarc train table.csv --target species --early-stopping 5 --epochs 200
      snarc train digits --set weight_decay=0.01 --set model.dropout=0.5
      snarc train usps --augment shift:1,rotate:10 --set label_smoothing=0.1
      snarc train digits --recipe runs/digits-mlp-1/recipe.json

    A recipe file is overruled by the environment (SNARC_EPOCHS=3, SNARC_SEED=7, ...), and that by flags. As TOML:

      model = "lenet5"
      epochs = 5
      learning_rate = 1e-3

    Ctrl-C stops after the step and saves; `snarc resume RUN` goes on with the same result, bit for bit.
    """
    from .output import say
    from .settings import part, recipe_fields, values

    flags = {
        "model": model,
        "epochs": epochs,
        "batch_size": batch_size,
        "learning_rate": learning_rate,
        "loss": loss,
        "optimizer": optimizer,
        "schedule": schedule,
        "augment": augment,
        "early_stopping": early_stopping,
        "seed": seed,
        "replicas": replicas,
    }
    name, fields, used = recipe_fields(recipe, flags, settings or [])
    for field, variable in used.items():
        if not quiet:
            say(f"snarc: {field} comes from {variable}")
    from snarc.training.place import check_out

    check_out(out)
    _join(coordinator, process, processes, listen)
    parts = {"validation": part(validation, "--validation"), "test": part(test, "--test"), "target": target}
    from snarc.data import load

    dataset = load(data, **_together(parts, values(data_options or [], "--data-option")))
    if not quiet:
        sizes = ", ".join(f"{len(dataset.split(s)):,} {s}" for s in ("train", "validation", "test"))
        say(f"snarc: {dataset.name}: {sizes}; inputs {' x '.join(map(str, dataset.inputs))}, {dataset.outputs} outputs")
    from snarc.training import fit

    again = [layer.strip() for layer in fresh.split(",")] if fresh else ()

    def learn() -> Run:
        return fit(
            name, dataset, out=out, start=start, fresh=again, devices=devices, checkpoint_seconds=checkpoint_every,
            progress=False if quiet else "auto", health=health, **fields,
        )  # fmt: skip

    _finish(learn, report=not no_report, quiet=quiet, json=json)


def resume(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="The folder of a run that was interrupted.")],
    devices: Devices = 1,
    checkpoint_every: CheckpointEvery = 30.0,
    strict: Annotated[
        bool,
        typer.Option(
            "--strict",
            help="Refuse to fall back to an older checkpoint when the newest is damaged.",
            rich_help_panel=RUN,
        ),
    ] = False,
    coordinator: Coordinator = None,
    process: Process = 0,
    processes: Processes = 1,
    listen: Listen = None,
    health: Health = True,
    no_report: NoReport = False,
    quiet: Quiet = False,
    json: Json = False,
) -> None:
    """Go on with a run that was interrupted; the result is the same, bit for bit, as without the stop.

    [bold]Examples[/bold]

      snarc resume runs/mnist-lenet5-1
      snarc resume runs/mnist-lenet5-1 --json
    """
    _join(coordinator, process, processes, listen)
    from snarc.training import resume as go_on

    def learn() -> Run:
        return go_on(
            run,
            devices=devices,
            checkpoint_seconds=checkpoint_every,
            progress=False if quiet else "auto",
            strict=strict,
            health=health,
        )

    _finish(learn, report=not no_report, quiet=quiet, json=json)


def _join(coordinator: str | None, process: int, processes: int, listen: str | None) -> None:
    from snarc.errors import RecipeError
    from snarc.training import hosts

    from .output import keep_apart

    if coordinator is not None:
        keep_apart()  # what connects the processes reports it on stdout
        hosts.join(coordinator, process, processes, listen=listen)
    elif (process, processes, listen) != (0, 1, None):
        raise RecipeError(
            "several processes without --coordinator",
            wanted="the address and port of process 0",
            way_out="Write for example --coordinator 10.0.0.1:9876.",
        )


def _finish(learn: Any, *, report: bool, quiet: bool, json: bool) -> None:
    """Train, evaluate, report, and say what came of it."""
    from snarc.training import hosts

    from . import verdict
    from .output import put, put_json, say
    from .reporting import write

    try:
        found = learn()
    except KeyboardInterrupt:
        say(
            "snarc: stopped at once. The last checkpoint stands; go on with: snarc resume RUN (`snarc runs` lists them)"
        )
        raise
    if not hosts.leads():  # the first process has the run, and tells of it
        raise typer.Exit(128 + found.signal if found.signal is not None else 0)
    if found.signal is not None and found.status == "interrupted":
        say(f"snarc: interrupted in epoch {len(found.history) + 1} of {found.recipe.epochs}, and saved.")
        say(f"snarc: go on with: snarc resume {_shown(found.path)}")
        if json:
            put_json(verdict.about(found))
        else:
            put(f"run {_shown(found.path)}")
        raise typer.Exit(128 + found.signal)
    # Without a test split validation speaks, and without that, as for a picture, the training examples themselves.
    judge = next((name for name in ("test", "validation") if len(found.dataset.split(name))), "train")
    evaluations = {judge: found.evaluate(judge)}
    verdict.save(found.path, evaluations)
    page = write(found) if report else None
    if json:
        numbers = {name: one.to_json() for name, one in evaluations.items()}
        put_json({**verdict.about(found), "report": str(page) if page else None, **numbers})
    else:
        for k, ended in enumerate(found.about["ended"]):
            if ended and not quiet:
                say(f"snarc: {f'replica {k} ' if found.recipe.replicas > 1 else ''}{ended}")
        for one in evaluations.values():
            put(verdict.sentence(one))
        put(f"run    {_shown(found.path)}")
        if page is not None:
            put(f"report {_shown(page)}")
    if found.signal is not None:  # it came when the last step was done
        raise typer.Exit(128 + found.signal)


def _together(named: dict[str, Any], options: dict[str, Any]) -> dict[str, Any]:
    from snarc.errors import DataError

    given = {name: value for name, value in named.items() if value is not None}
    for name in options:
        if name in given or name == "what":
            raise DataError(
                f"--data-option {name}=...",
                wanted=f"--{name} alone" if name in given else "an option of the reader",
                way_out=f"Drop --data-option {name}.",
            )
    return {**given, **options}


def _shown(path: Path | None) -> str:
    """The path as short as it is clear: relative where it lies below the current folder."""
    if path is None:
        return "none"
    try:
        return str(path.relative_to(Path.cwd()))
    except (ValueError, OSError):
        return str(path)
