"""Every experiment runs through at its smoke budget, makes claims, and its exact claims hold."""

import os

import pytest

from snarc.experiments import entries, run_experiment

BUNDLED = {"digits"}


@pytest.mark.parametrize("entry", entries(), ids=lambda entry: entry.name)
def test_smoke(entry, tmp_path):
    if set(entry.about["needs"]) - BUNDLED and not os.environ.get("SNARC_DATA"):
        pytest.skip(f"needs {', '.join(entry.about['needs'])}, and SNARC_DATA is not set")
    finding = run_experiment(entry.name, "smoke", out=tmp_path)
    assert finding.status == "done"
    assert finding.claims, "an experiment without a claim asks nothing"
    assert finding.figures, "an experiment shows something"
    assert (tmp_path / entry.name / "finding.json").exists()
    wrong = [f"{c.text}: {c.measured_text}, wanted {c.wanted_text}" for c in finding.claims if c.exact and not c.holds]
    assert not wrong
