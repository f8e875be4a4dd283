"""The sentences say what the numbers say: each rule on readings whose answer is known."""

from __future__ import annotations

import numpy as np

from snarc import trust
from snarc.reading import Reading
from snarc.training.readings import Kept
from snarc.verdict import sentences
from snarc.verdict.sentences import RULES, percent


def said(reading):
    return [(s.kind, s.text) for s in sentences([Kept(reading.name, reading)])]


def forecaster(sure, right, n=4000, seed=0):
    """Logits of two classes with this confidence, right with that frequency."""
    rng = np.random.default_rng(seed)
    logits = np.tile(np.log([sure, 1 - sure]), (n, 1))
    return logits, (rng.random(n) >= right).astype(int)


def test_a_calibrated_forecaster_is_believed_and_a_boaster_is_not():
    [(kind, text)] = said(trust.calibration(*forecaster(0.8, 0.8)))
    assert kind == "can"
    assert "means what it says" in text
    [(kind, text)] = said(trust.calibration(*forecaster(0.95, 0.7)))
    assert kind == "fails"
    assert "surer than it is right" in text
    [(kind, text)] = said(trust.calibration(*forecaster(0.6, 0.9)))
    assert kind == "fails"
    assert "less sure" in text


def test_only_a_temperature_keeps_every_answer():
    """Vector scaling changes answers, and its sentence says how many."""
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 3, 4000)
    z = 4 * (np.eye(3)[labels] + rng.normal(size=(4000, 3))) + np.array([3.0, 0, 0])
    for method in ("temperature", "vector"):
        found = trust.scaling(z[:2000], labels[:2000], calibration=(z[2000:], labels[2000:]), method=method)
        [(kind, text)] = said(found)
        assert kind == "can"
        assert ("divided by" in text) == ("with every answer the same" in text) == (method == "temperature")
        assert (f"{100 * float(found.numbers['changed']):.2f} % of its answers changed" in text) == (method == "vector")


def test_a_broken_promise_is_named():
    sure, right = forecaster(0.8, 0.8), forecaster(0.8, 0.5, seed=1)
    [(kind, text)] = said(trust.conformal(*right, calibration=sure, score="aps", coverage=0.9))
    assert kind == "fails"
    assert "not like the test data" in text
    [(kind, text)] = said(trust.conformal(*forecaster(0.8, 0.8, seed=1), calibration=sure, score="aps"))
    assert kind == "when"
    assert "90.0 % were promised" in text
    # More than was promised is no broken promise: the sets are larger than need be.
    [(kind, text)] = said(trust.conformal(*forecaster(0.8, 0.8, seed=1), calibration=right, score="aps"))
    assert kind == "when"
    assert "harder than the test data" in text


def test_nothing_is_rounded_to_certainty():
    assert percent(9_995 / 10_000) == "> 99.9 %"
    assert percent(0.99949) == "99.9 %"
    assert percent(0.0004) == "< 0.1 %"
    assert (percent(0.0), percent(1.0), percent(0.99996, 2)) == ("0 %", "100 %", "> 99.99 %")


def test_shift_names_the_first_strength_that_costs_too_much():
    accuracy = np.array([[0.99, 0.98, 0.95, 0.93, 0.5, 0.2], [0.99] * 6])
    arrays = {
        "change": np.array(["noise", "blur"]), "strength": np.array([[0.1, 0.2, 0.3, 0.4, 0.5], [1.0, 2, 3, 4, 5]]),
        "accuracy": accuracy, "confidence": accuracy,
    }  # fmt: skip
    bears, fails = said(Reading("shift", {"overconfidence": 0.0}, arrays))
    assert bears[0] == "can"
    assert "noise (standard deviation up to 0.2) and blur (deviation in pixels up to 5)" in bears[1]
    assert fails == ("fails", "It loses more than 5.0 points under noise (standard deviation 0.3: 93 % right).")


def test_other_hands_are_told_by_the_better_of_two_ways():
    accuracy = np.full((1, 6), 0.98)
    numbers = {"overconfidence": 0.0, "accuracy": 0.98}
    marks = {"usps": (0.6, 0.8, 0.7), "usps_centred": (0.96, 0.95, 0.75), "digits": (0.5, 0.6, float("nan"))}
    for name, values in marks.items():
        numbers |= dict(zip((f"accuracy_{name}", f"confidence_{name}", f"confidence_wrong_{name}"), values))
    arrays = {
        "change": np.array(["noise"]), "strength": np.array([[0.1, 0.2, 0.3, 0.4, 0.5]]), "accuracy": accuracy,
        "confidence": accuracy, "set": np.array(["own", *marks]), "set_marks": np.zeros((4, 3)),
    }  # fmt: skip
    found = {text: kind for kind, text in said(Reading("shift", numbers, arrays))}
    centred = "Of usps it gets 96.0 % right, centred by mass (60.0 % as they are); where it is wrong it is 75.0 % sure."
    assert found[centred] == "can"
    assert found["Of digits it gets 50.0 % right."] == "fails"
    assert len(found) == 3


def test_attacks_are_told_at_the_size_that_halves_the_accuracy():
    arrays = {name: np.array(v) for name, v in {
        "epsilon": [0, 0.1, 0.2], "pgd": [0.98, 0.6, 0.3], "random": [0.98, 0.98, 0.97],
    }.items()}  # fmt: skip
    fails, note = said(Reading("adversarial", {"relative": 0.08}, arrays))
    assert fails[0] == "fails"
    assert "at most 0.2 of each input, chosen against it, leaves 30.0 % right (97.0 % under random" in fails[1]
    assert note == ("note", "The nearest boundary lies 8.0 % of an input's length away in the median.")
    arrays["pgd"] = np.array([0.98, 0.8, 0.6])  # not halved, and yet far more than five points
    fails = said(Reading("adversarial", {"relative": float("nan")}, arrays))[0]
    assert fails[0] == "fails"
    assert "at most 0.2 of each input, chosen against it, leaves 60.0 % right" in fails[1]
    arrays["pgd"] = np.array([0.98, 0.97, 0.96])
    assert said(Reading("adversarial", {"relative": float("nan")}, arrays))[0][0] == "can"


def test_foreign_inputs():
    numbers = {"noise_confidence": 0.9, "noise_sure": 0.7, "noise_energy_auroc": 0.95, "noise_energy_fpr95": 0.1}
    [(kind, text)] = said(Reading("unfamiliar", numbers))
    assert kind == "fails"
    assert "pure noise it is more than 90 % sure in 70 %" in text
    assert "energy (AUROC 0.950)" in text
    [(kind, text)] = said(Reading("unfamiliar", {**numbers, "noise_sure": 0.01}))
    assert kind == "can"
    [(kind, _)] = said(Reading("unfamiliar", {**numbers, "noise_sure": 0.01, "noise_energy_auroc": 0.6}))
    assert kind == "note"


def test_a_threshold_from_other_examples():
    rng = np.random.default_rng(0)

    def draw_examples(n):
        sure = rng.uniform(0.5, 1, n)
        return np.log(np.stack([sure, 1 - sure], axis=1)), (rng.random(n) > sure).astype(int)

    known, judged = draw_examples(200_000), draw_examples(20_000)
    [(kind, text)] = said(trust.rejection(*judged, calibration=known, error=0.1))
    assert kind == "when"
    assert "margin between the two largest outputs is at least" in text
    # Confidence u in [1/2, 1] is right with probability u: of those above t the error is (1 - t) / 2, 10 % at t = 0.8,
    # which 40 % pass.
    accepted = float(text.split("other examples: ")[1].split(" %")[0])
    assert abs(accepted - 40) < 2
    assert said(trust.rejection(*judged, calibration="none"))[0][0] == "note"
    [(kind, text)] = said(trust.rejection(*judged, calibration=known, error=0.0))
    assert kind == "fails"  # an error of 0 is not to be had: some of the surest are wrong


def test_damage_is_told_at_the_shares_that_cost_a_twentieth():
    arrays = {
        "units_strength": np.array([0.05, 0.1, 0.5]), "units": np.array([[0.9, 0.9], [0.88, 0.9], [0.5, 0.4]]),
        "weights_strength": np.array([0.1, 0.2]), "weights": np.array([[0.2], [0.1]]),
    }  # fmt: skip
    bears, fails = said(Reading("damage", {"score": 0.9}, arrays))
    assert bears == ("can", "Deleting 10 % of its hidden units at random costs it at most a twentieth of its score.")
    assert "Deleting 50 % of its hidden units and 10 % of its weights" in fails[1]


def test_what_attacks_fool_more_than_chance_does_is_a_failure():
    for name, numbers in (
        ("transfer", {"others": 0.5, "random": 0.01}), ("universal", {"fooled": 0.15, "random": 0.02}),
        ("sticker", {"success": 0.4, "random": 0.02}), ("fooling", {"confidence": 0.999}),
    ):  # fmt: skip
        assert said(Reading(name, numbers, note="so."))[0] == ("fails", "so.")
    for name, numbers in (
        ("transfer", {"others": 0.02, "random": 0.01}), ("universal", {"fooled": 0.05, "random": 0.04}),
        ("sticker", {"success": 0.03, "random": 0.02}), ("fooling", {"confidence": 0.3}),
    ):  # fmt: skip
        assert said(Reading(name, numbers, note="so."))[0][0] in ("can", "note")


def test_numbers_with_promises():
    numbers = {"width": 2.0, "coverage": 0.91, "promised": 0.9, "low": 0.88, "high": 0.93}
    assert said(Reading("intervals", numbers))[0][0] == "when"
    assert said(Reading("intervals", {**numbers, "coverage": 0.7}))[0][0] == "fails"
    assert said(Reading("intervals", {**numbers, "coverage": 0.97}))[0][0] == "when"
    assert said(Reading("bands", numbers, note="so."))[0][0] == "can"
    assert said(Reading("bands", {**numbers, "coverage": 0.6}, note="so."))[0][0] == "fails"


def test_knowing_where_one_is_weak():
    assert said(Reading("uncertainty", {"auroc": 0.97}))[0][0] == "can"
    assert said(Reading("uncertainty", {"auroc": 0.7}))[0][0] == "note"
    assert said(Reading("uncertainty", {"auroc": float("nan")}, note="never wrong."))[0] == ("note", "never wrong.")


def test_an_instrument_without_a_rule_says_its_own_note():
    assert "filters" not in RULES
    assert said(Reading("filters", note="32 units.")) == [("note", "32 units.")]
    assert sentences([Kept("filters", None, "no kernel")]) == []


def test_every_rule_belongs_to_an_instrument():
    from snarc.registry import instruments

    for name in RULES:
        assert name in instruments
