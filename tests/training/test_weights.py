"""Weights to give away come back exactly, under every name a model can have."""

import hashlib
import os

import pytest
import safetensors
import safetensors.numpy

from snarc.training.weights import load_weights, save_weights

from .comparing import same
from .weights import ARRAYS, CONFIG


def test_weights_come_back_exactly_and_others_can_read_them(tmp_path):
    save_weights(tmp_path / "net", ARRAYS, CONFIG)
    found, config = load_weights(tmp_path / "net")
    same(found, ARRAYS)
    assert {name: config[name] for name in CONFIG} == CONFIG
    data = (tmp_path / "net" / "weights.safetensors").read_bytes()
    assert config["weights"] == {"sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data)}
    with safetensors.safe_open(tmp_path / "net" / "weights.safetensors", "np") as file:
        assert set(file.keys()) == set(ARRAYS)
        assert (file.get_tensor("dense/kernel") == ARRAYS["dense/kernel"]).all()
    same(load_weights(tmp_path / "net" / "weights.safetensors").arrays, ARRAYS)
    assert sorted(os.listdir(tmp_path / "net")) == ["network.json", "weights.safetensors"]


@pytest.mark.parametrize(
    "name", ["784-300-10", "784-300:tanh-10", "lenet-1989", "custom:<lambda>", "custom:My_Net2", "custom:a.B"]
)
def test_names_of_models_and_factories(tmp_path, name):
    save_weights(tmp_path, ARRAYS, CONFIG | {"model": name})
    assert load_weights(tmp_path).config["model"] == name


def test_saving_over_the_file_just_loaded_keeps_its_numbers(tmp_path):
    save_weights(tmp_path, ARRAYS, CONFIG)
    for _ in range(2):
        arrays, config = load_weights(tmp_path)
        save_weights(tmp_path, arrays, config)
        same(arrays, ARRAYS)
    same(load_weights(tmp_path).arrays, ARRAYS)
