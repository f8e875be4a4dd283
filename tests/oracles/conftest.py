"""What comparisons with PyTorch share."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import pytest


@pytest.fixture(scope="session")
def dense_in_pytorch() -> Callable[..., list[Any]]:
    """A function that copies dense layers to PyTorch, each followed by an activation (a new one from its class)."""
    torch = pytest.importorskip("torch", reason="PyTorch is installed apart: make oracles")

    def copied(layers: Iterable[Any], activation: Callable[[], Any]) -> list[Any]:
        made: list[Any] = []
        for layer in layers:
            dense = torch.nn.Linear(layer.in_features, layer.out_features)
            with torch.no_grad():
                dense.weight.copy_(torch.tensor(np.asarray(layer.kernel[...]).T))
                dense.bias.copy_(torch.tensor(np.asarray(layer.bias[...])))
            made += [dense, activation()]
        return made

    return copied
