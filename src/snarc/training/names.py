"""The state of learning as named arrays, for files; and back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np


def to_arrays(tree: Any, prefix: str = "") -> dict[str, np.ndarray]:
    """Every array of a tree under a name made of its path; random keys as their bits."""
    leaves, _ = jax.tree_util.tree_flatten_with_path(tree)
    return {prefix + _name(path): np.asarray(_bits(leaf)) for path, leaf in leaves}


def from_arrays(template: Any, arrays: Mapping[str, np.ndarray], prefix: str = "") -> Any:
    """A tree like ``template`` with the arrays of these names in it (shapes and types checked by the caller)."""
    leaves, structure = jax.tree_util.tree_flatten_with_path(template)
    return jax.tree_util.tree_unflatten(structure, [_like(leaf, arrays[prefix + _name(path)]) for path, leaf in leaves])


def shapes(tree: Any, prefix: str = "") -> dict[str, tuple[tuple[int, ...], str]]:
    """Name to shape and dtype name of what :func:`to_arrays` would give."""
    leaves, _ = jax.tree_util.tree_flatten_with_path(tree)
    return {prefix + _name(path): (tuple(_bits(leaf).shape), str(_bits(leaf).dtype)) for path, leaf in leaves}


def _name(path: tuple[Any, ...]) -> str:
    parts = []
    for entry in path:
        for attribute in ("key", "name", "idx"):
            if hasattr(entry, attribute):
                parts.append(str(getattr(entry, attribute)))
                break
    # nnx wraps each array in a Variable whose one child is called `value`; it adds nothing to the name.
    return ".".join(part for part in parts if part != "value")


def _bits(leaf: Any) -> Any:
    leaf = jnp.asarray(leaf)
    return jax.random.key_data(leaf) if jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key) else leaf


def _like(leaf: Any, array: np.ndarray) -> jax.Array:
    leaf = jnp.asarray(leaf)
    if jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key):
        return jax.random.wrap_key_data(jnp.asarray(array), impl=jax.random.key_impl(leaf))
    return jnp.asarray(array, leaf.dtype)
