"""Convolutions, pooling and two whole networks, side by side with PyTorch, in alternating rounds of one process.

    python -m benchmarks.conv_layers [--rounds 7] [--only NAME] [--profile]

Prints one JSON object: for each case the milliseconds of a forward and
backward pass (layers) or of a training step (networks), in the fastest and in
the median round: ours (``snarc``, inside one compiled loop) and, where it is
installed, PyTorch's (eager); and ``ratio``, PyTorch's divided by ours.

With ``--one-thread`` processor time of one thread is taken instead of wall
time of two, which other users of the machine disturb less; start it on one
core (``taskset -c 0``), as XLA takes as many threads as it sees cores.
"""

from __future__ import annotations

import argparse
import json
import platform
import statistics
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jax import lax

from snarc.layers import conv2d, conv_relu_pool
from snarc.models import build

try:
    import torch
    from torch.nn import functional
except ImportError:
    torch = None

THREADS = 2
# YNNPACK's convolutions are slower than Eigen's here; with this, XLA gives it the matrix products alone.
OPTIONS: dict[str, str | bool] = {"xla_cpu_experimental_ynn_fusion_type": "LIBRARY_FUSION_TYPE_DOT"}
BATCH = 100
# name: side of the maps, channels, feature maps, padding, whether the input is differentiated
LAYERS = {
    "lenet conv1": (28, 1, 6, 2, False),
    "lenet conv2": (14, 6, 16, 0, True),
    "20/40 conv1": (28, 1, 20, 0, False),
    "20/40 conv2": (12, 20, 40, 0, True),
}


def looped(step: Callable[[Any], Any], state: Any, times: int) -> Callable[[], None]:
    """A function that runs ``step`` so many times inside one compiled loop."""
    loop = jax.jit(lambda state: lax.fori_loop(0, times, lambda _, s: step(s), state), compiler_options=OPTIONS)
    run = loop.lower(state).compile()
    return lambda: jax.block_until_ready(run(state))


def layer_of_ours(case: tuple, pooled: bool, times: int) -> Callable[[], None]:
    side, channels, maps, padding, differentiated = case
    key = jax.random.key(0)
    x = jax.random.normal(key, (BATCH, side, side, channels))
    kernel = jax.random.normal(key, (5, 5, channels, maps)) / 10
    bias = jnp.zeros(maps)
    out = side + 2 * padding - 4
    weight = jax.random.normal(key, (BATCH, out // 2, out // 2, maps) if pooled else (BATCH, out, out, maps))

    def value(x: jax.Array, kernel: jax.Array, bias: jax.Array, weight: jax.Array) -> jax.Array:
        if pooled:
            return conv_relu_pool(x, kernel, bias, padding=padding)
        return conv2d(x, kernel, padding=padding) + bias

    def step(state: tuple) -> tuple:
        x, kernel, bias, weight = state
        y, back = jax.vjp(lambda x, k, b: value(x, k, b, weight), x, kernel, bias)
        dx, dk, db = back(weight + 1e-9 * y)
        # The step feeds its results on, so that nothing can be dropped or moved out of the loop.
        x = x + 1e-9 * dx if differentiated else x.at[0, 0, 0, 0].add(1e-9 * db[0])
        return x, kernel - 1e-9 * dk, bias - 1e-9 * db, weight

    return looped(step, (x, kernel, bias, weight), times)


def layer_of_torch(case: tuple, pooled: bool, times: int) -> Callable[[], None]:
    side, channels, maps, padding, differentiated = case
    layer = torch.nn.Conv2d(channels, maps, 5, padding=padding)
    x = torch.randn(BATCH, channels, side, side, requires_grad=differentiated)

    def apply() -> Any:
        y = layer(x)
        return functional.max_pool2d(functional.relu(y), 2) if pooled else y

    weight = torch.randn_like(apply())

    def run() -> None:
        for _ in range(times):
            layer.zero_grad()
            x.grad = None
            apply().backward(weight)

    return run


def network_of_ours(name: str, batch: int, times: int, momentum: float = 0.9) -> Callable[[], None]:
    network = build(name, inputs=(28, 28, 1), outputs=10, seed=0)
    network.train()
    graph, weights, rest = nnx.split(network, nnx.Param, ...)
    key = jax.random.key(0)
    data = jax.random.normal(key, (1000, 28, 28, 1))
    labels = jax.random.randint(key, (1000,), 0, 10)
    order = jax.random.randint(key, (50, batch), 0, 1000)
    velocity = jax.tree.map(jnp.zeros_like, weights)

    def step(state: tuple) -> tuple:
        i, weights, velocity, rest, data, labels, order = state
        index = order[i % len(order)]
        x, y = data[index], labels[index]

        def loss(weights: Any) -> tuple[jax.Array, Any]:
            net = nnx.merge(graph, weights, rest, copy=True)
            logits = net(x)
            chosen = jnp.take_along_axis(jax.nn.log_softmax(logits), y[:, None], 1)
            return -chosen.mean(), nnx.split(net, nnx.Param, ...)[2]

        gradient, rest = jax.grad(loss, has_aux=True)(weights)
        velocity = jax.tree.map(lambda v, g: momentum * v + g, velocity, gradient)
        weights = jax.tree.map(lambda w, v: w - 0.01 * v, weights, velocity)
        return i + 1, weights, velocity, rest, data, labels, order

    return looped(step, (0, weights, velocity, rest, data, labels, order), times)


def network_of_torch(name: str, batch: int, times: int, momentum: float = 0.9) -> Callable[[], None]:
    n = torch.nn
    if name == "lenet5":
        layers = [n.Conv2d(1, 6, 5, padding=2), n.ReLU(), n.MaxPool2d(2), n.Conv2d(6, 16, 5), n.ReLU(), n.MaxPool2d(2),
                  n.Flatten(), n.Linear(400, 120), n.ReLU(), n.Linear(120, 84), n.ReLU(), n.Linear(84, 10)]  # fmt: skip
    else:
        layers = [n.Conv2d(1, 20, 5), n.ReLU(), n.MaxPool2d(2), n.Conv2d(20, 40, 5), n.ReLU(), n.MaxPool2d(2),
                  n.Flatten(), n.Linear(640, 1000), n.ReLU(), n.Dropout(0.5), n.Linear(1000, 1000), n.ReLU(),
                  n.Dropout(0.5), n.Linear(1000, 10)]  # fmt: skip
    network = n.Sequential(*layers)
    data, labels = torch.randn(1000, 1, 28, 28), torch.randint(0, 10, (1000,))
    optimizer = torch.optim.SGD(network.parameters(), lr=0.01, momentum=momentum)

    def run() -> None:
        for _ in range(times):
            index = torch.randint(0, 1000, (batch,))
            optimizer.zero_grad()
            functional.cross_entropy(network(data[index]), labels[index]).backward()
            optimizer.step()

    return run


def cases() -> dict[str, tuple[int, Callable, Callable]]:
    """For each name: passes in a round, and the makers of ours and of PyTorch's."""
    found: dict[str, tuple[int, Callable, Callable]] = {}
    for name, case in LAYERS.items():
        found[name] = (10, partial(layer_of_ours, case, False), partial(layer_of_torch, case, False))
        pooled = f"{name} + ReLU + max pool"
        found[pooled] = (10, partial(layer_of_ours, case, True), partial(layer_of_torch, case, True))
    for name, model, batch, times in (
        ("LeNet-5, batch 100", "lenet5", 100, 10),
        ("20/40 maps, batch 100", "convnet", 100, 3),
        ("20/40 maps, batch 10", "convnet", 10, 10),
    ):
        found[name] = (times, partial(network_of_ours, model, batch), partial(network_of_torch, model, batch))
    return found


def measure(
    runs: dict[str, Callable[[], None]], times: int, rounds: int, clock: Callable[[], float]
) -> dict[str, dict[str, float]]:
    """Milliseconds of one pass, by fastest and median of alternating rounds."""
    taken: dict[str, list[float]] = {name: [] for name in runs}
    for run in runs.values():
        run()
    for _ in range(rounds):
        for name, run in runs.items():
            begin = clock()
            run()
            taken[name].append((clock() - begin) / times * 1e3)
    return {n: {"fastest": round(min(t), 4), "median": round(statistics.median(t), 4)} for n, t in taken.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--one-thread", action="store_true", help="processor time of one thread")
    parser.add_argument("--only", default="", help="cases whose name contains this")
    arguments = parser.parse_args()
    if torch is not None:
        torch.set_num_threads(1 if arguments.one_thread else THREADS)
    clock = time.process_time if arguments.one_thread else time.perf_counter
    results = {}
    for name, (times, ours, theirs) in cases().items():
        if arguments.only not in name:
            continue
        runs = {"snarc": ours(times)}
        if torch is not None:
            runs["pytorch"] = theirs(times)
        results[name] = measure(runs, times, arguments.rounds, clock)
        if torch is not None:
            results[name]["ratio"] = {
                k: round(results[name]["pytorch"][k] / results[name]["snarc"][k], 2) for k in ("fastest", "median")
            }
    versions = {"jax": jax.__version__, "numpy": np.__version__, "python": platform.python_version()}
    if torch is not None:
        versions["torch"] = torch.__version__
    print(
        json.dumps(
            {"milliseconds": results, "versions": versions, "machine": platform.processor() or platform.machine()},
            indent=1,
        )
    )


if __name__ == "__main__":
    main()
