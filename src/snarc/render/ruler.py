"""A claim as a small picture: the range in which it holds, what was published, what was measured."""

from __future__ import annotations

import math

from markupsafe import Markup

from snarc.experiments import Claim
from snarc.reading import Estimate

WIDTH, HEIGHT = 150, 22


def ruler(claim: Claim) -> Markup:
    """An inline SVG with a band (where the claim holds), a diamond (published) and a dot with its error bar (measured).

    Empty for claims that are exact or true or false, where there is nothing between.
    """
    if claim.exact or isinstance(claim.measured, bool):
        return Markup("")
    measured = claim.measured
    value = float(measured)
    error = measured.standard_error if isinstance(measured, Estimate) and measured.standard_error else 0.0
    low, high = (float(v) for v in claim.range)
    published = [float(claim.published)] if isinstance(claim.published, int | float) else []
    points = [v for v in (value - error, value + error, low, high, *published) if math.isfinite(v)]
    if not math.isfinite(value) or not points:
        return Markup("")
    left, right = min(points), max(points)
    room = 0.12 * (right - left) or 0.5 * abs(left) or 1.0
    left, right = left - room, right + room

    def x(v: float) -> float:
        return round(3 + (WIDTH - 6) * (min(max(v, left), right) - left) / (right - left), 1)

    middle = HEIGHT / 2
    shapes = [_line(3, WIDTH - 3, "axis")]
    wide = max(1.0, round(x(high) - x(low), 1))
    shapes.append(f'<rect x="{x(low)}" y="4" width="{wide}" height="{HEIGHT - 8}" rx="3" class="band"/>')
    if error:
        shapes.append(_line(x(value - error), x(value + error), "bar"))
    for v in published:
        shapes.append(f'<path d="M{x(v)} {middle - 6}l5 6l-5 6l-5-6z" class="published"/>')
    shapes.append(f'<circle cx="{x(value)}" cy="{middle}" r="4" class="measured"/>')
    label = f"measured {claim.measured_text}, {claim.wanted_text}"
    return Markup('<svg viewBox="0 0 {0} {1}" width="{0}" height="{1}" role="img" aria-label="{2}">{3}</svg>').format(
        WIDTH, HEIGHT, label, Markup("".join(shapes))
    )


def _line(start: float, end: float, kind: str) -> str:
    return f'<line x1="{start}" x2="{end}" y1="{HEIGHT / 2}" y2="{HEIGHT / 2}" class="{kind}"/>'
