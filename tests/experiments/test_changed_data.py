"""What experiments do to data: as much of it as they say, and nothing else."""

import numpy as np
import pytest

from snarc import formal
from snarc.data import from_arrays
from snarc.experiments import deep_big_mlp, hidden_lines, label_noise, noisy_shapes, transfer_digits
from snarc.experiments._changed import with_inputs, with_targets


@pytest.fixture
def data(rng):
    return from_arrays(
        rng.integers(0, 256, (300, 4, 4, 1)).astype(np.uint8), np.arange(300) % 10, validation=50, test=50
    )


def test_only_what_is_named_changes(data):
    changed = with_inputs(data, lambda x: 255 - x, splits=("train",))
    np.testing.assert_array_equal(changed.train.inputs, 255 - data.train.inputs)
    assert changed.test is data.test
    changed = with_targets(data, lambda y, name: y * 0)
    assert not changed.validation.targets.any()
    assert changed.test is data.test
    np.testing.assert_array_equal(changed.train.inputs, data.train.inputs)


def test_wrong_labels_are_wrong_and_stay_wrong_at_larger_fractions():
    targets = np.arange(20_000, dtype=np.int32) % 10
    few, many = (label_noise.mislabel(fraction)(targets, "train") for fraction in (0.2, 0.6))
    assert np.mean(few != targets) == pytest.approx(0.2, abs=0.015)  # five standard errors
    assert np.mean(many != targets) == pytest.approx(0.6, abs=0.02)
    np.testing.assert_array_equal(few[few != targets], many[few != targets])
    assert set(many) == set(range(10))
    np.testing.assert_array_equal(label_noise.mislabel(0.0)(targets, "train"), targets)


def test_shapes_have_the_areas_of_circles_and_squares():
    images, labels = noisy_shapes.drawn(4_000, "test")
    inside = images[..., 0] > 0
    whole = ~(inside[:, [0, -1], :].any(axis=(1, 2)) | inside[:, :, [0, -1]].any(axis=(1, 2)))
    side = inside.any(axis=1).sum(axis=1)
    for label, share in ((0, np.pi / 4), (1, 1.0)):
        # a circle's extent in whole pixels is rounded, so large ones only
        picked = whole & (labels == label) & (side >= 10)
        assert picked.sum() > 30
        filled = inside[picked].sum(axis=(1, 2)) / (side[picked] * inside.any(axis=2).sum(axis=1)[picked])
        assert filled.mean() == pytest.approx(share, abs=0.04)


def test_a_patch_hides_its_area():
    x = np.ones((500, 20, 20, 1), np.float32)
    hidden = (noisy_shapes.occlude(4)(x, np.random.default_rng(0)) == 0).sum(axis=(1, 2, 3))
    assert hidden.max() == 16
    assert hidden.min() >= 4  # at a corner a quarter of it is left
    assert not (noisy_shapes.occlude(0)(x, np.random.default_rng(0)) == 0).any()


def test_peaks_are_half_as_high_at_half_their_width():
    x, labels = noisy_shapes.spectra(2_000, "test")
    assert set(labels) == {0, 1}
    tails = [np.abs(np.median(x[labels == label], axis=0)[[0, -1]]).max() for label in (0, 1)]
    assert tails[1] > tails[0]  # a Lorentzian falls as a power, a Gaussian faster


def test_digits_are_embedded_at_the_top_left():
    images = np.random.default_rng(0).integers(0, 256, (3, 28, 28, 1)).astype(np.uint8)
    found = deep_big_mlp.embed(images)
    assert found.shape == (3, 29, 29, 1)
    np.testing.assert_array_equal(found[:, :28, :28], images)
    assert found.sum() == images.sum()


def test_new_digits_are_few_and_the_right_ones(data):
    few = transfer_digits.digits(data, range(5, 10), count=3, seed=1)
    assert np.bincount(few.train.targets).tolist() == [3] * 5
    assert len(few.validation) == 0
    assert len(few.test) == np.sum(data.test.targets >= 5)
    other = transfer_digits.digits(data, range(5, 10), count=3, seed=2)
    assert (few.train.inputs != other.train.inputs).any()


def test_four_lines_are_the_diamond():
    x = hidden_lines.points("some", 500)
    assert [formal.compute(hidden_lines.FOUR, point)[0] for point in x.tolist()] == hidden_lines.inside(x).tolist()
    angles = np.array([0.25, 0.75, 1.25, 1.75]) * np.pi
    region = hidden_lines.regions(angles, np.full(4, hidden_lines.RADIUS / np.sqrt(2)), x)
    np.testing.assert_array_equal(region == 0, hidden_lines.inside(x) == 1)
    assert hidden_lines.separable([0], [0], np.array([0, 1]))
    assert not hidden_lines.separable([0, 0], [0, 0], np.array([0, 1, 1, 0]))  # XOR of two lines
