"""The three drivers agree."""

import subprocess
import sys

import numpy as np
import pytest
from flax import nnx

from snarc.data import Dataset, Stream
from snarc.training import fit
from snarc.training.drive import _padded
from snarc.training.names import to_arrays


def test_padding_repeats_examples_and_keeps_the_order():
    assert _padded(np.array([3, 1, 2, 0, 4]), 2, 2).tolist() == [[3, 1], [2, 0], [4, 3]]
    assert _padded(np.array([3, 1, 2, 0]), 2, 4).tolist() == [[3, 1, 3, 1], [2, 0, 2, 0]]


DEVICES = """
import os, sys, json
os.environ["XLA_FLAGS"] = "--xla_force_host_platform_device_count=8"
import numpy as np, snarc
from flax import nnx
from snarc.training.names import to_arrays
data = snarc.load("digits")
found = {}
for devices in (1, 2, 4, 8):
    # 101 steps of 30 examples (no multiple of 4 or 8), with dropout.
    run = snarc.fit("64-30-10", data, epochs=3, batch_size=30, devices=devices, out=False, progress=False,
                    model_options={"dropout": 0.2})
    found[devices] = np.concatenate([a.ravel() for a in to_arrays(nnx.state(run.networks[0], nnx.Param)).values()])
for devices in (2, 4, 8):
    off = np.linalg.norm(found[devices] - found[1]) / np.linalg.norm(found[1])
    assert off < 1e-5, (devices, off)
    print(devices, off)
"""


def test_training_on_1_2_4_and_8_devices_agrees():
    done = subprocess.run([sys.executable, "-c", DEVICES], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-2000:]
    assert len(done.stdout.splitlines()) == 3


@pytest.fixture
def folder_of_images(tmp_path, digits):
    from PIL import Image

    for part, split in (("train", digits.train), ("validation", digits.validation), ("test", digits.test)):
        pixels = split.inputs if split.inputs.dtype == np.uint8 else np.round(split.inputs * 255).astype(np.uint8)
        for k in range(120):
            place = tmp_path / part / str(split.targets[k])
            place.mkdir(parents=True, exist_ok=True)
            Image.fromarray(pixels[k, :, :, 0]).save(place / f"{k}.png")
    return tmp_path


def test_streamed_training_equals_training_in_memory(folder_of_images):
    import snarc

    settings = {"epochs": 2, "batch_size": 25, "out": False, "progress": False}
    inside = snarc.load(folder_of_images, stream=False)
    outside = snarc.load(folder_of_images, stream=True)
    assert isinstance(outside.train, Stream)
    assert isinstance(inside, Dataset)
    a, b = (fit("64-20-10", data, **settings) for data in (inside, outside))
    x, y = (to_arrays(nnx.state(run.networks[0], nnx.Param)) for run in (a, b))
    for name in x:
        np.testing.assert_allclose(x[name], y[name], rtol=2e-4, atol=1e-5)
    np.testing.assert_allclose(a.history["loss"], b.history["loss"], rtol=1e-4)
    assert a.test.accuracy.mean == pytest.approx(b.test.accuracy.mean, abs=0.02)
