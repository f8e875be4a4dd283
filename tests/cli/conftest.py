"""Doors to the command line: in this process for what is quick, in one of its own where the process matters."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from snarc.cli import main


@dataclass
class Result:
    status: int
    out: str
    err: str

    def json(self) -> dict[str, Any]:
        """The one object on stdout; anything beside it would not parse."""
        return json.loads(self.out)

    @property
    def error(self) -> str:
        """The one line of an error, which must be all there is besides notes."""
        lines = [line for line in self.err.splitlines() if line.startswith("snarc: error: ")]
        assert len(lines) == 1, self.err
        assert "Traceback" not in self.err
        return lines[0].removeprefix("snarc: error: ")


@pytest.fixture
def snarc(capsys, monkeypatch, tmp_path):
    """Run `snarc` in this process, in an empty folder."""
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    for name in [n for n in os.environ if n.startswith("SNARC_") and n not in ("SNARC_DATA", "SNARC_HOME")]:
        monkeypatch.delenv(name)

    def run(*arguments: str | Path) -> Result:
        capsys.readouterr()
        status = main([str(a) for a in arguments])
        out, err = capsys.readouterr()
        return Result(status, out, err)

    return run


@pytest.fixture
def process(tmp_path):
    """Start `snarc` in a process of its own and wait for it."""

    def run(*arguments: str | Path, env: dict[str, str] | None = None, **options: Any) -> Result:
        found = subprocess.run(
            [sys.executable, "-m", "snarc", *map(str, arguments)],
            env=env if env is not None else environment(), cwd=options.pop("cwd", tmp_path), text=True, timeout=120,
            stdin=subprocess.DEVNULL, capture_output=True, check=False, **options,
        )  # fmt: skip
        return Result(found.returncode, found.stdout, found.stderr)

    return run


def environment() -> dict[str, str]:
    """This process's environment without settings of snarc's that a test has not made."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith("SNARC_") or k in ("SNARC_DATA", "SNARC_HOME")}
    return {**kept, "PYTHONWARNINGS": "default"}


@pytest.fixture(scope="session")
def trained(tmp_path_factory) -> Path:
    """A small run with two replicas and results, made by the command line itself."""
    path = tmp_path_factory.mktemp("cli") / "run"
    arguments = ["train", "digits", "--model", "linear", "--learning-rate", "0.02", "--epochs", "8"]
    arguments += ["--replicas", "2", "--out", str(path)]
    assert main([*arguments, "--no-report", "--quiet"]) == 0
    return path
