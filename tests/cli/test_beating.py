"""`snarc beat`: a game that is played by lines on stdin."""

from __future__ import annotations

import io

import numpy as np
import pytest

from snarc.cli._screen import picture


@pytest.fixture
def play(snarc, monkeypatch):
    def go(lines, *arguments):
        monkeypatch.setattr("sys.stdin", io.StringIO("".join(line + "\n" for line in lines)))
        return snarc("beat", *arguments)

    return go


def test_answers_are_judged_and_counted(play, trained):
    found = play(["0", "nine", "9", "3 4", ""], trained, "--count", 4)
    assert found.status == 0
    assert "'nine' is no class" in found.out
    assert "2 names; 1 may be given" in found.out
    assert found.out.count("It is ") == 3
    assert "of 3" in found.out.split("The person errs on")[1]
    assert "% wrong (95 %:" in found.out


def test_a_perfect_player_is_told_so(play, trained):
    import snarc

    run = snarc.open(trained)
    from snarc.trust.duel import course

    index = course(run, count=5, kind="hard", seed=3)
    truth = [run.task.classes[k] for k in run.dataset.test.targets[index]]
    found = play(truth, trained, "--count", 5, "--hard", "--seed", 3)
    assert "The person errs on 0 of 5" in found.out


def test_nothing_played_says_nothing(play, trained):
    found = play([], trained)
    assert found.status == 0
    assert "errs on" not in found.out


def test_pictures_on_the_screen():
    image = np.zeros((4, 3), np.uint8)
    image[1, 2] = 255
    assert picture(image, colour=False).split("\n") == ["", "    @@", "", ""]
    colour = picture(image, colour=True, width=6).splitlines()
    assert len(colour) == 2
    assert colour[0].count("▀") == 3
    assert "48;2;255;255;255m" in colour[0]
    assert max(len(line) for line in picture(np.zeros((300, 300), np.uint8), colour=False).splitlines() or [""]) <= 64
