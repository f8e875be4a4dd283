"""What holds for every instrument before a network that can only be called: it reads it, or refuses in one sentence."""

from __future__ import annotations

import inspect

import numpy as np
import pytest

import snarc
from snarc.errors import SnarcError
from snarc.reading import Reading
from snarc.registry import instruments

ALL = [entry.thing for entry in instruments]
# Outputs and examples are all that these need.
OUTPUTS_SUFFICE = {
    "calibration", "confusion", "conformal", "difference", "mistakes", "rejection", "scaling", "shift", "unfamiliar",
}  # fmt: skip
# Nothing of these can be had of outputs: gradients, weights or layers, or the record of a training.
OUTPUTS_DO_NOT = {"adversarial", "filters", "health", "learning", "lyapunov", "picture", "augmentation"}
# Small values of options that ask for much work.
SMALL = {
    "count": 60, "judged": 60, "points": 20, "draws": 3, "generations": 2, "offspring": 8, "steps": 2, "restarts": 1,
    "samples": 8, "resolution": 8, "grid": 8, "trials": 2, "populations": 1, "iterations": 2, "copies": 2,
}  # fmt: skip


@pytest.fixture(scope="module")
def black_box(digits):
    """Least squares on the bundled digits, in NumPy alone: nine of ten are right."""
    x = digits.train.inputs.reshape(len(digits.train), -1).astype(np.float64)
    wanted = np.eye(10)[digits.train.targets]
    weights = np.linalg.lstsq(np.c_[x, np.ones(len(x))], wanted, rcond=None)[0]

    def least_squares(x):
        flat = np.asarray(x, np.float64).reshape(len(x), -1)
        return 10 * (np.c_[flat, np.ones(len(flat))] @ weights)

    test = (digits.test.inputs, digits.test.targets)
    seen = snarc.subject(least_squares, input_shape=(8, 8, 1), classes=10, range=(0, 1), examples=test)
    assert not seen.differentiable
    return seen


def pairs(digits):
    x, y = digits.test.inputs, digits.test.targets
    half = len(x) // 2
    return (x[:half], y[:half]), (x[half:], y[half:])


def asked(instrument, seen, digits):
    judged, known = pairs(digits)
    options = {}
    for name, parameter in inspect.signature(instrument).parameters.items():
        if name == "data":
            options[name] = judged[0] if instrument.name in ("lyapunov", "augmentation") else judged
        elif name == "calibration":
            options[name] = known
        elif name in ("train", "learn"):
            options[name] = (digits.train.inputs[:200], digits.train.targets[:200])
        elif name == "other":
            options[name] = [[k] for k in judged[1]] if instrument.name == "duel" else seen
        elif name in SMALL and type(parameter.default) is int and parameter.default > SMALL[name]:
            options[name] = SMALL[name]
    return instrument(seen, **options)


@pytest.mark.parametrize("one", ALL, ids=lambda one: one.name)
def test_a_black_box_is_read_or_refused_in_one_sentence(one, black_box, digits):
    refused, found = None, None
    try:
        found = asked(one, black_box, digits)
    except SnarcError as error:
        refused = error
    if refused is not None:
        assert one.name not in OUTPUTS_SUFFICE, refused
        said = str(refused)
        assert refused.came
        assert refused.wanted
        assert refused.way_out
        assert "\n" not in said
        assert "object at 0x" not in said, said
        assert len(said) < 400, said
        return
    assert one.name not in OUTPUTS_DO_NOT, f"{one.name} read a network that can only be called"
    assert isinstance(found, Reading)
    assert found.name == one.name
    assert found.note
    if found.draw is not None:
        assert found.plot() is not None


@pytest.mark.parametrize("one", ALL, ids=lambda one: one.name)
def test_the_name_of_a_split_is_refused_where_there_is_no_run(one, black_box):
    """A network from outside knows no data: every default that names a split ends in a sentence, not in a traceback."""
    parameters = inspect.signature(one).parameters
    if not isinstance(parameters.get("data", inspect.Parameter("none", 0)).default, str):
        return
    options = {"other": black_box} if "other" in parameters else {}
    with pytest.raises(SnarcError):
        one(black_box, **options)
