"""``snarc find-rate``, ``search``, ``cross-validate``, ``committee``, ``prune``: things done with whole trainings."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ._whole import Data, Out, check_out, plain, prepare, show, stopped
from .options import (
    OUTPUT,
    DataOptions,
    Epochs,
    Json,
    Model,
    Quiet,
    RecipeFile,
    RunFolder,
    Settings,
    Target,
    Test,
    Validation,
)


def find_rate(
    data: Data,
    model: Model = None,
    low: Annotated[float, typer.Option(help="The first learning rate.")] = 1e-6,
    high: Annotated[float, typer.Option(help="The last learning rate.")] = 10.0,
    steps: Annotated[int, typer.Option(help="How many steps from the first to the last.")] = 200,
    doubling: Annotated[
        bool, typer.Option("--doubling", help="Instead train at .001, .002, .004, ... until it gets worse.")
    ] = False,
    epochs: Epochs = None,
    settings: Settings = None,
    recipe: RecipeFile = None,
    target: Target = None,
    validation: Validation = None,
    test: Test = None,
    data_options: DataOptions = None,
    out: Out = None,
    quiet: Quiet = False,
    json: Json = False,
) -> None:
    """Suggest a learning rate: let it rise from step to step and see where the loss falls and where it diverges.

    [bold]Examples[/bold]

      snarc find-rate mnist --model lenet5
      snarc find-rate mnist --model 784-300-10 --set optimizer=sgd --set replicas=5 --out rate.html
      snarc find-rate digits --doubling --epochs 3
    """
    check_out(out)
    name, fields, dataset = prepare(
        data, model, {"epochs": epochs}, settings, recipe, target, validation, test, data_options, quiet
    )
    from snarc.tuning import doubling_search
    from snarc.tuning import find_rate as range_test

    progress = False if quiet else "auto"
    if doubling:
        found = doubling_search(name, dataset, progress=progress, **{"epochs": 1, **fields})
    else:
        found = range_test(name, dataset, low=low, high=high, steps=steps, progress=progress, **fields)
    rate = float(found.numbers["suggestion"])  # type: ignore[arg-type]
    command = f"snarc train {data} {f'--model {name} ' if name != 'auto' else ''}--learning-rate {rate:.2g}"
    show(found, out, json, f"A learning rate for {dataset.name}", command)


def search(
    data: Data,
    spaces: Annotated[
        list[str],
        typer.Argument(
            metavar="NAME=SPACE...",
            help="What to vary: log(1e-4, 1e-1), uniform(0, 1), int(5, 30), choice(sgd, adam); of recipe fields, or "
            "model.NAME for an option of the model.",
        ),
    ],
    model: Model = None,
    trials: Annotated[int, typer.Option("--trials", "-n", help="How many in all.")] = 20,
    method: Annotated[
        str, typer.Option(help="random, or optuna, which is an extra: pip install 'snarc\\[optuna]'.")
    ] = "random",
    seed: Annotated[int, typer.Option(help="Of what is tried; the recipe's own is --set seed=1.")] = 0,
    epochs: Epochs = None,
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
            help="The folder of trials; else searches/DATA-MODEL. The same command goes on with what is there.",
            rich_help_panel=OUTPUT,
        ),
    ] = None,
    quiet: Quiet = False,
    json: Json = False,
) -> None:
    """Search for good recipe fields and model options, judged on validation; Ctrl-C loses no finished trial.

    Writes trials.jsonl, best.json (a recipe file) and search.html. The same command again goes on where it stopped;
    with more --trials it adds to them.

    [bold]Examples[/bold]

      snarc search digits 'learning_rate=log(1e-4, 1e-1)' --trials 30
      snarc search mnist 'learning_rate=log(1e-4, 1)' 'model.hidden=choice(100, 300, 300-100)' --epochs 3
      snarc search digits 'weight_decay=log(1e-5, 1e-1)' 'batch_size=choice(16, 64)' --method optuna
      snarc train digits --recipe searches/digits-auto/best.json
    """
    from .output import put, put_json, say, table
    from .settings import pairs

    wanted = pairs(spaces, "the space")
    from snarc.tuning.spaces import check

    check(wanted)
    name, fields, dataset = prepare(
        data, model, {"epochs": epochs}, settings, recipe, target, validation, test, data_options, quiet
    )
    folder = out if out is not None else Path("searches") / plain(f"{dataset.name}-{name}")
    from snarc.render.reading import write
    from snarc.tuning import search as look

    try:
        found = look(
            name, dataset, wanted, trials=trials, method=method, seed=seed, out=folder,
            progress=False if quiet else "auto", **fields,
        )  # fmt: skip
    except KeyboardInterrupt:
        say(f"snarc: stopped. The finished trials are in {folder}; the same command goes on.")
        raise
    head, rows = found.table()
    command = f"snarc train {data} --recipe {folder / 'best.json'}"
    title = f"A search on {dataset.name}"
    page = write(found.reading, folder / "search.html", title=title, head=head, rows=rows, command=command)
    if json:
        best = {"values": found.best["values"], "recipe": found.recipe.model_dump()}
        put_json({
            "status": found.status, "folder": str(folder), "page": str(page), **found.reading.to_json(), "best": best,
            "trials": list(found.trials),
        })  # fmt: skip
    else:
        put(table(head, rows[:10], right=("trial", "loss", "accuracy", "rmse", "seconds")))
        put(found.reading.note)
        put(f"page {page}\nnext {command}")
    if found.status == "interrupted":
        say(f"snarc: stopped after {len(found.trials)} of {trials} trials; the same command goes on.")
        raise typer.Exit(128 + (found.signal or 2))


def cross_validate(
    data: Data,
    model: Model = None,
    folds: Annotated[int, typer.Option("--folds", "-k", help="How many; at most the size of the smallest class.")] = 5,
    seed: Annotated[int, typer.Option(help="Of the folds; the recipe's own is --set seed=1.")] = 0,
    all_data: Annotated[
        bool, typer.Option("--all", help="Part the examples of the test split as well, not only the others.")
    ] = False,
    epochs: Epochs = None,
    settings: Settings = None,
    recipe: RecipeFile = None,
    target: Target = None,
    data_options: DataOptions = None,
    out: Out = None,
    quiet: Quiet = False,
    json: Json = False,
) -> None:
    """Part the data into folds and test each example once, by a network that has not seen it.

    The test split, where the data have one, is left alone unless --all is given.

    [bold]Examples[/bold]

      snarc cross-validate digits --folds 10
      snarc cross-validate table.csv --target species --all
      snarc cross-validate digits --model linear --set learning_rate=0.02 --out folds.html
    """
    check_out(out)
    name, fields, dataset = prepare(
        data, model, {"epochs": epochs}, settings, recipe, target, None, None, data_options, quiet
    )
    from snarc.tuning import cross_validate as part_and_test

    found = part_and_test(
        name, dataset, folds, seed=seed, test_too=all_data, progress=False if quiet else "auto", **fields
    )
    show(found, out, json, f"Cross-validation on {dataset.name}")
    stopped(found.numbers["folds"], folds, "folds")


def committee(
    data: Data,
    model: Model = None,
    members: Annotated[int, typer.Option("--members", "-n", help="How many networks.")] = 10,
    same_data: Annotated[
        bool, typer.Option("--same-data", help="All see the whole training split and differ by their seed alone.")
    ] = False,
    vote: Annotated[bool, typer.Option("--vote", help="Let them vote instead of averaging probabilities.")] = False,
    epochs: Epochs = None,
    settings: Settings = None,
    recipe: RecipeFile = None,
    target: Target = None,
    validation: Validation = None,
    test: Test = None,
    data_options: DataOptions = None,
    out: Out = None,
    quiet: Quiet = False,
    json: Json = False,
) -> None:
    """Train a committee by bagging, and say what it gains over its members and what its error is out of bag.

    [bold]Examples[/bold]

      snarc committee digits --members 10
      snarc committee mnist --model 784-100-10 --epochs 5 --vote --out bag.html
    """
    check_out(out)
    name, fields, dataset = prepare(
        data, model, {"epochs": epochs}, settings, recipe, target, validation, test, data_options, quiet
    )
    from snarc.tuning import bagging

    found = bagging(
        name, dataset, members, how="vote" if vote else "average", resample=not same_data,
        progress=False if quiet else "auto", **fields,
    )  # fmt: skip
    show(found.reading, out, json, f"A committee on {dataset.name}")
    stopped(len(found.members), members, "members")


def prune(
    run: RunFolder,
    what: Annotated[str, typer.Option(help="units (of a multilayer perceptron) or weights.")] = "units",
    by: Annotated[
        str, typer.Option(help="What goes first: the smallest by magnitude, by loss, or at random.")
    ] = "magnitude",
    parts: Annotated[
        str, typer.Option(metavar="LIST", help="How much to delete, as fractions, rising.")
    ] = "0.1,0.2,0.3,0.5,0.7,0.8,0.9,0.95",
    epochs: Annotated[int, typer.Option("--epochs", "-e", help="Of learning again after each deletion.")] = 1,
    gradual: Annotated[
        bool, typer.Option("--gradual", help="Delete from what the part before has left, not from the whole network.")
    ] = False,
    split: Annotated[str | None, typer.Option("--split", "-s", help="What errors are measured on.")] = None,
    settings: Settings = None,
    out: Out = None,
    quiet: Quiet = False,
    json: Json = False,
) -> None:
    """Delete hidden units or weights of a trained network, let the rest learn again, and show what it costs.

    The run is left as it is.

    [bold]Examples[/bold]

      snarc prune runs/mnist-mlp-1
      snarc prune runs/mnist-lenet5-1 --what weights --by loss --parts 0.5,0.9,0.99 --out pruned.html
    """
    check_out(out)
    from snarc.errors import RecipeError
    from snarc.training.recipe import Recipe

    from .settings import pairs

    try:
        numbers = tuple(float(text) for text in parts.split(","))
    except ValueError:
        raise RecipeError(
            f"--parts {parts}", wanted="fractions with commas between them", way_out="Write --parts 0.1,0.5,0.9."
        ) from None
    fields = Recipe.from_text(pairs(settings or [], "--set"))
    from snarc.training import open as open_run
    from snarc.tuning import prune as cut

    opened = open_run(run)
    found = cut(
        opened, what=what, by=by, parts=numbers, epochs=epochs, gradual=gradual, split=split,
        progress=False if quiet else "auto", **fields,
    )  # fmt: skip
    show(found.reading, out, json, f"Pruning {opened.name}")
    stopped(len(found.networks), len(numbers), "parts")
