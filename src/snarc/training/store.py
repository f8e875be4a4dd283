"""Checkpoints that are whole or passed over, never half read.

A checkpoint is a folder ``checkpoints/00001234`` with the arrays, the state
as JSON, and a manifest with the SHA-256 of both and of itself.  It appears
under its name only when all of it is on the disk.
"""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from snarc.errors import CheckpointError, RunError
from snarc.training import jsontext, lock, tensors
from snarc.training.checkpoint import (
    ARRAYS,
    FORMAT,
    MANIFEST,
    STATE,
    STATE_LIMIT,
    Checkpoint,
    NewerFormatError,
    agree,
    expect,
    load,
    manifest,
)
from snarc.training.disk import TEMPORARY, remove, require_space, sync_folder, told, why, write_new
from snarc.training.files import sweep

__all__ = ["FORMAT", "Checkpoint", "CheckpointWarning", "NewerFormatError", "Store", "agree", "expect"]

_REPLACED = ".old-"


class CheckpointWarning(UserWarning):
    """The newest checkpoint is damaged; an older one was taken."""


class Store:
    """The checkpoints of one run folder.

    Reading needs no lock.  Writing needs it::

        with Store(folder).lock() as store:
            store.save(step, arrays, state)

    Parameters
    ----------
    folder: the run folder.
    keep: how many good checkpoints stay; older ones are removed after the next is on the disk.
    """

    def __init__(self, folder: Path | str, keep: int = 2) -> None:
        if keep < 1:
            raise ValueError(f"keep must be at least 1, not {keep}")
        self.folder = Path(folder)
        self.place = self.folder / "checkpoints"
        self.keep = keep
        self._locked = False
        self._good: set[int] = set()  # written or verified by this object, so not to be hashed again

    @contextlib.contextmanager
    def lock(self) -> Iterator[Store]:
        """Be the one writer of this folder, and clear away what a killed writer left.

        Raises
        ------
        LockedRunError: another process is; its id and host are named.
        RunError: the folder cannot be written to.
        """
        with told(self.place):
            self.place.mkdir(parents=True, exist_ok=True, mode=0o700)
        with lock.hold(self.folder):
            with told(self.place):
                self._recover()
            sweep(self.folder)
            self._locked = True
            try:
                yield self
            finally:
                self._locked = False

    def steps(self) -> list[int]:
        """The steps that have a checkpoint, ascending, whether whole or not."""
        return sorted({step for step, _ in self._found()})

    def save(
        self,
        step: int,
        arrays: Mapping[str, np.ndarray],
        state: Mapping[str, Any],
        made_with: Mapping[str, Any] | None = None,
    ) -> Path:
        """Write a checkpoint, then remove those beyond ``keep``.

        Parameters
        ----------
        step: how many steps were done; never less than that of a good checkpoint here.
        arrays: names and arrays (bool, integers, floats down to 8 bits, bfloat16, complex64).
        state: what else is needed to go on, as JSON.
        made_with: versions and devices, kept in the manifest.

        Raises
        ------
        DiskFullError, RunError: it was not saved, or an older one could not be removed; what was saved before is whole.
        ValueError, TypeError: the state is not JSON or not finite.
        """
        if not self._locked:
            raise RunError(
                f"a save into {self.folder} without its lock",
                wanted="`with Store(folder).lock() as store:`",
                way_out="Take the lock first.",
            )
        if type(step) is not int or step < 0:
            raise ValueError(f"a step is a natural number, not {step!r}")
        written = jsontext.text(dict(state), indent=2) + b"\n"
        if len(written) > STATE_LIMIT:
            raise ValueError(f"a state of {len(written)} bytes; at most {STATE_LIMIT} are read back")
        made_with = dict(made_with or {})
        jsontext.text(made_with)
        self._refuse_going_back(step)
        parts = tensors.pieces(arrays)
        require_space(self.place, sum(map(len, parts)) + len(written))
        final = self.place / f"{step:08d}"
        temporary = self.place / f"{TEMPORARY}{step:08d}-{secrets.token_hex(6)}"
        with told(final, sum(map(len, parts)) + len(written)):
            try:
                os.mkdir(temporary, 0o700)
                files = {
                    ARRAYS: write_new(temporary / ARRAYS, parts),
                    STATE: write_new(temporary / STATE, [written]),
                }
                write_new(temporary / MANIFEST, [manifest(step, files, made_with)])
                sync_folder(temporary)
                self._put(temporary, final)
            except BaseException:
                with contextlib.suppress(OSError):
                    remove(temporary)
                raise
        self._good = {good for good in self._good if good < step} | {step}
        try:
            self._prune(step)
        except OSError as caught:
            raise RunError(
                f"{final} is saved, but an older checkpoint cannot be removed: {why(caught)}",
                wanted="a folder that can be written to",
                way_out="Check the disk; the run can be resumed.",
            ) from caught
        return final

    def latest(self, *, strict: bool = False) -> Checkpoint:
        """The newest checkpoint that is whole.

        Parameters
        ----------
        strict: stop at a damaged one instead of passing it over with a warning.

        Raises
        ------
        CheckpointError: there is none, or (``strict``) the newest is damaged, or it was written by a newer snarc.
        """
        wrong: list[str] = []
        for step, path in self._found():
            try:
                found = load(path, step)
            except NewerFormatError:
                raise
            except CheckpointError as caught:
                if not os.path.lexists(path):  # a writer removed it meanwhile, so there is a newer one
                    return self.latest(strict=strict)
                wrong.append(caught.came)
                if strict:
                    break
                continue
            self._good.add(step)
            if wrong:
                message = f"{'; '.join(wrong)}. Going on from step {step}."
                warnings.warn(message, CheckpointWarning, stacklevel=2)
            return found
        raise CheckpointError(
            "; ".join(wrong) or f"{self.place} holds no checkpoint",
            wanted="the newest checkpoint whole" if strict and wrong else "a whole checkpoint",
            way_out="Leave out --strict to go on from an older one." if strict and wrong else "Start the run again.",
        )

    def _found(self) -> list[tuple[int, Path]]:
        """Steps and folders, newest first; of one step the new before the one it replaces."""
        try:
            names = os.listdir(self.place)
        except (FileNotFoundError, NotADirectoryError):
            names = []
        except OSError as caught:
            raise CheckpointError(
                f"{self.place} cannot be read: {why(caught)}", wanted="a readable folder", way_out="Check its rights."
            ) from caught
        found = []
        for name in names:
            match = re.fullmatch(r"([0-9]{8,})|\.old-([0-9]{8,})-[0-9a-f]+", name)
            if match:
                found.append((int(match[1] or match[2]), bool(match[1]), self.place / name))
        return [(step, path) for step, _, path in sorted(found, reverse=True)]

    def _is_good(self, step: int, path: Path) -> bool:
        if step not in self._good:
            try:
                load(path, step)
            except NewerFormatError:
                raise
            except CheckpointError:
                return False
            self._good.add(step)
        return True

    def _refuse_going_back(self, step: int) -> None:
        for newer, path in self._found():
            if newer > step and self._is_good(newer, path):
                raise RunError(
                    f"a checkpoint of step {step} where {path} is of step {newer}",
                    wanted="steps that go forward",
                    way_out="Resume from the newest checkpoint, or train into another folder.",
                )

    def _put(self, temporary: Path, final: Path) -> None:
        if os.path.lexists(final):  # the same step once more; the old one stays readable until the new one is there
            os.rename(final, self.place / f"{_REPLACED}{final.name}-{secrets.token_hex(6)}")
        os.rename(temporary, final)
        sync_folder(self.place)

    def _prune(self, step: int) -> None:
        kept = 0
        for old, path in self._found():
            wanted = path.name == f"{old:08d}" and old <= step and kept < self.keep and self._is_good(old, path)
            if wanted:
                kept += 1
                continue
            # First out of sight: a checkpoint half removed must not be found.
            gone = self.place / f"{TEMPORARY}gone-{secrets.token_hex(6)}"
            os.rename(path, gone)
            remove(gone)

    def _recover(self) -> None:
        """Put back what a writer, killed between two renames, was about to replace."""
        for step, path in self._found():
            if path.name.startswith(_REPLACED):
                final = self.place / f"{step:08d}"
                if os.path.lexists(final):
                    remove(path)
                else:
                    os.rename(path, final)
                    sync_folder(self.place)
