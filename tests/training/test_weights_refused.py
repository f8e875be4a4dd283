"""Weights that are described wrongly, incomplete, damaged or not finite are refused, and the message names what."""

import os

import ml_dtypes
import numpy as np
import pytest

from snarc.errors import CheckpointError, DataError, RunError
from snarc.training import tensors
from snarc.training.files import read_json, write_json
from snarc.training.store import expect
from snarc.training.weights import load_weights, save_weights

from .weights import ARRAYS, CONFIG, hostile

WRONG = {
    "89-os.system": ({"model": "os.system"}, "'model' is 'os.system'"),
    "89-path": ({"model": "../../etc"}, "'model' is"),
    "89-custom": ({"model": "custom:os/system"}, "'model' is 'custom:os"),
    "89-no-text": ({"model": ["lenet5"]}, "'model' is"),
    "90-inputs": ({"inputs": [10**10]}, "'inputs' is"),
    "90-outputs": ({"outputs": 10**12}, "'outputs' is"),
    "outputs-true": ({"outputs": True}, "'outputs' is True"),
    "inputs-zero": ({"inputs": [28, 0]}, "'inputs' is"),
    "inputs-text": ({"inputs": "28"}, "'inputs' is"),
    "options": ({"options": [1]}, "'options' is"),
    "task": ({"task": "classification"}, "'task' is"),
    "task-kind": ({"task": {"kind": 1, "classes": [], "targets": []}}, "'task' is"),
    "classes": ({"task": {"kind": "x", "classes": [1], "targets": []}}, "'task' is"),
    "versions": ({"versions": None}, "'versions' is None"),
    "long": ({"inputs": list(range(10**4))}, r"\.\.\.; wanted"),
}


@pytest.mark.parametrize(("change", "saying"), WRONG.values(), ids=WRONG)
def test_a_description_of_something_else_is_refused_both_ways(tmp_path, change, saying):
    with pytest.raises(DataError, match=saying):
        save_weights(tmp_path / "new", ARRAYS, CONFIG | change)
    assert os.listdir(tmp_path) == []
    save_weights(tmp_path, ARRAYS, CONFIG)
    write_json(tmp_path / "network.json", read_json(tmp_path / "network.json") | change)
    with pytest.raises(DataError, match=saying):
        load_weights(tmp_path)


@pytest.mark.parametrize("name", CONFIG)
def test_a_description_with_something_missing_is_refused(tmp_path, name):
    with pytest.raises(DataError, match=f"{name!r} is missing"):
        save_weights(tmp_path, ARRAYS, {key: value for key, value in CONFIG.items() if key != name})


@pytest.mark.parametrize("about", [None, {"sha256": "x"}, {"sha256": 1, "bytes": 1}, {"sha256": "x", "bytes": "1"}])
def test_a_description_that_does_not_vouch_for_the_weights(tmp_path, about):
    save_weights(tmp_path, ARRAYS, CONFIG)
    write_json(tmp_path / "network.json", read_json(tmp_path / "network.json") | {"weights": about})
    with pytest.raises(DataError, match="'weights' is"):
        load_weights(tmp_path)


def test_case_90_a_width_of_a_billion_meets_the_weights_before_any_memory_is_taken(tmp_path):
    save_weights(tmp_path, ARRAYS, CONFIG | {"options": {"hidden": [10**9]}})
    arrays, config = load_weights(tmp_path)
    width = config["options"]["hidden"][0]
    with pytest.raises(CheckpointError, match=r"float32\[3, 4\]; wanted: float32\[3, 1000000000\]"):
        expect(arrays, {"dense/kernel": ((3, width), np.float32)})


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, ml_dtypes.bfloat16, np.complex64])
def test_case_94_weights_that_are_not_finite_are_refused_by_name(tmp_path, dtype, value):
    bad = np.zeros((3, 4), dtype)
    bad[1, 2] = value
    with pytest.raises(DataError, match=r"1 of 12 numbers of 'bad' are not finite, first at \(1, 2\)"):
        save_weights(tmp_path / "net", {**ARRAYS, "bad": bad}, CONFIG)
    assert not (tmp_path / "net").exists()
    with pytest.raises(DataError, match="'bad' are not finite"):
        load_weights(hostile(tmp_path, b"".join(tensors.pieces({"good": np.ones(2), "bad": bad}))))
    with pytest.raises(DataError, match=r"first at \(0,\)"):
        save_weights(tmp_path, {"scalar": np.array(value, dtype)}, CONFIG)


def test_a_newer_format_is_refused_by_number(tmp_path):
    save_weights(tmp_path, ARRAYS, CONFIG)
    for number in (2, "1", None):
        write_json(tmp_path / "network.json", read_json(tmp_path / "network.json") | {"format": number})
        with pytest.raises(RunError, match=f"is of format {number!r}; wanted: format 1"):
            load_weights(tmp_path)


@pytest.mark.parametrize("name", ["network.json", "weights.safetensors"])
def test_missing_files_are_named(tmp_path, name):
    with pytest.raises(RunError, match=r"network\.json is missing"):
        load_weights(tmp_path / "absent")
    save_weights(tmp_path, ARRAYS, CONFIG)
    (tmp_path / name).unlink()
    with pytest.raises(RunError, match=f"{name} is missing"):
        load_weights(tmp_path)


def test_a_description_that_is_no_object_or_too_long(tmp_path):
    save_weights(tmp_path, ARRAYS, CONFIG)
    (tmp_path / "network.json").write_text("[]")
    with pytest.raises(DataError, match="holds no JSON object"):
        load_weights(tmp_path)
    (tmp_path / "network.json").write_text(" " * 2**20 + "[]")
    with pytest.raises(DataError, match="larger than 1048576 bytes"):
        load_weights(tmp_path)


@pytest.mark.parametrize("special", ["fifo", "folder"])
@pytest.mark.parametrize("name", ["network.json", "weights.safetensors", "weights.next.safetensors"])
def test_pipes_and_folders_in_place_of_files_do_not_hang(tmp_path, name, special):
    save_weights(tmp_path, ARRAYS, CONFIG)
    (tmp_path / name).unlink(missing_ok=True)
    os.mkfifo(tmp_path / name) if special == "fifo" else os.mkdir(tmp_path / name)
    with pytest.raises((DataError, RunError), match="is not a regular file"):
        load_weights(tmp_path)


@pytest.mark.parametrize("how", [lambda data: b"", lambda data: data[:1], lambda data: data[: len(data) // 2]])
def test_torn_weights_say_what_is_torn(tmp_path, how):
    save_weights(tmp_path, ARRAYS, CONFIG)
    path = tmp_path / "weights.safetensors"
    path.write_bytes(how(path.read_bytes()))
    with pytest.raises(DataError, match=r"weights\.safetensors: "):
        load_weights(tmp_path)


def test_every_flipped_bit_is_noticed_though_the_layout_alone_would_not(tmp_path):
    save_weights(tmp_path, ARRAYS, CONFIG)
    path = tmp_path / "weights.safetensors"
    whole = path.read_bytes()
    passed_by_layout = 0
    for place in range(0, len(whole) * 8, 3):
        data = bytearray(whole)
        data[place // 8] ^= 1 << place % 8
        path.write_bytes(data)
        with pytest.raises(DataError):
            load_weights(tmp_path)
        try:
            tensors.parse(data, "memory", error=DataError)
            passed_by_layout += 1
        except DataError:
            pass
    assert passed_by_layout > 100


def test_longer_weights_than_described_are_not_read(tmp_path):
    save_weights(tmp_path, ARRAYS, CONFIG)
    with open(tmp_path / "weights.safetensors", "r+b") as file:
        file.truncate(2**42)
    with pytest.raises(DataError, match="is larger than"):
        load_weights(tmp_path)
