"""What looking at the layers costs: of a step while training goes on, and once, for the program that looks.

Training with and without looks in turn, in one process, for the first; a fresh process each time for the second, with
an empty and with a filled folder of compiled programs.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from typing import Any

from ._common import in_turn, save, summary

ONCE = """
import sys, time
import snarc
from snarc.training import fit
data = snarc.load("digits")
start = time.perf_counter()
fit(sys.argv[1], data, out=False, progress=False, health=sys.argv[2] == "on")
print(time.perf_counter() - start)
"""


def steps(model: str, count: int, batch: int, epochs: int) -> dict[str, Callable[[], float]]:
    """Milliseconds a step, from the second epoch on, with and without looks."""
    import numpy as np

    import snarc
    from benchmarks.train_step import images

    data = images(count)
    per_epoch = -(-count // batch)

    def side(health: bool) -> Callable[[], float]:
        def measure() -> float:
            run = snarc.fit(
                model, data, epochs=epochs, batch_size=batch, optimizer="momentum", learning_rate=0.01,
                schedule="constant", out=False, progress=False, health=health,
            )  # fmt: skip
            return float(1000 * np.sum(run.history["seconds"][0, 1:]) / (per_epoch * (epochs - 1)))

        return measure

    sides = {"without": side(False), "with": side(True)}
    for one in sides.values():
        one()  # compiles
    return sides


def once(model: str, folder: str | None) -> dict[str, Callable[[], float]]:
    """Seconds of a whole short training in a fresh process, with an empty folder of programs or with this one."""

    def side(health: str) -> Callable[[], float]:
        def measure() -> float:
            with tempfile.TemporaryDirectory() as empty:
                environment = {**os.environ, "SNARC_HOME": folder or empty}
                command = [sys.executable, "-c", ONCE, model, health]
                return float(subprocess.run(command, env=environment, check=True, capture_output=True).stdout)

        return measure

    return {"without": side("off"), "with": side("on")}


WORK: dict[str, tuple[str, int, int, int]] = {
    "784-300-10, batch 100": ("784-300-10", 20_000, 100, 4),
    "lenet5, batch 100": ("lenet5", 10_000, 100, 3),
    "784-300-10, batch 10": ("784-300-10", 10_000, 10, 3),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args()
    results: dict[str, Any] = {"unit": "ms a step; seconds of a whole training", "steps": {}, "once": {}}
    start = time.perf_counter()
    for name, work in WORK.items():
        found = summary(in_turn(steps(*work), options.rounds), ours="without")
        results["steps"][name] = found
        print(f"{name:26s} a step takes {found['with']['ratio']:.3f} times as long with looks", flush=True)
    with tempfile.TemporaryDirectory() as filled:
        for name, folder in (("nothing compiled before", None), ("compiled before", filled)):
            sides = once("mlp", folder)
            for one in sides.values():
                one()
            found = summary(in_turn(sides, max(3, options.rounds // 2)), ours="without")
            results["once"][name] = found
            more = found["with"]["median"] - found["without"]["median"]
            print(f"mlp on digits, {name}: {more:+.2f} s, {found['with']['ratio']:.2f} times as long", flush=True)
    results["seconds"] = time.perf_counter() - start
    print(save("health", results))


if __name__ == "__main__":
    main()
