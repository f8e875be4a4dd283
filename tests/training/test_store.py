"""Checkpoints: bit-exact round trips, and every way one can be damaged, foreign or in the way."""

import json
import os
import random
import shutil
import warnings

import ml_dtypes
import numpy as np
import pytest
import safetensors.numpy
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from snarc.errors import CheckpointError, RunError
from snarc.training import checkpoint, disk, jsontext, tensors
from snarc.training.store import CheckpointWarning, Store, agree, expect

FILES = ("arrays.safetensors", "state.json", "manifest.json")
STATE = {"epoch": 3, "best": 0.1, "names": ["a", "é"], "none": None, "key": 2**63}


def arrays(seed=0):
    draw = np.random.default_rng(seed)
    return {
        "params/kernel": draw.normal(size=(7, 5)).astype(np.float32),
        "params/half": draw.normal(size=11).astype(ml_dtypes.bfloat16),
        "key": draw.integers(0, 2**32, size=(2, 2), dtype=np.uint32),
        "step": np.array(12345, np.int32),
        "mask": draw.random(9) < 0.5,
        "empty": np.zeros((0, 3), np.float16),
        "special": np.array([np.nan, -0.0, np.inf, 5e-324]),
    }


def same(found, wanted):
    assert found.keys() == wanted.keys()
    for name, array in wanted.items():
        assert found[name].dtype == array.dtype
        assert found[name].shape == array.shape
        assert found[name].tobytes() == array.tobytes(), name


def saved(folder, *steps, keep=3):
    folder.mkdir(exist_ok=True)
    with Store(folder, keep).lock() as store:
        for step in steps:
            store.save(step, arrays(step), {**STATE, "epoch": step}, {"jax": "0.10"})
    return folder / "checkpoints" / f"{steps[-1]:08d}"


def falls_back(folder, step, saying):
    with pytest.warns(CheckpointWarning) as caught:
        found = Store(folder).latest()
    assert len(caught) == 1
    assert saying in str(caught[0].message)
    assert f"Going on from step {step}." in str(caught[0].message)
    same(found.arrays, arrays(step))
    with pytest.raises(CheckpointError, match="--strict"):
        Store(folder).latest(strict=True)


def test_what_is_saved_comes_back_bit_for_bit(tmp_path):
    saved(tmp_path, 10)
    found = Store(tmp_path).latest(strict=True)
    assert found.step == 10
    assert found.state == {**STATE, "epoch": 10}
    assert found.made_with == {"jax": "0.10"}
    same(found.arrays, arrays(10))
    assert all(array.flags.aligned and array.flags.writeable for array in found.arrays.values())


DTYPES = [np.bool_, np.int8, np.uint8, np.int16, np.uint16, np.int32, np.uint32, np.int64, np.uint64]
DTYPES += [np.float16, np.float32, np.float64, np.complex64]


@given(st.sampled_from(DTYPES).flatmap(lambda dtype: hnp.arrays(dtype, hnp.array_shapes(min_dims=0, min_side=0))))
def test_any_array_survives_and_the_reference_reads_the_same(array):
    written = b"".join(tensors.pieces({"x": array, "other": np.arange(3, dtype=np.uint8)}))
    same(tensors.parse(bytearray(written), "memory"), {"x": array, "other": np.arange(3, dtype=np.uint8)})
    same({"x": safetensors.numpy.load(written)["x"]}, {"x": array})
    same(tensors.parse(bytearray(safetensors.numpy.save({"x": array.copy(order="C")})), "memory"), {"x": array})


@pytest.mark.parametrize("dtype", [ml_dtypes.bfloat16, ml_dtypes.float8_e5m2, ml_dtypes.float8_e4m3fn])
def test_all_bit_patterns_of_small_floats_survive(dtype):
    size = np.dtype(dtype).itemsize
    array = np.arange(2 ** (8 * size), dtype=f"u{size}").view(dtype)
    same(tensors.parse(bytearray(b"".join(tensors.pieces({"x": array}))), "memory"), {"x": array})


def test_order_in_memory_and_byte_order_do_not_change_the_values(tmp_path):
    plain = np.arange(12, dtype=np.int32).reshape(3, 4)
    for array in (np.asfortranarray(plain), np.repeat(plain, 2, axis=1)[:, ::2], plain.astype(">i4")):
        same(tensors.parse(bytearray(b"".join(tensors.pieces({"x": array}))), "memory"), {"x": plain})


def test_unaligned_arrays_of_other_writers_are_read():
    header = (
        b'{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"b":{"dtype":"F64","shape":[1],"data_offsets":[1,9]}}'
    )
    data = len(header).to_bytes(8, "little") + header + b"\x07" + np.float64(2.5).tobytes()
    found = tensors.parse(bytearray(data), "memory")
    assert found["b"][0] == 2.5
    assert found["b"].flags.aligned


@pytest.mark.parametrize("array", [np.array([object()]), np.array(["text"]), np.zeros(2, "M8[s]"), np.zeros(2, "c16")])
def test_types_without_a_place_in_the_format_are_refused_by_name(tmp_path, array):
    tmp_path.mkdir(exist_ok=True)
    with Store(tmp_path).lock() as store, pytest.raises(RunError, match="'odd'"):
        store.save(1, {"odd": array}, {})
    assert Store(tmp_path).steps() == []


def test_more_than_can_be_read_back_is_not_written():
    with pytest.raises(RunError, match="Stack"):
        tensors.pieces({f"array{i}": np.zeros(1) for i in range(10_001)})
    with pytest.raises(RunError, match="Stack"):
        tensors.pieces({f"{'long' * 60}{i}": np.zeros(1) for i in range(5000)})
    for name in ("", "__metadata__", 3):
        with pytest.raises(RunError, match="name that is text"):
            tensors.pieces({name: np.zeros(1)})


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


def test_all_bad_lists_what_is_wrong_with_each(tmp_path):
    saved(tmp_path, 1, 2)
    place = tmp_path / "checkpoints"
    (place / "00000001" / "state.json").unlink()
    (place / "00000002" / "manifest.json").write_text("{}")
    with pytest.raises(CheckpointError) as caught:
        Store(tmp_path).latest()
    assert "00000001/state.json is missing" in str(caught.value)
    assert "00000002/manifest.json does not have the SHA-256" in str(caught.value)


def torn(data, how):
    return {"0": b"", "1": data[:1], "half": data[: len(data) // 2], "n-1": data[:-1], "more": data + b"\0"}.get(
        how, bytes(len(data))
    )


@pytest.mark.parametrize("how", ["0", "1", "half", "n-1", "more", "zeroed"])
@pytest.mark.parametrize("name", FILES)
def test_case_66_torn_file(tmp_path, name, how):
    path = saved(tmp_path, 1, 2) / name
    path.write_bytes(torn(path.read_bytes(), how))
    falls_back(tmp_path, 1, name)


def test_case_67_every_one_of_500_flipped_bits_is_noticed(tmp_path):
    path = saved(tmp_path, 1, 2)
    dice = random.Random(67)
    whole = {name: (path / name).read_bytes() for name in FILES}
    missed = []
    for n in range(500):
        name = FILES[n % 3]
        data = bytearray(whole[name])
        place = dice.randrange(len(data) * 8)
        data[place // 8] ^= 1 << place % 8
        (path / name).write_bytes(data)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            found = Store(tmp_path).latest()
        if found.step != 1 or len(caught) != 1:
            missed.append((name, place))
        (path / name).write_bytes(whole[name])
    assert missed == []
    assert Store(tmp_path).latest(strict=True).step == 2


def test_case_67_every_bit_of_the_manifest_is_sealed(tmp_path):
    path = saved(tmp_path, 2) / "manifest.json"
    whole = path.read_bytes()
    for place in range(len(whole) * 8):
        data = bytearray(whole)
        data[place // 8] ^= 1 << place % 8
        path.write_bytes(data)
        with pytest.raises(CheckpointError):
            checkpoint.load(path.parent, 2)


@pytest.mark.parametrize("name", FILES)
def test_case_68_deleted_file_and_69_no_commit_marker(tmp_path, name):
    (saved(tmp_path, 1, 2) / name).unlink()
    falls_back(tmp_path, 1, f"{name} is missing")


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


TEMPLATE = {name: (array.shape, array.dtype) for name, array in arrays().items()}


def test_the_arrays_of_the_same_network_fit():
    expect(arrays(), TEMPLATE)


@pytest.mark.parametrize(
    ("change", "saying"),
    [
        pytest.param(
            {"params/other": ((3,), np.float32)}, "'params/other' is missing.*float32\\[3\\]", id="71-architecture"
        ),
        pytest.param(
            {"params/kernel": ((7, 6), np.float32)}, r"'params/kernel'.*float32\[7, 5\].*float32\[7, 6\]", id="72"
        ),
        pytest.param(
            {"params/kernel": ((7, 5), ml_dtypes.bfloat16)}, r"float32\[7, 5\].*bfloat16\[7, 5\]", id="73-dtype"
        ),
        pytest.param({"adam/mu": ((7, 5), np.float32)}, "'adam/mu' is missing", id="74-optimiser"),
    ],
)
def test_arrays_of_another_network_are_refused_and_never_cast(change, saying):
    with pytest.raises(CheckpointError, match=saying):
        expect(arrays(), TEMPLATE | change)


def test_case_71_more_arrays_than_wanted():
    with pytest.raises(CheckpointError, match=r"'mask' of the checkpoint is bool.*no array of that name"):
        expect(arrays(), {name: entry for name, entry in TEMPLATE.items() if name != "mask"})


def reseal(path, **changes):
    content = json.loads(path.read_text())
    del content["sha256"]
    path.write_bytes(checkpoint._sealed(content | changes))


def test_case_75_a_newer_format_is_refused_by_number_and_nothing_older_taken(tmp_path):
    reseal(saved(tmp_path, 1, 2) / "manifest.json", format=2)
    with pytest.raises(CheckpointError, match="format 2; wanted: format 1"):
        Store(tmp_path).latest()
    with Store(tmp_path).lock() as store, pytest.raises(CheckpointError, match="format 2"):
        store.save(1, {}, {})


@pytest.mark.parametrize(
    ("wanted", "saying"),
    [
        pytest.param({"seed": 2}, "'seed' of the checkpoint is 1; wanted: 2", id="76-seed"),
        pytest.param({"recipe": {"rate": 0.2}}, "'recipe' of the checkpoint is", id="76-recipe"),
        pytest.param({"data": "x"}, "'data' is not in the checkpoint", id="76-missing"),
        pytest.param({"none": 0}, "'none' of the checkpoint is None", id="76-null"),
    ],
)
def test_the_state_of_another_run_is_refused(wanted, saying):
    state = {"seed": 1, "recipe": {"rate": 0.1}, "none": None}
    agree(state, {"recipe": {"rate": 0.1}, "seed": 1, "none": None})
    with pytest.raises(CheckpointError, match=saying):
        agree(state, wanted)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere; test_store_faults has a read-only mount")
def test_case_77_read_only_folder(tmp_path):
    saved(tmp_path, 1)
    for path in (tmp_path / "checkpoints", tmp_path):
        path.chmod(0o500)
    same(Store(tmp_path).latest(strict=True).arrays, arrays(1))
    with Store(tmp_path).lock() as store, pytest.raises(RunError, match="cannot be written: Permission"):
        store.save(2, {}, {})


def test_case_77_unreadable_folder(tmp_path, monkeypatch):
    saved(tmp_path, 1)

    def refuse(path):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(os, "listdir", refuse)
    with pytest.raises(CheckpointError, match=r"cannot be read: Permission denied \(EACCES\)"):
        Store(tmp_path).latest()


@pytest.mark.parametrize("name", ["", *FILES])
def test_case_78_symbolic_links_are_refused(tmp_path, name):
    path = saved(tmp_path, 1, 2) / name
    elsewhere = tmp_path / "elsewhere"
    path.rename(elsewhere)
    path.symlink_to(elsewhere)
    falls_back(tmp_path, 1, "is a symbolic link")
    with Store(tmp_path, keep=1).lock() as store:
        store.save(3, {}, {})
    assert elsewhere.exists()
    assert not path.is_symlink()


def test_case_79_the_newest_two_bad_and_the_third_good_gives_one_warning(tmp_path):
    saved(tmp_path, 1, 2, 3)
    for step in (2, 3):
        (tmp_path / "checkpoints" / f"{step:08d}" / "state.json").write_text("{}")
    falls_back(tmp_path, 1, "00000003/state.json has 2 bytes")


def test_a_folder_renamed_to_another_step_is_noticed(tmp_path):
    path = saved(tmp_path, 1)
    path.rename(path.with_name("00000007"))
    with pytest.raises(CheckpointError, match="00000007 holds step 1"):
        Store(tmp_path).latest()


def test_a_pipe_in_place_of_a_file_does_not_hang(tmp_path):
    path = saved(tmp_path, 1, 2) / "state.json"
    path.unlink()
    os.mkfifo(path)
    falls_back(tmp_path, 1, "is not a regular file")


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


def test_a_checkpoint_larger_than_memory_is_not_begun_to_be_read(tmp_path, monkeypatch):
    from snarc.errors import LimitError

    saved(tmp_path, 1)
    monkeypatch.setattr(disk, "_memory", lambda: 10)
    with pytest.raises(LimitError, match="at most the 10"):
        Store(tmp_path).latest()
