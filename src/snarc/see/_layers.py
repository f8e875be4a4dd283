"""What instruments that look at layers share: which layers there are, and examples to show them."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import jax
import numpy as np
from flax import nnx

from snarc.data import Split
from snarc.errors import DataError, ModelError, RecipeError, nearest
from snarc.models.inside import layers_of, shapes_of, shapes_received
from snarc.models.summary import summary
from snarc.subjects import Subject
from snarc.training.evaluate import rows_for


def first_kernel(seen: Subject) -> tuple[str, np.ndarray]:
    """Path and kernel of the first layer, dense ``(inputs, units)`` or convolutional ``(h, w, in, maps)``.

    Raises
    ------
    ModelError: the network has no such layer over its inputs, or is a plain function.
    """
    weights = seen.parameters()
    assert seen.network is not None  # parameters() refuses a plain function
    for layer in summary(seen.network, seen.inputs).layers:
        kernel = weights.get(f"{layer.path}.kernel")
        if kernel is not None:
            fits = kernel.ndim == 4 or (kernel.ndim == 2 and kernel.shape[0] == math.prod(seen.inputs))
            if fits:
                return short(layer.path), kernel
            break
    raise ModelError(
        f"{seen.name} has no dense or convolutional layer over its inputs",
        wanted="a network whose first weights are a kernel",
        way_out="Look at activations instead.",
    )


def short(path: str) -> str:
    """The path of a layer as reports name it, without the body that every run's network has."""
    return path.removeprefix("body.")


def weighted(seen: Subject) -> dict[str, tuple[int, ...]]:
    """Shapes of the outputs, for one example, of the layers that have a kernel, by path, in order of computation.

    Raises
    ------
    ModelError: a plain function, or a network without such a layer.
    """
    weights = seen.parameters()
    assert seen.network is not None  # parameters() refuses a plain function
    example = jax.ShapeDtypeStruct((1, *seen.inputs), np.float32)
    outputs = shapes_of(seen.network, example)
    order = shapes_received(seen.network, example)
    found = {p: outputs[p].shape[1:] for p in order if p in outputs and f"{p}.kernel" in weights}
    if not found:
        raise ModelError(
            f"{seen.name} has no dense or convolutional layer",
            wanted="a network of layers with kernels",
            way_out="Use an instrument that needs only outputs.",
        )
    return found


def chosen(layers: Mapping[str, tuple[int, ...]], layer: str, *, maps: bool = False) -> str:
    """The path of a layer named with or without ``body.``; of none the last convolution, else the first layer.

    Raises
    ------
    RecipeError: there is no such layer, or one of maps was wanted and it has none.
    """
    convolutions = [path for path, shape in layers.items() if len(shape) == 3]
    if not layer:
        if convolutions:
            return convolutions[-1]
        if not maps:
            return next(iter(layers))
    found = next((path for path in layers if layer in (path, short(path))), None)
    if found is None or (maps and found not in convolutions):
        known = [short(path) for path in (convolutions if maps else layers)]
        raise RecipeError(
            f"layer {layer!r}" if layer else "no convolutional layer",
            wanted="a layer of maps" if maps else "a layer with a kernel",
            way_out=nearest(layer, known),
        )
    return found


def output_of(seen: Subject, path: str) -> tuple[Callable[[Any, jax.Array], jax.Array], Any]:
    """A function of (state, inputs) to the output of a layer, for compiled programs, and the state to give it."""
    assert seen.network is not None  # the path was found in one
    seen.network.eval()
    graph, state = nnx.split(seen.network)
    return (lambda state, x: layers_of(nnx.merge(graph, state), x)[path]), state


def examples(of: Any, seen: Subject, data: Any, count: int | None = None) -> tuple[np.ndarray, np.ndarray | None]:
    """The first examples of data as floating inputs ``(N, *inputs)``, and their targets where they are known.

    Parameters
    ----------
    data: the name of a split of a run, a ``Split``, a pair ``(x, y)``, or inputs alone.

    Raises
    ------
    DataError: no data, not of the shape that the network takes, or the name of a split for what is no run.
    """
    if isinstance(data, str):
        if not hasattr(of, "dataset"):
            raise DataError(
                f"the split {data!r} for {seen.name}, which is no run and knows no data",
                wanted="inputs, a Split or a pair (x, y)",
                way_out="Write dataset.test.",
            )
        data = of.dataset.split(data)
    if hasattr(data, "gather"):
        index = np.arange(len(data) if count is None else min(count, len(data)))
        part: Split = data.gather(index)
        x, y = part.inputs, part.targets
    elif isinstance(data, tuple):
        x, y = np.asarray(data[0])[:count], np.asarray(data[1])[:count]
    else:
        x, y = np.asarray(data)[:count], None
    if not len(x):
        raise DataError("no example", wanted="at least one", way_out="Use a split that is not empty.")
    return np.asarray(seen.example(x)), y


def batches(x: np.ndarray) -> Iterator[tuple[int, np.ndarray]]:
    """Where each piece begins, and the piece; all of one size (the last is filled up), for one compiled program."""
    rows = min(rows_for(x.shape[1:]), 2 ** math.ceil(math.log2(len(x))))
    for first in range(0, len(x), rows):
        part = x[first : first + rows]
        yield first, np.resize(part, (rows, *x.shape[1:])) if len(part) < rows else part


def framed(sheet: np.ndarray) -> np.ndarray:
    """Colour tiles ``(H, W, 3)`` in [0, 1] with what is not a number, gaps and margins, in a colour of its own."""
    return np.where(np.isnan(sheet), np.array([0.66, 0.73, 0.82]), np.clip(sheet, 0, 1))
