"""The page: complete, escaped, themed, and without any request."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markupsafe import Markup

from snarc import draw
from snarc.render import page

VOID = {"meta", "input", "img", "br", "hr", "link"}


class Outline(HTMLParser):
    """Elements with their attributes; refuses what is not closed in its order."""

    def __init__(self, text):
        super().__init__()
        self.open, self.elements, self.text = [], [], []
        self.feed(text)
        self.close()
        assert not self.open, f"not closed: {self.open}"

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open, f"</{tag}> closes nothing"
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)

    def tags(self):
        return {tag for tag, _ in self.elements}


def assert_self_contained(html):
    """Nothing in the file can be fetched, run or followed to another place."""
    found = Outline(html)
    assert not found.tags() & {"script", "link", "iframe", "object", "embed", "base", "form"}
    for tag, attributes in found.elements:
        for name, value in attributes.items():
            assert not name.startswith("on"), (tag, name)
            if name in ("src", "href", "xlink:href", "data", "srcset", "poster", "action"):
                assert value.startswith(("data:image/png;base64,", "#")), (tag, name, value[:60])
            if name == "style":
                assert "http" not in value
    for style in re.findall(r"<style[^>]*>(.*?)</style>", html, flags=re.DOTALL):
        assert "@import" not in style
        assert "http" not in style
    policy = next(a["content"] for t, a in found.elements if t == "meta" and a.get("http-equiv"))
    assert policy == "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
    ids = [a["id"] for _, a in found.elements if "id" in a]
    assert len(ids) == len(set(ids)), "an id is given twice"
    targets = {a["href"] for t, a in found.elements if t == "a"}
    assert {t[1:] for t in targets if t.startswith("#")} <= set(ids)
    return found


def every_block(text):
    figure, ax = draw.new(width=3, height=2)
    ax.plot([1, 2], [3, 4], label=text)
    ax.set_xlabel(draw.shorten(text, 60))
    svg = draw.svg(figure)
    picture = page.data_address(draw.png(draw.pixels([[[[0.5]]]])[0]))
    image = {"src": picture, "alt": text, "width": 1, "height": 1, "text": text, "small": text}
    return page.join(
        page.verdict(text, text, text, mark="bad"),
        page.notice(text),
        page.tiles([(text, text), (text, text, text)]),
        page.section(
            text,
            page.grid(
                page.card(text, page.figure(svg, text), page.figure(svg), note=text, wide=True),
                page.stack(page.card(text, page.table([text, "n"], [[text, 1]], foot=[text, 1], caption=text))),
                three=True,
            ),
            page.facts([(text, text)]), page.details(text, page.note(text)), page.code(text), page.pictures([image]),
            id="one", intro=text,
        ),
    )  # fmt: skip


@pytest.mark.parametrize("text", ["plain", "<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "a & b'"])
def test_every_block_escapes_what_it_is_given(text):
    html = page.page(text, every_block(text), eyebrow=text, lead=text, contents=[("one", text)], made=text, footer=text)
    # The same figure twice is the one case in which equal identifiers mean equal things.
    html = re.sub(r' id="f[0-9a-f]{8}-[^"]*"', "", html)
    found = assert_self_contained(html)
    assert "".join(found.text).count(text) >= 20


@given(st.text(alphabet=st.characters(blacklist_categories=("Cs", "Cc")), max_size=40))
def test_any_text_comes_back_as_it_was(text):
    html = page.page("t", page.join(page.card(text or "x", page.notice(text or "x")), page.code(text)))
    found = assert_self_contained(html)
    assert text in "".join(found.text)


def test_plain_text_as_body_is_escaped_and_markup_is_not():
    assert "<p>&lt;b&gt;" in page.page("t", Markup("<p>{}</p>").format("<b>"))
    assert "&lt;b&gt;" in page.page("t", "<b>")


def test_both_themes_name_the_same_colours_and_are_readable():
    def luminance(colour):
        parts = [int(colour[k : k + 2], 16) / 255 for k in (1, 3, 5)]
        linear = [p / 12.92 if p <= 0.03928 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    def contrast(a, b):
        high, low = sorted((luminance(a), luminance(b)), reverse=True)
        return (high + 0.05) / (low + 0.05)

    assert page.LIGHT.keys() == page.DARK.keys()
    for theme in (page.LIGHT, page.DARK):
        for ground in ("paper", "page", "soft"):
            for ink in ("ink", "muted", "accent", "good", "bad"):
                assert contrast(theme[ink], theme[ground]) >= 4.5, (ink, ground)
        assert contrast(theme["ink"], theme["mark"]) >= 4.5
        for k in range(1, 9):
            assert contrast(theme[f"c{k}"], theme["paper"]) >= 1.9, k


def test_the_chosen_theme_wins_and_paper_is_light():
    html = page.page("t", "x")
    assert "@media screen and (prefers-color-scheme:dark){:root:not(:has(#theme-light:checked))" in html
    assert "@media screen{:root:has(#theme-dark:checked)" in html
    assert {a["id"] for t, a in Outline(html).elements if t == "input"} == {"theme-auto", "theme-light", "theme-dark"}
