"""Figures' data as CSV."""

from __future__ import annotations

import csv
import io

import numpy as np

from snarc.reading import Reading
from snarc.render.export import csv_text


def test_arrays_come_back_from_csv():
    arrays = {"x": np.array([0.1, -2.5]), "m": np.arange(6).reshape(2, 3), "long": np.arange(3), "none": np.zeros(0)}
    rows = list(csv.DictReader(io.StringIO(csv_text(Reading("r", arrays=arrays)))))
    assert [float(row["x"]) for row in rows[:2]] == [0.1, -2.5]
    assert rows[2]["x"] == ""
    assert [[int(row[f"m.{k}"]) for k in range(3)] for row in rows[:2]] == arrays["m"].tolist()
    assert [int(row["long"]) for row in rows] == [0, 1, 2]


def test_text_that_a_spreadsheet_would_run_is_disarmed():
    hostile = ["=1+1", "+1", "-1", "@x", "\ty", "plain", "<script>"]
    rows = list(csv.reader(io.StringIO(csv_text(Reading("r", arrays={"a": np.array(hostile), "=b": np.zeros(7)})))))
    assert [row[0] for row in rows[1:]] == ["'=1+1", "'+1", "'-1", "'@x", "'\ty", "plain", "<script>"]
    assert rows[0][1] == "'=b"
