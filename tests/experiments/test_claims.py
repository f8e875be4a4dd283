import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from snarc.experiments import Claim
from snarc.experiments.frame.claims import number
from snarc.reading import Estimate


@pytest.mark.parametrize(
    ("fields", "holds"),
    [
        ({"measured": 6.2, "published": 5.0, "within": 1.2}, True),
        ({"measured": 3.8, "published": 5.0, "within": 1.2}, True),
        ({"measured": 6.21, "published": 5.0, "within": 1.2}, False),
        ({"measured": 3.79, "published": 5, "within": 1.2}, False),
        ({"measured": 2.5, "at_most": 2.5}, True),
        ({"measured": 2.51, "at_most": 2.5}, False),
        ({"measured": 97.0, "at_least": 97}, True),
        ({"measured": 96.9, "at_least": 97}, False),
        ({"measured": 4.3, "between": (4.3, 8)}, True),
        ({"measured": 8.01, "between": (4.3, 8)}, False),
        ({"measured": 9760, "published": 9760, "exact": True}, True),
        ({"measured": 9761, "published": 9760, "exact": True}, False),
        ({"measured": Fraction(1, 3), "published": Fraction(2, 6), "exact": True}, True),
        ({"measured": True}, True),
        ({"measured": False, "exact": True}, False),
        ({"measured": np.float32(2.0), "at_most": 2}, True),
        ({"measured": np.bool_(True)}, True),
        ({"measured": math.nan, "between": (0, 1)}, False),
        ({"measured": Estimate.over([1.0, 2.0]), "at_most": 1.5}, True),
    ],
)
def test_a_claim_holds_exactly_in_its_range(fields, holds):
    assert Claim("x", **fields).holds is holds


def test_passing_counts_replicas_and_not_the_mean():
    values = Estimate.over([1, 1, 1, 1, 1, 1, 1, 1, 100, 100])
    assert Claim("x", measured=values, at_most=2, passing=(8, 10)).holds
    assert not Claim("x", measured=values, at_most=2, passing=(9, 10)).holds
    assert not Claim("x", measured=values, at_most=2).holds


def test_a_smoke_run_judges_exact_claims_alone():
    measured, exact = Claim("x", measured=3.0, at_most=1), Claim("y", measured=3, published=3, exact=True)
    assert [measured.verdict(b) for b in ("smoke", "quick", "full")] == ["not judged", "fails", "fails"]
    assert exact.verdict("smoke") == "holds"


@pytest.mark.parametrize(
    "fields",
    [
        {"measured": 1.0},
        {"measured": 1.0, "at_most": 1, "at_least": 0},
        {"measured": 1.0, "within": 1},
        {"measured": 1.0, "published": "about 7", "within": 1},
        {"measured": 1.0, "published": 1.0, "exact": True},
        {"measured": True, "at_most": 1},
        {"measured": 1.0, "at_most": 1, "passing": (1, 2)},
    ],
)
def test_a_claim_without_one_clear_rule_is_refused(fields):
    with pytest.raises(ValueError, match="claim 'x'"):
        Claim("x", **fields)


def test_a_claim_measures_numbers():
    with pytest.raises(TypeError, match="str"):
        Claim("x", measured="5", at_most=1)


@given(st.floats(-1e6, 1e6), st.floats(0, 1e6), st.floats(-2, 2))
def test_within_agrees_with_real_arithmetic(published, within, factor):
    measured = published + factor * within
    wanted = abs(Fraction(repr(measured)) - Fraction(repr(published))) <= Fraction(repr(within))
    assert Claim("x", measured=measured, published=published, within=within).holds == wanted


def test_values_are_shown_as_their_error_warrants():
    claim = Claim("x", measured=Estimate.over([5.62, 5.73, 5.81]), at_most=6)
    assert claim.measured_text == "5.720 ± 0.055"
    assert Claim("x", measured=0.123456, at_most=6, digits=1).measured_text == "0.1"
    assert Claim("x", measured=64660, published=64660, exact=True).wanted_text == "exactly 64,660"
    assert Claim("x", measured=1.0, at_least=97).wanted_text == "at least 97"
    assert [number(v) for v in (math.inf, 12345.6, Fraction(12, 10), 0)] == ["inf", "12,346", "1.2", "0"]
