"""The points of a page: complete without a script, and with one that nothing but its own text allows."""

from __future__ import annotations

import base64
import hashlib
import io
import re

import numpy as np
import pytest
from PIL import Image

from snarc.reading import Reading
from snarc.render import page, reading, readings, scatter
from snarc.training.readings import Kept


def points(**more):
    rng = np.random.default_rng(0)
    arrays = {
        "xy": rng.normal(size=(30, 2)), "label": np.array(["a", "b", "<script>alert(1)</script>"] * 10),
        "detail": np.array(['right & "sure"'] * 30), "axes": np.array(["one", "two"]),
        "thumbnail": rng.integers(0, 256, (30, 6, 4)).astype(np.uint8), **more,
    }  # fmt: skip
    return Reading("embedding", {"n": 1}, {k: v for k, v in arrays.items() if v is not None}, note="Seen.")


def test_what_can_be_shown():
    assert scatter.fits(points())
    assert not scatter.fits(Reading("x", {}, {"xy": np.zeros((3, 2))}))
    assert not scatter.fits(Reading("x", {}, {"xy": np.zeros((3, 3)), "label": np.zeros(3)}))


def test_every_point_has_a_dot_with_its_words():
    html = str(scatter.card(points()))
    titles = re.findall(r"<title>(.*?)</title>", html)
    assert len(titles) == 30
    assert titles[0] == "a: right &amp; &#34;sure&#34;"
    assert "<script>" not in html
    assert html.count('<li data-group="') == 3


def test_distances_keep_their_scale():
    xy = np.array([[0.0, 0.0], [4.0, 0.0], [0.0, 2.0]])
    html = str(scatter.card(Reading("p", {}, {"xy": xy, "label": np.array(["a", "b", "c"])})))
    places = re.findall(r'<path d="M([\d.]+) ([\d.]+)a[^>]*><title>', html)
    at = np.array(places, float) + (3.4, 0)
    assert np.linalg.norm(at[1] - at[0]) == pytest.approx(2 * np.linalg.norm(at[2] - at[0]), abs=0.3)
    assert at[1, 0] > at[0, 0]
    assert at[2, 1] < at[0, 1], "up is up"


@pytest.mark.parametrize("shape", [(30, 6, 4), (7, 9, 9, 3), (1, 5, 8)])
def test_each_thumbnail_lies_where_the_script_looks_for_it(shape):
    pictures = np.random.default_rng(1).integers(0, 256, shape).astype(np.uint8)
    count = len(pictures)
    found = points(xy=np.random.default_rng(2).normal(size=(count, 2)), label=np.array(["a"] * count), detail=None,
                   thumbnail=pictures)  # fmt: skip
    html = str(scatter.card(found))
    wide, high, columns = (int(re.search(rf'data-{name}="(\d+)"', html)[1]) for name in ("width", "height", "columns"))
    png = base64.b64decode(re.search(r'src="data:image/png;base64,([^"]+)"', html)[1])
    sheet = np.asarray(Image.open(io.BytesIO(png)))
    for k in range(count):
        x, y = wide * (k % columns), high * (k // columns)
        np.testing.assert_array_equal(sheet[y : y + high, x : x + wide], pictures[k])


def test_numbers_become_a_scale_of_colours():
    html = str(scatter.card(points(colour=np.linspace(0, 1, 30), colour_name=np.array(["confidence"]))))
    assert "confidence <span>0</span>" in html
    assert "data-group" not in html
    assert len(set(re.findall(r'fill="(#[0-9a-f]{6})"><title>', html))) == 30


def test_many_points_are_thinned_out(monkeypatch):
    monkeypatch.setattr(scatter, "MOST", 10)
    assert str(scatter.card(points(perplexity=np.float64(30)))).count("<title>") == 10


def test_the_page_allows_its_own_script_and_no_other():
    html = reading.html(points(), title="Points")
    scripts = re.findall(r"<script>(.*?)</script>", html, flags=re.DOTALL)
    assert len(scripts) == 1
    policy = re.search(r'http-equiv="Content-Security-Policy" content="([^"]*)"', html)[1]
    digest = base64.b64encode(hashlib.sha256(scripts[0].encode()).digest()).decode()
    assert policy == f"default-src 'none'; style-src 'unsafe-inline'; img-src data:; script-src 'sha256-{digest}'"
    assert not re.search(r"https?://(?!www\.w3\.org/2000/svg)|fetch\(|XMLHttp|import\(|eval\(|innerHTML", scripts[0])
    twice = page.page("t", page.join(scatter.card(points()), scatter.card(points())))
    assert twice.count("<script>") == 1


def test_a_report_says_in_words_what_the_points_show():
    html = str(readings.section({"embedding": Kept("embedding", points())}, "see", lambda *_: ""))
    assert html.count("<title>") == 30
    assert '<p class="note">Seen.</p>' in html


def test_a_reading_of_what_is_not_installed_is_not_passed_over():
    missing = {"of-another-package": Kept("of-another-package", None, "no instrument is called so")}
    assert "no instrument is called so" in str(readings.section(missing, "see", lambda *_: ""))
    assert readings.section(missing, "trust", lambda *_: "") is None


def test_a_page_without_points_has_no_script():
    for body in ("plain", 'a text that says data-script="scatter"'):
        html = page.page("t", body)
        assert "<script" not in html
        assert "script-src" not in html
