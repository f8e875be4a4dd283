"""Options and arguments that several commands have."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

LEARNING, DATA, RUN, OUTPUT = "Learning", "Data", "Run", "Output"

RunFolder = Annotated[Path, typer.Argument(metavar="RUN", help="The folder of a run.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object instead.", rich_help_panel=OUTPUT)]
Quiet = Annotated[
    bool, typer.Option("--quiet", "-q", help="No progress and no notes; the result only.", rich_help_panel=OUTPUT)
]
NoReport = Annotated[bool, typer.Option("--no-report", help="Write no report.html.", rich_help_panel=OUTPUT)]
Devices = Annotated[int, typer.Option(help="How many devices share each batch.", rich_help_panel=RUN)]
CheckpointEvery = Annotated[
    float, typer.Option(metavar="SECONDS", min=0, help="Time between checkpoints.", rich_help_panel=RUN)
]
