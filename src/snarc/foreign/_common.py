"""What the networks of all libraries share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from snarc.errors import ModelError

Channels = Literal["first", "last"]


@dataclass(frozen=True)
class Foreign:
    """A network of another library.

    Attributes
    ----------
    call: a batch with its channels last to outputs; float32, as the network says them.
    name: for titles.
    differentiable: whether JAX can take gradients of ``call``.
    inputs, outputs: shape of one example and number of outputs, where the network tells them.
    """

    call: Callable[[Any], Any]
    name: str
    differentiable: bool
    inputs: tuple[int, ...] | None = None
    outputs: int | None = None


def moved(x: Any, channels: Channels, module: Any = np) -> Any:
    """A batch ``(N, ..., C)`` with its channels where the network wants them."""
    return module.moveaxis(x, -1, 1) if channels == "first" and x.ndim > 3 else x


def no_gradients(name: str, error: Exception) -> ModelError:
    """What to say where gradients were asked for and cannot be had."""
    return ModelError(
        f"no gradients can be had of {name}: {first_line(error)}",
        wanted="a network whose outputs depend smoothly on its inputs",
        way_out="Leave gradients out; instruments that need only outputs still work.",
    )


def first_line(error: Exception) -> str:
    """What an error of another library says, on one line."""
    return str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
