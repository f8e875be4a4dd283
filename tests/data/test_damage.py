"""Damaged files of every kind either load or are refused in one line; nothing else may come out."""

from __future__ import annotations

import contextlib
import gzip
import io
import struct
import tarfile
import zipfile

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from snarc.data import load, moments
from snarc.errors import SnarcError

RNG = np.random.default_rng(0)
PIXELS = RNG.integers(0, 256, (12, 5, 4), np.uint8)


def _image(kind: str, k: int = 0) -> bytes:
    out = io.BytesIO()
    Image.fromarray(np.random.default_rng(k).integers(0, 256, (8, 8, 3), np.uint8)).save(out, kind)
    return out.getvalue()


def _idx(array: np.ndarray) -> bytes:
    return struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape) + array.tobytes()


def _archive(kind: str) -> bytes:
    out = io.BytesIO()
    if kind == "zip":
        with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
            for k in range(6):
                archive.writestr(f"{'ab'[k % 2]}/{k}.png", _image("PNG", k))
    else:
        with tarfile.open(fileobj=out, mode="w:gz" if kind == "tar.gz" else "w") as tar:
            for k in range(6):
                info = tarfile.TarInfo(f"{'ab'[k % 2]}/{k}.png")
                info.size = len(_image("PNG", k))
                tar.addfile(info, io.BytesIO(_image("PNG", k)))
    return out.getvalue()


def _npz(save) -> bytes:
    out = io.BytesIO()
    save(out, x=RNG.normal(size=(12, 3)), y=np.arange(12) % 2)
    return out.getvalue()


TABLE = b"a,b,y\n" + b"".join(b'%d.25,"t%d",%d\n' % (i, i % 3, i % 2) for i in range(12))
FILES = {
    "set/train-images-idx3-ubyte": _idx(PIXELS),
    "set/train-images-idx3-ubyte.gz": gzip.compress(_idx(PIXELS)),
    "t.csv": TABLE,
    "t.npz": _npz(np.savez),
    "u.npz": _npz(np.savez_compressed),
    "a.tar": _archive("tar"),
    "a.tar.gz": _archive("tar.gz"),
    "a.zip": _archive("zip"),
    **{f"pictures/a/bad.{kind.lower()}": _image(kind) for kind in ("PNG", "JPEG", "BMP", "GIF", "WEBP")},
}


@pytest.mark.parametrize("name", FILES)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_damage(name, tmp_path_factory, data):
    content = bytearray(FILES[name])
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(content) - 1)) if content else 0
        match data.draw(st.sampled_from(["flip", "cut", "insert", "set"])):
            case "flip" if content:
                content[at] ^= 1 << data.draw(st.integers(0, 7))
            case "set" if content:
                content[at] = data.draw(st.sampled_from([0, 255, 10, 34, 44, 45, 46]))
            case "cut":
                del content[at : at + data.draw(st.integers(1, 40))]
            case "insert":
                content[at:at] = data.draw(st.binary(min_size=1, max_size=8))
    root = tmp_path_factory.mktemp("damage")
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(bytes(content))
    if name.startswith("set/"):
        (root / "set" / "train-labels-idx1-ubyte").write_bytes(_idx(np.arange(12, dtype=np.uint8) % 2))
    if name.startswith("pictures/"):
        for label in "ab":
            (root / "pictures" / label).mkdir(exist_ok=True)
            (root / "pictures" / label / "good.png").write_bytes(_image("PNG"))
    what = root / name.split("/")[0] if "/" in name else path
    for stream in (False, True):
        dataset = None
        with contextlib.suppress(SnarcError):
            dataset = load(what, target="y" if name.endswith("csv") else None, stream=stream)
        if dataset is not None:
            mean, std = moments(dataset.train)  # what was taken can be read to the end
            assert np.isfinite(mean).all()
            assert (std > 0).all()
