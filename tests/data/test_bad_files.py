"""Bad-input cases 52 to 60: idx files and archives."""

from __future__ import annotations

import gzip
import io
import struct
import tarfile
import zipfile

import numpy as np
import pytest

from snarc.data import load
from snarc.data.idx import read_idx
from snarc.errors import DataError

PIXELS = np.arange(12 * 2 * 3, dtype=np.uint8).reshape(12, 2, 3)
LABELS = np.arange(12) % 2


@pytest.fixture
def pair(tmp_path, idx):
    """Writes train-images and train-labels with the given bytes, and returns the folder."""

    def write(images: bytes, labels: bytes | None = None, ending: str = ""):
        folder = tmp_path / "set"
        folder.mkdir()
        (folder / f"train-images-idx3-ubyte{ending}").write_bytes(images)
        (folder / f"train-labels-idx1-ubyte{ending}").write_bytes(idx(LABELS) if labels is None else labels)
        return folder

    return write


def _header(*shape: int, kind: int = 8) -> bytes:
    return struct.pack(f">HBB{len(shape)}I", 0, kind, len(shape), *shape)


IDX = {
    "case-52-wrong-magic": (b"\x00\x00\x07\x03" + bytes(20), ["byte 0", "0x00000703", "2051"]),
    "case-52-not-idx": (b"GIF89a" + bytes(20), ["byte 0", "0x47494638"]),
    "case-52-too-short": (b"\0\0", ["2 bytes", "magic number"]),
    "case-52-header-cut": (b"\0\0\x08\x03" + bytes(5), ["byte 9", "16 bytes"]),
    "case-53-more-asked-than-there": (_header(13, 2, 3) + PIXELS.tobytes(), ["72 bytes", "exactly 78", "13 x 2 x 3"]),
    "case-54-product-above-2-to-63": (_header(2**32 - 1, 2**32 - 1, 2**32 - 1), ["bytes 4 to 15", "4294967295 x"]),
    "case-55-trailing-bytes": (_header(12, 2, 3) + PIXELS.tobytes() + b"xy", ["2 bytes too many", "exactly 72"]),
}


@pytest.mark.parametrize("streamed", [False, True], ids=["memory", "stream"])
@pytest.mark.parametrize("case", IDX)
def test_idx_refused(case, streamed, pair, refused):
    data, words = IDX[case]
    folder = pair(data)
    with refused("train-images-idx3-ubyte", *words, kind=DataError):
        load(folder, stream=streamed)


@pytest.mark.parametrize("case", [c for c in IDX if "trailing" in c or "asked" in c])
def test_gzipped_idx_refused(case, pair, refused):
    folder = pair(gzip.compress(IDX[case][0]), ending=".gz", labels=gzip.compress(_header(12) + bytes(12)))
    with refused("train-images-idx3-ubyte.gz", *IDX[case][1], kind=DataError):
        load(folder)


def test_case_56_counts_differ(pair, idx, refused):
    folder = pair(idx(PIXELS), idx(LABELS[:11]))
    with refused("train-images-idx3-ubyte holds 12 examples", "11 labels"):
        load(folder)


@pytest.mark.parametrize("keep", [0.02, 0.5, 0.999])
def test_case_57_truncated_gzip(keep, pair, idx, refused):
    whole = gzip.compress(idx(np.random.default_rng(0).integers(0, 256, (12, 28, 28))))
    folder = pair(whole[: max(12, int(keep * len(whole)))], ending=".gz")
    with refused("train-images-idx3-ubyte.gz", "middle of its gzip stream", "whole gzip"):
        load(folder)


def test_damaged_gzip(pair, idx, refused):
    whole = bytearray(gzip.compress(idx(np.random.default_rng(0).integers(0, 256, (12, 28, 28)))))
    whole[-6] ^= 1  # the CRC
    folder = pair(bytes(whole), ending=".gz")
    with refused("train-images-idx3-ubyte.gz is damaged"):
        load(folder)


def test_case_58_gzip_bomb(pair, refused):
    zeros = gzip.compress(bytes(1 << 22))
    bomb = gzip.compress(_header(1 << 14, 256, 256)) + zeros * 256  # a gzip file may have many members
    assert len(bomb) < 1_100_000
    folder = pair(bomb, ending=".gz")
    with refused("train-images-idx3-ubyte.gz", "ungzips to more than", "100 times"):
        load(folder)


def test_gzip_of_several_members_and_padding_is_whole(tmp_path, idx):
    data = idx(PIXELS)
    path = tmp_path / "x.gz"
    path.write_bytes(gzip.compress(data[:30]) + gzip.compress(data[30:]) + bytes(512))
    np.testing.assert_array_equal(read_idx(path), PIXELS)


@pytest.mark.parametrize("name", ["../x.npy", "/x.npy", "..\\x.npy", "a/../../x.npy", "C:/x.npy"])
def test_case_59_zip_that_points_outside(name, tmp_path, refused):
    array = io.BytesIO()
    np.save(array, np.zeros(3))
    for ending in ("npz", "zip"):
        with zipfile.ZipFile(tmp_path / f"bad.{ending}", "w") as archive:
            archive.writestr(name, array.getvalue())
        with refused(f"bad.{ending}", "points outside", kind=DataError):
            load(tmp_path / f"bad.{ending}")


def _member(kind: str) -> tarfile.TarInfo:
    member = tarfile.TarInfo(
        "/etc/cat/x.png" if kind == "absolute" else "../cat/x.png" if kind == "up" else "cat/x.png"
    )
    kinds = {
        "symlink": tarfile.SYMTYPE,
        "hardlink": tarfile.LNKTYPE,
        "device": tarfile.CHRTYPE,
        "pipe": tarfile.FIFOTYPE,
    }
    member.type = kinds.get(kind, tarfile.REGTYPE)
    member.linkname = "/etc/passwd" if kind in ("symlink", "hardlink") else ""
    return member


@pytest.mark.parametrize("kind", ["symlink", "hardlink", "device", "pipe", "absolute", "up"])
def test_case_60_tar_members(kind, tmp_path, refused):
    with tarfile.open(tmp_path / "bad.tar", "w") as archive:
        archive.addfile(_member(kind), io.BytesIO(b""))
    word = "points outside" if kind in ("absolute", "up") else "a link" if "link" in kind else "a device"
    with refused("bad.tar", word, kind=DataError):
        load(tmp_path / "bad.tar")


def test_zip_with_a_link(tmp_path, refused):
    with zipfile.ZipFile(tmp_path / "bad.zip", "w") as archive:
        info = zipfile.ZipInfo("cat/x.png")
        info.external_attr = 0o120777 << 16
        archive.writestr(info, "/etc/passwd")
    with refused("bad.zip", "a link"):
        load(tmp_path / "bad.zip")


@pytest.mark.parametrize("kind", ["tar.gz", "zip"])
def test_archive_bomb(kind, tmp_path, refused):
    path = tmp_path / f"bomb.{kind}"
    if kind == "zip":
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("cat/x.png", bytes(1 << 28))
    else:
        with tarfile.open(path, "w:gz") as tar:
            member = tarfile.TarInfo("cat/x.png")
            member.size = 1 << 28
            tar.addfile(member, io.BytesIO(bytes(1 << 28)))
    with refused("bomb", "hold more than 67,108,864 bytes"):
        load(path)


@pytest.mark.parametrize("kind", ["objects", "shape", "no array", "bomb", "truncated", "one without partner"])
def test_npz_refused(kind, tmp_path, refused):
    path = tmp_path / "bad.npz"
    x = io.BytesIO()
    np.save(x, np.ones((4, 3)))
    if kind == "objects":
        np.savez(path, x=np.array([{}, 1], object), y=np.arange(2), allow_pickle=True)
        word = "Python objects"
    elif kind == "bomb":
        np.savez_compressed(path, x=np.zeros((1 << 12, 1 << 12), np.float64), y=np.zeros(1 << 12))
        word = "134,250,"
    elif kind == "one without partner":
        np.savez(path, x_train=np.ones((4, 3)), y_train=np.arange(4) % 2, x_test=np.ones((4, 3)))
        word = "'x_test' without its partner"
    elif kind == "truncated":
        np.savez(path, x=np.ones((4, 3)), y=np.arange(4))
        path.write_bytes(path.read_bytes()[:-40])
        word = "damaged"
    else:
        content = x.getvalue() if kind == "shape" else b"not an array"
        content = content.replace(b"(4, 3), }" + b" " * 12, b"(1000000000000, 3), }")
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("x.npy", content)
            archive.writestr("y.npy", x.getvalue())
        word = "no NumPy array" if kind == "no array" else "(1000000000000, 3)"
    with refused("bad.npz", word, kind=DataError):
        load(path)
