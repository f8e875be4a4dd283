"""The page in a browser: drawing with mouse, finger and keys, dropping and choosing files, switching what is shown."""

from __future__ import annotations

import base64
import copy
import dataclasses
import io

import numpy as np
import pytest
from PIL import Image

from .conftest import serving
from .webdriver import CHROMIUM, DRIVER, Browser

pytestmark = pytest.mark.skipif(not (CHROMIUM and DRIVER), reason="needs Chromium and chromedriver")

SEVEN = [(0.25, 0.2), (0.75, 0.2), (0.6, 0.5), (0.45, 0.85)]
RIGHT, DOWN, ESCAPE = "\ue014", "\ue015", "\ue00c"
ANSWERED = "!document.body.classList.contains('blank')"
SETTLED = "document.querySelector('main').ariaBusy === 'false'"
HOSTILE = "<img src=x onerror=alert(1)>"


@pytest.fixture(scope="module")
def browser():
    made = Browser()
    yield made
    made.close()


@pytest.fixture(scope="module")
def door(drawing):
    with serving(drawing.page()) as found:
        yield found


@pytest.fixture
def page(browser, door):
    """The page as it is opened from the terminal."""
    browser.size(1280, 900)
    browser.go("about:blank")
    browser.go(door.extra["address"].url)
    browser.wait("document.body.classList.contains('ready')")
    browser.complaints()
    yield browser
    assert browser.complaints() == []


def png(pixels):
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "PNG")
    return out.getvalue()


def text(browser, name):
    return browser.js("return document.getElementById(arguments[0]).textContent", name)


def test_the_token_leaves_the_address_and_a_reload_keeps_the_session(page, door):
    assert page.js("return location.href") == f"http://{door.host}/"
    page.js("location.reload()")
    page.wait("document.body.classList.contains('ready')")


def test_without_the_token_the_page_says_what_to_do(browser, door):
    browser.go("about:blank")
    browser.go(f"http://localhost:{door.port}/")  # another origin, which has no session
    browser.wait("!document.getElementById('trouble').hidden")
    assert "Open the address" in text(browser, "trouble")
    browser.complaints()


@pytest.mark.parametrize("kind", ["mouse", "touch", "pen"])
def test_a_drawn_digit_is_read(page, door, small_run, kind):
    assert text(page, "class") == "?"
    page.draw(SEVEN, kind)
    page.wait(SETTLED)
    assert page.js("return document.querySelectorAll('#steps canvas').length") == 3
    # What is said is what the run says of the picture that is shown.
    shown = page.js(
        "const c = document.querySelectorAll('#variants canvas')[1];"
        "return [c.width, c.height, [...c.getContext('2d').getImageData(0, 0, c.width, c.height).data]]"
    )
    pixels = np.array(shown[2], np.uint8).reshape(shown[1], shown[0], 4)[None, ..., :1]
    assert pixels.max() > 200
    assert pixels.min() == 0
    chances = small_run.probabilities(pixels.astype(np.float32) / 255)[0]
    assert text(page, "class") == small_run.task.classes[chances.argmax()]
    bars = page.js("return [...document.querySelectorAll('#bars .fill')].map((b) => parseFloat(b.style.width))")
    assert np.abs(np.array(bars) - 100 * chances).max() < 2
    assert page.js("return document.querySelectorAll('#similars canvas').length") == 8
    assert page.js("return document.querySelectorAll('#maps .layer').length") == 2
    assert page.js("return document.querySelectorAll('#sets .set').length") == 2


def test_the_answer_comes_while_the_pen_is_down(page):
    page.js(
        "const c = document.getElementById('canvas'), b = c.getBoundingClientRect();"
        "c.setPointerCapture = () => {};"
        "for (const [kind, x, y] of [['pointerdown', .3, .3], ['pointermove', .6, .3], ['pointermove', .5, .7]])"
        "  c.dispatchEvent(new PointerEvent(kind, {pointerId: 7, button: 0, bubbles: true,"
        "    clientX: b.left + x * b.width, clientY: b.top + y * b.height}));"
    )
    page.wait(ANSWERED)
    assert text(page, "class") != "?"


def test_centring_is_switched(page):
    page.draw([(0.1, 0.1), (0.3, 0.1), (0.2, 0.35)])
    page.wait(ANSWERED)
    assert page.js("return document.querySelectorAll('#variants input')[1].checked")
    page.wait(SETTLED)
    first = page.js(
        "return document.querySelector('#steps canvas').getContext('2d').getImageData(0, 0, 8, 8).data.join()"
    )
    page.js("document.querySelectorAll('#variants input')[0].click()")
    page.wait(
        f"document.querySelector('#steps canvas').getContext('2d').getImageData(0, 0, 8, 8).data.join() !== '{first}'"
    )
    two = page.js(
        "return [...document.querySelectorAll('#variants canvas')].map((c) => c.getContext('2d')"
        ".getImageData(0, 0, 8, 8).data.join())"
    )
    now = page.js(
        "return document.querySelector('#steps canvas').getContext('2d').getImageData(0, 0, 8, 8).data.join()"
    )
    assert (first, now) == (two[1], two[0])


def test_undo_and_clear(page):
    page.draw(SEVEN)
    page.draw([(0.3, 0.5), (0.7, 0.5)])
    page.wait(ANSWERED)
    page.click("#undo")
    assert page.js("return document.getElementById('undo').disabled") is False
    page.click("#undo")
    page.wait("document.body.classList.contains('blank')")
    assert page.js("return document.getElementById('undo').disabled") is True
    page.draw(SEVEN)
    page.wait(ANSWERED)
    page.press(ESCAPE)
    page.wait("document.body.classList.contains('blank')")
    assert text(page, "class") == "?"


def test_one_can_draw_with_the_keyboard_alone(page):
    page.js("document.getElementById('canvas').focus()")
    page.press(" ", RIGHT, RIGHT, DOWN, DOWN, DOWN, " ")
    page.wait(ANSWERED)
    assert text(page, "class") in "0123456789"


def test_the_pen_has_a_width(page):
    ink = (
        "[...document.querySelector('#variants canvas').getContext('2d').getImageData(0, 0, 8, 8).data]"
        ".reduce((a, b) => a + b)"
    )
    sums = []
    for width in (4, 16):
        page.js(
            "const w = document.getElementById('width'); w.value = arguments[0]; w.dispatchEvent(new Event('input'))",
            width,
        )
        page.draw([(0.2, 0.5), (0.8, 0.5)])
        page.wait(ANSWERED)
        page.wait(SETTLED)
        sums.append(page.js(f"return {ink}"))
        page.press(ESCAPE)
    assert sums[1] > 1.02 * sums[0]


@pytest.mark.parametrize("way", ["drop", "choose", "paste"])
def test_a_file_is_read(page, tmp_path, small_run, way):
    pixels = np.rint(small_run.dataset.test.inputs[3, ..., 0] * 255).astype(np.uint8)
    path = tmp_path / "digit.png"
    path.write_bytes(png(pixels))
    if way == "choose":
        page.choose("#file", str(path))
    else:
        page.js(
            "const data = new DataTransfer();"
            "const bytes = Uint8Array.from(atob(arguments[0]), (c) => c.charCodeAt(0));"
            "data.items.add(new File([bytes], 'digit.png', {type: 'image/png'}));"
            "const event = arguments[1] === 'drop' ? new DragEvent('drop', {dataTransfer: data, bubbles: true})"
            "  : new ClipboardEvent('paste', {clipboardData: data, bubbles: true});"
            "document.body.dispatchEvent(event)",
            base64.b64encode(path.read_bytes()).decode(),
            way,
        )
    page.wait(ANSWERED)
    page.js("document.querySelectorAll('#variants input')[0].click()")
    page.wait(SETTLED)
    shown = page.js(
        "const c = document.querySelectorAll('#variants canvas')[0];"
        "return [...c.getContext('2d').getImageData(0, 0, 8, 8).data].filter((_, k) => k % 4 === 0)"
    )
    assert np.array_equal(np.reshape(shown, (8, 8)), pixels)


def test_a_file_that_is_no_image_is_refused_and_said(page, tmp_path):
    path = tmp_path / "digit.png"
    path.write_bytes(b"hello")
    page.choose("#file", str(path))
    page.wait("!document.getElementById('trouble').hidden")
    assert "PNG, JPEG, BMP, GIF or WebP" in text(page, "trouble")
    assert any("400" in line for line in page.complaints())  # the browser's own note of the answer


@pytest.mark.parametrize("width", [360, 768, 1280, 1600])
def test_it_fits_every_width(page, width):
    page.size(width, 800)
    page.draw(SEVEN)
    page.wait(SETTLED)
    assert page.js("return document.documentElement.scrollWidth") <= width
    cut = page.js(
        "return [...document.querySelectorAll('.card')].filter((c) => c.scrollWidth > c.clientWidth + 1)"
        ".map((c) => c.className)"
    )
    assert cut == []


def test_everything_has_a_name_for_those_who_cannot_see_it(page):
    page.draw(SEVEN)
    page.wait(SETTLED)
    bare = page.js(
        "return [...document.querySelectorAll('main canvas:not(#variants canvas), main [role=img], button')]"
        ".filter((e) => !(e.getAttribute('aria-label') || e.getAttribute('aria-labelledby') || e.textContent.trim()))"
        ".map((e) => e.outerHTML.slice(0, 80))"
    )
    assert bare == []
    unnamed = page.js(
        "return [...document.querySelectorAll('main input')].filter((e) => !e.labels.length).map((e) => e.id)"
    )
    assert unnamed == []


def test_133_names_are_text(browser, drawing):
    """A data set and a class that are called like markup are shown and never run."""
    hostile = copy.copy(drawing)
    about = {"dataset": {**drawing.run.about["dataset"], "name": HOSTILE}}
    hostile.run = dataclasses.replace(drawing.run, about=about)
    hostile.classes = [HOSTILE, *drawing.classes[1:]]
    with serving(hostile.page()) as door:
        browser.go(door.extra["address"].url)
        browser.wait("document.body.classList.contains('ready')")
        assert HOSTILE in text(browser, "title")
        browser.draw(SEVEN)
        browser.wait(SETTLED)
        assert HOSTILE in text(browser, "bars")
        assert browser.js("return document.querySelectorAll('main img').length") == 0
        assert browser.complaints() == []


def test_names_of_classes_are_not_cut_off(browser, drawing):
    named = copy.copy(drawing)
    named.classes = ["aeroplane", "automobile", *drawing.classes[2:]]
    with serving(named.page()) as door:
        for width in (360, 1280):
            browser.size(width, 900)
            browser.go("about:blank")
            browser.go(door.extra["address"].url)
            browser.wait("document.body.classList.contains('ready')")
            cut = browser.js(
                "return [...document.querySelectorAll('.what')].filter((e) => e.scrollWidth > e.clientWidth)"
                ".map((e) => e.textContent)"
            )
            assert cut == []
        assert browser.complaints() == []


def test_it_says_when_the_server_has_gone(browser, drawing):
    with serving(drawing.page()) as door:
        browser.go(door.extra["address"].url)
        browser.wait("document.body.classList.contains('ready')")
    browser.draw(SEVEN)
    browser.wait("!document.getElementById('trouble').hidden")
    assert "no longer answers" in text(browser, "trouble")
    browser.complaints()
