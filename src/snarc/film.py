"""Frames one after another: as a GIF, or as one HTML file with a slider that needs no network."""

from __future__ import annotations

import base64
import html
import io
import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from snarc.errors import LimitError, RecipeError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST_FRAMES = 1000

_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>{title}</title>
<style>
:root {{ color-scheme: light dark; --back: #f4f5f7; --ink: #1b1f24; --card: #fff; }}
@media (prefers-color-scheme: dark) {{ :root {{ --back: #14181d; --ink: #e6e9ee; }} }}
body {{ margin: 0; min-height: 100vh; display: grid; place-items: center; background: var(--back); color: var(--ink);
  font: 16px/1.5 system-ui, sans-serif; }}
main {{ width: min(96vw, 900px); }}
h1 {{ font-size: 1.1rem; margin: .5rem 0; }}
img {{ width: 100%; height: auto; display: block; background: var(--card); border-radius: 8px; }}
form {{ display: flex; gap: .8rem; align-items: center; margin: .8rem 0; }}
input {{ flex: 1; }}
button {{ font: inherit; min-width: 5rem; padding: .3rem .8rem; }}
output {{ min-width: 7ch; text-align: right; font-variant-numeric: tabular-nums; }}
</style></head><body><main>
<h1>{title}</h1>
<img id="frame" alt="{title}, frame by frame" src="{first}">
<form onsubmit="return false"><button id="play" type="button">Play</button>
<input id="slider" type="range" min="0" max="{last}" value="0" aria-label="frame">
<output id="where">1 / {count}</output></form>
</main><script>
const frames = [{frames}];
const image = document.getElementById("frame"), slider = document.getElementById("slider");
const play = document.getElementById("play"), where = document.getElementById("where");
let timer = null;
function show(k) {{ image.src = frames[k]; slider.value = k; where.value = (k + 1) + " / " + frames.length; }}
function stop() {{ clearInterval(timer); timer = null; play.textContent = "Play"; }}
slider.addEventListener("input", () => {{ stop(); show(+slider.value); }});
play.addEventListener("click", () => {{
  if (timer) return stop();
  if (+slider.value === frames.length - 1) show(0);
  play.textContent = "Pause";
  timer = setInterval(() => {{ const k = +slider.value + 1; if (k < frames.length) show(k); else stop(); }}, {delay});
}});
</script></body></html>
"""


def animate(
    draw_frame: Callable[[Any], Figure],
    frames: Iterable[Any],
    path: str | os.PathLike[str],
    *,
    fps: float = 4.0,
    title: str = "",
) -> Path:
    """Draw frames and write them as one file, a looping GIF or an HTML page with a slider.

    Parameters
    ----------
    draw_frame: from a member of ``frames`` to a Matplotlib figure; all of one size.
    frames: what the frames are drawn from, at most 1000.
    path: ends in ``.gif`` or ``.html``; the page holds its pictures and opens offline.
    fps: frames a second; the last one of a GIF stays for two seconds.
    title: of the page.

    Raises
    ------
    RecipeError: another ending, no frames, or frames a second that are not positive.
    LimitError: too many frames.
    """
    path, frames = Path(path), list(frames)
    if not 0 < fps <= 100:
        raise RecipeError(f"fps={fps!r}", wanted="a positive number, at most 100", way_out="Use fps=4.")
    if path.suffix.lower() not in (".gif", ".html"):
        raise RecipeError(
            f"an animation called {path.name!r}", wanted="a name that ends in .gif or .html", way_out="Rename it."
        )
    if not frames:
        raise RecipeError("an animation of no frames", wanted="at least one", way_out="Record the path while fitting.")
    if len(frames) > MOST_FRAMES:
        raise LimitError(f"{len(frames):,} frames", wanted=f"at most {MOST_FRAMES}", way_out="Take every tenth.")
    pictures = [_png(draw_frame(frame)) for frame in frames]
    data = _gif(pictures, fps) if path.suffix.lower() == ".gif" else _page(pictures, fps, title or path.stem).encode()
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        temporary.write_bytes(data)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    return path


def _png(figure: Figure) -> bytes:
    from snarc import draw

    out = io.BytesIO()
    with draw.style():
        figure.savefig(out, format="png", dpi=110, metadata={"Software": None})
    return out.getvalue()


def _gif(pictures: list[bytes], fps: float) -> bytes:
    from PIL import Image

    images = [Image.open(io.BytesIO(p)).convert("RGB") for p in pictures]
    # One palette for all frames, taken from the first and the last, so that nothing flickers.
    both = Image.new("RGB", (images[0].width, 2 * images[0].height))
    both.paste(images[0], (0, 0))
    both.paste(images[-1], (0, images[0].height))
    palette = both.quantize(128)
    images = [image.quantize(palette=palette, dither=Image.Dither.NONE) for image in images]
    out = io.BytesIO()
    each = round(1000 / fps)
    durations = [each] * (len(images) - 1) + [max(each, 2000)]
    images[0].save(out, format="GIF", save_all=True, append_images=images[1:], duration=durations, loop=0, disposal=1)
    return out.getvalue()


def _page(pictures: list[bytes], fps: float, title: str) -> str:
    sources = ["data:image/png;base64," + base64.b64encode(p).decode() for p in pictures]
    return _PAGE.format(
        title=html.escape(title),
        first=sources[0],
        frames=",".join(f'"{s}"' for s in sources),
        count=len(sources),
        last=len(sources) - 1,
        delay=round(1000 / fps),
    )
