"""The real files: counts a class, shapes, and values known from their descriptions."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from sklearn.datasets import load_digits

from snarc import registry
from snarc.data import describe, fetch, load
from snarc.data.canonical import FILES, at_hand
from snarc.data.cifar10 import RECORD, parse_batches, read_archive
from snarc.errors import DataError, UnknownNameError

USPS_TRAIN = [1194, 1005, 731, 658, 652, 556, 664, 645, 542, 644]
USPS_TEST = [359, 264, 198, 166, 200, 160, 170, 147, 166, 177]
MNIST_TRAIN = [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
MNIST_TEST = [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]


def _counts(*splits):
    return sum(np.bincount(s.targets, minlength=10) for s in splits).tolist()


def test_digits_are_scikit_learns():
    bunch, data = load_digits(), load("digits", validation=0, test=1)
    assert data.train.inputs.dtype == np.float32
    assert (len(data.train), len(data.validation), len(data.test)) == (1796, 0, 1)
    ours = {(row.tobytes(), int(t)) for s in (data.train, data.test) for row, t in zip(s.inputs, s.targets)}
    theirs = {((row / 16).astype(np.float32).tobytes(), int(t)) for row, t in zip(bunch.data, bunch.target)}
    assert ours == theirs


def test_digits_by_default():
    data = load("digits")
    assert [len(data.split(s)) for s in ("train", "validation", "test")] == [1079, 359, 359]
    whole = np.array(_counts(data.train, data.validation, data.test))
    assert whole.tolist() == np.bincount(load_digits().target).tolist()
    assert np.abs(np.array(_counts(data.test)) - 359 * whole / 1797).max() < 1  # stratified to the example


def test_mnist(mnist):
    assert mnist.train.inputs.dtype == np.uint8
    assert mnist.inputs == (28, 28, 1)
    assert (len(mnist.train), len(mnist.validation), len(mnist.test)) == (55_000, 5_000, 10_000)
    assert _counts(mnist.train, mnist.validation) == MNIST_TRAIN
    assert _counts(mnist.test) == MNIST_TEST
    assert mnist.test.targets[:10].tolist() == [7, 2, 1, 0, 4, 1, 4, 9, 5, 9]
    # The mean 0.1307 and deviation 0.3081 of the 60,000 are in every tutorial.
    pixels = np.concatenate([mnist.train.inputs.reshape(-1), mnist.validation.inputs.reshape(-1)])
    assert round(float(pixels.mean() / 255), 4) == 0.1307
    assert round(float(pixels.std() / 255), 4) == 0.3081


def test_without_validation_the_files_order_is_kept(data_folder):
    data = load("mnist", validation=0)
    assert data.train.targets[:10].tolist() == [5, 0, 4, 1, 9, 2, 1, 3, 1, 4]
    assert len(data.validation) == 0
    assert load("mnist", validation=0, seed=7).checksum() == data.checksum()


def test_fashion_mnist(data_folder):
    data = load("fashion-mnist")
    assert _counts(data.train, data.validation) == [6000] * 10
    assert _counts(data.test) == [1000] * 10
    assert data.test.targets[:5].tolist() == [9, 2, 1, 1, 6]
    assert data.task.classes[9] == "Ankle boot"


def test_usps(usps):
    assert usps.inputs == (16, 16, 1)
    assert usps.train.inputs.dtype == np.float32
    assert _counts(usps.train, usps.validation) == USPS_TRAIN
    assert _counts(usps.test) == USPS_TEST
    assert (len(usps.validation), len(usps.test)) == (729, 2007)
    values = np.concatenate([usps.train.inputs.reshape(-1), usps.test.inputs.reshape(-1)])
    assert (values.min(), values.max()) == (0, 1)
    assert usps.test.targets[:5].tolist() == [9, 6, 3, 6, 6]


def test_usps_pixels_are_those_of_the_text(usps, data_folder):
    import gzip

    with gzip.open(data_folder / "usps" / "zip.test.gz", "rt") as file:
        first = np.array(file.readline().split(), float)
    np.testing.assert_allclose(usps.test.inputs[0].reshape(-1) * 2 - 1, first[1:], atol=1e-6)


def test_notmnist_is_a_test_set(data_folder):
    data = load("notmnist")
    assert (len(data.train), len(data.validation), len(data.test)) == (0, 0, 10_000)
    assert _counts(data.test) == [1000] * 10
    white = (data.test.inputs == 255).all((1, 2, 3))
    assert np.bincount(data.test.targets[white], minlength=10).tolist() == [0] * 8 + [141, 0]  # solid white, all "I"
    assert len(load("notmnist", test=2000).train) == 7200


def test_cifar10_jpg(data_folder):
    data = load("cifar10-jpg")
    assert data.inputs == (32, 32, 3)
    assert _counts(data.train, data.validation) == [1000] * 10
    assert _counts(data.test) == [200] * 10
    names = "airplane, automobile, bird, cat, deer, dog, frog, horse, ship, truck"
    assert ", ".join(data.task.classes) == names
    assert "lossy" in data.source["note"]


def test_photographs_and_text(data_folder):
    from PIL import Image

    with Image.open(fetch("photos/chelsea.png")) as photo:
        assert photo.size == (451, 300)
    assert len(set(fetch("text/tinyshakespeare.txt").read_text())) == 65
    with pytest.raises(UnknownNameError, match="camera"):
        fetch("photos/camra.png")


def test_cifar10_batches_are_read_plane_by_plane():
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (20, 32, 32, 3), np.uint8)
    labels = rng.integers(0, 10, 20)
    data = b"".join(bytes([t]) + image.transpose(2, 0, 1).tobytes() for t, image in zip(labels, images))
    split = parse_batches(data, "x")
    np.testing.assert_array_equal(split.inputs, images)
    np.testing.assert_array_equal(split.targets, labels)
    with pytest.raises(DataError, match="records of 3073"):
        parse_batches(data[:-1], "x")
    with pytest.raises(DataError, match=f"byte {RECORD}: label 10"):
        parse_batches(data[:RECORD] + b"\x0a" + data[RECORD + 1 :], "x")


def test_cifar10_archive():
    import io
    import tarfile

    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as archive:
        for k, name in enumerate([f"data_batch_{i}.bin" for i in range(1, 6)] + ["test_batch.bin"]):
            info = tarfile.TarInfo(f"cifar-10-batches-bin/{name}")
            info.size = 2 * RECORD
            archive.addfile(info, io.BytesIO((bytes([k]) + bytes(RECORD - 1)) * 2))
    train, test = read_archive(out.getvalue(), "x")
    assert train.targets.tolist() == [0, 0, 1, 1, 2, 2, 3, 3, 4, 4]
    assert test.targets.tolist() == [5, 5]


def test_unknown_names_offer_the_nearest():
    with pytest.raises(UnknownNameError, match=r"no file or folder of that name.*Did you mean 'mnist'"):
        load("mnits")


def test_every_data_set_says_what_it_is():
    names = {entry.name for entry in registry.datasets}
    assert {"digits", "mnist", "fashion-mnist", "usps", "cifar10", "cifar10-jpg", "notmnist"} <= names
    for name in ("digits", "mnist", "usps"):
        entry = registry.datasets.get(name)
        assert entry.summary
        assert entry.about["inputs"]


def test_describe_is_json(mnist):
    import json

    about = json.loads(json.dumps(describe(mnist)))
    assert about["sizes"] == {"train": 55_000, "validation": 5_000, "test": 10_000}
    assert about["per_class"]["test"] == MNIST_TEST
    assert about["bytes"] == 70_000 * 784


def test_an_unknown_option_is_refused_with_the_nearest():
    with pytest.raises(DataError, match=r"does not take the option.*validation"):
        load("digits", validatoin=3)


def test_loading_imports_neither_jax_nor_scikit_learn():
    code = "import sys, snarc.data as d; d.load('digits'); print({'jax', 'sklearn', 'PIL'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_a_set_is_at_hand_when_all_of_its_files_are(tmp_path, monkeypatch):
    monkeypatch.setenv("SNARC_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("SNARC_HOME", str(tmp_path / "home"))
    assert not at_hand("usps")
    names = [remote.path for remote in FILES.values() if remote.path.startswith("usps/")]
    assert len(names) > 1
    places = [tmp_path / "home" / "data", *[tmp_path / "data"] * (len(names) - 1)]  # one downloaded, the others given
    for place, name in zip(places, names):
        assert not at_hand("usps")
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        (place / name).touch()
    assert at_hand("usps")
    assert not at_hand("us")
    assert not at_hand("mnist")
