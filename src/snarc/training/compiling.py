"""How the engine's programs are compiled."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import jax

# Left to itself XLA gives convolutions on a CPU to a library that is slower than Eigen (benchmarks/conv_layers.py);
# the first leaves that library the matrix products alone.  The second lets loops, such as Adam's roots and divisions,
# use the widest vectors there are: a step of a small network takes 15 % less (benchmarks/train_step.py).
CPU_OPTIONS: dict[str, str | int] = {
    "xla_cpu_experimental_ynn_fusion_type": "LIBRARY_FUSION_TYPE_DOT",
    "xla_cpu_prefer_vector_width": 512,
}


@functools.cache
def compiled(function: Callable[..., Any], static: tuple[int, ...]) -> Any:
    """``jax.jit`` with the options that suit the device; one compiled function for each function given."""
    return jax.jit(function, static_argnums=static, compiler_options=options())


@functools.cache
def options() -> dict[str, str | int] | None:
    """What the compiler is told on this device, for a whole program that is compiled elsewhere."""
    if jax.default_backend() != "cpu":
        return None
    try:
        jax.jit(lambda: 0, compiler_options=CPU_OPTIONS)()
    except (jax.errors.JaxRuntimeError, ValueError):
        return None  # another version of XLA, which does not know them
    return CPU_OPTIONS
