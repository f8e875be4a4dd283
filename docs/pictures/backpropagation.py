"""The pictures of docs/backpropagation.md: figures of its experiments (half a minute on two cores)."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from snarc.experiments import run_experiment

HERE = Path(__file__).parent
FIGURES = (
    ("backpropagation-check", "deviations", "deviations"),
    ("backpropagation-cost", "cost", "cost"),
    ("sum-over-paths", "paths", "paths"),
    ("xor-surface", "surface", "surface"),
    ("descent-batches", "paths", "batches"),
)


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        for name, figure, picture in FIGURES:
            run_experiment(name, "quick", out=folder)
            source = Path(folder) / name / "figures" / f"{figure}.svg"
            shutil.copyfile(source, HERE / f"backpropagation-{picture}.svg")


if __name__ == "__main__":
    main()
