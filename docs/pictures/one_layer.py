"""The pictures of docs/one-layer.md: figures of its experiments, and a film (needs MNIST; a minute on two cores)."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import numpy as np

from snarc import keys, learners
from snarc.experiments import run_experiment

HERE = Path(__file__).parent
FIGURES = (
    ("perceptron-mistake-bound", "rotating-line"),
    ("perceptron-and-xor", "boundaries"),
    ("cover-capacity", "capacity"),
    ("adaline-oaks", "oaks"),
    ("adaline-oaks", "bowls"),
    ("adaline-online", "spirals"),
    ("logistic-odds", "odds"),
    ("linear-mnist", "weights"),
)


def film() -> Path:
    """A perceptron that turns its line until no example is on the wrong side."""
    rng = keys.generator(30, "rotating-line")
    x = rng.uniform(-1, 1, size=(24, 2))
    field = x @ [0.8, -0.6]
    x, t = x[np.abs(field) > 0.06], np.where(field > 0, 1, -1)[np.abs(field) > 0.06]
    neuron = learners.Perceptron(bias=False, record="mistake").fit(x, t)
    return learners.film(neuron, x, t, HERE / "one-layer-perceptron.gif", fps=2, title="A perceptron learning")


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        for name in dict(FIGURES):
            run_experiment(name, "quick", out=folder)
        for name, figure in FIGURES:
            shutil.copyfile(Path(folder) / name / "figures" / f"{figure}.svg", HERE / f"one-layer-{figure}.svg")
    film()


if __name__ == "__main__":
    main()
