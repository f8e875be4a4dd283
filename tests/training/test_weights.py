"""Weights to give away: they come back exactly, and nothing hostile gets past the door."""

import errno
import hashlib
import io
import json
import os
import pickle  # noqa: TID251  to make the files that must be refused
import shutil
import subprocess
import sys
import zipfile

import ml_dtypes
import numpy as np
import pytest
import safetensors
import safetensors.numpy
from hypothesis import given
from hypothesis import strategies as st

from snarc.errors import CheckpointError, DataError, RunError
from snarc.training import tensors
from snarc.training.files import read_json, write_json
from snarc.training.store import expect
from snarc.training.weights import load_weights, save_weights

CONFIG = {
    "model": "lenet5",
    "options": {"hidden": [84]},
    "inputs": [28, 28, 1],
    "outputs": 10,
    "task": {"kind": "classification", "classes": list("0123456789"), "targets": []},
    "versions": {"jax": "0.10.2"},
}
ARRAYS = {
    "dense/kernel": np.arange(12, dtype=np.float32).reshape(3, 4),
    "dense/bias": np.arange(4).astype(ml_dtypes.bfloat16),
    "seen": np.array(7, np.int32),
}


def same(found, wanted):
    assert found.keys() == wanted.keys()
    for name, array in wanted.items():
        assert (found[name].dtype, found[name].shape) == (array.dtype, array.shape)
        assert found[name].tobytes() == array.tobytes()


def hostile(folder, data):
    """A folder whose description vouches for these bytes, as an attacker would write it."""
    save_weights(folder, ARRAYS, CONFIG)
    (folder / "weights.safetensors").write_bytes(data)
    about = {"sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data)}
    write_json(folder / "network.json", {**CONFIG, "format": 1, "weights": about})
    return folder


def file_of(header, body=b"", length=None):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return (len(text) if length is None else length).to_bytes(8, "little") + text + body


def entry(dtype="F32", shape=(1,), offsets=(0, 4)):
    return {"dtype": dtype, "shape": list(shape), "data_offsets": list(offsets)}


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


def many(count):
    return {f"t{i}": entry("U8", (1,), (i, i + 1)) for i in range(count)}


HEADERS = {
    "80-length-2**64-1": (file_of(b"{}", length=2**64 - 1), "a header of 18446744073709551615 bytes"),
    "81-header-over-1-MB": (file_of(b"{" + b" " * 2**20 + b"}"), "a header of 1048578 bytes; the limit is 1048576"),
    "82-too-many": (file_of(json.dumps(many(10_001), separators=(",", ":")).encode(), bytes(10_001)), "10001 arrays"),
    "83-overlap": (
        file_of({"a": entry(), "b": entry(offsets=(2, 6))}, bytes(6)),
        "'b' lies at bytes 2 to 6, wanted from 4",
    ),
    "83-gap": (file_of({"a": entry(), "b": entry(offsets=(5, 9))}, bytes(9)), "wanted from 4"),
    "83-same": (file_of({"a": entry(), "b": entry()}, bytes(4)), "'b' lies at bytes 0 to 4"),
    "83-past-the-end": (file_of({"a": entry(shape=(2,), offsets=(0, 8))}, bytes(4)), "up to 4"),
    "83-trailing-bytes": (file_of({"a": entry()}, bytes(5)), "1 bytes after the last array"),
    "83-backwards": (file_of({"a": entry(offsets=(4, 0))}, bytes(4)), "not a begin and an end"),
    "83-three": (file_of({"a": entry(offsets=(0, 4, 4))}, bytes(4)), "not a begin and an end"),
    "83-negative": (file_of({"a": entry(offsets=(-4, 0))}, bytes(4)), "not a begin and an end"),
    "83-fraction": (file_of({"a": entry(offsets=(0, 4.0))}, bytes(4)), "not a begin and an end"),
    "84-duplicate": (file_of(b'{"a": 1, "a": 2}'), "'a' is given twice"),
    "84-duplicate-inside": (
        file_of(b'{"a":{"dtype":"F32","dtype":"U8","shape":[1],"data_offsets":[0,4]}}', bytes(4)),
        "'dtype' is given twice",
    ),
    "85-product": (file_of({"a": entry(shape=(2**32, 2**32))}, bytes(4)), "more numbers than can be counted"),
    "85-product-with-zero": (file_of({"a": entry(shape=(2**62, 2**62, 0), offsets=(0, 0))}), "more numbers than can"),
    "85-larger-than-data": (file_of({"a": entry(shape=(10**12,))}, bytes(4)), "cannot have 4 bytes"),
    "85-negative": (file_of({"a": entry(shape=(-1, -1))}, bytes(4)), "natural numbers"),
    "85-truth": (file_of({"a": entry(shape=(True,))}, bytes(4)), "natural numbers"),
    "85-rank": (file_of({"a": entry(shape=(1,) * 33)}, bytes(4)), "not at most 32 natural"),
    "85-no-list": (file_of({"a": {"dtype": "F32", "shape": 1, "data_offsets": [0, 4]}}, bytes(4)), "natural numbers"),
    "86-dtype": (file_of({"a": entry("O")}, bytes(4)), "unknown type 'O'"),
    "86-no-text": (file_of({"a": entry(["F32"])}, bytes(4)), "unknown type"),
    "87-deep": (file_of(b'{"a":' * 10**5 + b"1" + b"}" * 10**5), "nested too deep"),
    "field-missing": (file_of({"a": {"dtype": "F32", "shape": [1]}}, bytes(4)), "exactly the fields"),
    "field-too-many": (file_of({"a": {**entry(), "code": "x"}}, bytes(4)), "exactly the fields"),
    "entry-no-object": (file_of({"a": 3}), "exactly the fields"),
    "no-object": (file_of([1]), "not a JSON object"),
    "metadata": (file_of({"__metadata__": {"a": 1}}), "__metadata__ is not an object of strings"),
    "metadata-list": (file_of({"__metadata__": []}), "__metadata__ is not an object of strings"),
    "truth-of-two": (file_of({"a": entry("BOOL", (1,), (0, 1))}, b"\x02"), "truth values other than 0 and 1"),
    "short": (b"\x02\0\0", "it has 3 bytes"),
    "header-cut": (file_of(b"{}", length=50), "a header of 50 bytes in a file of 10"),
    "not-utf8": (file_of(b'{"\xff": 1}'), "not UTF-8"),
}


@pytest.mark.parametrize(("data", "saying"), HEADERS.values(), ids=HEADERS)
def test_hostile_headers_are_refused(tmp_path, data, saying):
    with pytest.raises(DataError, match=saying) as caught:
        load_weights(hostile(tmp_path, data))
    assert "weights.safetensors" in str(caught.value)
    assert len(str(caught.value)) < 500


@given(st.binary(max_size=300) | st.binary(max_size=200).map(lambda data: file_of(b'{"a":' + data + b"}", bytes(4))))
def test_bytes_from_anywhere_are_arrays_or_refused(data):
    try:
        found = tensors.parse(bytearray(data), "memory", error=DataError)
    except DataError:
        return
    same(found, safetensors.numpy.load(data))


@given(st.data())
def test_what_we_accept_of_a_damaged_file_the_reference_accepts_too(data):
    whole = bytearray(b"".join(tensors.pieces({"a": np.ones((2, 3), np.float32), "b": np.zeros(2, np.int16)})))
    place = data.draw(st.integers(0, len(whole) * 8 - 1))
    whole[place // 8] ^= 1 << place % 8
    try:
        found = tensors.parse(whole, "memory", error=DataError)
    except DataError:
        return
    same(found, safetensors.numpy.load(bytes(whole)))


@pytest.mark.parametrize(
    "suffix", [".pt", ".pth", ".bin", ".ckpt", ".pkl", ".PKL", ".joblib", ".h5", ".keras", ".npz", ".npy", ".onnx"]
)
def test_case_88_foreign_suffixes_are_refused_by_name(tmp_path, suffix):
    path = tmp_path / f"model{suffix}"
    path.write_bytes(b"anything")
    with pytest.raises(DataError, match=rf"model\{suffix} is an? .*never read"):
        load_weights(path)


def foreign():
    zipped = io.BytesIO()
    with zipfile.ZipFile(zipped, "w") as file:
        file.writestr("archive/data.pkl", pickle.dumps([1]))
    objects, claims, archive = io.BytesIO(), io.BytesIO(), io.BytesIO()
    np.save(objects, np.array([{}]))
    np.lib.format.write_array_header_1_0(claims, {"descr": "<f4", "fortran_order": False, "shape": (10**12,)})
    np.savez_compressed(archive, a=np.zeros(10**7, np.uint8))
    yield pytest.param(zipped.getvalue(), "a zip archive", id="88-torch-zip-or-keras")
    for protocol in range(2, 6):
        yield pytest.param(pickle.dumps({"a": list(range(99))}, protocol), "is a pickle", id=f"88-pickle-{protocol}")
    yield pytest.param(b"\x89HDF\r\n\x1a\n" + bytes(99), "an HDF5 file", id="88-hdf5")
    yield pytest.param(claims.getvalue(), "a NumPy file", id="91-npy-of-10**12")
    yield pytest.param(objects.getvalue(), "a NumPy file", id="92-npy-of-objects")
    yield pytest.param(archive.getvalue(), "a zip archive", id="93-npz-bomb")
    yield pytest.param(b"\x1f\x8b\x08" + bytes(20), "a gzip file", id="88-gzip")


@pytest.mark.parametrize(("data", "saying"), list(foreign()))
@pytest.mark.parametrize("vouched", [True, False])
def test_case_88_foreign_files_under_our_name_are_refused_by_what_they_are(tmp_path, data, saying, vouched):
    if vouched:
        hostile(tmp_path, data)
    else:
        save_weights(tmp_path, ARRAYS, CONFIG)
        (tmp_path / "weights.safetensors").write_bytes(data)
    with pytest.raises(DataError, match=saying):
        load_weights(tmp_path)


def test_a_header_that_begins_like_a_pickle_is_no_pickle(tmp_path):
    name = "x"
    while len(header := json.dumps({name: entry()})) < 0x0480:
        name += "x"
    data = file_of(header.encode(), bytes(4))
    assert data[:2] == b"\x80\x04"
    assert list(load_weights(hostile(tmp_path, data)).arrays) == [name]


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


SWAP = """
import itertools, os, signal, sys, types, snarc
package = types.ModuleType("snarc.training")
package.__path__ = [snarc.__path__[0] + "/training"]
sys.modules["snarc.training"] = package
import json, numpy as np
from snarc.training.weights import load_weights, save_weights
config = json.loads(sys.argv[2])
names = ("open", "write", "fsync", "close", "replace")
def child(nth, folder):
    left = [nth]
    def wrap(call):
        def wrapped(*args, **kwargs):
            left[0] -= 1
            if left[0] == 0:
                os.kill(os.getpid(), signal.SIGKILL)
            return call(*args, **kwargs)
        return wrapped
    save_weights(folder, {"w": np.full(9, 1.0)}, config)
    for name in names:
        setattr(os, name, wrap(getattr(os, name)))
    save_weights(folder, {"w": np.full(9, 2.0)}, config)
for nth in itertools.count(1):
    folder = os.path.join(sys.argv[1], str(nth))
    if (pid := os.fork()) == 0:
        child(nth, folder)
        os._exit(0)
    _, status = os.waitpid(pid, 0)
    found = load_weights(folder).arrays["w"][0]
    save_weights(folder, {"w": np.full(9, 3.0)}, config)
    assert load_weights(folder).arrays["w"][0] == 3
    assert not os.path.exists(os.path.join(folder, "weights.next.safetensors"))
    print(nth, found)
    if status == 0:
        break
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_kill_before_any_operation_leaves_the_old_weights_or_the_new(tmp_path):
    command = [sys.executable, "-c", SWAP, tmp_path, json.dumps(CONFIG)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    found = [float(line.split()[1]) for line in done.stdout.splitlines()]
    assert len(found) > 15
    assert found == sorted(found)
    assert {found[0], found[-1]} == {1.0, 2.0}


def test_a_next_file_without_a_description_is_not_taken(tmp_path):
    save_weights(tmp_path, ARRAYS, CONFIG)
    shutil.copy(tmp_path / "weights.safetensors", tmp_path / "weights.next.safetensors")
    (tmp_path / "weights.next.safetensors").write_bytes(b"half a file")
    same(load_weights(tmp_path).arrays, ARRAYS)
    (tmp_path / "network.json").unlink()
    save_weights(tmp_path, {"b": np.ones(2)}, CONFIG)
    same(load_weights(tmp_path).arrays, {"b": np.ones(2)})


def test_weights_that_cannot_be_written_are_told(tmp_path, monkeypatch):
    save_weights(tmp_path, ARRAYS, CONFIG)

    def fail(*args):
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", fail)
        with pytest.raises(RunError, match="EIO"):
            save_weights(tmp_path, {"b": np.ones(2)}, CONFIG)
    same(load_weights(tmp_path).arrays, ARRAYS)


def save_that_fails_at(path, arrays, monkeypatch):
    real = os.replace

    def fail(source, target):
        if target == path:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        real(source, target)

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", fail)
        with pytest.raises(RunError, match="EIO"):
            save_weights(path.parent, arrays, CONFIG)


def test_the_last_rename_of_a_save_is_made_good(tmp_path, monkeypatch):
    save_weights(tmp_path, ARRAYS, CONFIG)
    new = {"b": np.ones(2)}
    save_that_fails_at(tmp_path / "weights.safetensors", new, monkeypatch)
    same(load_weights(tmp_path).arrays, new)
    (tmp_path / "weights.safetensors").unlink()  # as if there never had been others
    same(load_weights(tmp_path).arrays, new)
    save_that_fails_at(tmp_path / "network.json", ARRAYS, monkeypatch)  # nor does the next failure lose them
    same(load_weights(tmp_path).arrays, new)
    save_weights(tmp_path, ARRAYS, CONFIG)
    same(load_weights(tmp_path).arrays, ARRAYS)
    assert sorted(os.listdir(tmp_path)) == ["network.json", "weights.safetensors"]


def test_a_next_file_that_was_never_described_is_replaced(tmp_path):
    save_weights(tmp_path, ARRAYS, CONFIG)
    (tmp_path / "weights.next.safetensors").write_bytes(b"half a file")
    save_weights(tmp_path, {"b": np.ones(2)}, CONFIG)
    same(load_weights(tmp_path).arrays, {"b": np.ones(2)})
    assert sorted(os.listdir(tmp_path)) == ["network.json", "weights.safetensors"]


AUDIT = """
import sys, types, snarc
package = types.ModuleType("snarc.training")
package.__path__ = [snarc.__path__[0] + "/training"]
sys.modules["snarc.training"] = package
import gc, linecache, traceback, warnings
from snarc.errors import SnarcError
from snarc.training import files
from snarc.training.store import Store
from snarc.training.weights import load_weights
FORBIDDEN = ("pickle.", "exec", "compile", "import", "os.system", "os.exec", "os.posix_spawn", "os.fork", "subprocess.",
             "socket.", "ctypes.", "code.", "marshal.", "shutil.")
seen = []
def hook(event, args):
    if watching and event.startswith(FORBIDDEN):
        seen.append((event, str(args)[:200]))
watching = False
sys.addaudithook(hook)
def look(call, *args):
    try:
        call(*args)
    except SnarcError as caught:
        return type(caught).__name__
    return "read"
warnings.simplefilter("ignore")
look(load_weights, sys.argv[1])  # once unwatched: codecs and error texts import on first use
for path in sys.argv[1:]:
    look(load_weights, path)
    look(lambda: Store(path).latest())
watching = True
for path in sys.argv[1:]:
    print(look(load_weights, path), look(lambda: Store(path).latest()), look(files.read_json, path + "/network.json"))
if "--prove" in sys.argv:
    exec("1")
watching = False
print("seen", seen)
"""


def test_loading_anything_runs_nothing(tmp_path):
    from snarc.training.store import Store

    paths = []
    for number, case in enumerate(
        [b"", *(data for data, _ in HEADERS.values()), *(case.values[0] for case in foreign())]
    ):
        paths.append(hostile(tmp_path / str(number), case))
    good = tmp_path / "good"
    save_weights(good, ARRAYS, CONFIG)
    with Store(good).lock() as store:
        for step in (1, 2):
            store.save(step, ARRAYS, {"step": step})
    (good / "checkpoints" / "00000002" / "arrays.safetensors").write_bytes(pickle.dumps(print))

    class Code:
        def __reduce__(self):
            return os.system, ("touch " + str(tmp_path / "executed"),)

    paths.append(hostile(tmp_path / "code", pickle.dumps(Code())))
    command = [sys.executable, "-c", AUDIT, good, *paths]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    *read, seen = done.stdout.splitlines()
    assert read[0] == "read read read"
    assert len(read) == len(paths) + 1
    assert all(line.startswith("DataError CheckpointError") for line in read[1:])
    assert seen == "seen []"
    assert not (tmp_path / "executed").exists()
    proof = subprocess.run([*command, "--prove"], capture_output=True, text=True, timeout=60)
    assert "('exec'" in proof.stdout.splitlines()[-1]  # the hook does see what it looks for
