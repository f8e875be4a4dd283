"""What the benchmarks share: the machine, rounds in turn, results as JSON."""

from __future__ import annotations

import importlib.metadata
import json
import os
import platform
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "results"


def machine() -> dict[str, Any]:
    """Processor, cores, load and versions."""
    found = {"python": platform.python_version(), "machine": platform.machine(), "cores": os.cpu_count()}
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                found["processor"] = line.partition(":")[2].strip()
                break
    except OSError:
        pass
    found["load_average"] = os.getloadavg()[0] if hasattr(os, "getloadavg") else None
    versions = {}
    for name in ("snarc", "jax", "jaxlib", "flax", "optax", "torch", "keras", "scikit-learn", "numpy"):
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return {**found, "versions": versions}


def in_turn(sides: dict[str, Callable[[], float]], rounds: int) -> dict[str, list[float]]:
    """Measure every side once a round, so that a drift of the machine's speed meets all of them."""
    found: dict[str, list[float]] = {name: [] for name in sides}
    for number in range(rounds):
        names = list(sides)
        # Starting with another side each round keeps one from always running on a warm or a cold cache.
        for name in names[number % len(names) :] + names[: number % len(names)]:
            found[name].append(sides[name]())
    return found


def summary(found: dict[str, list[float]], ours: str = "snarc") -> dict[str, Any]:
    """Median of each side, and the median over rounds of peer time divided by ours."""
    rows: dict[str, Any] = {}
    for name, values in found.items():
        rows[name] = {"median": statistics.median(values), "least": min(values), "rounds": values}
        if name != ours:
            rows[name]["ratio"] = statistics.median(v / o for v, o in zip(values, found[ours]))
    return rows


def save(name: str, results: dict[str, Any]) -> Path:
    """Write a result with the machine it was measured on."""
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{name}.json"
    when = time.strftime("%Y-%m-%d")
    path.write_text(json.dumps({"when": when, "machine": machine(), **results}, indent=2) + "\n")
    return path
