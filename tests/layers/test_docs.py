"""The page on layers: its pictures and experiments are there, its tables name everything."""

import re
from pathlib import Path

import pytest

from snarc.experiments import entries
from snarc.layers.activations import ACTIVATIONS
from snarc.layers.initialisers import INITIALISERS, initializer
from snarc.models.network import _options
from snarc.registry import models

DOCS = Path(__file__).parents[2] / "docs"
PAGE = DOCS / "layers.md"
TEXT = PAGE.read_text(encoding="utf-8")


@pytest.mark.parametrize("name", re.findall(r"!\[[^\]]+\]\(([^)]+)\)", TEXT))
def test_pictures_are_there(name):
    assert b"<svg" in (DOCS / name).read_bytes()[:2000]


def test_every_name_is_explained():
    for name in [*ACTIVATIONS, *INITIALISERS]:
        assert f"`{name}`" in TEXT
    for model in ("mlp", "convnet"):
        for option in {"activation", "initializer", "normalise", "dropout"} & set(_options(models.get(model).thing)):
            assert f"`{option}`" in TEXT


def test_the_table_of_suitable_weights_is_what_auto_takes():
    rows = re.findall(r"^\| `([a-z-]+)` \|[^|]*\| (LeCun|Glorot|He) \|", TEXT, re.MULTILINE)
    assert len(rows) >= 11
    kinds = {"LeCun": "lecun-normal", "He": "he-normal", "Glorot": "glorot-uniform"}
    for name, whose in rows:
        assert initializer(name) is INITIALISERS[kinds[whose]]


def test_experiments_are_named():
    rows = {entry.name: entry.about["rows"] for entry in entries()}
    commands = " ".join(re.findall(r"^    snarc reproduce (.*)$", TEXT, re.MULTILINE)).split()
    assert {row for name in commands for row in rows[name]} >= {"I1", "I3", "I4", "I5", "I6", "I7", "I8", "I9"}
