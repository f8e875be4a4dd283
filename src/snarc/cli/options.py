"""Options and arguments that several commands have."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

LEARNING, DATA, RUN, OUTPUT = "Learning", "Data", "Run", "Output"
MACHINES = "Several machines"

RunFolder = Annotated[Path, typer.Argument(metavar="RUN", help="The folder of a run.")]
Model = Annotated[
    str | None,
    typer.Option(
        "--model",
        "-m",
        help="A name that `snarc list models` prints, or a layout as 784-300-10.",
        rich_help_panel=LEARNING,
    ),
]
Epochs = Annotated[
    int | None, typer.Option("--epochs", "-e", help="Passes over the training split.", rich_help_panel=LEARNING)
]
Settings = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="NAME=VALUE",
        help="Any recipe field; model.NAME=VALUE is an option of the model. Repeatable.",
        rich_help_panel=LEARNING,
    ),
]
RecipeFile = Annotated[
    Path | None,
    typer.Option(
        "--recipe",
        metavar="FILE",
        help="Recipe fields from .toml, .yaml or .json; the recipe.json of a run repeats it.",
        rich_help_panel=LEARNING,
    ),
]
Target = Annotated[
    str | None, typer.Option(metavar="COLUMN", help="The column of a CSV file to be predicted.", rich_help_panel=DATA)
]
Validation = Annotated[
    str | None,
    typer.Option(
        metavar="PART", help="How much to hold out for validation: a fraction or a count.", rich_help_panel=DATA
    ),
]
Test = Annotated[
    str | None, typer.Option(metavar="PART", help="How much to hold out as the test split.", rich_help_panel=DATA)
]
DataOptions = Annotated[
    list[str] | None,
    typer.Option(
        "--data-option",
        metavar="NAME=VALUE",
        help="What the reader of the data takes besides, as size=[64,64]. Repeatable.",
        rich_help_panel=DATA,
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object instead.", rich_help_panel=OUTPUT)]
Quiet = Annotated[
    bool, typer.Option("--quiet", "-q", help="No progress and no notes; the result only.", rich_help_panel=OUTPUT)
]
NoReport = Annotated[bool, typer.Option("--no-report", help="Write no report.html.", rich_help_panel=OUTPUT)]
Devices = Annotated[int, typer.Option(help="How many devices share each batch.", rich_help_panel=RUN)]
CheckpointEvery = Annotated[
    float, typer.Option(metavar="SECONDS", min=0, help="Time between checkpoints.", rich_help_panel=RUN)
]
Health = Annotated[
    bool,
    typer.Option(
        "--health/--no-health",
        help="Look at the layers now and then, and warn when something is wrong.",
        rich_help_panel=RUN,
    ),
]
Coordinator = Annotated[
    str | None,
    typer.Option(metavar="ADDRESS:PORT", help="Of process 0, the same for all.", rich_help_panel=MACHINES),
]
Process = Annotated[int, typer.Option(help="Number of this process, from 0.", rich_help_panel=MACHINES)]
Processes = Annotated[int, typer.Option(help="How many processes there are.", rich_help_panel=MACHINES)]
Listen = Annotated[
    str | None,
    typer.Option(
        metavar="ADDRESS",
        help="What process 0 listens on; else this machine alone reaches it. In a trusted network only: the traffic "
        "is not encrypted.",
        rich_help_panel=MACHINES,
    ),
]
