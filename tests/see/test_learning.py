"""Learning curves."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import sem

import snarc
from snarc.see import learning
from snarc.see.learning import overlay, quantities
from snarc.training import History


def rows(losses, validation=None):
    found = []
    for epoch, loss in enumerate(losses, start=1):
        row = {"replica": 0, "epoch": epoch, "loss": loss, "accuracy": 0.5, "seconds": 2.0}
        if validation is not None:
            row["validation_loss"] = validation[epoch - 1]
        found.append(row)
    return found


def test_mean_band_and_standard_error_over_replicas():
    table = np.random.default_rng(1).random((4, 6))
    found = learning(History([rows(row.tolist(), row[::-1].tolist()) for row in table]))
    np.testing.assert_allclose(found.arrays["loss"], table.mean(axis=0))
    np.testing.assert_allclose(found.arrays["loss_low"], table.min(axis=0))
    np.testing.assert_allclose(found.arrays["loss_high"], table.max(axis=0))
    np.testing.assert_allclose(found.arrays["loss_standard_error"], sem(table, axis=0))
    np.testing.assert_array_equal(found.arrays["best_epochs"], table[:, ::-1].argmin(axis=1) + 1)
    assert found.numbers["seconds"] == 12.0
    assert quantities(found) == ["loss", "accuracy"]


def test_a_replica_that_stopped_is_left_out_of_later_epochs():
    found = learning(History([rows([3.0, 2.0, 1.0]), rows([1.0])]))
    assert found.arrays["loss"].tolist() == [2.0, 2.0, 1.0]
    assert found.arrays["best_epochs"].tolist() == [3, 1]
    assert "epochs 1 to 3" in found.note
    assert "training loss" in found.note


def test_without_an_epoch_there_is_nothing_to_draw_but_no_crash():
    found = learning(History([[], []]))
    assert found.numbers["epochs"] == 0


@pytest.mark.parametrize("epochs", [1, 2, 40])
def test_curves_are_drawn_from_the_run(epochs):
    found = learning(History([rows(np.geomspace(3, 0.01, epochs).tolist())]))
    figure = found.plot(quantity="loss")
    assert figure.axes[0].get_xlabel() == "epoch"
    line = figure.axes[0].get_lines()[0]
    np.testing.assert_array_equal(line.get_ydata(), found.arrays["loss"])
    assert overlay({"a": found, "b": found}, "loss").axes


def test_a_run_has_curves_of_validation():
    run = snarc.fit("linear", "digits", epochs=2, replicas=2, out=False, progress=False)
    found = learning(run)
    np.testing.assert_allclose(found.arrays["validation_accuracy"], run.history["validation_accuracy"].mean(axis=0))
    assert len(found.plot().axes) == 2
