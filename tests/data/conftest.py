"""The contract of every refusal, and makers of files to be refused."""

from __future__ import annotations

import contextlib
import os
import struct
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from snarc.errors import SnarcError


def _listing(folder: Path) -> dict[str, tuple[int, int]]:
    """Every name below a folder, and when and how large each file was written."""
    found = {}
    for path in folder.rglob("*"):
        about = path.lstat()
        found[str(path)] = (0, 0) if path.is_dir() else (about.st_size, about.st_mtime_ns)
    return found


@pytest.fixture
def refused(tmp_path) -> Callable[..., Any]:
    """A context that passes only where something is refused as the contract says."""

    @contextlib.contextmanager
    def check(*words: str, kind: type[SnarcError] = SnarcError) -> Iterator[None]:
        before = _listing(tmp_path)
        with pytest.raises(kind) as caught:
            yield
        text = str(caught.value)
        assert "\n" not in text
        assert text.isprintable()
        assert caught.value.exit_status == 2
        assert caught.value.__cause__ is None  # the message stands alone
        assert all((caught.value.came, caught.value.wanted, caught.value.way_out))
        for word in words:
            assert word in text, f"{word!r} is not in: {text}"
        assert _listing(tmp_path) == before  # nothing was written

    return check


@pytest.fixture
def idx() -> Callable[..., bytes]:
    """The bytes of an idx file of unsigned bytes, written as the format's page says, not by the code under test."""

    def make(array: Any) -> bytes:
        array = np.asarray(array, np.uint8)
        return struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape) + array.tobytes()

    return make


@pytest.fixture
def pictures(tmp_path) -> Callable[..., Path]:
    """A folder of two classes of small random PNG images."""
    from PIL import Image

    def make(
        classes: tuple[str, ...] = ("cat", "dog"), each: int = 6, size: tuple[int, int] = (8, 8), at: str = ""
    ) -> Path:
        rng = np.random.default_rng(len(at))
        root = tmp_path / "pictures"
        for name in classes:
            folder = root / at / name
            folder.mkdir(parents=True, exist_ok=True)
            for i in range(each):
                Image.fromarray(rng.integers(0, 256, (*size, 3), np.uint8)).save(folder / f"{i}.png")
        return root

    return make


@pytest.fixture
def as_nobody() -> Iterator[Callable[[], contextlib.AbstractContextManager[None]]]:
    """A context in which file permissions count, also where the tests run as root."""

    @contextlib.contextmanager
    def enter() -> Iterator[None]:
        if os.name != "posix":
            pytest.skip("needs POSIX permissions")
        if os.geteuid() != 0:
            yield
            return
        os.seteuid(65534)
        try:
            yield
        finally:
            os.seteuid(0)

    return enter
