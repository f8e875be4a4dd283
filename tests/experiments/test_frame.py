import json
import subprocess
import sys
from fractions import Fraction

import pytest

from snarc import draw
from snarc.errors import DownloadError, RecipeError, RunError, UnknownNameError
from snarc.experiments import (
    Budget,
    Claim,
    Erratum,
    Figure,
    Note,
    Table,
    describe,
    entries,
    experiment,
    fit,
    read,
    read_all,
    reproduce,
    run_experiment,
    write,
)
from snarc.experiments.frame import axes
from snarc.reading import Estimate
from snarc.registry import Registry, experiments

ABOUT = {"rows": ("M11",), "question": "Does it run?", "source": "us", "seconds": (1, 2, 3)}


@pytest.fixture
def only(monkeypatch):
    """An empty registry of experiments, in which a test puts its own."""
    fresh = Registry("experiment", ())
    monkeypatch.setattr("snarc.registry.experiments", fresh)
    monkeypatch.setattr("snarc.experiments.frame.running.experiments", fresh)
    return fresh


def everything(budget):
    """Yield one of each kind.

    With a second paragraph.
    """
    figure, ax = draw.new(width=2, height=2)
    ax.plot([0, 1], [0, 1])
    yield Claim("error", published=5.0, measured=Estimate.over([5.5, 5.7], "%"), within=1.2, unit="%", source="them")
    yield Claim("weights", published=9760, measured=9760, exact=True)
    yield Claim("third", published=Fraction(1, 3), measured=Fraction(1, 3), exact=True)
    yield Claim("nan", measured=float("nan"), between=(0, float("inf")))
    yield Claim("seeds", measured=Estimate.over([0.0, 1.0]), at_most=0.5, passing=(1, 2))
    yield Claim("true", measured=budget.replicas > 0)
    yield Figure(figure, "A line.", "line")
    yield Note("A note.")
    yield Table(["a", "b"], [[1, "x"], [Fraction(1, 7), 2.5]], "A table.")
    yield Erratum("1 + 1 = 3", "1 + 1 = 2", "Peano")


def test_a_finding_comes_back_from_disk_as_it_was(only, tmp_path):
    experiment("everything", **ABOUT)(everything)
    finding = run_experiment("everything", "quick", out=tmp_path)
    kept = read(tmp_path / "everything")
    assert kept.claims[3].measured != kept.claims[3].measured  # NaN survives, and equals nothing
    for ours, theirs in zip(finding.items, kept.items, strict=True):
        if isinstance(ours, Figure):
            assert (theirs.name, theirs.caption, theirs.svg()) == (ours.name, ours.caption, ours.svg())
        elif isinstance(ours, Table):
            assert [list(row) for row in theirs.rows] == [list(row) for row in ours.rows]
        elif not (isinstance(ours, Claim) and ours.text == "nan"):
            assert theirs == ours
    assert (kept.seconds, kept.when, kept.code, kept.about) == (
        finding.seconds,
        finding.when,
        finding.code,
        finding.about,
    )
    assert (finding.judged, finding.holding, finding.holds) == (6, 5, False)
    assert kept.verdict == "5 of 6 claims hold"
    assert {p.name for p in (tmp_path / "everything" / "figures").iterdir()} == {"line.svg", "line.png"}
    assert "<style>" in (tmp_path / "everything" / "figures" / "line.svg").read_text()
    assert "def everything" in finding.code
    plain = json.loads((tmp_path / "everything" / "finding.json").read_text())
    assert plain["items"][0]["measured"]["standard_error"] == pytest.approx(0.1)
    assert [finding.name for finding in read_all(tmp_path)] == ["everything"]


def test_a_smoke_run_is_judged_by_its_exact_claims(only, tmp_path):
    experiment("everything", **ABOUT)(everything)
    finding = run_experiment("everything", "smoke", out=None)
    assert (finding.judged, finding.holding) == (2, 2)
    assert finding.verdict == "2 of 2 claims hold, 4 not judged at the smoke budget"


def test_replicas_are_the_experiments_own_or_the_callers(only):
    def count(budget):
        yield Claim("replicas", measured=budget.replicas, published=budget.replicas, exact=True)

    experiment("count", **ABOUT, replicas=(1, 2, 5))(count)
    found = [run_experiment("count", b, out=None).claims[0].measured for b in ("smoke", "quick", "full")]
    assert found == [1, 2, 5]
    assert run_experiment("count", "full", 3, out=None).replicas == 3
    for wrong in (0, -1, 2.5, True):
        with pytest.raises(RecipeError, match="replicas"):
            run_experiment("count", "full", wrong, out=None)
    with pytest.raises(RecipeError, match="Did you mean 'quick'"):
        run_experiment("count", "quik", out=None)


def test_all_goes_on_after_an_error_and_a_name_does_not(only, tmp_path):
    def absent(budget):
        raise DownloadError("no file", wanted="the file", way_out="Put it there.")
        yield

    def broken(budget):
        yield Note("before")
        raise ZeroDivisionError("oops")

    for name, thing in (("absent", absent), ("broken", broken), ("everything", everything)):
        experiment(name, **ABOUT)(thing)
    told = []
    findings = reproduce(None, "smoke", out=tmp_path, tell=lambda f: told.append(f.name))
    assert [(f.name, f.status) for f in findings] == [
        ("absent", "skipped"),
        ("broken", "failed"),
        ("everything", "done"),
    ]
    assert findings[0].reason == "no file; wanted: the file. Put it there."
    assert findings[1].reason == "ZeroDivisionError: oops"
    assert told == ["absent", "broken", "everything"]
    assert [f.status for f in read_all(tmp_path)] == ["skipped", "failed", "done"]
    with pytest.raises(DownloadError):
        reproduce(["absent"], "smoke", out=None)
    with pytest.raises(ZeroDivisionError):
        reproduce(["broken"], "smoke", out=None)


def test_a_catalogue_id_is_a_name_too(only):
    experiment("everything", **ABOUT)(everything)
    assert [f.name for f in reproduce(["m11", "everything"], "smoke", out=None)] == ["everything"]
    with pytest.raises(UnknownNameError, match="Did you mean 'everything'"):
        reproduce(["evrything"], "smoke", out=None)


def test_what_is_no_item_or_has_a_name_twice_is_refused(only):
    def wrong(budget):
        yield 3

    def twice(budget):
        yield Figure("<svg></svg>", name="a")
        yield Figure("<svg></svg>", name="a")

    experiment("wrong", **ABOUT)(wrong)
    experiment("twice", **ABOUT)(twice)
    with pytest.raises(TypeError, match="yielded int"):
        run_experiment("wrong", "smoke", out=None)
    with pytest.raises(ValueError, match="two figures called 'a'"):
        run_experiment("twice", "smoke", out=None)


@pytest.mark.parametrize(
    "change",
    [
        {"rows": ()},
        {"rows": ("lenet",)},
        {"question": "It runs."},
        {"source": " "},
        {"seconds": (1, 2)},
        {"replicas": (0, 1, 1)},
    ],
)
def test_the_decorator_refuses_what_a_listing_could_not_show(only, change):
    with pytest.raises(ValueError, match="experiment 'plain'"):
        experiment("plain", **{**ABOUT, **change})
    with pytest.raises(ValueError, match="hyphens"):
        experiment("Not Plain", **ABOUT)


def test_an_earlier_finding_is_replaced_and_a_damaged_one_refused(only, tmp_path):
    experiment("everything", **ABOUT)(everything)
    folder = write(run_experiment("everything", "smoke", out=None), tmp_path)
    (folder / "figures" / "old.svg").write_text("<svg></svg>")
    write(run_experiment("everything", "quick", out=None), tmp_path)
    assert not (folder / "figures" / "old.svg").exists()
    assert read(folder).budget == "quick"
    for text in (
        "{",
        "{}",
        '{"format": 99}',
        '{"format": 1, "items": [{"kind": "figure", "name": "../x", "caption": ""}]}',
    ):
        (folder / "finding.json").write_text(text)
        with pytest.raises(RunError):
            read(folder)
    with pytest.raises(RunError):
        read(tmp_path / "absent")


def test_an_interrupted_training_ends_the_experiment(monkeypatch):
    class Stopped:
        status = "interrupted"

    monkeypatch.setattr("snarc.training.fit", lambda *a, **k: Stopped())
    with pytest.raises(KeyboardInterrupt):
        fit("linear", "digits")


def test_entries_describe_themselves_as_json():
    found = [describe(entry) for entry in entries()]
    assert json.loads(json.dumps(found)) == found
    assert len(found) == len(list(experiments))


def test_listing_loads_neither_jax_nor_matplotlib():
    code = "import sys, snarc.experiments as e; e.entries(); print(sorted({'jax', 'matplotlib'} & {*sys.modules}))"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


def test_a_budget_chooses():
    assert [Budget(name)(1, 2, 3) for name in ("smoke", "quick", "full")] == [1, 2, 3]
    assert [Budget(name).judged for name in ("smoke", "quick", "full")] == [False, True, True]


def test_replicas_are_drawn_thin_and_their_mean_thick():
    _, ax = draw.new()
    axes.replicas(ax, [1, 2], [[1.0, 2.0], [3.0, 4.0]], color="black", label="error", marker="o")
    thin, thick = ax.lines[:2], ax.lines[2]
    assert [list(line.get_ydata()) for line in thin] == [[1, 2], [3, 4]]
    assert list(thick.get_ydata()) == [2, 3]
    assert thick.get_linewidth() > 2 * max(line.get_linewidth() for line in thin)
    axes.replicas(ax, [1, 2], [5.0, 6.0], color="black", label="one")
    assert len(ax.lines) == 4


def test_a_logarithmic_axis_has_plain_numbers():
    figure, ax = draw.new()
    ax.plot([1, 2, 3], [0.3, 5, 80])
    axes.one_two_five(ax.yaxis)
    figure.canvas.draw()
    low, high = ax.get_ylim()
    shown = [t.get_text() for t, at in zip(ax.get_yticklabels(), ax.get_yticks()) if low <= at <= high]
    assert ax.get_yscale() == "log"
    assert {"0.5", "1", "2", "5", "10", "20", "50"} <= set(shown)
