"""Decision boundaries: planes, distances, hidden lines and what is refused."""

from __future__ import annotations

import numpy as np
import pytest
from flax import nnx
from scipy.spatial import cKDTree

import snarc
from snarc.data import Task
from snarc.errors import DataError, ModelError, RecipeError
from snarc.models.network import build
from snarc.reading import Reading
from snarc.see import boundary
from snarc.subjects import Subject


def ring(x):
    """A black box: inside the unit circle or not."""
    return np.stack([np.zeros(len(x)), 1 - np.hypot(x[:, 0], x[:, 1])], axis=1)


def of(layout, inputs=(2,), seed=0, **options):
    classes = int(layout.split("-")[-1].split(":")[0])
    body = build(layout, inputs=inputs, outputs=classes, seed=seed, options={"activation": "tanh", **options})
    return body, snarc.subject(body, input_shape=inputs, classes=classes)


def test_a_circle_told_by_a_black_box():
    x = np.random.default_rng(0).uniform(-1.4, 1.4, (300, 2)).astype(np.float32)
    radius = np.hypot(*x.T)
    labels = (radius < 1).astype(int)
    labels[:3] = 1 - labels[:3]
    found = boundary(
        snarc.subject(ring, input_shape=(2,), classes=("out", "in")), (x, labels), box=(-1.5, 1.5, -1.6, 1.4)
    )
    assert found.numbers["length"] == pytest.approx(2 * np.pi, rel=1e-3)
    assert found.arrays["share"][1] * found.numbers["area"] == pytest.approx(np.pi, rel=1e-3)
    np.testing.assert_allclose(found.arrays["distance"], np.abs(radius - 1), atol=2e-3)
    assert found.numbers["distance_median"] == pytest.approx(np.median(np.abs(radius - 1)), abs=2e-3)
    assert found.numbers["error"] == pytest.approx(3 / 300)
    assert "line" not in found.arrays  # whose hidden units cannot be seen
    assert found.plot() is not None


def test_one_answer_everywhere_has_no_boundary():
    found = boundary(snarc.subject(lambda x: x * 0 + np.array([2.0, 0.0]), input_shape=(2,), classes=2))
    assert found.numbers["classes"] == 1
    assert found.numbers["length"] == 0
    assert np.isnan(found.numbers["distance_least"])
    assert "no boundary" in found.note
    assert found.plot() is not None


def test_the_sign_of_one_number_counts_as_two_classes():
    seen = Subject(lambda x: np.asarray(x)[:, :1] * 4, (2,), Task("regression", targets=("t",)), None)
    x = np.array([[0.5, 0], [-0.25, 0.5], [0.1, 0.2]], np.float32)
    found = boundary(seen, (x, np.array([[1.0], [-1.0], [-1.0]])), box=(-1, 1, -1, 1))
    np.testing.assert_allclose(found.arrays["distance"], [0.5, 0.25, 0.1], atol=1e-6)
    assert found.numbers["error"] == pytest.approx(1 / 3)
    # Fitted to -1 and 1: sure from 1 on, so that 0.8 (a confidence of 0.9) is reached at 0.2 from the line.
    assert found.numbers["unsure"] == pytest.approx(0.2, abs=0.02)


def test_the_lines_of_the_first_layer_are_its_weights():
    body, seen = of("2-7-5-2", seed=3)
    found = boundary(seen)
    w, b = (np.asarray(p[...], np.float64) for p in (body.layers[0].kernel, body.layers[0].bias))
    np.testing.assert_allclose(found.arrays["line"], np.column_stack([w.T, b]), atol=1e-5)
    # On a deeper unit's contour its weighted sum is zero.
    at = found.arrays["deeper"][~np.isnan(found.arrays["deeper"]).any(axis=1)]
    w2, b2 = (np.asarray(p[...], np.float64) for p in (body.layers[1].kernel, body.layers[1].bias))
    sums = np.tanh(at @ w + b) @ w2 + b2
    assert len(at) > 100
    assert np.abs(sums).min(axis=1).max() < 1e-3
    assert found.plot() is not None


def test_normalised_sums_have_their_lines():
    body, _ = of("2-6-2", normalise="batch")
    body.normalisers[0].mean[...] = np.linspace(-0.5, 0.5, 6)
    body.eval()
    line = boundary(snarc.subject(body, input_shape=(2,), classes=2)).arrays["line"]
    x = np.array([[0.3, -0.4]])
    w = np.asarray(body.layers[0].kernel[...])
    values = np.column_stack([x, [[1.0]]]) @ line.T
    np.testing.assert_allclose(np.sign(values), np.sign(x @ w - np.linspace(-0.5, 0.5, 6)))


def test_normalised_first_units_are_not_drawn_as_deeper_ones():
    _, seen = of("2-6-2", normalise="batch")
    found = boundary(seen).arrays
    assert len(found["line"]) == 6
    assert not len(found["deeper"])
    two, seen = of("2-6-5-2", normalise="batch", seed=1)
    at = boundary(seen).arrays["deeper"]
    at = at[~np.isnan(at).any(axis=1)]
    assert len(at) > 100
    two.eval()
    first = two.activations[0](two.normalisers[0](two.layers[0](at.astype(np.float32))))
    sums = np.asarray(two.normalisers[1](two.layers[1](first)))
    assert np.abs(sums).min(axis=1).max() < 2e-3


def test_a_bottleneck_shows_what_comes_after_it():
    body, seen = of("5-8-2-6-3", inputs=(5,), seed=1)
    x = np.random.default_rng(0).normal(size=(40, 5)).astype(np.float32)
    labels = np.asarray(seen.logits(x)).argmax(axis=1)
    found = boundary(seen, (x, labels), plane="bottleneck", points=60)
    hidden = np.asarray(seen.received(x)["layers.2"])
    np.testing.assert_allclose(found.arrays["example"], hidden, atol=1e-6)
    assert found.numbers["error"] == 0

    def after(h):
        first, last = body.layers[2], body.layers[3]
        h = np.tanh(h @ np.asarray(first.kernel[...]) + np.asarray(first.bias[...]))
        return (h @ np.asarray(last.kernel[...]) + np.asarray(last.bias[...])).argmax(axis=-1)

    grid = np.stack(np.meshgrid(found.arrays["x"], found.arrays["y"]), axis=-1)
    assert (after(grid) == found.arrays["answer"]).mean() > 0.999
    assert found.plot() is not None


def test_a_bottleneck_that_is_passed_by_is_refused():
    class Past(nnx.Module):
        def __init__(self):
            self.a = nnx.Linear(3, 2, rngs=nnx.Rngs(0))
            self.b = nnx.Linear(2, 2, rngs=nnx.Rngs(1))

        def __call__(self, x):
            return self.b(self.a(x)) + x[:, :2]

    x = np.ones((4, 3), np.float32)
    with pytest.raises(ModelError, match="do not follow"):
        boundary(snarc.subject(Past(), input_shape=(3,), classes=2), (x, np.zeros(4, int)), plane="bottleneck")


def test_a_plane_along_a_random_direction():
    _, seen = of("6-9-3", inputs=(6,))
    x = np.random.default_rng(0).normal(size=(9, 6)).astype(np.float32)
    labels = np.asarray(seen.logits(x)).argmax(axis=1)
    one, again, other = (
        boundary(seen, (x, labels), through=(4, 2), seed=seed, points=40).arrays for seed in (0, 0, 1)
    )  # fmt: skip
    assert (one["answer"] == again["answer"]).all()
    assert (one["answer"] != other["answer"]).any()
    np.testing.assert_allclose(one["example"][1, 0], np.linalg.norm(x[2] - x[4]), rtol=1e-5)
    np.testing.assert_array_equal(one["label"], labels[[4, 2]])
    assert one["y"][0] < 0 < one["y"][-1]


def test_the_default_plane_goes_through_three_classes_told_right():
    _, seen = of("6-9-4", inputs=(6,), seed=2)
    x = np.random.default_rng(0).normal(size=(60, 6)).astype(np.float32)
    labels = np.asarray(seen.logits(x)).argmax(axis=1)
    labels[0] = (labels[0] + 1) % 4
    found = boundary(seen, (x, labels), points=40)
    assert len(set(found.arrays["label"].tolist())) == 3
    assert found.numbers["error"] == 0
    # Distances along the plane are to the boundary that is drawn: a dense sample of it is as near, and never nearer.
    a, b = found.arrays["boundary"].swapaxes(0, 1)
    dense = (a + np.linspace(0, 1, 50)[:, None, None] * (b - a)).reshape(-1, 2)
    sampled = cKDTree(dense).query(found.arrays["example"])[0]
    assert (found.arrays["distance"] <= sampled + 1e-12).all()
    np.testing.assert_allclose(found.arrays["distance"], sampled, atol=0.01)


def test_a_run_knows_its_examples(digits):
    run = snarc.fit("64-20-2:tanh-20-10", digits, epochs=3, out=False, progress=False)
    for plane, points in (("auto", 30), ("bottleneck", 60)):
        found = boundary(run, plane=plane, points=points)
        assert found.numbers["classes"] >= 2
        assert found.plot() is not None
    share = found.arrays["share"]
    assert share.sum() == pytest.approx(1)
    counted = np.bincount(found.arrays["answer"].ravel(), minlength=10) / found.arrays["answer"].size
    np.testing.assert_allclose(share, counted, atol=0.02)


def test_mistakes_are_refused():
    seen = snarc.subject(ring, input_shape=(2,), classes=2)
    wide = snarc.subject(lambda x: x[:, :2], input_shape=(3,), classes=2)
    x = np.array([[0, 0, 1], [0, 0, 2], [0, 0, 3]], np.float32)
    labels = np.zeros(3, int)
    with pytest.raises(RecipeError, match="bottleneck"):
        boundary(seen, plane="bottlneck")
    with pytest.raises(RecipeError, match="box"):
        boundary(seen, box=(1, -1, 0, 1))
    with pytest.raises(RecipeError, match="points"):
        boundary(seen, points=2)
    with pytest.raises(DataError, match="network of 3"):
        boundary(wide, plane="inputs")
    with pytest.raises(DataError, match="without examples"):
        boundary(wide)
    with pytest.raises(DataError, match="one line"):
        boundary(wide, (x, labels), through=(0, 1, 2))
    with pytest.raises(RecipeError, match="through"):
        boundary(wide, (x, labels), through=(0, 7))
    with pytest.raises(DataError, match="labels"):
        boundary(wide, (x, labels + 5), through=(0, 1))
    with pytest.raises(ModelError, match="plain function"):
        boundary(wide, (x, labels), plane="bottleneck")
    _, deep = of("3-4-2-4-2", inputs=(3,))
    with pytest.raises(ModelError, match=r"layer 'layers\.9'"):
        boundary(deep, (x, labels), plane="bottleneck", layer="layers.9")
    two = Subject(lambda x: np.asarray(x), (2,), Task("regression", targets=("a", "b")), None)
    with pytest.raises(DataError, match="one number"):
        boundary(two)


def test_a_reading_is_kept_and_drawn_again(tmp_path):
    from snarc.render.export import csv_text
    from snarc.training.readings import Kept, keep

    _, seen = of("2-5-4-2", seed=3)
    found = boundary(seen, (np.eye(2, dtype=np.float32), np.array([0, 1])), points=20)
    path = keep(tmp_path, Kept("boundary", found))
    with np.load(path, allow_pickle=False) as archive:
        arrays = {name: archive[name] for name in archive.files if name != "reading.json"}
    again = Reading("boundary", found.numbers, arrays, boundary.draw, found.note)
    assert snarc.draw.svg(again.plot()) == snarc.draw.svg(found.plot())
    assert csv_text(found)
