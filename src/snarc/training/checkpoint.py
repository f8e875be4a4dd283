"""One checkpoint on the disk: arrays, state, and a manifest with the SHA-256 of both and of itself."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from snarc.errors import CheckpointError
from snarc.training import jsontext, tensors
from snarc.training.disk import read_bytes

FORMAT = 1
STATE_LIMIT = 256 * 1024 * 1024  # a line of history for each epoch and replica is in it
ARRAYS, STATE, MANIFEST = "arrays.safetensors", "state.json", "manifest.json"


class NewerFormatError(CheckpointError):
    """A checkpoint that a newer snarc wrote; it is not damaged, so nothing older is taken in its place."""


@dataclass(frozen=True)
class Checkpoint:
    """What was read back.

    Attributes
    ----------
    step: the step it was saved at.
    arrays: the numbers, by name, bit for bit as saved.
    state: the JSON state saved with them.
    made_with: versions and devices of the program that wrote it.
    """

    step: int
    arrays: dict[str, np.ndarray]
    state: dict[str, Any]
    made_with: dict[str, Any] = field(default_factory=dict)


def manifest(step: int, files: Mapping[str, tuple[str, int]], made_with: dict[str, Any]) -> bytes:
    """The manifest of files with these SHA-256 and sizes."""
    content: dict[str, Any] = {
        "format": FORMAT,
        "step": step,
        "files": {name: {"sha256": digest, "bytes": size} for name, (digest, size) in files.items()},
        "made_with": made_with,
    }
    return _sealed(content)


def load(path: Path, step: int) -> Checkpoint:
    """Read a checkpoint folder back, every byte checked.

    Raises
    ------
    NewerFormatError: a newer snarc wrote it.
    CheckpointError: anything is missing, of another length, changed, or a symbolic link.
    """

    def damaged(came: str) -> CheckpointError:
        return CheckpointError(came, wanted="a whole checkpoint", way_out="Restore it from a copy.")

    for part in (path, path / MANIFEST, path / ARRAYS, path / STATE):
        if part.is_symlink():
            raise damaged(f"{part} is a symbolic link")
    manifest_path = path / MANIFEST
    raw = bytes(read_bytes(manifest_path, limit=jsontext.LIMIT, error=CheckpointError))
    found = jsontext.parse(raw, str(manifest_path), error=CheckpointError)
    content = {k: v for k, v in found.items() if k != "sha256"} if isinstance(found, dict) else {}
    if raw != _sealed(content):
        raise damaged(f"{manifest_path} does not have the SHA-256 it names")
    if content.get("format") != FORMAT:
        raise NewerFormatError(
            f"{path} is of checkpoint format {content.get('format')}",
            wanted=f"format {FORMAT}",
            way_out="It was written by a newer snarc; use that one.",
        )
    if content["step"] != step:
        raise damaged(f"{path} holds step {content['step']}")
    contents = {}
    for name in (ARRAYS, STATE):
        about = content["files"][name]
        data = read_bytes(path / name, limit=about["bytes"], error=CheckpointError)
        if len(data) != about["bytes"]:
            raise damaged(f"{path / name} has {len(data)} bytes, its manifest says {about['bytes']}")
        if hashlib.sha256(data).hexdigest() != about["sha256"]:
            raise damaged(f"{path / name} does not have the SHA-256 of its manifest")
        contents[name] = data
    return Checkpoint(
        step,
        tensors.parse(contents[ARRAYS], str(path / ARRAYS), error=CheckpointError),
        jsontext.parse(bytes(contents[STATE]), str(path / STATE), limit=STATE_LIMIT, error=CheckpointError),
        content["made_with"],
    )


def _sealed(content: dict[str, Any]) -> bytes:
    seal = hashlib.sha256(jsontext.text(content)).hexdigest()
    return jsontext.text({**content, "sha256": seal}, indent=2) + b"\n"


def expect(arrays: Mapping[str, Any], template: Mapping[str, tuple[tuple[int, ...], Any]]) -> None:
    """Check that arrays have the names, shapes and types that a program wants; nothing is ever cast.

    Parameters
    ----------
    arrays: what a checkpoint holds.
    template: name to (shape, dtype); ``jax.eval_shape`` gives them without using memory.

    Raises
    ------
    CheckpointError: names the first array that differs, is missing or is too many, with what was found and wanted.

    >>> expect({"bias": np.zeros(3)}, {"bias": ((3,), np.float64)})
    """
    way_out = "Use the recipe that the run was started with; the network or the optimiser is another."
    for name, (shape, dtype) in template.items():
        wanted = tensors.shape_text(tuple(shape), dtype)
        if name not in arrays:
            raise CheckpointError(f"array {name!r} is missing in the checkpoint", wanted=wanted, way_out=way_out)
        found = arrays[name]
        if tuple(found.shape) != tuple(shape) or found.dtype != np.dtype(dtype):
            came = f"array {name!r} of the checkpoint is {tensors.shape_text(found.shape, found.dtype)}"
            raise CheckpointError(came, wanted=wanted, way_out=way_out)
    for name in arrays:
        if name not in template:
            came = f"array {name!r} of the checkpoint is {tensors.shape_text(arrays[name].shape, arrays[name].dtype)}"
            raise CheckpointError(came, wanted="no array of that name", way_out=way_out)


def agree(state: Mapping[str, Any], wanted: Mapping[str, Any]) -> None:
    """Check that a checkpoint's state has these values, as for the recipe and the seed it must belong to.

    Raises
    ------
    CheckpointError: names the first entry that differs, with the value found and the value wanted.
    """
    for name, value in wanted.items():
        found = state.get(name)
        if name not in state or jsontext.text(found) != jsontext.text(value):
            raise CheckpointError(
                f"{name!r} of the checkpoint is {found!r}" if name in state else f"{name!r} is not in the checkpoint",
                wanted=repr(value),
                way_out="Resume with the recipe that the run was started with, or train into another folder.",
            )
