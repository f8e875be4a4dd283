"""The picture that a network holds: its size, its distance, its frames, and the way to write it."""

import json

import numpy as np
import pytest
from PIL import Image

import snarc
from snarc import draw
from snarc.cli import main
from snarc.data.picture import coordinates, pixels_of
from snarc.errors import DataError, LimitError
from snarc.see.picture import painted, picture, psnr
from snarc.training import resume
from snarc.training.drive import Resident

FIELDS = {"epochs": 8, "batch_size": 64, "progress": False}


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    data = snarc.load("lighthouse", size=[24, 36])
    return snarc.fit("auto", data, out=tmp_path_factory.mktemp("runs") / "run", **FIELDS)


def test_auto_means_a_network_of_coordinates_and_as_many_epochs_as_samples_ask_for():
    from snarc.data.picture import SAMPLES
    from snarc.training.fitting import recipe_for

    data = snarc.load("lighthouse", size=64)
    found = recipe_for("fourier-features", None, {}, len(data.train), about=data.source["suits"])
    assert (found.epochs, found.batch_size) == (-(-SAMPLES // 4096), 256)


def test_the_signal_to_noise_ratio_is_its_formula(run):
    wanted = pixels_of(run.dataset)
    made = run.logits(coordinates(24, 36))[0].reshape(24, 36, 1)
    by_hand = -10 * np.log10(np.mean((np.clip(made.astype(np.float64), 0, 1) - wanted) ** 2))
    found = picture(run)
    assert float(found.numbers["psnr"]) == pytest.approx(by_hand, abs=1e-3)
    assert by_hand > 18
    assert psnr(wanted, wanted) == float("inf")


def test_any_size_can_be_painted(run):
    function = run.subject().logits
    wanted = np.asarray(function(coordinates(3, 5))).reshape(3, 5, 1)
    np.testing.assert_allclose(painted(run, (3, 5)), wanted, atol=1e-5)
    assert painted(run, 90).shape == (60, 90, 1)
    with pytest.raises(LimitError):
        painted(run, 100_000)
    with pytest.raises(DataError):
        painted(snarc.subject(lambda x: x, input_shape=(3,), classes=3), 9)


def test_frames_are_kept_and_read_again(run):
    assert sorted(run.frames) == [1, 2, 3, 5, 8]
    opened = snarc.open(run.path)
    assert all(np.array_equal(opened.frames[epoch], frame) for epoch, frame in run.frames.items())
    last = np.rint(255 * np.clip(painted(run, (24, 36)), 0, 1))
    assert np.abs(run.frames[8] - last).max() <= 1
    shown = picture(run)
    assert shown.arrays["frame_examples"].tolist() == [864 * epoch for epoch in (1, 2, 3, 5, 8)]
    assert "<svg" in draw.svg(shown.plot(what="frames"))


def test_frames_cost_no_bit_and_survive_a_stop(run, tmp_path, monkeypatch):
    calls = []
    advance = Resident.advance

    def interrupted(self, *arguments):
        calls.append(1)
        if len(calls) == 14:
            raise KeyboardInterrupt
        return advance(self, *arguments)

    with monkeypatch.context() as patch:
        patch.setattr(Resident, "advance", interrupted)
        patch.setattr("snarc.training.loop.Loop._due", lambda self: True)
        with pytest.raises(KeyboardInterrupt):
            snarc.fit("auto", run.dataset, out=tmp_path / "stopped", **FIELDS)
    went_on = resume(tmp_path / "stopped", progress=False)
    assert sorted(went_on.frames) == sorted(run.frames)
    assert all(np.array_equal(went_on.frames[epoch], run.frames[epoch]) for epoch in run.frames)


def test_the_report_shows_the_picture(run, tmp_path):
    text = run.report(tmp_path / "report.html").read_text()
    assert "How it came about" in text
    assert "peak signal-to-noise" in text


def test_paint_writes_the_picture(run, tmp_path, capsys):
    assert main(["paint", str(run.path), "--size", "72", "--out", str(tmp_path / "large.png"), "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert (said["height"], said["width"]) == (48, 72)
    pixels = np.asarray(Image.open(tmp_path / "large.png"))
    assert np.array_equal(pixels, np.rint(255 * np.clip(painted(run, (48, 72))[..., 0], 0, 1)).astype(np.uint8))


@pytest.mark.parametrize("options", [["--out", "x.jpg"], ["--replica", "1"], ["--size", "90000"]])
def test_paint_refuses_in_a_line(run, options, capsys):
    assert main(["paint", str(run.path), *options]) == 2
    said = capsys.readouterr().err.strip()
    assert said.startswith("snarc: error: ")
    assert "\n" not in said


def test_a_picture_is_trained_on_by_its_path(tmp_path, capsys, rng):
    Image.fromarray(rng.integers(0, 256, (9, 7, 3)).astype(np.uint8)).save(tmp_path / "tiny.png")
    out = tmp_path / "run"
    assert main(["train", str(tmp_path / "tiny.png"), "--epochs", "2", "--out", str(out), "--no-report", "-q"]) == 0
    assert "train RMSE" in capsys.readouterr().out
    assert snarc.open(out).recipe.model == "fourier-features"


def test_what_is_no_picture_is_said(digits):
    with pytest.raises(DataError, match="no picture"):
        picture(snarc.fit("linear", digits, epochs=1, out=False, progress=False))
