"""Readings in a run's folder: what comes back is what was put there, and nothing else is believed."""

from __future__ import annotations

import io
import zipfile

import numpy as np
import pytest

import snarc
from snarc.errors import RunError
from snarc.reading import Estimate, Reading
from snarc.training.readings import Kept, keep, kept


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    out = tmp_path_factory.mktemp("runs") / "run"
    return snarc.fit("64-8-10", "digits", epochs=1, out=out, progress=False)


@pytest.fixture(autouse=True)
def clean(run):
    for path in (run.path / "readings").glob("*"):
        path.unlink()


def test_a_reading_comes_back_with_its_picture(run):
    made = snarc.trust.calibration(run)
    keep(run.path, Kept("calibration", made, options={"bins": 15}, epochs=1, seconds=0.5))
    back = kept(run)["calibration"]
    assert back.options == {"bins": 15}
    assert (back.epochs, back.seconds, back.refused) == (1, 0.5, "")
    assert back.reading.note == made.note
    assert back.reading.numbers == made.numbers
    for name, array in made.arrays.items():
        np.testing.assert_array_equal(back.reading.arrays[name], array)
    assert snarc.draw.svg(back.reading.plot()) == snarc.draw.svg(made.plot())


def test_spread_and_what_is_not_finite_survive(run):
    numbers = {"a": Estimate.over([1.0, 2.0], "nats"), "b": float("nan"), "c": 3, "d": np.float32(0.5)}
    keep(run.path, Kept("confusion", Reading("confusion", numbers, {"names": np.array(["a", "b"])})))
    back = kept(run)["confusion"].reading
    assert back.numbers["a"] == numbers["a"]
    assert np.isnan(back.numbers["b"])
    assert (back.numbers["c"], back.numbers["d"]) == (3, 0.5)
    assert back.draw is None
    assert back.arrays["names"].tolist() == ["a", "b"]


def test_a_refusal_is_kept_as_one(run):
    keep(run.path, Kept("residuals", None, "residuals of a task of classification", epochs=1))
    assert kept(run)["residuals"].reading is None
    assert kept(run)["residuals"].refused == "residuals of a task of classification"


def test_objects_are_not_written(run):
    with pytest.raises(RunError, match="holds object"):
        keep(run.path, Kept("confusion", Reading("confusion", arrays={"x": np.array([{}])})))
    assert not list((run.path / "readings").glob("*"))


def pickled() -> bytes:
    out = io.BytesIO()
    np.savez(out, **{"reading.json": np.array([{"a": 1}], dtype=object)})
    return out.getvalue()


def hollow() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.npy", bytes(300 * 1024 * 1024))
    return out.getvalue()


@pytest.mark.parametrize(
    "data",
    [b"", b"no zip", pickled, hollow, "cut"],
    ids=["empty", "text", "pickled", "a bomb", "cut short"],
)
def test_a_damaged_file_is_said_to_be_one_and_spoils_no_other(run, data):
    good = keep(run.path, Kept("confusion", Reading("confusion", {"a": 1})))
    content = data() if callable(data) else good.read_bytes()[:-40] if data == "cut" else data
    (run.path / "readings" / "rejection.npz").write_bytes(content)
    found = kept(run)
    assert found["confusion"].reading.numbers == {"a": 1}
    assert found["rejection"].reading is None
    assert "is no reading" in found["rejection"].refused


def test_a_reading_of_an_instrument_that_is_not_installed(run):
    good = keep(run.path, Kept("confusion", Reading("confusion", {"a": 1})))
    good.rename(good.with_name("of-another-package.npz"))
    assert "no instrument is called 'of-another-package'" in kept(run)["of-another-package"].refused
