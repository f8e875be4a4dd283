"""Seconds from a cold start of the interpreter to 99.0 % test accuracy on MNIST: snarc's default against two examples.

Ours is `snarc train mnist` with everything left at its default; its training ends after its default epochs, and it must
have reached the wanted accuracy.  PyTorch and Keras run the network and the recipe of their own MNIST examples (see
peers/), stopped after the first epoch that reaches it.  Whole processes are timed, in turn.

    SNARC_DATA=... python -m benchmarks.cold_start [--rounds 5] [--target 0.99]
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks._common import in_turn, save, summary

HERE = Path(__file__).parent


def ours(target: float, *, warm: bool) -> float:
    """Train by the command line; with an empty folder of compiled programs, or the one left by an earlier run."""
    with tempfile.TemporaryDirectory() as folder:
        environment = dict(os.environ)
        if not warm:
            environment["SNARC_HOME"] = f"{folder}/home"
        command = [sys.executable, "-m", "snarc", "train", "mnist", "--out", f"{folder}/run", "--json", "--no-report"]
        start = time.perf_counter()
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
        seconds = time.perf_counter() - start
        accuracy = json.loads(done.stdout)["test"]["accuracy"]["mean"]
    print(f"snarc: {accuracy:.4f} after {seconds:.1f} s", flush=True)
    if accuracy < target:
        raise SystemExit(f"snarc's default recipe reached {accuracy}, not {target}")
    return seconds


def peer(script: str, target: float, **environment: str) -> float:
    """Run a peer until it has reached the accuracy."""
    start = time.perf_counter()
    done = subprocess.run(
        [sys.executable, HERE / "peers" / script, str(target)],
        env={**os.environ, **environment}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    seconds = time.perf_counter() - start
    print(f"{script}: {done.stdout.strip().splitlines()[-1]} after {seconds:.1f} s", flush=True)
    return seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--target", type=float, default=0.99)
    options = parser.parse_args()
    found = in_turn(
        {
            "snarc": lambda: ours(options.target, warm=False),
            "snarc, compiled before": lambda: ours(options.target, warm=True),
            "PyTorch": lambda: peer("torch_mnist.py", options.target),
            "Keras on JAX": lambda: peer("keras_mnist.py", options.target, KERAS_BACKEND="jax"),
        },
        options.rounds,
    )
    rows = summary(found)
    for name, row in rows.items():
        ratio = f"  {row['ratio']:.2f} x ours" if "ratio" in row else ""
        print(f"{name:24s} {row['median']:7.1f} s{ratio}")
    print(save("cold_start", {"unit": "seconds", "target": options.target, "work": rows}))


if __name__ == "__main__":
    main()
