"""The pictures of docs/layers.md: figures of its experiments (needs MNIST; a minute on two cores)."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from snarc.experiments import run_experiment

HERE = Path(__file__).parent
FIGURES = {
    "activations": ("activation-gallery", "gallery"),
    "depth": ("he-initialisation", "depth"),
    "batch": ("batch-normalisation", "histograms"),
}


def main(budget: str = "quick") -> None:
    with tempfile.TemporaryDirectory() as folder:
        for picture, (name, figure) in FIGURES.items():
            run_experiment(name, budget, out=folder)
            shutil.copyfile(Path(folder) / name / "figures" / f"{figure}.svg", HERE / f"layers-{picture}.svg")


if __name__ == "__main__":
    main()
