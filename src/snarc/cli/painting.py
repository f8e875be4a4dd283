"""``snarc paint``: the picture that a network holds, at any size."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .options import OUTPUT, Json, RunFolder


def paint(
    run: RunFolder,
    size: Annotated[int, typer.Option("--size", "-s", min=2, help="Pixels along the longer side.")] = 512,
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", metavar="FILE", help="PNG file; else one in the run.", rich_help_panel=OUTPUT),
    ] = None,
    replica: Annotated[int, typer.Option(min=0, help="Which of the run's networks.")] = 0,
    json: Json = False,
) -> None:
    """Write the picture that a network of coordinates holds, at any size: between the pixels it says what it expects.

    [bold]Examples[/bold]

      snarc train photo.png
      snarc paint runs/photo-fourier-features-1 --size 1024 --out large.png
    """
    from snarc.errors import DataError
    from snarc.training import open as open_run

    if out is not None and out.suffix.lower() != ".png":
        raise DataError(f"--out {out.name}", wanted="a name that ends in .png", way_out="Write --out large.png.")
    opened = open_run(run)
    if replica >= len(opened.networks):
        count = len(opened.networks)
        raise DataError(
            f"--replica {replica}", wanted=f"0 to {count - 1}, as there are {count}", way_out="Leave it out."
        )
    from snarc import draw
    from snarc.see.picture import painted
    from snarc.training.files import write_atomic
    from snarc.training.frames import to_bytes

    from .output import put, put_json

    made = to_bytes(painted(opened, size, replica=replica))
    height, width, channels = made.shape
    target = out if out is not None else run / f"painted-{width}x{height}.png"
    write_atomic(target, draw.png(made[..., 0] if channels == 1 else made))
    if json:
        put_json({"run": str(opened.path), "file": str(target), "height": height, "width": width, "channels": channels})
    else:
        put(str(target))
