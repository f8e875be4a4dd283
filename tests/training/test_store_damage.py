"""Checkpoints that are torn, changed, missing or out of reach: noticed, and the one before is taken."""

import os
import random
import warnings

import pytest

from snarc.errors import CheckpointError, RunError
from snarc.training import checkpoint, disk
from snarc.training.store import CheckpointWarning, Store

from .checkpoints import FILES, arrays, saved
from .comparing import same


def falls_back(folder, step, saying):
    with pytest.warns(CheckpointWarning) as caught:
        found = Store(folder).latest()
    assert len(caught) == 1
    assert saying in str(caught[0].message)
    assert f"Going on from step {step}." in str(caught[0].message)
    same(found.arrays, arrays(step))
    with pytest.raises(CheckpointError, match="--strict"):
        Store(folder).latest(strict=True)


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


def test_a_checkpoint_larger_than_memory_is_not_begun_to_be_read(tmp_path, monkeypatch):
    from snarc.errors import LimitError

    saved(tmp_path, 1)
    monkeypatch.setattr(disk, "_memory", lambda: 10)
    with pytest.raises(LimitError, match="at most the 10"):
        Store(tmp_path).latest()
