"""Bad-input cases 38 to 51: folders of images."""

from __future__ import annotations

import os
import struct
import tempfile
import zlib
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from snarc.data import load
from snarc.errors import DataError


def _png(width: int, height: int) -> bytes:
    """A black grey PNG of any size in few bytes, made from the format's chunks."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    pack = zlib.compressobj(9)
    rows = b"".join(pack.compress(bytes(1 + (width + 7) // 8)) for _ in range(height)) + pack.flush()
    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def _saved(kind: str, mode: str = "RGB", size: tuple[int, int] = (8, 8), **options) -> bytes:
    out = BytesIO()
    noise = np.random.default_rng(0).integers(0, 256, (*size, 3), np.uint8)
    Image.fromarray(noise).convert(mode).save(out, kind, **options)
    return out.getvalue()


def _long_gif(frames: int) -> bytes:
    start = b"GIF89a" + struct.pack("<HHBBB", 8, 8, 0x80, 0, 0) + bytes(3) + b"\xff" * 3
    frame = (
        b"\x21\xf9\x04\0\1\0\0\0"
        + b"\x2c"
        + struct.pack("<HHHHB", 0, 0, 8, 8, 0)
        + b"\x02\x08\x84\x8f\xa9\xcb\xed\x0f\xa3\x9c\x00\x00"
    )
    return start + frame * frames + b"\x3b"


BAD = {
    "case-40-text-named-png": (b"this is no image, only text", ["begins with 74 68 69 73"]),
    "case-41-truncated-jpeg": (_saved("JPEG")[:-60], ["truncated"]),
    "case-42-tiff-named-png": (_saved("TIFF"), ["begins with 49 49 2a 00"]),
    "case-42-eps-named-png": (_saved("EPS"), ["begins with 25 21 50 53"]),
    "case-43-400-megapixels": (_png(20_000, 20_000), ["pixels", "67,108,864"]),
    "case-44-169-megapixels": (_png(13_000, 13_000), ["13000 x 13000 pixels", "67,108,864"]),
    "case-45-gif-of-many-frames": (_long_gif(100_000), ["animation", "one frame"]),
    "case-48-zero-bytes": (b"", ["is empty (0 bytes)"]),
}


@pytest.mark.parametrize("streamed", [False, True], ids=["memory", "stream"])
@pytest.mark.parametrize("case", BAD)
def test_bad_file_refused(case, streamed, pictures, refused):
    data, words = BAD[case]
    root = pictures()
    (root / "cat" / "bad.png").write_bytes(data)
    with refused("pictures", "1 of 13 files cannot be read", "cat/bad.png", *words, kind=DataError):
        load(root, stream=streamed)


@pytest.mark.parametrize("case", BAD)
def test_bad_file_passed_over_where_asked(case, pictures, capsys):
    root = pictures()
    (root / "cat" / "bad.png").write_bytes(BAD[case][0])
    dataset = load(root, skip_bad=True)
    assert len(dataset.train) + len(dataset.validation) + len(dataset.test) == 12
    assert "1 files that cannot be read" in dataset.source["note"]


def test_all_bad_files_are_named_together(pictures, refused):
    root = pictures(each=20)
    for i in range(7):
        (root / "dog" / f"bad{i}.jpg").write_bytes(b"x" * (i + 1) if i else b"")
    with refused("7 of 47 files", "dog/bad0.jpg", "dog/bad4.jpg", "and 2 more"):
        load(root)


def test_case_38_empty_folder(tmp_path, refused):
    (tmp_path / "nothing").mkdir()
    with refused("nothing holds no image", ".png"):
        load(tmp_path / "nothing")


@pytest.mark.parametrize("at", ["", "train"])
def test_case_39_class_without_image(at, pictures, refused):
    root = pictures(at=at)
    (root / at / "mouse").mkdir()
    with refused("mouse' holds no image", "images of every class"):
        load(root)


def test_class_of_the_test_folder_alone(pictures, refused):
    pictures(at="train")
    root = pictures(classes=("cat", "mouse"), at="test")
    with refused("'mouse'", "test/ but not in train/"):
        load(root)


def test_case_46_mixed_sizes(pictures, refused):
    pictures()
    root = pictures(classes=("mouse",), size=(9, 5))
    with refused("'cat/0.png' is 8 x 8", "'mouse/0.png' is 9 x 5", "size=(8, 8)"):
        load(root)
    assert load(root, size=(6, 7)).inputs == (6, 7, 3)


MODES = {
    "L": (Image.new("L", (4, 4), 128), "PNG", 128),
    "RGB": (Image.new("RGB", (4, 4), (10, 20, 30)), "PNG", (10, 20, 30)),
    "RGBA": (Image.new("RGBA", (4, 4), (200, 0, 0, 0)), "PNG", (255, 255, 255)),
    "P": (Image.new("RGB", (4, 4), (10, 20, 30)).quantize(2), "PNG", (10, 20, 30)),
    "CMYK": (Image.new("CMYK", (4, 4), (0, 255, 255, 0)), "JPEG", (255, 0, 0)),
    "16-bit": (Image.fromarray(np.full((4, 4), 0x8080, np.uint16)), "PNG", 0x80),
    "1": (Image.new("1", (4, 4), 1), "PNG", 255),
    "LA": (Image.new("LA", (4, 4), (90, 255)), "PNG", 90),
    "BMP": (Image.new("RGB", (4, 4), (10, 20, 30)), "BMP", (10, 20, 30)),
    "GIF": (Image.new("RGB", (4, 4), (10, 20, 30)).quantize(2), "GIF", (10, 20, 30)),
    "WEBP": (Image.new("RGB", (4, 4), (10, 20, 30)), "WEBP", (10, 20, 30)),
}


@pytest.mark.parametrize("mode", MODES)
def test_case_47_modes_work(mode, tmp_path):
    image, kind, colour = MODES[mode]
    for name in ("one", "two"):
        (tmp_path / "m" / name).mkdir(parents=True)
        for i in range(3):
            image.save(tmp_path / "m" / name / f"{i}.{kind.lower()}", **({"lossless": True} if kind == "WEBP" else {}))
    dataset = load(tmp_path / "m", validation=0, test=0)
    wanted = np.atleast_1d(colour)
    assert dataset.inputs == (4, 4, len(wanted))
    assert dataset.train.inputs.dtype == np.uint8
    assert np.abs(dataset.train.inputs.astype(int) - wanted).max() <= (3 if kind == "JPEG" else 0)


def test_grey_and_colour_together_become_colour(pictures):
    root = pictures(each=2)
    Image.new("L", (8, 8), 77).save(root / "cat" / "grey.png")
    dataset = load(root, validation=0, test=0)
    assert dataset.inputs == (8, 8, 3)
    assert (dataset.train.inputs == 77).all((1, 2, 3)).sum() == 1
    assert load(root, channels=1).inputs == (8, 8, 1)


def test_turned_photograph_is_upright(pictures):
    root = pictures(each=2, size=(3, 5))
    pixels = np.arange(15, dtype=np.uint8).reshape(5, 3)
    exif = Image.Exif()
    exif[0x0112] = 6  # the top of the scene is the right-hand side of what is stored
    Image.fromarray(pixels).save(root / "cat" / "turned.png", exif=exif)
    dataset = load(root, validation=0, test=0)
    upright = np.rot90(pixels, -1)
    assert (dataset.train.inputs[..., 0] == upright).all((1, 2)).sum() == 1


@pytest.mark.parametrize("kind", ["out", "loop", "folder", "nowhere"])
def test_case_49_links(kind, pictures, tmp_path, refused):
    root = pictures()
    outside = tmp_path / "outside.png"
    outside.write_bytes(_saved("PNG"))
    link = root / "cat" / "link.png"
    if kind == "out":
        link.symlink_to(outside)
    elif kind == "loop":
        link.symlink_to(link)
    elif kind == "nowhere":
        link.symlink_to(tmp_path / "none.png")
    else:
        (root / "cat" / "again").symlink_to(root)
    with refused("cat/", "is a link"):
        load(root)


def test_case_50_without_the_right_to_read(as_nobody, refused):
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        root.chmod(0o755)
        for label in ("cat", "dog"):
            (root / label).mkdir(mode=0o755)
            for i in range(3):
                (root / label / f"{i}.png").write_bytes(_saved("PNG"))
        (root / "dog" / "1.png").chmod(0)
        with refused("dog/1.png may not be read", "1 of 6 files"), as_nobody():
            load(root)
        (root / "dog").chmod(0)
        with refused("dog may not be read", "chmod"), as_nobody():
            load(root)
        (root / "dog").chmod(0o755)


@pytest.mark.parametrize("name", [b"two\nlines.png", b"not \xff utf-8.png"])
def test_case_51_odd_file_names_work(name, pictures):
    root = pictures(each=2)
    path = os.fsencode(root / "cat") + b"/" + name
    Path(os.fsdecode(path)).write_bytes(_saved("PNG"))
    assert len(load(root, validation=0, test=0).train) == 5


@pytest.mark.parametrize("name", [b"two\nlines", b"not \xff utf-8"])
def test_case_51_odd_names_in_messages_stay_on_one_line(name, pictures, refused):
    root = pictures()
    Path(os.fsdecode(os.fsencode(root / "cat") + b"/" + name + b".png")).write_bytes(b"bad")
    with refused("cannot be read"):
        load(root)
