import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import softmax
from scipy.stats import binom, binomtest

import snarc
from snarc.errors import DataError, RecipeError
from snarc.trust._risk import curve_of, safe_threshold, upper_bound
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
    areas = {
        s: float(rejection(logits, draws.integers(0, 10, 200), score=s).numbers["area"])
        for s in SCORES
        if s != "disagreement"
    }
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


def network(seed, count, classes=5, replicas=1):
    """Logits of networks that are right more often where they are surer."""
    draws = np.random.default_rng(seed)
    targets = draws.integers(0, classes, count)
    strength = draws.exponential(2.0, count)
    logits = draws.normal(size=(replicas, count, classes))
    logits[:, np.arange(count), targets] += strength
    return logits, targets


def test_the_area_is_the_mean_of_the_risk_over_all_coverages():
    logits, targets = network(0, 300)
    found = rejection(logits, targets)
    sure = np.sort(logits[0], axis=1)
    order = np.argsort(-(sure[:, -1] - sure[:, -2]))
    wrong = (logits[0].argmax(axis=1) != targets)[order]
    by_hand = np.mean([wrong[:k].mean() for k in range(1, 301)])
    assert float(found.numbers["area"]) == pytest.approx(by_hand, abs=1e-12)
    best = np.mean([np.sort(wrong)[:k].mean() for k in range(1, 301)])
    assert float(found.numbers["area_best"]) == pytest.approx(best, abs=1e-12)
    assert best < by_hand < wrong.mean()


def test_a_threshold_from_other_examples_is_applied_as_it_is():
    (old, old_targets), (new, new_targets) = network(1, 4000), network(2, 3000)
    found = rejection(new, new_targets, score="confidence", error=0.02, calibration=(old, old_targets)).numbers
    p = softmax(new[0], axis=1)
    kept = p.max(axis=1) >= float(found["chosen_threshold"])
    wrong = (p.argmax(axis=1) != new_targets)[kept]
    assert float(found["chosen_coverage"]) == kept.mean()
    assert float(found["chosen_error"]) == wrong.mean()
    interval = binomtest(int(wrong.sum()), int(kept.sum())).proportion_ci(method="wilson")
    assert (found["chosen_low"], found["chosen_high"]) == pytest.approx((interval.low, interval.high), abs=1e-12)
    assert found["chosen_low"] < 0.02 < found["chosen_high"]
    assert found["calibration_examples"] == 4000
    own = rejection(old, old_targets, score="confidence", error=0.02).numbers
    assert float(own["threshold"]) == float(found["chosen_threshold"])


def test_bound_is_clopper_and_pearsons():
    for errors, trials in ((0, 10), (3, 50), (50, 50), (1, 1000)):
        wanted = binomtest(errors, trials).proportion_ci(confidence_level=0.9, method="exact").high
        assert upper_bound(errors, trials, 0.05) == pytest.approx(wanted, rel=1e-9)


def test_a_certain_threshold_breaks_its_promise_as_seldom_as_it_says():
    """The chance of an error above a threshold is known here: labels are drawn from the probabilities themselves."""
    broken = plain = kept_any = 0
    everyone = network(99, 200_000, classes=3)
    sure = softmax(everyone[0][0], axis=1).max(axis=1)
    bad = everyone[0][0].argmax(axis=1) != everyone[1]
    for seed in range(200):
        logits, targets = network(seed, 400, classes=3)
        score, wrong = softmax(logits[0], axis=1).max(axis=1), logits[0].argmax(axis=1) != targets
        above = bad[sure >= safe_threshold(score, wrong, 0.1, 0.9)]
        broken += len(above) > 0 and above.mean() > 0.1
        kept_any += len(above) > 0
        kept = sure >= curve_of(score, wrong, 0.1).threshold
        plain += bad[kept].mean() > 0.1
    assert broken <= binom.ppf(0.999, 200, 0.1)
    assert kept_any > 150
    assert plain > 60  # without certainty about every other one does
    assert safe_threshold(np.arange(5.0), np.zeros(5, bool), 0.01, 0.99) == np.inf


def test_disagreement_needs_replicas_and_all_curves_can_be_compared():
    logits, targets = network(3, 500, replicas=4)
    with pytest.raises(RecipeError, match="several replicas"):
        rejection(logits[0], targets, score="disagreement")
    found = rejection(logits, targets, compare=True, error=0.05)
    assert found.arrays["scores"].tolist() == list(SCORES)
    assert found.arrays["risk_of_score"].shape == (6, 501)
    for name in SCORES:
        one = rejection(logits, targets, score=name, error=0.05).numbers
        assert float(found.numbers[f"area_{name}"]) == float(one["area"])
        assert float(found.numbers[f"refused_{name}"]) == float(one["refused"])
    (ax,) = found.plot().axes
    assert len(ax.get_legend_handles_labels()[1]) == 6
    for line in ax.lines[:6]:  # with nothing refused all scores leave the same error
        assert line.get_ydata()[-1] == pytest.approx(100 * float(found.numbers["error"]))
    assert "entropy" in SCORES
    alone = rejection(logits[0], targets, compare=True)
    assert "disagreement" not in alone.arrays["scores"].tolist()


def test_a_run_chooses_on_its_validation_split():
    run = snarc.fit("64-40-10", "digits", epochs=10, replicas=2, out=False, progress=False)
    found = rejection(run).numbers
    assert found["calibration_examples"] == len(run.dataset.validation)
    assert len(found["chosen_error"].values) == 2
    assert "chosen_error" not in rejection(run, calibration="none").numbers
    with pytest.raises(DataError, match="by heart"):
        rejection(run, calibration="train")
    with pytest.raises(DataError, match="calibration examples of their own"):
        rejection(run, "validation", calibration="validation")
    with pytest.raises(RecipeError, match="certainty"):
        rejection(run, certainty=1.0)
    assert rejection(run, certainty=0.9).plot().axes
