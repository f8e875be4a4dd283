"""Checkpoints of another network, another run or a newer format are refused."""

import json

import ml_dtypes
import numpy as np
import pytest

from snarc.errors import CheckpointError
from snarc.training import checkpoint
from snarc.training.store import Store, agree, expect

from .checkpoints import arrays, saved

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
