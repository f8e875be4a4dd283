"""Hostile files cost little memory, and caches go where they belong."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from snarc.data import cache_folder

SCRIPT = """
import gzip, io, os, struct, sys, zipfile, zlib
from pathlib import Path
import snarc.data
from snarc.errors import SnarcError
root = Path(sys.argv[1])
def refuse(path):
    try:
        snarc.data.load(path, **({"target": "a"} if str(path).endswith("csv") else {}))
    except SnarcError as error:
        return
    raise SystemExit(f"{path} was taken")
(root / "line.csv").write_bytes(b"a," * (4 << 20)); os.truncate(root / "line.csv", 1 << 30)
(root / "idx").mkdir()
(root / "idx" / "train-images-idx3-ubyte.gz").write_bytes(
    gzip.compress(struct.pack(">HBB3I", 0, 8, 3, 1 << 14, 256, 256)) + gzip.compress(bytes(1 << 22)) * 256)
(root / "idx" / "train-labels-idx1-ubyte.gz").write_bytes(gzip.compress(struct.pack(">HBBI", 0, 8, 1, 1 << 14)))
(root / "claim").mkdir()
(root / "claim" / "train-images-idx3-ubyte").write_bytes(struct.pack(">HBB3I", 0, 8, 3, 1 << 20, 256, 256))
(root / "claim" / "train-labels-idx1-ubyte").write_bytes(struct.pack(">HBBI", 0, 8, 1, 1 << 20))
def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
for name, side in (("bomb400", 20000), ("bomb169", 13000)):
    pack = zlib.compressobj(9)
    rows = b"".join(pack.compress(bytes(1 + (side + 7) // 8)) for _ in range(side)) + pack.flush()
    header = struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)
    for label in "ab":
        folder = root / name / label
        folder.mkdir(parents=True)
        chunks = chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")
        (folder / "x.png").write_bytes(b"\\x89PNG\\r\\n\\x1a\\n" + chunks)
with zipfile.ZipFile(root / "bomb.npz", "w", zipfile.ZIP_DEFLATED) as archive:
    with archive.open("x.npy", "w", force_zip64=True) as file:
        for _ in range(128): file.write(bytes(1 << 22))
    archive.writestr("y.npy", b"")
for name in ("line.csv", "idx", "claim", "bomb400", "bomb169", "bomb.npz"):
    refuse(root / name)
assert not {"jax", "grain"} & set(sys.modules)
# Not getrusage: a child's count begins with what its parent held.
print(next(line for line in open("/proc/self/status") if line.startswith("VmHWM")).split()[1])
"""


@pytest.mark.skipif(sys.platform != "linux", reason="needs /proc")
def test_bombs_need_less_than_400_mib_and_no_compiler(tmp_path):
    done = subprocess.run([sys.executable, "-c", SCRIPT, str(tmp_path)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert int(done.stdout) < 400 << 10


def test_cache_folder(monkeypatch, tmp_path):
    monkeypatch.setenv("SNARC_HOME", str(tmp_path / "own"))
    assert cache_folder() == tmp_path / "own"
    monkeypatch.delenv("SNARC_HOME")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert cache_folder() == tmp_path / "xdg" / "snarc"
    assert not cache_folder().exists()  # asking makes nothing


@pytest.mark.skipif(sys.platform != "linux", reason="the place differs elsewhere")
def test_cache_folder_without_xdg_and_without_home(monkeypatch, tmp_path):
    monkeypatch.delenv("SNARC_HOME", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")  # to be ignored, says the specification
    monkeypatch.setenv("HOME", str(tmp_path))
    assert cache_folder() == tmp_path / ".cache" / "snarc"
    monkeypatch.setenv("HOME", str(tmp_path / "none"))
    monkeypatch.setattr("tempfile.gettempdir", lambda: str(tmp_path))
    assert cache_folder() == tmp_path / f"snarc-{os.getuid()}"


def test_no_module_here_imports_jax():
    import ast

    import snarc.data

    for path in Path(snarc.data.__file__).parent.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) and not node.level else []
            heavy = {n.split(".")[0] for n in names} & {"jax", "flax", "optax", "pickle", "pandas", "torch"}
            assert not heavy, f"{path.name} imports {heavy}"
