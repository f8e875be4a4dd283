"""The locks: all of it pinned by hash, nothing that ties it to one machine, and nothing forgotten."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parent.parent
LOCKS = ("requirements.txt", "requirements-dev.txt", "requirements-oracles.txt", "requirements-oracles-torch.txt")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def entries(name: str) -> list[tuple[Requirement, list[str]]]:
    """Each requirement of a lock with its hashes."""
    text = (ROOT / "requirements" / name).read_text().replace("\\\n", " ")
    lines = [line.strip() for line in text.splitlines() if line.strip() and not line.startswith("#")]
    found = []
    for line in lines:
        requirement, *hashes = re.split(r"\s+--hash=", line)
        found.append((Requirement(requirement), hashes))
    return found


@pytest.mark.parametrize("name", LOCKS)
def test_every_line_is_one_version_with_hashes(name) -> None:
    for requirement, hashes in entries(name):
        assert len(requirement.specifier) == 1
        assert next(iter(requirement.specifier)).operator == "=="
        assert hashes
        assert all(re.fullmatch(r"sha256:[0-9a-f]{64}", one) for one in hashes)


@pytest.mark.parametrize("name", LOCKS)
def test_a_lock_names_no_address_and_no_folder(name) -> None:
    text = (ROOT / "requirements" / name).read_text()
    assert not re.search(r"://|^-|--(?!hash=)|@ ", text, re.MULTILINE)
    assert not re.search(r"(?<!\w)/\w", text)


@pytest.mark.parametrize(
    ("name", "extras"), [("requirements.txt", ()), ("requirements-dev.txt", ("dev", "bench", "web", "tsne"))]
)
def test_the_lock_satisfies_the_package(name, extras) -> None:
    """A dependency added to pyproject.toml without `make lock` fails here."""
    locked: dict[str, list[Requirement]] = {}
    for requirement, _ in entries(name):
        locked.setdefault(canonicalize_name(requirement.name), []).append(requirement)
    wanted = [*PROJECT["dependencies"], *(r for extra in extras for r in PROJECT["optional-dependencies"][extra])]
    for text in wanted:
        asked = Requirement(text)
        pinned = locked[canonicalize_name(asked.name)]
        for one in pinned:
            assert asked.specifier.contains(next(iter(one.specifier)).version, prereleases=True), text


def test_the_locks_agree() -> None:
    """What tests pass with is what a user gets."""
    versions: dict[tuple[str, str], str] = {}
    for name in LOCKS:
        for requirement, _ in entries(name):
            key = (canonicalize_name(requirement.name), str(requirement.marker or ""))
            assert versions.setdefault(key, str(requirement.specifier)) == str(requirement.specifier), requirement.name


def test_pytorch_is_no_requirement() -> None:
    for name in LOCKS:
        named = [requirement.name for requirement, _ in entries(name)]
        assert "torch" not in named
        assert not [one for one in named if one.startswith("nvidia")]
