"""The page on tuning: what it names is there."""

import re
from pathlib import Path

from snarc import tuning
from snarc.experiments import entries

PAGE = Path(__file__).parents[2] / "docs" / "tuning.md"


def test_every_public_function_is_named():
    text = PAGE.read_text(encoding="utf-8")
    assert not [name for name in tuning.__all__ if name[0].islower() and f"`{name}" not in text]


def test_experiments_are_there():
    commands = " ".join(re.findall(r"^    snarc reproduce (.*)$", PAGE.read_text(encoding="utf-8"), re.MULTILINE))
    assert set(commands.split()) <= {entry.name for entry in entries()}
    rows = {row for entry in entries() if entry.name in commands for row in entry.about["rows"]}
    assert {"O3", "O9", "O10", "R2", "R6", "R13"} <= rows
