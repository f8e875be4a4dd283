"""Points of the plane against scikit-learn, SciPy and what is known beforehand."""

from __future__ import annotations

import builtins
import importlib.util

import jax
import numpy as np
import pytest
from sklearn.decomposition import PCA
from sklearn.metrics import r2_score
from sklearn.model_selection import LeaveOneOut, cross_val_predict
from sklearn.neighbors import KNeighborsClassifier

import snarc
from snarc.errors import DataError, LimitError, MissingExtraError, ModelError, RecipeError
from snarc.models.network import build
from snarc.see import embedding, lyapunov
from snarc.see._codes import codes, stretching, thumbnails
from snarc.see._projections import neighbours_know, pca, trustworthiness


@pytest.fixture(scope="module")
def run(digits):
    return snarc.fit("64-20:tanh-12:tanh-10", digits, epochs=8, out=False, progress=False)


@pytest.fixture(scope="module")
def seen(run):
    return embedding(run, count=150)


def test_principal_components_are_scikit_learns(rng):
    x = rng.normal(size=(80, 12)) @ rng.normal(size=(12, 12)) + 3
    ours, axes, shares = pca(x, 5)
    theirs = PCA(5).fit(x)
    signs = np.sign((axes * theirs.components_).sum(axis=1))
    np.testing.assert_allclose(ours, theirs.transform(x) * signs, atol=1e-8)
    np.testing.assert_allclose(shares[:5], theirs.explained_variance_ratio_, atol=1e-12)
    np.testing.assert_allclose(shares.sum(), 1)
    assert (axes[np.arange(5), np.abs(axes).argmax(axis=1)] > 0).all()


def test_fewer_directions_than_asked_for_are_zero():
    ours, axes, shares = pca(np.arange(3.0)[:, None], 2)
    np.testing.assert_allclose(np.abs(ours), [[1, 0], [0, 0], [1, 0]], atol=1e-12)
    assert axes.shape == (2, 1)
    np.testing.assert_allclose(pca(np.ones((4, 3)))[2], 0)
    np.testing.assert_allclose(shares, [1])


def test_what_neighbours_know_is_scikit_learns_leave_one_out(rng):
    x = rng.normal(size=(90, 4))
    y = (x[:, 0] + 0.5 * rng.normal(size=90) > 0).astype(int)
    theirs = cross_val_predict(KNeighborsClassifier(5), x, y, cv=LeaveOneOut())
    assert neighbours_know(x, y, 5) == pytest.approx((theirs == y).mean())
    wanted = x @ [1.0, 2.0, 0, 0]
    far = np.linalg.norm(x[:, None] - x[None], axis=-1) + np.diag(np.full(90, np.inf))
    mean = wanted[np.argsort(far, axis=1)[:, :5]].mean(axis=1)
    assert neighbours_know(x, wanted[:, None], 5) == pytest.approx(r2_score(wanted, mean))


def test_a_random_plane_is_not_trustworthy(rng):
    x = rng.normal(size=(200, 10))
    assert trustworthiness(x, x[:, :2] * 0 + rng.normal(size=(200, 2)), 10) == pytest.approx(0.5, abs=0.05)
    assert trustworthiness(x, x, 10) == 1


def test_codes_are_what_the_layers_return_and_get(run):
    subject, split = run.subject(), run.dataset.test.gather(np.arange(30))
    x = split.inputs
    last = list(subject.received(x))[-1]
    np.testing.assert_allclose(codes(subject, split), subject.received(x)[last], atol=1e-5)
    np.testing.assert_allclose(
        codes(subject, split, "body.layers.0"), subject.activations(x)["body.layers.0"], atol=1e-5
    )
    np.testing.assert_allclose(
        codes(subject, split, "body.layers.1", True), np.tanh(subject.activations(x)["body.layers.0"]), atol=1e-5
    )
    np.testing.assert_allclose(codes(subject, split, "outputs"), subject.logits(x), atol=1e-5)
    assert codes(subject, split, "inputs").shape == (30, 64)


def test_what_a_run_shows(run, seen):
    assert seen.numbers["dimensions"] == 12
    assert 0.5 < seen.numbers["trustworthiness"] <= 1
    found = seen.arrays
    test = run.dataset.test
    split = test.gather(found["index"])
    for name, points in (("knn_full", codes(run.subject(), split)), ("knn_plane", found["xy"])):
        theirs = cross_val_predict(KNeighborsClassifier(10), points, split.targets, cv=LeaveOneOut())
        # Ties are broken otherwise there: by the smaller class, here by the nearer example.
        assert seen.numbers[name] == pytest.approx((theirs == split.targets).mean(), abs=0.04)
        assert seen.numbers[name] > 2 * seen.numbers["most_frequent"]
    assert found["xy"].shape == (150, 2)
    assert len(set(found["index"].tolist())) == 150
    np.testing.assert_array_equal(found["label"].astype(int), test.targets[found["index"]])
    np.testing.assert_array_equal(found["thumbnail"], snarc.draw.pixels(test.inputs[found["index"]]))
    assert seen.numbers["explained"] == pytest.approx(found["variance"][:2].sum())
    again = embedding(run, count=150)
    np.testing.assert_array_equal(again.arrays["xy"], found["xy"])
    assert not any(array.dtype.hasobject for array in found.values())
    assert seen.plot() is not None


def test_colours(run):
    right = embedding(run, count=120, colour="error").arrays
    np.testing.assert_array_equal(right["colour"] == "right", right["label"] == right["predicted"])
    sure = embedding(run, count=120, colour="confidence")
    split = run.dataset.test.gather(sure.arrays["index"])
    np.testing.assert_allclose(sure.arrays["colour"], run.subject().probabilities(split.inputs).max(axis=1), atol=1e-5)
    assert sure.plot() is not None


def test_stretching_is_the_lyapunov_exponent_of_the_hidden_layers(run):
    subject = run.subject()
    x = run.dataset.test.inputs[:5]
    np.testing.assert_allclose(stretching(subject, x), lyapunov(subject, x).arrays["exponent"], atol=1e-3)


def test_normalisers_are_no_layers_of_their_own():
    body = build("4-9-7-3", inputs=(4,), outputs=3, seed=1, options={"normalise": "batch"})
    subject = snarc.subject(body, input_shape=(4,), classes=3)
    x = np.random.default_rng(0).normal(size=(5, 4)).astype(np.float32)
    np.testing.assert_allclose(stretching(subject, x), lyapunov(subject, x).arrays["exponent"], atol=1e-3)


def test_stretching_of_a_convolutional_network():
    """Layers that keep settings of their own are looked into within a gradient too."""
    body = build("lenet5", inputs=(16, 16, 1), outputs=3, seed=0)
    subject = snarc.subject(body, input_shape=(16, 16, 1), classes=3)
    x = np.random.default_rng(0).uniform(size=(2, 16, 16, 1)).astype(np.float32)
    paths = list(subject.received(x))
    found = stretching(subject, x)

    def features(v):
        return subject.received(v[None])[paths[-1]].ravel()

    for one, exponent in zip(x, found):
        jacobian = np.asarray(jax.jacrev(features)(one)).reshape(-1, 256)
        largest = np.linalg.svd(jacobian, compute_uv=False)[0]
        # Forty steps of power iteration stay a little below.
        assert exponent == pytest.approx(np.log(largest) / (len(paths) - 1), abs=0.01)


def test_numbers_instead_of_classes(rng):
    x = rng.uniform(-1, 1, (120, 2)).astype(np.float32)
    run = snarc.fit("2-8:tanh-1", (x, x[:, 0] * 2), epochs=5, out=False, progress=False)
    found = embedding(run, data="train", layer="inputs")
    assert found.numbers["knn_plane"] > 0.9
    assert found.arrays["colour"].dtype.kind == "f"
    assert found.plot() is not None
    with pytest.raises(DataError, match="confidence of a network that says numbers"):
        embedding(run, data="train", colour="confidence")


def test_a_network_that_can_only_be_called(digits):
    seen = snarc.subject(lambda x: np.asarray(x).reshape(len(x), -1)[:, :10], input_shape=(8, 8, 1), classes=10)
    pair = (digits.test.inputs[:60], digits.test.targets[:60])
    assert embedding(seen, pair, layer="inputs").numbers["dimensions"] == 64
    assert embedding(seen, pair, layer="outputs").numbers["dimensions"] == 10
    with pytest.raises(ModelError, match="layers cannot be seen"):
        embedding(seen, pair)


def test_mistakes_are_refused(run):
    for options, says in (
        ({"method": "tnse"}, "tsne"), ({"colour": "red"}, "one of label"), ({"count": 2}, "3 examples"),
    ):  # fmt: skip
        with pytest.raises(RecipeError, match=says):
            embedding(run, **options)
    with pytest.raises(ModelError, match=r"no layer 'body.layers.7'.*body.layers"):
        embedding(run, layer="body.layers.7")
    with pytest.raises(DataError, match="embedding of 2 examples"):
        embedding(run, (run.dataset.test.inputs[:2], run.dataset.test.targets[:2]))


def test_too_many_numbers_are_refused_before_they_are_computed(run, monkeypatch):
    monkeypatch.setattr("snarc.see._codes.MOST", 100)
    with pytest.raises(LimitError, match="count=8"):
        embedding(run)


@pytest.mark.parametrize(("method", "package"), [("tsne", "openTSNE"), ("umap", "umap")])
def test_a_missing_extra_is_named(run, monkeypatch, method, package):
    monkeypatch.setattr("importlib.import_module", _without(package))
    with pytest.raises(MissingExtraError, match=rf"snarc\[{method}\].*method='pca'"):
        embedding(run, count=30, method=method)


def _without(package):
    real = importlib.import_module

    def load(name, *rest):
        if name == package:
            raise builtins.ImportError(name)
        return real(name, *rest)

    return load


@pytest.mark.parametrize(("method", "package"), [("tsne", "openTSNE"), ("umap", "umap")])
def test_groups_far_apart_stay_apart(method, package, rng):
    if importlib.util.find_spec(package) is None:
        pytest.skip(f"{package} is not installed")
    labels = np.arange(90) % 3
    x = (rng.normal(size=(90, 60)) + 12 * np.eye(60)[labels]).astype(np.float32)
    seen = snarc.subject(lambda v: np.asarray(v)[:, :3], input_shape=(60,), classes=3)
    found = embedding(seen, (x, labels), layer="inputs", method=method, perplexity=10)
    again = embedding(seen, (x, labels), layer="inputs", method=method, perplexity=10)
    np.testing.assert_array_equal(found.arrays["xy"], again.arrays["xy"])
    assert found.numbers["knn_plane"] == 1
    assert found.plot() is not None


def test_thumbnails_are_small(rng):
    assert thumbnails(rng.uniform(size=(2, 28, 28, 1))).shape == (2, 28, 28)
    assert thumbnails(rng.integers(0, 256, (2, 100, 50, 3)).astype(np.uint8)).shape == (2, 32, 16, 3)
    assert thumbnails(rng.uniform(size=(2, 5))) is None
