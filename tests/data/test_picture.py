"""A picture as a data set: what its coordinates mean, and what is refused."""

import io
import os

import numpy as np
import pytest
from PIL import Image

import snarc
from snarc.data.picture import coordinates, from_pixels, pixels_of
from snarc.errors import DataError


def png(image, format="PNG", **options):
    out = io.BytesIO()
    Image.fromarray(image).save(out, format=format, **options)
    return out.getvalue()


@pytest.fixture
def colour(rng):
    return rng.integers(0, 256, (6, 9, 3)).astype(np.uint8)


def test_coordinates_are_the_middles_of_square_pixels():
    where = coordinates(2, 4).reshape(2, 4, 2)
    assert where[0, 0].tolist() == [-0.375, -0.125]
    assert where[1, 3].tolist() == [0.375, 0.125]  # to the right and down
    assert where[0, 1, 0] - where[0, 0, 0] == where[1, 0, 1] - where[0, 0, 1]


def test_targets_are_the_files_pixels_in_their_places(tmp_path, colour):
    (tmp_path / "a.png").write_bytes(png(colour))
    data = snarc.load(tmp_path / "a.png")
    assert (data.task.kind, data.task.targets) == ("regression", ("red", "green", "blue"))
    assert len(data.train) == 54
    np.testing.assert_allclose(data.train.targets.reshape(6, 9, 3), colour / 255, rtol=1e-6)
    assert np.array_equal(data.train.inputs, coordinates(6, 9))
    np.testing.assert_allclose(pixels_of(data), colour / 255, rtol=1e-6)
    assert data.source["suits"]["model"] == "fourier-features"


def test_pixels_held_out_come_back_to_their_places(colour):
    data = from_pixels(colour, test=0.3, validation=5, seed=3)
    assert (len(data.test), len(data.validation)) == (16, 5)
    np.testing.assert_allclose(pixels_of(data), colour / 255, rtol=1e-6)


def test_size_and_channels_can_be_asked_for(tmp_path, colour):
    (tmp_path / "a.jpg").write_bytes(png(np.kron(colour, np.ones((4, 4, 1), np.uint8)), "JPEG"))
    shapes = {
        "own": (pixels_of(snarc.load(tmp_path / "a.jpg")).shape, (24, 36, 3)),
        "longer side": (pixels_of(snarc.load(tmp_path / "a.jpg", size=18)).shape, (12, 18, 3)),
        "both": (pixels_of(snarc.load(tmp_path / "a.jpg", size=[10, 11], channels=1)).shape, (10, 11, 1)),
    }
    assert all(found == wanted for found, wanted in shapes.values()), shapes


def test_a_large_picture_is_made_smaller_and_says_so(tmp_path):
    (tmp_path / "wide.png").write_bytes(png(np.zeros((300, 1000), np.uint8)))
    data = snarc.load(tmp_path / "wide.png")
    assert pixels_of(data).shape == (77, 256, 1)
    assert "1000" in data.source["note"]


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "I;16"])
def test_every_colour_mode_is_read(tmp_path, mode, rng):
    image = Image.fromarray(rng.integers(0, 256, (5, 4, 3)).astype(np.uint8))
    name = "a.jpg" if mode == "CMYK" else "a.png"
    made = (
        Image.fromarray(np.arange(20, dtype=np.uint16).reshape(5, 4) * 3000) if mode == "I;16" else image.convert(mode)
    )
    made.save(tmp_path / name)
    assert pixels_of(snarc.load(tmp_path / name)).shape[:2] == (5, 4)


def test_a_name_with_a_line_break_and_no_ending(tmp_path, colour):
    path = tmp_path / "odd\nname"
    path.write_bytes(png(colour))
    assert len(snarc.load(path).train) == 54


def bad_files(folder, image):
    whole = png(image)
    jpeg = png(np.kron(image, np.ones((9, 9, 1), np.uint8)), "JPEG")
    frames = [Image.fromarray(image), Image.fromarray(255 - image)]
    out = io.BytesIO()
    frames[0].save(out, format="GIF", save_all=True, append_images=frames[1:])
    bomb = io.BytesIO()
    Image.new("1", (20_000, 20_000)).save(bomb, format="PNG")
    return {
        "text.png": b"no picture at all",
        "cut.jpg": jpeg[: len(jpeg) // 2],
        "cut.png": whole[: len(whole) // 2],
        "tiff.png": png(image, "TIFF"),
        "real.tiff": png(image, "TIFF"),
        "bomb.png": bomb.getvalue(),
        "moving.gif": out.getvalue(),
        "empty.png": b"",
        "one.png": png(image[:1, :1]),
    }


BAD = ("text.png", "cut.jpg", "cut.png", "tiff.png", "real.tiff", "bomb.png", "moving.gif", "empty.png", "one.png")


@pytest.mark.parametrize("name", BAD)
def test_bad_files_are_refused_in_a_line(tmp_path, colour, name):
    (tmp_path / name).write_bytes(bad_files(tmp_path, colour)[name])
    with pytest.raises(DataError) as caught:
        snarc.load(tmp_path / name)
    said = str(caught.value)
    assert "\n" not in said
    assert "skip_bad" not in said
    assert name in said or "1 x 1" in said or "(1, 1, 3)" in said


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read(tmp_path, colour):
    path = tmp_path / "a.png"
    path.write_bytes(png(colour))
    path.chmod(0)
    with pytest.raises(DataError, match="may not be read"):
        snarc.load(path)


@pytest.mark.parametrize("options", [{"size": 1}, {"size": "big"}, {"size": [0, 5]}, {"channels": 2}, {"size": True}])
def test_impossible_options_are_refused(tmp_path, colour, options):
    (tmp_path / "a.png").write_bytes(png(colour))
    with pytest.raises(DataError, match=r"size|channels"):
        snarc.load(tmp_path / "a.png", **options)


@pytest.mark.parametrize("pixels", [np.zeros(5), np.zeros((4, 4, 2)), np.full((3, 3), 1.5), np.full((3, 3), np.nan)])
def test_arrays_that_are_no_picture_are_refused(pixels):
    with pytest.raises(DataError, match="picture"):
        from_pixels(pixels)


def test_the_drawn_picture_keeps_its_brightness_at_any_size():
    small, large = (pixels_of(snarc.load("lighthouse", size=size)) for size in (32, 64))
    apart = large.reshape(32, 2, 32, 2).mean((1, 3)) - small[..., 0]
    assert np.sqrt((apart**2).mean()) < 0.03  # edges are sampled at other points
    assert abs(apart.mean()) < 0.002


def test_photographs_by_name(data_folder):
    noether = snarc.load("noether")
    assert pixels_of(noether).shape == (256, 256, 1)
    assert noether.source["files"][0]["sha256"].startswith("4900f86b")
    assert pixels_of(snarc.load("chelsea", size=64)).shape == (43, 64, 3)
