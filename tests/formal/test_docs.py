"""The formal pages of the documentation: their commands work, their pictures are there."""

import re
import shlex
from pathlib import Path

import pytest
from typer.testing import CliRunner

from snarc.cli.formal import app

DOCS = Path(__file__).parents[2] / "docs"
PAGES = sorted(DOCS.glob("formal-*.md"))


def test_there_are_four_pages():
    assert [p.stem for p in PAGES] == ["formal-boolean", "formal-neuron", "formal-shapes", "formal-turing"]


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.stem)
def test_pictures_are_there(page):
    names = re.findall(r"!\[[^\]]+\]\(([^)]+)\)", page.read_text(encoding="utf-8"))
    assert names
    for name in names:
        assert "<svg" in (DOCS / name).read_text(encoding="utf-8")[:2000]


COMMANDS = sorted(
    {
        line.strip().removeprefix("snarc formal ")
        for page in PAGES
        for line in page.read_text(encoding="utf-8").splitlines()
        if line.startswith("    snarc formal ")
    }
)


@pytest.mark.parametrize("command", COMMANDS)
def test_commands_work(command, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(app, shlex.split(command))
    assert result.exit_code == 0, result.output
    assert [p.suffix for p in tmp_path.iterdir()] == [".svg"]
