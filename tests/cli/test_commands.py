"""The commands as a person or a program uses them (cases 106 to 115 of the bad-input list)."""

from __future__ import annotations

import csv
import io
import json
import math
import os
import re
from pathlib import Path

import numpy as np
import pytest

import snarc as package


def test_train_prints_one_object_that_the_run_confirms(snarc, tmp_path) -> None:
    found = snarc(
        "train", "digits", "-m", "linear", "-e", "4", "--replicas", "3", "--out", "made", "--no-report", "--json"
    )
    assert found.status == 0, found.err
    said = found.json()
    run = package.open(tmp_path / "here" / "made")
    accuracy = run.test.accuracy
    assert said["test"]["accuracy"]["mean"] == pytest.approx(accuracy.mean, abs=1e-12)
    assert said["test"]["accuracy"]["standard_error"] == pytest.approx(accuracy.standard_error, abs=1e-12)
    assert accuracy.standard_error > 0
    assert Path(said["run"]) == run.path
    assert said["status"] == "finished"
    assert said["parameters"] == 64 * 10 + 10
    assert said["sizes"] == {"train": 1079, "validation": 359, "test": 359}
    assert [row["epoch"] for row in said["history"]] == [1, 2, 3, 4]
    assert said["history"][-1]["loss"] == pytest.approx(float(run.history["loss"][:, -1].mean()))
    assert said["seconds"] > 0
    assert json.loads((run.path / "results.json").read_text())["test"] == said["test"]


def test_train_says_the_verdict_and_where_the_run_is(snarc) -> None:
    found = snarc("train", "digits", "--model", "linear", "--epochs", "2", "--replicas", "2", "--no-report")
    assert found.status == 0
    said = re.fullmatch(
        r"test accuracy (\d+\.\d\d) ± (\d+\.\d\d) %; 95 % interval (\d+\.\d\d) to (\d+\.\d\d) % "
        r"\(359 examples, mean and standard error of 2 replicas\)\nrun    runs/digits-linear-1\n",
        found.out,
    )
    assert said is not None, found.out
    mean, error, low, high = map(float, said.groups())
    assert low < mean < high
    run = package.open("runs/digits-linear-1")
    assert mean == pytest.approx(100 * run.test.accuracy.mean, abs=0.005)
    assert error == pytest.approx(100 * run.test.accuracy.standard_error, abs=0.005)
    assert "epoch 2/2" in found.err
    again = snarc("train", "digits", "--model", "linear", "--epochs", "1", "--no-report", "--quiet")
    assert "runs/digits-linear-2" in again.out
    assert again.err == ""


def test_evaluate_adds_to_the_results(snarc, trained) -> None:
    before = json.loads((trained / "results.json").read_text())
    found = snarc("evaluate", trained, "--split", "validation", "--json").json()
    kept = json.loads((trained / "results.json").read_text())
    assert kept["test"] == before["test"]
    assert kept["validation"] == found["validation"]
    assert 0.5 < found["validation"]["accuracy"]["mean"] <= 1
    assert snarc("evaluate", trained).out.startswith("test accuracy ")


def test_regression_from_a_table_end_to_end(snarc, tmp_path) -> None:
    generator = np.random.default_rng(0)
    x = generator.normal(size=(300, 2))
    rows = [f"{a:.6f},{b:.6f},{3 * a - 2 * b + 1:.6f}" for a, b in x]
    Path("plane.csv").write_text("a,b,height\n" + "\n".join(rows) + "\n")
    found = snarc(
        "train", "plane.csv", "--target", "height", "--model", "linear", "--epochs", "60", "--learning-rate", "0.05",
        "--out", "run", "--no-report", "--json",
    )  # fmt: skip
    assert found.status == 0, found.err
    assert found.json()["task"] == "regression"
    assert found.json()["test"]["r2"]["mean"] > 0.99
    Path("new.csv").write_text("a,b\n1,1\n0,2\n")
    numbers = [p["prediction"]["height"] for p in snarc("predict", "run", "new.csv", "--json").json()["predictions"]]
    assert numbers == pytest.approx([2, -3], abs=0.2)
    table = list(csv.DictReader(io.StringIO(snarc("predict", "run", "new.csv", "--csv").out)))
    assert [float(row["height"]) for row in table] == pytest.approx(numbers, rel=1e-6)


def test_predict_images_as_the_network_sees_them(snarc, trained, digits) -> None:
    from PIL import Image

    x, y = digits.test.inputs[:30], digits.test.targets[:30]
    Path("pictures").mkdir()
    for n, image in enumerate(x):
        Image.fromarray(np.rint(255 * image[..., 0]).astype(np.uint8)).save(f"pictures/{n:02d}.png")
    found = snarc("predict", trained, "pictures", "--json").json()
    wanted = package.open(trained).probabilities(np.rint(255 * x).astype(np.float32) / 255)
    assert [p["file"] for p in found["predictions"]] == [f"pictures/{n:02d}.png" for n in range(30)]
    got = np.array([[p["probabilities"][c] for c in found["classes"]] for p in found["predictions"]])
    np.testing.assert_allclose(got, wanted, atol=1e-6)
    np.testing.assert_allclose(got.sum(axis=1), 1, atol=1e-6)
    right = np.mean([int(p["prediction"]) == t for p, t in zip(found["predictions"], y)])
    assert right > 0.6
    Image.fromarray(255 - np.rint(255 * x[0, ..., 0]).astype(np.uint8)).save("negative.png")
    turned = snarc("predict", trained, "--invert", "negative.png", "--json").json()["predictions"][0]
    assert turned["probability"] == pytest.approx(found["predictions"][0]["probability"], abs=1e-6)
    shown = snarc("predict", trained, "pictures/00.png").out.splitlines()
    assert shown[0].split() == ["file", "row", "prediction", "probability", "next"]
    assert shown[2].split()[2] == found["predictions"][0]["prediction"]


def test_case_35_a_cell_that_begins_with_equals_is_escaped(snarc) -> None:
    rows = [f"{k % 2 * 2 - 1 + 0.01 * k:.3f},{'=cmd()' if k % 2 else '+plus'}" for k in range(60)]
    Path("t.csv").write_text("x,kind\n" + "\n".join(rows) + "\n")
    arguments = ("--target", "kind", "--epochs", "2", "--batch-size", "8", "--out", "run", "--no-report")
    assert snarc("train", "t.csv", *arguments).status == 0
    Path("=new.csv").write_text("x\n1\n-1\n")
    out = snarc("predict", "run", "=new.csv", "--csv").out
    rows = list(csv.reader(io.StringIO(out)))
    assert rows[0][4:] == ["p(+plus)", "p(=cmd())"]
    assert {row[0] for row in rows[1:]} == {"'=new.csv"}
    assert {row[2] for row in rows[1:]} <= {"'=cmd()", "'+plus"}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        pytest.param(["train", "digits", "--epohs", "3"], "--epohs", id="106-unknown-flag"),
        pytest.param(["trian", "digits"], "Did you mean 'train'?", id="106-unknown-command"),
        pytest.param(["train", "digits", "--epochs"], "--epochs", id="107-value-missing"),
        pytest.param(["train"], "DATA", id="107-argument-missing"),
        pytest.param(["train", "digits", "--epochs", "ten"], "--epochs", id="107-value-of-another-kind"),
        pytest.param(["resume", "nothing"], "does not exist", id="108-resume-nothing"),
        pytest.param(["resume", "."], "is no run", id="108-resume-a-folder"),
        pytest.param(["evaluate", "nothing"], "does not exist", id="108-evaluate-nothing"),
        pytest.param(["predict", "nothing", "x.png"], "x.png does not exist", id="108-predict-nothing"),
        pytest.param(["train", "digits", "-e", "3", "--set", "epochs=4"], "given twice", id="109-flag-and-set"),
        pytest.param(["train", "digits", "--set", "seed=3", "--set", "seed=4"], "twice", id="109-set-and-set"),
        pytest.param(
            ["train", "digits", "--early-stopping", "3", "--set", "keep=last"],
            "contradicts",
            id="109-keep-and-stopping",
        ),
        pytest.param(
            ["train", "digits", "--test", "0.2", "--data-option", "test=9"], "--test alone", id="109-data-option"
        ),
        pytest.param(["predict", "x", ".", "--csv", "--json"], "one of the two", id="109-csv-and-json"),
        pytest.param(["reproduce", "x", "--all"], "names, or --all", id="109-names-and-all"),
        pytest.param(["reproduce"], "no experiment was named", id="109-neither"),
        pytest.param(["runs", "a", "b"], "Add --compare", id="109-two-folders"),
        pytest.param(["runs", "--compare", "a"], "two runs or more", id="107-compare-one"),
        pytest.param(["train", "digits", "--devices", "99"], "99 devices", id="113-more-devices-than-present"),
        pytest.param(["train", "digits", "--devices", "0"], "0 devices", id="113-no-device"),
        pytest.param(["train", "nothing"], "no data set is called 'nothing'", id="unknown-data"),
        pytest.param(["train", "mnits"], "Did you mean 'mnist'", id="misspelt-data"),
        pytest.param(["train", "digits", "--test", "1.5"], "--test '1.5'", id="fraction-above-1"),
        pytest.param(["train", "digits", "--validation", "nan"], "--validation 'nan'", id="fraction-nan"),
        pytest.param(["train", "digits", "--data-option", "size=[8,8]"], "does not take the option", id="data-option"),
        pytest.param(["train", "digits", "--model", "lenet"], "Did you mean 'lenet5'", id="misspelt-model"),
        pytest.param(["list", "modles"], "Did you mean 'models'?", id="unknown-kind"),
        pytest.param(["evaluate", "x", "--split", "tset"], "Did you mean 'test'?", id="unknown-split"),
        pytest.param(["summary", "mlp"], "--inputs 28x28x1 --classes 10", id="summary-without-shape"),
        pytest.param(["summary", "mlp", "--inputs", "0x3", "--classes", "2"], "--inputs '0x3'", id="summary-shape-0"),
        pytest.param(["summary", "lenet5", "--inputs", "4", "--classes", "2"], "lenet5", id="summary-table-for-images"),
        pytest.param(["help", "DivergdError"], "Did you mean 'DivergedError'", id="unknown-error"),
        pytest.param(["runs", "nothing"], "nothing is no folder", id="runs-of-nothing"),
    ],
)
def test_a_mistake_is_refused_in_one_line_and_nothing_is_written(snarc, tmp_path, arguments, said) -> None:
    found = snarc(*arguments)
    assert found.status == 2
    assert said in found.error
    assert found.out == ""
    assert list((tmp_path / "here").iterdir()) == []


def test_case_110_a_folder_with_something_in_it_is_refused(snarc) -> None:
    Path("full").mkdir()
    Path("full/mine.txt").write_text("mine")
    found = snarc("train", "digits", "--out", "full")
    assert found.status == 2
    assert "full is there and is not empty" in found.error
    assert os.listdir("full") == ["mine.txt"]
    Path("file").write_text("")
    assert "is there and is not empty" in snarc("train", "digits", "--out", "file").error


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="needs a user whom rights bind")
def test_case_111_a_read_only_folder_is_refused(snarc) -> None:
    Path("closed").mkdir(mode=0o500)
    found = snarc("train", "digits", "--out", "closed/run")
    assert found.status == 2
    assert "read-only" in found.error


def test_case_111_output_that_cannot_be_made_is_refused(snarc, monkeypatch) -> None:
    """The same for a user whom rights do not bind: a place where nobody can write."""
    found = snarc("train", "digits", "--out", "/proc/snarc/run")
    assert found.status == 2
    assert "/proc/snarc/run" in found.error
    monkeypatch.setenv("SNARC_RUNS", "/proc/snarc")
    assert snarc("train", "digits", "--epochs", "1").status == 2


def test_divergence_ends_with_3(snarc) -> None:
    found = snarc("train", "digits", "--optimizer", "sgd", "--learning-rate", "1e30", "--out", "run", "--no-report")
    assert found.status == 3
    assert "wanted: a finite loss" in found.error
    assert found.out == ""
    assert json.loads(Path("run/status.json").read_text())["status"] == "diverged"
    row = snarc("runs", ".", "--json").json()["runs"][0]
    assert row["status"] == "diverged"


def test_runs_lists_what_is_there_and_hides_nothing_damaged(snarc, trained) -> None:
    found = snarc("runs", trained.parent).out.splitlines()
    assert found[0].split() == ["run", "model", "data", "test", "epochs", "status", "when"]
    assert re.search(r"linear +digits +\d\d\.\d\d ± \d\.\d\d % +8/8 +finished +20", found[2])
    Path("runs/broken").mkdir(parents=True)
    Path("runs/broken/recipe.json").write_text("{")
    rows = snarc("runs", "--json").json()["runs"]
    assert len(rows) == 1
    assert rows[0]["status"].startswith("damaged: ")
    empty = snarc("runs", trained)
    assert len(empty.out.splitlines()) == 3  # a run itself is a list of one


def test_a_killed_run_is_not_called_running(snarc, trained, tmp_path) -> None:
    import shutil

    run = tmp_path / "here" / "killed"
    shutil.copytree(trained, run)
    (run / "status.json").write_text('{"status": "running"}')
    import platform

    (run / "lock").write_text(json.dumps({"pid": 2**22 + 1, "host": platform.node()}))
    assert snarc("runs", ".", "--json").json()["runs"][0]["status"] == "stopped"
    (run / "lock").write_text(json.dumps({"pid": os.getpid(), "host": platform.node()}))
    assert snarc("runs", ".", "--json").json()["runs"][0]["status"] == "running"


def test_compare_shows_what_differs(snarc, trained) -> None:
    options = ("--model", "linear", "--epochs", "3", "--learning-rate", "0.001", "--no-report")
    assert snarc("train", "digits", *options, "--out", "other").status == 0
    lines = {line.split()[0]: line for line in snarc("runs", "--compare", trained, "other").out.splitlines()[2:]}
    assert re.search(r"0\.02 +0\.001$", lines["learning_rate"])
    assert re.search(r"2 +1$", lines["replicas"])
    assert "batch_size" not in lines
    both = snarc("runs", "--compare", trained, "other", "--json").json()["compare"]
    assert both[1]["recipe"]["learning_rate"] == 0.001
    assert both[0]["test"]["loss"]["standard_error"] > 0
    assert both[1]["test"]["loss"]["standard_error"] is None


def test_summary_counts_what_the_network_has(snarc, trained) -> None:
    found = snarc("summary", "784-300-10", "--inputs", "28x28x1", "--classes", "10", "--json").json()
    assert found["parameters"] == 785 * 300 + 301 * 10
    assert found["multiply_adds"] == 784 * 300 + 300 * 10
    assert sum(layer["parameters"] for layer in found["layers"]) == found["parameters"]
    wide = snarc("summary", "mlp", "--set", "model.hidden=7", "--inputs", "4", "--classes", "3", "--json").json()
    assert wide["parameters"] == 5 * 7 + 8 * 3
    assert snarc("summary", trained, "--json").json()["parameters"] == 650


@pytest.mark.parametrize(
    ("kind", "has"),
    [("models", "lenet5"), ("datasets", "mnist"), ("instruments", "calibration"), ("experiments", None)],
)
def test_lists(snarc, kind, has) -> None:
    found = snarc("list", kind, "--json").json()[kind]
    names = [entry["name"] for entry in found]
    assert names == sorted(names)
    assert has is None or has in names
    assert all(entry.get("summary", entry.get("question")) for entry in found)
    shown = snarc("list", kind).out.splitlines()[2:]
    assert [line.split()[0] for line in shown] == names


def test_list_tells_the_options_of_a_model(snarc) -> None:
    models = {entry["name"]: entry for entry in snarc("list", "models", "--json").json()["models"]}
    assert models["mlp"]["options"]["activation"] == "relu"


def test_help_of_an_error_is_its_docstring(snarc) -> None:
    found = snarc("help", "DivergedError").out
    assert "exit status 3" in found
    assert "gradient clipping" in found
    listed = snarc("help").out
    assert all(name in listed for name in ("DataError", "LockedRunError", "MissingExtraError"))
    assert snarc("help", "train").out == snarc("train", "--help").out


def test_every_command_has_examples_in_its_help(snarc) -> None:
    commands = ("train", "resume", "evaluate", "predict", "report", "runs", "list", "summary", "reproduce", "help")
    overview = snarc("--help").out
    for command in commands:
        assert command in overview
        said = snarc(command, "--help").out
        assert f"snarc {command}" in said.partition("Examples")[2]


def test_an_unforeseen_error_is_one_line_and_a_traceback_on_request(snarc, monkeypatch) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError("no reason")

    monkeypatch.setattr(package.models, "summary", broken)
    arguments = ("summary", "linear", "--inputs", "4", "--classes", "2")
    found = snarc(*arguments)
    assert found.status == 1
    assert "ZeroDivisionError: no reason" in found.error
    with pytest.raises(ZeroDivisionError):
        snarc(*arguments, "--debug")
    monkeypatch.setenv("SNARC_DEBUG", "1")
    with pytest.raises(ZeroDivisionError):
        snarc(*arguments)


def test_numbers_that_are_not_finite_become_null() -> None:
    from snarc.cli.output import finite

    assert finite({"a": [math.nan, math.inf, 1.5], "b": np.float32(2)}) == {"a": [None, None, 1.5], "b": 2.0}


def test_reproduce_sets_published_beside_measured_and_writes_pages(snarc) -> None:
    found = snarc("reproduce", "perceptron-and-xor", "--budget", "smoke", "--json")
    assert found.status == 0, found.err
    (finding,) = found.json()["findings"]
    claims = [item for item in finding["items"] if item["kind"] == "claim"]
    assert claims
    assert all({"published", "measured", "holds"} <= claim.keys() for claim in claims)
    assert json.loads(Path("findings/perceptron-and-xor/finding.json").read_text())["items"] == finding["items"]
    page = Path("findings/perceptron-and-xor/index.html").read_text()
    assert claims[0]["text"].split()[0] in page
    assert "perceptron-and-xor" in Path(found.json()["page"]).read_text()
    shown = snarc("reproduce", "S3", "--budget", "smoke", "--quiet")  # by its catalogue id
    assert shown.out.startswith("perceptron-and-xor (S3), smoke budget")
    assert "1 experiments ran through, 1 of them" in shown.out
    refused = snarc("reproduce", "perceptron-and-nor")
    assert "Did you mean 'perceptron-and-xor'" in refused.error
