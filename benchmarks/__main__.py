"""Run every benchmark, or those that are named: ``python -m benchmarks [NAME ...]``."""

from __future__ import annotations

import subprocess
import sys

NAMES = (
    "start_up", "train_step", "conv_layers", "cold_start", "health", "accuracy", "estimators",
    "lyapunov", "adversarial", "formal_network",
)  # fmt: skip


def main(names: list[str]) -> int:
    """Each in a process of its own, so that none measures another's leftovers."""
    unknown = [name for name in names if name not in NAMES]
    if unknown:
        print(f"no benchmark is called {unknown[0]}; there are: {', '.join(NAMES)}", file=sys.stderr)
        return 2
    return max(subprocess.run([sys.executable, "-m", f"benchmarks.{name}"]).returncode for name in names or NAMES)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
