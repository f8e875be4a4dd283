"""Streams give exactly what memory gives; moments do not care which they read."""

from __future__ import annotations

import threading
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from snarc.data import Split, Stream, load, moments, read_like
from snarc.errors import DataError


@pytest.fixture(params=["images", "csv", "npz", "npz-floats", "idx"])
def both(request, pictures, tmp_path, idx):
    """The same data in memory and streamed."""
    rng = np.random.default_rng(0)
    options = {}
    if request.param == "images":
        path = pictures(each=40)
    elif request.param == "csv":
        path, options = tmp_path / "t.csv", {"target": "c"}
        lines = [f'{a!r},"x{i % 3}\n",{"pq"[i % 2]}\n' for i, a in enumerate(rng.normal(size=80).tolist())]
        path.write_text("a,b,c\n" + "".join(lines))
    elif request.param == "idx":
        path = tmp_path / "set"
        path.mkdir()
        for part, n in (("train", 80), ("t10k", 20)):
            (path / f"{part}-images-idx3-ubyte").write_bytes(idx(rng.integers(0, 256, (n, 5, 4))))
            (path / f"{part}-labels-idx1-ubyte").write_bytes(idx(np.arange(n) % 4))
    else:
        path = tmp_path / "t.npz"
        x = rng.integers(0, 256, (80, 6, 5, 3), np.uint8) if request.param == "npz" else rng.normal(size=(80, 7))
        np.savez(path, x=x, y=np.arange(80) % 4)
    return load(path, stream=False, **options), load(path, stream=True, **options)


def test_a_stream_is_the_same_data(both):
    memory, stream = both
    assert isinstance(memory.train, Split)
    assert isinstance(stream.train, Stream)
    assert stream.inputs == memory.inputs
    assert stream.task == memory.task
    assert stream.checksum() == memory.checksum()
    for part in ("train", "validation", "test"):
        a, b = memory.split(part), stream.split(part)
        np.testing.assert_array_equal(a.targets, b.targets)
        np.testing.assert_array_equal(a.inputs, b.gather(np.arange(len(b))).inputs)


def test_batches_come_in_the_order_asked_for_and_resume_anywhere(both):
    memory, stream = both
    order = np.random.default_rng(1).integers(0, len(memory.train), 50)
    for size in (7, 50, 64):
        wanted = list(memory.train.batches(order, size))
        assert [len(t) for _, t in wanted] == [min(size, 50 - i) for i in range(0, 50, size)]
        for start in (0, 1, len(wanted) - 1, len(wanted), len(wanted) + 3):
            for split in (memory.train, stream.train):
                found = list(split.batches(order, size, start))
                assert len(found) == max(0, len(wanted) - start)
                for (x, t), (x2, t2) in zip(found, wanted[start:]):
                    np.testing.assert_array_equal(x, x2)
                    np.testing.assert_array_equal(t, t2)
                    assert x.dtype == x2.dtype


def test_leaving_in_the_middle_ends_the_threads(both):
    before = threading.active_count()
    for _ in range(5):
        batches = both[1].train.batches(np.arange(40).repeat(20), 10)
        next(batches)
        batches.close()
    for _ in range(200):  # a worker ends once it has noticed that nobody reads on
        if threading.active_count() <= before:
            break
        time.sleep(0.1)
    assert threading.active_count() <= before


def test_moments_agree(both):
    memory, stream = both
    for a, b in zip(moments(memory.train), moments(stream.train)):
        np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-15)
    x = memory.train.inputs.astype(np.float64) / (255 if memory.train.inputs.dtype == np.uint8 else 1)
    axes = tuple(range(x.ndim - 1))
    np.testing.assert_allclose(moments(memory.train)[0], x.mean(axes), rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(moments(memory.train)[1], np.where(x.std(axes) > 0, x.std(axes), 1), rtol=1e-10)


@settings(max_examples=60, deadline=None)
@given(st.floats(-1e6, 1e6, width=32), st.floats(1e-3, 1e3), st.integers(2, 200))
def test_moments_far_from_zero(shift, scale, n):
    x = (shift + scale * np.random.default_rng(n).normal(size=(n, 2))).astype(np.float32)
    mean, std = moments(Split(x, np.zeros(n)))
    exact = x.astype(np.longdouble)
    np.testing.assert_allclose(mean, exact.mean(0).astype(float), rtol=1e-12)
    wanted = exact.std(0).astype(float)
    np.testing.assert_allclose(std, np.where(wanted > 0, wanted, 1), rtol=1e-9)


def test_moments_of_nothing():
    with pytest.raises(DataError, match="no mean"):
        moments(Split(np.zeros((0, 3), np.float32), np.zeros(0)))


def test_size_decides(tmp_path):
    path = tmp_path / "t.npz"
    np.savez(path, x=np.random.default_rng(0).normal(size=(100, 10)), y=np.arange(100) % 2)
    assert isinstance(load(path).train, Split)
    assert isinstance(load(path, stream_above=1000).train, Stream)


def test_compressed_files_cannot_be_streamed(tmp_path, refused):
    path = tmp_path / "t.npz"
    np.savez_compressed(path, x=np.random.default_rng(0).normal(size=(100, 10)), y=np.arange(100) % 2)
    with refused("t.npz", "compressed", "numpy.savez"):
        load(path, stream=True)


@pytest.mark.parametrize("value", [np.nan, np.inf, 1e300])
def test_streamed_numbers_are_checked_before_training(value, tmp_path, refused):
    x = np.random.default_rng(0).normal(size=(100, 10))
    x[77, 3] = value
    np.savez(tmp_path / "t.npz", x=x, y=np.arange(100) % 2)
    with refused("t.npz", f"x is {value}", "row 77, column 3"):
        load(tmp_path / "t.npz", stream=True)


def test_a_csv_file_that_changes_while_streamed(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("a,y\n" + "".join(f"{i}.5,{i % 2}\n" for i in range(50)))
    data = load(path, target="y", stream=True)
    path.write_text("a,y\n1,2\n")
    with pytest.raises(DataError, match="has changed"):
        data.train.gather(np.arange(3))


def test_images_are_read_for_prediction_as_for_training(pictures):
    root = pictures()
    data = load(root, size=(5, 7), validation=0, test=0)
    files = sorted((root / "cat").glob("*.png"))
    np.testing.assert_array_equal(read_like(files, data), data.train.inputs[:6])
    with pytest.raises(DataError, match="another kind"):
        read_like([root / "x.csv"], data)


def test_npy_files_for_prediction(tmp_path, refused):
    data = load("digits")
    np.save(tmp_path / "x.npy", data.test.inputs[:3])
    np.testing.assert_array_equal(read_like([tmp_path / "x.npy"] * 2, data)[3:], data.test.inputs[:3])
    np.save(tmp_path / "bad.npy", np.array([{}], object), allow_pickle=True)
    with refused("bad.npy"):
        read_like([tmp_path / "bad.npy"], data)


def test_parts_of_an_image_folder(pictures, refused):
    pictures(at="train", each=20)
    root = pictures(at="test", each=5)
    data = load(root)
    assert (len(data.train), len(data.validation), len(data.test)) == (36, 4, 10)
    some = next((root / "train" / "cat").iterdir())
    (root / "test" / "cat" / "again.png").write_bytes(some.read_bytes())
    for streamed in (False, True):
        with refused("1 of 11 test examples", "test/cat/again.png"):
            load(root, stream=streamed)
        assert len(load(root, overlap="warn", stream=streamed).test) == 11


def test_classes_named_by_numbers_are_in_their_order(pictures):
    assert load(pictures(classes=("10", "9", "2"))).task.classes == ("2", "9", "10")


def test_archives_of_images(pictures, tmp_path):
    import shutil

    root = pictures()
    wanted = load(root).checksum()
    for kind in ("zip", "tar", "gztar"):
        path = shutil.make_archive(str(tmp_path / "pictures"), kind, root)
        assert load(path).checksum() == wanted
