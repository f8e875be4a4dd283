"""Checkpoints: what is saved comes back, and which of them are kept."""

import os
import shutil

import numpy as np
import pytest

from snarc.errors import CheckpointError, RunError
from snarc.training import checkpoint, jsontext
from snarc.training.store import Store

from .checkpoints import FILES, STATE, arrays, saved
from .comparing import same


def test_what_is_saved_comes_back_bit_for_bit(tmp_path):
    saved(tmp_path, 10)
    found = Store(tmp_path).latest(strict=True)
    assert found.step == 10
    assert found.state == {**STATE, "epoch": 10}
    assert found.made_with == {"jax": "0.10"}
    same(found.arrays, arrays(10))
    assert all(array.flags.aligned and array.flags.writeable for array in found.arrays.values())


@pytest.mark.parametrize("array", [np.array([object()]), np.array(["text"]), np.zeros(2, "M8[s]"), np.zeros(2, "c16")])
def test_types_without_a_place_in_the_format_are_refused_by_name(tmp_path, array):
    tmp_path.mkdir(exist_ok=True)
    with Store(tmp_path).lock() as store, pytest.raises(RunError, match="'odd'"):
        store.save(1, {"odd": array}, {})
    assert Store(tmp_path).steps() == []


def test_only_the_newest_stay_and_only_after_success(tmp_path):
    saved(tmp_path, 1, 2, 3, 4, keep=2)
    assert Store(tmp_path).steps() == [3, 4]
    assert sorted(os.listdir(tmp_path / "checkpoints")) == ["00000003", "00000004"]


def test_damaged_ones_do_not_count_as_kept(tmp_path):
    path = saved(tmp_path, 1, 2, 3)
    (path / "state.json").unlink()
    with Store(tmp_path, keep=2).lock() as store:
        store.save(4, arrays(4), {})
    assert Store(tmp_path).steps() == [2, 4]


def test_a_retrained_step_replaces_a_damaged_newer_one(tmp_path):
    path = saved(tmp_path, 1, 5)
    (path / "arrays.safetensors").write_bytes(b"")
    with Store(tmp_path, keep=1).lock() as store:
        store.save(3, arrays(3), {})
        assert store.steps() == [3]
        same(store.latest(strict=True).arrays, arrays(3))


def test_training_does_not_go_back_behind_a_good_checkpoint(tmp_path):
    saved(tmp_path, 5)
    with Store(tmp_path).lock() as store, pytest.raises(RunError, match="of step 5"):
        store.save(4, arrays(4), {})
    assert Store(tmp_path).steps() == [5]


def test_a_state_longer_than_other_json_files_may_be_comes_back(tmp_path):
    state = {"rows": ["x" * 1000] * (jsontext.LIMIT // 1000)}
    with Store(tmp_path).lock() as store:
        store.save(1, {}, state)
        assert store.latest(strict=True).state == state


def test_the_same_step_can_be_saved_again(tmp_path):
    saved(tmp_path, 5)
    with Store(tmp_path).lock() as store:
        store.save(5, arrays(6), {"again": True})
        assert store.latest().state == {"again": True}
        same(store.latest().arrays, arrays(6))
    assert os.listdir(tmp_path / "checkpoints") == ["00000005"]


@pytest.mark.parametrize("replacement", [False, True])
def test_a_writer_killed_while_it_replaces_a_step_loses_nothing(tmp_path, replacement):
    path = saved(tmp_path, 5)
    aside = path.with_name(".old-00000005-abcdef")
    if replacement:
        shutil.copytree(path, aside)
    else:
        path.rename(aside)
    same(Store(tmp_path).latest(strict=True).arrays, arrays(5))
    with Store(tmp_path).lock() as store:
        assert os.listdir(store.place) == ["00000005"]
        same(store.latest(strict=True).arrays, arrays(5))


def test_saving_needs_the_lock_and_sane_arguments(tmp_path, monkeypatch):
    with pytest.raises(RunError, match="without its lock"):
        Store(tmp_path).save(1, {}, {})
    with pytest.raises(ValueError, match="at least 1"):
        Store(tmp_path, keep=0)
    with Store(tmp_path).lock() as store:
        for step in (-1, 1.0, True, "1"):
            with pytest.raises(ValueError, match="natural number"):
                store.save(step, {}, {})
        with pytest.raises(ValueError, match=r"best\[1\]\.loss is nan"):
            store.save(1, {}, {"best": [0, {"loss": float("nan")}]})
        with pytest.raises(TypeError, match="key 1"):
            store.save(1, {}, {"best": {1: 2}})
        with pytest.raises(ValueError, match="inf"):
            store.save(1, {}, {}, {"memory": float("inf")})
        monkeypatch.setattr("snarc.training.store.STATE_LIMIT", 1000)
        with pytest.raises(ValueError, match="a state of 1016 bytes; at most 1000 are read back"):
            store.save(1, {}, {"text": "x" * 999})
        assert os.listdir(store.place) == []
    with pytest.raises(RunError, match="without its lock"):
        store.save(1, {}, {})


def test_no_checkpoint_is_said_plainly(tmp_path):
    for folder in (tmp_path, tmp_path / "absent"):
        assert Store(folder).steps() == []
        with pytest.raises(CheckpointError, match="holds no checkpoint"):
            Store(folder).latest()


def test_case_70_leftovers_of_killed_writers_are_ignored_and_swept(tmp_path):
    path = saved(tmp_path, 1)
    shutil.copytree(path, path.with_name(".tmp-00000009-abc"))
    (tmp_path / ".tmp-1234-recipe.json").write_text("{")
    (tmp_path / "weights" / "0").mkdir(parents=True)
    (tmp_path / "weights" / "0" / ".tmp-12-weights").write_text("half")
    (tmp_path / "weights" / "0" / "weights.safetensors").write_text("stays")
    assert Store(tmp_path).latest(strict=True).step == 1
    with Store(tmp_path).lock() as store:
        assert os.listdir(store.place) == ["00000001"]
    left = sorted(p.name for p in tmp_path.rglob("*") if p.is_file())
    assert left == [*sorted([*FILES, "lock"]), "weights.safetensors"]


def test_a_reader_goes_on_when_a_writer_removes_what_it_reads(tmp_path, monkeypatch):
    saved(tmp_path, 1, 2)
    calls = []

    def load(path, step):
        if not calls:
            calls.append(step)
            shutil.rmtree(path)
        return checkpoint.load(path, step)

    monkeypatch.setattr("snarc.training.store.load", load)
    assert Store(tmp_path).latest().step == 1  # and no warning, which would be an error
    assert calls == [2]
