"""A computation as a moving picture: GIF, or one HTML page with a slider that opens offline."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from snarc import film
from snarc.errors import FormalError, LimitError

from .activity import Computation
from .drawing import draw_network

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST_FRAMES = 300


def animate(computation: Computation, path: str | Path, *, title: str = "", pause: int = 700) -> Path:
    """Write a computation as ``.gif`` or as a self-contained ``.html`` with a slider.

    Parameters
    ----------
    computation: traced, see :func:`snarc.formal.run`.
    path: the suffix chooses the form.
    pause: milliseconds a frame.

    Raises
    ------
    FormalError: another suffix, or a computation that was not traced.
    LimitError: more than 300 frames, or a network too large to be drawn.
    """
    path = Path(path)
    if path.suffix not in (".gif", ".html"):
        raise FormalError(f"file {path.name!r}", wanted="a name ending in .gif or .html", way_out="Rename it.")
    states = computation.states
    if computation.steps > 1 and len(states) <= 2:
        raise FormalError("a computation without its states", wanted="a traced one", way_out="Use run(trace=True).")
    if len(states) > MOST_FRAMES:
        raise LimitError(f"{len(states)} frames", wanted=f"at most {MOST_FRAMES}", way_out="Run fewer steps.")
    heading = title + ", " if title else ""

    def draw_frame(k: int) -> Figure:
        return draw_network(computation.network, states[k], title=f"{heading}step {k}")

    return film.animate(draw_frame, range(len(states)), path, fps=1000 / pause, title=title or "A computation")
