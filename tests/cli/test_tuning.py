"""The commands of tuning as a person or a program uses them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from snarc.training import Recipe

from .conftest import environment

SMALL = ("--model", "64-20-10", "--epochs", "1")


def test_find_rate_suggests_and_writes_a_page(snarc) -> None:
    found = snarc("find-rate", "digits", *SMALL, "--steps", "30", "--out", "rate.html", "--json")
    assert found.status == 0, found.err
    said = found.json()
    assert 1e-6 < said["numbers"]["suggestion"] < 10
    page = Path("rate.html").read_text()
    assert "<svg" in page
    assert "snarc train digits --model 64-20-10 --learning-rate" in page
    doubling = snarc("find-rate", "digits", *SMALL, "--doubling", "--set", "optimizer=sgd", "--out", "rate.png", "-q")
    assert doubling.status == 0, doubling.err
    assert "rates" in doubling.out
    assert Path("rate.png").read_bytes().startswith(b"\x89PNG")
    assert doubling.err == ""


def test_search_goes_on_and_its_best_is_a_recipe(snarc) -> None:
    command = ("search", "digits", "learning_rate=log(1e-3, 1e-1)", *SMALL)
    first = snarc(*command, "--trials", "2")
    assert first.status == 0, first.err
    assert "searches/digits-64-20-10" in first.out
    more = snarc(*command, "--trials", "3", "--json").json()
    assert more["status"] == "finished"
    assert [one["trial"] for one in more["trials"]] == [0, 1, 2]
    folder = Path("searches/digits-64-20-10")
    best = json.loads((folder / "best.json").read_text())
    assert best["learning_rate"] == more["best"]["values"]["learning_rate"]
    assert "<svg" in (folder / "search.html").read_text()
    trained = snarc("train", "digits", "--recipe", folder / "best.json", "--no-report", "--json")
    assert trained.json()["recipe"]["learning_rate"] == best["learning_rate"]
    Recipe(**{name: value for name, value in best.items() if name != "format"})


def test_cross_validate_committee_and_prune(snarc, trained) -> None:
    folds = snarc("cross-validate", "digits", *SMALL, "--folds", "3", "--out", "folds.csv", "--json").json()
    assert len(folds["numbers"]["accuracy"]["values"]) == 3
    assert Path("folds.csv").read_text().startswith("fold,")
    joined = snarc("committee", "digits", *SMALL, "--members", "2", "--vote", "--json").json()
    assert joined["numbers"]["members"] == 2
    assert 0.5 < joined["numbers"]["distinct"]["mean"] < 0.75
    assert snarc("train", "digits", *SMALL, "--out", "run", "--no-report", "--quiet").status == 0
    cut = snarc("prune", "run", "--parts", "0.3,0.6", "--out", "cut.svg", "--json").json()
    assert cut["numbers"]["deleted"] == 0.6
    assert "<svg" in Path("cut.svg").read_text()
    assert "what='weights'" in snarc("prune", trained).error  # one layer has no hidden units
    assert snarc("prune", trained, "--what", "weights", "--parts", "0.5", "--epochs", "0").status == 0


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("find-rate", "digits", "--low", "1", "--high", "0.1"), "from 1 to 0.1"),
        (("find-rate", "digits", "--out", "rate.jpg"), ".html, .svg"),
        (("search", "digits", "learning_rat=log(1e-3,1)"), "Did you mean 'learning_rate'"),
        (("search", "digits", "learning_rate=log(1,1e-3)"), "reversed"),
        (("search", "digits", "learning_rate"), "NAME=VALUE"),
        (("search", "digits", "learning_rate=log(1e-3,1)", "--validation", "0"), "without a validation split"),
        (("search", "digits", "learning_rate=log(1e-3,1)", "--method", "grid"), "random"),
        (("cross-validate", "digits", "--folds", "2000"), "2000 folds"),
        (("cross-validate", "digits", "--folds", "1"), "k=1"),
        (("committee", "digits", "--members", "1"), "1 members"),
        (("prune", "nowhere"), "nowhere"),
    ],
)
def test_mistakes_end_with_one_line_and_status_2(snarc, arguments, says) -> None:
    found = snarc(*arguments)
    assert found.status == 2
    assert says in found.error
    assert found.out == ""


def test_every_help_page_has_examples(snarc) -> None:
    for command in ("find-rate", "search", "cross-validate", "committee", "prune"):
        found = snarc(command, "--help")
        assert found.status == 0
        assert f"snarc {command} " in found.out.split("Examples")[1]


@pytest.mark.skipif(os.name == "nt", reason="sends a signal")
def test_ctrl_c_loses_no_finished_trial(tmp_path) -> None:
    """The process is asked to stop once a trial is written; the same command then does the rest and no more."""
    command = [sys.executable, "-m", "snarc", "search", "digits", "learning_rate=log(1e-3,1e-1)", *SMALL]
    started = subprocess.Popen(
        [*command, "--trials", "500", "--out", "found"], cwd=tmp_path, env=environment(), text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    path = tmp_path / "found" / "trials.jsonl"
    limit = time.monotonic() + 120
    while time.monotonic() < limit and not (path.exists() and len(path.read_text().splitlines()) > 2):
        time.sleep(0.02)
    started.send_signal(signal.SIGINT)
    _, err = started.communicate(timeout=100)
    assert started.returncode == 130, err
    assert "the same command goes on" in err
    assert "Traceback" not in err
    done = len(path.read_text().splitlines()) - 1
    assert 2 <= done < 500
    assert (tmp_path / "found" / "best.json").exists()
    again = subprocess.run(
        [*command, "--trials", str(done + 1), "--out", "found", "--json"], cwd=tmp_path, env=environment(), text=True,
        capture_output=True, timeout=100, check=False,
    )  # fmt: skip
    assert again.returncode == 0, again.stderr
    assert [one["trial"] for one in json.loads(again.stdout)["trials"]] == list(range(done + 1))
    assert len(path.read_text().splitlines()) == done + 2
