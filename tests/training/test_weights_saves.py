"""Saves of weights that are killed or fail: the old ones or the new ones are there, never a mixture."""

import errno
import json
import os
import shutil
import subprocess
import sys

import numpy as np
import pytest

from snarc.errors import RunError
from snarc.training.weights import load_weights, save_weights

from .comparing import same
from .weights import ARRAYS, CONFIG

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
