"""ONNX files: computed by JAX where jaxonnxruntime knows their operators, else by ONNX Runtime."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from snarc.errors import MissingExtraError, ModelError

from ._common import Channels, Foreign, first_line, moved, no_gradients


def network(path: Path, channels: Channels, gradients: bool | None) -> Foreign:
    """The network in a file.

    Raises
    ------
    MissingExtraError: ONNX Runtime is not installed.
    ModelError: the file is damaged, has not one input and one output of float32, or fixes its batch to a size.
    """
    try:
        import onnxruntime
    except ImportError as error:
        raise _missing("onnxruntime") from error
    try:
        session = onnxruntime.InferenceSession(path.read_bytes(), providers=["CPUExecutionProvider"])
    except Exception as error:
        raise ModelError(
            f"{path.name} cannot be read: {first_line(error)}",
            wanted="a whole ONNX file with its weights inside",
            way_out="Export it again, without external data.",
        ) from error
    given, found = session.get_inputs(), session.get_outputs()
    if len(given) != 1 or given[0].type != "tensor(float)" or len(given[0].shape) < 2:
        said = ", ".join(f"{one.name} {one.type} {one.shape}" for one in given)
        raise ModelError(
            f"{path.name} takes {said or 'nothing'}", wanted="one batch of float32", way_out="Export it that way."
        )
    name, shape = given[0].name, given[0].shape
    if isinstance(shape[0], int):
        raise ModelError(
            f"{path.name} takes batches of exactly {shape[0]}",
            wanted="batches of any size",
            way_out="Export it with a dynamic first axis.",
        )

    def value(x: Any) -> np.ndarray:
        given = np.ascontiguousarray(moved(np.asarray(x, np.float32), channels))
        return np.asarray(session.run([found[0].name], {name: given})[0], np.float32)

    known = tuple(shape[1:]) if all(isinstance(n, int) for n in shape[1:]) else None
    if known is not None and channels == "first" and len(known) > 2:
        known = (*known[1:], known[0])
    last = found[0].shape[-1] if found[0].shape else None
    call, can = value, False
    if gradients is not False:
        try:
            call, can = _traced(path, name, channels, value, known), True
        except Exception as error:
            # Only where gradients were asked for is it a fault that they cannot be had.
            if gradients and isinstance(error, ImportError):
                raise _missing("jaxonnxruntime") from error
            if gradients:
                raise no_gradients(path.name, error) from error
    return Foreign(call, path.stem, can, known, last if isinstance(last, int) else None)


def _traced(path: Path, name: str, channels: Channels, value: Any, known: tuple[int, ...] | None) -> Any:
    """The network as operations of JAX, held against ONNX Runtime once."""
    import onnx
    from jaxonnxruntime.call_onnx import call_onnx_model

    model = onnx.load_model_from_string(path.read_bytes())

    # Shapes may be worked into the program, so that each size of a batch has its own.
    @functools.lru_cache(maxsize=8)
    def made(shape: tuple[int, ...]) -> Any:
        run, weights = call_onnx_model(model, {name: np.zeros(shape, np.float32)})
        return jax.jit(lambda weights, x: run(weights, {name: x})[0]), weights

    def call(x: Any) -> jax.Array:
        x = moved(jnp.asarray(x, jnp.float32), channels, jnp)
        with jax.ensure_compile_time_eval():
            run, weights = made(x.shape)
        return run(weights, x)

    if known is not None:
        probe = np.random.default_rng(0).uniform(size=(2, *known)).astype(np.float32)
        ours, theirs = np.asarray(call(probe)), value(probe)
        if not np.allclose(ours, theirs, rtol=1e-3, atol=1e-4 * max(1.0, float(np.abs(theirs).max()))):
            raise ValueError("its outputs in JAX are not those of ONNX Runtime")
    return call


def _missing(package: str) -> MissingExtraError:
    return MissingExtraError(
        f"an .onnx file without the package {package}",
        wanted="the extra snarc[onnx]",
        way_out="Install it with: pip install 'snarc[onnx]'.",
    )
