"""Modules of PyTorch: called as they are, gradients by PyTorch's own backpropagation."""

from __future__ import annotations

import copy
import sys
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from snarc.errors import ModelError

from ._common import Channels, Foreign, moved, no_gradients


def module(of: Any, inputs: tuple[int, ...] | None, channels: Channels | None, gradients: bool | None) -> Foreign:
    """A copy of a module in evaluation mode, weights as they are now."""
    torch: Any = sys.modules["torch"]
    if not isinstance(of, torch.nn.Module):
        raise ModelError(
            f"a {type(of).__name__} of PyTorch", wanted="a torch.nn.Module", way_out="Pass the module that holds it."
        )
    # A copy: what is looked at does not change with further training, and the original keeps its mode.
    network = copy.deepcopy(of).eval().requires_grad_(False)
    weight = next((p for p in (*network.parameters(), *network.buffers()) if p.is_floating_point()), None)
    device, kind = (None, torch.float32) if weight is None else (weight.device, weight.dtype)
    where: Channels = channels or "first"

    def tensor(x: Any) -> Any:
        return torch.from_numpy(np.array(moved(np.asarray(x, np.float32), where))).to(device, kind)

    def outputs(x: Any) -> Any:
        found = network(x)
        found = getattr(found, "logits", found)
        if not isinstance(found, torch.Tensor):
            raise TypeError(f"it returns a {type(found).__name__}, not a tensor")
        return found

    def value(x: Any) -> np.ndarray:
        with torch.no_grad():
            return outputs(tensor(x)).float().cpu().numpy()

    def back(x: Any, weights: Any) -> np.ndarray:
        given = tensor(x).requires_grad_(True)
        with torch.enable_grad():
            found = outputs(given)
            weights = torch.from_numpy(np.array(weights, np.float32)).to(found)
            (slope,) = torch.autograd.grad(found, given, weights)
        slope = slope.float().cpu().numpy()
        return np.ascontiguousarray(np.moveaxis(slope, 1, -1) if where == "first" and slope.ndim > 3 else slope)

    can = False
    if gradients is not False and inputs is not None:
        try:
            probe = np.zeros((2, *inputs), np.float32)
            back(probe, np.ones(value(probe).shape))
            can = True
        except Exception as error:
            # What is wrong with the call itself is said when the subject is checked.
            if gradients:
                raise no_gradients(type(of).__name__, error) from error
    return Foreign(_bridge(value, back) if can else value, type(of).__name__, can)


def _bridge(value: Callable[[Any], np.ndarray], back: Callable[[Any, Any], np.ndarray]) -> Callable[[Any], Any]:
    """A function that JAX can trace and differentiate once, by asking the other library for both."""
    shapes: dict[tuple[int, ...], tuple[int, ...]] = {}

    def shape(x: Any) -> tuple[int, ...]:
        if x.shape[1:] not in shapes:
            shapes[x.shape[1:]] = value(np.zeros((2, *x.shape[1:]), np.float32)).shape[1:]
        return (x.shape[0], *shapes[x.shape[1:]])

    @jax.custom_vjp
    def traced(x: jax.Array) -> jax.Array:
        wanted = jax.ShapeDtypeStruct(shape(x), jnp.float32)
        return jax.pure_callback(value, wanted, x, vmap_method="sequential")

    def backward(x: jax.Array, weights: jax.Array) -> tuple[jax.Array]:
        wanted = jax.ShapeDtypeStruct(x.shape, jnp.float32)
        return (jax.pure_callback(back, wanted, x, weights, vmap_method="sequential"),)

    traced.defvjp(lambda x: (traced(x), x), backward)
    return lambda x: traced(x) if isinstance(x, jax.core.Tracer) else value(x)
