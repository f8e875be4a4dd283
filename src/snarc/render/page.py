"""The page that every report, experiment and comparison shares: one self-contained file, light and dark.

A page is made of blocks.  Each block is a function that returns ``Markup``
(text that is HTML already); whatever else is given to a block is escaped, so
that a class called ``<script>`` is shown and never run::

    body = page.join(
        page.verdict("98.9 %", "of 10,000 test images are read correctly.", "One run, seed 0."),
        page.section(
            "Learning",
            page.grid(
                page.card("Loss", page.figure(draw.svg(figure), "Loss after each epoch.")),
                page.card("Per class", page.table(["class", "recall"], [["zero", "0.99"]])),
            ),
            id="learning",
        ),
    )
    html = page.page("LeNet-5 on MNIST", body, eyebrow="report", contents=[("learning", "Learning")])

The file holds its style and its pictures.  Its content security policy
forbids every request, so that it works offline and tells nobody that it was
opened.  It has no script but those of blocks that need one (``data-script``),
each allowed by its checksum, so that no other could run.
"""

from __future__ import annotations

import base64
import functools
import hashlib
from collections.abc import Iterable, Sequence
from importlib import resources
from typing import Any

from jinja2 import Environment, FunctionLoader, StrictUndefined, Template
from markupsafe import Markup, escape

from snarc import __version__

# Ink, muted, grid and paper are the roles of snarc.draw, c1 to c8 its palette; text on paper has a contrast of 4.5.
LIGHT = {
    "page": "#f5f6f8", "paper": "#ffffff", "soft": "#eef1f5", "ink": "#1b1f24", "muted": "#5b6470", "grid": "#dce1e8",
    "accent": "#00639c", "good": "#00704f", "bad": "#b3420a", "warn": "#d08a00", "mark": "#fff0c9",
    "shadow": "0 1px 2px rgb(20 30 45 / .05), 0 6px 18px rgb(20 30 45 / .04)",
    "c1": "#0072b2", "c2": "#d55e00", "c3": "#009e73", "c4": "#cc79a7",
    "c5": "#e69f00", "c6": "#56b4e9", "c7": "#8c6d31", "c8": "#7f7f7f",
}  # fmt: skip
DARK = {
    "page": "#0e1217", "paper": "#161b22", "soft": "#202832", "ink": "#e9edf2", "muted": "#a0abb8", "grid": "#2c3540",
    "accent": "#6cb8f0", "good": "#4fd0a3", "bad": "#ff9a5c", "warn": "#f0b43c", "mark": "#4a3a10",
    "shadow": "none",
    "c1": "#4aa8e8", "c2": "#ff8a3d", "c3": "#2ec79a", "c4": "#e39ac4",
    "c5": "#f2b632", "c6": "#8acdf5", "c7": "#c6a25c", "c8": "#a6a6a6",
}  # fmt: skip
_FONTS = {
    "sans": "system-ui,-apple-system,'Segoe UI',Roboto,'Helvetica Neue',Arial,'DejaVu Sans',sans-serif",
    "serif": "Charter,'Bitstream Charter','Sitka Text',Cambria,Georgia,'DejaVu Serif',serif",
    "mono": "ui-monospace,'SF Mono',Menlo,Consolas,'DejaVu Sans Mono',monospace",
}

# Blocks with a style and a script of their own, which a page gets once, and only if it has such a block.
_SCRIPTED = ("scatter",)

Html = str | Markup


def page(
    title: str,
    body_html: Html,
    *,
    eyebrow: str = "snarc",
    lead: str = "",
    contents: Sequence[tuple[str, str]] = (),
    made: str = "",
    footer: Html = "",
) -> str:
    """A complete HTML file that needs nothing else.

    Parameters
    ----------
    title: of the window and the heading.
    body_html: blocks of this module, put together with :func:`join`; text that is not ``Markup`` is escaped.
    eyebrow: a few words above the title that say what kind of page it is.
    lead: a sentence below the title.
    contents: pairs (id of a section, or the address of another page; label) for the bar that stays in sight.
    made: when the page was written; the only part that differs between two pages of the same things.
    footer: a sentence at the end.
    """
    # Escaped text has no quotation marks: only a block itself can ask for its script.
    wanted = [name for name in _SCRIPTED if f'data-script="{name}"' in escape(body_html)]
    style = "\n".join([css(), *(_source(f"{name}.css").strip() for name in wanted)])
    scripts = [_source(f"{name}.js").strip() for name in wanted]
    return _template("page.html").render(
        title=title, body=body_html, eyebrow=eyebrow, lead=lead, contents=contents, made=made, footer=footer,
        css=Markup(style), version=__version__, scripts=[Markup(text) for text in scripts],
        allowed=Markup(" ".join(f"'sha256-{_checksum(text)}'" for text in scripts)),
    )  # fmt: skip


def join(*parts: Html | None) -> Markup:
    """Blocks one after another; empty ones are left out."""
    return Markup("\n").join(part for part in parts if part)


def section(title: str, *content: Html | None, id: str = "", intro: Html = "") -> Markup:
    """A heading with blocks under it; ``id`` is what the contents point to."""
    return _block("section", title, join(*content), id, intro)


def grid(*cards: Html | None, three: bool = False) -> Markup:
    """Cards beside each other where there is room: two (or three) in a row, one on a telephone."""
    return Markup('<div class="grid{}">{}</div>').format(" three" if three else "", join(*cards))


def stack(*cards: Html | None) -> Markup:
    """Cards below each other, as one cell of a grid."""
    return Markup('<div class="stack">{}</div>').format(join(*cards))


def card(title: Html, *content: Html | None, note: Html = "", wide: bool = False, id: str = "") -> Markup:
    """A box with a heading; ``wide`` spans the whole row of its grid."""
    return _block("card", title, join(*content), note, wide, id)


def figure(svg: str, caption: Html = "", *, alt: str = "", width: int | None = None) -> Markup:
    """A picture with its caption.

    Parameters
    ----------
    svg: what :func:`snarc.draw.svg` returns; it is put into the page as it is.
    alt: what it shows, for those who cannot see it; the caption by default.
    width: largest width in pixels.
    """
    return _block("figure", Markup(svg), caption, alt, width)


def table(
    head: Sequence[Html], rows: Iterable[Sequence[Any]], *, left: int = 1, foot: Sequence[Any] = (), caption: Html = ""
) -> Markup:
    """A table that scrolls inside its box when it is too wide.

    Parameters
    ----------
    left: how many columns, from the first, are text and aligned left; the others are numbers.
    foot: a last row, set apart.
    """
    return _block("table", list(head), [list(row) for row in rows], left, list(foot), caption)


def facts(pairs: Iterable[tuple[Html, Any]]) -> Markup:
    """Names and values, a line each."""
    return _block("facts", list(pairs))


def tiles(items: Iterable[Sequence[Any]]) -> Markup:
    """Single numbers in boxes: (value, what it is[, a remark])."""
    return _block("tiles", [tuple(item) for item in items])


def details(title: Html, *content: Html | None) -> Markup:
    """Blocks that are folded away under a title until it is clicked."""
    return Markup("<details><summary>{}</summary>{}</details>").format(title, join(*content))


def code(text: str) -> Markup:
    """Lines to be copied into a terminal or an editor."""
    return _block("code", text)


def verdict(value: Html, sentence: Html, detail: Html = "", *, mark: str = "") -> Markup:
    """The answer of the page in one large number and one sentence; ``mark="bad"`` for one that failed."""
    return _block("verdict", value, sentence, detail, mark)


def notice(text: Html, kind: str = "warning") -> Markup:
    """A remark that must not be overlooked: ``warning``, ``bad``, or ``plain``."""
    return _block("notice", text, kind)


def pictures(items: Iterable[dict[str, Any]]) -> Markup:
    """Small images side by side.

    Each has ``src`` (see :func:`data_address`), ``alt``, ``width``, ``height``, ``text`` and ``small``.
    """
    return _block("pictures", list(items))


def data_address(png: bytes) -> str:
    """A PNG image as an address that holds it."""
    return "data:image/png;base64," + base64.b64encode(png).decode("ascii")


def note(text: Html) -> Markup:
    """A small paragraph below blocks."""
    return Markup('<p class="note">{}</p>').format(text)


def _block(name: str, *values: Any) -> Markup:
    return Markup(getattr(_template("blocks.html").module, name)(*values))


def _checksum(script: str) -> str:
    return base64.b64encode(hashlib.sha256(script.encode()).digest()).decode("ascii")


@functools.cache
def css() -> str:
    """The style of every page, with the colours of the light and the dark theme as variables."""

    def block(tokens: dict[str, str]) -> str:
        return "".join(f"--{name}:{value};" for name, value in tokens.items())

    light, dark, fonts = block(LIGHT), block(DARK), block(_FONTS)
    # The reader's choice wins over the system's; paper is always light.
    return "\n".join(
        [
            f":root{{color-scheme:light;{fonts}{light}}}",
            "@media screen and (prefers-color-scheme:dark){"
            f":root:not(:has(#theme-light:checked)){{color-scheme:dark;{dark}}}}}",
            f"@media screen{{:root:has(#theme-dark:checked){{color-scheme:dark;{dark}}}}}",
            _source("page.css").strip(),
        ]
    )


def _source(name: str) -> str:
    return (resources.files(__package__) / "templates" / name).read_text(encoding="utf-8")


@functools.cache
def _template(name: str) -> Template:
    environment = Environment(
        loader=FunctionLoader(_source), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    return environment.get_template(name)
