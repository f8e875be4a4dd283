"""Conformal sets against MAPIE on the same probabilities."""

import numpy as np
import pytest

mapie = pytest.importorskip("mapie", reason="MAPIE is installed apart: make oracles")

from mapie.classification import SplitConformalClassifier  # noqa: E402
from mapie.conformity_scores import APSConformityScore, LACConformityScore  # noqa: E402
from sklearn.base import BaseEstimator, ClassifierMixin  # noqa: E402

from snarc.trust.conformal import ConformalSets, strangeness  # noqa: E402

pytestmark = [pytest.mark.oracle, pytest.mark.filterwarnings("default")]


class Known(ClassifierMixin, BaseEstimator):
    """A classifier whose probabilities are its inputs."""

    def __init__(self, classes=6):
        self.classes = classes

    def fit(self, x, y):
        self.classes_ = np.arange(self.classes)
        self.n_features_in_ = x.shape[1]
        return self

    def predict_proba(self, x):
        return x

    def predict(self, x):
        return x.argmax(1)


def data(n, seed):
    rng = np.random.default_rng(seed)
    logits = rng.normal(scale=2, size=(n, 6))
    p = np.exp(logits)
    p /= p.sum(1, keepdims=True)
    return p, (rng.random(n)[:, None] > np.cumsum(p, 1)).sum(1).clip(0, 5)


def judge(score, p, y, coverage):
    found = SplitConformalClassifier(
        Known().fit(p, y), confidence_level=coverage, conformity_score=score(), prefit=True, random_state=7
    )
    return found.conformalize(p[:1000], y[:1000])


@pytest.mark.parametrize("coverage", [0.8, 0.9, 0.95])
def test_lac_sets_equal_mapies(coverage):
    p, y = data(2500, 0)
    _, wanted = judge(LACConformityScore, p, y, coverage).predict_set(p[1000:])
    ours = ConformalSets.fit(p[:1000], y[:1000], coverage=coverage, score="lac").sets(p[1000:])
    np.testing.assert_array_equal(ours, wanted[..., 0])


@pytest.mark.parametrize("coverage", [0.8, 0.9, 0.95])
def test_aps_thresholds_and_sets_equal_mapies(coverage):
    """With MAPIE's random shares: it takes u of the class's own probability away where we add 1 - u."""

    class Shares:
        def random(self, shape):
            return 1 - np.random.RandomState(7).uniform(size=shape[0]).reshape(shape)

    p, y = data(2500, 0)
    theirs = judge(APSConformityScore, p, y, coverage)
    ours = ConformalSets.fit(p[:1000], y[:1000], coverage=coverage, score="aps", rng=Shares())
    scores = strangeness(p[:1000], "aps", rng=Shares())[np.arange(1000), y[:1000]]
    np.testing.assert_allclose(np.sort(theirs.conformity_scores[:, 0]), np.sort(scores), atol=1e-12)
    _, wanted = theirs.predict_set(p[1000:], conformity_score_params={"include_last_label": False})
    found = ours.sets(p[1000:])
    # Where no class is plain enough, MAPIE names the likeliest one all the same.
    empty = ~found.any(axis=1)
    assert 0 < empty.sum() < 1000
    found[empty, p[1000:][empty].argmax(axis=1)] = True
    np.testing.assert_array_equal(found, wanted[..., 0])
