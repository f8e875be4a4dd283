"""A whole room asked about a run: every answer is kept, and the report shows it."""

from __future__ import annotations

from dataclasses import replace

import pytest

import snarc
from snarc.training.readings import keep, kept
from snarc.verdict import ask, examine, set_of
from snarc.verdict.asking import WANTED, _suited


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    out = tmp_path_factory.mktemp("runs") / "run"
    return snarc.fit("64-16-10", "digits", epochs=3, out=out, progress=False)


@pytest.fixture
def few(monkeypatch):
    monkeypatch.setattr("snarc.verdict.asking.set_of", lambda room: ["calibration", "conformal", "residuals", "shift"])


def test_the_useful_ones_come_first_and_none_needs_a_second_network():
    assert set_of("trust")[:3] == ["calibration", "rejection", "conformal"]
    assert "difference" not in set_of("trust")
    assert "filters" in set_of("see")
    assert not set(set_of("see")) & set(set_of("trust"))


def test_the_wanted_error_is_clearly_below_the_one_without_refusing(run):
    wanted, error = _suited(run, "rejection")["error"], float(run.evaluate("validation").error)
    assert wanted < 0.6 * error <= min((one for one in WANTED if one > wanted), default=1)


def test_other_sets_that_are_at_hand_are_a_shift_or_another_kind(run, monkeypatch):
    monkeypatch.setattr("snarc.data.canonical.at_hand", lambda folder: folder != "letters")
    assert _suited(run, "unfamiliar")["others"] == ("noise", "fashion-mnist")
    assert _suited(run, "shift")["sets"] == ("usps", "mnist")
    monkeypatch.setattr("snarc.data.canonical.at_hand", lambda folder: False)
    assert _suited(run, "unfamiliar")["others"] == ("noise",)
    assert _suited(run, "shift") == {} == _suited(run, "calibration")


def test_what_is_done_is_kept_when_the_rest_is_not(run, few):
    answers = examine(run)
    assert next(answers).name == "calibration"
    answers.close()
    assert list(kept(run)) == ["calibration"]


def test_the_report_holds_the_verdict_with_links_to_its_evidence(run, few):
    told = []
    answers = list(examine(run, options={"shift": {"count": 50}}, tell=lambda name, one: told.append((name, one))))
    assert [name for name, one in told if one is None] == ["calibration", "conformal", "residuals", "shift"]
    assert answers[3].options["count"] == 50
    assert "a task of classification" in answers[2].refused
    text = run.report().read_text()
    assert 'id="trusted"' in text
    for place in ("confidence", "reading-conformal", "reading-shift"):
        assert f'href="#{place}"' in text
        assert f'id="{place}"' in text
    assert "1 without an answer" in text
    assert (run.path / "figures" / "shift.svg").is_file()


def test_a_reading_that_is_older_than_the_network_says_so(run, few):
    list(examine(run))
    text = run.report().read_text()
    assert "learnt on since" not in text
    on = snarc.training.open(run.path)
    for answer in kept(on).values():
        keep(on.path, replace(answer, epochs=1))
    text = on.report().read_text()
    assert "Seen after 1 epoch" in text
    # The verdict says so itself: its calibration has no card of its own that could.
    assert "learnt on since it was asked for" in text
    assert "calibration" in text.split("learnt on since it was asked for")[1].split(":")[0]


def test_a_run_in_memory_can_be_asked_too():
    run = snarc.fit("64-8-10", "digits", epochs=1, out=False, progress=False)
    assert ask(run, "calibration").reading is not None
    assert kept(run) == {}


@pytest.mark.slow
def test_every_instrument_of_both_rooms_answers_or_refuses_in_a_sentence(run):
    for room in ("see", "trust"):
        for answer in examine(run, room):
            assert (answer.reading is None) == bool(answer.refused)
            assert "\n" not in answer.refused
    assert run.report().stat().st_size < 20_000_000
