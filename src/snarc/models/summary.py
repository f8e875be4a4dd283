"""What a network is made of: layers, shapes, parameters, multiply-adds."""

from __future__ import annotations

import math
from dataclasses import dataclass

import jax
import numpy as np
from flax import nnx

from snarc.errors import ModelError

from .inside import shapes_of


@dataclass(frozen=True)
class Layer:
    """One row of a summary.

    ``outputs`` is the shape for one example, ``multiply_adds`` the number of
    products of a weight and an activation for one example.
    """

    path: str
    kind: str
    outputs: tuple[int, ...]
    parameters: int
    multiply_adds: int


@dataclass(frozen=True)
class Summary:
    """A network layer by layer; printing it gives the table."""

    layers: tuple[Layer, ...]

    @property
    def parameters(self) -> int:
        """Trained numbers in all."""
        return sum(layer.parameters for layer in self.layers)

    @property
    def multiply_adds(self) -> int:
        """Multiply-adds of one forward pass of one example."""
        return sum(layer.multiply_adds for layer in self.layers)

    def __str__(self) -> str:
        head = ("layer", "kind", "output", "parameters", "multiply-adds")
        rows = [
            (row.path, row.kind, " x ".join(map(str, row.outputs)), f"{row.parameters:,}", f"{row.multiply_adds:,}")
            for row in self.layers
        ]
        rows.append(("total", "", "", f"{self.parameters:,}", f"{self.multiply_adds:,}"))
        widths = [max(len(row[k]) for row in [head, *rows]) for k in range(5)]
        lines = []
        for row in [head, *rows]:
            cells = [cell.ljust(w) if k < 3 else cell.rjust(w) for k, (cell, w) in enumerate(zip(row, widths))]
            lines.append("  ".join(cells).rstrip())
        rule = "  ".join("-" * w for w in widths)
        return "\n".join([lines[0], rule, *lines[1:-1], rule, lines[-1]])


def summary(network: nnx.Module, inputs: tuple[int, ...] | None = None) -> Summary:
    """Layers, output shapes, parameters and multiply-adds of a network.

    Parameters
    ----------
    network: an nnx module, or a run's network.
    inputs: shape of one example, ``(H, W, C)`` or ``(features,)``; may be left out for a network that starts with a
        dense layer.

    Nothing is computed; shapes are traced.

    Raises
    ------
    ModelError: the shape of the inputs is needed and missing, or does not fit.
    """
    if inputs is None:
        first = next((m for _, m in nnx.iter_modules(network) if isinstance(m, nnx.Linear)), None)
        if first is None or any(isinstance(m, nnx.Conv) for _, m in nnx.iter_modules(network)):
            raise ModelError(
                "no shape of the inputs", wanted="inputs=(28, 28, 1)", way_out="Give the shape of one example."
            )
        inputs = (first.in_features,)
    example = jax.ShapeDtypeStruct((1, *inputs), np.float32)
    try:
        shapes = shapes_of(network, example)
    except (TypeError, ValueError) as error:
        raise ModelError(
            f"inputs of shape {inputs}: {str(error).splitlines()[0]}",
            wanted="a shape that the network takes",
            way_out="Give the shape of one example, without the batch axis.",
        ) from error
    modules = {".".join(map(str, path)): module for path, module in nnx.iter_modules(network)}
    rows = []
    for path, shape in shapes.items():
        module = modules[path]
        own = [v for v in vars(module).values() if isinstance(v, nnx.Param)]
        inside = any(
            isinstance(m, nnx.Module) for p, m in nnx.iter_modules(module) if p and not isinstance(m, nnx.Dropout)
        )
        if inside and not own:
            continue
        outputs = tuple(shape.shape[1:])
        rows.append(
            Layer(path, type(module).__name__, outputs, sum(v[...].size for v in own), _multiply_adds(module, outputs))
        )
    return Summary(tuple(rows))


def _multiply_adds(module: nnx.Module, outputs: tuple[int, ...]) -> int:
    kernel = getattr(module, "kernel", None)
    if not isinstance(kernel, nnx.Param):
        return 0
    # A dense layer uses each weight once for every row of its outputs, a convolution once for every pixel.
    return math.prod(outputs[:-1]) * kernel[...].size
