"""A computation as a moving picture: GIF, or one HTML page with a slider that opens offline."""

from __future__ import annotations

import base64
import html
import io
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from snarc.errors import FormalError, LimitError

from .activity import Computation
from .drawing import draw_network

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from PIL.Image import Image

MOST_FRAMES = 300

_PAGE = """<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">
<title>{title}</title>
<style>
body{{font:16px system-ui,sans-serif;margin:2rem auto;max-width:60rem;padding:0 1rem;color:#1b1f24;background:#fff}}
img{{max-width:100%;display:block;margin:1rem auto}}
input{{width:100%}} button{{font:inherit;padding:.3rem 1rem}}
</style>
<h1>{title}</h1>
<img id="frame" alt="state of the network" src="{first}">
<input id="step" type="range" min="0" max="{last}" value="0" aria-label="step">
<p><button id="play">Play</button> <span id="caption"></span></p>
<script>
const frames=[{frames}];
const img=document.getElementById("frame"),at=document.getElementById("step"),says=document.getElementById("caption");
let timer=null;
function show(){{img.src=frames[at.value];says.textContent="step "+at.value+" of {last}";}}
function stop(){{clearInterval(timer);timer=null;document.getElementById("play").textContent="Play";}}
at.oninput=show;
document.getElementById("play").onclick=function(){{
  if(timer){{stop();return;}}
  this.textContent="Pause";
  if(+at.value===+at.max)at.value=0;
  timer=setInterval(()=>{{if(+at.value===+at.max){{stop();return;}}at.value=+at.value+1;show();}},{pause});
}};
show();
</script></html>
"""


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
    figures = [draw_network(computation.network, state, title=f"{heading}step {k}") for k, state in enumerate(states)]
    pictures = [_png(figure) for figure in figures]
    if path.suffix == ".html":
        _write(path, _html(pictures, title or "A computation", pause).encode())
    else:
        _write(path, _gif(pictures, pause))
    return path


def _png(figure: Figure) -> bytes:
    from snarc import draw

    out = io.BytesIO()
    with draw.style():
        figure.savefig(out, format="png", dpi=110)
    return out.getvalue()


def _gif(pictures: list[bytes], pause: int) -> bytes:
    from PIL import Image as images

    frames: list[Image] = [images.open(io.BytesIO(p)).convert("RGB") for p in pictures]
    # One palette for all frames, or colours would flicker.
    sheet = images.new("RGB", (frames[0].width, frames[0].height * 2))
    sheet.paste(frames[0], (0, 0))
    sheet.paste(frames[-1], (0, frames[0].height))
    palette = sheet.quantize(64)
    indexed: list[Any] = [f.quantize(palette=palette, dither=images.Dither.NONE) for f in frames]
    out = io.BytesIO()
    indexed[0].save(
        out, format="GIF", save_all=True, append_images=indexed[1:], duration=[pause] * (len(frames) - 1) + [3 * pause],
        loop=0, disposal=1,
    )  # fmt: skip
    return out.getvalue()


def _html(pictures: list[bytes], title: str, pause: int) -> str:
    urls = ["data:image/png;base64," + base64.b64encode(p).decode() for p in pictures]
    return _PAGE.format(
        title=html.escape(title),
        first=urls[0],
        last=len(urls) - 1,
        frames=",".join(f'"{u}"' for u in urls),
        pause=int(pause),
    )


def _write(path: Path, content: bytes) -> None:
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        temporary.write_bytes(content)
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
