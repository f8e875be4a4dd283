"""The promise of conformal prediction itself, over many draws, and the scores by hand."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from snarc.errors import DataError, RecipeError
from snarc.trust.conformal import SCORES, ConformalSets, band, between_classes, conformal, strangeness, threshold

P = np.array([[0.5, 0.3, 0.2], [0.1, 0.1, 0.8]])


def draw(rng, n, classes=5):
    """Examples of a network that is sometimes right: labels follow its own probabilities, tempered."""
    logits = rng.normal(scale=2.0, size=(n, classes))
    p = np.exp(logits / 2)
    p /= p.sum(1, keepdims=True)
    labels = (rng.random(n)[:, None] > np.cumsum(p, 1)).sum(1).clip(0, classes - 1)
    q = np.exp(logits)
    return q / q.sum(1, keepdims=True), labels


def test_scores_by_hand():
    np.testing.assert_allclose(strangeness(P, "lac"), 1 - P)
    np.testing.assert_allclose(strangeness(P, "aps"), [[0.5, 0.8, 1.0], [0.9, 1.0, 0.8]])
    np.testing.assert_allclose(strangeness(P, "raps", 0.1, 1), [[0.5, 0.9, 1.2], [1.0, 1.2, 0.8]])

    class Half:
        def random(self, shape):
            return np.full(shape, 0.5)

    np.testing.assert_allclose(strangeness(P, "aps", rng=Half()), [[0.25, 0.65, 0.9], [0.85, 0.95, 0.4]])


@pytest.mark.parametrize("score", SCORES)
def test_coverage_over_draws_is_what_was_promised(score):
    """Marginal coverage over calibration and test lies in [0.9, 0.9 + 1 / (n + 1)]; here within 4 standard errors."""
    rng, n, m, times = np.random.default_rng(1), 99, 200, 400
    found = []
    for _ in range(times):
        p, y = draw(rng, n + m)
        fitted = ConformalSets.fit(p[:n], y[:n], coverage=0.9, score=score, rng=rng)
        found.append(fitted.sets(p[n:], rng)[np.arange(m), y[n:]].mean())
    error = np.std(found, ddof=1) / np.sqrt(times)
    assert 0.9 - 4 * error <= np.mean(found) <= 0.9 + 1 / (n + 1) + 4 * error
    assert error < 0.003
    # The spread is that of the beta-binomial law, too.
    low, high = band(n, m, 0.9)
    inside = np.mean((np.array(found) >= low) & (np.array(found) <= high))
    assert inside >= stats.binom.ppf(0.001, times, 0.95) / times


def test_class_thresholds_keep_the_promise_in_each_class():
    rng, n, m = np.random.default_rng(2), 1500, 1500
    covered, uncovered = [], []
    for _ in range(40):
        p, y = draw(rng, n + m)
        p = p * np.array([1, 1, 1, 1, 0.2])  # the last class is thought unlikely
        p /= p.sum(1, keepdims=True)
        for by_class, kept in ((True, covered), (False, uncovered)):
            thresholds = (
                ConformalSets.fit(p[:n], y[:n], by_class=by_class) if by_class else ConformalSets.fit(p[:n], y[:n])
            )
            hit = thresholds.sets(p[n:])[np.arange(m), y[n:]]
            kept.append(hit[y[n:] == 4].mean())
    assert 0.89 <= np.mean(covered) <= 0.915
    assert np.mean(uncovered) < 0.85


def test_the_band_of_class_thresholds_is_that_of_their_law():
    """With few examples of a class its threshold promises more than it must, and so does the band."""
    rng, times = np.random.default_rng(4), 400
    known, judged = np.array([14, 9, 40, 3]), np.array([60, 50, 80, 20])
    classes = np.arange(4)
    found = []
    for _ in range(times):
        y, z = rng.permutation(classes.repeat(known)), rng.permutation(classes.repeat(judged))
        p, q = (rng.dirichlet(np.ones(4), size=len(labels)) for labels in (y, z))
        hit = ConformalSets.fit(p, y, by_class=True).sets(q)[np.arange(len(z)), z]
        found.append(hit.mean())
    low, high = between_classes(known, judged, 0.9)
    inside = np.mean((np.array(found) >= low) & (np.array(found) <= high))
    assert stats.binom.ppf(0.001, times, 0.95) / times <= inside <= stats.binom.ppf(0.999, times, 0.975) / times
    # ceil(15 x 0.9) of 15 ranks, 9 of 10, ceil(41 x 0.9) of 41, and a class of 3 is in every set.
    mean = np.average([14 / 15, 9 / 10, 37 / 41, 1], weights=judged)
    assert abs(np.mean(found) - mean) < 4 * np.std(found) / np.sqrt(times)
    assert low > band(known.sum(), judged.sum(), 0.9)[0]
    assert between_classes(np.array([99]), np.array([200]), 0.9) == pytest.approx(band(99, 200, 0.9))


def test_too_few_examples_promise_everything():
    assert threshold(np.arange(5.0), 0.9) == np.inf
    p, y = draw(np.random.default_rng(3), 5)
    assert ConformalSets.fit(p, y, coverage=0.9).sets(p).all()
    assert band(5, 10, 0.9) == (1.0, 1.0)


def test_mistakes_are_refused():
    logits, labels = np.zeros((4, 2)), np.array([0, 1, 0, 1])
    pair = (logits, labels)
    with pytest.raises(RecipeError, match="Did you mean 'aps'"):
        conformal(logits, labels, calibration=pair, score="app")
    with pytest.raises(RecipeError, match="coverage of 1"):
        conformal(logits, labels, calibration=pair, coverage=1.0)
    with pytest.raises(DataError, match="without calibration data"):
        conformal(logits, labels)


def test_calibration_data_must_be_of_their_own():
    import snarc

    run = snarc.fit("linear", "digits", epochs=1, out=False, progress=False)
    test = (run.dataset.test.inputs, run.dataset.test.targets)
    with pytest.raises(DataError, match="by heart"):
        conformal(run, calibration="train")
    with pytest.raises(DataError, match="judged by"):
        conformal(run, calibration=test)
    with pytest.raises(DataError, match="trained on"):
        conformal(run, calibration=(run.dataset.train.inputs[:200], run.dataset.train.targets[:200]))
    assert "chose the epoch" not in conformal(run).note
    found = conformal(run.subject(), test, calibration=(run.dataset.validation.inputs, run.dataset.validation.targets))
    whole = conformal(run)
    assert float(found.numbers["coverage"]) == float(whole.numbers["coverage"])


def test_a_validation_split_that_chose_the_weights_is_named():
    import snarc
    from snarc.trust import rejection, scaling

    run = snarc.fit("linear", "digits", epochs=2, keep="best", out=False, progress=False, health=False)
    for instrument in (conformal, scaling, rejection):
        assert "chose the epoch whose weights were kept" in instrument(run).note
        test = (run.dataset.test.inputs, run.dataset.test.targets)
        other = instrument(run, run.dataset.validation, calibration=test)
        assert "chose the epoch" not in other.note
    assert "chose the epoch" not in rejection(run, calibration="none").note
