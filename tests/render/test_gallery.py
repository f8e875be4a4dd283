import re
from dataclasses import replace
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from snarc import draw
from snarc.experiments import Claim, Erratum, Figure, Finding, Note, Table, read, write
from snarc.reading import Estimate
from snarc.render import gallery
from snarc.render.ruler import ruler


def finding(**changes):
    drawing, ax = draw.new(width=3, height=2)
    ax.plot([0, 1], [1, 0])
    items = (
        Claim("test error", published=5.0, measured=Estimate.over([5.4, 5.6]), between=(5.0, 6.2), unit="%"),
        Claim("refused", published=12.1, measured=20.25, within=3, unit="%", source="us", note="<too> much"),
        Claim("weights", published=9760, measured=9760, exact=True),
        Figure(drawing, "A falling line & more.", "line"),
        Note("A note with <b>signs</b>."),
        Table(["what", "how many"], [["units", 1256], ["error", Estimate.over([1.0, 2.0])]], "Counted."),
        Erratum("5 < 4", "4 < 5", "arithmetic"),
    )
    spot = {
        "processor": "A processor",
        "cores": 2,
        "backend": "cpu",
        "snarc": "0",
        "python": "3",
        "packages": {"jax": "1"},
    }
    fields = {
        "name": "an-experiment", "rows": ("C6",), "question": "Does <it> run?", "source": "the paper", "budget": "full",
        "replicas": 2, "items": items, "seconds": 61.2, "when": "2026-11-21T03:00:00+00:00", "environment": spot,
        "about": "One line.\n\nAnd a paragraph.", "code": "print('<code>')",
    }  # fmt: skip
    return Finding(**{**fields, **changes})


def words(html):
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", re.sub(r"<style.*?</style>", "", html, flags=re.S)))


def test_a_claim_that_fails_is_shown_as_failed_beside_what_was_published():
    html = gallery.experiment_page(finding())
    (row,) = re.findall(r'<tr class="fails">.*?</tr>', html, flags=re.S)
    assert "refused" in row
    assert "12.1" in row
    assert "20.25" in row
    assert "fails" in row
    assert "9.1 to 15.1" in words(row)
    assert len(re.findall(r'<tr class="holds">', html)) == 2
    text = words(html)
    assert "2 of 3 claims hold." in text
    assert "5.50 ± 0.10" in text
    assert "9,760" in text
    assert "1.50 ± 0.50" in text
    assert "exactly 9,760" in text
    assert 'class="verdict bad"' in html


def test_nothing_from_outside_is_markup_and_nothing_is_fetched():
    html = gallery.experiment_page(finding())
    for raw in ("Does <it>", "<b>signs", "<too>", "<code>')", "5 < 4"):
        assert raw not in html
    assert "Does &lt;it&gt; run?" in html
    assert "<script" not in html
    assert not re.findall(r'(?:src|href)="(?:https?:)?//', html)


def test_a_smoke_run_judges_exact_claims_alone():
    text = words(gallery.experiment_page(finding(budget="smoke")))
    assert "1 of 1 claim holds. 2 are not judged: the smoke budget is too small for that." in text
    assert "fails" not in text
    measured = tuple(i for i in finding().items if not (isinstance(i, Claim) and i.exact))
    assert "Ran through 2 are not judged" in words(gallery.experiment_page(finding(budget="smoke", items=measured)))


def test_the_page_is_the_same_from_memory_and_from_disk(tmp_path):
    made = finding()
    folder = write(made, tmp_path)
    assert gallery.write(made, folder).read_text() == gallery.experiment_page(read(folder))


def test_the_gallery_has_a_card_for_each_and_says_why_the_others_have_none(tmp_path):
    write(finding(), tmp_path)
    write(finding(name="another", question="Another?", items=finding().items[2:4]), tmp_path)
    write(finding(name="absent", status="skipped", reason="usps is not <here>", items=()), tmp_path)
    html = gallery.index(tmp_path).read_text()
    links = re.findall(r'<h3><a href="([^"]+)">', html)
    assert links == ["an-experiment/index.html", "another/index.html"]
    text = words(html)
    assert "3 of 4 claims hold, in 2 experiments run here." in text
    assert "2 of 3 claims hold" in text
    assert "1 of 1 claims hold" in text
    assert "absent skipped usps is not &lt;here&gt;" in text
    assert html.count("<svg") >= 2


@pytest.mark.parametrize(("status", "kind"), [("skipped", "warning"), ("failed", "bad")])
def test_an_experiment_without_a_result_has_a_page_that_says_why(status, kind):
    html = gallery.experiment_page(finding(status=status, reason="no such file", items=(), environment={}, code=""))
    assert f'class="notice {kind}"' in html
    assert f"{status.capitalize()}: no such file" in html


def test_an_empty_gallery_is_a_page(tmp_path):
    assert "0 of 0" in gallery.index(tmp_path).read_text()


def test_a_heavy_picture_goes_into_the_gallery_as_pixels(tmp_path, monkeypatch):
    monkeypatch.setattr(gallery, "_HEAVY", 10)
    write(finding(), tmp_path)
    assert "data:image/png;base64," in gallery.index(tmp_path).read_text()


numbers = st.floats(-1e4, 1e4).map(lambda v: round(v, 3))


@given(numbers, numbers, st.floats(0.01, 1e3))
def test_the_dot_is_in_the_band_where_the_claim_holds(published, measured, within):
    claim = Claim("x", published=published, measured=measured, within=round(within, 3))
    picture = ElementTree.fromstring(ruler(claim))
    band, dot = picture.find("rect"), picture.find("circle")
    left, wide, at = float(band.get("x")), float(band.get("width")), float(dot.get("cx"))
    assert left >= 0
    assert left + wide <= 151
    assert 0 <= at <= 150
    slack = 0.3  # positions are rounded to a tenth of a pixel
    if claim.holds:
        assert left - slack <= at <= left + wide + slack
    elif abs(measured - published) > 1.05 * within:
        assert not left + slack < at < left + wide - slack


def test_the_ruler_of_a_half_open_range_reaches_the_edge():
    picture = ElementTree.fromstring(ruler(Claim("x", measured=2.0, at_most=2.5)))
    assert float(picture.find("rect").get("x")) == 3
    assert not ruler(Claim("x", measured=True))
    assert not ruler(Claim("x", measured=3, published=3, exact=True))
    assert not ruler(Claim("x", measured=float("nan"), at_most=1))
    error = ruler(replace(Claim("x", measured=2.0, at_most=2.5), measured=Estimate.over([1.0, 3.0])))
    assert len(ElementTree.fromstring(error).findall("line")) == 2
