"""Small files: strict JSON, atomic writes, lines that survive a crash, fresh folders."""

import contextlib
import errno
import hashlib
import json
import os
import shutil
import stat
import subprocess
import sys
import threading
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from snarc.errors import DataError, DiskFullError, LimitError, RunError
from snarc.training import disk, files, jsontext

PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@given(PLAIN)
def test_json_comes_back_as_it_was(value):
    written = jsontext.text(value)
    assert jsontext.parse(written, "memory") == value
    assert json.loads(written) == value
    assert jsontext.parse(jsontext.text(value, indent=2), "memory") == value


@given(st.binary(max_size=200))
def test_bytes_from_anywhere_are_json_or_refused(data):
    with contextlib.suppress(RunError):  # any other error fails the test
        assert jsontext.parse(data, "memory") == json.loads(data)


def test_names_that_are_not_utf8_survive():
    name = os.fsdecode(b"caf\xe9")
    assert jsontext.parse(jsontext.text({name: 1}), "memory") == {name: 1}


def test_numpy_scalars_are_numbers():
    value = {"a": np.float32(0.5), "b": np.int64(3), "c": np.bool_(True), "d": (np.float64(0.1),)}
    assert jsontext.parse(jsontext.text(value), "memory") == {"a": 0.5, "b": 3, "c": True, "d": [0.1]}


BAD = {
    "84-twice": (b'{"a": 1, "b": {"c": 1, "c": 2}}', "'c' is given twice"),
    "87-deep": (b"[" * 10**5, "nested too deep"),
    "87-deep-and-closed": (b'{"a":' * 21 + b"1" + b"}" * 21, "nested too deep"),
    "97-nan": (b'{"a": NaN}', "NaN is not a finite number"),
    "97-infinity": (b'{"a": -Infinity}', "-Infinity is not"),
    "97-overflow": (b'{"a": 1e999}', "1e999 is not"),
    "long-integer": (b"1" * 5000, "4300"),
    "utf-8": (b'{"\xff": 1}', "byte 2: not UTF-8"),
    "syntax": (b'{\n "a": }', r"line 2, column 7"),
    "empty": (b"", "line 1, column 1"),
    "mark": (b"\xef\xbb\xbf{}", "BOM"),
    "trailing": (b"{} {}", "line 1, column 4: Extra data"),
    "unclosed": (b'{"a\\', "line 1"),
}


@pytest.mark.parametrize(("data", "saying"), BAD.values(), ids=BAD)
def test_bad_json_is_refused_with_its_place(tmp_path, data, saying):
    path = tmp_path / "file.json"
    path.write_bytes(data)
    with pytest.raises(DataError, match=saying) as caught:
        files.read_json(path, error=DataError)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_hostile_quotes_cost_linear_time():
    assert jsontext.depth(b'["' + b'\\"' * 4_000_000) == 1


def test_depth_ignores_brackets_in_strings_up_to_the_limit():
    assert jsontext.parse(b'{"a":' * 20 + rb'"[[[\"[\\"' + b"}" * 20, "memory")
    deep = 0
    for _ in range(20):
        deep = [deep]
    assert jsontext.parse(jsontext.text(deep), "memory") == deep
    with pytest.raises(ValueError, match="deeper than 20"):
        jsontext.text([deep])


@pytest.mark.parametrize(
    ("value", "error", "place"),
    [
        ({"a": [1, float("nan")]}, ValueError, r"a\[1\] is nan"),
        (float("inf"), ValueError, "the value is inf"),
        (np.float32("nan"), ValueError, "the value is nan"),
        ({1: 2}, TypeError, "the value has the key 1"),
        ({"a": {"b": {2}}}, TypeError, "a.b is a set"),
        ({"a": np.zeros(2)}, TypeError, "a is a ndarray"),
    ],
)
def test_what_json_cannot_hold_is_refused_by_place(tmp_path, value, error, place):
    with pytest.raises(error, match=place):
        files.write_json(tmp_path / "file.json", value)
    assert os.listdir(tmp_path) == []


def test_read_json_limits_size_and_kind_of_file(tmp_path):
    path = tmp_path / "file.json"
    files.write_json(path, {"a": 1})
    assert files.read_json(path) == {"a": 1}
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    with pytest.raises(RunError, match="larger than 5 bytes"):
        files.read_json(path, limit=5)
    with pytest.raises(RunError, match="larger than 5 bytes"):
        jsontext.parse(b"123456", "memory", limit=5)
    with pytest.raises(RunError, match="is missing"):
        files.read_json(tmp_path / "absent")
    with pytest.raises(RunError, match="not a regular file"):
        files.read_json(tmp_path)
    os.mkfifo(tmp_path / "pipe")
    for special in (tmp_path / "pipe", "/dev/zero"):
        with pytest.raises(RunError, match="not a regular file"):
            files.read_json(special)
    (tmp_path / "loop").symlink_to("loop")
    with pytest.raises(RunError, match=r"cannot be read: .*ELOOP"):
        files.read_json(tmp_path / "loop")


def test_a_sparse_file_larger_than_memory_is_refused(tmp_path):
    with open(tmp_path / "huge", "wb") as file:
        file.truncate(2**43)
    with pytest.raises(LimitError, match=str(2**43)):
        files.read_bytes(tmp_path / "huge")


def test_where_memory_is_not_told_nothing_is_refused(tmp_path, monkeypatch):
    monkeypatch.delattr(os, "sysconf")
    (tmp_path / "small").write_bytes(b"abc")
    assert files.read_bytes(tmp_path / "small") == b"abc"


def test_a_file_that_shrinks_while_it_is_read(tmp_path, monkeypatch):
    path = tmp_path / "file"
    path.write_bytes(b"abcdef")
    real = os.fstat
    with monkeypatch.context() as patch:
        patch.setattr(os, "fstat", lambda h: SimpleNamespace(st_mode=real(h).st_mode, st_size=10, st_blksize=512))
        assert files.read_bytes(path) == b"abcdef"


def test_write_atomic_replaces_as_a_whole(tmp_path):
    path = tmp_path / "file"
    files.write_atomic(path, "text é")
    assert path.read_bytes() == "text é".encode()
    files.write_atomic(path, b"bytes")
    files.write_atomic(str(path), [b"in ", memoryview(b"pieces"), bytearray(b"!")])
    assert path.read_bytes() == b"in pieces!"
    assert os.listdir(tmp_path) == ["file"]
    assert files.sha256(path) == hashlib.sha256(b"in pieces!").hexdigest()


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO, errno.EROFS, errno.EINTR], ids=errno.errorcode.get)
@pytest.mark.parametrize("call", ["open", "write", "fsync", "replace", "close"])
def test_a_failed_write_keeps_the_old_file_and_is_told(tmp_path, monkeypatch, call, number):
    path = tmp_path / "file"
    files.write_atomic(path, "old")
    real = getattr(os, call)

    def fail(*args, **kwargs):
        if call == "close":
            real(*args)
        raise OSError(number, os.strerror(number))

    with monkeypatch.context() as patch:
        patch.setattr(os, call, fail)
        with pytest.raises(RunError, match=str(path)) as caught:
            files.write_atomic(path, "new")
    assert isinstance(caught.value, DiskFullError) == (number == errno.ENOSPC)
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["file"]


def test_ctrl_c_in_the_middle_of_a_write_leaves_the_old_file(tmp_path):
    path = tmp_path / "file"
    files.write_atomic(path, "old")

    def pieces():
        yield b"half"
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        files.write_atomic(path, pieces())
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["file"]


def test_short_writes_are_continued(tmp_path, monkeypatch):
    real = os.write
    with monkeypatch.context() as patch:
        patch.setattr(os, "write", lambda handle, data: real(handle, data[:3]))
        files.write_atomic(tmp_path / "file", "0123456789")
    assert (tmp_path / "file").read_text() == "0123456789"


def test_a_full_disk_names_what_is_free_if_it_can(tmp_path, monkeypatch):
    def unknown(path):
        raise OSError

    monkeypatch.setattr(shutil, "disk_usage", unknown)
    with pytest.raises(DiskFullError, match="needs 7 bytes, free are fewer"), disk.told(tmp_path, 7):
        raise OSError(errno.ENOSPC, "No space left on device")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=3))
    with pytest.raises(DiskFullError, match="needs more bytes, free are 3"), disk.told(tmp_path):
        raise OSError(errno.EDQUOT, "Quota exceeded")
    with pytest.raises(RunError, match=r"odd \(no number\)"), disk.told(tmp_path):
        raise OSError("odd")


def test_required_space(tmp_path, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=10**6 + disk.MARGIN))
    files.require_space(tmp_path, 10**6)
    with pytest.raises(DiskFullError, match=f"{tmp_path} needs 1000001 bytes, free are {10**6 + disk.MARGIN}"):
        files.require_space(tmp_path, 10**6 + 1)
    monkeypatch.undo()
    with pytest.raises(RunError, match="absent"):
        files.require_space(tmp_path / "absent", 1)


def test_lines_are_appended_and_read(tmp_path):
    path = tmp_path / "metrics.jsonl"
    assert files.read_lines(path) == []
    for n in range(3):
        files.append_line(path, {"step": n, "text": "line\nbreak"})
    assert [line["step"] for line in files.read_lines(path)] == [0, 1, 2]
    files.write_lines(path, files.read_lines(path)[:1])
    assert files.read_lines(path) == [{"step": 0, "text": "line\nbreak"}]


@pytest.mark.parametrize("torn", [b'{"st', b'{"step": 2}', b"\0" * 5000, b"x" * 4096, b"x" * 9000])
@pytest.mark.parametrize("before", [0, 1, 700])
def test_a_torn_last_line_is_left_out_and_then_cut_off(tmp_path, torn, before):
    path = tmp_path / "metrics.jsonl"
    files.write_lines(path, [{"step": n} for n in range(before)])
    with open(path, "ab") as file:
        file.write(torn)
    assert files.read_lines(path) == [{"step": n} for n in range(before)]
    files.append_line(path, {"step": before})
    assert files.read_lines(path) == [{"step": n} for n in range(before + 1)]
    assert path.read_bytes() == b"".join(b'{"step": %d}\n' % n for n in range(before + 1))


def test_a_damaged_line_elsewhere_is_named(tmp_path):
    path = tmp_path / "metrics.jsonl"
    path.write_text('{"a": 1}\n{"a": \n{"a": 3}\n')
    with pytest.raises(RunError, match=r"metrics.jsonl, line 2, line 1, column"):
        files.read_lines(path)


def test_a_line_that_does_not_fit_leaves_no_part(tmp_path, monkeypatch):
    path = tmp_path / "metrics.jsonl"
    files.append_line(path, {"a": 1})
    before, real = path.read_bytes(), os.write

    def full(handle, data):
        if len(data) < 8:
            raise OSError(errno.ENOSPC, "No space left on device")
        return real(handle, data[:4])

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", full)
        with pytest.raises(DiskFullError, match="needs 9 bytes"):
            files.append_line(path, {"a": 2})
    assert path.read_bytes() == before


def test_fresh_folders_count_up_and_belong_to_their_owner(tmp_path):
    parent = tmp_path / "runs"
    assert [files.fresh_folder(parent, "a-b").name for _ in range(3)] == ["a-b-1", "a-b-2", "a-b-3"]
    (parent / "a-b-1").rmdir()
    (parent / "a-b-x").mkdir()
    (parent / "a-b-7").touch()
    assert files.fresh_folder(parent, "a-b").name == "a-b-8"
    assert files.fresh_folder(parent, "a").name == "a-1"
    for folder in (parent, parent / "a-1"):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_two_makers_of_a_fresh_folder_never_share_one(tmp_path):
    found = []
    start = threading.Barrier(8)

    def make():
        start.wait()
        for _ in range(10):
            found.append(files.fresh_folder(tmp_path, "run"))

    threads = [threading.Thread(target=make) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(found)) == len(found) == 80


@pytest.mark.parametrize("name", ["", "..", "../a", "/a", "a/b", "a\\b", "-a", "a\0", "é", "x" * 101])
def test_names_that_lead_elsewhere_are_refused(tmp_path, name):
    with pytest.raises(RunError, match="as the name of a folder"):
        files.fresh_folder(tmp_path / "runs", name)
    assert os.listdir(tmp_path) == []


def test_a_parent_that_is_a_file_is_told(tmp_path):
    (tmp_path / "runs").touch()
    with pytest.raises(RunError, match="runs cannot be written: File exists"):
        files.fresh_folder(tmp_path / "runs", "a")


def test_removing_a_link_leaves_what_it_points_to(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    disk.remove(tmp_path / "link")
    assert os.listdir(tmp_path) == ["real"]
    disk.remove(tmp_path / "real")
    assert os.listdir(tmp_path) == []


def test_a_sweep_that_fails_is_told(tmp_path, monkeypatch):
    (tmp_path / ".tmp-1-x").touch()

    def refuse(path):
        raise PermissionError(errno.EACCES, "Permission denied")

    with monkeypatch.context() as patch:
        patch.setattr(os, "unlink", refuse)
        with pytest.raises(RunError, match="EACCES"):
            files.sweep(tmp_path)


def test_a_killed_write_leaves_the_old_file_and_what_is_swept(tmp_path):
    files.write_atomic(tmp_path / "file", "old")
    script = (
        "import os, signal, sys, types, snarc\n"
        "package = types.ModuleType('snarc.training')\n"
        "package.__path__ = [snarc.__path__[0] + '/training']\n"
        "sys.modules['snarc.training'] = package\n"
        "from snarc.training import files\n"
        "os.replace = lambda *args: os.kill(os.getpid(), signal.SIGKILL)\n"
        "files.write_atomic(sys.argv[1], 'new')\n"
    )
    done = subprocess.run([sys.executable, "-c", script, tmp_path / "file"], timeout=60)
    assert done.returncode == -9
    assert (tmp_path / "file").read_text() == "old"
    assert len(os.listdir(tmp_path)) == 2
    files.sweep(tmp_path)
    assert os.listdir(tmp_path) == ["file"]
