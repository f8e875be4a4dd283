"""Points of a plane to be looked at one by one: what each is appears beside it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from markupsafe import Markup

from snarc import draw
from snarc.reading import Reading

from . import page

MOST = 4000  # dots; a page with more is slow
_WIDTH, _HEIGHT, _EDGE = 760, 600, 34
_RADIUS = 3.4


def fits(reading: Reading) -> bool:
    """Whether the reading has the arrays of points: ``xy`` ``(N, 2)`` and ``label`` ``(N,)``."""
    xy, label = reading.arrays.get("xy"), reading.arrays.get("label")
    return xy is not None and label is not None and xy.shape == (len(label), 2) and len(xy) > 0


def card(reading: Reading, title: str = "", *, id: str = "") -> Markup:
    """A card with the points of a reading, which show their example under the pointer, the finger or the arrow keys.

    Without scripts it is a plain figure, whose dots have the words alone as their titles.

    Parameters
    ----------
    reading: with the arrays ``xy`` ``(N, 2)`` and ``label`` ``(N,)``, and as far as there are any ``thumbnail``
        ``(N, h, w[, 3])`` bytes; ``detail`` ``(N,)``, a few words on each; ``colour`` ``(N,)``, text or numbers in
        place of the label, with ``colour_name``; ``class``, the order of the names; ``axes``, two titles.
    """
    found = _some(reading)
    colours, key = _colours(found)
    low, high = found["xy"].min(axis=0), found["xy"].max(axis=0)
    # One scale for both directions: distances are what the picture is about.
    scale = min((size - 2 * _EDGE) / max(span, 1e-12) for size, span in zip((_WIDTH, _HEIGHT), high - low))
    at = (found["xy"] - (low + high) / 2) * (scale, -scale) + (_WIDTH / 2, _HEIGHT / 2)
    words = found["detail"] if "detail" in found else [""] * len(at)
    dots = Markup("").join(
        Markup('<path d="{}" {}><title>{}</title></path>').format(_shape(x, y, shape), colour, _title(label, detail))
        for (x, y), (colour, shape), label, detail in zip(at, colours, found["label"], words)
    )
    axes = [str(name) for name in found["axes"]] if "axes" in found else ["", ""]
    picture = Markup(
        '<svg viewBox="0 0 {w} {h}" tabindex="0" role="img" aria-label="{alt}">'
        '<rect class="frame" x="1" y="1" width="{fw}" height="{fh}" rx="8"/><g class="dots">{dots}</g>'
        '<text x="{mx}" y="{by}" text-anchor="middle">{first}</text>'
        '<text transform="translate(16 {my}) rotate(-90)" text-anchor="middle">{second}</text></svg>'
    ).format(
        w=_WIDTH, h=_HEIGHT, fw=_WIDTH - 2, fh=_HEIGHT - 2, alt=reading.note or reading.name, dots=dots,
        mx=_WIDTH // 2, by=_HEIGHT - 10, my=_HEIGHT // 2, first=axes[0], second=axes[1],
    )  # fmt: skip
    sheet, tile = _sheet(found.get("thumbnail"))
    about = Markup('<figure class="scatter" data-script="scatter"{}>').format(tile)
    return page.card(
        title, about, Markup('<div class="plane">{}</div>').format(picture), key, sheet, Markup("</figure>"), id=id
    )


def _some(reading: Reading) -> Mapping[str, Any]:
    count = len(reading.arrays["xy"])
    if count <= MOST:
        return reading.arrays
    chosen = np.linspace(0, count - 1, MOST).astype(int)
    return {k: a[chosen] if a.ndim and len(a) == count else a for k, a in reading.arrays.items()}


def _title(label: Any, detail: Any) -> str:
    name = f"{label:.4g}" if isinstance(label, float | np.floating) else str(label)
    return f"{name}: {detail}" if detail else name


def _colours(found: Mapping[str, Any]) -> tuple[list[tuple[Markup, int]], Markup]:
    """The attributes and the shape of each dot, and the key to them."""
    values = found.get("colour", found["label"])
    name = str(found["colour_name"][0]) if "colour_name" in found else ""
    if values.dtype.kind == "f":
        return _scale(values, name)
    present = set(values.tolist())
    names = [k for k in found["class"].tolist() if k in present] if "class" in found else []
    names = names if len(names) == len(present) else sorted(present)
    place = {one: k for k, one in enumerate(names)}
    colours = [
        (Markup('class="c{}" data-group="{}"').format(place[v] % 8 + 1, place[v]), place[v] // 8 % 4)
        for v in values.tolist()
    ]
    items = Markup("").join(
        Markup(
            '<li data-group="{}"><svg viewBox="0 0 12 12" aria-hidden="true"><path class="c{}" d="{}"/></svg>{}</li>'
        ).format(k, k % 8 + 1, _shape(6, 6, k // 8 % 4, 4.2), one)
        for k, one in enumerate(names)
    )
    return colours, Markup('<ul class="key" aria-label="{}">{}</ul>').format(name or "classes", items)


def _scale(values: np.ndarray, name: str) -> tuple[list[tuple[Markup, int]], Markup]:
    from matplotlib import colormaps
    from matplotlib.colors import to_hex

    low, high = float(np.nanmin(values)), float(np.nanmax(values))
    table = [to_hex(colormaps[draw.SEQUENTIAL](k)) for k in np.linspace(0, 1, 64)]
    share = np.nan_to_num((values - low) / ((high - low) or 1.0))
    colours = [(Markup('fill="{}"').format(table[k]), 0) for k in np.round(share * 63).astype(int)]
    steps = Markup("").join(
        Markup('<rect x="{}" width="4" height="12" fill="{}"/>').format(3 * k, colour) for k, colour in enumerate(table)
    )
    bar = Markup(
        '<p class="key">{} <span>{:.3g}</span><svg class="bar" viewBox="0 0 192 12" aria-hidden="true">{}</svg>'
        "<span>{:.3g}</span></p>"
    )
    return colours, bar.format(name, low, steps, high)


def _shape(x: float, y: float, shape: int, radius: float = _RADIUS) -> str:
    """A disc, triangle, square or diamond of about the same area, as the data of an SVG path."""
    if shape == 0:
        d = 2 * radius
        return f"M{x - radius:.1f} {y:.1f}a{radius} {radius} 0 1 0 {d} 0a{radius} {radius} 0 1 0-{d} 0z"
    r = radius
    corners = {
        1: [(0, -1.25 * r), (1.2 * r, 0.85 * r), (-1.2 * r, 0.85 * r)],
        2: [(-0.9 * r, -0.9 * r), (0.9 * r, -0.9 * r), (0.9 * r, 0.9 * r), (-0.9 * r, 0.9 * r)],
        3: [(0, -1.3 * r), (1.3 * r, 0), (0, 1.3 * r), (-1.3 * r, 0)],
    }[shape]
    return "M" + "L".join(f"{x + a:.1f} {y + b:.1f}" for a, b in corners) + "z"


def _sheet(pictures: np.ndarray | None) -> tuple[Markup, Markup]:
    """All thumbnails on one image, and how large they are there and how many stand in a row."""
    if pictures is None:
        return Markup(""), Markup("")
    count, height, width = pictures.shape[:3]
    columns = math.ceil(math.sqrt(count * height / width))
    rows = -(-count // columns)
    whole = np.zeros((rows * columns, *pictures.shape[1:]), np.uint8)
    whole[:count] = pictures
    grid = whole.reshape(rows, columns, *pictures.shape[1:]).swapaxes(1, 2)
    image = np.ascontiguousarray(grid.reshape(rows * height, columns * width, *pictures.shape[3:]))
    sheet = Markup('<img class="sheet" hidden alt="" src="{}">').format(page.data_address(draw.png(image)))
    return sheet, Markup(' data-width="{}" data-height="{}" data-columns="{}"').format(width, height, columns)
