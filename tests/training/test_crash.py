"""A real training, killed at random moments, ends with the very same bytes as one left alone.

``SNARC_KILLS`` sets how often it is killed (5 here, 100 at night, 500 before a release).
"""

import hashlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
import warnings

import pytest

from snarc.training.store import Store

KILLS = int(os.environ.get("SNARC_KILLS", "5"))
EPOCHS = 20 + 20 * KILLS
TRAIN = f"""
import os, shutil, sys
from snarc.training import fit, resume
folder, shown = sys.argv[1], sys.argv[2] == "shown"
if os.path.exists(os.path.join(folder, "status.json")):
    run = resume(folder, checkpoint_seconds=0.0, progress=shown)
else:  # killed before there was anything to resume
    shutil.rmtree(folder, ignore_errors=True)
    run = fit("mlp", "digits", epochs={EPOCHS}, replicas=2, out=folder, checkpoint_seconds=0.0, progress=shown)
print(run.status, flush=True)
"""
pytestmark = [pytest.mark.skipif(os.name == "nt", reason="sends POSIX signals"), pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return tmp_path_factory.mktemp("cache")


def start(folder, cache, shown=False):
    environment = {**os.environ, "PYTHONFAULTHANDLER": "", "XDG_CACHE_HOME": str(cache)}
    command = [sys.executable, "-c", TRAIN, folder, "shown" if shown else "silent"]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return subprocess.Popen(command, text=True, env=environment, **pipes)


def finish(process):
    out, err = process.communicate(timeout=300)
    assert process.returncode == 0, err
    assert out.splitlines()[-1] == "finished"


def outcome(folder):
    """Final weights of both replicas, and all that a further step would depend on: optimiser, statistics, position."""
    files = [folder / "weights" / str(k) / "weights.safetensors" for k in (0, 1)]
    last = max((folder / "checkpoints").iterdir())
    files.append(last / "arrays.safetensors")
    state = json.loads((last / "state.json").read_text())
    position = {name: state[name] for name in ("epoch", "step")}
    return [hashlib.sha256(file.read_bytes()).hexdigest() for file in files], position, last.name


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory, cache):
    folder = tmp_path_factory.mktemp("undisturbed") / "run"
    finish(start(folder, cache))
    return outcome(folder)


def newest(folder):
    return max(Store(folder).steps(), default=-1)


def wait_for_progress(folder, process, before, limit=120):
    """Until there is a checkpoint that was not there before; the training must not end first."""
    end = time.monotonic() + limit
    while time.monotonic() < end:
        if process.poll() is not None:
            pytest.fail(
                f"the training ended with {process.returncode} before it could be killed: {process.stderr.read()}"
            )
        if newest(folder) > before:
            return
        time.sleep(0.002)
    pytest.fail("no checkpoint was written")


def wait_for_save(folder, process):
    end = time.monotonic() + 60
    while not any(name.startswith(".tmp-") for name in os.listdir(folder / "checkpoints")):
        assert process.poll() is None, "it ended before it was killed"
        assert time.monotonic() < end, "no save was begun"


def test_k1_killed_at_random_and_resumed_ends_the_same_bit_for_bit(tmp_path, undisturbed, cache):
    dice = random.Random(1)
    folder = tmp_path / "run"
    torn = 0
    for kill in range(KILLS):
        before = newest(folder)
        with start(folder, cache) as process:
            if kill == 0:
                time.sleep(dice.uniform(0, 3))  # anywhere: while importing, compiling, or making the folder
            else:
                wait_for_progress(folder, process, before)
                time.sleep(dice.uniform(0, 0.15))
                if kill % 2:  # and every other one as soon as a save is seen to be under way
                    wait_for_save(folder, process)
            saved = newest(folder)
            assert process.poll() is None, "it ended before it was killed"
            process.send_signal(signal.SIGKILL)
            process.communicate()
        if kill == 0 and not (folder / "status.json").exists():
            continue
        torn += len(list((folder / "checkpoints").glob(".*")))
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # not even the newest may be damaged
            if saved >= 0:
                assert Store(folder).latest(strict=True).step >= saved
    finish(start(folder, cache))
    assert outcome(folder) == undisturbed
    assert not list(folder.rglob(".tmp-*"))
    assert not list(folder.rglob(".old-*"))
    lines = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    assert [(line["epoch"], line["replica"]) for line in lines] == [
        (e, k) for e in range(1, EPOCHS + 1) for k in (0, 1)
    ]
    print(f"{KILLS} kills, {torn} of them inside a save")


def test_k7_signals_and_a_closed_stdout_save_and_end_and_the_rest_can_be_trained_later(tmp_path, undisturbed, cache):
    folder = tmp_path / "run"
    for number in (signal.SIGINT, signal.SIGTERM):
        with start(folder, cache) as process:
            wait_for_progress(folder, process, newest(folder))
            process.send_signal(number)
            out, err = process.communicate(timeout=30)
        assert (process.returncode, out) == (0, "interrupted\n"), err
        assert json.loads((folder / "status.json").read_text())["status"] == "interrupted"
        assert not list(folder.rglob(".tmp-*"))
        Store(folder).latest(strict=True)
    with start(folder, cache, shown=True) as process:
        wait_for_progress(folder, process, newest(folder))
        process.stdout.close()
        process.stderr.close()
        process.wait(timeout=120)
    print(f"with stdout and stderr closed it ended with {process.returncode}")
    Store(folder).latest(strict=True)
    if json.loads((folder / "status.json").read_text())["status"] != "finished":
        finish(start(folder, cache))
    assert outcome(folder) == undisturbed


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)], ids=["SIGINT", "SIGTERM"])
def test_k7_the_command_ends_with_the_status_of_the_signal(tmp_path, cache, number, status):
    folder = tmp_path / "run"
    command = [sys.executable, "-c", "import sys; from snarc.cli import main; sys.exit(main())", "train", "digits"]
    command += ["--out", folder, "--epochs", "100000", "--checkpoint-every", "0", "--quiet"]
    environment = {**os.environ, "XDG_CACHE_HOME": str(cache)}
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(command, text=True, env=environment, **pipes) as process:
        wait_for_progress(folder, process, -1)
        process.send_signal(number)
        _, err = process.communicate(timeout=30)
    assert process.returncode == status, err
    assert "Traceback" not in err
    assert json.loads((folder / "status.json").read_text())["status"] == "interrupted"
    Store(folder).latest(strict=True)


def test_k7_ctrl_c_twice_ends_at_once_and_leaves_whole_files(tmp_path, cache):
    folder = tmp_path / "run"
    with start(folder, cache) as process:
        wait_for_progress(folder, process, -1)
        process.send_signal(signal.SIGINT)
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=30)
    Store(folder).latest(strict=True)
    json.loads((folder / "status.json").read_text())


def test_a_damaged_newest_checkpoint_costs_one_save_interval_and_no_bit(tmp_path, undisturbed, cache):
    folder = tmp_path / "run"
    with start(folder, cache) as process:
        while newest(folder) < 100:
            wait_for_progress(folder, process, newest(folder))
        process.send_signal(signal.SIGKILL)
        process.communicate()
    path = folder / "checkpoints" / f"{newest(folder):08d}" / "arrays.safetensors"
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    process = start(folder, cache)
    out, err = process.communicate(timeout=300)
    assert (process.returncode, out) == (0, "finished\n"), err
    assert "CheckpointWarning" in err
    assert outcome(folder) == undisturbed
    shutil.rmtree(folder)
