"""The page on backpropagation: its pictures and experiments are there."""

import re
from pathlib import Path

import pytest

from snarc.experiments import entries

DOCS = Path(__file__).parents[2] / "docs"
PAGE = DOCS / "backpropagation.md"
TEXT = PAGE.read_text(encoding="utf-8")


@pytest.mark.parametrize("name", re.findall(r"!\[[^\]]+\]\(([^)]+)\)", TEXT))
def test_pictures_are_there(name):
    assert "<svg" in (DOCS / name).read_text(encoding="utf-8")[:2000]


def test_its_experiments_are_named():
    rows = {row: entry.name for entry in entries() for row in entry.about["rows"]}
    commands = " ".join(re.findall(r"^    snarc reproduce (.*)$", TEXT, re.MULTILINE)).split()
    assert set(commands) == {rows[row] for row in ("M1", "M2", "M3", "M4", "M16", "O1", "O2", "O8")}
