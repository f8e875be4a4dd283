"""The six changes of images by what they must keep, and the instrument on a run."""

from __future__ import annotations

import numpy as np
import pytest

import snarc
from snarc.errors import DataError, RecipeError, UnknownNameError
from snarc.trust import shift as shifted
from snarc.trust.shift import CHANGES, blur, contrast, noise, occlusion, pixels, rotation


@pytest.fixture
def images():
    return np.random.default_rng(0).random((40, 12, 12, 2)).astype(np.float32)


def rng():
    return np.random.default_rng(1)


@pytest.mark.parametrize("name", CHANGES)
def test_strengths_rise_and_images_stay_images(images, name):
    change, _, strengths = CHANGES[name]
    apart = [np.abs(change(images, s, rng()) - images).mean() for s in strengths]
    assert len(strengths) == 5
    assert np.all(np.diff(apart) > 0)
    worst = change(images, strengths[-1], rng())
    assert worst.shape == images.shape
    assert worst.min() >= 0
    assert worst.max() <= 1


def test_each_change_is_what_it_says(images):
    grey = np.full((2000, 6, 6, 1), 0.5)
    assert np.std(noise(grey, 0.1, rng())) == pytest.approx(0.1, rel=0.01)
    np.testing.assert_allclose(
        contrast(images, 1.0, rng()), np.broadcast_to(images.mean((1, 2, 3), keepdims=True), images.shape), atol=1e-6
    )
    np.testing.assert_allclose(contrast(images, 0.3, rng()).mean((1, 2, 3)), images.mean((1, 2, 3)), atol=1e-6)
    struck = pixels(np.full((500, 10, 10, 3), 0.5), 0.2, rng())
    assert (struck != 0.5).all(axis=3).mean() == pytest.approx(0.2, abs=0.005)
    assert ((struck == 1) | (struck == 0)).all(axis=3).sum() == (struck != 0.5).any(axis=3).sum()
    covered = occlusion(np.zeros((30, 10, 20, 1)), 0.5, rng())
    assert ((covered == 0.5).sum(axis=(1, 2, 3)) == 25).all()
    np.testing.assert_allclose(blur(np.full((1, 9, 9, 1), 0.3), 2.0, rng()), 0.3)
    point = np.zeros((1, 31, 31, 1))
    point[0, 15, 15] = 1
    ys = np.arange(31) - 15
    spread = blur(point, 2.0, rng())[0, :, :, 0].sum(axis=1)
    assert np.sqrt((spread * ys**2).sum()) == pytest.approx(2.0, rel=0.01)
    turned = rotation(images[:, :, :, :1], 90, rng())
    for image, now in zip(images[:, :, :, :1], turned):
        assert min(np.abs(np.rot90(image, k) - now).max() for k in (1, 3)) < 1e-5


def test_a_run_is_told_how_it_bears_them(digits):
    run = snarc.fit("64-32-10", "digits", epochs=20, replicas=2, out=False, progress=False)
    if len(run.inputs) != 3:
        pytest.skip("digits are a table here")
    found = shifted(run, count=200)
    assert len(found.numbers["accuracy"].values) == 2
    assert found.arrays["accuracy"].shape == (6, 6)
    assert float(found.numbers["mean_accuracy"]) < float(found.numbers["accuracy"])
    again = shifted(run, count=200)
    np.testing.assert_array_equal(found.arrays["accuracy"], again.arrays["accuracy"])
    with pytest.raises(RecipeError, match="Did you mean 'noise'"):
        shifted(run, changes=("noises",))


def test_tables_are_refused():
    x = np.random.default_rng(0).normal(size=(60, 3)).astype(np.float32)
    run = snarc.fit("3-2", (x, (x[:, 0] > 0).astype(int)), epochs=1, out=False, progress=False)
    with pytest.raises(DataError, match="no images"):
        shifted(run)


def brightest(inputs):
    """A network of square images that answers with the row of the brightest pixel of a coarse picture."""
    side = inputs[0]

    def logits(x):
        import jax.numpy as jnp

        return 20 * jnp.asarray(x)[..., 0].mean(axis=2)[:, :: side // 4][:, :4]

    return snarc.subject(logits, input_shape=inputs, classes=4, range=(0, 1))


def test_other_sets_of_the_same_labels():
    x = np.zeros((4, 8, 8, 1), np.float32)
    for k in range(4):
        x[k, 2 * k : 2 * k + 2] = 1
    y = np.arange(4)
    small = (255 * x[:, ::2, ::2]).astype(np.uint8)  # the same bars on 4 x 4 pixels
    found = shifted(brightest((8, 8, 1)), (x, y), sets={"small": (small, np.array([0, 1, 2, 0]))})
    assert float(found.numbers["accuracy"]) == 1
    assert np.isnan(float(found.numbers["confidence_wrong"]))
    assert float(found.numbers["accuracy_small"]) == 0.75
    assert float(found.numbers["accuracy_small_centred"]) == 0.25  # all bars in the middle, which is the third row
    assert found.arrays["set"].tolist() == ["own", "small", "small_centred"]
    assert "mean_accuracy" not in found.numbers
    assert len(found.plot().axes) == 1
    both = shifted(brightest((8, 8, 1)), (x, y), changes=("noise",), sets={"small": (small, y)})
    assert len(both.plot().axes) == 2
    with pytest.raises(DataError, match="as many labels"):
        shifted(brightest((8, 8, 1)), (x, y), sets={"small": (small, y[:3])})
    with pytest.raises(DataError, match="with the classes 0, 1, 2, 3"):
        shifted(brightest((8, 8, 1)), (x, y), sets="digits")
    with pytest.raises(UnknownNameError, match="Did you mean 'usps'"):
        shifted(brightest((8, 8, 1)), (x, y), sets=("uspss",))


def test_digits_of_other_hands(mnist):
    """A network that always answers 7 is right of USPS as often as there are sevens, centred or not."""
    import jax.numpy as jnp

    seven = snarc.subject(
        lambda x: jnp.tile(5 * jnp.eye(10)[7], (len(x), 1)), input_shape=(28, 28, 1), classes=tuple("0123456789")
    )
    found = shifted(seven, mnist.test, sets=("usps",), count=2007).numbers
    assert float(found["accuracy_usps"]) == float(found["accuracy_usps_centred"])
    assert float(found["accuracy_usps"]) == pytest.approx(147 / 2007, abs=1e-12)
