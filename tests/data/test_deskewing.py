"""Deskewing: the moment it sets to zero, SciPy's shear, and what it refuses."""

import numpy as np
import pytest
from scipy import ndimage

from snarc.data import deskew
from snarc.errors import DataError


def blobs(rng, count=20, side=28):
    """Smooth slanted blobs that stay away from the edges."""
    y, x = np.mgrid[:side, :side] - (side - 1) / 2
    angle, across = rng.uniform(-0.6, 0.6, count), rng.uniform(1.0, 2.0, count)
    lean = x - np.tan(angle)[:, None, None] * y
    return np.exp(-0.5 * (lean / across[:, None, None]) ** 2 - 0.5 * (y / 3.5) ** 2) * (abs(y) < 9) * (abs(lean) < 6)


def mixed_moment(image):
    """The covariance of height and side of the ink, from its definition."""
    y, x = np.mgrid[: image.shape[0], : image.shape[1]]
    weight = image / image.sum()
    return (weight * (y - (weight * y).sum()) * (x - (weight * x).sum())).sum()


def test_the_mixed_moment_becomes_zero(rng):
    images = blobs(rng)
    assert min(abs(mixed_moment(one)) for one in images) < 3 < max(abs(mixed_moment(one)) for one in images)
    for before, after in zip(images, deskew(images)):
        assert after.sum() == pytest.approx(before.sum(), rel=1e-12)
        assert mixed_moment(after) == pytest.approx(0, abs=1e-9)
        assert ndimage.center_of_mass(after) == pytest.approx(ndimage.center_of_mass(before), abs=1e-9)


def test_against_scipy(rng):
    for image in blobs(rng, 5):
        y, x = ndimage.center_of_mass(image)
        rows, columns = np.mgrid[:28, :28]
        spread = (image * (rows - y) ** 2).sum()
        slope = (image * (rows - y) * (columns - x)).sum() / spread
        wanted = ndimage.affine_transform(image, [[1, 0], [slope, 1]], offset=[0, -slope * y], order=1)
        np.testing.assert_allclose(deskew(image[None])[0], wanted, atol=1e-12)


def test_types_channels_and_what_has_no_slant(rng):
    images = np.rint(255 * blobs(rng, 3)).astype(np.uint8)
    whole = deskew(images)
    assert whole.dtype == np.uint8
    assert whole.shape == images.shape
    assert np.abs(whole - deskew(images.astype(np.float32))).max() <= 0.5 + 1e-4
    coloured = deskew(np.stack([images, images // 2], axis=-1))
    np.testing.assert_array_equal(coloured[..., 0], whole)
    nothing = np.zeros((2, 9, 9), np.float32)
    np.testing.assert_array_equal(deskew(nothing), nothing)
    flat = nothing.copy()
    flat[:, 4, 2:7] = 1  # a level stroke has no height that could lean
    np.testing.assert_array_equal(deskew(flat), flat)
    assert deskew(images[:0]).shape == (0, 28, 28)


def test_no_more_than_asked(rng):
    leaning = np.eye(9)[None]
    np.testing.assert_array_equal(deskew(leaning, most=0), leaning)
    assert mixed_moment(deskew(leaning, most=0.5)[0]) == pytest.approx(mixed_moment(leaning[0]) / 2, abs=1e-9)


@pytest.mark.parametrize(
    "images", [np.zeros((28, 28)), np.zeros((1, 8, 8), int), np.full((1, 8, 8), -1.0), np.full((1, 8, 8), np.nan)]
)
def test_refused(images):
    with pytest.raises(DataError):
        deskew(images)


def test_refused_slant():
    with pytest.raises(DataError, match="most"):
        deskew(np.zeros((1, 8, 8)), most=-1)
