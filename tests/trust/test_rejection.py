import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from snarc.errors import DataError, RecipeError
from snarc.trust.rejection import SCORES, rejection


@pytest.mark.parametrize("case", rejection.known_cases, ids=lambda case: case.__name__)
def test_known_case(case):
    case()


def by_hand(score, wrong, error):
    """Every threshold tried, one after another."""
    best = 0
    for threshold in score:
        kept = score >= threshold
        if wrong[kept].sum() <= error * kept.sum():
            best = max(best, int(kept.sum()))
    return 1 - best / len(score)


@given(st.integers(0, 2**31), st.integers(1, 40), st.floats(0, 0.9), st.integers(1, 5))
def test_refused_is_the_best_of_all_thresholds(seed, count, error, levels):
    draws = np.random.default_rng(seed)
    logits = draws.integers(0, levels, (2, count, 3)).astype(float)  # few levels: many equal scores
    targets = draws.integers(0, 3, count)
    found = rejection(logits, targets, error=error)
    ordered = np.sort(logits, axis=-1)
    wrong = logits.argmax(axis=-1) != targets
    wanted = [by_hand(o[:, -1] - o[:, -2], w, error) for o, w in zip(ordered, wrong)]
    assert found.numbers["refused"].values == pytest.approx(wanted)
    assert np.nanmin(found.arrays["risk"]) >= 0
    assert found.arrays["risk"][:, -1] == pytest.approx(wrong.mean(axis=1))


def test_the_threshold_refuses_exactly_that_fraction():
    draws = np.random.default_rng(3)
    logits, targets = draws.normal(size=(500, 4)), draws.integers(0, 4, 500)
    logits[np.arange(400), targets[:400]] += 3
    found = rejection(logits, targets, error=0.05)
    ordered = np.sort(logits, axis=-1)
    kept = ordered[:, -1] - ordered[:, -2] >= float(found.numbers["threshold"])
    assert 1 - kept.mean() == pytest.approx(float(found.numbers["refused"]))
    assert (logits.argmax(axis=1) != targets)[kept].mean() <= 0.05
    assert 0 < float(found.numbers["refused"]) < 1


def test_scores_agree_for_two_classes_and_differ_for_more():
    draws = np.random.default_rng(0)
    logits, targets = draws.normal(size=(200, 2)), draws.integers(0, 2, 200)
    same = [float(rejection(logits, targets, score=s, error=0.3).numbers["area"]) for s in ("margin", "confidence")]
    assert same[0] == pytest.approx(same[1])
    logits = draws.normal(size=(200, 10))
    areas = {s: float(rejection(logits, draws.integers(0, 10, 200), score=s).numbers["area"]) for s in SCORES}
    assert len(set(areas.values())) > 1


def test_what_cannot_be_asked_is_refused():
    logits, targets = np.eye(3), np.arange(3)
    with pytest.raises(RecipeError, match="Did you mean 'margin'"):
        rejection(logits, targets, score="margins")
    for error in (-0.1, 1.0):
        with pytest.raises(RecipeError, match="wanted error"):
            rejection(logits, targets, error=error)
    with pytest.raises(DataError, match="no example"):
        rejection(np.zeros((0, 3)), np.zeros(0, int))
    with pytest.raises(DataError, match="regression"):
        rejection(logits, np.zeros((3, 3)))


def test_the_picture_shows_the_measured_point():
    draws = np.random.default_rng(1)
    logits, targets = draws.normal(size=(2, 300, 3)), draws.integers(0, 3, 300)
    logits[:, np.arange(270), targets[:270]] += 5
    found = rejection(logits, targets)
    figure = found.plot(published=((12.1, 1.0, "1989"),), most=50)
    (ax,) = figure.axes
    at = 100 * float(found.numbers["refused"])
    points = [tuple(map(float, line.get_xydata()[0])) for line in ax.lines if len(line.get_xdata()) == 1]
    assert (pytest.approx(at), pytest.approx(1.0)) in points
    assert (12.1, 1.0) in points
    assert ax.get_xlabel() == "refused (% of all)"
