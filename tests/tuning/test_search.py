"""Searches: drawn as the spaces say, stopped and gone on with, judged on validation, refused with reasons."""

import dataclasses
import json
import math

import numpy as np
import pytest
from scipy import stats

import snarc
from snarc import keys
from snarc.errors import DivergedError, MissingExtraError, ModelError, RecipeError, RunError
from snarc.training import Recipe
from snarc.tuning import Choice, Log, Uniform, Whole, search
from snarc.tuning.spaces import parse

QUICK = {"epochs": 1, "batch_size": 100}


def test_spaces_draw_what_they_say():
    generator = keys.generator(0, "test")
    log = np.log10([Log(1e-4, 1e-1).draw(generator) for _ in range(2000)])
    assert stats.kstest((log + 4) / 3, "uniform").pvalue > 1e-3
    plain = [Uniform(2, 5).draw(generator) for _ in range(2000)]
    assert stats.kstest((np.array(plain) - 2) / 3, "uniform").pvalue > 1e-3
    whole = np.bincount([Whole(1, 6).draw(generator) for _ in range(3000)], minlength=7)
    assert whole[0] == 0
    assert stats.chisquare(whole[1:]).pvalue > 1e-3
    assert {Choice("a", 2, None).draw(generator) for _ in range(50)} == {"a", 2, None}


def test_text_and_objects_are_the_same_spaces():
    assert parse("log(1e-4, .1)") == Log(1e-4, 0.1)
    assert parse(" uniform(0,1) ") == Uniform(0, 1)
    assert parse("choice(sgd, 3, true, 30-10)") == Choice("sgd", 3, True, "30-10")
    assert str(parse(str(parse("int(5, 30)")))) == "int(5, 30)"
    assert Log(1e-4, 1e-2).place(1e-3) == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("log(1, 1e-4)", r"reversed.*Write log\(0.0001, 1\)"),
        ("uniform(1, 1)", "empty space"),
        ("log(0, 1)", "no logarithm"),
        ("log(-1, 1)", "no logarithm"),
        ("log(1)", "1 ends"),
        ("uniform(a, b)", "ends at 'a'"),
        ("int(0.5, 3)", "whole numbers"),
        ("choice()", "nothing"),
        ("choice(a, a)", "twice"),
        ("choice(a,,b)", "empty value"),
        ("logg(1, 2)", "Did you mean 'log'"),
        ("0.1", "space '0.1'"),
        ("uniform(0, NaN)", "ends at"),
        ("uniform(0, Infinity)", "ends at"),
    ],
)
def test_spaces_that_are_none_are_refused(text, says):
    with pytest.raises(RecipeError, match=says):
        parse(text)


@pytest.mark.parametrize(
    ("spaces", "says"),
    [
        ({}, "without a space"),
        ({"learning_rat": "log(1e-3, 1)"}, "Did you mean 'learning_rate'"),
        ({"seed": "int(1, 5)"}, "search over seed"),
        ({"learning_rate": "uniform(-1, 1)"}, "holds -1"),
        ({"momentum": "uniform(0.5, 2)"}, "holds 2"),
        ({"optimizer": "choice(adam, adamm)"}, "holds 'adamm'"),
        ({"batch_size": "int(10, 100000)"}, "1079 training examples"),
        ({"learning_rate": 0.1}, "no space"),
    ],
)
def test_searches_that_cannot_be_are_refused_before_the_first_trial(digits, spaces, says):
    with pytest.raises(RecipeError, match=says):
        search("mlp", digits, spaces, **QUICK)


def test_an_unknown_option_of_the_model_offers_the_nearest(digits):
    with pytest.raises(ModelError, match="Did you mean 'hidden'"):
        search("mlp", digits, {"model.hiden": "choice(10, 20)"}, **QUICK)


def test_a_search_without_validation_is_refused(digits):
    bare = dataclasses.replace(digits, validation=digits.validation.take(np.arange(0)))
    with pytest.raises(RecipeError, match="without a validation split"):
        search("mlp", bare, {"learning_rate": "log(1e-4, 1e-1)"}, **QUICK)


def test_a_trial_is_what_fit_does_with_its_recipe_and_the_test_split_plays_no_part(digits):
    spaces = {"learning_rate": "log(1e-3, 1e-1)", "model.hidden": "choice(10, 20)"}
    found = search("mlp", digits, spaces, trials=3, optimizer="sgd", **QUICK)
    best = min(found.trials, key=lambda t: t["loss"])
    assert found.best == best
    run = snarc.fit("mlp", digits, recipe=found.recipe, out=False, progress=False)
    assert run.validation.loss.mean == best["loss"]
    assert run.recipe.learning_rate == best["values"]["learning_rate"]
    broken = dataclasses.replace(digits, test=digits.test.take(np.arange(0)))
    assert search("mlp", broken, spaces, trials=3, optimizer="sgd", **QUICK).trials == _same(found.trials)


def _same(trials):
    """The trials, equal to others that took another time."""

    class Any:
        def __eq__(self, other):
            return True

        __hash__ = None

    return tuple({**trial, "seconds": Any()} for trial in trials)


def test_what_was_stopped_goes_on_as_if_it_had_not_been(digits, tmp_path):
    spaces = {"learning_rate": Log(1e-3, 1e-1)}
    whole = search("64-10", digits, spaces, trials=4, **QUICK)
    search("64-10", digits, spaces, trials=2, out=tmp_path, **QUICK)
    path = tmp_path / "trials.jsonl"
    assert len(path.read_text().splitlines()) == 3
    with path.open("a") as file:
        file.write('{"trial": 2, "val')  # torn by a power cut
    on = search("64-10", digits, spaces, trials=4, out=tmp_path, **QUICK)
    assert on.trials == _same(whole.trials)
    kept = [json.loads(line) for line in path.read_text().splitlines()]
    assert [one["trial"] for one in kept[1:]] == [0, 1, 2, 3]
    best = json.loads((tmp_path / "best.json").read_text())
    assert Recipe(**{k: v for k, v in best.items() if k != "format"}) == on.recipe


def test_another_search_is_not_mixed_in(digits, tmp_path):
    search("64-10", digits, {"learning_rate": "log(1e-3, 1e-1)"}, trials=1, out=tmp_path, **QUICK)
    with pytest.raises(RunError, match="another spaces"):
        search("64-10", digits, {"learning_rate": "log(1e-3, 1)"}, trials=1, out=tmp_path, **QUICK)
    with pytest.raises(RunError, match="another seed"):
        search("64-10", digits, {"learning_rate": "log(1e-3, 1e-1)"}, trials=1, seed=1, out=tmp_path, **QUICK)
    with pytest.raises(RunError, match="another recipe"):
        search("64-10", digits, {"learning_rate": "log(1e-3, 1e-1)"}, trials=1, out=tmp_path, epochs=2)


def test_together_finds_what_in_turn_finds(digits):
    spaces = {"learning_rate": "log(1e-3, 1)", "batch_size": "choice(50, 100)"}
    alone = search("64-20-10", digits, spaces, trials=5, epochs=1, optimizer="sgd", vectorised=False)
    together = search("64-20-10", digits, spaces, trials=5, epochs=1, optimizer="sgd", vectorised=True)
    assert [t["values"] for t in alone.trials] == [t["values"] for t in together.trials]
    np.testing.assert_allclose([t["loss"] for t in together.trials], [t["loss"] for t in alone.trials], rtol=1e-4)


def test_diverged_trials_are_kept_and_all_diverged_is_an_error(digits):
    spaces = {"learning_rate": Choice(0.01, 1e30)}
    found = search("64-20-10", digits, spaces, trials=6, optimizer="sgd", **QUICK)
    by_rate = {t["values"]["learning_rate"]: t for t in found.trials}
    assert by_rate[1e30]["status"] == "diverged"
    assert by_rate[1e30]["loss"] is None
    assert found.best["values"]["learning_rate"] == 0.01
    head, rows = found.table()
    assert head == ["trial", "learning_rate", "loss", "accuracy", "seconds"]
    assert rows[-1][2] == "diverged"
    assert math.isinf(found.reading.arrays["losses"].max())
    assert found.plot().axes
    with pytest.raises(DivergedError, match="each of 2 trials"):
        search("64-20-10", digits, {"learning_rate": Choice(1e30)}, trials=2, optimizer="sgd", **QUICK)


def test_optuna_is_an_extra(digits, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "optuna", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'snarc\[optuna\]'"):
        search("64-10", digits, {"learning_rate": "log(1e-3, 1)"}, method="optuna", **QUICK)


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
@pytest.mark.oracle
def test_optuna_suggests_and_goes_on(digits, tmp_path):
    pytest.importorskip("optuna", reason="Optuna is installed apart: make oracles")
    spaces = {"learning_rate": "log(1e-3, 1)", "optimizer": "choice(sgd, adam)", "epochs": "int(1, 2)"}
    first = search("64-10", digits, spaces, trials=2, method="optuna", out=tmp_path, batch_size=100)
    more = search("64-10", digits, spaces, trials=4, method="optuna", out=tmp_path, batch_size=100)
    assert more.trials[:2] == first.trials
    assert len(more.trials) == 4
    for one in more.trials:
        assert 1e-3 <= one["values"]["learning_rate"] <= 1
        assert one["values"]["optimizer"] in ("sgd", "adam")
        assert one["values"]["epochs"] in (1, 2)


def test_an_unknown_method_offers_the_nearest(digits):
    with pytest.raises(RecipeError, match="Did you mean 'random'"):
        search("64-10", digits, {"learning_rate": "log(1e-3, 1)"}, method="randon", **QUICK)
