"""The last line of CI says the truth about all of its test runs."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

SUM = Path(__file__).parent.parent / ".ci" / "sum.py"


def result(path: Path, **counts: int) -> Path:
    said = " ".join(f'{name}="{count}"' for name, count in counts.items())
    path.write_text(f'<?xml version="1.0"?><testsuites><testsuite name="pytest" {said}/></testsuites>')
    return path


@pytest.mark.parametrize(
    ("broken", "first", "second", "line", "status"),
    [
        (0, (10, 0, 0, 2), (5, 0, 0, 0), "13 passed, 0 failed, 2 skipped", 0),
        (1, (10, 1, 1, 2), (5, 0, 0, 0), "11 passed, 2 failed, 2 skipped", 1),
        (2, (10, 0, 0, 0), (5, 0, 0, 0), "15 passed, 2 failed, 0 skipped", 1),
        (0, (10, 0, 0, 0), None, "10 passed, 1 failed, 0 skipped", 1),
        (0, (3, 0, 0, 3), (0, 0, 0, 0), "0 passed, 0 failed, 3 skipped", 1),
    ],
    ids=["green", "failures-and-errors", "lint-broke", "a-run-never-reported", "nothing-ran"],
)
def test_sums(tmp_path, broken, first, second, line, status) -> None:
    files = []
    for name, counts in (("a.xml", first), ("b.xml", second)):
        files.append(tmp_path / name)
        if counts is not None:
            tests, failures, errors, skipped = counts
            result(files[-1], tests=tests, failures=failures, errors=errors, skipped=skipped)
    found = subprocess.run(
        [sys.executable, SUM, str(broken), *files], capture_output=True, text=True, check=False, timeout=60
    )
    assert found.stdout.splitlines()[-1] == line
    assert found.returncode == status
