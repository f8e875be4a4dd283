"""The report of a run: whole, true to the numbers, escaped, and the same for the same run."""

from __future__ import annotations

import dataclasses
import re
import shlex

import numpy as np
import pytest
from tests.render.test_page import Outline, assert_self_contained

import snarc
from snarc.errors import RunError
from snarc.reading import wilson
from snarc.render import compare, repeat, report
from snarc.training import Recipe

HOSTILE = ("<script>alert(1)</script>", "=cmd|'x'!A0", '$x_1$ & "co"')


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "digits"
    return snarc.fit("mlp", "digits", epochs=3, replicas=3, learning_rate=0.004, out=folder, progress=False)


@pytest.fixture(scope="module")
def text(run):
    return run.report().read_text(encoding="utf-8")


def words_of(html):
    body = re.sub(r"<style.*?</style>", "", html, flags=re.DOTALL)
    return " ".join(" ".join(Outline(body).text).split())


def test_it_is_one_file_without_requests(text):
    assert_self_contained(text)
    assert len(text.encode()) < 3_000_000


def test_every_section_is_there(text):
    found = Outline(text)
    ids = {a.get("id") for t, a in found.elements if t == "section"}
    assert ids >= {"verdict", "learning", "results", "mistakes", "confidence", "network", "record", "repeat"}
    assert sum(tag == "svg" for tag, _ in found.elements) == 6
    assert sum(tag == "img" for tag, _ in found.elements) == min(24, wrong_of_first_replica(text))


def wrong_of_first_replica(text):
    return int(re.search(r"([\d,]+) of [\d,]+ examples are wrong in replica 0", words_of(text))[1])


def test_numbers_are_those_of_evaluate(run, text):
    words = words_of(text)
    test = run.test
    mean, error = 100 * test.accuracy.mean, 100 * test.accuracy.standard_error
    assert f"{mean:.1f} ± {error:.1f} % of 359 test images are classified correctly." in words
    low, high = wilson(test.accuracy.mean * test.examples, test.examples)
    assert f"is {100 * low:.1f} to {100 * high:.1f} %" in words
    wrong = (test.logits.argmax(axis=-1) != test.targets).sum(axis=1)
    assert wrong_of_first_replica(text) == wrong[0]
    assert f"{wrong.mean():.1f} ± {wrong.std(ddof=1) / np.sqrt(3):.1f} wrong of 359" in words
    matrix = np.zeros((10, 10), int)
    for one in test.logits.argmax(axis=-1):
        np.add.at(matrix, (test.targets, one), 1)
    precision = matrix[4, 4] / matrix[:, 4].sum()
    recall = matrix[4, 4] / matrix[4].sum()
    row = re.search(r'<th scope="row">4</th>(.*?)</tr>', text, flags=re.DOTALL)[1]
    cells = re.findall(r">([^<]+)<", row)
    assert cells[:2] == [f"{precision:.3f}", f"{recall:.3f}"]
    assert run.about["dataset"]["checksum"] in words


def test_the_same_run_gives_the_same_file_but_for_the_time(run, text):
    again = snarc.open(run.path).report().read_text(encoding="utf-8")
    blank = [re.sub(r"<time>.*?</time>", "", one) for one in (text, again)]
    assert blank[0] == blank[1]
    assert text.count("<time>") == 1
    reopened = snarc.open(run.path)
    assert report.html(reopened, made="noon") == report.html(run, made="noon")


def test_figures_and_their_data_are_files(run, text):
    folder = run.path / "figures"
    names = {"learning-loss", "learning-accuracy", "health", "confusion", "mistakes", "calibration", "filters"}
    assert {p.name for p in folder.iterdir()} == {f"{n}.{s}" for n in names for s in ("svg", "csv")}
    table = np.genfromtxt(folder / "learning-loss.csv", delimiter=",", names=True)
    np.testing.assert_allclose(table["validation_loss"], run.history["validation_loss"].mean(axis=0))


def test_it_tells_nothing_of_the_machine_s_folders(run, text):
    assert str(run.path.parent) not in text
    assert "site-packages" not in text


def repeated_from(run):
    """The run that the report's command line trains: its flags, read by the same code as the program's."""
    from snarc.cli.settings import recipe_fields

    words = shlex.split(repeat.command(run).replace("\\\n", " "))
    assert words[:3] == ["snarc", "train", "digits"]
    pairs = list(zip(words[3::2], words[4::2]))
    sets = [value for flag, value in pairs if flag == "--set"]
    flags = {flag[2:].replace("-", "_"): value for flag, value in pairs if flag != "--set"}
    flags = Recipe.from_text(flags)
    model, fields, _ = recipe_fields(None, flags, sets)
    return snarc.fit(model, "digits", out=False, progress=False, **fields)


FIELDS = [
    {},
    {"learning_rate": 0.004, "schedule": "1cycle"},
    {"optimizer": "momentum", "momentum": 0.8, "batch_size": 32, "clip_norm": 1.0},
    {"model_options": {"hidden": "20", "activation": "tanh"}, "seed": 4, "early_stopping": 2},
]


@pytest.mark.parametrize("fields", FIELDS, ids=lambda fields: ",".join(fields) or "defaults")
def test_command_and_python_come_to_the_same_recipe(fields):
    run = snarc.fit("mlp", "digits", epochs=1, out=False, progress=False, **fields)
    again = repeated_from(run)
    assert again.recipe == run.recipe
    np.testing.assert_array_equal(again.test.logits, run.test.logits)
    given = repeat.needed(run.recipe)
    python = repeat.python(run)
    assert all(f"{name}={value!r}" in python for name, value in given.items())
    assert snarc.fit("mlp", "digits", out=False, progress=False, **given).recipe == run.recipe


def test_the_command_is_in_the_report(run, text):
    assert " ".join(repeat.command(run).split()) in words_of(text)


def test_options_that_look_like_numbers_are_quoted():
    run = snarc.fit("mlp", "digits", epochs=1, out=False, progress=False, model_options={"hidden": "20"})
    assert "--set 'model.hidden=\"20\"'" in repeat.command(run)


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(240, 3))
    labels = rng.integers(0, 3, 240)
    lines = ["<b>a</b>,b & c,$d$,class"]
    lines += [
        ",".join([*(f"{v:.6f}" for v in row), '"' + HOSTILE[k].replace('"', '""') + '"']) for row, k in zip(x, labels)
    ]
    path = tmp_path_factory.mktemp("tables") / "table.csv"
    path.write_text("\n".join(lines))
    data = snarc.load(str(path), target="class")
    return snarc.fit("mlp", data, epochs=1, out=path.parent / "run", progress=False)


def test_hostile_names_are_shown_and_not_run(table):
    text = table.report().read_text(encoding="utf-8")
    found = assert_self_contained(text)
    shown = "".join(found.text)
    for name in (*HOSTILE, "<b>a</b>", "b & c", "$d$"):
        assert name in shown, name
    assert "b" not in found.tags()
    assert "'=cmd" in (table.path / "figures" / "confusion.csv").read_text()


def test_a_table_s_mistakes_are_rows_of_values(table):
    words = words_of(table.report().read_text(encoding="utf-8"))
    probabilities = table.probabilities(table.dataset.test.inputs)
    wrong = np.flatnonzero(probabilities.argmax(axis=1) != table.dataset.test.targets)
    surest = wrong[probabilities[wrong].max(axis=1).argmax()]
    sure = 100 * probabilities[surest].max()
    values = " ".join(f"{v:.4g}" for v in table.dataset.test.inputs[surest])
    assert re.search(rf"confidence <b>a</b> b & c \$d\$ .{{20,60}} {sure:.1f} % {re.escape(values)} ", words)


def test_regression_has_rmse_r2_and_residuals(tmp_path):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(300, 4)).astype(np.float32)
    y = (x @ np.array([1.0, -2.0, 0.5, 0.0])).astype(np.float32)
    run = snarc.fit("mlp", (x, y), epochs=3, replicas=2, out=tmp_path / "run", progress=False)
    text = run.report().read_text(encoding="utf-8")
    assert_self_contained(text)
    words = words_of(text)
    assert "root mean square error" in words
    assert f"R² = {run.test.r2.mean:.4f} ± {run.test.r2.standard_error:.4f}" in words
    assert 'id="results"' in text
    assert 'id="confidence"' not in text
    assert (tmp_path / "run" / "figures" / "residuals.csv").exists()
    assert "was given as arrays" in words


def test_what_went_wrong_is_said(run):
    ended = ["", "diverged at step 7 (epoch 1)", ""]
    words = words_of(report.html(dataclasses.replace(run, about={**run.about, "ended": ended})))
    assert "Replica 1 diverged at step 7 (epoch 1)." in words
    words = words_of(report.html(dataclasses.replace(run, status="interrupted")))
    assert "interrupted after 3 epochs" in words


def test_without_its_data_a_run_still_has_a_report(tmp_path):
    x = np.random.default_rng(0).random((60, 5)).astype(np.float32)
    made = snarc.fit("mlp", (x, np.arange(60) % 2), epochs=1, out=tmp_path / "run", progress=False)
    text = snarc.open(made.path).report().read_text(encoding="utf-8")
    assert_self_contained(text)
    assert "Nothing could be evaluated" in text
    assert 'id="learning"' in text


def test_a_run_in_memory_needs_a_path(tmp_path):
    made = snarc.fit("linear", "digits", epochs=1, out=False, progress=False)
    with pytest.raises(RunError, match="only in memory"):
        made.report()
    assert made.report(tmp_path / "there.html") == tmp_path / "there.html"
    assert_self_contained((tmp_path / "there.html").read_text(encoding="utf-8"))
    assert [p.name for p in tmp_path.iterdir()] == ["there.html"]


def test_runs_are_compared(run, tmp_path):
    other = snarc.fit("linear", "digits", epochs=2, out=tmp_path / "<i>other", progress=False)
    html = compare.compare([run, other])
    found = assert_self_contained(html)
    words = words_of(html)
    assert "<i>other" in words
    assert "i" not in found.tags()
    assert f"{100 * other.test.accuracy.mean:.2f} %" in words
    marked = re.findall(r"<tr><th scope=\"row\">([^<]*)</th><td class=\"number\"><mark>", html)
    one, two = run.recipe.model_dump(), other.recipe.model_dump()
    assert set(marked) == {name.replace("_", " ") for name in one if one[name] != two[name]} >= {"model", "epochs"}
    assert "One replica says nothing of other seeds" in words
    assert "McNemar" in words
    plain = compare.text([run, other]).splitlines()
    assert plain[0].split() == ["digits", "<i>other"]
    assert any(line.split() == ["replicas", "3", "1"] for line in plain)
    with pytest.raises(RunError, match="1 run"):
        compare.compare([run])


def test_several_runs_are_each_compared_with_the_first(run, tmp_path):
    from scipy import stats

    options = {"epochs": 2, "replicas": 3, "progress": False}
    others = [snarc.fit("linear", "digits", seed=s, out=tmp_path / f"seed{s}", **options) for s in (0, 7)]
    found = assert_self_contained(compare.compare([run, *others]))
    text = compare.compare([run, *others])
    words = words_of(text)
    assert "seed0 against digits" in words
    assert "seed7 against digits" in words
    p = [
        stats.ttest_rel(others[0].test.accuracy.values, run.test.accuracy.values).pvalue,
        stats.ttest_ind(others[1].test.accuracy.values, run.test.accuracy.values, equal_var=False).pvalue,
    ]
    assert "paired t-test" in words
    assert "Welch's t-test" in words
    assert words.count("after Holm") == 1
    smaller, larger = sorted(p)
    for adjusted in (2 * smaller, max(larger, 2 * smaller)):
        shown = "p < 0.0001" if adjusted < 1e-4 else f"p = {adjusted:.2f}" if adjusted >= 0.1 else f"p = {adjusted:.2g}"
        assert shown in words
    rows = [attributes for tag, attributes in found.elements if tag == "details"]
    assert len(rows) == 2  # pair by pair, and the fields that are the same: no pairs where no seed is shared


def test_runs_on_other_examples_say_so(run, tmp_path):
    other = snarc.fit("linear", snarc.load("digits", seed=4), epochs=1, out=tmp_path / "other", progress=False)
    assert "cannot be compared" in words_of(compare.compare([run, other]))


def test_the_report_on_mnist_stays_small(mnist, tmp_path):
    run = snarc.fit("linear", mnist, epochs=1, out=tmp_path / "run", progress=False)
    run.evaluate("test")
    assert run.report().stat().st_size < 3_000_000
