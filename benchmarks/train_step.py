"""Time per training step, side by side in one process: snarc, PyTorch (eager, compiled), Keras on JAX, scikit-learn.

The same network, data, batch size, optimiser and float32 for all; a step
includes shuffling and batching; compilation is timed apart.  Peers that are
not installed are left out.

    python -m benchmarks.train_step [--rounds 5] [--only lenet5] [--no-compiled]
"""

from __future__ import annotations

import argparse
import itertools
import os
import time
from collections.abc import Callable
from typing import Any

os.environ.setdefault("KERAS_BACKEND", "jax")

import numpy as np

import snarc
from benchmarks._common import in_turn, save, summary
from snarc.data import Dataset, Split, Task

EMPTY = slice(0, 0)


def images(n: int) -> Dataset:
    """Random pixels in MNIST's shape: the time of a step does not depend on what is drawn in them."""
    rng = np.random.default_rng(0)
    split = Split(rng.integers(0, 256, (n, 28, 28, 1), dtype=np.uint8), rng.integers(0, 10, n).astype(np.int32))
    return Dataset("pixels", Task("classification", tuple("0123456789")), split, split.take(EMPTY), split)


def function(n: int) -> Dataset:
    """A function of two variables."""
    rng = np.random.default_rng(0)
    x = rng.uniform(-0.5, 0.5, (n, 2)).astype(np.float32)
    split = Split(x, (np.exp(-5 * (x**2).sum(1)) * np.abs(x.sum(1)))[:, None].astype(np.float32))
    return Dataset("function", Task("regression", targets=("f",)), split, split.take(EMPTY), split)


# name: data, batch size, optimiser, rate, our model and its options
WORK: dict[str, dict[str, Any]] = {
    "function, batch 20": {
        "data": lambda: function(40_000), "batch": 20, "optimizer": "adam", "rate": 1e-3,
        "model": "2-150-150-100-1", "net": [2, 150, 150, 100, 1],
    },
    "function, batch 1000": {
        "data": lambda: function(200_000), "batch": 1000, "optimizer": "adam", "rate": 1e-3,
        "model": "2-150-150-100-1", "net": [2, 150, 150, 100, 1],
    },
    "784-300-10, batch 100": {
        "data": lambda: images(30_000), "batch": 100, "optimizer": "momentum", "rate": 0.01,
        "model": "784-300-10", "net": [784, 300, 10],
    },
    "lenet5, batch 100": {
        "data": lambda: images(15_000), "batch": 100, "optimizer": "momentum", "rate": 0.01,
        "model": "lenet5", "net": "lenet5",
    },
    "20/40 maps, batch 100": {
        "data": lambda: images(6_000), "batch": 100, "optimizer": "momentum", "rate": 0.01,
        "model": "convnet", "net": "convnet",
    },
    "20/40 maps, batch 10": {
        "data": lambda: images(1_500), "batch": 10, "optimizer": "momentum", "rate": 0.01,
        "model": "convnet", "net": "convnet",
    },
}  # fmt: skip


def ours(work: dict[str, Any], data: Dataset) -> tuple[Callable[[], float], float]:
    """Milliseconds a step of a whole epoch of `snarc.fit`, and the seconds until the first one is done."""
    steps = -(-len(data.train) // work["batch"])

    def run(epochs: int) -> Any:
        return snarc.fit(
            work["model"], data, epochs=epochs, batch_size=work["batch"], optimizer=work["optimizer"],
            learning_rate=work["rate"], schedule="constant", out=False, progress=False,
        )  # fmt: skip

    start = time.perf_counter()
    run(1)
    first = time.perf_counter() - start
    return lambda: 1000 * run(2).history["seconds"][0, -1] / steps, first


def torch_side(work: dict[str, Any], data: Dataset, *, compiled: bool) -> tuple[Callable[[], float], float]:
    """The plain loop that PyTorch's own users write for data that fit into memory."""
    import torch
    from torch import nn

    torch.set_num_threads(os.cpu_count() or 1)
    pixels = data.train.inputs.dtype == np.uint8
    x = torch.from_numpy(data.train.inputs)
    x = x.permute(0, 3, 1, 2).contiguous() if pixels else x
    y = torch.from_numpy(data.train.targets)
    y = y.long() if pixels else y
    net = torch_net(work["net"])
    if compiled:
        net = torch.compile(net)
    loss_of = nn.CrossEntropyLoss() if pixels else nn.MSELoss()
    rate = work["rate"]
    adam = work["optimizer"] == "adam"
    optimizer = (
        torch.optim.Adam(net.parameters(), rate) if adam else torch.optim.SGD(net.parameters(), rate, momentum=0.9)
    )
    batch, count = work["batch"], len(x)

    def epoch(steps: int) -> float:
        net.train()
        start = time.perf_counter()
        order = torch.randperm(count)
        for first in range(0, steps * batch, batch):
            index = order[first : first + batch]
            inputs = x[index]
            inputs = inputs.float().mul_(1 / 255) if pixels else inputs
            optimizer.zero_grad()
            loss = loss_of(net(inputs), y[index])
            loss.backward()
            optimizer.step()
        return time.perf_counter() - start

    start = time.perf_counter()
    epoch(3)
    first = time.perf_counter() - start
    steps = count // batch
    return lambda: 1000 * epoch(steps) / steps, first


def torch_net(net: Any) -> Any:
    """The same network in PyTorch."""
    from torch import nn

    if net == "lenet5":
        return nn.Sequential(
            nn.Conv2d(1, 6, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2),
            nn.Flatten(), nn.Linear(400, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, 10),
        )  # fmt: skip
    if net == "convnet":
        return nn.Sequential(
            nn.Conv2d(1, 20, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(20, 40, 5), nn.ReLU(), nn.MaxPool2d(2),
            nn.Flatten(), nn.Linear(640, 1000), nn.ReLU(), nn.Dropout(0.5),
            nn.Linear(1000, 1000), nn.ReLU(), nn.Dropout(0.5), nn.Linear(1000, 10),
        )  # fmt: skip
    layers: list[Any] = [nn.Flatten()]
    for k, (a, b) in enumerate(itertools.pairwise(net), start=2):
        layers += [nn.Linear(a, b)] + ([nn.ReLU()] if k < len(net) else [])
    return nn.Sequential(*layers)


def keras_side(work: dict[str, Any], data: Dataset) -> tuple[Callable[[], float], float]:
    """`Model.fit` on arrays, Keras's own shuffling and batching."""
    import keras
    from keras import layers as kl

    pixels = data.train.inputs.dtype == np.uint8
    x = data.train.inputs.astype(np.float32) / 255 if pixels else data.train.inputs
    y = data.train.targets
    net = work["net"]
    if net == "lenet5":
        stack = [
            kl.Conv2D(6, 5, padding="same", activation="relu"), kl.MaxPooling2D(2), kl.Conv2D(16, 5, activation="relu"),
            kl.MaxPooling2D(2), kl.Flatten(), kl.Dense(120, "relu"), kl.Dense(84, "relu"), kl.Dense(10),
        ]  # fmt: skip
    elif net == "convnet":
        stack = [
            kl.Conv2D(20, 5, activation="relu"), kl.MaxPooling2D(2), kl.Conv2D(40, 5, activation="relu"),
            kl.MaxPooling2D(2), kl.Flatten(), kl.Dense(1000, "relu"), kl.Dropout(0.5), kl.Dense(1000, "relu"),
            kl.Dropout(0.5), kl.Dense(10),
        ]  # fmt: skip
    else:
        stack = [kl.Flatten(), *[kl.Dense(n, "relu") for n in net[1:-1]], kl.Dense(net[-1])]
    model = keras.Sequential([keras.Input(x.shape[1:]), *stack])
    rate = work["rate"]
    model.compile(
        optimizer=keras.optimizers.Adam(rate)
        if work["optimizer"] == "adam"
        else keras.optimizers.SGD(rate, momentum=0.9),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True) if pixels else "mse",
    )
    batch = work["batch"]
    steps = len(x) // batch

    def epoch() -> float:
        start = time.perf_counter()
        model.fit(x, y, batch_size=batch, epochs=1, verbose=0, shuffle=True)
        return time.perf_counter() - start

    start = time.perf_counter()
    epoch()
    first = time.perf_counter() - start
    return lambda: 1000 * epoch() / steps, first


def sklearn_side(work: dict[str, Any], data: Dataset) -> tuple[Callable[[], float], float]:
    """`MLPClassifier.partial_fit`-free: two epochs minus one."""
    import warnings

    from sklearn.neural_network import MLPClassifier

    x = data.train.inputs.reshape(len(data.train), -1).astype(np.float32) / 255

    def fit(epochs: int) -> float:
        net = MLPClassifier(
            tuple(work["net"][1:-1]), solver="sgd", momentum=0.9, nesterovs_momentum=False, alpha=0.0,
            batch_size=work["batch"], learning_rate_init=work["rate"], max_iter=epochs, random_state=0,
        )  # fmt: skip
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            start = time.perf_counter()
            net.fit(x, data.train.targets)
        return time.perf_counter() - start

    steps = len(x) // work["batch"]
    return lambda: 1000 * (fit(2) - fit(1)) / steps, fit(1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", default="", help="work whose name contains this")
    parser.add_argument("--no-compiled", action="store_true", help="leave torch.compile out")
    parser.add_argument("--peers", default="torch,keras,sklearn")
    options = parser.parse_args()
    results: dict[str, Any] = {}
    for name, work in WORK.items():
        if options.only not in name:
            continue
        data = work["data"]()
        sides, first = {}, {}
        sides["snarc"], first["snarc"] = ours(work, data)
        if "torch" in options.peers and _has("torch"):
            sides["PyTorch eager"], first["PyTorch eager"] = torch_side(work, data, compiled=False)
            if not options.no_compiled:
                sides["PyTorch compiled"], first["PyTorch compiled"] = torch_side(work, data, compiled=True)
        if "keras" in options.peers and _has("keras"):
            sides["Keras on JAX"], first["Keras on JAX"] = keras_side(work, data)
        if "sklearn" in options.peers and name.startswith("784"):
            sides["scikit-learn"], first["scikit-learn"] = sklearn_side(work, data)
        found = summary(in_turn(sides, options.rounds))
        for side, row in found.items():
            row["seconds_to_first_epoch_or_three_steps"] = first[side]
            ratio = f"  {row['ratio']:.2f} x ours" if "ratio" in row else ""
            print(f"{name:24s} {side:18s} {row['median']:8.3f} ms a step{ratio}", flush=True)
        results[name] = found
    print(save("train_step" + (f"-{options.only}" if options.only else ""), {"unit": "ms a step", "work": results}))


def _has(module: str) -> bool:
    import importlib.util

    return importlib.util.find_spec(module) is not None


if __name__ == "__main__":
    main()
