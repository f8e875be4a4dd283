"""What only a process of its own shows: start-up, signals, pipes, terminals and homes (K7, cases 114 and 115)."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from .conftest import environment

LONG = 600  # epochs: some seconds, so that a signal after the first finds it at work
HEAVY = ("jax", "jaxlib", "flax", "optax", "numpy", "matplotlib", "scipy", "sklearn", "PIL", "grain")


@pytest.mark.parametrize(
    ("arguments", "out"),
    [(["--help"], "Usage"), (["train", "--help"], "--epochs"), (["--version"], "snarc 0."), ([], "Usage")],
)
def test_help_loads_nothing_heavy(tmp_path, arguments, out) -> None:
    code = (
        "import sys; from snarc.cli import main; status = main(sys.argv[1:]);"
        f"print('LOADED', [n for n in {HEAVY} if n in sys.modules], file=sys.stderr); sys.exit(status)"
    )
    found = subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, cwd=tmp_path, check=False
    )
    assert found.returncode == 0, found.stderr
    assert out in found.stdout
    assert found.stderr.strip() == "LOADED []"


@pytest.mark.parametrize("arguments", [["train", "digits", "-e", "0"], ["train", "nothing"], ["runs", "nothing"]])
def test_a_mistake_is_refused_before_jax_is_loaded(tmp_path, arguments) -> None:
    code = (
        "import sys; from snarc.cli import main; status = main(sys.argv[1:]);"
        "assert 'jax' not in sys.modules and 'matplotlib' not in sys.modules; sys.exit(status)"
    )
    command = [sys.executable, "-c", code, *arguments]
    found = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, env=environment(), check=False)
    assert found.returncode == 2, found.stderr


def test_help_takes_less_than_half_a_second_of_work(process) -> None:
    # Processor time: what the machine does besides is not counted. The best of three, as for any timing.
    def used() -> float:
        before = os.times()
        assert process("--help").status == 0
        after = os.times()
        return after.children_user + after.children_system - before.children_user - before.children_system

    assert min(used() for _ in range(3)) < 0.5


def start(folder: Path, *arguments: str, epochs: int) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "snarc", "train", "digits", "--epochs", str(epochs), "--no-report", *arguments]
    return subprocess.Popen(
        command, cwd=folder, env=environment(), text=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )  # fmt: skip


def wait_for_first_epoch(process: subprocess.Popen[str]) -> None:
    assert process.stderr is not None
    for line in process.stderr:
        if line.startswith("epoch 1/"):
            return
    pytest.fail("it ended before its first epoch")


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> dict[str, Any]:
    """What a run of LONG epochs comes to that nobody stopped."""
    running = start(tmp_path_factory.mktemp("whole"), "--quiet", "--json", epochs=LONG)
    out, err = running.communicate(timeout=120)
    assert running.returncode == 0, err
    return json.loads(out)


@pytest.mark.skipif(os.name == "nt", reason="POSIX signals")
@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_k7_a_signal_saves_and_resume_ends_as_if_there_had_been_none(process, whole, tmp_path, number, status) -> None:
    running = start(tmp_path, "--out", "run", "--json", epochs=LONG)
    wait_for_first_epoch(running)
    running.send_signal(number)
    out, err = running.communicate(timeout=30)
    assert running.returncode == status, err
    assert "Traceback" not in err
    assert "snarc resume run" in err
    said = json.loads(out)
    assert said["status"] == "interrupted"
    assert said["epochs"] < LONG
    done = process("resume", "run", "--no-report", "--json", cwd=tmp_path)
    assert done.status == 0, done.err
    assert done.json()["test"] == whole["test"]
    assert not list(tmp_path.rglob(".tmp-*"))


@pytest.mark.skipif(os.name == "nt", reason="POSIX signals")
def test_k7_ctrl_c_again_and_again_ends_at_once_without_a_half_file(tmp_path) -> None:
    running = start(tmp_path, "--out", "run", epochs=1_000_000)
    wait_for_first_epoch(running)
    for _ in range(40):
        if running.poll() is not None:
            break
        running.send_signal(signal.SIGINT)
        time.sleep(0.05)
    _, err = running.communicate(timeout=30)
    assert running.returncode == 130, err
    assert "Traceback" not in err
    for path in (tmp_path / "run").rglob("*.json"):
        json.loads(path.read_text())


@pytest.mark.skipif(os.name == "nt", reason="a POSIX shell")
@pytest.mark.parametrize("closed", [">&-", "2>&-", ">&- 2>&-", "2>/dev/full"])
def test_k7_closed_streams_lose_no_training(tmp_path, closed) -> None:
    command = f'"{sys.executable}" -m snarc train digits --model linear --epochs 2 --no-report --out run {closed}'
    found = subprocess.run(
        command, shell=True, cwd=tmp_path, env=environment(), capture_output=True, text=True, check=False
    )
    assert found.returncode == 0, found.stderr
    assert json.loads((tmp_path / "run" / "status.json").read_text())["status"] == "finished"
    assert json.loads((tmp_path / "run" / "results.json").read_text())["test"]["accuracy"]["mean"] > 0.1


@pytest.mark.skipif(os.name == "nt", reason="POSIX pipes")
@pytest.mark.parametrize("arguments", [["help"], ["--help"], ["list", "datasets", "--json"]])
def test_case_114_a_reader_that_goes_away_is_no_error(tmp_path, arguments) -> None:
    command = [sys.executable, "-m", "snarc", *arguments]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=tmp_path, env=environment(), stdout=pipe, stderr=pipe, text=True) as running:
        assert running.stdout is not None
        assert running.stderr is not None
        running.stdout.close()
        assert running.stderr.read() == ""
        assert running.wait(30) in (1, 141)


@pytest.mark.parametrize("home", [None, "/nonexistent"])
def test_case_115_no_home_and_no_terminal(tmp_path, home) -> None:
    env = {"PATH": os.environ["PATH"], "SNARC_RUNS": str(tmp_path / "mine"), "PYTHONWARNINGS": "default"}
    env |= {"HOME": home} if home else {}
    found = subprocess.run(
        [sys.executable, "-m", "snarc", "train", "digits", "--model", "linear", "--epochs", "2", "--no-report"],
        cwd=tmp_path, env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert found.returncode == 0, found.stderr
    assert (tmp_path / "mine" / "digits-linear-1" / "results.json").exists()
    assert "\x1b" not in found.stdout + found.stderr  # no colours where nobody sees them
    assert "Warning" not in found.stderr


def test_no_colour_where_it_is_not_wanted(tmp_path) -> None:
    """On a terminal help has colours, with NO_COLOR it has none."""
    pty = pytest.importorskip("pty")

    def on_terminal(**more: str) -> str:
        main_end, other_end = pty.openpty()
        env = {k: v for k, v in environment().items() if k not in ("NO_COLOR", "FORCE_COLOR")}
        running = subprocess.Popen(
            [sys.executable, "-m", "snarc", "--help"], stdout=other_end, env={**env, "TERM": "xterm-256color", **more}
        )
        os.close(other_end)
        found = b""
        while True:
            try:
                part = os.read(main_end, 65536)
            except OSError:
                break
            if not part:
                break
            found += part
        os.close(main_end)
        assert running.wait(30) == 0
        return found.decode()

    colour = re.compile(r"\x1b\[(?:\d+;)*3[0-7]")
    assert colour.search(on_terminal())
    assert not colour.search(on_terminal(NO_COLOR="1"))


def test_a_second_writer_is_told_of_the_first(process, tmp_path) -> None:
    running = start(tmp_path, "--out", "run", epochs=1_000_000)
    try:
        wait_for_first_epoch(running)
        found = process("resume", "run", cwd=tmp_path)
        assert found.status == 2
        assert f"process {running.pid}" in found.error
    finally:
        running.send_signal(signal.SIGINT)
        running.communicate(timeout=30)


def test_two_processes_train_as_one(process, tmp_path) -> None:
    """Over loopback; the sums over a batch are rounded in another order, hence the tolerance."""
    import socket

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    options = ("--coordinator", address, "--processes", "2", "--out", "both")
    other = start(tmp_path, *options, "--process", "1", epochs=4)
    try:
        first = process("train", "digits", "--epochs", "4", "--no-report", "--json", *options, cwd=tmp_path)
        assert first.status == 0, first.err
        assert other.wait(60) == 0
    finally:
        other.kill()
        out, _ = other.communicate()
    assert out == ""  # one of them talks
    alone = process("train", "digits", "--epochs", "4", "--no-report", "--json", cwd=tmp_path).json()
    assert first.json()["test"]["loss"]["mean"] == pytest.approx(alone["test"]["loss"]["mean"], rel=1e-3)
    assert first.json()["history"][-1]["loss"] == pytest.approx(alone["history"][-1]["loss"], rel=1e-3)
