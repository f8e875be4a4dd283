"""The page on learning with one layer: its pictures and experiments are there."""

import re
from pathlib import Path

import pytest

from snarc.experiments import entries

DOCS = Path(__file__).parents[2] / "docs"
PAGE = DOCS / "one-layer.md"


@pytest.mark.parametrize("name", re.findall(r"!\[[^\]]+\]\(([^)]+)\)", PAGE.read_text(encoding="utf-8")))
def test_pictures_are_there(name):
    start = (DOCS / name).read_bytes()[:2000]
    assert start.startswith(b"GIF89a") if name.endswith(".gif") else b"<svg" in start


def test_experiments_of_all_rows_are_named():
    text = PAGE.read_text(encoding="utf-8")
    rows = {row: entry.name for entry in entries() for row in entry.about["rows"] if re.fullmatch(r"S\d+", row)}
    assert {f"S{k}" for k in range(1, 14)} <= set(rows)
    commands = " ".join(re.findall(r"^    snarc reproduce (.*)$", text, re.MULTILINE)).split()
    assert set(commands) <= set(rows.values())
