"""The blocks of a report on a picture: the picture, what the network makes of it, and how that came about."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

from markupsafe import Markup

from snarc.errors import DataError, DownloadError, ModelError, RunError
from snarc.see.augmentation import augmentation
from snarc.see.picture import picture
from snarc.training import Run

from . import page


def section(run: Run, pictures: Callable[..., str]) -> Markup | None:
    """The picture beside the network's, with the signal to noise ratio, and the frames that were kept."""
    if "picture" not in run.about["dataset"].get("source", {}):
        return None
    try:
        reading = picture(run)
    except (RunError, DataError, DownloadError):
        return None  # the picture is not at hand any more; the rest of the report does not need it
    first = "Of the first replica. " if run.recipe.replicas > 1 else ""
    near = float(reading.numbers["psnr"])
    note = (
        f"{first}{near:.2f} dB (peak signal-to-noise ratio; 30 dB is a mean error of 3 % of white). "
        "Pixels that were trained on are counted: it tells how well the network holds the picture."
    )
    # The pixels are in pictures/ as PNG; as a table of numbers they would be thirty times as large.
    bare = dataclasses.replace(reading, arrays={})
    svg = pictures("picture", bare, reading.plot())
    shown = page.figure(svg, note, alt="The picture, and what the network says")
    cards = [page.card("The picture and the network's", shown, wide=True)]
    if "frames" in reading.arrays:
        svg = pictures("picture-frames", bare, reading.plot(what="frames"))
        caption = f"{first}The same network while it learnt: after so many samples, a pixel being one."
        alt = "The network's picture at several times during learning"
        cards.append(page.card("How it came about", page.figure(svg, caption, alt=alt), wide=True))
    return page.grid(*cards)


def augmented(run: Run, pictures: Callable[..., str]) -> Markup | None:
    """A contact sheet of what the network saw in place of its training images."""
    if not run.recipe.augment or len(run.inputs) != 3:
        return None
    try:
        reading = augmentation(run, count=4)
    except (RunError, DataError, DownloadError, ModelError):
        return None
    svg = pictures("augmentation", dataclasses.replace(reading, arrays={}), reading.plot())
    return page.card("What it saw", page.figure(svg, f"{reading.note} Every pass shows other versions."), wide=True)
