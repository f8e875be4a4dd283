"""``snarc formal``: sizes, tables and pictures on the way out, one line for a mistake."""

import json

import pytest
from typer.testing import CliRunner

from snarc.cli.formal import app
from snarc.errors import SnarcError


def call(*arguments):
    return CliRunner().invoke(app, [*arguments])


def facts(tmp_path, *arguments):
    result = call(*arguments, "--json", "--out", str(tmp_path / "picture.svg"))
    assert result.exit_code == 0, result.output
    assert (tmp_path / "picture.svg").read_text(encoding="utf-8").startswith("<svg")
    assert [p.name for p in tmp_path.iterdir()] == ["picture.svg"]
    return json.loads(result.stdout)


def test_boolean(tmp_path):
    found = facts(tmp_path, "boolean", "x1 xor (x2 and not x3)", "--method", "minimised")
    assert found["hidden"] == 3
    assert found["neurons"] == 4
    assert found["equal_to_table"] is True
    assert found["one_neuron"] is False
    single = facts(tmp_path, "boolean", "a and b")
    assert single["one_neuron"] is True
    assert len(single["one_neuron_weights"]) == 3
    assert facts(tmp_path, "boolean", "0110", "--method", "parity")["neurons"] == 3


def test_turing(tmp_path):
    found = facts(tmp_path, "turing", "bb4")
    assert (found["steps"], found["tape"].count("1"), found["neurons"]) == (107, 13, 34)
    assert found["configurations_checked"] == 108
    path = tmp_path / "yes.tm"
    path.write_text("accept: Y\nblank: _\nA 1 -> 1 R A\nA _ -> _ S Y\n", encoding="utf-8")
    result = call("turing", str(path), "--input", "111", "--json", "--out", str(tmp_path / "a.png"))
    assert json.loads(result.stdout)["accepted"] is True
    assert (tmp_path / "a.png").read_bytes()[:4] == b"\x89PNG"


def test_region(tmp_path):
    found = facts(tmp_path, "region", "x^2 + y^2 <= 0.8", "--resolution", "16")
    assert found["parts"] == 164
    assert found["agreement"] == 1
    assert found["error"] < 0.05
    assert facts(tmp_path, "region", "polygon:24", "--steepness", "120")["overlap"] >= 0.99
    assert facts(tmp_path, "region", "square")["neurons"] == 5


def test_approximate(tmp_path):
    found = facts(tmp_path, "approximate", "sin(6*x)", "--epsilon", "0.01")
    assert found["hidden"] == 22
    assert found["error"] <= found["bound"] <= 0.01
    steps = facts(tmp_path, "approximate", "x", "--epsilon", "0.1", "--from", "-1", "--to", "3", "--method", "steps")
    assert steps["hidden"] >= 19


def test_tables_go_to_stdout_and_talk_to_stderr(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = call("boolean", "x1 and x2")
    assert "4 rows: yes" in result.stdout
    assert "x1  x2  y" in result.stdout
    assert "picture: boolean.svg" in result.stderr
    assert (tmp_path / "boolean.svg").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("boolean", "x1 and ("), "character 9"),
        (("boolean", " or ".join(f"x{k}" for k in range(21))), "at most 20"),
        (("turing", "bb9"), "no machine"),
        (("turing", "palindromes", "--input", "abc"), "symbol 'c' at place 3"),
        (("turing", "bb4", "--steps", "10"), "not halted after 10 steps"),
        (("region", "x + y"), "is a number"),
        (("region", "polygon:2"), "3 to 1000"),
        (("region", "x < 0.5", "--resolution", "900"), "about"),
        (("approximate", "sin(6*x"), "character 8"),
        (("approximate", "x", "--epsilon", "0"), "epsilon"),
        (("approximate", "x", "--out", "a.doc"), ".svg, .png or .pdf"),
        (("approximate", "x", "--out", "nowhere/a.svg"), "no folder"),
    ],
)
def test_mistakes_are_one_line_and_leave_nothing_behind(arguments, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = call(*arguments)
    assert isinstance(result.exception, SnarcError)
    assert message in str(result.exception)
    assert "\n" not in str(result.exception)
    assert not list(tmp_path.iterdir())
