"""`snarc see` and `snarc trust`: instruments by name, on a run."""

from __future__ import annotations

import pytest

from snarc.registry import instruments


@pytest.fixture
def run(snarc, tmp_path):
    folder = tmp_path / "run"
    assert (
        snarc("train", "digits", "--model", "64-16-10", "--epochs", 2, "--out", folder, "-q", "--no-report").status == 0
    )
    return folder


def test_each_door_lists_the_instruments_of_its_room(snarc, run):
    for room in ("see", "trust"):
        names = [e.name for e in instruments if e.thing.__module__.startswith(f"snarc.{room}.")]
        found = snarc(room, run, "--list")
        assert found.status == 0
        assert [line.split()[0] for line in found.out.splitlines()[2:]] == names


def test_an_instrument_says_what_it_saw_and_leaves_its_picture(snarc, run):
    found = snarc("trust", run, "rejection", "--set", "error=0.005")
    assert "0.5 % on the rest" in found.out
    assert (run / "figures" / "rejection.svg").is_file()
    assert found.out.splitlines()[-1] == str(run / "figures" / "rejection.svg")


def test_the_whole_room_leaves_a_verdict_in_the_report(snarc, run, monkeypatch):
    monkeypatch.setattr("snarc.verdict.asking.set_of", lambda room: ["calibration", "conformal", "residuals"])
    monkeypatch.setattr("snarc.verdict.set_of", lambda room: ["calibration", "conformal", "residuals"])
    found = snarc("trust", run)
    assert found.status == 0
    assert "[conformal]" in found.out
    assert "not for this run: residuals" in found.out
    assert found.out.splitlines()[-1] == f"report {run / 'report.html'}"
    assert 'id="trusted"' in (run / "report.html").read_text()
    said = snarc("trust", run, "--json", "--out", run / "other.html").json()
    assert {"conformal"} <= {one["evidence"] for one in said["verdict"]}
    assert list(said["refused"]) == ["residuals"]
    assert (run / "other.html").is_file()


def test_json_and_a_picture_elsewhere(snarc, run, tmp_path):
    found = snarc("see", run, "filters", "--set", "count=4", "--json", "--out", tmp_path / "f.png").json()
    assert found["numbers"]["shown"] == 4
    assert found["numbers"]["units"] == 16
    assert (tmp_path / "f.png").read_bytes().startswith(b"\x89PNG")
    assert snarc("see", run, "filters", "--out", tmp_path / "f.csv").status == 0
    assert (tmp_path / "f.csv").read_text().splitlines()[0].startswith("unit,norm")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("see", "filter"), "Did you mean 'filters'"),
        (("trust", "filters"), "snarc.trust"),
        (("trust", "rejection", "--set", "erro=1"), "Did you mean 'error'"),
        (("trust", "rejection", "--set", "error=2"), "wanted error of 2"),
        (("trust", "calibration", "--set", "bins=0"), "0 bins"),
        (("see", "filters", "--out", "f.exe"), "ends in .html"),
        (("trust", "--set", "error=1"), "without an instrument"),
        (("trust", "--out", "f.png"), "ends in .html"),
    ],
)
def test_mistakes_are_told_in_one_line(snarc, run, arguments, says):
    room, what, *rest = arguments
    found = snarc(room, run, what, *rest)
    assert found.status == 2
    assert says in found.error
    assert not (run / "figures").exists()
