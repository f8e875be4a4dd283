"""``snarc beat``: play against a network on its own test images."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .options import RunFolder

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np


def beat(
    run: RunFolder,
    count: Annotated[int, typer.Option("--count", "-n", min=1, help="How many images to play.")] = 20,
    hard: Annotated[bool, typer.Option("--hard", help="The images that are hardest for the network.")] = False,
    top: Annotated[int, typer.Option("--top", min=1, help="How many names count as an answer.")] = 1,
    split: Annotated[str, typer.Option("--split", "-s", help="test or validation.")] = "test",
    seed: Annotated[int, typer.Option(help="Which images are drawn.")] = 0,
) -> None:
    """Name what test images show, and see whether you or the network errs less.

    With --top 5 you may name up to five classes for each image, as in the ImageNet contest, the likeliest first.
    An empty answer gives up; Ctrl-D ends the game early, and what was played counts.

    [bold]Examples[/bold]

      snarc beat runs/mnist-lenet5-1
      snarc beat runs/mnist-lenet5-1 --hard --count 50
      snarc beat runs/cifar10-convnet-1 --top 5
    """
    from snarc import draw
    from snarc.errors import DataError
    from snarc.subjects import predictions
    from snarc.training import open as open_run
    from snarc.trust.duel import course, duel, ranked

    from ._screen import picture
    from .output import put

    opened = open_run(run)
    if len(opened.inputs) != 3 or not opened.task.classes:
        raise DataError(
            f"a game on inputs of shape {opened.inputs}",
            wanted="a run that tells classes of images",
            way_out="Try `snarc beat` on a run of images.",
        )
    seen = predictions(opened, split)
    chosen = course(seen, count=count, kind="hard" if hard else "even", seed=seed)
    guesses, names = ranked(seen), opened.task.classes
    sure = seen.probabilities.mean(axis=0)
    images = seen.examples(chosen)
    assert images is not None
    put(f"{len(chosen)} images of {', '.join(names[:20])}{' ...' if len(names) > 20 else ''}")
    answers: list[list[int]] = []
    tally = {"you": 0, "network": 0}
    for number, (k, image) in enumerate(zip(chosen, draw.pixels(images)), start=1):
        put("")
        put(picture(image))
        try:
            named = _ask(f"{number} of {len(chosen)}: ", names, top)
        except (EOFError, KeyboardInterrupt):
            put("")
            break
        answers.append(named)
        truth = int(seen.targets[k])
        tally["you"] += truth in named
        tally["network"] += truth in guesses[k, :top]
        put(_told(names, named, truth, guesses[k, :top], sure[k], tally, number))
    if not answers:
        return
    found = duel(seen, answers, index=chosen[: len(answers)].tolist(), top=top)
    put("")
    put(found.note)
    for who in ("person", "network"):
        low, high = found.numbers[f"{who}_low"], found.numbers[f"{who}_high"]
        put(f"  {who:8} {100 * float(found.numbers[who]):5.1f} % wrong (95 %: {100 * low:.1f} to {100 * high:.1f})")


def _ask(prompt: str, names: Sequence[str], top: int) -> list[int]:
    """Class numbers from a line of names or numbers with spaces or commas between them; asks again if unknown."""
    from snarc.errors import nearest

    from .output import put

    known = {name.casefold(): k for k, name in enumerate(names)}
    while True:
        if sys.stdin is not None and sys.stdin.isatty():
            line = input(prompt)
        else:
            line = sys.stdin.readline()
            if not line:
                raise EOFError
        whole = line.strip().casefold()
        words = [whole] if whole in known else [w for w in whole.replace(",", " ").split() if w]
        unknown = [w for w in words if w not in known]
        if unknown:
            put(f"{unknown[0]!r} is no class. {nearest(unknown[0], names)}")
        elif len(words) > top:
            put(f"{len(words)} names; {top} may be given (--top says how many).")
        else:
            return [known[w] for w in words]


def _told(
    names: Sequence[str], named: list[int], truth: int, guesses: np.ndarray, sure: np.ndarray, tally: dict[str, int],
    played: int,
) -> str:  # fmt: skip
    def mark(right: Any) -> str:
        return "right" if right else "wrong"

    said = ", ".join(f"{names[g]} ({100 * sure[g]:.1f} %)" for g in guesses)
    return (
        f"It is {names[truth]}. You: {mark(truth in named)}. The network: {said}, {mark(truth in guesses)}. "
        f"Right so far: you {tally['you']}, network {tally['network']} of {played}."
    )
