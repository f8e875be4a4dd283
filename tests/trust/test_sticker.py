"""Stickers: they stay on their place, views are what they are called, and a fitted sticker beats a random one."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import ndimage

import snarc
from snarc.errors import DataError, RecipeError, UnknownNameError
from snarc.trust._sticker import away, fit, looked_at, placed, stuck, towards
from snarc.trust._views import Views, views
from snarc.trust.sticker import masked


def test_views_without_freedom_are_the_picture(rng):
    x = rng.random((3, 9, 11, 2)).astype(np.float32)
    np.testing.assert_allclose(views(jnp.asarray(x), jax.random.key(0), Views(0, 0, 0, 0, 0)), x, atol=1e-6)


def test_a_turned_view_is_the_picture_turned(rng):
    x = np.zeros((40, 15, 15, 1), np.float32)
    x[:, 7, 2:13] = 1
    seen = np.asarray(views(jnp.asarray(x), jax.random.key(1), Views(angle=40, scale=0, shift=0, light=0, noise=0)))
    for one in seen[:5, :, :, 0]:
        fits = [np.abs(ndimage.rotate(x[0, :, :, 0], a, reshape=False, order=1) - one).max() for a in range(-40, 41)]
        assert min(fits) < 0.15
    assert seen.std(axis=0).max() > 0.1  # each turns by an angle of its own


def test_views_stay_in_the_range_and_repeat_the_border():
    x = jnp.full((50, 8, 8, 3), 0.9)
    seen = np.asarray(views(x, jax.random.key(0), Views(scale=0.5, shift=0.4, noise=0)))
    assert seen.max() <= 1
    # One brightness a view: nothing dark comes in from outside.
    assert np.ptp(seen, axis=(1, 2, 3)).max() < 1e-5


@pytest.mark.parametrize("place", ["centre", "corner", "bars"])
@pytest.mark.parametrize("share", [0.02, 0.1, 0.3])
def test_a_sticker_covers_no_more_than_its_share(place, share):
    for shape in ((28, 28), (40, 40), (16, 32)):
        mask = masked(shape, share, place)
        assert 0.4 * share < mask.mean() <= share + 1e-9


def test_goals_are_the_cross_entropy_and_the_lead(rng):
    logits = 8 * rng.normal(size=(20, 4))
    wanted = -np.log(np.exp(logits[:, 2]) / np.exp(logits).sum(axis=1))
    np.testing.assert_allclose(towards(2)(jnp.asarray(logits)), wanted, rtol=1e-4, atol=1e-5)
    lead = logits[:, 2] - np.delete(logits, 2, axis=1).max(axis=1)
    np.testing.assert_allclose(away(2)(jnp.asarray(logits)), np.maximum(lead, -5), rtol=1e-5)
    assert (lead < -5).any()


def test_a_sticker_away_from_a_class_is_read_as_another(rng):
    """Class k is the mean of colour k: on a red picture the sticker must be anything but red."""
    seen = snarc.subject(
        lambda v: 20 * jnp.asarray(v).mean(axis=(1, 2)), input_shape=(8, 8, 3), classes=3, range=(0, 1)
    )
    x = np.zeros((6, 8, 8, 3), np.float32)
    x[..., 0] = 0.3
    mask = np.zeros((8, 8), bool)
    mask[2:6, 1:7] = True
    still = Views(angle=0, scale=0, shift=0, light=0.2, noise=0.01)
    sticker = fit(seen, x, away(0), mask, how=still, steps=60)
    _, found = looked_at(seen, np.asarray(stuck(x, sticker, mask)), still, 3, seed=1)
    assert (found != 0).all()
    assert (looked_at(seen, x, still, 3, seed=1)[1] == 0).all()
    assert sticker[mask][:, 0].mean() < 0.2


def test_rectangles_go_where_the_weight_is_and_nowhere_twice():
    weight = np.zeros((10, 12))
    weight[2:4, 3:6], weight[7:9, 8:11] = 2.0, 1.0
    assert placed(weight, (2, 3)).nonzero()[0].tolist() == [2, 2, 2, 3, 3, 3]
    np.testing.assert_array_equal(placed(weight, (2, 3), 2), weight > 0)
    np.testing.assert_array_equal(placed(weight, (2, 3), 1, weight == 1), weight == 1)
    with pytest.raises(ValueError, match="no room"):
        placed(weight, (2, 3), 3, weight > 0)


def test_only_the_place_of_the_sticker_changes(rng):
    x, made = rng.random((4, 6, 6, 1)).astype(np.float32), rng.random((6, 6, 1)).astype(np.float32)
    mask = masked((6, 6), 0.2, "corner")
    found = np.asarray(stuck(x, made, mask))
    np.testing.assert_array_equal(found[:, ~mask], x[:, ~mask])
    np.testing.assert_array_equal(found[:, mask], np.broadcast_to(made[mask], (4, *made[mask].shape)))


def test_a_fitted_sticker_beats_a_random_one(digits):
    run = snarc.fit("64-40-10", "digits", epochs=20, out=False, progress=False)
    found = snarc.trust.sticker(run, target="3", share=0.25, steps=150, count=60, times=3)
    assert found.numbers["success"] > found.numbers["random"] + 0.3
    assert found.numbers["low"] < found.numbers["success"] < found.numbers["high"]
    assert found.arrays["views"].shape == (6, 8, 8, 1)
    same = snarc.trust.sticker(run, target="3", share=0.25, steps=150, count=60, times=3)
    np.testing.assert_array_equal(same.arrays["sticker"], found.arrays["sticker"])


def test_mistakes_are_told(digits):
    run = snarc.fit("64-8-10", "digits", epochs=1, out=False, progress=False)
    with pytest.raises(UnknownNameError, match="no class is called 'three'"):
        snarc.trust.sticker(run, target="three")
    with pytest.raises(RecipeError, match="two classes"):
        snarc.trust.sticker(run, target="3", source="3")
    with pytest.raises(UnknownNameError, match="Did you mean 'centre'"):
        snarc.trust.sticker(run, place="center")
    flat = snarc.subject(lambda x: jnp.asarray(x) @ jnp.ones((3, 2)), input_shape=(3,), classes=2)
    with pytest.raises(DataError, match=r"images \(H, W, C\)"):
        snarc.trust.sticker(flat, (np.zeros((4, 3), np.float32), np.zeros(4, np.int32)))


def test_drawn_signs_are_told_apart_by_eye_and_covered_as_said():
    from snarc.experiments import _signs

    made = _signs.textures()
    assert made.shape == (8, 40, 40, 4)
    apart = np.abs(made[:, None] - made).mean(axis=(2, 3, 4))
    assert (apart[~np.eye(8, dtype=bool)] > 0.005).all()  # 30 and 50 differ by one digit
    assert _signs.covered(np.ones((40, 40), bool)) == pytest.approx(1, rel=1e-6)
    data = _signs.signs(80, 16)
    assert np.bincount(data.train.targets).tolist() == [10] * 8
    assert data.train.inputs.dtype == np.uint8
