"""Feature maps, receptive fields, orientation, patterns and probes against arithmetic, SciPy and scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
from flax import nnx
from scipy.signal import correlate2d
from sklearn.linear_model import LogisticRegression

import snarc
from snarc.errors import DataError, ModelError, RecipeError
from snarc.models.network import build
from snarc.see import feature_maps, orientation, patterns, probes, strongest
from snarc.see.orientation import direction, gabor
from snarc.see.probes import features
from snarc.see.strongest import receptive_field

PICTURES = ("feature_maps", "strongest", "patterns", "probes", "orientation")


def convnet(inputs=(16, 16, 1), seed=0, **options):
    options = {"maps": "3-4", "dense": "6", "window": 3, "dropout": 0.0, **options}
    body = build("convnet", inputs=inputs, outputs=3, seed=seed, options=options)
    return body, snarc.subject(body, input_shape=inputs, classes=3, range=(0, 1))


@pytest.fixture(scope="module")
def images():
    return np.random.default_rng(0).uniform(0, 1, (40, 16, 16, 1)).astype(np.float32)


def test_maps_are_correlations(images):
    body, seen = convnet()
    found = feature_maps(seen, images, example=3)
    kernel, bias = (np.asarray(p[...]) for p in (body.convolutions[0].kernel, body.convolutions[0].bias))
    for k in range(3):
        wanted = correlate2d(images[3, :, :, 0], kernel[:, :, 0, k], mode="valid") + bias[k]
        np.testing.assert_allclose(found.arrays["output_0"][..., k], wanted, atol=1e-5)
    assert found.arrays["layer"].tolist() == ["convolutions.0", "convolutions.1", "dense.0", "output"]
    assert found.numbers["convolutions.0_positive"] == pytest.approx((found.arrays["output_0"] > 0).mean())
    assert found.plot() is not None


@pytest.mark.parametrize(
    "options", [{}, {"window": 5, "pool": "2-1"}, {"padding": "SAME"}, {"pooling": "average", "activation": "tanh"}]
)
def test_receptive_fields_are_those_of_arithmetic(options):
    _, seen = convnet((20, 20, 1), **options)
    window, pool = options.get("window", 3), 2
    rows, columns = receptive_field(seen, "convolutions.1")
    size = window + (pool - 1) + (window - 1) * pool
    # A step of the second map is a step of the pooling; padding moves the field out of the image.
    out = (window // 2) * (1 + pool) if options.get("padding") == "SAME" else 0
    starts = np.arange(len(rows)) * pool - out
    wanted = np.stack([np.maximum(starts, 0), np.minimum(starts + size, 20)], axis=1)
    assert rows.tolist() == wanted.tolist() == columns.tolist()


def test_a_unit_sees_nothing_but_its_patch(images):
    _, seen = convnet()
    found = strongest(seen, images, layer="convolutions.1", count=2)
    for u, unit in enumerate(found.arrays["unit"]):
        example, (row, column) = found.arrays["example"][u, 0], found.arrays["place"][u, 0]
        top, left, bottom, right = found.arrays["box"][u, 0]
        other = 1 - images[example : example + 1]
        other[0, top:bottom, left:right] = images[example, top:bottom, left:right]
        value = np.asarray(seen.activations(other)["convolutions.1"])[0, row, column, unit]
        assert value == pytest.approx(found.arrays["activation"][u, 0], abs=1e-5)
        np.testing.assert_array_equal(found.arrays["patch"][u, 0], images[example, top:bottom, left:right])
    everything = np.asarray(seen.activations(images)["convolutions.1"]).max(axis=(0, 1, 2))
    np.testing.assert_allclose(found.arrays["activation"][:, 0], everything[found.arrays["unit"]], atol=1e-6)
    assert found.plot() is not None


def test_patches_beyond_the_border_keep_their_place():
    _, seen = convnet(padding="SAME")
    x = np.zeros((2, 16, 16, 1), np.float32)
    x[1, :2, :2] = 1
    found = strongest(seen, x, layer="convolutions.0", count=1).arrays
    for patch, box in zip(found["patch"][:, 0], found["box"][:, 0]):
        inside = ~np.isnan(patch[..., 0])
        assert inside.sum() == (box[2] - box[0]) * (box[3] - box[1])
        assert patch.shape == (3, 3, 1)


def test_dense_units_are_shown_whole_examples(images):
    _, seen = convnet()
    found = strongest(seen, images, layer="dense.0", count=3).arrays
    outputs = np.asarray(seen.activations(images)["dense.0"])
    for u, unit in enumerate(found["unit"]):
        assert found["example"][u].tolist() == np.argsort(-outputs[:, unit], kind="stable")[:3].tolist()


def planted(angle, wavelength, phase, size=15):
    y, x = np.mgrid[:size, :size] - (size - 1) / 2
    u, v = x * np.cos(angle) - y * np.sin(angle), x * np.sin(angle) + y * np.cos(angle)
    return np.exp(-(u**2) / (2 * 2.5**2) - v**2 / (2 * 3.5**2)) * np.cos(2 * np.pi * u / wavelength + phase)


@pytest.mark.parametrize(("degrees", "wavelength", "phase"), [(0, 5, 0), (40, 6, 1.0), (90, 4, 2.0), (135, 7, -0.7)])
def test_planted_gabors_are_found(degrees, wavelength, phase):
    kernel = planted(np.radians(degrees), wavelength, phase)
    r2, picture = gabor(kernel)
    assert r2 > 0.999
    np.testing.assert_allclose(picture, kernel, atol=0.03)
    # Lines lie across the direction in which the wave runs.
    _, preferred = direction(kernel[None])
    assert abs((preferred[0] - degrees - 90 + 90) % 180 - 90) < 2
    noisy = kernel + 0.2 * np.random.default_rng(0).normal(size=kernel.shape)
    explained = 1 - (kernel - noisy).var() / noisy.var()
    assert gabor(noisy)[0] > explained - 0.02


def test_shuffled_gabors_are_not_fitted():
    kernels = np.stack([planted(a, 6, a) for a in np.linspace(0, 3, 6)])
    found = orientation(kernels)
    assert found.numbers["fit"] > 0.999
    assert found.numbers["shuffled_fit"] < 0.2
    assert found.numbers["index"] > 3 * found.numbers["shuffled_index"]
    assert found.plot() is not None


def test_near_zeros_are_counted():
    kernels = np.full((2, 4, 4), 0.0)
    kernels[0, :2] = 1.0
    kernels[1, 0, 0] = 0.009
    kernels[1, 0, 1] = 0.011
    assert orientation(kernels, fit=False).numbers["zeros"] == (32 - 8 - 1) / 32


def test_copies_differ_and_the_best_comes_first(images):
    _, seen = convnet(maps="3", dense="")
    found = patterns(seen, images, layer="convolutions.0", copies=2, steps=5, count=2, first=8).arrays
    assert found["optimum"].shape == (2, 2, 16, 16, 1)
    assert (np.diff(found["activation"], axis=1) <= 0).all()
    assert found["optimum"].min() >= 0
    assert found["optimum"].max() <= 1
    assert np.abs(found["optimum"][:, 0] - found["optimum"][:, 1]).max() > 0.05
    # The activation that is told is that of the picture that is shown.
    maps = np.asarray(seen.activations(found["optimum"][:, 0])["convolutions.0"])
    wanted = np.maximum(maps, 0).mean(axis=(1, 2))[[0, 1], found["unit"]]
    np.testing.assert_allclose(found["activation"][:, 0], wanted, rtol=1e-4)


@pytest.mark.parametrize("objective", ["mean", "place"])
def test_polishing_finds_what_a_smooth_ascent_does_not(images, objective):
    """Never less than without it or than the best example; at one place the most that 0 to 1 allow, in closed form."""
    net = build("lenet5", inputs=(16, 16, 1), outputs=3, seed=0)
    seen = snarc.subject(net, input_shape=(16, 16, 1), classes=3, range=(0, 1))
    plain = {"jitter": 0, "rotation": 0.0, "scale": 0.0, "total_variation": 0.0, "l2": 0.0}
    options = {"layer": "conv1", "objective": objective, "steps": 30, "units": (0, 1, 2, 3, 4, 5), **plain}
    before, after = (patterns(seen, images, polish=steps, **options).arrays for steps in (0, 60))
    assert (after["activation"][:, 0] >= before["activation"][:, 0]).all()
    assert (after["activation"][:, 0] >= after["best_activation"]).all()
    assert after["optimum"].shape == before["optimum"].shape
    if objective == "place":
        kernel = np.asarray(net.conv1.kernel[...])
        most = np.maximum(kernel, 0).sum(axis=(0, 1, 2)) + np.asarray(net.conv1.bias[...])
        np.testing.assert_allclose(after["activation"][:, 0], most, rtol=1e-4)


def test_a_seed_makes_the_same_patterns_again(images):
    network = convnet(maps="2", dense="")[1]
    one, same, other = (
        patterns(network, images, layer="convolutions.0", copies=1, steps=3, count=1, first=8, seed=seed).arrays
        for seed in (4, 4, 5)
    )
    np.testing.assert_array_equal(one["optimum"], same["optimum"])
    assert np.abs(one["optimum"] - other["optimum"]).max() > 1e-3


def test_probes_are_scikit_learns(digits):
    run = snarc.fit("64-20-10", digits, epochs=5, out=False, progress=False)
    found = probes(run, count=300, judged=200, penalties=(0.05,))
    x, y = digits.train.inputs[:300], digits.train.targets[:300]
    z, t = digits.test.inputs[:200], digits.test.targets[:200]

    def hidden(inputs):
        network = run.networks[0]
        first = network.body.layers[0]
        standard = np.asarray(network.inputs(inputs)).reshape(len(inputs), -1)
        return np.maximum(standard @ np.asarray(first.kernel[...]) + np.asarray(first.bias[...]), 0)

    for name, a, b in (("input", x.reshape(300, -1), z.reshape(200, -1)), ("layers.1_input", hidden(x), hidden(z))):
        mean, spread = a.mean(axis=0), a.std(axis=0)
        kept = spread > 1e-6
        a, b = ((part[:, kept] - mean[kept]) / spread[kept] for part in (a, b))
        theirs = LogisticRegression(C=1 / (0.05 * 300), max_iter=1000).fit(a, y)
        assert float(found.numbers[name]) == pytest.approx(theirs.score(b, t), abs=0.0051)
    assert found.plot() is not None


def test_more_features_than_examples_change_nothing():
    from snarc.see.probes import _probe

    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(60, 200)), rng.integers(0, 3, 60)
    z, t = rng.normal(size=(300, 200)), rng.integers(0, 3, 300)
    found, learnt, _ = _probe(x, y, z, t, (0.1,), 500)
    mean, spread = x.mean(axis=0), x.std(axis=0)
    theirs = LogisticRegression(C=1 / (0.1 * 60), max_iter=500).fit((x - mean) / spread, y)
    assert found == pytest.approx(theirs.score((z - mean) / spread, t), abs=0.0067)
    assert learnt == pytest.approx(theirs.score((x - mean) / spread, y))


def test_what_probes_see_is_what_layers_get(images):
    body, seen = convnet()
    found = features(seen, ["convolutions.0", "convolutions.1", "dense.0", "output"], images)
    assert [one.shape[1] for one in found] == [256, 7 * 7 * 3, 2 * 2 * 4, 6, 3]
    w, b = (np.asarray(p[...]) for p in (body.output.kernel, body.output.bias))
    np.testing.assert_allclose(found[3] @ w + b, found[4], atol=1e-4)


def test_mistakes_are_refused(images):
    _, seen = convnet()
    y = np.zeros(len(images), np.int32)
    with pytest.raises(RecipeError, match=r"Did you mean 'convolutions.1'"):
        strongest(seen, images, layer="convolution.1")
    with pytest.raises(RecipeError, match="0 to 2"):
        strongest(seen, images, layer="convolutions.0", units=(7,))
    with pytest.raises(RecipeError, match="0 to 39"):
        feature_maps(seen, images, example=50)
    with pytest.raises(DataError, match="no run"):
        strongest(seen, "train")
    with pytest.raises(RecipeError, match="mean or place"):
        patterns(seen, images, objective="sum")
    with pytest.raises(DataError, match="among those they learn from"):
        probes(seen, (images, y), learn=(images, y))
    with pytest.raises(DataError, match="without labels"):
        probes(seen, images, learn=images)
    with pytest.raises(DataError, match="images of at least 3 x 3"):
        orientation(np.ones((4, 2, 2)))
    function = snarc.subject(lambda x: x.reshape(len(x), -1)[:, :3], input_shape=(16, 16, 1), classes=3)
    for one in (feature_maps, strongest, patterns, probes):
        with pytest.raises(ModelError, match="plain function"):
            one(function, images)
    plain = snarc.subject(nnx.Linear(4, 2, rngs=nnx.Rngs(0)), input_shape=(4,), classes=2)
    with pytest.raises(ModelError, match="no dense or convolutional layer over its inputs"):
        orientation(plain)
