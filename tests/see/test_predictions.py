"""What a network says of data, in whatever form the two are given."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import softmax

import snarc
from snarc.errors import DataError
from snarc.subjects import predictions

LOGITS = np.array([[[1.0, 2.0, 0.0], [3.0, -1.0, 0.5]], [[0.0, 0.0, 9.0], [1e4, 0.0, -1e4]]])


def test_a_run_and_its_logits_say_the_same():
    run = snarc.fit("linear", "digits", epochs=1, replicas=2, out=False, progress=False)
    found = predictions(run, "test")
    given = predictions(found.logits, found.targets, classes=run.task.classes)
    assert found.replicas == 2
    assert found.logits.shape == (2, len(run.dataset.test), 10)
    np.testing.assert_array_equal(found.predicted, given.predicted)
    assert np.isclose((found.predicted == found.targets).mean(), run.test.accuracy.mean)
    np.testing.assert_array_equal(found.examples(np.array([3, 1])), run.dataset.test.inputs[[3, 1]])
    pair = predictions(run, (run.dataset.test.inputs[:7], run.dataset.test.targets[:7]))
    np.testing.assert_allclose(pair.logits, found.logits[:, :7], atol=1e-4)
    one = predictions(run.subject(1), run.dataset.test)
    np.testing.assert_array_equal(one.logits[0], found.logits[1])


def test_probabilities_are_a_softmax_also_of_large_logits():
    found = predictions(LOGITS, np.array([0, 1]))
    np.testing.assert_allclose(found.probabilities, softmax(LOGITS, axis=-1), atol=1e-15)
    np.testing.assert_allclose(found.confidence, softmax(LOGITS, axis=-1).max(-1))
    assert found.examples(np.array([0])) is None
    assert predictions(found) is found


@pytest.mark.parametrize(
    ("logits", "targets", "part"),
    [
        (np.zeros((3, 2)), np.zeros(4, int), "4 targets"),
        (np.zeros(3), np.zeros(3, int), r"\(3,\)"),
        (np.full((3, 2), np.nan), np.zeros(3, int), "not finite"),
        (np.zeros((3, 2)), np.array([0, 1, 2]), "labels from 0 to 2"),
        (np.zeros((3, 2)), np.array([0, -1, 1]), "labels from -1"),
    ],
)
def test_what_does_not_fit_is_refused(logits, targets, part):
    with pytest.raises(DataError, match=part):
        predictions(logits, targets)


def test_a_subject_knows_no_split():
    seen = snarc.subject(lambda x: x, input_shape=(2,), classes=2)
    with pytest.raises(DataError, match="knows no data"):
        predictions(seen)
