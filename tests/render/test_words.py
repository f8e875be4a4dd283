"""Numbers as people read them."""

from __future__ import annotations

import pytest

from snarc.reading import Estimate
from snarc.render import words


@pytest.mark.parametrize(
    ("value", "digits", "text"),
    [
        (1234.5678, 4, "1,235"), (0.5, 4, "0.5000"), (-3.14159, 3, "−3.14"), (0.0, 3, "0.00"), (1e-7, 3, "1.00e-07"),
        (float("nan"), 4, "—"), (-0.00001, 2, "-1.0e-05"), (Estimate(100.0, 2.5), 4, "100.0 ± 2.5"),
    ],
)  # fmt: skip
def test_significant(value, digits, text):
    assert words.significant(value, digits) == text


def test_small_splits_have_fewer_digits():
    assert words.percent(0.98765, 360) == "98.8\u00a0%"
    assert words.percent(0.98765, 10_000) == "98.77\u00a0%"
    assert words.percent(Estimate(0.5, 0.00123), 10_000) == "50.00 ± 0.12\u00a0%"


def test_a_rounded_zero_has_no_sign():
    assert words.plus_minus(-0.00001, 2) == "0.00"
    assert words.plus_minus(-0.5, 1) == "−0.5"


def test_certainty_is_never_claimed():
    assert words.confidence(1.0) == "> 99.99\u00a0%"
    assert words.confidence(0.99994) == "99.99\u00a0%"


def test_fields():
    assert words.value(None) == "none"
    assert words.value(True) == "yes"
    assert words.value(0.001) == "0.001"
    assert words.value({"a": [1, 2]}) == "a = 1, 2"
