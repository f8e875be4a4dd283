"""Files that somebody made to do harm, or for another program: refused by what they are, and nothing is run."""

import io
import json
import os
import pickle  # noqa: TID251  to make the files that must be refused
import subprocess
import sys
import zipfile

import numpy as np
import pytest

from snarc.errors import DataError
from snarc.training.weights import load_weights, save_weights

from .weights import ARRAYS, CONFIG, entry, file_of, hostile


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
