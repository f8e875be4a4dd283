"""The page on losses, optimisers and schedules: every name is there, every recipe line is one, its examples run."""

import ast
import re
from pathlib import Path

import pytest

from snarc.experiments import entries
from snarc.training.recipe import Recipe

PAGE = Path(__file__).parents[2] / "docs" / "optimisation.md"
TEXT = PAGE.read_text(encoding="utf-8")


def table(head):
    """Rows of the table whose first column is called so: name and cells."""
    lines = TEXT.splitlines()
    first = next(k for k, line in enumerate(lines) if line.startswith(f"| {head} |"))
    rows = {}
    for line in lines[first + 2 :]:
        if not line.startswith("|"):
            break
        name, *cells = [cell.strip() for cell in line.strip("|").split("|")]
        assert name not in rows
        rows[name] = cells
    return rows


def names(field):
    return set(Recipe.model_fields[field].annotation.__args__)


def settings(cell):
    call = ast.parse(f"f({cell.strip('`')})", mode="eval").body
    return {keyword.arg: ast.literal_eval(keyword.value) for keyword in call.keywords}


@pytest.mark.parametrize("field", ["loss", "optimizer", "schedule"])
def test_every_name_is_on_the_page(field):
    rows = table(field)
    assert set(rows) == names(field)
    for name, cells in rows.items():
        assert cells[0], f"{name} has no formula"
        assert settings(cells[-1])[field] == name


@pytest.mark.parametrize("head", ["loss", "beside the loss", "optimizer", "schedule", "regulariser"])
def test_every_recipe_line_is_one(head):
    for name, cells in table(head).items():
        found = settings(cells[-1])
        Recipe(**found)
        assert head in ("loss", "optimizer", "schedule") or name in found


def test_every_regulariser_of_a_recipe_is_on_the_page():
    about = {"l1", "l2", "weight_decay", "clip_norm", "early_stopping", "augment"}
    assert set(table("regulariser")) == about
    assert about <= set(Recipe.model_fields)
    for field in ("label_smoothing", "class_weight", "class_targets", "warmup", "schedule_time", "schedule_points",
                  "momentum", "rho", "epsilon", "precision"):  # fmt: skip
        assert field in Recipe.model_fields
        assert f"`{field}" in TEXT or f"| {field} |" in TEXT or f" {field}=" in TEXT


def test_experiments_are_there():
    known = {entry.name for entry in entries()}
    commands = re.findall(r"^    snarc reproduce (.*)$", TEXT, re.MULTILINE)
    assert commands
    assert {name for line in commands for name in line.split()} <= known
