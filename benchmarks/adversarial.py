"""Projected gradients on 1,000 digits beside foolbox on PyTorch: the same LeNet-5, start, steps and float32, in turn.

With SNARC_DATA the first test digits of MNIST and a LeNet-5 that has learnt for an epoch; else random pixels in MNIST's
shape and a network that has learnt nothing, which the output says.  Both sides must fool it equally often, give or
take a point.  The first call, which compiles, is timed apart.

    SNARC_DATA=... python -m benchmarks.adversarial [--rounds 5] [--images 1000] [--steps 40]
"""

from __future__ import annotations

import argparse
import functools
import os
import time
from collections.abc import Callable
from typing import Any

import numpy as np

import snarc
from benchmarks._common import in_turn, save, summary
from snarc.models.network import build
from snarc.trust import attacks

EPSILON = 0.1


def timed(call: Callable[[], Any]) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--images", type=int, default=1000)
    parser.add_argument("--steps", type=int, default=40)
    options = parser.parse_args()
    what, body, x, y = trained(options.images) if os.environ.get("SNARC_DATA") else made_up(options.images)
    print(what)
    seen = snarc.subject(body, input_shape=(28, 28, 1), classes=10, range=(0, 1))
    attack = attacks.Ball(seen, "pgd", steps=options.steps, step=EPSILON / 10, restarts=0)
    calls: dict[str, Callable[[], Any]] = {"snarc": lambda: attack(x, y, EPSILON).success}
    try:
        calls["foolbox on PyTorch"] = foolbox_side(body, seen, x, y, options.steps)
    except ImportError:
        print("foolbox or PyTorch is not installed; ours alone")
    first, fooled = {}, {}
    for name, call in calls.items():
        start = time.perf_counter()
        success = call()
        first[name], fooled[name] = time.perf_counter() - start, float(np.mean(np.asarray(success)))
    print("misread: " + ", ".join(f"{name} {100 * share:.1f} %" for name, share in fooled.items()))
    if max(fooled.values()) - min(fooled.values()) > max(0.01, 1.5 / len(x)):  # of few images one is more than a point
        raise SystemExit("the two sides do not attack equally well")
    sides: dict[str, Callable[[], float]] = {name: functools.partial(timed, call) for name, call in calls.items()}
    found = summary(in_turn(sides, options.rounds))
    for name, row in found.items():
        row |= {"first_call": first[name], "fooled": fooled[name]}
        ratio = f", {row['ratio']:.2f} x ours" if "ratio" in row else ""
        print(f"{name:20s} {row['median']:.2f} s (first call {first[name]:.2f} s){ratio}")
    work: dict[str, Any] = {"images": len(x), "of": what, "steps": options.steps, "network": "lenet5"}
    work |= {"epsilon": EPSILON, "accuracy": float((np.asarray(seen.logits(x)).argmax(axis=1) == y).mean())}
    print(save("adversarial", {"unit": "s", "work": work, "sides": found}))


def trained(images: int) -> tuple[str, Any, np.ndarray, np.ndarray]:
    """The first test digits of MNIST as 0 to 1, and a LeNet-5 that reads them."""
    digits = snarc.load("mnist")
    run = snarc.fit("lenet5", digits, epochs=1, standardise=False, out=False, progress=False, health=False)
    some = digits.test.gather(np.arange(min(images, len(digits.test))))
    x, y = (some.inputs / np.float32(255)).astype(np.float32), some.targets.astype(np.int64)
    network: Any = run.networks[0]
    return "MNIST's test digits, a LeNet-5 after one epoch", network.body, x, y


def made_up(images: int) -> tuple[str, Any, np.ndarray, np.ndarray]:
    """Random pixels and labels, and a LeNet-5 that has learnt nothing."""
    rng = np.random.default_rng(0)
    x = rng.uniform(size=(images, 28, 28, 1)).astype(np.float32)
    body = build("lenet5", inputs=(28, 28, 1), outputs=10, seed=0)
    what = "random pixels in MNIST's shape, a LeNet-5 that has learnt nothing (SNARC_DATA is not set)"
    return what, body, x, rng.integers(0, 10, images)


def foolbox_side(body: Any, seen: Any, x: np.ndarray, y: np.ndarray, steps: int) -> Callable[[], Any]:
    """Which examples it fools, of the same network with the same weights, checked to give the same logits."""
    import foolbox
    import torch

    from benchmarks.train_step import torch_net

    torch.set_num_threads(os.cpu_count() or 1)
    net = torch_net("lenet5").eval()
    with torch.no_grad():
        for name, layer in zip(("conv1", "conv2"), (net[0], net[3])):
            ours = getattr(body, name)
            layer.weight.copy_(torch.tensor(np.asarray(ours.kernel[...]).transpose(3, 2, 0, 1)))
            layer.bias.copy_(torch.tensor(np.asarray(ours.bias[...])))
        dense = [layer for layer in net if isinstance(layer, torch.nn.Linear)]
        for k, (layer, ours) in enumerate(zip(dense, (body.dense1, body.dense2, body.output))):
            kernel = np.asarray(ours.kernel[...])
            if k == 0:  # our maps are read pixel by pixel, PyTorch's map by map
                kernel = kernel.reshape(5, 5, 16, -1).transpose(2, 0, 1, 3).reshape(400, -1)
            layer.weight.copy_(torch.tensor(kernel.T))
            layer.bias.copy_(torch.tensor(np.asarray(ours.bias[...])))
    images, labels = torch.tensor(x.transpose(0, 3, 1, 2)), torch.tensor(y)
    apart = np.abs(net(images[:50]).detach().numpy() - np.asarray(seen.logits(x[:50]))).max()
    if apart > 1e-4:
        raise SystemExit(f"the two networks differ by {apart:g}")
    model = foolbox.PyTorchModel(net, bounds=(0, 1))
    attack = foolbox.attacks.LinfPGD(abs_stepsize=EPSILON / 10, steps=steps, random_start=False)
    return lambda: attack(model, images, labels, epsilons=EPSILON)[2].numpy()


if __name__ == "__main__":
    main()
