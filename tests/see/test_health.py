"""Drawing what the looks at the layers recorded, and its block in the report."""

from __future__ import annotations

import numpy as np
import pytest

import snarc
from snarc.errors import RunError
from snarc.render.report import html
from snarc.see import health
from snarc.see.health import CURVES
from snarc.training.health import MEASURED, Health


def looks(layers: int, kind: str = "rectifying", dead: float = 0.0, count: int = 4) -> Health:
    """A record of layers whose gradients shrink by a half from each to the one before."""
    common = {
        "learning_rate": 1e-3, "peak_rate": 1e-3, "optimizer": "adam", "examples": 8, "chance": 1.0, "scale": 1.0,
        "loss": 1.0,
    }  # fmt: skip
    row = dict.fromkeys(MEASURED, 0.5) | {"kind": kind, "dead": dead, "saturated": 0.25, "update_ratio": 1e-3}
    found = []
    for k in range(count):
        parts = {f"body.{j}": {**row, "gradient_norm": 0.5 ** (layers - j)} for j in range(layers)}
        found.append({"step": 3 * k + 1, "epoch": 0.1 * (k + 1), **common, "layers": parts})
    return Health(tuple(found))


def test_few_layers_are_curves_and_many_are_maps():
    few, many = health(looks(3)), health(looks(CURVES + 1))
    for ax in few.plot().axes:
        assert len([line for line in ax.lines if len(line.get_xdata()) == 4]) == 3
    assert all(len(ax.collections) == 1 for ax in many.plot().axes[:4])
    np.testing.assert_allclose(few.arrays["gradient"], np.tile([0.25, 0.5, 1.0], (4, 1)))
    assert few.note == "Nothing wrong was seen in 4 looks at 8 training examples."


def test_what_is_lost_depends_on_the_kind_of_activation():
    assert np.all(health(looks(2, "rectifying", dead=0.5)).arrays["lost"] == 50)
    assert np.all(health(looks(2, "saturating", dead=0.5)).arrays["lost"] == 25)
    assert np.isnan(health(looks(2, "linear")).arrays["lost"]).all()


def test_zero_gradients_and_missing_numbers_can_be_drawn():
    record = looks(9)
    for look in record.looks:
        look["layers"]["body.0"] |= {"gradient_norm": 0.0, "activation_variance": None}
    assert health(record).plot().axes


def test_warnings_are_in_the_reading():
    found = health(looks(2, dead=0.75))
    assert found.numbers["symptoms"] == 1
    assert found.arrays["symptom"].tolist() == ["dead units"]
    assert "75 % of the units" in found.note


def test_a_run_without_looks_is_refused_and_its_report_has_no_such_part(digits):
    run = snarc.fit("linear", digits, epochs=1, out=False, progress=False)
    with pytest.raises(RunError, match="--health"):
        health(run)
    assert 'id="health"' not in html(run)


def test_the_report_shows_curves_warnings_and_the_last_look(digits):
    fields = {"epochs": 2, "out": False, "progress": False, "health": True, "batch_size": 100}
    sound, broken = (snarc.fit("64-20-10", digits, learning_rate=rate, **fields) for rate in (1e-3, 5.0))
    page = html(sound)
    assert 'id="health"' in page
    assert "Nothing wrong was seen" in page
    assert "flat on one side, as ReLU" in page
    page = html(broken)
    assert "Learning rate too high, first seen at step 1." in page
    assert "Try a learning rate of 0.5 or 0.05." in page
