"""What a user waits for: help, the first step of a first and a second training, compiling; memory, GEMM rate.

python -m benchmarks.start_up [--rounds 5]
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time

from benchmarks._common import save

FIRST_STEP = """
import time, json, resource
start = time.perf_counter()
import snarc
from snarc.training import loop
seen = {}
advance = loop.Loop._advance
def first(self, *args):
    advance(self, *args)
    seen.setdefault("first_step", time.perf_counter() - start)
loop.Loop._advance = first
seen["import"] = time.perf_counter() - start
data = snarc.load(DATA)
seen["data"] = time.perf_counter() - start
snarc.fit("auto", data, epochs=1, out=False, progress=False)
seen["epoch"] = time.perf_counter() - start
seen["peak_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print(json.dumps(seen))
"""

GEMM = """
import json, time, jax, jax.numpy as jnp
n = 2048
a = jax.random.normal(jax.random.key(0), (n, n))
product = jax.jit(lambda a: a @ a)
product(a).block_until_ready()
times = []
for _ in range(9):
    start = time.perf_counter()
    product(a).block_until_ready()
    times.append(time.perf_counter() - start)
print(json.dumps(2 * n**3 / sorted(times)[4] / 1e9))
"""


def run(code: str, home: str) -> object:
    """The last line that a fresh interpreter prints, as JSON; compiled programs are kept under ``home``."""
    environment = {**os.environ, "SNARC_HOME": home}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    results: dict[str, object] = {}
    times = []
    for _ in range(rounds + 1):
        start = time.perf_counter()
        subprocess.run([sys.executable, "-m", "snarc", "--help"], capture_output=True, check=True)
        times.append(time.perf_counter() - start)
    results["help_seconds"] = statistics.median(times[1:])
    print(f"snarc --help: {results['help_seconds']:.2f} s")
    for data in ("digits", "mnist") if os.environ.get("SNARC_DATA") else ("digits",):
        code = FIRST_STEP.replace("DATA", repr(data))
        with tempfile.TemporaryDirectory() as home:
            first = run(code, home)
            again = [run(code, home) for _ in range(rounds)]
        middle = {name: statistics.median(one[name] for one in again) for name in again[0]}
        results[data] = {"first": first, "again": middle}
        print(
            f"{data}: first step after {first['first_step']:.2f} s the first time, {middle['first_step']:.2f} s later;",
            end=" ",
        )
        print(f"compiling {first['first_step'] - middle['first_step']:.2f} s; peak {first['peak_mb']:.0f} MB")
    with tempfile.TemporaryDirectory() as home:
        results["gemm_gflops"] = run(GEMM, home)
    print(f"matrix products: {results['gemm_gflops']:.0f} GFLOP/s")
    print(save("start_up", results))


if __name__ == "__main__":
    main()
