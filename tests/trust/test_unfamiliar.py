"""Scores of familiarity against scikit-learn, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.distance import mahalanobis
from sklearn.metrics import roc_auc_score, roc_curve

import snarc
from snarc.errors import DataError, RecipeError, UnknownNameError
from snarc.trust import unfamiliar
from snarc.trust._other_data import resized
from snarc.trust.unfamiliar import _Mahalanobis, auroc, fpr95


@pytest.fixture(scope="module")
def run():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(400, 4)).astype(np.float32)
    y = (x[:, 0] + 0.3 * rng.normal(size=400) > 0).astype(int)
    return snarc.fit("4-8:tanh-2", (x, y), epochs=20, replicas=2, out=False, progress=False)


def test_area_and_rate_equal_scikit_learns():
    rng = np.random.default_rng(1)
    own, other = rng.normal(1, 1, 300).round(1), rng.normal(0, 1, 200).round(1)  # rounded, so that there are ties
    truth, scores = np.r_[np.ones(300), np.zeros(200)], np.r_[own, other]
    assert auroc(own, other) == pytest.approx(roc_auc_score(truth, scores), abs=1e-12)
    false, true, _ = roc_curve(truth, scores, drop_intermediate=False)
    assert fpr95(own, other) == pytest.approx(false[np.argmax(true >= 0.95)])


def test_mahalanobis_is_the_distance_to_the_nearest_class_mean(run):
    distance = _Mahalanobis(run)
    train = run.dataset.train
    features = distance.features(train.inputs)
    apart = np.concatenate([features[train.targets == k] - features[train.targets == k].mean(0) for k in (0, 1)])
    inverse = np.linalg.pinv(apart.T @ apart / len(apart), rcond=1e-6, hermitian=True)
    means = [features[train.targets == k].mean(0) for k in (0, 1)]
    for x, found in zip(features[:20], distance(train.inputs[:20])):
        assert found == pytest.approx(min(mahalanobis(x, m, inverse) ** 2 for m in means), rel=1e-5)


def test_far_inputs_are_told_apart_by_distance(run):
    found = unfamiliar(run, others={"far": 20 + np.random.default_rng(2).normal(size=(50, 4)).astype(np.float32)})
    names = {name.split("_")[1] for name in found.numbers if name.endswith("_auroc")}
    assert names == {"maximum-probability", "entropy", "energy", "mahalanobis", "disagreement"}
    assert 0 <= float(found.numbers["far_mahalanobis_auroc"]) <= 1
    assert len(found.numbers["far_energy_auroc"].values) == 2
    assert found.plot() is not None


def test_there_is_as_much_noise_as_was_asked_for(run):
    found = unfamiliar(run, scores="energy", count=3000)
    assert len(found.arrays["confidence_noise"]) == 3000
    assert len(found.arrays["confidence_own"]) == len(run.dataset.test)


def test_what_cannot_be_had_is_refused(run):
    seen = run.subject()
    pair = (run.dataset.test.inputs, run.dataset.test.targets)
    with pytest.raises(RecipeError, match="several replicas"):
        unfamiliar(seen, pair, scores=("disagreement",))
    with pytest.raises(RecipeError, match="Did you mean 'energy'"):
        unfamiliar(run, scores=("enrgy",))
    with pytest.raises(DataError, match="of shape"):
        unfamiliar(run, others={"wide": np.zeros((3, 5))})
    with pytest.raises(DataError, match="logits alone"):
        unfamiliar(np.zeros((4, 2)), np.zeros(4, int))


def test_images_are_brought_to_size():
    images = np.full((3, 16, 16, 1), 51, np.uint8)
    found = resized(images, (28, 28, 3))
    assert found.shape == (3, 28, 28, 3)
    np.testing.assert_allclose(found, 0.2, atol=1e-6)
    with pytest.raises(DataError, match="network of images"):
        resized(images, (784,))


def test_other_data_sets_have_names(mnist):
    """Letters are notMNIST; USPS digits come from 16 x 16 pixels; clothes are as large as they have to be."""
    import jax.numpy as jnp

    def ink(x):
        return jnp.stack([jnp.asarray(x).mean(axis=(1, 2, 3)), jnp.full(len(x), 0.3)], axis=1) * 10

    seen = snarc.subject(ink, input_shape=(28, 28, 1), classes=2, range=(0, 1))
    pair = ((mnist.test.inputs[:100] / 255).astype(np.float32), np.ones(100, int))
    found = unfamiliar(seen, pair, others="usps,letters, fashion-mnist,noise", count=100)
    for kind, images in (("letters", snarc.load("notmnist").test.inputs[:100] / 255), ("usps", None)):
        assert len(found.arrays[f"confidence_{kind}"]) == 100
        if images is not None:
            p = 1 / (1 + np.exp(-np.abs(10 * (images.mean(axis=(1, 2, 3)) - 0.3))))
            np.testing.assert_allclose(found.arrays[f"confidence_{kind}"], p, atol=1e-4)
    with pytest.raises(UnknownNameError, match="Did you mean 'usps'"):
        unfamiliar(seen, pair, others=("usp",))
