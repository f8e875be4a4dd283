"""Every page of the documentation: its examples run, its links and pictures are there, the index names it."""

from __future__ import annotations

import doctest
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", *sorted(DOCS.glob("*.md"))]
# Pages that teach by examples, and how many they have at least.
EXAMPLES = {
    "adversarial": 11, "augmentation": 5, "backpropagation": 30, "boundaries": 9, "calibration": 20,
    "embeddings": 9, "estimators": 20, "features": 8, "fooling": 5, "formal-boolean": 6, "formal-neuron": 6,
    "formal-shapes": 6, "formal-turing": 6, "layers": 25, "one-layer": 25, "optimisation": 20,
    "pictures-and-functions": 10, "trust": 8, "try": 8, "tuning": 15, "uncertainty": 14, "units-and-damage": 8,
    "your-own-network": 17,
}  # fmt: skip
LINK = re.compile(r"\]\(([^)#:]+?)(?:#[^)]*)?\)")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_examples_run(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    flags = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS
    failed, tried = doctest.testfile(str(page), module_relative=False, optionflags=flags)
    assert failed == 0
    assert tried >= EXAMPLES.get(page.stem, 0)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_links_lead_somewhere(page):
    for name in LINK.findall(page.read_text(encoding="utf-8")):
        assert (page.parent / name).is_file(), f"{page.name} links to {name}"


def test_the_index_names_each_page_once():
    text = (DOCS / "index.md").read_text(encoding="utf-8")
    named = re.findall(r"^([a-z0-9-]+)$", text.split("{toctree}")[1], flags=re.MULTILINE)
    assert sorted(named) == sorted(page.stem for page in DOCS.glob("*.md") if page.stem != "index")
