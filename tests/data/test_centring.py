"""Centring by mass: real MNIST is its fixed point, SciPy's centre of mass, areas under scaling, and what it refuses."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from snarc.data import centred
from snarc.errors import DataError


def box_of(image):
    return tuple(s.stop - s.start for s in ndimage.find_objects((image > 0).astype(int))[0])


def test_mnist_itself_is_not_changed(mnist):
    """Thirteen digits of 60,000 do not fill the box of 20 pixels and two lie a pixel off; the others stay."""
    images = mnist.train.inputs
    made = centred(images)
    assert made.dtype == np.uint8
    apart = (made != images).any(axis=(1, 2, 3))
    assert apart.sum() <= 15
    moved = [max(box_of(one[..., 0])) == 20 for one in images[apart]]
    assert sum(moved) <= 2


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**31), st.integers(1, 60), st.integers(1, 60), st.integers(20, 32), st.integers(4, 20))
def test_box_and_centre(seed, height, width, size, box):
    rng = np.random.default_rng(seed)
    images = rng.random((1, height, width, 1)) * (rng.random((1, height, width, 1)) < 0.5)
    images[0, rng.integers(height), rng.integers(width)] = 1
    before, made = images[0, ..., 0], centred(images, size=size, box=box)[0, ..., 0]
    assert made.shape == (size, size)
    assert 0 <= made.min() <= made.max() <= 1
    tall, wide = box_of(before)
    found = box_of(made)
    longer = max(tall, wide)
    # A filter that widens can make the outermost row too faint to see, never add one.
    assert found[0] <= max(1, round(tall * box / longer))
    assert found[1] <= max(1, round(wide * box / longer))
    for axis, centre in enumerate(ndimage.center_of_mass(made)):
        at_edge = made.any(axis=1 - axis)[[0, -1]].any()
        assert abs(centre - size / 2) <= 0.5 + 1e-6 or at_edge


def test_place_and_contrast_of_the_original_do_not_matter():
    rng = np.random.default_rng(0)
    glyph = rng.random((12, 9))
    sheets = np.zeros((3, 50, 64, 1))
    for sheet, (top, left) in zip(sheets, ((0, 0), (38, 55), (17, 20))):
        sheet[top : top + 12, left : left + 9, 0] = glyph
    made = centred(sheets)
    np.testing.assert_array_equal(made[0], made[1])
    np.testing.assert_array_equal(made[0], made[2])
    np.testing.assert_allclose(centred(sheets * 0.5)[0], 0.5 * made[0], atol=1e-6)


def test_whole_factors_are_means_and_areas():
    """Shrinking 40 to 20 keeps the mean of the ink; a full square stays full."""
    full = np.zeros((1, 64, 64, 1))
    full[0, 5:45, 11:51] = 1
    made = centred(full)[0, ..., 0]
    assert made.sum() == pytest.approx(400)
    np.testing.assert_array_equal(made[4:24, 4:24], 1)  # the middle of 20 pixels is 9.5: 14 - 9.5 rounds to 4
    smooth = np.zeros((1, 40, 40, 1))
    y, x = np.mgrid[:40, :40]
    smooth[0, ..., 0] = 0.5 + 0.4 * np.sin(np.pi * (y + 0.5) / 10) * np.cos(np.pi * (x + 0.5) / 8)
    assert centred(smooth).sum() == pytest.approx(smooth.sum() / 4, rel=0.005)


def test_types_and_empty_pictures():
    rng = np.random.default_rng(1)
    images = rng.integers(0, 256, (4, 31, 17, 1)).astype(np.uint8)
    whole = centred(images)
    assert whole.dtype == np.uint8
    assert np.abs(whole - 255 * centred(images / 255)).max() <= 0.5 + 1e-3
    assert centred(images.astype(np.float32) / 255).dtype == np.float32
    assert not centred(np.zeros((2, 10, 10, 1))).any()
    assert centred(np.zeros((0, 10, 10, 1))).shape == (0, 28, 28, 1)


def test_a_grey_ground_is_taken_away():
    images = np.full((1, 40, 40, 1), 0.08)
    images[0, 10:30, 12:16] = 1
    clean = np.where(images > 0.5, images, 0)
    np.testing.assert_array_equal(centred(images, ground=0.1), centred(clean))


def test_what_cannot_be_centred_is_refused():
    for wrong in (np.zeros((28, 28, 1)), np.zeros((1, 28, 28, 3)), np.zeros((1, 8, 8, 1), int)):
        with pytest.raises(DataError, match="to centre of type"):
            centred(wrong)
    for value in (1.5, -0.1, np.nan):
        with pytest.raises(DataError, match="outside 0 to 1"):
            centred(np.full((1, 8, 8, 1), value))
    with pytest.raises(DataError, match="a box of 30"):
        centred(np.zeros((1, 8, 8, 1)), box=30)
    with pytest.raises(DataError, match="ground=1"):
        centred(np.zeros((1, 8, 8, 1)), ground=1)
