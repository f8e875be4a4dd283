"""Lyapunov exponents at 512 x 512 points of a 2-50-50-50-50-1 network: snarc beside PyTorch, in one process.

The exponent of the map from the inputs to the last hidden layer, and the direction of the largest stretching, in
float32.  PyTorch's Jacobians: `torch.func.vmap` of `jacfwd` and of `jacrev` over the same points, in pieces of as many
as snarc takes; and `torch.autograd.functional.jacobian` point by point over some of them, scaled up to all.  From the
Jacobian all sides find the largest singular value in the same way, from the 2 x 2 matrix J^T J in closed form.

    python -m benchmarks.lyapunov [--rounds 5] [--points 512] [--looped 2000]
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable
from typing import Any

import numpy as np

import snarc
from benchmarks._common import in_turn, save, summary
from snarc.models.network import build
from snarc.see._stretching import ROWS, way

LAYOUT = "2-50-50-50-50-1"
HIDDEN = 4


def timed(function: Callable[[], Any]) -> Callable[[], float]:
    def measure() -> float:
        start = time.perf_counter()
        function()
        return time.perf_counter() - start

    return measure


def torch_sides(body: Any, x: np.ndarray, looped: int) -> tuple[dict[str, Callable[[], Any]], Callable[[], float]]:
    """The vmapped Jacobians over all points, and the loop over some, in seconds for all."""
    import torch
    from torch import nn

    torch.set_num_threads(os.cpu_count() or 1)
    layers: list[Any] = []
    for layer in list(body.layers)[:HIDDEN]:
        dense = nn.Linear(layer.in_features, layer.out_features)
        with torch.no_grad():
            dense.weight.copy_(torch.tensor(np.asarray(layer.kernel[...]).T.copy()))
            dense.bias.copy_(torch.tensor(np.asarray(layer.bias[...])))
        layers += [dense, nn.Tanh()]
    net = nn.Sequential(*layers)
    for parameter in net.parameters():
        parameter.requires_grad_(False)
    points = torch.tensor(x)

    def stretching(matrices: Any) -> tuple[Any, Any]:
        gram = matrices.transpose(-1, -2) @ matrices
        a, b, d = gram[..., 0, 0], gram[..., 0, 1], gram[..., 1, 1]
        value = (a + d) / 2 + torch.sqrt(((a - d) / 2) ** 2 + b**2)
        angle = 0.5 * torch.atan2(2 * b, a - d)
        return 0.5 * torch.log(value) / HIDDEN, torch.stack([torch.cos(angle), torch.sin(angle)], -1)

    def mapped(jacobian: Any) -> Callable[[], Any]:
        function = torch.func.vmap(jacobian(net))

        def run() -> Any:
            found = [stretching(function(part)) for part in points.split(ROWS)]
            return torch.cat([exponent for exponent, _ in found]).numpy()

        return run

    every = points[:: max(1, len(points) // looped)][:looped]

    def loop() -> float:
        start = time.perf_counter()
        for one in every:
            stretching(torch.autograd.functional.jacobian(net, one))
        return (time.perf_counter() - start) * len(points) / len(every)

    return {"vmap jacfwd": mapped(torch.func.jacfwd), "vmap jacrev": mapped(torch.func.jacrev)}, loop


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--points", type=int, default=512)
    parser.add_argument("--looped", type=int, default=2000)
    options = parser.parse_args()
    body = build(LAYOUT, inputs=(2,), outputs=1, seed=0, options={"activation": "tanh"})
    seen = snarc.subject(body, input_shape=(2,), classes=1)
    line = np.linspace(-1.25, 1.25, options.points)
    x = np.stack(np.meshgrid(line, line), axis=-1).reshape(-1, 2).astype(np.float32)
    along = way(seen, HIDDEN)

    start = time.perf_counter()
    ours = along.exponents(x)[1]
    first = time.perf_counter() - start
    results: dict[str, Any] = {"unit": f"s for {len(x):,} points", "network": LAYOUT, "looped": options.looped}
    sides: dict[str, Callable[[], float]] = {"snarc": timed(lambda: along.exponents(x))}
    try:
        peers, loop = torch_sides(body, x, options.looped)
    except ImportError:
        print("PyTorch is not installed here; snarc alone")
    else:
        for name, run in peers.items():
            off = float(np.abs(run() - ours).max())
            assert off < 1e-3, f"{name} finds other exponents, by {off}"
            sides[f"torch {name}"] = timed(run)
        sides["torch loop"] = loop
    found = summary(in_turn(sides, options.rounds))
    results |= {"sides": found, "first_call": first}
    whole = timed(lambda: snarc.see.lyapunov(seen, points=options.points))
    results["instrument"] = sorted(whole() for _ in range(options.rounds))
    print(f"snarc: first call {first:.2f} s, then {found['snarc']['median']:.2f} s")
    print(f"the whole instrument, with boundary and ridges: {results['instrument'][options.rounds // 2]:.2f} s")
    for name, row in found.items():
        if name != "snarc":
            print(f"{name:18s} {row['median']:8.2f} s, {row['ratio']:.1f} times as long")
    print(save("lyapunov", results))


if __name__ == "__main__":
    main()
