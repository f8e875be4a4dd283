"""Augmentation: what it asks for, what it does, against SciPy and against itself."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx
from scipy import ndimage, stats

from snarc import keys
from snarc.errors import RecipeError
from snarc.layers import _draws, resample
from snarc.layers.augment import augment, augmented, parse

IMAGE = (28, 28, 1)


def made(specs, inputs=IMAGE, seed=0):
    return augment(specs, inputs, nnx.Rngs(augment=keys.key(seed, "augment")))


@pytest.fixture
def images(rng):
    return rng.integers(0, 256, (16, *IMAGE)).astype(np.uint8)


@pytest.mark.parametrize(
    ("spec", "inputs", "says"),
    [
        ("rotat:5", IMAGE, "'rotate'"),
        ("mirror", IMAGE, "'flip'"),
        ("color:0.2", IMAGE, "'colour'"),
        ("zoom:2", IMAGE, "shift:PIXELS"),
        ("rotate", IMAGE, "rotate:DEGREES"),
        ("rotate:a", IMAGE, "'a'"),
        ("rotate:-1", IMAGE, "'-1'"),
        ("rotate:181", IMAGE, "0 to 180"),
        ("rotate:nan", IMAGE, "'nan'"),
        ("rotate:1_0", IMAGE, "'1_0'"),
        ("noise:inf", IMAGE, "'inf'"),
        ("scale:1", IMAGE, "0 to 0.95"),
        ("shift:28", IMAGE, "0 to 27"),
        ("crop:1.5", IMAGE, "whole number"),
        ("flip:1", IMAGE, "wanted: flip"),
        ("elastic:4", IMAGE, "elastic:SIGMA:ALPHA"),
        ("elastic:0:4", IMAGE, "SIGMA"),
        ("drop:1", (4,), "0 to 0.99"),
        ("shift:1", (4,), "noise:STD"),
        ("colour:0.1", (5, 3), "images"),
    ],
)
def test_what_cannot_be_is_refused(spec, inputs, says):
    with pytest.raises(RecipeError, match="augment") as caught:
        parse((spec,), inputs)
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("specs", ["flip", (1,), ("flip", "flip"), ("shift:1", "shift:2")])
def test_a_list_of_different_texts_is_wanted(specs):
    with pytest.raises(RecipeError):
        parse(specs, IMAGE)


def test_nothing_asked_for_and_nothing_to_do_are_no_module():
    assert made(()) is None
    zero = ("shift:0", "rotate:0", "scale:0", "elastic:4:0", "colour:0", "noise:0", "crop:0", "occlude:0", "drop:0")
    assert made(zero) is None


def test_evaluation_mode_returns_the_same_array(images):
    module = made(("rotate:20", "noise:0.1"))
    module.eval()
    assert module(images) is images
    module.train()
    assert not np.array_equal(module(images), images)


def test_a_flip_twice_is_the_image_and_half_are_flipped():
    x = np.arange(4000 * 4, dtype=np.float32).reshape(4000, 2, 2, 1)
    once = augmented(["flip"], x)[0]
    turned = (once != x).reshape(4000, -1).any(1)
    assert np.array_equal(once[turned][:, :, ::-1], x[turned])
    assert np.array_equal(once[~turned], x[~turned])
    assert stats.binomtest(int(turned.sum()), 4000).pvalue > 1e-3
    # The same module state draws the same flips: applied again they undo themselves.
    assert np.array_equal(augmented(["flip"], once)[0], x)


def test_whole_shifts_are_exact_and_each_is_as_likely(images):
    x = np.zeros((9000, 7, 7, 1), np.uint8)
    x[:, 3, 3] = 200
    found = augmented(["shift:1"], x)[0]
    assert found.dtype == np.uint8
    place = found.reshape(9000, 49).argmax(1)
    assert (found.reshape(9000, 49).max(1) == 200).all()
    down, right = place // 7 - 3, place % 7 - 3
    counts = np.bincount((down + 1) * 3 + right + 1, minlength=9)
    assert len(counts) == 9
    assert stats.chisquare(counts).pvalue > 1e-3


def test_fractional_shifts_are_uniform():
    x = np.zeros((4000, 9, 9, 1), np.float32)
    x[:, 4, 4] = 1
    found = augmented(["shift:1.5"], x)[0][..., 0].astype(np.float64)
    np.testing.assert_allclose(found.sum((1, 2)), 1, atol=1e-5)
    row = (found.sum(2) * np.arange(9)).sum(1) - 4
    column = (found.sum(1) * np.arange(9)).sum(1) - 4
    for drawn in (row, column):
        assert stats.kstest(drawn, stats.uniform(-1.5, 3).cdf).pvalue > 1e-3
    assert abs(np.corrcoef(row, column)[0, 1]) < 0.06


def test_a_crop_is_a_cut_from_the_mirrored_image(rng):
    x = rng.integers(0, 256, (60, 6, 5, 3)).astype(np.uint8)
    found = augmented(["crop:2"], x)[0]
    wide = np.pad(x, ((0, 0), (2, 2), (2, 2), (0, 0)), mode="reflect")
    corners = set()
    for k in range(60):
        fits = [(i, j) for i in range(5) for j in range(5) if np.array_equal(wide[k, i : i + 6, j : j + 5], found[k])]
        assert len(fits) == 1
        corners.update(fits)
    assert len(corners) > 15


@pytest.mark.parametrize("channels", [1, 3])
def test_resampling_is_scipys(rng, channels):
    x = rng.normal(size=(3, 11, 8, channels)).astype(np.float32)
    rows, columns = rng.uniform(-4, 15, (3, 11, 8)), rng.uniform(-4, 12, (3, 11, 8))
    found = resample.resample(jnp.asarray(x), jnp.asarray(rows, jnp.float32), jnp.asarray(columns, jnp.float32))
    for k in range(3):
        for c in range(channels):
            wanted = ndimage.map_coordinates(x[k, :, :, c], [rows[k], columns[k]], order=1, mode="grid-constant")
            np.testing.assert_allclose(found[k, :, :, c], wanted, atol=2e-5)


def test_affine_maps_are_scipys_matrix_transform(rng):
    """The matrix is put together here from its factors, and inverted by NumPy."""
    angle, factor, slant, down, right = 0.4, 1.3, -0.2, 1.5, -2.25
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    lean = np.array([[1, -np.tan(slant)], [0, 1]])
    up = np.diag([-1, 1])  # from (row, column) to (x right, y up) and back
    swap = np.array([[0, 1], [1, 0]])
    to_xy = swap @ up
    forward = np.linalg.inv(to_xy) @ turn @ lean @ to_xy * factor
    x = rng.normal(size=(13, 10)).astype(np.float32)
    middle = np.array([6, 4.5])
    inverse = np.linalg.inv(forward)
    wanted = ndimage.affine_transform(
        x, inverse, offset=middle - inverse @ (middle + [down, right]), order=1, mode="grid-constant"
    )
    each = {"angle": angle, "factor": factor, "slant": slant, "down": down, "right": right}
    places = resample.affine((13, 10), **{name: jnp.array([value], jnp.float32) for name, value in each.items()})
    found = resample.resample(jnp.asarray(x)[None, :, :, None], *places)[0, :, :, 0]
    np.testing.assert_allclose(found, wanted, atol=2e-5)


def test_a_positive_angle_turns_anticlockwise():
    x = jnp.zeros((1, 5, 5, 1)).at[0, 2, 4].set(1)  # on the right of the centre
    zero = jnp.zeros(1)
    places = resample.affine((5, 5), angle=zero + jnp.pi / 2, factor=zero + 1, slant=zero, down=zero, right=zero)
    found = np.asarray(resample.resample(x, *places))[0, :, :, 0]
    assert np.unravel_index(found.argmax(), (5, 5)) == (0, 2)  # on top


def test_no_affine_change_gives_back_the_pixels_exactly(images):
    x = jnp.asarray(images, jnp.float32) * (1 / 255)
    zero = jnp.zeros(len(x))
    places = resample.affine((28, 28), angle=zero, factor=zero + 1, slant=zero, down=zero, right=zero)
    assert np.array_equal(resample.resample(x, *places), x)


@pytest.mark.parametrize("sigma", [0.6, 2.0, 9.0])
def test_smoothing_is_scipys(rng, sigma):
    field = rng.normal(size=(2, 17, 12)).astype(np.float32)
    wanted = ndimage.gaussian_filter(field, (0, sigma, sigma), mode="constant")
    np.testing.assert_allclose(resample.smooth(jnp.asarray(field), sigma), wanted, atol=2e-6)


def test_elastic_distortion_is_simards(images):
    """The noise is drawn here by its definition, smoothed and sampled by SciPy."""
    sigma, alpha, key = 3.0, 20.0, jax.random.fold_in(keys.key(0, "augment"), 0)
    module = made((f"elastic:{sigma}:{alpha}",))
    key = jax.random.fold_in(nnx.Rngs(augment=keys.key(0, "augment"))["augment"].fork()(), keys.number("elastic"))
    noise = np.asarray(_draws.coarse(key, 16, 2 * 28 * 28)).reshape(16, 2, 28, 28)
    found = np.asarray(module(images))
    rows, columns = np.meshgrid(np.arange(28.0), np.arange(28.0), indexing="ij")
    for k in range(3):
        down, right = (alpha * ndimage.gaussian_filter(noise[k, a], sigma, mode="constant") for a in (0, 1))
        where = [rows + down, columns + right]
        wanted = ndimage.map_coordinates(images[k, :, :, 0] / 255, where, order=1, mode="grid-constant")
        np.testing.assert_allclose(found[k, :, :, 0], wanted, atol=3e-5)


def test_affine_parts_are_one_resampling(images):
    """Two parts applied one after the other blur twice; together they are as sharp as one."""
    module = made(("rotate:20", "scale:0.2", "shift:2.5"))
    graph, state = nnx.split(module)
    text = str(jax.make_jaxpr(lambda state, x: nnx.merge(graph, state)(x))(state, images))
    assert text.count(" gather[") == 4  # the four corners of one bilinear interpolation


def test_noise_is_normal_of_that_size(images):
    found = augmented(["noise:0.2"], images)[0] - images / np.float32(255)
    assert stats.kstest(found.reshape(-1) / 0.2, "norm").pvalue > 1e-3


def test_noise_on_a_table_counts_in_standard_deviations_of_its_columns():
    x = np.zeros((5000, 2), np.float32)
    module = made(("noise:0.5",), (2,))
    found = np.asarray(module(x, np.zeros(2), np.array([1.0, 100.0])))
    np.testing.assert_allclose(found.std(0), [0.5, 50], rtol=0.05)


def test_dropped_values_become_the_mean_of_their_column():
    x = np.ones((4000, 3), np.float32)
    found = np.asarray(made(("drop:0.25",), (3,))(x, np.array([5.0, 6.0, 7.0]), np.ones(3)))
    dropped = found != 1
    assert np.array_equal(found[dropped], np.broadcast_to([5, 6, 7], x.shape)[dropped])
    assert stats.binomtest(int(dropped.sum()), dropped.size, 0.25).pvalue > 1e-3


def test_colour_keeps_grey_grey_and_bytes_in_range(rng):
    grey = np.repeat(rng.integers(0, 256, (8, 6, 6, 1)), 3, axis=-1).astype(np.uint8)
    found = augmented(["colour:0.8"], grey)[0]
    np.testing.assert_allclose(found[..., 0], found[..., 2], atol=1e-5)
    assert found.min() >= 0
    assert found.max() <= 1
    # On numbers nothing is cut off, so the mean of a grey image changes by its brightness alone.
    x = rng.uniform(size=(500, 6, 6, 1)).astype(np.float32)
    ratio = augmented(["colour:0.3"], x)[0].mean((1, 2, 3)) / x.mean((1, 2, 3))
    assert stats.kstest(ratio, stats.uniform(0.7, 0.6).cdf).pvalue > 1e-3


def test_an_occluding_patch_is_a_square_of_black():
    x = np.ones((2000, 9, 9, 1), np.float32)
    found = augmented(["occlude:3"], x)[0]
    hidden = (found == 0).reshape(2000, -1).sum(1)
    assert set(hidden) == {1, 2, 3, 4, 6, 9}
    assert stats.binomtest(int((hidden == 9).sum()), 2000, 49 / 121).pvalue > 1e-3
    # Wherever a pixel lies, as many positions of the patch hide it.
    often = (found == 0).mean(0)[..., 0]
    assert often.max() - often.min() < 0.05


EVERY = ("flip", "crop:1", "shift:1", "rotate:10", "scale:0.1", "shear:5", "elastic:4:20", "occlude:4", "noise:0.1")


def test_rows_that_follow_change_nothing(images):
    wide = np.concatenate([images, images[:5]])
    assert np.array_equal(made(EVERY)(images), made(EVERY)(wide)[:16])


def test_another_part_changes_no_draw(images):
    assert np.array_equal(made(("shift:2",))(images), made(("shift:2", "occlude:0"))(images))
    alone, both = made(("shift:2",))(images), np.asarray(made(("shift:2", "noise:0.001"))(images))
    assert np.abs(both - np.asarray(alone) / np.float32(255)).max() < 0.01


def test_each_step_draws_anew_and_its_counter_is_state(images):
    module = made(EVERY)
    graph, state = nnx.split(module)
    state = jax.tree.map(jnp.copy, state)
    first, second = module(images), module(images)
    assert not np.array_equal(first, second)
    again = nnx.merge(graph, state)
    again(images)
    assert np.array_equal(again(images), second)


def test_compiled_and_over_replicas_it_is_the_same(images):
    pairs = [nnx.split(made(EVERY, seed=k)) for k in range(2)]
    graph = pairs[0][0]
    states = jax.tree.map(lambda *leaves: jnp.stack(leaves), *[state for _, state in pairs])
    together = jax.jit(jax.vmap(lambda state: nnx.merge(graph, state)(images)))(states)
    for k, (_, state) in enumerate(pairs):
        np.testing.assert_allclose(together[k], nnx.merge(graph, state)(images), atol=2e-4)
