"""Checkpoints on a disk that fails, fills up, or is pulled from under them; and two writers at once."""

import contextlib
import errno
import os
import re
import shutil
import signal
import subprocess
import sys
import textwrap
from types import SimpleNamespace

import numpy as np
import pytest

from snarc.errors import CheckpointError, DiskFullError, LockedRunError, RunError
from snarc.training import checkpoint, disk, lock
from snarc.training.store import Store

OPERATIONS = ("open", "write", "fsync", "close", "mkdir", "rename", "replace", "unlink", "rmdir")

# The package's own __init__ pulls in JAX, which these short-lived processes do without.
ALONE = """
import sys, types, snarc
package = types.ModuleType("snarc.training")
package.__path__ = [snarc.__path__[0] + "/training"]
sys.modules["snarc.training"] = package
import os, signal, time
import numpy as np
from snarc.training.store import Store
"""


def state_of(step):
    return {"w": np.full(1000, step, np.float32), "n": np.array(step)}


def whole(found):
    assert found.step == found.state["step"] == found.arrays["n"]
    assert (found.arrays["w"] == found.step).all()
    return found.step


class Faults:
    """The calls to the operating system, recorded; the ``nth`` fails, once or with all that follow."""

    def __init__(self, nth=None, error=errno.EIO, forever=False):
        self.nth, self.error, self.forever = nth, error, forever
        self.calls = []
        self.names = {}

    @contextlib.contextmanager
    def installed(self):
        with pytest.MonkeyPatch.context() as patch:
            for name in OPERATIONS:
                patch.setattr(os, name, self._wrap(name, getattr(os, name)))
            yield self

    def _wrap(self, name, real):
        def call(*args, **kwargs):
            places = [self.names.get(place, str(place)) for place in args[: 2 if name == "rename" else 1]]
            self.calls.append((name, *places))
            number = len(self.calls)
            if self.nth is not None and (number == self.nth or (self.forever and number > self.nth)):
                if name == "close":
                    real(*args, **kwargs)  # the handle is gone also when close fails
                raise OSError(self.error, os.strerror(self.error))
            result = real(*args, **kwargs)
            if name == "open":
                self.names[result] = places[0]
            return result

        return call


@pytest.mark.parametrize("forever", [False, True], ids=["once", "forever"])
@pytest.mark.parametrize("error", [errno.ENOSPC, errno.EIO, errno.EINTR], ids=errno.errorcode.get)
@pytest.mark.parametrize("again", [False, True], ids=["next-step", "same-step"])
def test_k2_any_failing_operation_leaves_the_older_or_the_newer_step_and_is_told(tmp_path, error, forever, again):
    new = 2 if again else 3
    for nth in range(1, 200):
        folder = tmp_path / str(nth)
        folder.mkdir()
        with Store(folder).lock() as store:
            for step in (1, 2):
                store.save(step, state_of(step), {"step": step})
            faults, told = Faults(nth, error, forever), None
            with faults.installed():
                try:
                    store.save(new, state_of(new), {"step": new})
                except RunError as caught:
                    told = caught
            reached = len(faults.calls) >= nth
            assert reached == (told is not None), f"operation {nth} failed and nobody was told"
            if told is not None:
                assert str(folder) in str(told)
                assert isinstance(told, DiskFullError) == (error == errno.ENOSPC and "is saved" not in str(told))
            for step, path in store._found():  # none is half written, none half removed
                assert whole(checkpoint.load(path, step)) == step
            assert whole(store.latest(strict=True)) in (2, new)
        with Store(folder).lock() as store:  # the next start clears up, and can save
            assert not [name for name in os.listdir(store.place) if not name.isdecimal()]
            assert whole(store.latest(strict=True)) in (2, new)
            store.save(4, state_of(4), {"step": 4})
            assert whole(store.latest(strict=True)) == 4
        if not reached:
            break
    assert 20 < nth < 100


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_k2_a_kill_before_any_operation_leaves_the_older_or_the_newer_step(tmp_path):
    script = ALONE + textwrap.dedent(
        """
        import shutil, itertools
        from snarc.training.checkpoint import load
        names = ("open", "write", "fsync", "close", "mkdir", "rename", "replace", "unlink", "rmdir")
        real = {name: getattr(os, name) for name in names}
        def child(nth, folder):
            left = [nth]
            def wrap(call):
                def wrapped(*args, **kwargs):
                    left[0] -= 1
                    if left[0] == 0:
                        os.kill(os.getpid(), signal.SIGKILL)
                    return call(*args, **kwargs)
                return wrapped
            with Store(folder).lock() as store:
                store.save(1, {"w": np.full(1000, 1)}, {"step": 1})
                store.save(2, {"w": np.full(1000, 2)}, {"step": 2})
                for name in names:
                    setattr(os, name, wrap(real[name]))
                store.save(2, {"w": np.full(1000, 2)}, {"step": 2})
                store.save(3, {"w": np.full(1000, 3)}, {"step": 3})
        for nth in itertools.count(1):
            folder = os.path.join(sys.argv[1], str(nth))
            os.mkdir(folder)
            if (pid := os.fork()) == 0:
                child(nth, folder)
                os._exit(0)
            _, status = os.waitpid(pid, 0)
            before = Store(folder).latest(strict=True)
            with Store(folder).lock() as store:
                found = store.latest(strict=True)
                for step in store.steps():
                    load(store.place / f"{step:08d}", step)
                assert [n for n in os.listdir(store.place) if not n.isdecimal()] == [], os.listdir(store.place)
            for one in (before, found):
                assert one.step in (2, 3) and one.step == one.state["step"] and (one.arrays["w"] == one.step).all(), nth
            print(nth, found.step)
            if status == 0:
                break
            assert os.WTERMSIG(status) == signal.SIGKILL
        """
    )
    done = subprocess.run([sys.executable, "-c", script, tmp_path], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    steps = [int(line.split()[1]) for line in done.stdout.splitlines()]
    assert len(steps) > 40
    assert steps == sorted(steps)
    assert {steps[0], steps[-1]} == {2, 3}


def test_k3_everything_is_on_the_disk_before_its_name_is(tmp_path):
    """Data, then the folder they are in, then the name, then the folder of the name (Pillai et al., OSDI 2014)."""
    with Store(tmp_path).lock() as store:
        store.save(1, state_of(1), {"step": 1})
        with Faults().installed() as trace:
            store.save(2, state_of(2), {"step": 2})
    check_order(trace.calls, str(tmp_path / "checkpoints"))


def check_order(log, place):
    log = [entry for entry in log if entry[0] in ("write", "fsync", "rename")]
    moves = [i for i, entry in enumerate(log) if entry[0] == "rename" and entry[2] == f"{place}/00000002"]
    assert len(moves) == 1
    move = moves[0]
    folder = log[move][1]
    for name in ("arrays.safetensors", "state.json", "manifest.json"):
        written = [i for i, entry in enumerate(log) if entry == ("write", f"{folder}/{name}")]
        synced = [i for i, entry in enumerate(log) if entry == ("fsync", f"{folder}/{name}")]
        assert written, name
        assert max(written) < min(synced) < move, name
    assert max(i for i, entry in enumerate(log) if entry[0] == "write") < move
    assert any(entry == ("fsync", folder) for entry in log[:move])
    assert log[move + 1] == ("fsync", place)


@pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed")
def test_k3_the_kernel_sees_the_same_order(tmp_path):
    script = ALONE + textwrap.dedent(
        """
        with Store(sys.argv[1]).lock() as store:
            store.save(2, {"w": np.ones(10**6)}, {"step": 2})
        """
    )
    run = tmp_path / "run"
    run.mkdir()
    trace = tmp_path / "trace"
    calls = "trace=openat,write,fsync,rename,renameat,renameat2"
    command = ["strace", "-f", "-y", "-s", "0", "-e", calls, "-o", trace, sys.executable, "-c", script, run]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    if "ptrace" in done.stderr and done.returncode != 0:
        pytest.skip("this machine does not allow ptrace")
    assert done.returncode == 0, done.stderr
    log = []
    for line in trace.read_text().splitlines():
        if found := re.search(r"(write|fsync)\(\d+<([^>]*)>", line):
            log.append((found[1], found[2]))
        elif found := re.search(r'rename\w*\((?:AT_FDCWD[^,]*, )?"([^"]*)", (?:AT_FDCWD[^,]*, )?"([^"]*)"', line):
            log.append(("rename", found[1], found[2]))
        elif "rename" in line:  # -s 0 hides the names of some versions
            pytest.fail(line)
    check_order([entry for entry in log if entry[1].startswith(f"{run}/checkpoints")], f"{run}/checkpoints")


def test_k4_a_save_that_cannot_fit_is_refused_before_it_begins(tmp_path, monkeypatch):
    with Store(tmp_path).lock() as store:
        store.save(1, state_of(1), {"step": 1})
        monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=4000))
        faults = Faults()
        with faults.installed(), pytest.raises(DiskFullError) as caught:
            store.save(2, state_of(2), {"step": 2})
        assert faults.calls == []
        needed = int(re.search(r"needs (\d+) bytes, free are 4000", str(caught.value))[1])
        assert 4008 < needed < 4400
        assert str(store.place) in str(caught.value)
        assert whole(store.latest(strict=True)) == 1


@pytest.mark.parametrize("lie", [False, True], ids=["told-before", "found-while-writing"])
def test_k4_a_real_disk_of_3_mb(tmp_path, lie):
    script = ALONE + textwrap.dedent(
        """
        from types import SimpleNamespace
        import shutil
        from snarc.errors import DiskFullError
        from snarc.training.store import Store
        if sys.argv[2] == "True":
            shutil.disk_usage = lambda path: SimpleNamespace(free=10**9)
        with Store(sys.argv[1], keep=9).lock() as store:
            store.save(1, {"w": np.full(10**5, 1.0)}, {"step": 1})
            store.save(2, {"w": np.full(10**5, 2.0)}, {"step": 2})
            try:
                store.save(3, {"w": np.full(3 * 10**5, 3.0)}, {"step": 3})
            except DiskFullError as caught:
                print(caught)
            assert sorted(os.listdir(store.place)) == ["00000001", "00000002"], os.listdir(store.place)
            found = store.latest(strict=True)
            assert found.step == 2 and (found.arrays["w"] == 2).all()
            store.save(3, {"w": np.full(10**5, 3.0)}, {"step": 3})
        """
    )
    inside = 'mount -t tmpfs -o size=3m none "$1" || exit 77; exec "$2" -c "$3" "$1" "$4"'
    command = ["unshare", "-rm", "sh", "-c", inside, "sh", tmp_path, sys.executable, script, str(lie)]
    done = in_namespace(command)
    needed = 3 * 8 * 10**5
    assert re.search(rf"{tmp_path}/checkpoints.* needs {needed // 10**5}\d{{5}} bytes, free are \d+", done.stdout)


def test_case_77_a_read_only_disk_can_be_read_and_says_so_when_written(tmp_path):
    script = ALONE + textwrap.dedent(
        """
        from snarc.errors import RunError
        assert Store(sys.argv[1]).latest(strict=True).step == 1
        try:
            Store(sys.argv[1]).lock().__enter__()
        except RunError as caught:
            print(caught)
        """
    )
    with Store(tmp_path).lock() as store:
        store.save(1, state_of(1), {"step": 1})
    inside = 'mount --bind "$1" "$1" && mount -o remount,ro,bind "$1" || exit 77; exec "$2" -c "$3" "$1"'
    done = in_namespace(["unshare", "-rm", "sh", "-c", inside, "sh", tmp_path, sys.executable, script])
    assert f"{tmp_path}/lock cannot be written: Read-only file system (EROFS)" in done.stdout


def in_namespace(command):
    if shutil.which("unshare") is None:
        pytest.skip("unshare is not installed")
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    if done.returncode == 77 or "unshare failed" in done.stderr:
        pytest.skip("this machine allows no mounts of one's own")
    assert done.returncode == 0, done.stderr
    return done


HOLD = ALONE + textwrap.dedent(
    """
    with Store(sys.argv[1]).lock() as store:
        store.save(1, {"w": np.ones(3)}, {"step": 1})
        print("held", flush=True)
        time.sleep(60)
    """
)


def test_k6_the_second_writer_is_told_who_the_first_is_and_kill_9_frees(tmp_path):
    with subprocess.Popen([sys.executable, "-c", HOLD, tmp_path], stdout=subprocess.PIPE, text=True) as first:
        try:
            assert first.stdout.readline() == "held\n"
            with pytest.raises(LockedRunError) as caught, Store(tmp_path).lock():
                pass
            assert f"process {first.pid} on {os.uname().nodename}" in str(caught.value)
            assert Store(tmp_path).latest(strict=True).step == 1  # reading is free
        finally:
            first.send_signal(signal.SIGKILL)
            first.wait()
    with Store(tmp_path).lock() as store:
        store.save(2, state_of(2), {"step": 2})


def test_k6_within_one_process_too(tmp_path):
    us = f"process {os.getpid()} on"
    with Store(tmp_path).lock(), pytest.raises(LockedRunError, match=us), Store(tmp_path).lock():
        pass
    with Store(tmp_path).lock():
        pass


def test_a_lock_without_a_readable_name_still_locks(tmp_path):
    with Store(tmp_path).lock():
        (tmp_path / "lock").write_text('{"pid": 1')
        with pytest.raises(LockedRunError, match="by another process"), Store(tmp_path).lock():
            pass


def test_the_lock_outlives_no_exception(tmp_path):
    with pytest.raises(ZeroDivisionError), Store(tmp_path).lock():
        1 / 0  # noqa: B018
    with Store(tmp_path).lock():
        pass


@pytest.mark.parametrize(
    ("number", "saying"), [(errno.ENOLCK, "has no locks"), (errno.EIO, "cannot be written: .*EIO")]
)
def test_a_file_system_that_cannot_lock_is_named(tmp_path, monkeypatch, number, saying):
    import fcntl

    def flock(handle, how):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(fcntl, "flock", flock)
    with pytest.raises(RunError, match=saying) as caught, lock.hold(tmp_path):
        pass
    assert not isinstance(caught.value, LockedRunError)


def test_windows_locks_a_byte_past_the_text(tmp_path, monkeypatch):
    taken = []

    def locking(handle, how, count):
        assert (how, count) == (2, 1)
        assert os.lseek(handle, 0, os.SEEK_CUR) >= 1 << 20
        if taken:
            raise PermissionError(errno.EACCES, "Permission denied")
        taken.append(handle)

    monkeypatch.setitem(sys.modules, "fcntl", None)  # importing it fails, as on Windows
    monkeypatch.setitem(sys.modules, "msvcrt", SimpleNamespace(locking=locking, LK_NBLCK=2))
    with lock.hold(tmp_path), pytest.raises(LockedRunError, match=f"process {os.getpid()}"), lock.hold(tmp_path):
        pass
    assert (tmp_path / "lock").stat().st_size < 200


def test_the_lock_text_that_cannot_be_written_is_told_and_frees(tmp_path):
    with Faults(2, errno.ENOSPC).installed(), pytest.raises(DiskFullError, match="lock"), lock.hold(tmp_path):
        pass
    with lock.hold(tmp_path):
        pass


def test_folders_are_synced_where_that_is_possible(tmp_path, monkeypatch):
    def fsync(handle):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "fsync", fsync)
    number = errno.EINVAL  # some network file systems
    disk.sync_folder(tmp_path)
    number = errno.EIO
    with pytest.raises(OSError, match="Input/output"):
        disk.sync_folder(tmp_path)
    monkeypatch.setattr(disk.os, "name", "nt")
    disk.sync_folder(tmp_path)


def test_an_unreadable_byte_counts_as_damage(tmp_path, monkeypatch):
    with Store(tmp_path).lock() as store:
        store.save(1, state_of(1), {"step": 1})

    def fstat(handle):
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    with monkeypatch.context() as patch:
        patch.setattr(os, "fstat", fstat)
        with pytest.raises(CheckpointError, match="EIO"):
            Store(tmp_path).latest()
