"""Figures as SVG that follow the theme and can stand side by side."""

from __future__ import annotations

import re

import numpy as np
import pytest

from snarc import draw


def picture(colour=draw.PALETTE[0], label="x"):
    figure, ax = draw.new(width=3, height=2)
    ax.fill_between([0, 1], [0, 1], [1, 2], color=colour)
    ax.plot([0, 1], [1, 0], "o", color=draw.INK)
    ax.set_xlabel(label)
    ax.text(0, 0, "black by default")
    ax.legend(["a", "b"])
    return figure


def test_colours_become_the_page_s_and_nothing_stays_black_or_white():
    svg = draw.svg(picture())
    colours = set(re.findall(r"(?:fill|stroke): ([^;\"]+)", svg))
    named = {"ink": draw.INK, "muted": draw.MUTED, "grid": draw.GRID, "c1": draw.PALETTE[0], "paper": "#ffffff"}
    assert colours <= {"none", *(f"var(--{name},{colour})" for name, colour in named.items())}
    assert svg.startswith('<svg style="fill: var(--ink,')


def test_a_label_that_looks_like_a_colour_stays_a_label():
    assert ">#0072B2</text>" in draw.svg(picture(label="#0072B2"))


def test_two_pictures_share_no_identifier_and_refer_only_to_their_own():
    one, two = draw.svg(picture()), draw.svg(picture(colour=draw.PALETTE[1]))
    ids = [set(re.findall(r' id="([^"]+)"', svg)) for svg in (one, two)]
    assert ids[0]
    assert not ids[0] & ids[1]
    for svg, own in zip((one, two), ids):
        used = set(re.findall(r"url\(#([^)]+)\)", svg)) | set(re.findall(r'href="#([^"]+)"', svg))
        assert used == own
    assert "metadata" not in one
    assert draw.svg(picture()) == one


def test_saved_files_are_the_same_each_time_and_have_plain_colours(tmp_path):
    for suffix in ("svg", "png", "pdf"):
        for k in range(2):
            draw.save(picture(), tmp_path / f"{k}.{suffix}")
        assert (tmp_path / f"0.{suffix}").read_bytes() == (tmp_path / f"1.{suffix}").read_bytes()
    assert "var(" not in (tmp_path / "0.svg").read_text()


def test_pixels():
    bytes_ = np.arange(12, dtype=np.uint8).reshape(1, 2, 2, 3)
    np.testing.assert_array_equal(draw.pixels(bytes_), bytes_)
    assert draw.pixels(np.array([[[[0.0]], [[1.0]]]])).tolist() == [[[0], [255]]]
    assert draw.pixels(np.array([[[[-1.0]], [[1.0]]]])).tolist() == [[[0], [255]]]
    assert draw.pixels(np.zeros((2, 3, 3, 2))).shape == (2, 3, 3)


def test_png_comes_back_as_it_was():
    import io

    from PIL import Image

    image = np.arange(16, dtype=np.uint8).reshape(4, 4)
    np.testing.assert_array_equal(np.asarray(Image.open(io.BytesIO(draw.png(image)))), image)


@pytest.mark.parametrize(("low", "high"), [(0.08, 2.1), (0.0007, 2.2), (1, 10_000), (0.9, 1.1)])
def test_logarithmic_axes_have_a_few_plain_numbers(low, high):
    figure, ax = draw.new(width=5, height=3)
    ax.plot([0, 1], [low, high])
    ax.set_yscale("log")
    draw.plain_log(ax.yaxis)
    figure.canvas.draw()
    bottom, top = ax.get_ylim()
    shown = [t.get_text() for t, at in zip(ax.get_yticklabels(), ax.get_yticks()) if bottom <= at <= top]
    assert 1 <= len(shown) <= 8
    assert all(re.fullmatch(r"[\d,.]+", text) for text in shown)
