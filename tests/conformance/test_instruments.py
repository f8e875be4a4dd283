"""What holds for every instrument: it asks something, knows a case by proof, and is to be had by its name."""

from __future__ import annotations

import pytest

import snarc
from snarc.registry import Instrument, instruments

ALL = [entry.thing for entry in instruments]
CASES = [pytest.param(case, id=f"{one.name}: {case.__name__}") for one in ALL for case in one.known_cases]


def test_there_are_the_instruments_of_the_report():
    assert {"calibration", "confusion", "filters", "learning", "mistakes", "residuals"} <= {one.name for one in ALL}


@pytest.mark.parametrize("case", CASES)
def test_known_case(case):
    case()


@pytest.mark.parametrize("one", ALL, ids=lambda one: one.name)
def test_is_documented_and_public(one):
    assert isinstance(one, Instrument)
    assert one.asks.endswith("?")
    assert one.known_cases, f"{one.name} knows no case"
    assert (one.__doc__ or "").strip()
    room = {"see": snarc.see, "trust": snarc.trust}.get(one.__module__.split(".")[1])
    if one.__module__.startswith("snarc.") and room is not None:
        assert getattr(room, one.__name__) is one
