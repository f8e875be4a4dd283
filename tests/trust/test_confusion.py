"""Confusion matrix and mistakes against scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import confusion_matrix, precision_recall_fscore_support

from snarc import draw
from snarc.data import Split, Task
from snarc.errors import DataError
from snarc.subjects import Predictions
from snarc.trust import confusion, mistakes


@pytest.fixture
def case():
    rng = np.random.default_rng(0)
    targets = rng.integers(0, 6, 300)
    logits = rng.normal(size=(3, 300, 6)) + 1.5 * np.eye(6)[targets]
    return logits, targets


def test_agrees_with_scikit_learn(case):
    logits, targets = case
    found = confusion(logits, targets)
    expected = sum(confusion_matrix(targets, one.argmax(axis=1), labels=range(6)) for one in logits)
    np.testing.assert_array_equal(found.arrays["matrix"], expected)
    p, r, f, _ = precision_recall_fscore_support(np.tile(targets, 3), logits.argmax(axis=-1).ravel())
    np.testing.assert_allclose(found.arrays["precision"], p)
    np.testing.assert_allclose(found.arrays["recall"], r)
    np.testing.assert_allclose(found.arrays["f1"], f)
    np.testing.assert_array_equal(found.arrays["support"], np.bincount(targets))
    macro = [np.mean(precision_recall_fscore_support(targets, one.argmax(axis=1))[2]) for one in logits]
    assert found.numbers["macro_f1"].mean == pytest.approx(np.mean(macro))
    assert found.numbers["most_frequent"] == np.bincount(targets).max() / 300
    assert found.plot().axes[0].get_xlabel() == "predicted"


def test_many_classes_and_hostile_names_are_drawn():
    names = ("<script>alert(1)</script>", "$x$", "$", "a\nb", *(f"class {k}" for k in range(56)))
    targets = np.arange(60)
    task = Task("classification", classes=names)
    reading = confusion(Predictions(np.eye(60)[None, ::-1], targets, task))
    assert "<script" not in draw.svg(reading.plot())
    few = Task("classification", classes=names[:4])
    svg = draw.svg(confusion(Predictions(np.eye(4)[None, ::-1], np.arange(4), few)).plot())
    assert "<script" not in svg
    assert "&lt;script&gt;" in svg


def test_mistakes_are_sorted_by_confidence(case):
    logits, targets = case
    images = np.arange(300 * 4, dtype=np.float32).reshape(300, 2, 2, 1) / 1200
    task = Task("classification", classes=tuple("abcdef"))
    found = mistakes(Predictions(logits, targets, task, Split(images, targets)), count=10)
    a = found.arrays
    p = np.exp(logits[0]) / np.exp(logits[0]).sum(axis=1, keepdims=True)
    wrong = np.flatnonzero(p.argmax(axis=1) != targets)
    expected = wrong[np.argsort(-p[wrong].max(axis=1))][:10]
    np.testing.assert_array_equal(a["index"], expected)
    np.testing.assert_allclose(a["confidence"], p[expected].max(axis=1))
    np.testing.assert_allclose(a["confidence_in_label"], p[expected, targets[expected]])
    assert a["label"].tolist() == ["abcdef"[k] for k in targets[expected]]
    np.testing.assert_array_equal(a["examples"], images[expected])
    assert found.numbers["wrong"].mean == np.mean([(one.argmax(axis=1) != targets).sum() for one in logits])
    assert len([ax for ax in found.plot().axes if ax.images]) == 10


def test_without_a_mistake_there_is_nothing_to_show():
    found = mistakes(5 * np.eye(3), np.arange(3))
    assert found.numbers["shown"] == 0
    assert confusion(5 * np.eye(3), np.arange(3)).note == "No class is taken for another."


def test_numbers_have_no_classes():
    with pytest.raises(DataError, match="classes"):
        confusion(np.zeros((3, 1)), np.zeros((3, 1)))
