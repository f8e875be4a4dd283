"""Recipe files: what is refused, and who overrules whom (cases 95 to 105 of the bad-input list)."""

from __future__ import annotations

import json

import pytest

from snarc.cli.settings import read_recipe_file, recipe_fields
from snarc.errors import RecipeError, SnarcError
from snarc.training import Recipe

BAD = [
    # case, file name, content, what the message must say
    ("95-unknown-key", "r.toml", "epohcs = 3", "Did you mean 'epochs'"),
    ("95-unknown-key-json", "r.json", '{"learning-rate": 0.1}', "'learning_rate'"),
    ("95-unknown-key-self", "r.json", '{"self": 1}', "no recipe field is called 'self'"),
    ("96-text-for-a-number", "r.json", '{"learning_rate": "0.1"}', "learning_rate is '0.1'"),
    ("96-text-for-a-number-yaml", "r.yaml", 'learning_rate: "0.1"', "learning_rate is '0.1'"),
    ("96-true-for-an-int", "r.json", '{"epochs": true}', "epochs is True"),
    ("96-fraction-for-an-int", "r.toml", "epochs = 2.5", "epochs is 2.5"),
    ("96-number-for-text", "r.toml", "optimizer = 3", "optimizer is 3"),
    ("97-nan-json", "r.json", '{"learning_rate": NaN}', "NaN is not a finite number"),
    ("97-infinity-json", "r.json", '{"learning_rate": -Infinity}', "not a finite number"),
    ("97-overflow-json", "r.json", '{"learning_rate": 1e400}', "not a finite number"),
    ("97-nan-toml", "r.toml", "learning_rate = nan", "learning_rate is nan"),
    ("97-inf-yaml", "r.yaml", "learning_rate: .inf", "learning_rate is inf"),
    ("97-nan-inside", "r.toml", "[model_options]\ndropout = nan", "model_options.dropout is nan"),
    ("98-epochs-negative", "r.toml", "epochs = -1", "epochs is -1"),
    ("98-batch-0", "r.toml", "batch_size = 0", "batch_size is 0"),
    ("101-seed-negative", "r.toml", "seed = -1", "seed is -1"),
    ("101-seed-2-to-64", "r.json", '{"seed": 18446744073709551616}', "seed is 18446744073709551616"),
    ("102-python-object", "r.yaml", "epochs: !!python/object/apply:os.system ['true']", "line 1"),
    ("102-python-name", "r.yaml", "model: !!python/name:os.system", "line 1"),
    ("102-alias-bomb", "r.yaml", "model_options: &a {x: 1}\nloss: *a", "line 2: an alias"),
    ("104-a-million-replicas", "r.toml", "replicas = 1000000", "at most 10000"),
    ("105-empty", "r.toml", "", "it is empty"),
    ("105-blank", "r.yaml", " \n\n", "it is empty"),
    ("105-empty-object", "r.json", "{}", "holds no fields"),
    ("105-50-MB", "r.yaml", b"#" * 50_000_000, "larger than"),
    ("list-not-object", "r.yaml", "- 1\n- 2", "holds no fields"),
    ("key-twice-json", "r.json", '{"epochs": 1, "epochs": 2}', "'epochs' is given twice"),
    ("key-twice-yaml", "r.yaml", "epochs: 1\nepochs: 2", "'epochs' is given twice"),
    ("key-twice-toml", "r.toml", "epochs = 1\nepochs = 2", "overwrite"),
    ("key-not-text", "r.yaml", "1: 2", "the name 1 is not text"),
    ("date", "r.yaml", "model_options: {when: 2020-01-01}", "model_options.when is a date"),
    ("deep-json", "r.json", "[" * 100_000, "nested"),
    ("deep-yaml", "r.yaml", "a: " + "[" * 5_000, "nested"),
    ("deep-toml", "r.toml", "a = " + "[" * 5_000, "nested"),
    ("not-utf-8", "r.toml", b"model = '\xff'", "byte 9 is not UTF-8"),
    ("newer-format", "r.json", '{"format": 2, "epochs": 1}', "format 2"),
    ("other-suffix", "r.pkl", b"\x80\x04.", ".toml, .yaml, .yml or .json"),
    ("contradiction", "r.toml", "early_stopping = 3\nkeep = 'last'", "contradicts"),
]


@pytest.mark.parametrize(("name", "content", "said"), [case[1:] for case in BAD], ids=[case[0] for case in BAD])
def test_a_bad_recipe_file_is_refused_in_one_line(snarc, tmp_path, name, content, said) -> None:
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    found = snarc("train", "digits", "--recipe", path)
    assert found.status == 2
    assert said in found.error
    assert found.out == ""
    assert list((tmp_path / "here").iterdir()) == []


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        pytest.param("model.layers=[]", "options", id="99-no-layers"),
        pytest.param("model.layers=[0]", "options", id="99-layer-list"),
        pytest.param("model.layers=64-0-10", "layer '0'", id="99-layer-of-0"),
        pytest.param("model.dropout=1.0", "dropout 1.0", id="100-dropout-1"),
        pytest.param("model.droput=0.5", "Did you mean 'dropout'", id="95-unknown-option"),
        pytest.param("batch_size=2000", "a batch of 2000 from 1079", id="98-batch-above-rows"),
        pytest.param("model=../../secret", "no model is called '../../secret'", id="103-path-as-a-name"),
        pytest.param("model=/etc/passwd", "no model is called", id="103-absolute-path-as-a-name"),
        pytest.param("epochs=NaN", "epochs is 'NaN'", id="97-nan"),
        pytest.param("learning_rate=1e400", "learning_rate is inf", id="97-overflow"),
        pytest.param("epohcs=3", "Did you mean 'epochs'", id="95-unknown-key"),
        pytest.param("epochs", "NAME=VALUE", id="107-value-missing"),
        pytest.param("=3", "NAME=VALUE", id="107-name-missing"),
        pytest.param("model.layers=64-99999999999-10", "at most 1000000", id="90-width"),
    ],
)
def test_a_bad_setting_is_refused_in_one_line(snarc, tmp_path, setting, said) -> None:
    found = snarc("train", "digits", "--set", setting)
    assert found.status == 2
    assert said in found.error
    assert list((tmp_path / "here").iterdir()) == []


@pytest.mark.parametrize("kind", ["folder", "missing", "fifo"])
def test_what_is_no_file_is_refused_as_a_recipe(snarc, tmp_path, kind) -> None:
    import os

    path = tmp_path / "r.toml"
    if kind == "folder":
        path.mkdir()
    elif kind == "fifo":
        os.mkfifo(path)
    found = snarc("train", "digits", "--recipe", path)
    assert found.status == 2
    assert str(path) in found.error


def test_toml_yaml_and_json_say_the_same(tmp_path) -> None:
    texts = {
        "a.toml": 'model = "mlp"\nepochs = 7\nlearning_rate = 1e-3\n[model_options]\nhidden = "20"\n',
        "a.yaml": "model: mlp\nepochs: 7\nlearning_rate: 1e-3\nmodel_options:\n  hidden: '20'\n",
        "a.json": '{"model": "mlp", "epochs": 7, "learning_rate": 1e-3, "model_options": {"hidden": "20"}}',
    }
    wanted = {"model": "mlp", "epochs": 7, "learning_rate": 0.001, "model_options": {"hidden": "20"}}
    for name, text in texts.items():
        (tmp_path / name).write_text(text)
        assert read_recipe_file(tmp_path / name) == wanted


def test_yaml_object_runs_nothing(tmp_path) -> None:
    (tmp_path / "r.yaml").write_text(f"model: !!python/object/apply:os.mkdir ['{tmp_path / 'ran'}']")
    with pytest.raises(RecipeError):
        read_recipe_file(tmp_path / "r.yaml")
    assert not (tmp_path / "ran").exists()


def test_file_then_environment_then_flag(monkeypatch, tmp_path) -> None:
    path = tmp_path / "r.toml"
    path.write_text("epochs = 1\nbatch_size = 10\nseed = 5\n[model_options]\nhidden = '7'\ndropout = 0.25")
    monkeypatch.setenv("SNARC_EPOCHS", "2")
    monkeypatch.setenv("SNARC_BATCH_SIZE", "20")
    model, fields, used = recipe_fields(path, {"epochs": 3, "learning_rate": None}, ["model.hidden=9"])
    assert model == Recipe.model_fields["model"].default
    assert (fields["seed"], fields["batch_size"], fields["epochs"]) == (5, 20, 3)
    assert fields["model_options"] == {"hidden": 9, "dropout": 0.25}
    assert "learning_rate" not in fields  # what nobody says is left to the model's own recipe
    assert used == {"batch_size": "SNARC_BATCH_SIZE"}


def test_a_wrong_environment_is_refused(monkeypatch) -> None:
    monkeypatch.setenv("SNARC_EPOCHS", "many")
    with pytest.raises(SnarcError, match="epochs is 'many'"):
        recipe_fields(None, {}, [])


def test_a_run_is_repeated_from_its_recipe(snarc, trained) -> None:
    found = snarc("train", "digits", "--recipe", trained / "recipe.json", "--no-report", "--quiet", "--json")
    assert found.status == 0, found.err
    kept = json.loads((trained / "results.json").read_text())["test"]
    assert found.json()["test"] == kept
    assert found.json()["recipe"] == {
        k: v for k, v in json.loads((trained / "recipe.json").read_text()).items() if k != "format"
    }
