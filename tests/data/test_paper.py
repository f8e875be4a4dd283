"""Pictures of any kind brought to look like those of a data set, and strokes of a pen."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageDraw

from snarc.data._paper import Paper, ink_of
from snarc.data._strokes import Stroke, drawn
from snarc.data.centring import centred


def page(digit, *, left=0.55, right=0.95, noise=0.0, invert=False, seed=0):
    """A digit (28 x 28, light on dark) written with dark ink on a page that is lit from one side, uint8."""
    large = np.asarray(Image.fromarray(digit).resize((140, 140), Image.Resampling.BICUBIC)) / 255
    ink = np.zeros((260, 340))
    ink[60:200, 120:260] = large
    light = np.linspace(left, right, 340)[None]
    found = light * (1 - 0.75 * ink) + np.random.default_rng(seed).normal(size=ink.shape) * noise
    grey = np.rint(np.clip(found, 0, 1) * 255).astype(np.uint8)
    return (255 - grey if invert else grey)[..., None]


def test_of_the_canonical_sets(mnist, usps):
    found = Paper.of(mnist.train.inputs[:500])
    assert (found.size, found.channels, found.ground, found.box) == ((28, 28), 1, 0.0, 20)
    assert (found.low, found.high) == (0.0, 1.0)
    small = Paper.of(usps.train.inputs[:500])
    assert (small.size, small.ground, small.box) == ((16, 16), 0.0, 16)


def test_dark_on_light_is_a_light_ground(rng):
    ink = np.zeros((50, 20, 20, 1), np.uint8)
    ink[:, 4:16, 8:12] = 255
    assert Paper.of(ink).ground == 0.0
    assert Paper.of(255 - ink).ground == 1.0
    assert Paper.of(255 - ink).box == 12
    photographs = rng.integers(0, 256, (50, 20, 20, 3), np.uint8)
    assert Paper.of(photographs).ground is None


def test_values_keep_their_scale():
    images = np.zeros((20, 8, 8, 1), np.float32)
    images[:, 2:6, 3:5] = 16
    found = Paper.of(images)
    assert (found.low, found.high) == (0.0, 16.0)
    made = found.fitted(np.full((8, 8, 1), 255, np.uint8) * (images[0] > 0).astype(np.uint8))
    assert np.array_equal(made, images[0])


@pytest.mark.parametrize("negative", [False, True])
def test_a_picture_of_the_data_set_goes_in_as_it_is(mnist, negative):
    paper = Paper.of(mnist.train.inputs[:200])
    for one in mnist.test.inputs[:50]:
        given = 255 - one if negative else one
        assert np.abs(255 * paper.fitted(given) - one).max() < 0.01


@pytest.mark.parametrize("invert", [False, True])
@pytest.mark.parametrize("noise", [0.0, 0.02, 0.05])
def test_writing_on_paper_comes_out_as_it_would_in_the_data_set(mnist, noise, invert):
    paper = Paper.of(mnist.train.inputs[:200])
    likeness = []
    for k, digit in enumerate(mnist.test.inputs[:30]):
        made = paper.fitted(page(digit[..., 0], noise=noise, invert=invert, seed=k), centre=True)
        assert (made[:, 0] == 0).all()
        # Ink that is a little thinner or thicker than it was moves the centre of mass by a pixel at most.
        moved = [np.roll(made, (y, x), (0, 1)).ravel() for y in (-1, 0, 1) for x in (-1, 0, 1)]
        likeness.append(max(np.corrcoef(one, digit.ravel())[0, 1] for one in moved))
    assert min(likeness) > 0.85
    assert np.mean(likeness) > 0.95


def test_centring_is_that_of_the_data_set(mnist):
    paper = Paper.of(mnist.train.inputs[:200])
    digit = mnist.test.inputs[0]
    sheet = np.zeros((280, 280, 1), np.uint8)
    sheet[:84, :84, 0] = np.asarray(Image.fromarray(digit[..., 0]).resize((84, 84), Image.Resampling.NEAREST))
    known = centred((sheet / 255)[None].astype(np.float32), 28, 20)[0]
    assert np.array_equal(paper.fitted(sheet, centre=True, cleaned=False), known)
    as_drawn = paper.fitted(sheet, cleaned=False)
    assert as_drawn[14:].max() == 0
    assert np.abs(known[..., 0].sum(axis=1) @ np.arange(28) / known.sum() - 14) <= 0.51


@pytest.mark.parametrize("size", [(5, 300), (300, 5), (1, 1), (2, 3), (640, 640)])
def test_every_size_and_a_page_without_ink(size):
    paper = Paper((28, 28), 1)
    for value in (0, 128, 255):
        made = paper.fitted(np.full((*size, 3), value, np.uint8), centre=True)
        assert made.shape == (28, 28, 1)
        assert made.dtype == np.float32
        assert made.max() == 0


def test_ink_is_the_same_whichever_is_darker(rng):
    grey = np.clip(0.7 + 0.02 * rng.normal(size=(60, 60)), 0, 1)
    grey[20:40, 28:32] = 0.1
    assert np.allclose(ink_of(grey), ink_of(1 - grey), atol=1e-6)
    assert ink_of(grey)[30, 30] == 1
    assert (ink_of(grey)[:15] == 0).all()


def test_photographs_are_cut_in_the_middle(rng):
    paper = Paper((10, 10), 3, None, 10)
    wide = np.zeros((40, 100, 3), np.uint8)
    wide[:, 30:70] = (10, 200, 90)
    made = paper.fitted(wide)
    assert np.abs(made - np.array([10, 200, 90]) / 255).max() < 1e-6
    assert not paper.can_centre


def test_strokes_agree_with_their_geometry():
    line = drawn([Stroke(np.array([[0.25, 0.5], [0.75, 0.5]]), 0.2)], (400, 400))[..., 0] > 0
    assert line.mean() == pytest.approx(0.5 * 0.2 + np.pi * 0.1**2, abs=0.004)  # a bar with two half discs
    assert line[200, 62]
    assert not line[200, 55]
    tall = drawn([Stroke(np.array([[0.5, 0.5]]), 0.5)], (400, 200))[..., 0] > 0
    assert tall.any(axis=1).sum() == pytest.approx(200, abs=2)  # widths are shares of the longer side


def test_strokes_lie_over_a_picture_in_their_order():
    ground = np.asarray(Image.effect_noise((50, 50), 40).convert("RGB"))
    dot = np.array([[0.5, 0.5]])
    made = drawn([Stroke(dot, 0.4, (255, 0, 0)), Stroke(dot, 0.2, (0, 0, 255))], (50, 50), ground)
    assert made[25, 25].tolist() == [0, 0, 255]
    assert made[25, 18].tolist() == [255, 0, 0]
    assert np.array_equal(made[:10], ground[:10])
    known = Image.fromarray(ground)
    ImageDraw.Draw(known).ellipse((25 - 0.5 - 10, 25 - 0.5 - 10, 24.5 + 10, 24.5 + 10), fill=(255, 0, 0))
    assert np.array_equal(made[25, :19], np.asarray(known)[25, :19])
