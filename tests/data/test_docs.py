"""The pages on augmentation, pictures and functions: their experiments are there."""

import re
from pathlib import Path

import pytest

from snarc.experiments import entries

DOCS = Path(__file__).parents[2] / "docs"
PAGES = {"augmentation.md": 5, "pictures-and-functions.md": 10}


@pytest.mark.parametrize("page", PAGES)
def test_experiments_are_there(page):
    commands = " ".join(
        re.findall(r"^    snarc reproduce (.*)$", (DOCS / page).read_text("utf-8"), re.MULTILINE)
    ).split()
    assert commands
    assert set(commands) <= {entry.name for entry in entries()}


def test_every_part_of_the_grammar_is_described():
    from snarc.layers._grammar import RULES

    text = (DOCS / "augmentation.md").read_text("utf-8")
    assert [rule.form for rule in RULES.values() if f"`{rule.form}`" not in text] == []
