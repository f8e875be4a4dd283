"""One look for every figure: colours, axes, and SVG that follows the page's light or dark theme.

Matplotlib is imported when a figure is first asked for.  A figure is made by
:func:`new`, never shown by the library, and turned into SVG by :func:`svg`:
the colours of text, axes and background become CSS variables, so that one
picture serves the light and the dark page.
"""

from __future__ import annotations

import hashlib
import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Okabe and Ito's palette (2008), safe for colour-blind readers, in an order that starts with the most distinct.
PALETTE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#8C6D31", "#7F7F7F")
SEQUENTIAL = "viridis"
DIVERGING = "RdBu_r"

# Colours that stand for a role; `svg` replaces each by the CSS variable of the page.
INK = "#1b1f24"
MUTED = "#6b7280"
GRID = "#d9dee5"
PAPER = "#fffffe"
_ROLES = {
    INK: "var(--ink,#1b1f24)",
    MUTED: "var(--muted,#6b7280)",
    GRID: "var(--grid,#d9dee5)",
    PAPER: "var(--paper,#ffffff)",
}
# The page makes the palette brighter on a dark ground.
_ROLES |= {colour: f"var(--c{k},{colour})" for k, colour in enumerate(PALETTE, start=1)}

_STYLE: dict[str, Any] = {
    "figure.facecolor": PAPER, "axes.facecolor": PAPER, "savefig.facecolor": PAPER,
    "text.color": INK, "axes.labelcolor": INK, "axes.titlecolor": INK,
    "axes.edgecolor": MUTED, "xtick.color": MUTED, "ytick.color": MUTED,
    "xtick.labelcolor": INK, "ytick.labelcolor": INK,
    "axes.grid": True, "grid.color": GRID, "grid.linewidth": 0.7, "axes.axisbelow": True,
    "axes.spines.top": False, "axes.spines.right": False, "axes.linewidth": 0.8,
    "axes.titlesize": 11, "axes.titleweight": "bold", "axes.titlelocation": "left", "axes.labelsize": 10,
    "xtick.labelsize": 9, "ytick.labelsize": 9, "font.size": 10,
    "font.family": "sans-serif", "font.sans-serif": ["DejaVu Sans"],
    "legend.frameon": False, "legend.fontsize": 9, "lines.linewidth": 1.8,
    "svg.fonttype": "none", "svg.hashsalt": "snarc", "figure.dpi": 100, "savefig.dpi": 160,
    "image.interpolation": "nearest", "figure.constrained_layout.use": True,
}  # fmt: skip


@contextmanager
def style() -> Iterator[None]:
    """The project's Matplotlib settings, for the length of a ``with`` block."""
    import matplotlib as mpl
    from cycler import cycler

    settings: Any = {**_STYLE, "axes.prop_cycle": cycler(color=PALETTE)}
    with mpl.rc_context(settings):
        yield


def new(
    rows: int = 1, columns: int = 1, *, width: float = 6.4, height: float = 4.0, **options: Any
) -> tuple[Figure, Any]:
    """A figure of ``width`` x ``height`` inches and its axes, as ``matplotlib.pyplot.subplots`` gives them.

    The figure belongs to no window and to no global list, so nothing has to
    be closed.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    with style():
        figure = Figure(figsize=(width, height))
        FigureCanvasAgg(figure)
        return figure, figure.subplots(rows, columns, **options)


def bare(ax: Axes) -> Axes:
    """An axis without ticks, grid or frame, for images."""
    ax.set_xticks([])
    ax.set_yticks([])
    ax.grid(False)
    for spine in ax.spines.values():
        spine.set_visible(False)
    return ax


def svg(figure: Figure) -> str:
    """The figure as an ``<svg>`` element whose ink, grid, paper and palette follow the page's theme.

    It has no identifiers but those that it refers to itself, made its own by
    the picture's checksum, so that any number of pictures can stand in a page.
    """
    _plain_legends(figure)
    out = io.StringIO()
    with style():
        figure.savefig(out, format="svg", metadata={"Date": None, "Creator": None})
    text = out.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>\s*|<!--.*?-->\s*", "", text, flags=re.DOTALL)
    # Matplotlib leaves black out, as the default; here the default is ink.
    text = text.replace("<svg ", f'<svg style="fill: {INK}" ', 1)
    used = set(re.findall(r"url\(#([^)]+)\)", text)) | set(re.findall(r'href="#([^"]+)"', text))
    own = "f" + hashlib.sha256(text.encode()).hexdigest()[:8]
    text = re.sub(r' id="([^"]*)"', lambda m: f' id="{own}-{m[1]}"' if m[1] in used else "", text)
    text = re.sub(r"url\(#", f"url(#{own}-", text)
    text = re.sub(r'href="#', f'href="#{own}-', text)
    for colour, variable in _ROLES.items():
        # Only in style attributes, which hold all of Matplotlib's colours: a label may contain anything.
        text = re.sub(rf"(?<=: ){re.escape(colour)}(?=[;\"])", variable, text, flags=re.IGNORECASE)
    return text


def save(figure: Figure, path: str | Path | IO[bytes], *, format: str | None = None) -> None:
    """Write the figure to a path or an open file as PNG, SVG or PDF, as the suffix says or ``format``.

    The colours are those of the light page; the same figure is the same file.
    """
    _plain_legends(figure)
    kind = format or Path(str(path)).suffix.lower().lstrip(".")
    metadata = {"svg": {"Date": None, "Creator": None}, "pdf": {"CreationDate": None}}.get(kind)
    with style():
        figure.savefig(path, format=kind, metadata=metadata)


def _plain_legends(figure: Figure) -> None:
    # A legend made outside `style` has a white box, which would stay white in the dark.
    from matplotlib.legend import Legend

    for legend in figure.findobj(Legend):
        legend.get_frame().set(facecolor=PAPER, edgecolor="none", alpha=0.75)  # type: ignore[attr-defined]


def tiles(images: np.ndarray, columns: int) -> np.ndarray:
    """Images ``(N, H, W[, C])`` on one sheet with a gap of one pixel of NaN.

    The result is ``(rows * (H + 1) - 1, columns * (W + 1) - 1[, C])``.
    """
    import numpy as np

    images = np.asarray(images, np.float32)
    count, height, width = images.shape[:3]
    rows = -(-count // columns)
    sheet = np.full((rows * (height + 1) - 1, columns * (width + 1) - 1, *images.shape[3:]), np.nan, np.float32)
    for k, image in enumerate(images):
        y, x = divmod(k, columns)
        sheet[y * (height + 1) : y * (height + 1) + height, x * (width + 1) : x * (width + 1) + width] = image
    return sheet


def pixels(images: np.ndarray) -> np.ndarray:
    """Inputs ``(N, H, W, C)`` as pictures: uint8, ``(N, H, W)`` for one channel, ``(N, H, W, 3)`` in colour.

    Bytes stay as they are, numbers in [0, 1] are times 255, others are
    stretched to their own range.  Of two channels, or of more than four, the
    mean is shown.
    """
    import numpy as np

    images = np.asarray(images)
    if images.dtype != np.uint8:
        images = images.astype(np.float64)
        low, high = images.min(initial=0.0), images.max(initial=1.0)
        images = np.round((images - low) / max(high - low, 1e-12) * 255).astype(np.uint8)
    channels = images.shape[-1]
    if channels in (3, 4):
        return images[..., :3]
    return images[..., 0] if channels == 1 else np.round(images.mean(axis=-1)).astype(np.uint8)


def png(image: np.ndarray) -> bytes:
    """A picture of :func:`pixels`, ``(H, W)`` or ``(H, W, 3)`` uint8, as the bytes of a PNG file."""
    from PIL import Image

    out = io.BytesIO()
    Image.fromarray(image).save(out, format="PNG", optimize=True)
    return out.getvalue()


def shorten(text: str, most: int) -> str:
    """Text of at most so many characters, on one line, for a label; dollar signs stay dollar signs.

    >>> shorten("handwritten", 6)
    'handw…'
    """
    text = "".join(c if c.isprintable() else " " for c in text)
    text = text if len(text) <= most else text[: most - 1] + "…"
    return text.replace("$", r"\$")


def legend(ax: Axes, **options: Any) -> None:
    """A legend without a box, if there is anything to name."""
    if ax.get_legend_handles_labels()[1]:
        ax.legend(**{"frameon": True, "fontsize": 9, "labelcolor": INK, **options})


def whole_numbers(axis: Any) -> None:
    """Ticks at whole numbers only."""
    from matplotlib.ticker import MaxNLocator

    axis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))


def plain_log(axis: Any) -> None:
    """Few ticks of a logarithmic axis, written as 0.05 and 2000 rather than as powers."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    low, high = axis.get_view_interval()
    # Under two decades the powers of ten alone would leave the axis nearly bare.
    steps = (1.0, 2.0, 5.0) if high < 100 * low else (1.0,)
    axis.set_major_locator(LogLocator(base=10, subs=steps, numticks=6))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.10g}"))
    axis.set_minor_formatter(NullFormatter())
